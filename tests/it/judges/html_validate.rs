//! html-validate: well-formed, accessible, and true to the content model of HTML.

use super::{assert_allowed, name, page_judge};

#[test]
fn html_validate_finds_nothing_wrong() {
    let Some(json) = page_judge(include_str!("../../rig/judges/html-validate.mjs")) else { return };
    let found: Vec<(String, String, String)> = serde_json::from_str(&json).expect("it writes JSON");
    let found: Vec<_> = found
        .into_iter()
        .map(|(path, rule, message)| (name(&path), format!("{rule}: {message}")))
        .collect();
    // What is right for a mail is in the script's configuration, with the reasons.
    assert_allowed(&found, &[]);
}
