//! A chart's key: what is drawn where its font has no letters for a label, and what that stands for.
//!
//! The font is Latin, Greek and Cyrillic: Arabic joins its letters, Chinese has
//! thousands of them, and the faces that hold these weigh more than all of the
//! program. A label that begins with a digit, as `2003年` does, is drawn by its
//! digits where those tell all labels apart. Else rows are numbered and series
//! lettered, and the page says below the picture what each stands for, in
//! letters of its reader's own machine.

use std::collections::HashSet;

use super::{Data, SERIES_MAX, canvas::missing_letter};

/// What stands for a series.
const LETTERS: [&str; SERIES_MAX] = ["A", "B", "C", "D", "E", "F"];

/// What is drawn of data, and what the page says of it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::compose) struct Key {
    /// The data, with labels and names that can be lettered.
    pub(in crate::compose) drawn: Data,
    /// What is drawn in the place of a label, and the label.
    pub(in crate::compose) entries: Vec<(String, String)>,
}

impl Key {
    pub(in crate::compose) fn of(data: &Data) -> Self {
        let mut key = Self { drawn: data.clone(), entries: Vec::new() };
        for written in key.drawn.series.iter_mut().flat_map(|series| &mut series.written) {
            if let Some(number) = written.strip_prefix('-') {
                *written = format!("−{number}");
            }
        }
        // A series that is alone is not named in the picture.
        if data.series.len() > 1 && data.series.iter().any(|series| is_missing(&series.name)) {
            for (series, letter) in key.drawn.series.iter_mut().zip(LETTERS) {
                let name = std::mem::replace(&mut series.name, letter.to_owned());
                key.entries.push((letter.to_owned(), name));
            }
        }
        if data.labels.iter().any(|label| is_missing(label)) {
            if let Some(digits) = digits(&data.labels) {
                key.drawn.labels = digits;
            } else {
                key.drawn.labels = (1..=data.labels.len()).map(|row| row.to_string()).collect();
                let labels = data.labels.iter().cloned();
                key.entries.extend(key.drawn.labels.iter().cloned().zip(labels));
            }
        }
        key
    }
}

/// Returns the labels by their digits alone, `2003年10月` as `2003.10`; `None` where one begins with none, or two are the same.
fn digits(labels: &[String]) -> Option<Vec<String>> {
    let mut known = HashSet::new();
    let of_label = |label: &String| {
        let groups = label.split(|letter: char| !letter.is_ascii_digit());
        let digits = groups.filter(|group| !group.is_empty()).collect::<Vec<_>>().join(".");
        let begins = label.starts_with(|letter: char| letter.is_ascii_digit());
        (begins && known.insert(digits.clone())).then_some(digits)
    };
    labels.iter().map(of_label).collect()
}

fn is_missing(text: &str) -> bool {
    missing_letter(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::proof::Proof;

    /// Returns the labels and names that are drawn, and the key.
    fn keyed(text: &str) -> (Vec<String>, Vec<String>, String) {
        let mut proof = Proof::new("a.csv", text);
        let data = Data::read(&mut proof).expect("it is fine");
        let Key { drawn, entries } = Key::of(&data);
        let names = drawn.series.into_iter().map(|series| series.name).collect();
        let entries: Vec<_> = entries.iter().map(|(key, label)| format!("{key} {label}")).collect();
        (drawn.labels, names, entries.join(", "))
    }

    #[test]
    fn what_can_be_lettered_needs_no_key() {
        let (labels, names, key) = keyed("Land,Нефть,Öl\nAzərbaycan,1,2\nΕλλάδα,3,4\n");
        assert_eq!(
            (labels, names),
            (vec!["Azərbaycan".into(), "Ελλάδα".into()], vec!["Нефть".into(), "Öl".into()])
        );
        assert_eq!(key, "");
    }

    #[test]
    fn a_time_is_drawn_by_its_digits_where_these_tell_it_apart() {
        for (rows, wanted) in [
            ("2002年,1\n2003年,2", ["2002", "2003"]),
            ("2003年9月,1\n2003年10月,2", ["2003.9", "2003.10"]),
            ("1年,1\n1月,2", ["1", "2"]),
            ("年1,1\n年2,2", ["1", "2"]),
        ] {
            let (labels, _, key) = keyed(&format!("年,石油\n{rows}\n"));
            assert_eq!(labels, wanted, "{rows}");
            assert_eq!(key.is_empty(), rows.starts_with('2'), "{rows}: {key}");
        }
    }

    #[test]
    fn rows_are_numbered_and_series_lettered_where_one_cannot_be_drawn() {
        let (labels, names, key) = keyed("x,נפט,Gas\nמצרים,1,2\nOman,3,4\n");
        assert_eq!(labels, ["1", "2"]);
        assert_eq!(names, ["A", "B"]);
        assert_eq!(key, "A נפט, B Gas, 1 מצרים, 2 Oman");
    }

    #[test]
    fn the_name_of_a_series_that_is_alone_is_not_drawn() {
        let (_, names, key) = keyed("Land,石油\nOman,1\n");
        assert_eq!((names, key.as_str()), (vec!["石油".to_owned()], ""));
    }
}
