//! A table: rows of `|` cells, and `Table: caption` below it.

use comrak::nodes::{Node, NodeTable, NodeValue, TableAlignment};
use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::Block;
use crate::compose::{
    field::is_mark,
    inline::{self, Inline, Links},
    layout::Page,
    reader::Reader,
    sheet::{COLUMNS, Sheet},
};

/// What a caption begins with.
const CAPTION: &str = "Table:";

/// The blanks between two columns of the text part.
const GUTTER: &str = "  ";

#[derive(Debug)]
struct Table {
    alignments: Vec<TableAlignment>,
    head: Vec<Vec<Inline>>,
    rows: Vec<Vec<Vec<Inline>>>,
    caption: Vec<Inline>,
}

/// Tells whether a paragraph is the caption of the table above it.
pub(super) fn is_caption(paragraph: Node<'_>) -> bool {
    paragraph.previous_sibling().is_some_and(is_table) && begins_as_caption(paragraph)
}

fn is_table(node: Node<'_>) -> bool {
    matches!(node.data().value, NodeValue::Table(_))
}

/// Tells whether a paragraph or cell begins with `Table:`.
fn begins_as_caption(node: Node<'_>) -> bool {
    node.first_child().is_some_and(
        |first| matches!(&first.data().value, NodeValue::Text(text) if text.starts_with(CAPTION)),
    )
}

/// Tells whether a last row is a caption written without a blank line, which Markdown takes for a row of one cell.
fn is_caption_row(row: Node<'_>) -> bool {
    row.first_child().is_some_and(begins_as_caption)
        && row.children().skip(1).all(|cell| cell.first_child().is_none())
}

pub(super) fn read<'a>(
    reader: &mut Reader<'_, '_>,
    node: Node<'a>,
    table: &NodeTable,
) -> Box<dyn Block> {
    let mut rows: Vec<Node<'a>> = node.children().collect();
    let row_caption =
        rows.pop_if(|row| is_caption_row(row)).and_then(comrak::arena_tree::Node::first_child);
    let caption = row_caption.or_else(|| node.next_sibling().filter(|next| is_caption(next)));
    let caption = caption.map(|caption| without_label(reader.inlines(caption)));
    let mut cells = rows.into_iter().map(|row| -> Vec<Vec<Inline>> {
        row.children().map(|cell| reader.inlines(cell)).collect()
    });
    let head = cells.next().unwrap_or_default();
    let rows = cells.collect();
    let caption = caption.unwrap_or_default();
    Box::new(Table { alignments: table.alignments.clone(), head, rows, caption })
}

fn without_label(mut words: Vec<Inline>) -> Vec<Inline> {
    if let Some(Inline::Text(first)) = words.first_mut() {
        *first = first.trim_start_matches(CAPTION).trim_start().to_owned();
    }
    words
}

impl Block for Table {
    fn html(&self, page: &Page<'_>) -> Markup {
        let last = self.head.len().saturating_sub(1);
        let style = |column: usize| {
            let align = match self.alignments.get(column) {
                Some(TableAlignment::Right) => format!("text-align:{};", page.end()),
                Some(TableAlignment::Center) => "text-align:center;".to_owned(),
                _ => String::new(),
            };
            let edge = (column == last).then(|| format!("padding-{}:0", page.end()));
            Some(align + &edge.unwrap_or_default()).filter(|style| !style.is_empty())
        };
        html! {
            table.data cellpadding="0" cellspacing="0" border="0" width="100%" {
                @if !self.caption.is_empty() {
                    caption.caption { (inline::html(&self.caption)) }
                }
                thead { tr {
                    @for (column, cell) in self.head.iter().enumerate() {
                        th.head scope="col" style=[style(column)] { (inline::html(cell)) }
                    }
                } }
                "\n"
                tbody { @for row in &self.rows {
                    tr { @for (column, cell) in row.iter().enumerate() {
                        td.cell style=[style(column)] { (inline::html(cell)) }
                    } }
                    "\n"
                } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        if !self.caption.is_empty() {
            sheet.words(&self.caption);
            sheet.gap(1);
        }
        let links = sheet.links();
        let head = texts(&self.head, links);
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| texts(row, links)).collect();
        let all = || std::iter::once(&head).chain(&rows);
        let widths: Vec<usize> = (0..head.len())
            .map(|column| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max())
            .map(|width| width.unwrap_or(0))
            .collect();
        let total = widths.iter().sum::<usize>() + GUTTER.len() * widths.len().saturating_sub(1);
        let has_field = all().flatten().any(|cell| cell.contains(is_mark));
        if has_field || total > COLUMNS - sheet.margin_width() {
            return records(&head, &rows, sheet);
        }
        sheet.line(&self.aligned(&head, &widths));
        let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        sheet.line(&dashes.join(GUTTER));
        for row in &rows {
            sheet.line(&self.aligned(row, &widths));
        }
    }
}

impl Table {
    fn aligned(&self, row: &[String], widths: &[usize]) -> String {
        let cells =
            row.iter().zip(widths).zip(&self.alignments).map(|((cell, width), alignment)| {
                let room = width.saturating_sub(cell.width());
                let before = match alignment {
                    TableAlignment::Right => room,
                    TableAlignment::Center => room / 2,
                    TableAlignment::None | TableAlignment::Left => 0,
                };
                format!("{}{cell}{}", " ".repeat(before), " ".repeat(room - before))
            });
        cells.collect::<Vec<_>>().join(GUTTER)
    }
}

/// Sets a table that is too wide as one record a row.
fn records(head: &[String], rows: &[Vec<String>], sheet: &mut Sheet<'_>) {
    for row in rows {
        sheet.gap(1);
        for (label, cell) in head.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let line = if label.is_empty() { cell.clone() } else { format!("{label}: {cell}") };
            sheet.indented("", "  ", |sheet| sheet.paragraph(&line));
        }
    }
}

/// Returns the cells of a row as text, each on one line.
fn texts(row: &[Vec<Inline>], links: &mut Links) -> Vec<String> {
    row.iter().map(|cell| inline::text(cell, links).replace('\n', " ")).collect()
}
