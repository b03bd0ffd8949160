//! docs/check.md, made from the same table as everything else that is said of the codes.

use std::fmt::Write as _;

use super::codes;
use crate::{compose::Code, model::Severity};

const OPENING: &str = "\
# What `check` looks for

`postrider check` composes an issue, prints a copy as it would be sent, reads the message back, and looks at both parts.
That copy is of somebody of whom nothing is known: it shows every default of a merge field, and no reader's own value, so
that nobody's name can stop an issue. How large the issue is it asks of the longest copy on the list. What it finds it
tells at the line that is to be mended: of the draft, of the theme, or of publication.toml.

    postrider check                    every issue of the publication
    postrider check kazakhstan         one of them
    postrider check --json             one JSON document
    postrider check --format sarif     SARIF 2.1.0, for the tools of a code host
    postrider explain PR112            what a code means

An error stops `test` (but for `--force`), `send` and `schedule`, which end with 65; `check` itself ends with 1. A
warning stops nothing. Nothing is looked up on the network: whether a link answers is not asked here.

`check --json` prints a list of `code`, `severity` (`error` or `warning`), `file`, `line`, `column`, `message`, `help`
and `accepted`; lines and columns count from 1, and a line of 0 is the file as a whole. `explain --json` prints `code`,
`severity`, `meaning`, `why`, `source`, `mend`, `bad` and `good`.

A warning that an editor has looked at and means can be accepted, in the front matter of the issue:

    accept = [\"PR144\"]

It is then told no more, and only counted; `check --json` still lists it, with `accepted` true, and SARIF with a
suppression `inSource`. Errors cannot be accepted (PR191). A code that nothing gives any more is a warning itself
(PR192), so that none hides what comes later.

A code never changes its meaning. PR001 to PR099 are mistakes of the draft that keep it from being composed, from
PR101 what the finished copy shows: the document, its layout (PR111), CSS (PR121), content (PR131), how it follows the
issue before (PR151), the way it is sent (PR161), parity of the two parts (PR171), the law (PR181) and what is accepted
(PR191). Codes from PR801 are of a list, from PR901 of publication.toml.

This page is made from the table that `explain` reads.
";

/// Returns the page.
pub fn manual() -> String {
    let mut page = OPENING.to_owned();
    for code in codes() {
        section(&mut page, code);
    }
    page
}

/// Adds a code; writing to a String cannot fail.
fn section(page: &mut String, code: &Code) {
    let weight = match code.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Code { code, meaning, why, source, mend, bad, good, .. } = code;
    let _ = write!(
        page,
        "\n## {code}: {meaning}\n\n*{weight}* · {why} ({source})\n\nTo mend it: {mend}.\n"
    );
    for (label, example) in [("Bad", bad), ("Good", good)] {
        let _ = write!(page, "\n{label}:\n\n~~~text\n{example}\n~~~\n");
    }
}
