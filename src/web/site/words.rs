//! The words of the public pages in the publication's language: `templates/site/<lang>.toml`.

macro_rules! words {
    ($($vis:vis $word:ident,)*) => {
        /// The words of the public pages in one language.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "the files in templates/site say what each is")]
        pub struct Words {
            $($vis $word: String,)*
        }

        impl Words {
            /// Takes every word out of a file, with the title filled in; or tells all that is wrong with it.
            fn read(mut file: toml::Table, title: &str) -> Result<Self, String> {
                let mut wrong = Vec::new();
                let mut take = |key: &str| match file.remove(key) {
                    Some(toml::Value::String(text)) => text.replace("{title}", title),
                    Some(_) => {
                        wrong.push(format!("`{key}` is no text"));
                        String::new()
                    }
                    None => {
                        wrong.push(format!("`{key}` is missing"));
                        String::new()
                    }
                };
                let words = Self { $($word: take(stringify!($word)),)* };
                wrong.extend(file.keys().map(|key| format!("`{key}` is none of the words")));
                if wrong.is_empty() { Ok(words) } else { Err(wrong.join(", ")) }
            }
        }
    };
}

// Those that begin with `mail` are of the mail that asks for confirmation.
words! {
    pub(super) latest,
    pub(super) issues,
    pub(super) feed,
    pub(super) none,
    pub(super) skip,
    pub(super) subscribe,
    pub(super) subscribe_text,
    pub(super) address,
    pub(super) trap,
    pub(super) asked,
    pub(super) asked_text,
    pub(super) not_an_address,
    pub(super) confirm,
    pub(super) confirm_text,
    pub(super) confirm_button,
    pub(super) confirmed,
    pub(super) confirmed_text,
    pub(super) expired,
    pub(super) expired_text,
    pub(super) leave,
    pub(super) leave_text,
    pub(super) leave_button,
    pub(super) left,
    pub(super) left_text,
    pub(super) undo,
    pub(super) back,
    pub(super) back_text,
    pub(super) leave_all,
    pub(super) left_all,
    pub(super) left_all_text,
    pub(super) rather,
    pub(super) preferences,
    pub(super) preferences_text,
    pub(super) name,
    pub(super) language,
    pub(super) this_language,
    pub(super) pause,
    pub(super) every_issue,
    pub(super) pause_2_weeks,
    pub(super) pause_1_month,
    pub(super) pause_3_months,
    pub(super) pause_6_months,
    pub(super) paused_until,
    pub(super) save,
    pub(super) saved,
    pub(super) saved_text,
    pub(super) not_ours,
    pub(super) not_ours_text,
    pub(super) a_test,
    pub(super) a_test_text,
    pub(super) nowhere,
    pub(super) nowhere_text,
    pub(super) not_so,
    pub(super) busy,
    pub(super) busy_text,
    pub(super) too_often,
    pub(super) too_often_text,
    pub(super) too_much,
    pub(super) home,
    pub mail_subject,
    pub mail_preheader,
    pub mail_text,
    pub mail_button,
    pub mail_ignore,
    pub mail_reason,
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
    /// Returns the words of a language by its tag (BCP 47), with the title filled in. A publication's own file says what is to be otherwise; all, for a language that nobody here speaks.
    ///
    /// # Errors
    ///
    /// What is wrong with the publication's own file.
    pub fn load(language: &str, own: Option<&str>, title: &str) -> Result<Self, String> {
        let table = |text: &str| text.parse::<toml::Table>().map_err(|error| error.to_string());
        let mut file = match (built_in(language), own) {
            (Some(text), _) => table(text)?,
            (None, None) => table(BUILT_IN[0].1)?,
            (None, Some(_)) => toml::Table::new(),
        };
        file.extend(own.map(table).transpose()?.unwrap_or_default());
        Self::read(file, title)
    }

    /// Returns what a language calls itself; its tag where nobody here speaks it.
    pub(super) fn endonym(tag: &str) -> String {
        let words = built_in(tag).and_then(|_| Self::load(tag, None, "").ok());
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
    }

    #[test]
    fn a_publication_says_some_words_otherwise_and_all_of_a_language_of_its_own() {
        let own = Words::load("en-GB", Some("back = 'Welcome to {title}'"), "The Report");
        let own = own.expect("the rest comes with the program");
        assert_eq!(own.back, "Welcome to The Report");
        assert!(own.left_text.contains("The Report"));
        let wrong = |language, file| Words::load(language, Some(file), "").expect_err(file);
        assert_eq!(
            wrong("en", "latest = 1\nlast = ''"),
            "`latest` is no text, `last` is none of the words"
        );
        let lacking = wrong("xx", "issues = ''");
        assert!(lacking.starts_with("`latest` is missing, `feed` is missing, "), "{lacking}");
    }
}
