#![no_main]
//! Any text as publication.toml.

use libfuzzer_sys::fuzz_target;
use postrider::config;

fuzz_target!(|text: &str| {
    if let Err(problems) = config::read(text, "publication.toml") {
        assert!(!problems.is_empty(), "it is refused without a word");
    }
});
