//! The W3C's own checker of HTML and CSS.

use std::{path::PathBuf, process::Command};

use serde::Deserialize;

use super::{Allowed, assert_allowed, assert_refused, broken, installed, name, pages, run};

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
    let folder = tempfile::tempdir().expect("a folder can be made");
    if let Some(found) = judged(&pages(folder.path())) {
        assert_allowed(&found, FOR_MAIL);
    }
}

#[test]
fn what_neither_the_standard_nor_a_mail_program_knows_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let fault = "<p style='colour:red'>one<div><b>two</div><center align='left'>three</center>";
    if let Some(found) = judged(&broken(folder.path(), fault)) {
        let wanted = ["“colour”", "Unclosed element “b”", "“center” element is obsolete"];
        assert_refused(&found, FOR_MAIL, &wanted);
    }
}

fn judged(pages: &[PathBuf]) -> Option<Vec<(String, String)>> {
    let jar = installed("node_modules/vnu-jar/build/dist/vnu.jar")?;
    let mut java = Command::new("java");
    java.arg("-jar")
        .arg(jar)
        .args(["--stdout", "--exit-zero-always", "--format", "json"])
        .args(pages);
    let json = run(&mut java, "Java, for the W3C's checker")?;
    let verdict: Verdict = serde_json::from_str(&json).expect("it writes JSON");
    let told = |Remark { url, line, message }: Remark| {
        (format!("{}:{}", name(&url), line.unwrap_or_default()), message)
    };
    Some(verdict.messages.into_iter().map(told).collect())
}
