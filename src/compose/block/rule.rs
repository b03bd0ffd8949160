//! A rule: `---`.

use comrak::nodes::{Node, NodeValue};
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::UNSUPPORTED,
    layout::{Page, SPACE},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Rule;

/// Reads one; a line of hyphens right below words is a heading to other readers of Markdown, and so to nobody here.
pub(super) fn read(reader: &mut Reader<'_, '_>, node: Node<'_>) -> Box<dyn Block> {
    let span = reader.line(node);
    let ends_right_above = |words: Node<'_>| {
        matches!(words.data().value, NodeValue::Paragraph)
            && words.data().sourcepos.end.line + 1 == node.data().sourcepos.start.line
    };
    let is_of_hyphens =
        reader.proof.text()[span.clone()].bytes().all(|byte| matches!(byte, b'-' | b' '));
    let is_of_hyphens = is_of_hyphens && reader.proof.text()[span.clone()].contains("--");
    if is_of_hyphens && node.previous_sibling().is_some_and(ends_right_above) {
        reader
            .proof
            .error(
                UNSUPPORTED,
                span,
                "a line of hyphens below words may be a heading, a table or a rule",
            )
            .helped("write `## Section`, or a blank line above `---` for a rule");
    }
    Box::new(Rule)
}

impl Block for Rule {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.gap { (SPACE) } }
                tr { td.line { (SPACE) } }
                tr { td.gap { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.centred("*  *  *");
    }
}
