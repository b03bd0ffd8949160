//! Composes a text as the sample publication would, and prints a copy of what comes out.

use std::{collections::BTreeMap, sync::LazyLock};

use postrider::{
    compose::{Draft, KeyRing, Press, Purpose, Strings, Theme, compose},
    config,
    model::{Problem, Publication, Subscriber, SubscriberState},
};

static PUBLICATION: LazyLock<Publication> = LazyLock::new(|| {
    config::read(include_str!("../templates/starter/publication.toml"), "publication.toml")
        .expect("the starter is sound")
});

/// A theme as it comes with the program.
#[allow(dead_code, reason = "a target may bring its own")]
pub static THEME: LazyLock<Theme> =
    LazyLock::new(|| Theme::load("broadsheet", None, None).expect("it comes with the program"));

/// Composes a draft and prints it, or checks what is told about it.
pub fn compose_draft(text: &str, theme: &Theme) {
    let draft = Draft {
        slug: "2003-10-06-x".to_owned(),
        path: "issue.md".to_owned(),
        text: text.to_owned(),
        files: BTreeMap::new(),
    };
    let composed = match compose(&draft, &PUBLICATION, theme, &|tag| Strings::load(tag, None)) {
        Ok(composed) => composed,
        Err(problems) => return check(&problems),
    };
    check(&composed.warnings);
    let date = jiff::Timestamp::UNIX_EPOCH;
    let Ok(press) = Press::new(&composed.edition, 1, date, KeyRing::fresh(&[7; 32])) else {
        return;
    };
    let reader = Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "anna@example.org".parse().expect("an address"),
        name: "Anna <&\"' O’Neill".to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    };
    let printed = press.print(&reader, "<1@example.org>", 1, Purpose::Real).expect("it prints");
    for line in printed.bytes.split(|byte| *byte == b'\n') {
        assert!(line.len() <= 999 && line.is_ascii(), "a line of the mail is not for every relay");
    }
    let html = press.part_html(&reader, Purpose::Real).expect("it prints");
    let text = press.part_text(&reader, Purpose::Real).expect("it prints");
    let is_private = |letter: char| matches!(letter, '\u{e000}'..='\u{f8ff}');
    assert!(!html.contains(is_private) && !text.contains(is_private), "a field is not filled");
}

/// Every problem says something, about a place that can be.
pub fn check(problems: &[Problem]) {
    for problem in problems {
        assert!(!problem.message.is_empty(), "{problem:?}");
        assert!(problem.place.column == 0 || problem.place.length > 0, "{problem:?}");
    }
}
