//! The layout's own words in the issue's language: `templates/strings/<lang>.toml`, where no key may be missing.

use std::ops::Range;

use jiff::civil::Date;

use crate::model::Problem;

use super::{
    code::WRONG_STRINGS,
    field::is_mark,
    hidden,
    keys::{Keys, Value},
    proof::{Help, Proof},
    theme::TemplateFile,
};

macro_rules! strings {
    ($($field:ident $($needs:literal)*,)*) => {
        /// The layout's own words in one language.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the files in templates/strings say what each is")]
        pub struct Strings {
            $(pub(super) $field: String,)*
            months: Vec<String>,
        }

        impl Strings {
            fn from_keys(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Self {
                Self {
                    $($field: phrase(stringify!($field), &[$($needs),*], keys, proof),)*
                    months: months(keys, proof),
                }
            }
        }
    };
}

// Each key, and what its text has to hold.
strings! {
    date "{day}" "{month}" "{year}",
    first_day,
    issue_number "{number}",
    view_in_browser,
    contents,
    subscribe "{title}",
    disclaimer,
    privacy,
    feedback,
    unsubscribe,
    reason "{address}" "{title}",
    colon,
    links,
    image,
    note,
    tip,
    important,
    warning,
    caution,
    sponsor,
}

/// The languages that come with the program.
const BUILT_IN: [(&str, &str); 6] = [
    ("en", include_str!("../../templates/strings/en.toml")),
    ("de", include_str!("../../templates/strings/de.toml")),
    ("fr", include_str!("../../templates/strings/fr.toml")),
    ("es", include_str!("../../templates/strings/es.toml")),
    ("ru", include_str!("../../templates/strings/ru.toml")),
    ("ar", include_str!("../../templates/strings/ar.toml")),
];

impl Strings {
    /// Returns what the ways to the disclaimer, the privacy statement and feedback are called.
    pub fn legal(&self) -> [&str; 3] {
        [&self.disclaimer, &self.privacy, &self.feedback]
    }

    /// Returns the words of a language that comes with the program, by its tag (BCP 47), as `en` for `en-GB`.
    pub fn built_in(language: &str) -> Option<Self> {
        let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let (_, text) = BUILT_IN.iter().find(|(language, _)| *language == primary)?;
        Self::parse(TemplateFile { name: &primary, text }).ok()
    }

    /// Returns the words of a language, from a publication's own file where it has one.
    pub fn load(language: &str, own: Option<&str>) -> Result<Self, Vec<Problem>> {
        let name = format!("templates/strings/{language}.toml");
        if let Some(text) = own {
            return Self::parse(TemplateFile { name: &name, text });
        }
        Self::built_in(language).ok_or_else(|| {
            let mut proof = Proof::new(&name, "");
            let known = Self::languages().collect::<Vec<_>>().join("`, `");
            proof
                .error_of_file(
                    WRONG_STRINGS,
                    format!("there are no words for the language `{language}`"),
                )
                .helped(format!("write this file, or use one of `{known}`"));
            proof.into_problems()
        })
    }

    /// Gives another reason for the mail than that its reader is subscribed; `{address}` and `{title}` are filled.
    #[must_use]
    pub fn because(self, reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..self }
    }

    /// Returns the tags of the languages that come with the program.
    pub fn languages() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(language, _)| *language)
    }

    /// Reads a publication's own file of words; every missing, unknown or wrong key is a problem.
    pub fn parse(file: TemplateFile<'_>) -> Result<Self, Vec<Problem>> {
        let mut proof = Proof::new(file.name, file.text);
        if !hidden::is_whole(&mut proof) {
            return Err(proof.into_problems());
        }
        let mut keys = Keys::read(0..file.text.len(), &mut proof);
        let strings = Self::from_keys(&mut keys, &mut proof);
        keys.finish(&mut proof);
        let problems = proof.into_problems();
        if problems.is_empty() { Ok(strings) } else { Err(problems) }
    }

    /// Writes a label and what it names, as `Sponsored: Example Partners`.
    pub(super) fn labelled(&self, label: &str, named: &str) -> String {
        format!("{label}{}{named}", self.colon)
    }

    /// Writes a label that stands alone above what it names.
    pub(super) fn label(&self, label: &str) -> String {
        self.labelled(label, "").trim_end().to_owned()
    }

    /// Writes a date as the language does.
    pub fn long_date(&self, date: Date) -> String {
        let month = usize::try_from(date.month()).ok().and_then(|month| self.months.get(month - 1));
        let day = if date.day() == 1 { self.first_day.clone() } else { date.day().to_string() };
        self.date
            .replace("{day}", &day)
            .replace("{month}", month.map_or("", String::as_str))
            .replace("{year}", &date.year().to_string())
    }
}

