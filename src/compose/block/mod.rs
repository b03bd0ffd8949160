//! The blocks of an issue. Each is one file that holds its source form, its HTML and its text.
//!
//! A new block is a file and a line here: in [`read_one`] for a form of
//! Markdown, or in [`DIRECTIVES`] for one between `:::` lines.

pub(super) mod button;
mod callout;
mod chart;
pub(super) mod condition;
mod credit;
mod figure;
mod list;
mod listing;
pub(super) mod notes;
mod paragraph;
mod pullquote;
mod quotation;
mod rule;
mod section;
mod sponsor;
mod table;

use std::{
    fmt,
    ops::{Deref, Range},
};

use comrak::nodes::{Node, NodeValue};
use maud::{Markup, html};

use super::{
    code::UNSUPPORTED, inline::Inline, layout::Page, origin, reader::Reader, sheet::Sheet,
};

/// One piece of an issue.
pub(super) trait Block: fmt::Debug {
    /// Sets it in HTML.
    fn html(&self, page: &Page<'_>) -> Markup;

    /// Sets it in text, without a blank line before or after it.
    fn text(&self, sheet: &mut Sheet<'_>);

    /// Returns the words of a paragraph, for the preview that inboxes show.
    fn opening(&self) -> Option<&[Inline]> {
        None
    }

    /// Tells whether it says where the article comes from.
    fn is_credit(&self) -> bool {
        false
    }
}

/// A block, and the bytes of the draft it was read from.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) span: Range<usize>,
    block: Box<dyn Block>,
}

impl Placed {
    fn new(span: Range<usize>, block: Box<dyn Block>) -> Self {
        Self { span, block }
    }
}

impl Deref for Placed {
    type Target = dyn Block;

    fn deref(&self) -> &Self::Target {
        &*self.block
    }
}

/// Blocks in their order.
pub(super) type Blocks = Vec<Placed>;

/// Reads what stands between `:::name` and `:::`; `None` after marking what is wrong.
type ReadDirective = for<'a> fn(&mut Reader<'_, '_>, Node<'a>) -> Option<Box<dyn Block>>;

/// Every directive by its name.
pub(super) const DIRECTIVES: [(&str, ReadDirective); 7] = [
    ("button", button::read),
    ("chart", chart::read),
    ("credit", credit::read),
    // A condition that is one was resolved before any block is read.
    ("else", condition::astray),
    ("if", condition::astray),
    ("pullquote", pullquote::read),
    ("sponsor", sponsor::read),
];

/// Reads one node as a block; `None` where it is none of its own, or wrong, which is then marked.
pub(super) fn read_one(reader: &mut Reader<'_, '_>, node: Node<'_>) -> Option<Placed> {
    let block = read_kind(reader, node)?;
    Some(Placed::new(reader.span(node), block))
}

/// Returns the credit that an article names in its heading, or the front matter for all.
pub(super) fn of_article(words: &str, heading: &Range<usize>) -> Placed {
    Placed::new(heading.clone(), credit::of_article(words))
}

fn read_kind(reader: &mut Reader<'_, '_>, node: Node<'_>) -> Option<Box<dyn Block>> {
    let value = node.data().value.clone();
    match value {
        NodeValue::Paragraph if figure::is_figure(node) => figure::read(reader, node),
        NodeValue::Paragraph if table::is_caption(node) => None,
        NodeValue::Paragraph => Some(paragraph::read(reader, node)),
        NodeValue::Heading(heading) => section::read(reader, node, heading.level),
        NodeValue::BlockQuote => Some(quotation::read(reader, node)),
        NodeValue::Alert(alert) => Some(callout::read(reader, node, &alert)),
        NodeValue::List(list) => Some(list::read(reader, node, &list)),
        NodeValue::Table(table) => Some(table::read(reader, node, &table)),
        NodeValue::CodeBlock(code) => Some(listing::read(&code)),
        NodeValue::ThematicBreak => Some(rule::read(reader, node)),
        // It stands at the end of its article.
        NodeValue::FootnoteDefinition(_) => None,
        NodeValue::BlockDirective(directive) => reader.directive(node, &directive.info),
        NodeValue::HtmlBlock(html) => {
            reader.raw_html(reader.line(node), &html.literal);
            None
        }
        _ => {
            let span = reader.span(node);
            reader.proof.error(UNSUPPORTED, span, "an issue does not use this form of Markdown");
            None
        }
    }
}

/// Returns what stands after the name of a directive, where a node is one of this name.
fn directive(node: Node<'_>, name: &str) -> Option<String> {
    match &node.data().value {
        NodeValue::BlockDirective(directive) => {
            let rest = directive.info.strip_prefix(name)?;
            let is_whole = rest.is_empty() || rest.starts_with(char::is_whitespace);
            is_whole.then(|| rest.trim().to_owned())
        }
        _ => None,
    }
}

/// Tells whether a node is a paragraph of words.
fn is_paragraph(node: Node<'_>) -> bool {
    matches!(node.data().value, NodeValue::Paragraph) && !figure::is_figure(node)
}

/// Sets blocks in HTML, a line each.
pub(super) fn html(blocks: &[Placed], page: &Page<'_>) -> Markup {
    html! { @for block in blocks { (origin::from(&block.span, &block.html(page))) "\n" } }
}

/// Sets blocks in text, a blank line between them.
pub(super) fn text(blocks: &[Placed], sheet: &mut Sheet<'_>) {
    for block in blocks {
        sheet.gap(1);
        block.text(sheet);
    }
}
