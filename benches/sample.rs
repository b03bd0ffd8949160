//! The issues the benches compose and send.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::collections::BTreeMap;

use postrider::{
    compose::{self, Draft, Edition, Strings, Theme},
    config,
    ledger::{Event, Freeze},
    model::Publication,
};

const STARTER: &str = include_str!("../templates/starter/issue.md");

/// A publication with its theme and the words of its language, read once.
#[derive(Debug)]
pub(crate) struct Dressed {
    publication: Publication,
    theme: Theme,
    strings: Strings,
}

impl Dressed {
    /// Reads the publication that `init` writes.
    pub(crate) fn new() -> Self {
        let toml = include_str!("../templates/starter/publication.toml");
        Self {
            publication: config::read(toml, "publication.toml").expect("the starter is right"),
            theme: Theme::load("broadsheet", None, None).expect("the theme is right"),
            strings: Strings::load("en-GB", None).expect("the words are right"),
        }
    }

    /// Composes the sample issue.
    pub(crate) fn starter(&self) -> Edition {
        self.edition(&draft(STARTER.to_owned()))
    }

    /// Composes a draft.
    pub(crate) fn edition(&self, draft: &Draft) -> Edition {
        let words = |_: &str| Ok(self.strings.clone());
        compose::compose(draft, &self.publication, &self.theme, &words)
            .expect("the draft is right")
            .edition
    }
}

/// Composes the sample issue, everything it needs read anew.
pub(crate) fn starter() -> Edition {
    Dressed::new().starter()
}

/// Composes the sample issue made long: about 40 KB as a message, personalised in six places.
pub(crate) fn edition() -> Edition {
    let greeting = "\n\nFor {{ name }} of {{ company | default: \"your firm\" }}.\n";
    let paragraph = "\n\nKazakh officials weigh routes for their oil to China, the Mediterranean and Russia, \
        and each of the routes has friends in Astana and enemies elsewhere, so that nobody yet knows which of \
        them will be built first and which will stay a line on a map.\n";
    let text = format!("{STARTER}{greeting}{}{greeting}", paragraph.repeat(20));
    Dressed::new().edition(&draft(text))
}

/// Returns the sample issue with its article so many times.
pub(crate) fn repeated(times: u32) -> Draft {
    let (front, body) = STARTER.rsplit_once("\n+++\n").expect("it has front matter");
    let bodies: String = (0..times).map(|_| body).collect();
    draft(format!("{front}\n+++\n{bodies}"))
}

fn draft(text: String) -> Draft {
    Draft {
        slug: "2003-10-06-kazakhstan".to_owned(),
        path: "issue.md".to_owned(),
        text,
        files: BTreeMap::new(),
    }
}

/// Returns the order to freeze an edition as it goes to everybody.
pub(crate) fn order(edition: &Edition) -> Freeze {
    Freeze {
        publication: "tt-report".to_owned(),
        slug: edition.slug.clone(),
        digest: edition.digest(),
        edition: serde_json::to_vec(edition).expect("it is JSON"),
        date: jiff::Timestamp::UNIX_EPOCH,
        message_domain: "example.org".to_owned(),
        event: Event {
            name: "import".to_owned(),
            source: "bench".to_owned(),
            detail: String::new(),
        },
        catch_up: false,
        rehearse: false,
        expected: None,
        segment: String::new(),
        corrects: None,
    }
}
