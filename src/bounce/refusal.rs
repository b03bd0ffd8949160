//! What a bounce says of one recipient, whichever format it came in.

use super::{
    Kind,
    cause::{Cause, cause},
    letter::beginning,
    status::{self, Enhanced},
};

/// One recipient's fate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Whose; empty where it is not said.
    pub(super) address: String,
    /// What the relay did.
    pub(super) action: Option<Action>,
    /// Its `Status` field.
    pub(super) status: Option<Enhanced>,
    /// The words of the server that refused.
    pub(super) diagnostic: String,
    /// Whether whoever says that nobody is there is not to be believed on it.
    pub(super) is_doubtful: bool,
}

/// What a relay did with a recipient (RFC 3464 section 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
    Expanded,
}

/// How much of a diagnostic is kept, in bytes.
const DIAGNOSTIC_MAX: usize = 500;

/// Whose servers say `unknown user` also where the reader's own filter refuses a message: the mobile carriers of Japan.
const SHY: [&str; 5] = ["ezweb.ne.jp", "au.com", "docomo.ne.jp", "softbank.ne.jp", "i.softbank.jp"];

fn is_shy(domain: &str) -> bool {
    SHY.iter().any(|shy| domain.eq_ignore_ascii_case(shy))
}

impl Refusal {
    /// Makes one of words, on one line and bounded.
    pub(super) fn new(
        address: String,
        action: Option<Action>,
        status: Option<Enhanced>,
        words: &str,
    ) -> Self {
        // What is left of the address before them.
        let words = words.trim_start_matches(|c: char| c.is_whitespace() || ":>\"'".contains(c));
        let mut diagnostic = String::new();
        for word in words
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
        {
            if diagnostic.len() >= DIAGNOSTIC_MAX {
                break;
            }
            if !diagnostic.is_empty() {
                diagnostic.push(' ');
            }
            diagnostic.push_str(word);
        }
        diagnostic.truncate(beginning(&diagnostic, DIAGNOSTIC_MAX).len());
        Self { address, action, status, diagnostic, is_doubtful: false }
    }

    /// Makes the usual one: refused for good, in these words.
    pub(super) fn failed(address: String, words: &str) -> Self {
        Self::new(address, Some(Action::Failed), None, words)
    }

    /// Says what it means.
    pub(super) fn kind(&self) -> Kind {
        match (self.action, self.status) {
            (Some(Action::Delayed), _) => Kind::Delayed,
            (Some(Action::Delivered | Action::Relayed | Action::Expanded), _)
            | (None, Some((2, ..))) => Kind::Delivered,
            _ => self.cause().kind(),
        }
    }

    /// Says why. Nobody is called dead on a doubtful word.
    pub(super) fn cause(&self) -> Cause {
        let domain = self.address.rsplit_once('@').map_or("", |(_, domain)| domain);
        match cause(self.status, &self.diagnostic) {
            cause if cause.kind() == Kind::Hard && (self.is_doubtful || is_shy(domain)) => {
                Cause::Unclear
            }
            cause => cause,
        }
    }

    /// Returns the code that says most.
    pub(super) fn code(&self) -> String {
        let said = status::enhanced_in(&self.diagnostic);
        let vague = |code: &Enhanced| (code.1, code.2) == (0, 0);
        let code = said
            .filter(|code| !vague(code))
            .or(self.status.filter(|code| !vague(code)))
            .or(said)
            .or(self.status);
        match (code, status::reply_in(&self.diagnostic)) {
            (Some((class, subject, detail)), reply)
                if (subject, detail) != (0, 0) || reply.is_none() =>
            {
                format!("{class}.{subject}.{detail}")
            }
            (_, Some(reply)) => reply.to_string(),
            _ => String::new(),
        }
    }
}

impl Action {
    /// Reads the word of an `Action` field, whatever follows it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let word = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty())?;
        [Self::Failed, Self::Delayed, Self::Delivered, Self::Relayed, Self::Expanded]
            .into_iter()
            .find(|action| action.word().eq_ignore_ascii_case(word))
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }
}
