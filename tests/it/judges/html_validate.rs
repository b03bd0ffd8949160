//! html-validate: well-formed, accessible, and true to the content model of HTML.

use std::path::PathBuf;

use super::{assert_allowed, assert_refused, broken, name, node, pages};

#[test]
fn html_validate_finds_nothing_wrong() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    if let Some(found) = judged(&pages(folder.path())) {
        // What is right for a mail is in the script's configuration, with the reasons.
        assert_allowed(&found, &[]);
    }
}

#[test]
fn what_is_not_well_formed_or_not_accessible_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let fault = "<p><table role='none'><tr><td id='x'>one</td></tr></table></p><h4 id='x'></h4><img src='x.png'>";
    if let Some(found) = judged(&broken(folder.path(), fault)) {
        assert_refused(
            &found,
            &[],
            &["no-implicit-close", "close-order", "no-dup-id", "empty-heading", "wcag/h37"],
        );
    }
}

fn judged(pages: &[PathBuf]) -> Option<Vec<(String, String)>> {
    let json = node(include_str!("../../rig/judges/html-validate.mjs"), pages)?;
    let found: Vec<(String, String, String)> = serde_json::from_str(&json).expect("it writes JSON");
    let told = |(path, rule, message): (String, String, String)| {
        (name(&path), format!("{rule}: {message}"))
    };
    Some(found.into_iter().map(told).collect())
}
