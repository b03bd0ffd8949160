//! A table: rows of `|` cells, and `Table: caption` below it.

use comrak::nodes::{Node, NodeTable, NodeValue, TableAlignment};
use maud::{Markup, html};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Block;
use crate::compose::{
    code::SPARE_CELL,
    field::is_mark,
    inline::{self, Inline, Links},
    layout::{Page, SPACE},
    proof::Help,
    reader::Reader,
    sheet::{COLUMNS, Sheet},
    wrap::{columns, is_wide},
};

/// What a caption begins with.
const CAPTION: &str = "Table:";

/// The blanks between two columns of the text part.
const GUTTER: &str = "  ";

/// How many ems of words a line of a table takes on a phone of 320 pixels, the blanks between three columns left out.
const PHONE_EMS: f32 = 17.3;

/// What is left of a column where words have to be broken, in ems of its letters.
const BROKEN_EMS: f32 = 5.0;

/// How wide a cell of wide letters may be that is never broken, in columns of the text part.
const WHOLE_COLUMNS: usize = 8;

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
    for row in &rows {
        refuse_spare_cells(reader, row, table.num_columns);
    }
    let mut cells = rows.into_iter().map(|row| -> Vec<Vec<Inline>> {
        row.children().map(|cell| reader.inlines(cell)).collect()
    });
    let head = cells.next().unwrap_or_default();
    let rows = cells.collect();
    let caption = caption.unwrap_or_default();
    Box::new(Table { alignments: table.alignments.clone(), head, rows, caption })
}

