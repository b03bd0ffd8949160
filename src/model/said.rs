//! What a server said, without what anybody could have had it say: servers repeat addresses, names of hosts and links,
//! and any word may stand in those.

/// Returns a server's words in lower case, `@` for each address and no path of a link.
pub fn own_words(said: &str) -> String {
    let said = unbroken(said);
    let mut text = String::with_capacity(said.len());
    for word in said.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        let lower = |word: &str| word.to_lowercase();
        if let Some(at) = word.find("://") {
            let host = at + 3;
            let end = word[host..].find(['/', '?']).map_or(word.len(), |end| host + end);
            text.push_str(&lower(&word[..end]));
        } else if let Some((_, domain)) = word.rsplit_once('@') {
            // `550` or `from:` may stand before it without a blank, `: why` behind.
            let end = domain.rfind(['>', ':', ')']).filter(|end| domain[*end..].len() > 1);
            text.push('@');
            text.extend(end.map(|end| lower(&domain[end + 1..])));
        } else {
            text.push_str(&lower(word));
        }
    }
    text
}

/// Closes the blanks of every local part in quotation marks (RFC 5321 section 4.1.2), so that an address is one word.
fn unbroken(said: &str) -> String {
    let mut text = said.to_owned();
    for (end, _) in said.match_indices("\"@") {
        if let Some(start) = said[..end].rfind('"') {
            let local = said[start..end].replace(|c: char| c.is_ascii_whitespace(), "_");
            text.replace_range(start..end, &local);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::own_words;

    #[test]
    fn no_word_of_an_address_or_a_link_is_left() {
        for (said, words) in [
            ("550 <Spam@Block.example>: User unknown", "550 @ user unknown"),
            ("550 <a@b.example>:Relay denied", "550 @relay denied"),
            ("from:spam@b.example not", "@ not"),
            ("\"daily limit\"@b.example is unknown", "@ is unknown"),
            ("\"a:daily-limit\"@b.example is \"unknown\"", "@ is \"unknown\""),
            ("\"\t\"@a \"é b\"@c", "@ @"),
            ("see https://b.example/spam?blocked now", "see https://b.example now"),
            ("ПОЛЬЗОВАТЕЛЬ  не\nнайден", "пользователь не найден"),
            ("\"@", "@"),
        ] {
            assert_eq!(own_words(said), words, "{said}");
        }
    }
}
