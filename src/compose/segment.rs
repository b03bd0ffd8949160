//! Segments: the tags of readers that an issue tells apart, and every set of them that readers may have.

use std::collections::BTreeSet;

pub(super) use crate::model::{folded, is_tag};

/// The tags of one reader that the issue asks about.
pub(super) type Segments = BTreeSet<String>;

/// How many segments an issue may tell apart: each doubles what is set, frozen and looked over.
pub(super) const SEGMENTS_MAX: usize = 6;

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
    fn every_set_is_there_once_and_the_empty_one_first() {
        let segments = ["a", "b", "c"].map(str::to_owned).into();
        let sets = sets(&segments);
        assert_eq!(sets.len(), 8);
        assert_eq!(sets[0], Segments::new());
        assert_eq!(sets.iter().collect::<BTreeSet<_>>().len(), 8);
    }
}
