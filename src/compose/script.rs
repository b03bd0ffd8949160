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
    use super::Script;

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
