//! A callout: `> [!NOTE]`, or `TIP`, `IMPORTANT`, `WARNING`, `CAUTION`, and a title of its own after it.

use comrak::nodes::{AlertType, Node, NodeAlert};
use maud::{Markup, html};

use super::{Block, Blocks};
use crate::compose::{
    layout::{Page, SPACE},
    reader::Reader,
    sheet::Sheet,
    strings::Strings,
};

#[derive(Debug)]
struct Callout {
    kind: AlertType,
    title: Option<String>,
    blocks: Blocks,
}

pub(super) fn read<'a>(
    reader: &mut Reader<'_, '_>,
    node: Node<'a>,
    alert: &NodeAlert,
) -> Box<dyn Block> {
    let nodes: Vec<Node<'a>> = node.children().collect();
    let blocks = reader.nested(&nodes);
    let title = alert.title.clone().filter(|title| !title.trim().is_empty());
    let line = reader.line(node);
    reader.warn_of_unset(title.as_deref().unwrap_or_default(), &line);
    Box::new(Callout { kind: alert.alert_type, title, blocks })
}

impl Callout {
    fn label<'a>(&'a self, strings: &'a Strings) -> &'a str {
        self.title.as_deref().unwrap_or(match self.kind {
            AlertType::Note => &strings.note,
            AlertType::Tip => &strings.tip,
            AlertType::Important => &strings.important,
            AlertType::Warning => &strings.warning,
            AlertType::Caution => &strings.caution,
        })
    }
}

impl Block for Callout {
    fn html(&self, page: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.callout {
                    p.label { (self.label(page.strings)) }
                    (super::html(&self.blocks, page))
                } }
                tr { td.after { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        let label = sheet.strings.label(self.label(sheet.strings));
        sheet.indented("  | ", "  | ", |sheet| {
            sheet.paragraph(&label);
            for block in &self.blocks {
                block.text(sheet);
            }
        });
    }
}
