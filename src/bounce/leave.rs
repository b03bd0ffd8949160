//! Who asks by hand to be taken off the list: a word that stands alone, in the subject or as the first line.
//!
//! What a mail program sends for a link of ours has a token, and is found by
//! `evidence.rs`. Here a person writes, in their own language.

use super::{automatic, letter::Letter, phrase};

/// Tells whether a person asks to leave, and says nothing else. A sentence is for people to read, and a machine asks for nothing.
pub(super) fn is_asked(letter: &Letter) -> bool {
    let first = letter.text.lines().find(|line| !line.trim().is_empty());
    (says_so(&letter.subject) || first.is_some_and(says_so)) && !automatic::is_reply(letter)
}

fn says_so(line: &str) -> bool {
    let around = |c: char| c.is_whitespace() || ".!,:;*\"'<>[]()".contains(c);
    phrase::LEAVE.contains(&line.trim_matches(around).to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_alone_is_a_wish_and_a_sentence_is_a_letter() {
        let asked = |mail: &str| is_asked(&Letter::read(mail.as_bytes()));
        for mail in [
            "Subject: Abmelden!\n\n",
            "Subject: =?utf-8?Q?D=C3=A9sabonner?=\n\nmerci\n",
            "Subject: Re: Issue 12\n\n\nSTOP.\n\n> Dear reader\n",
            "Subject: Re\n\n*Please remove me*\n",
        ] {
            assert!(asked(mail), "{mail}");
        }
        for mail in [
            "Subject: Re: Issue 12\n\nPlease do not stop writing.\n",
            "Subject: Re: Issue 12\n\nA fine issue.\n\n> unsubscribe\n",
            "Subject: Automatic reply: Issue 12\nAuto-Submitted: auto-replied\n\nBaja\n",
            "Subject: \n\n",
        ] {
            assert!(!asked(mail), "{mail}");
        }
    }
}
