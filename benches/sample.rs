//! The issue the benches send: the composer's own work on a long draft, about 40 KB as a message, personalised in six places.

use std::collections::BTreeMap;

use postrider::{
    compose::{self, Composed, Draft, Edition, Strings, Theme},
    config,
    model::Publication,
};

/// Returns the publication that `init` writes.
fn publication() -> Publication {
    config::read(include_str!("../templates/starter/publication.toml"), "publication.toml")
        .expect("the starter is right")
}

/// Returns a draft of the sample issue, made long.
fn draft() -> Draft {
    let starter = include_str!("../templates/starter/issue.md");
    let greeting = "\n\nFor {{ name }} of {{ company | default: \"your firm\" }}.\n";
    let paragraph = "\n\nKazakh officials weigh routes for their oil to China, the Mediterranean and Russia, \
        and each of the routes has friends in Astana and enemies elsewhere, so that nobody yet knows which of \
        them will be built first and which will stay a line on a map.\n";
    let text = format!("{starter}{greeting}{}{greeting}", paragraph.repeat(20));
    Draft {
        slug: "2003-10-06-kazakhstan".to_owned(),
        path: "issue.md".to_owned(),
        text,
        files: BTreeMap::new(),
    }
}

/// Composes the draft.
fn composed() -> Composed {
    let theme = Theme::load("broadsheet", None, None).expect("the theme is right");
    compose::compose(&draft(), &publication(), &theme, &|language| Strings::load(language, None))
        .expect("the draft is right")
}

/// Returns its edition.
pub(crate) fn edition() -> Edition {
    composed().edition
}
