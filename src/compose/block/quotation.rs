//! A quotation: `>` lines, the last of which, `— Name, role`, says whose words they are.

use comrak::nodes::{Node, NodeValue};
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::NO_ATTRIBUTION,
    inline::{self, Inline},
    layout::{Page, SPACE},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

/// What an attribution begins with: an em dash, or what stands for one on some keyboards and in other scripts.
const DASHES: [char; 3] = ['—', '–', '―'];

#[derive(Debug)]
struct Quotation {
    paragraphs: Vec<Vec<Inline>>,
    blocks: super::Blocks,
    attribution: Vec<Inline>,
}

pub(super) fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Box<dyn Block> {
    let mut attribution = Vec::new();
    let mut paragraphs = Vec::new();
    let nodes: Vec<Node<'a>> = node.children().collect();
    // Plain paragraphs are set as speech; from the first other block on, the rest is set as it is.
    let spoken = nodes.iter().take_while(|node| super::is_paragraph(node)).count();
    for (index, child) in nodes[..spoken].iter().enumerate() {
        let mut words = reader.inlines(child);
        if index + 1 == nodes.len() {
            attribution = split_attribution(&mut words);
        }
        if !words.is_empty() {
            paragraphs.push(words);
        }
    }
    let blocks = match nodes[spoken..].split_last() {
        Some((last, rest)) if is_name(last) => {
            let blocks = reader.nested(rest);
            attribution = reader.inlines(last);
            blocks
        }
        _ => reader.nested(&nodes[spoken..]),
    };
    if attribution.is_empty() {
        let span = reader.line(node);
        reader
            .proof
            .warning(NO_ATTRIBUTION, span, "the quotation does not say whose words it holds")
            .helped("end it with a line `> — Name, role`");
    }
    Box::new(Quotation { paragraphs, blocks, attribution })
}

/// Takes the last line away where it begins with a dash.
pub(super) fn split_attribution(words: &mut Vec<Inline>) -> Vec<Inline> {
    let is_line_start = |at: usize| at == 0 || is_line_end(&words[at - 1]);
    let is_dash = |inline: &Inline| matches!(inline, Inline::Text(text) if begins_with_dash(text));
    let last = (0..words.len()).rev().find(|at| is_line_start(*at));
    let Some(at) = last.filter(|at| is_dash(&words[*at])) else {
        return Vec::new();
    };
    let attribution = words.split_off(at);
    while words.last().is_some_and(is_line_end) {
        words.pop();
    }
    attribution
}

/// Tells whether a paragraph is nothing but an attribution.
fn is_name(node: Node<'_>) -> bool {
    let begins = |first: Node<'_>| matches!(&first.data().value, NodeValue::Text(text) if begins_with_dash(text));
    super::is_paragraph(node) && node.first_child().is_some_and(begins)
}

fn begins_with_dash(text: &str) -> bool {
    text.starts_with(DASHES) || text.starts_with("--")
}

/// Tells whether a line of the source ends here.
fn is_line_end(inline: &Inline) -> bool {
    matches!(inline, Inline::Break | Inline::Wrap(_))
}

impl Block for Quotation {
    fn html(&self, page: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.before { (SPACE) } }
                tr { td.quoted {
                    blockquote.quotation {
                        @for words in &self.paragraphs {
                            @let turn = page.turn(words);
                            p.quote dir=[turn.dir] style=[turn.style] { (inline::html(words)) }
                        }
                        (super::html(&self.blocks, page))
                    }
                    @if !self.attribution.is_empty() {
                        @let turn = page.turn(&self.attribution);
                        p.attribution dir=[turn.dir] style=[turn.style] {
                            (inline::html(&self.attribution))
                        }
                    }
                } }
                tr { td.after { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.indented("    ", "    ", |sheet| {
            for words in &self.paragraphs {
                sheet.gap(1);
                sheet.words(words);
            }
            super::text(&self.blocks, sheet);
            if !self.attribution.is_empty() {
                sheet.gap(1);
                sheet.indented("    ", "    ", |sheet| sheet.words(&self.attribution));
            }
        });
    }
}
