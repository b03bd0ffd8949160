//! Our HTML before judges nobody here wrote.

use postrider::compose::Theme;

use crate::{
    browser::assert_accessible,
    seed::{SAMPLE, copy},
};

#[test]
fn axe_finds_nothing_wrong_with_the_sample_issue_by_day_or_night() {
    judge(SAMPLE);
}

#[test]
fn axe_finds_nothing_wrong_with_any_block() {
    judge(include_str!("../fixtures/drafts/sampler.md"));
}

#[track_caller]
fn judge(draft: &str) {
    for theme in Theme::names() {
        let (html, _) = copy(draft, theme);
        assert_accessible(&html);
    }
}
