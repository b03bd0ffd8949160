//! How the script of a language runs, as far as it matters to a page.

/// What a page has to know of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// From left to right, and it has a slanted form: Latin, Cyrillic, Greek and the like.
    Slanting,
    /// From left to right, and slanting it is a mistake: Chinese, Japanese, Korean, Thai and the scripts of India.
    Upright,
    /// From right to left; its letters are joined, or stand so that spacing them out parts them.
    RightToLeft,
}

/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 14] =
    ["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "syr", "ug", "ur", "yi"];

/// Languages whose script is not slanted.
const UPRIGHT: [&str; 20] = [
    "am", "as", "bn", "gu", "hi", "ja", "km", "kn", "ko", "lo", "ml", "mr", "my", "ne", "pa", "si",
    "ta", "te", "th", "zh",
];

/// Subtags that name a script, for languages written in several.
const NAMED: [(&str, Script); 11] = [
    ("latn", Script::Slanting),
    ("cyrl", Script::Slanting),
    ("grek", Script::Slanting),
    ("deva", Script::Upright),
    ("hans", Script::Upright),
    ("hant", Script::Upright),
    ("jpan", Script::Upright),
    ("kore", Script::Upright),
    ("arab", Script::RightToLeft),
    ("hebr", Script::RightToLeft),
    ("syrc", Script::RightToLeft),
];

/// How much of a text's letters run one way before the text as a whole does: names in another script are no reason.
const MOST: f32 = 0.75;

/// Tells whether nearly all letters of a text run from right to left, or nearly none; `None` where it has both or no letters.
pub(super) fn runs_right_to_left(text: &str) -> Option<bool> {
    let (mut all, mut turned) = (0.0, 0.0);
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        all += 1.0;
        if is_right_to_left_letter(letter) {
            turned += 1.0;
        }
    }
    match turned / all {
        share if share >= MOST => Some(true),
        share if share <= 1.0 - MOST => Some(false),
        _ => None,
    }
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and their like, and the old scripts of that world.
fn is_right_to_left_letter(letter: char) -> bool {
    matches!(
        letter,
        '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

/// Tells whether a language (BCP 47) is written from right to left.
pub fn is_right_to_left(language: &str) -> bool {
    Script::of(language) == Script::RightToLeft
}

impl Script {
    /// Returns the script of a language by its tag (BCP 47), as `ar`, `zh-Hant` or `az-Arab`.
    pub(super) fn of(language: &str) -> Self {
        let tag = language.to_ascii_lowercase();
        let mut subtags = tag.split('-');
        let primary = subtags.next().unwrap_or_default();
        let named =
            subtags.next().and_then(|second| NAMED.iter().find(|(name, _)| *name == second));
        match named {
            Some((_, script)) => *script,
            None if RIGHT_TO_LEFT.contains(&primary) => Self::RightToLeft,
            None if UPRIGHT.contains(&primary) => Self::Upright,
            None => Self::Slanting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, runs_right_to_left};

    #[test]
    fn a_text_runs_the_way_nearly_all_of_its_letters_do() {
        for (text, wanted) in [
            ("It has none of them.", Some(false)),
            ("خرگوشی بود که تند می‌دوید (Aesop)", Some(true)),
            ("שלום, Anna Smith", None),
            ("Baku–Tbilisi–Ceyhan خط", Some(false)),
            ("1839–1842", None),
        ] {
            assert_eq!(runs_right_to_left(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_language_has_its_usual_script_unless_its_tag_names_another() {
        for (language, script) in [
            ("en-GB", Script::Slanting),
            ("ru", Script::Slanting),
            ("ja", Script::Upright),
            ("zh-Hant-TW", Script::Upright),
            ("AR-eg", Script::RightToLeft),
            ("he", Script::RightToLeft),
            ("az-Arab", Script::RightToLeft),
            ("ks-Deva", Script::Upright),
            ("ur-Latn", Script::Slanting),
        ] {
            assert_eq!(Script::of(language), script, "{language}");
        }
    }
}
