#![no_main]
//! Any text as theme.toml, as theme.css, or as a language's words: its first letter says which.

#[path = "../composing.rs"]
mod composing;

use libfuzzer_sys::fuzz_target;
use postrider::compose::{Strings, Theme};

const SAMPLE: &str = include_str!("../../templates/starter/issue.md");

fuzz_target!(|text: &str| {
    let theme = match text.chars().next() {
        Some('#' | '[') => Theme::load("letter", Some(text), None),
        Some('"' | 'd') => {
            if let Err(problems) = Strings::load("en", Some(text)) {
                composing::check(&problems);
            }
            return;
        }
        _ => Theme::load("broadsheet", None, Some(text)),
    };
    match theme {
        Ok(theme) => composing::compose_draft(SAMPLE, &theme),
        Err(problems) => composing::check(&problems),
    }
});