fn phrase(key: &'static str, needs: &[&str], keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> String {
    if keys.lacks(key) {
        return String::new();
    }
    let Some(Value { value: text, span }) = keys.text(key, proof) else { return String::new() };
    if text.trim().is_empty() {
        proof.error(WRONG_STRINGS, span, format!("`{key}` is empty"));
        return text;
    }
    for need in needs.iter().filter(|need| !text.contains(**need)) {
        proof
            .error(WRONG_STRINGS, span.clone(), format!("`{key}` does not hold `{need}`"))
            .helped("it is filled when an issue is composed");
    }
    refuse_hidden(key, &text, span, proof);
    text
}

fn months(keys: &mut Keys<'_>, proof: &mut Proof<'_>) -> Vec<String> {
    if keys.lacks("months") {
        return Vec::new();
    }
    let Some(Value { value: months, span }) = keys.texts("months", proof) else {
        return Vec::new();
    };
    let months: Vec<String> = months.into_iter().map(|month| month.value).collect();
    if months.len() != 12 || months.iter().any(|month| month.trim().is_empty()) {
        proof.error(WRONG_STRINGS, span, "`months` is to name the twelve months");
    } else {
        refuse_hidden("months", &months.concat(), span, proof);
    }
    months
}

/// Marks a text that holds what nobody sees, or what would be taken for a merge field.
fn refuse_hidden(key: &str, text: &str, span: Range<usize>, proof: &mut Proof<'_>) {
    if text.contains(is_mark) || text.chars().any(char::is_control) {
        let message = format!("`{key}` holds a control or private-use character");
        proof.error(WRONG_STRINGS, span, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_each_language_does() {
        let date = jiff::civil::date(2003, 10, 6);
        for (language, written) in [
            ("en-GB", "6 October 2003"),
            ("de", "6. Oktober 2003"),
            ("fr", "6 octobre 2003"),
            ("es", "6 de octubre de 2003"),
            ("ru", "6 октября 2003 г."),
            ("ar", "6 أكتوبر 2003"),
        ] {
            let strings = Strings::built_in(language).expect("it comes with the program");
            assert_eq!(strings.long_date(date), written);
        }
    }

    #[test]
    fn a_label_is_parted_from_what_it_names_as_each_language_does() {
        for (language, beside, above) in [("en", "a: b", "a:"), ("fr", "a\u{a0}: b", "a\u{a0}:")] {
            let strings = Strings::built_in(language).expect("it comes with the program");
            assert_eq!(strings.labelled("a", "b"), beside);
            assert_eq!(strings.label("a"), above);
        }
    }

    #[test]
    fn missing_keys_are_one_mistake_that_names_them_all() {
        let text = include_str!("../../templates/strings/en.toml")
            .replace("feedback =", "fedback =")
            .replace("months = ", "mnths = ")
            .replace("tip = \"Tip\"\n", "")
            .replace("{address}", "you")
            .replace("\"Warning\"", "\" \"");
        let problems = Strings::load("en", Some(&text)).expect_err("it has mistakes");
        let told: Vec<_> = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.place.line, problem.message))
            .collect();
        let wanted = [
            "1: `feedback`, `tip` and `months` are missing",
            "4: no key is named `mnths`",
            "11: no key is named `fedback`",
            "13: `reason` does not hold `{address}`",
            "19: `warning` is empty",
        ];
        assert_eq!(told, wanted);
    }
}
