//! The program as people meet it: the real binary, run with nothing in its environment, by its exit code, its two streams and what it leaves behind.

mod bounces;
mod check;
mod config;
mod correct;
mod doctor;
pub(crate) mod env;
mod help;
mod json;
mod keys;
mod ledger;
mod manual;
mod mistakes;
mod private;
mod rates;
mod readers;
pub(crate) mod relay;
mod schedule;
mod sending;
pub(crate) mod stopped;
mod streams;
mod trials;
mod words;

/// Holds `shown` against the snapshot of this name; all of the counter's lie in one folder.
#[track_caller]
fn shows(name: &str, shown: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("it__command__{name}"), shown);
    });
}
