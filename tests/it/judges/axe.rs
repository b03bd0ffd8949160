//! axe-core in Chromium, on a phone, in a pane and at a desk, by day and by night.

use crate::{browser::assert_accessible, gallery::gallery};

#[test]
fn axe_finds_nothing_wrong_by_day() {
    assert_accessible(&pages(), false);
}

#[test]
fn axe_finds_nothing_wrong_by_night() {
    assert_accessible(&pages(), true);
}

fn pages() -> Vec<(&'static str, &'static str)> {
    gallery().iter().map(|copy| (copy.name.as_str(), copy.html.as_str())).collect()
}
