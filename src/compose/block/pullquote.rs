//! A pull quotation, words worth setting large: `:::pullquote` around a paragraph, and perhaps `— Name, role` below it.
//!
//! It repeats what the article says, so it need not name who says it.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::{Block, quotation::split_attribution};
use crate::compose::{
    code::WRONG_CONTENT,
    inline::{self, Inline},
    layout::{Page, SPACE},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct PullQuote {
    words: Vec<Inline>,
    attribution: Vec<Inline>,
}

pub(super) fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Option<Box<dyn Block>> {
    let nodes: Vec<Node<'a>> = node.children().collect();
    let (words, attribution) = match nodes[..] {
        [words] if super::is_paragraph(words) => {
            let mut words = reader.inlines(words);
            let attribution = split_attribution(&mut words);
            (words, attribution)
        }
        [words, attribution] if [words, attribution].into_iter().all(super::is_paragraph) => {
            let mut rest = reader.inlines(attribution);
            let attribution = split_attribution(&mut rest);
            (if rest.is_empty() { reader.inlines(words) } else { Vec::new() }, attribution)
        }
        _ => (Vec::new(), Vec::new()),
    };
    if words.is_empty() {
        let span = reader.line(node);
        reader
            .proof
            .error(WRONG_CONTENT, span, "a pull quotation is one paragraph")
            .helped("write `:::pullquote`, the words, perhaps a line `— Name, role`, and `:::`");
        return None;
    }
    Some(Box::new(PullQuote { words, attribution }))
}

impl Block for PullQuote {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.before { (SPACE) } }
                tr { td.pulled {
                    blockquote.quotation { p.pull { (inline::html(&self.words)) } }
                    @if !self.attribution.is_empty() {
                        p.attribution { (inline::html(&self.attribution)) }
                    }
                } }
                tr { td.after { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.indented("        ", "        ", |sheet| {
            sheet.words(&self.words);
            if !self.attribution.is_empty() {
                sheet.gap(1);
                sheet.words(&self.attribution);
            }
        });
    }
}
