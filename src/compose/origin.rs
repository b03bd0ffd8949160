//! Where each element of the finished HTML came from, so that a problem seen there can be told where it is mended.
//!
//! While the HTML is made, comments stand around what has a place of its own in
//! the draft; [`take`] takes them out before the CSS is inlined. An element is
//! known by its number among the document's start tags, which no reader's value
//! changes: values are escaped, so none is a tag. The tags that the inliner's
//! parser adds by itself are not counted, [`is_counted`].

use std::ops::Range;

use maud::{Markup, PreEscaped, html};

const OPEN: &str = "<!--from ";
const CLOSE: &str = "<!--end-->";

/// The way from an element of the finished HTML back to the draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Mark>);

/// Some start tags, and the bytes of the draft they were set from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    tags: Range<usize>,
    draft: Range<usize>,
}

impl Origins {
    /// Returns the bytes of the draft that an element was set from, by the number of its start tag, counted from 0; `None` for what the layout adds.
    pub fn of(&self, tag: usize) -> Option<&Range<usize>> {
        // Marks are in the order they open, so the last that holds the tag is the innermost.
        self.0.iter().rev().find(|mark| mark.tags.contains(&tag)).map(|mark| &mark.draft)
    }
}

/// Notes that `set` was read from these bytes of the draft.
pub(super) fn from(draft: &Range<usize>, set: &Markup) -> Markup {
    html! {
        (PreEscaped(format!("{OPEN}{} {}-->", draft.start, draft.end)))
        (set)
        (PreEscaped(CLOSE))
    }
}

/// Takes the notes out of a document.
pub(super) fn take(document: &str) -> (String, Origins) {
    let mut clean = String::with_capacity(document.len());
    let mut marks: Vec<Mark> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut tags = 0;
    let mut rest = document;
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let (markup, after) = rest.split_at(length(rest));
        rest = after;
        if let Some(draft) = markup.strip_prefix(OPEN).and_then(read) {
            open.push(marks.len());
            marks.push(Mark { tags: tags..usize::MAX, draft });
        } else if markup == CLOSE {
            if let Some(mark) = open.pop() {
                marks[mark].tags.end = tags;
            }
        } else {
            tags += usize::from(tag_name(markup).is_some_and(is_counted));
            clean.push_str(markup);
        }
    }
    clean.push_str(rest);
    (clean, Origins(marks))
}

/// Tells whether a start tag has a number: a parser adds the others where it misses them, and the CSS of the head comes last.
pub fn is_counted(name: &str) -> bool {
    !matches!(name, "tbody" | "style")
}

/// Returns the name of the element that a start tag begins.
fn tag_name(markup: &str) -> Option<&str> {
    let name = &markup[1..];
    let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
    name[..length].starts_with(|letter: char| letter.is_ascii_alphabetic()).then(|| &name[..length])
}

/// Returns how long the tag or comment is that `text` begins with.
fn length(text: &str) -> usize {
    if text.starts_with("<!--") {
        return text.find("-->").map_or(text.len(), |end| end + "-->".len());
    }
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn read(span: &str) -> Option<Range<usize>> {
    let (start, end) = span.strip_suffix("-->")?.split_once(' ')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_note_tells_where_an_element_came_from() {
        let link = from(&(5..9), &html! { a href="<!--from 1 2-->" { "x" } });
        let paragraph = from(&(3..20), &html! { p { (link) b { "y" } } });
        let document = html! { div { (paragraph) br; } }.into_string();
        let (clean, origins) = take(&document);
        assert_eq!(clean, "<div><p><a href=\"&lt;!--from 1 2--&gt;\">x</a><b>y</b></p><br></div>");
        let of: Vec<_> = (0..5).map(|tag| origins.of(tag).cloned()).collect();
        assert_eq!(of, [None, Some(3..20), Some(5..9), Some(3..20), None]);
    }
}
