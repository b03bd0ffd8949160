#![no_main]
//! Any text as a draft.

#[path = "../composing.rs"]
mod composing;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| composing::compose_draft(text, &composing::THEME));