/// Marks what stands in a row behind its last column, and would be dropped.
fn refuse_spare_cells(reader: &mut Reader<'_, '_>, row: Node<'_>, columns: usize) {
    let text = reader.marked_line(row);
    let bars = text.match_indices('|').map(|(at, _)| at).filter(|at| !text[..*at].ends_with('\\'));
    let is_open = !text.starts_with('|');
    let is_blank = |text: &str| text.trim_matches(['|', ' ', '\t']).is_empty();
    let mut spare = bars.skip(columns.saturating_sub(usize::from(is_open)));
    if spare.next().is_some_and(|at| !is_blank(&text[at + 1..])) {
        let span = reader.line(row);
        reader
            .proof
            .error(
                SPARE_CELL,
                span,
                format!("the row has more cells than the {columns} of its head"),
            )
            .helped("give the head a cell for each column; `\\|` is the character itself");
    }
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
        let (broken, whole) = (self.broken_columns(), self.whole_columns());
        let style = |column: usize| {
            let align = match self.alignments.get(column) {
                // Numbers, whose units stand below each other at the right in every script.
                Some(TableAlignment::Right) => "text-align:right;",
                Some(TableAlignment::Center) => "text-align:center;",
                _ => "",
            };
            let edge = (column == last).then(|| format!("padding-{}:0", page.end()));
            let words = match (broken.get(column), whole.get(column)) {
                (Some(true), _) => "word-break:break-word;min-width:75px;",
                (_, Some(true)) => "white-space:nowrap;",
                _ => "",
            };
            Some(format!("{align}{words}{}", edge.unwrap_or_default()))
                .filter(|style| !style.is_empty())
        };
        html! {
            table.data cellpadding="0" cellspacing="0" border="0" width="100%" {
                @if !self.caption.is_empty() {
                    caption.caption { (inline::html(&self.caption)) }
                }
                thead { tr {
                    @for (column, cell) in self.head.iter().enumerate() {
                        // A head that says nothing is announced all the same (WCAG H51): it heads nothing.
                        @if cell.is_empty() {
                            td.head style=[style(column)] { (SPACE) }
                        } @else {
                            th.head scope="col" style=[style(column)] { (inline::html(cell)) }
                        }
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
        set(&head, &rows, &self.alignments, sheet);
    }
}

impl Table {
    /// Tells of each column whether a phone may break its words: the fewest, and those with the longest words, so that
    /// the table fits there.
    fn broken_columns(&self) -> Vec<bool> {
        let widths: Vec<f32> = (0..self.head.len())
            .map(|at| {
                let rows = std::iter::once(&self.head).chain(&self.rows);
                rows.filter_map(|row| row.get(at))
                    .map(|cell| longest_word(cell))
                    .fold(0.0, f32::max)
            })
            .collect();
        let mut broken = vec![false; widths.len()];
        let mut columns: Vec<usize> = (0..widths.len()).collect();
        columns.sort_by(|one, other| widths[*other].total_cmp(&widths[*one]));
        let mut room = PHONE_EMS - widths.iter().sum::<f32>();
        for column in columns {
            if room >= 0.0 || widths[column] <= BROKEN_EMS {
                break;
            }
            room += widths[column] - BROKEN_EMS;
            broken[column] = true;
        }
        broken
    }

    /// Tells of each column whether it stays on one line: a few wide letters that would break anywhere.
    fn whole_columns(&self) -> Vec<bool> {
        let is_whole = |cell: &Vec<Inline>| inline::plain(cell).width() <= WHOLE_COLUMNS;
        let has_wide = |cell: &Vec<Inline>| inline::plain(cell).chars().any(is_wide);
        (0..self.head.len())
            .map(|at| {
                let rows = std::iter::once(&self.head).chain(&self.rows);
                let cells: Vec<_> = rows.filter_map(|row| row.get(at)).collect();
                cells.iter().all(|cell| is_whole(cell)) && cells.iter().any(|cell| has_wide(cell))
            })
            .collect()
    }
}

/// Sets numbers below their heads, labels before them.
pub(super) fn set_numbers(head: &[String], rows: &[Vec<String>], sheet: &mut Sheet<'_>) {
    let mut alignments = vec![TableAlignment::Right; head.len()];
    alignments[..1].fill(TableAlignment::Left);
    set(head, rows, &alignments, sheet);
}

/// Sets a table in columns where they fit, else as one record a row.
fn set(
    head: &[String],
    rows: &[Vec<String>],
    alignments: &[TableAlignment],
    sheet: &mut Sheet<'_>,
) {
    let all = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max())
        .map(|width| width.unwrap_or(0))
        .collect();
    let total = widths.iter().sum::<usize>() + GUTTER.len() * widths.len().saturating_sub(1);
    let has_field = all().flatten().any(|cell| cell.contains(is_mark));
    if has_field || total > COLUMNS - sheet.margin_width() {
        return records(head, rows, sheet);
    }
    sheet.line(&aligned(head, &widths, alignments));
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    sheet.line(&dashes.join(GUTTER));
    for row in rows {
        sheet.line(&aligned(row, &widths, alignments));
    }
}

fn aligned(row: &[String], widths: &[usize], alignments: &[TableAlignment]) -> String {
    let cells = row.iter().zip(widths).zip(alignments).map(|((cell, width), alignment)| {
        let room = width.saturating_sub(columns(cell));
        let before = match alignment {
            TableAlignment::Right => room,
            TableAlignment::Center => room / 2,
            TableAlignment::None | TableAlignment::Left => 0,
        };
        format!("{}{cell}{}", " ".repeat(before), " ".repeat(room - before))
    });
    cells.collect::<Vec<_>>().join(GUTTER)
}

/// Sets a table that is too wide as one record a row.
fn records(head: &[String], rows: &[Vec<String>], sheet: &mut Sheet<'_>) {
    for row in rows {
        sheet.gap(1);
        for (label, cell) in head.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let line = match &label[..] {
                "" => cell.clone(),
                label => sheet.strings.labelled(label, cell),
            };
            sheet.indented("", "  ", |sheet| sheet.paragraph(&line));
        }
    }
}

/// Returns about how wide the longest word of a cell is, in ems of a plain sans serif.
fn longest_word(cell: &[Inline]) -> f32 {
    let is_end = |letter: char| letter.is_whitespace() || "-–—".contains(letter) || is_wide(letter);
    let em = |letter: char| match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | '.' | ',' | ':' | ';' | '(' | ')' | '/' => 0.28,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' => 0.5,
        'm' | 'w' | 'M' | 'W' => 0.83,
        _ if letter.is_uppercase() => 0.7,
        _ if letter.width() == Some(0) => 0.0,
        _ => 0.56,
    };
    let words = inline::plain(cell);
    words.split(is_end).map(|word| word.chars().map(em).sum()).fold(0.0, f32::max)
}

/// Returns the cells of a row as text, each on one line.
fn texts(row: &[Vec<Inline>], links: &mut Links) -> Vec<String> {
    row.iter().map(|cell| inline::text(cell, links).replace('\n', " ")).collect()
}
