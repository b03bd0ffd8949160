//! A button: `:::button` around one link.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::WRONG_CONTENT,
    inline::{self, Inline},
    layout::{Page, gap},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Button {
    url: String,
    words: Vec<Inline>,
}

pub(super) fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Option<Box<dyn Block>> {
    let nodes: Vec<Node<'a>> = node.children().collect();
    let problems = reader.proof.count();
    let inlines = match nodes[..] {
        [only] if super::is_paragraph(only) => reader.inlines(only),
        _ => Vec::new(),
    };
    if let [Inline::Link(url, words, _)] = &inlines[..] {
        return Some(Box::new(Button { url: url.clone(), words: words.clone() }));
    }
    // A link that was wrong in itself is told once.
    if reader.proof.count() == problems {
        let span = reader.line(node);
        reader
            .proof
            .error(WRONG_CONTENT, span, "a button is one link and nothing else")
            .helped("write `[What happens](https://...)` between `:::button` and `:::`");
    }
    None
}

impl Block for Button {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! {
            (html(&self.url, &inline::plain(&self.words)))
            (gap())
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.link(&inline::plain(&self.words), &self.url, false);
    }
}

/// Sets a button in HTML; the layout's call to subscribe is one too.
///
/// The cell has no `bgcolor`: where a program strips the CSS, that would leave
/// blue letters on a dark ground.
pub(in crate::compose) fn html(url: &str, words: &str) -> Markup {
    html! {
        table.button-table role="presentation" cellpadding="0" cellspacing="0" border="0" {
            tr { td.button { a.button-link href=(url) { (words) } } }
        }
    }
}
