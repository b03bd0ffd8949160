//! A section's heading: `## Section` and `### Part of a section`. `# Title` begins an article and never comes here.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::WRONG_HEADING,
    inline::{self, Inline},
    layout::Page,
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Section {
    level: u8,
    title: Vec<Inline>,
}

pub(super) fn read(
    reader: &mut Reader<'_, '_>,
    node: Node<'_>,
    level: u8,
) -> Option<Box<dyn Block>> {
    let span = reader.line(node);
    let wrong = if reader.is_nested() {
        Some("a heading stands by itself, not within another block".to_owned())
    } else if level > 3 {
        Some(format!("a heading of level {level} is too deep"))
    } else if level > reader.heading_level + 1 {
        Some(format!("a heading of level {level} follows one of level {}", reader.heading_level))
    } else {
        None
    };
    reader.attributes(node, &[]);
    let title = reader.heading(node);
    if let Some(wrong) = wrong {
        reader
            .proof
            .error(WRONG_HEADING, span, wrong)
            .helped("`#` is an article, `##` a section of it, `###` a part of a section");
        return None;
    }
    reader.heading_level = level;
    Some(Box::new(Section { level, title }))
}

impl Block for Section {
    fn html(&self, page: &Page<'_>) -> Markup {
        let turn = page.turn(&self.title);
        html! {
            @if self.level == 2 {
                h2.section dir=[turn.dir] style=[turn.style] { (inline::html(&self.title)) }
            } @else {
                h3.subsection dir=[turn.dir] style=[turn.style] { (inline::html(&self.title)) }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.gap(if self.level == 2 { 2 } else { 1 });
        sheet.heading(&self.title, if self.level == 2 { "-" } else { "." });
    }
}
