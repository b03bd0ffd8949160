//! Segments: the tags of readers that an issue tells apart, and every set of them that readers may have.

use std::collections::BTreeSet;

/// The tags of one reader that the issue asks about.
pub(super) type Segments = BTreeSet<String>;

/// How many segments an issue may tell apart: each doubles what is set, frozen and looked over.
pub(super) const SEGMENTS_MAX: usize = 6;

/// Returns a tag as segments are compared: nobody means two lists by `Paid` and `paid`.
pub(super) fn folded(tag: &str) -> String {
    tag.trim().chars().flat_map(char::to_lowercase).collect()
}

/// Tells whether a reader's tag is a segment, without a copy of either for each reader.
pub(super) fn is_tag(segment: &str, tag: &str) -> bool {
    segment.chars().eq(tag.trim().chars().flat_map(char::to_lowercase))
}

/// Returns every set that some of these make, the empty one first.
pub(super) fn sets(segments: &Segments) -> Vec<Segments> {
    let mut sets = vec![Segments::new()];
    for segment in segments {
        let with: Vec<Segments> = sets
            .iter()
            .cloned()
            .map(|mut set| {
                set.insert(segment.clone());
                set
            })
            .collect();
        sets.extend(with);
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_segment_however_it_is_written() {
        for tag in ["Paid", " paid ", "PAID", "Ärzte", "ÄRZTE", "İ", "ẞ", "ΟΔΟΣ"] {
            assert!(is_tag(&folded(tag), tag), "{tag}");
        }
        assert!(!is_tag("paid", "unpaid"));
    }

    #[test]
    fn every_set_is_there_once_and_the_empty_one_first() {
        let segments = ["a", "b", "c"].map(str::to_owned).into();
        let sets = sets(&segments);
        assert_eq!(sets.len(), 8);
        assert_eq!(sets[0], Segments::new());
        assert_eq!(sets.iter().collect::<BTreeSet<_>>().len(), 8);
    }
}
