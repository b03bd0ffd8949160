#![no_main]
//! Any text between the plus signs of a draft that is otherwise sound.

#[path = "../composing.rs"]
mod composing;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|front: &str| {
    let draft = format!("+++\n{front}\n+++\n\n# Title {{credit=\"x\"}}\n\nWords.\n");
    composing::compose_draft(&draft, &composing::THEME);
});
