//! Addresses and lists: what is accepted, what is refused, and in which words.

use std::{fs, path::PathBuf};

use postrider::model::{Address, Mailbox};

use crate::skip::skipped;

#[test]
fn every_address_of_the_corpus_is_judged_as_its_verdict_says() {
    let Some(corpus) = corpus("addresses.tsv") else {
        return skipped("the corpus of addresses, for want of `../shared/corpus/addresses.tsv`");
    };
    let rows = corpus.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0], cells[1], from_unicode_escape(cells[2]))
    });
    let (mut judged, mut wrong) = (0, Vec::new());
    for (verdict, class, text) in rows {
        // Four rows come from a suite that was told to take display names; other rows refuse just those.
        let with_name = verdict == "accept" && class.starts_with("pev:") && text.ends_with('>');
        let accepted = if with_name {
            text.parse::<Mailbox>().is_ok()
        } else {
            text.parse::<Address>().is_ok()
        };
        match verdict {
            "accept" if !accepted => wrong.push(format!("refused: {text:?}")),
            "reject" if accepted => wrong.push(format!("accepted: {text:?}")),
            "accept" | "reject" => judged += 1,
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 300, "only {judged} were judged");
}

/// Reads a file that stands beside the repository, never in it: its licence is its owner's.
fn corpus(file: &str) -> Option<String> {
    let shared = std::env::var_os("POSTRIDER_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    fs::read_to_string(shared.join("corpus").join(file)).ok()
}

/// Decodes Python's `unicode_escape`; a lone surrogate, which no text holds, becomes U+FFFD.
fn from_unicode_escape(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        decoded.push_str(before);
        let sign = after.chars().next().expect("a backslash is never the last sign");
        let digits = match sign {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        decoded.push(match sign {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' => '\\',
            _ => {
                let number = u32::from_str_radix(&after[1..=digits], 16).expect("hexadecimal");
                char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
        });
        rest = &after[1 + digits..];
    }
    decoded + rest
}
