//! The words of the public pages in the publication's language: `templates/site/<lang>.toml`.

use serde::Deserialize;

/// The words of the public pages in one language. `{title}` is the publication's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the files in templates/site say what each is")]
pub struct Words {
    pub(super) latest: String,
    pub(super) issues: String,
    pub(super) feed: String,
    pub(super) none: String,
    pub(super) skip: String,
    pub(super) subscribe: String,
    pub(super) subscribe_text: String,
    pub(super) address: String,
    pub(super) trap: String,
    pub(super) asked: String,
    pub(super) asked_text: String,
    pub(super) not_an_address: String,
    pub(super) confirm: String,
    pub(super) confirm_text: String,
    pub(super) confirm_button: String,
    pub(super) confirmed: String,
    pub(super) confirmed_text: String,
    pub(super) expired: String,
    pub(super) expired_text: String,
    pub(super) leave: String,
    pub(super) leave_text: String,
    pub(super) leave_button: String,
    pub(super) left: String,
    pub(super) left_text: String,
    pub(super) undo: String,
    pub(super) back: String,
    pub(super) back_text: String,
    pub(super) leave_all: String,
    pub(super) left_all: String,
    pub(super) left_all_text: String,
    pub(super) rather: String,
    pub(super) preferences: String,
    pub(super) preferences_text: String,
    pub(super) name: String,
    pub(super) language: String,
    pub(super) this_language: String,
    pub(super) pause: String,
    pub(super) every_issue: String,
    pub(super) pause_2_weeks: String,
    pub(super) pause_1_month: String,
    pub(super) pause_3_months: String,
    pub(super) pause_6_months: String,
    pub(super) paused_until: String,
    pub(super) save: String,
    pub(super) saved: String,
    pub(super) saved_text: String,
    pub(super) not_ours: String,
    pub(super) not_ours_text: String,
    pub(super) a_test: String,
    pub(super) a_test_text: String,
    pub(super) nowhere: String,
    pub(super) nowhere_text: String,
    pub(super) not_so: String,
    pub(super) busy: String,
    pub(super) busy_text: String,
    pub(super) too_often: String,
    pub(super) too_often_text: String,
    pub(super) too_much: String,
    pub(super) home: String,
    /// The mail that asks for confirmation.
    pub mail_subject: String,
    pub mail_preheader: String,
    pub mail_text: String,
    pub mail_button: String,
    pub mail_ignore: String,
    pub mail_reason: String,
}

/// The languages that come with the program; the first is for everybody else.
const BUILT_IN: [(&str, &str); 6] = [
    ("en", include_str!("../../../templates/site/en.toml")),
    ("de", include_str!("../../../templates/site/de.toml")),
    ("fr", include_str!("../../../templates/site/fr.toml")),
    ("es", include_str!("../../../templates/site/es.toml")),
    ("ru", include_str!("../../../templates/site/ru.toml")),
    ("ar", include_str!("../../../templates/site/ar.toml")),
];

impl Words {
    /// Returns the words of a language by its tag (BCP 47), from a publication's own file where it has one, with the title filled in.
    ///
    /// # Errors
    ///
    /// What is wrong with the publication's own file, as TOML tells it.
    pub fn load(language: &str, own: Option<&str>, title: &str) -> Result<Self, String> {
        let text = own.or_else(|| built_in(language)).unwrap_or(BUILT_IN[0].1);
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let filled = table.into_iter().map(|(key, value)| match value {
            toml::Value::String(text) => (key, toml::Value::String(text.replace("{title}", title))),
            other => (key, other),
        });
        toml::Value::Table(filled.collect())
            .try_into()
            .map_err(|error: toml::de::Error| error.to_string())
    }

    /// Returns what a language calls itself; its tag where nobody here speaks it.
    pub(super) fn endonym(tag: &str) -> String {
        let words = built_in(tag).and_then(|text| Self::load(tag, Some(text), "").ok());
        words.map_or_else(|| tag.to_owned(), |words| words.this_language)
    }
}

/// Returns the file of a language by its tag.
fn built_in(language: &str) -> Option<&'static str> {
    let primary = language.split('-').next().unwrap_or_default();
    let found = BUILT_IN.iter().find(|(language, _)| language.eq_ignore_ascii_case(primary));
    found.map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word() {
        for (language, _) in BUILT_IN {
            let words = Words::load(language, None, "The Report")
                .unwrap_or_else(|why| panic!("{language}: {why}"));
            assert!(words.left_text.contains("The Report"), "{language}");
        }
        assert!(Words::load("xx", None, "").is_ok());
        assert!(Words::load("en", Some("latest = 1"), "").is_err());
    }
}
