//! What makes a message the same message, wherever it is read from.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{fields::Fields, letter::bounded};

/// Fields that a message has from its author on; every relay and mailbox adds others.
const OF_THE_AUTHOR: [&str; 5] = ["message-id", "date", "from", "to", "subject"];

/// Returns a message's SHA-256, in hexadecimal: over what its author wrote, whatever its line ends, and whatever was noted above it on its way.
pub fn digest(bytes: &[u8]) -> String {
    let bytes = bounded(bytes);
    let head = Fields::head(bytes);
    let mut sum = Sha256::new();
    for name in OF_THE_AUTHOR {
        sum.update(name);
        for value in head.all(name) {
            sum.update([0]);
            sum.update(value);
        }
        sum.update([1]);
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.by_ref().find(|line| line.is_empty());
    // A mailbox may end every message with a blank line more.
    let mut blank = 0_usize;
    for line in lines {
        if line.is_empty() {
            blank += 1;
            continue;
        }
        sum.update(b"\n".repeat(blank + 1));
        sum.update(line);
        blank = 0;
    }
    HEXLOWER.encode(&sum.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_same_wherever_it_lies() {
        let mail = "Message-ID: <1@a>\nSubject: a\n\nline\n\nline\n";
        let same = [
            mail.replace('\n', "\r\n"),
            format!("Delivered-To: b@c\nReceived: by d\n{mail}"),
            format!("{mail}\n\n"),
            mail.replace("Subject", "X-Spam: no\nsubject"),
        ];
        for other in &same {
            assert_eq!(digest(mail.as_bytes()), digest(other.as_bytes()), "{other}");
        }
        for other in
            [mail.replace("<1@a>", "<2@a>"), mail.replace("\n\nline\n", "\nline\n"), String::new()]
        {
            assert_ne!(digest(mail.as_bytes()), digest(other.as_bytes()), "{other}");
        }
    }
}
