//! A paragraph: lines of words up to a blank one.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    inline::{self, Inline},
    layout::Page,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Paragraph(Vec<Inline>);

pub(super) fn read(reader: &mut Reader<'_, '_>, node: Node<'_>) -> Box<dyn Block> {
    Box::new(Paragraph(reader.inlines(node)))
}

impl Block for Paragraph {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! { p.p { (inline::html(&self.0)) } }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        match &self.0[..] {
            [Inline::Link(url, words, _)] => sheet.link(&inline::plain(words), url, false),
            inlines => sheet.words(inlines),
        }
    }

    fn opening(&self) -> Option<&[Inline]> {
        Some(&self.0)
    }
}
