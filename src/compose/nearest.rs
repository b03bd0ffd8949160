//! The known word a mistaken one was probably meant to be.

/// Returns the known word nearest to `word`, where one is near enough to be worth naming: at most a third of its letters differ.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|known| (distance(&word, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= known.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Counts the letters to insert, delete, change or swap with their neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (row, letter) in from.chars().take(64).enumerate() {
        let mut current = vec![row + 1];
        for column in 0..to.len() {
            let changed = above[column] + usize::from(to[column] != letter);
            let mut least = changed.min(above[column + 1] + 1).min(current[column] + 1);
            if column > 0 && previous == Some(to[column]) && to[column - 1] == letter {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(letter);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_finds_its_word_and_a_strange_word_none() {
        let known = ["subject", "preheader", "title", "date"];
        for (word, meant) in [
            ("subjet", Some("subject")),
            ("Subject", Some("subject")),
            ("dtae", Some("date")),
            ("preheadre", Some("preheader")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
