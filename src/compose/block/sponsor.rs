//! A sponsor's words: `:::sponsor Name`, labelled as such in both parts.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::{Block, Blocks};
use crate::compose::{
    code::WRONG_CONTENT,
    layout::{Page, SPACE},
    reader::Reader,
    sheet::Sheet,
    strings::Strings,
};

#[derive(Debug)]
struct Sponsor {
    name: String,
    blocks: Blocks,
}

pub(super) fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Option<Box<dyn Block>> {
    let nodes: Vec<Node<'a>> = node.children().collect();
    let blocks = reader.nested(&nodes);
    if nodes.is_empty() {
        let span = reader.line(node);
        reader.proof.error(WRONG_CONTENT, span, "a sponsor has nothing to say");
        return None;
    }
    let name = super::directive(node, "sponsor").unwrap_or_default();
    let line = reader.line(node);
    reader.warn_of_unset(&name, &line);
    Some(Box::new(Sponsor { name, blocks }))
}

impl Sponsor {
    fn label(&self, strings: &Strings) -> String {
        match &self.name[..] {
            "" => strings.sponsor.clone(),
            name => strings.labelled(&strings.sponsor, name),
        }
    }
}

impl Block for Sponsor {
    fn html(&self, page: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.sponsor {
                    p.label { (self.label(page.strings)) }
                    (super::html(&self.blocks, page))
                } }
                tr { td.after { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        let label = self.label(sheet.strings);
        sheet.rule("-");
        sheet.paragraph(&label);
        super::text(&self.blocks, sheet);
        sheet.rule("-");
    }
}
