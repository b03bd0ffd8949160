//! Addresses and the words behind each: how most programs wrote bounces before there was a standard, and many still do.

use crate::bounce::letter::mailbox;

/// How many recipients of one letter are told apart.
const MOST: usize = 32;

/// Splits a text at the lines that begin with an address; each has what follows it, up to the next.
///
/// An address stands by itself, in angle brackets or not, with a colon and words behind it or none.
pub(super) fn addressed(text: &str) -> Vec<(String, &str)> {
    let mut starts: Vec<(String, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if starts.len() < MOST
            && let Some((address, length)) = leading(line)
        {
            starts.push((address, at, at + length));
        }
        at += line.len();
    }
    let ends: Vec<usize> =
        starts.iter().skip(1).map(|(_, start, _)| *start).chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|((address, _, from), to)| (address, text[from..to].trim()))
        .collect()
}

/// Reads the address a line begins with, and how long that beginning is.
fn leading(line: &str) -> Option<(String, usize)> {
    let bare = line.trim_start_matches([' ', '\t', '*', '-', '"', '\'']);
    let skipped = line.len() - bare.len();
    let end = match bare.strip_prefix('<') {
        Some(inner) => inner.find('>')? + 2,
        None => {
            bare.find(|c: char| c.is_whitespace() || ",;()\"'<".contains(c)).unwrap_or(bare.len())
        }
    };
    let word = &bare[..end];
    // `a@b.c:550`: the words begin at the colon.
    let word = match word.rfind('@').and_then(|at| word[at..].find(':').map(|colon| at + colon)) {
        Some(colon) => &word[..colon],
        None => word,
    };
    let behind = bare[word.len()..].trim_start_matches(['>', '"', '\'']).trim();
    // An address in the middle of a sentence that was broken there says nothing.
    let stands = behind.is_empty()
        || behind.starts_with([':', '(', '<', '\u{2026}'])
        || behind.starts_with("...")
        || behind.starts_with("on ")
        || behind.starts_with("- ");
    let address = mailbox(word).filter(|address| {
        stands && address.rsplit_once('@').is_some_and(|(_, domain)| domain.len() > 1)
    })?;
    Some((address, skipped + word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_at_the_beginning_of_a_line_are_found_with_their_words() {
        let text = "These failed:\n\n<a@b.org>:\nno such user\n\n  c@d.org\n    mailbox full\n\ne@f.org: 550 no\n\
                    write to g@h.org\ni@j.org is where to write\nk@l.org (expanded from <m@n.org>): what\n";
        let found = addressed(text);
        let found: Vec<_> = found.iter().map(|(address, why)| (address.as_str(), *why)).collect();
        assert_eq!(found[0], ("a@b.org", ":\nno such user"));
        assert_eq!(found[1], ("c@d.org", "mailbox full"));
        assert_eq!(found[2].0, "e@f.org");
        assert!(found[2].1.starts_with(": 550 no"));
        assert_eq!(found[3].0, "k@l.org");
        assert_eq!(found.len(), 4);
    }
}
