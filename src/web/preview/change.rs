//! Where a mail says something else than it did: the place an editor wants to see after a save.
//!
//! A page cannot ask a frame without scripts and origin where it was scrolled to. So the mail itself is marked where its
//! words changed, and the frame is led there.

/// The name of the place in the mail.
const NAME: &str = "postrider-changed";

/// What leads to it.
pub(super) const FRAGMENT: &str = "#postrider-changed";

/// Finds the first words of `html` that differ from those of `before`; nothing where only its looks do.
pub(super) fn first(before: &str, html: &str) -> Option<usize> {
    let mut then = words(before);
    let mut last = 0;
    for (at, text) in words(html) {
        if then.next().is_none_or(|(_, said)| said != text) {
            return Some(at);
        }
        last = at;
    }
    then.next().map(|_| last)
}

/// Marks the element that these words stand in.
pub(super) fn marked(html: &str, at: usize) -> String {
    let tag = |(open, _): &(usize, &str)| {
        html[open + 1..].starts_with(|letter: char| letter.is_ascii_alphabetic())
    };
    let Some((open, _)) = html[..at].rmatch_indices('<').find(tag) else { return html.to_owned() };
    let name = &html[open + 1..];
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len());
    let (before, after) = html.split_at(open + 1 + end);
    format!("{before} id=\"{NAME}\"{after}")
}

/// Returns the words between tags, and where they stand; not those that a document says of itself.
fn words(html: &str) -> impl Iterator<Item = (usize, &str)> {
    let body = html.find("<body").unwrap_or(0);
    let mut at = body;
    std::iter::from_fn(move || {
        loop {
            let start = at + html[at..].find('>')? + 1;
            let end = html[start..].find('<').map_or(html.len(), |end| start + end);
            at = end;
            let text = html[start..end].trim();
            if !text.is_empty() {
                return Some((start, text));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "<title>x</title><body class=\"a\"><h1>One</h1>\n<p class=\"p\">two <b>three</b></p></body>";

    #[track_caller]
    fn check(before: &str, html: &str, marked_at: Option<&str>) {
        let shown = first(before, html).map(|at| marked(html, at));
        let wanted = marked_at.map(|tag| format!("{tag} id=\"{NAME}\""));
        match wanted {
            Some(wanted) => {
                assert!(shown.as_ref().is_some_and(|shown| shown.contains(&wanted)), "{shown:?}");
            }
            None => assert_eq!(shown, None),
        }
    }

    #[test]
    fn the_element_whose_words_changed_is_marked() {
        check(BEFORE, &BEFORE.replace("two", "2"), Some("<p"));
        check(BEFORE, &BEFORE.replace("three", "3"), Some("<b"));
        check(
            BEFORE,
            &BEFORE.replace("</body>", "<p>four</body>"),
            Some("<p>".trim_end_matches('>')),
        );
        check(BEFORE, &BEFORE.replace("<b>three</b>", ""), Some("<p"));
    }

    #[test]
    fn looks_are_no_change() {
        check(BEFORE, BEFORE, None);
        check(
            BEFORE,
            &BEFORE.replace("class=\"p\"", "class=\"q\"").replace("title>x", "title>y"),
            None,
        );
    }

    #[test]
    fn any_text_can_be_compared() {
        for html in ["", "<", ">", "é", "<é>é", "<p>é", "> <"] {
            for before in ["", "<p>x", BEFORE] {
                if let Some(at) = first(before, html) {
                    marked(html, at);
                }
            }
        }
    }
}
