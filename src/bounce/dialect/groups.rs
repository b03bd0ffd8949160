//! Google Groups: a group that is not there, or does not want us; it does not say which.

use super::{Letter, Refusal};
use crate::bounce::letter::mailbox;

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    let is_google =
        letter.head.get("from").is_some_and(|from| from.contains("mailer-daemon@googlemail.com"));
    // In whatever language it is written, it leads to the help on groups.
    let leads_there = letter.text.contains("google.com")
        && (letter.text.contains("groups") || letter.text.contains("topic=25838"));
    let address = letter
        .head
        .get("x-failed-recipients")
        .and_then(mailbox)
        .filter(|_| is_google && leads_there)?;
    Some(vec![Refusal::failed(
        address,
        "you may not have permission to post to the group, or it may not be there",
    )])
}
