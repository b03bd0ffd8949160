//! The way out that mail programs show: two fields, and a signature over both (RFC 2369, RFC 8058).

use super::Letter;
use crate::doctor::{Finding, seal::Seal};

const CHECK: &str = "unsubscribe";
const SOURCE: &str = "RFC 8058 section 3.1; Gmail and Yahoo want it of bulk senders";
const MEND: &str = "postrider writes both where `[web] url` or an https `unsubscribe` under [links] is set, and its keys sign both";
pub(super) const FIELDS: [&str; 2] = ["List-Unsubscribe", "List-Unsubscribe-Post"];

/// Looks at both fields and at who covers them.
pub(super) fn check(letter: &Letter) -> Finding {
    let [links, posts] = FIELDS.map(|name| letter.values(name));
    let wrong = |why: &str| Finding::wrong(CHECK, SOURCE, why).mend(MEND);
    let [links] = links else {
        return wrong(match links.len() {
            0 => "List-Unsubscribe is missing",
            _ => "List-Unsubscribe is there more than once",
        });
    };
    let https = links
        .split('<')
        .filter(|link| link.trim_start().to_ascii_lowercase().starts_with("https://"))
        .count();
    match https {
        0 => return wrong("List-Unsubscribe has no https link, so no button can work"),
        1 => {}
        _ => return wrong("List-Unsubscribe has more than one https link; one click goes to one"),
    }
    let is_one_click =
        |post: &String| post.trim().eq_ignore_ascii_case("List-Unsubscribe=One-Click");
    if !matches!(posts, [post] if is_one_click(post)) {
        return wrong("List-Unsubscribe-Post is not `List-Unsubscribe=One-Click`, once");
    }
    if letter.proven.is_empty() {
        let why = "both fields are there; no signature is known to hold that covers them";
        return Finding::not_checked(CHECK, SOURCE, why);
    }
    let covers = |seal: &Seal| {
        FIELDS.iter().all(|name| seal.fields.iter().any(|there| there.eq_ignore_ascii_case(name)))
    };
    if !letter.proven.iter().any(covers) {
        let why = "no signature that holds covers both List-Unsubscribe and List-Unsubscribe-Post";
        return Finding::wrong(CHECK, "RFC 8058 section 4", why).mend(MEND);
    }
    Finding::ok(CHECK, SOURCE, "one click, and a signature covers it")
}
