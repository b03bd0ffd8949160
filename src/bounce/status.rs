//! The codes in a server's words: RFC 3463's `5.1.1` and RFC 5321's `550`.

/// Class, subject and detail.
pub(super) type Enhanced = (u8, u16, u16);

/// Reads a `Status:` field, or any text that is one code.
pub(super) fn read(text: &str) -> Option<Enhanced> {
    let code = text
        .split(|c: char| c.is_whitespace() || c == '(' || c == ';')
        .find(|word| !word.is_empty())?;
    let mut parts = code.split('.').map(|part| part.parse::<u16>().ok());
    let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
    let class = u8::try_from(class).ok().filter(|class| [2, 4, 5].contains(class))?;
    (parts.next().is_none() && subject < 1000 && detail < 1000).then_some((class, subject, detail))
}

/// Finds the first code that says more than its class in a server's words; else the first of all.
///
/// What is part of a longer number (an address, a version) is none.
pub(super) fn enhanced_in(text: &str) -> Option<Enhanced> {
    let mut bare = None;
    for (at, _) in text.match_indices(['2', '4', '5']) {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '[') {
            continue;
        }
        let end =
            text[at..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len() - at);
        let code = text[at..at + end].trim_end_matches('.');
        // A subject is 0 to 7; a program's version is not as modest.
        match read(code).filter(|(_, subject, _)| *subject <= 7) {
            Some((class, subject, detail)) if (subject, detail) != (0, 0) => {
                return Some((class, subject, detail));
            }
            Some(code) => bare = bare.or(Some(code)),
            None => {}
        }
    }
    bare
}

/// Finds the first reply code of a refusal, 400 to 599: three digits by themselves, with a blank, a hyphen or the end behind.
pub(super) fn reply_in(text: &str) -> Option<u16> {
    text.match_indices(['4', '5']).find_map(|(at, _)| {
        let code = text.get(at..at + 3)?;
        let before = text[..at].chars().next_back();
        let after = text[at + 3..].chars().next();
        let stands_alone = !before.is_some_and(|c| c.is_alphanumeric() || ".-@:/".contains(c))
            && after.is_none_or(|c| c.is_whitespace() || "-#,;:)]".contains(c));
        let code =
            code.parse().ok().filter(|code| (400..=571).contains(code) && code % 100 < 72)?;
        stands_alone.then_some(code)
    })
}

/// Tells whether a server's words speak of success alone: a code of class 2, and no refusal.
pub(super) fn is_success(text: &str) -> bool {
    matches!(enhanced_in(text), Some((2, ..))) && reply_in(text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_they_stand_and_nowhere_else() {
        for (text, enhanced, reply) in [
            ("550 5.1.1 <a@b>: no", Some((5, 1, 1)), Some(550)),
            ("550-5.1.1 The account", Some((5, 1, 1)), Some(550)),
            ("smtp;550 #5.1.1 x", Some((5, 1, 1)), Some(550)),
            ("(#5.2.2)", Some((5, 2, 2)), None),
            ("host 5.1.1.2 said 452 later", None, Some(452)),
            ("host mx[4.2.2.1] said: nothing", None, None),
            ("Exim 4.94.2, Postfix 5.9.1", None, None),
            ("5.0.0 then 5.7.1.", Some((5, 7, 1)), None),
            ("554 5.0.0", Some((5, 0, 0)), Some(554)),
            ("port 587, id 550A, 1550 bytes", None, None),
            ("é 5.1", None, None),
        ] {
            assert_eq!((enhanced_in(text), reply_in(text)), (enhanced, reply), "{text}");
        }
        assert!(is_success("250 2.1.5 ok, to a user unknown before"));
        assert!(!is_success("250 2.1.0 ok, then 550 5.1.1 user unknown"));
        assert_eq!(read("5.1.10 (unknown)"), Some((5, 1, 10)));
        assert_eq!(read("9.1.1"), None);
        assert_eq!(read("5.1.1.1"), None);
    }
}
