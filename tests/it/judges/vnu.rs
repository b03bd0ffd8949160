//! The W3C's own checker of HTML and CSS.

use std::process::Command;

use serde::Deserialize;

use super::{Allowed, assert_allowed, installed, name, run};
use crate::gallery::{Copy, hung};

/// What the standard does not know, and mail programs need.
const FOR_MAIL: Allowed<'_> = &[
    ("The “cellpadding” attribute on the “table”", "Outlook for Windows pads every cell without"),
    ("The “cellspacing” attribute on the “table”", "it sets cells apart without"),
    ("The “border” attribute on the “table”", "and draws lines around them"),
    ("The “width” attribute on the “table”", "and lays out by attributes, not by CSS"),
    ("The “align” attribute on the “table”", "as it does in the middle"),
    ("The “align” attribute on the “td”", "as it does in the middle"),
    ("The “bgcolor” attribute", "what is left where a program strips the CSS"),
    (
        "Attribute “xmlns:v” not allowed",
        "Outlook for Windows reads VML and Office settings by these",
    ),
    (
        "Attribute “xmlns:o” not allowed",
        "Outlook for Windows reads VML and Office settings by these",
    ),
    ("CSS: “mso-hide”", "Outlook for Windows shows the preheader without"),
    ("CSS: “mso-padding-alt”", "a button's padding there"),
];

/// A message of the checker.
#[derive(Debug, Deserialize)]
struct Remark {
    url: String,
    #[serde(rename = "lastLine")]
    line: Option<u32>,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    messages: Vec<Remark>,
}

#[test]
fn the_w3c_finds_nothing_wrong_but_what_mail_programs_need() {
    let Some(jar) = installed("node_modules/vnu-jar/build/dist/vnu.jar") else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let pages = hung(folder.path(), "html", |copy: &Copy| copy.html.as_bytes());
    let mut java = Command::new("java");
    java.arg("-jar")
        .arg(jar)
        .args(["--stdout", "--exit-zero-always", "--format", "json"])
        .args(pages);
    let Some(json) = run(&mut java, "Java, for the W3C's checker") else { return };
    let verdict: Verdict = serde_json::from_str(&json).expect("it writes JSON");
    let found: Vec<_> = verdict
        .messages
        .into_iter()
        .map(|Remark { url, line, message }| {
            (format!("{}:{}", name(&url), line.unwrap_or_default()), message)
        })
        .collect();
    assert_allowed(&found, FOR_MAIL);
}
