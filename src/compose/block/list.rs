//! A list: `-` or `1.` before each item; an item may hold further blocks and lists.

use comrak::nodes::{ListType, Node, NodeList, NodeValue};
use maud::{Markup, html};

use super::{Block, Blocks};
use crate::compose::{
    code::UNSUPPORTED,
    inline::{self, Inline},
    layout::Page,
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct List {
    /// The first number; `None` for bullets.
    start: Option<usize>,
    is_nested: bool,
    items: Vec<Item>,
}

/// An item: its first paragraph, and what follows it.
#[derive(Debug)]
struct Item {
    words: Vec<Inline>,
    blocks: Blocks,
    /// Whether more than lists follows the first paragraph, so that blank lines part them.
    is_open: bool,
}

pub(super) fn read(reader: &mut Reader<'_, '_>, node: Node<'_>, list: &NodeList) -> Box<dyn Block> {
    let is_nested = node.parent().is_some_and(is_item);
    let items = node.children().map(|item| read_item(reader, item)).collect();
    let start = (list.list_type == ListType::Ordered).then_some(list.start);
    Box::new(List { start, is_nested, items })
}

fn read_item<'a>(reader: &mut Reader<'_, '_>, item: Node<'a>) -> Item {
    if matches!(item.data().value, NodeValue::TaskItem(_)) {
        let span = reader.line(item);
        reader
            .proof
            .error(UNSUPPORTED, span, "nobody can tick a box in a mail")
            .helped("write `- a point`, without a box");
    }
    let nodes: Vec<Node<'a>> = item.children().collect();
    match nodes.split_first() {
        Some((first, rest)) if super::is_paragraph(first) => {
            let is_open = rest.iter().any(|node| !matches!(node.data().value, NodeValue::List(_)));
            Item { words: reader.inlines(first), blocks: reader.nested(rest), is_open }
        }
        _ => Item { words: Vec::new(), blocks: reader.nested(&nodes), is_open: false },
    }
}

fn is_item(node: Node<'_>) -> bool {
    matches!(node.data().value, NodeValue::Item(_))
}

impl List {
    /// Returns the number of the last item; 0 where they have none.
    fn last(&self) -> usize {
        let next = |start: usize| start.saturating_add(self.items.len());
        self.start.map_or(0, |start| next(start).saturating_sub(1))
    }

    fn items(&self, page: &Page<'_>) -> Markup {
        // A number hangs in the margin, where a theme leaves room for two digits.
        let margin = (self.last() >= 100).then(|| format!("margin-{}:52px", page.start()));
        html! {
            @for item in &self.items {
                li.item style=[&margin] {
                    @if item.is_open { p.p { (inline::html(&item.words)) } } @else { (inline::html(&item.words)) }
                    (super::html(&item.blocks, page))
                }
                "\n"
            }
        }
    }
}

impl Block for List {
    fn html(&self, page: &Page<'_>) -> Markup {
        let class = if self.is_nested { "nested" } else { "list" };
        html! {
            @match self.start {
                None => ul class=(class) { (self.items(page)) },
                Some(1) => ol class=(class) { (self.items(page)) },
                Some(start) => ol class=(class) start=(start) { (self.items(page)) },
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        let width = self.last().to_string().len() + 1;
        for (index, item) in self.items.iter().enumerate() {
            let (bullet, rest) = match self.start {
                None => ("  - ".to_owned(), "    ".to_owned()),
                Some(start) => {
                    let number = format!("{}.", start.saturating_add(index));
                    (format!("  {number:>width$} "), " ".repeat(width + 3))
                }
            };
            sheet.indented(&bullet, &rest, |sheet| {
                if !item.words.is_empty() {
                    sheet.words(&item.words);
                }
                if item.is_open {
                    super::text(&item.blocks, sheet);
                } else {
                    item.blocks.iter().for_each(|block| block.text(sheet));
                }
            });
            if item.is_open {
                sheet.gap(1);
            }
        }
    }
}
