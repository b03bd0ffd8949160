//! A table: rows of `|` cells, and `Table: caption` below it.

use comrak::nodes::{Node, NodeTable, NodeValue, TableAlignment};
use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::Block;
use crate::compose::{
    code::SPARE_CELL,
    ems::{ems, ends_word, even_ems},
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

/// The line that a phone of 320 pixels leaves between the sheet's edges, and the blank between two columns of a table, in pixels.
const PHONE_LINE: f32 = 280.0;
const PHONE_BLANK: f32 = 10.0;

/// The size of a table's letters on a phone, and where they would not fit else, in pixels: `.cell` and `.tight` of base.css.
const LETTERS: f32 = 15.0;
const TIGHT_LETTERS: f32 = 14.0;

/// What is left of a column where words have to be broken, and where the head of numbers has to be, in pixels.
const BROKEN: f32 = 70.0;
const BROKEN_HEAD: f32 = 45.0;

/// How wide a cell may be that stays on one line though it could be parted, in columns of the text part: a number and its
/// unit, and a few wide letters, which would break anywhere.
const NUMBER_COLUMNS: usize = 10;
const WIDE_COLUMNS: usize = 8;

/// How many letters a number may have beside its digits: `1,234 Mt`.
const UNIT_LETTERS: usize = 3;

#[derive(Debug)]
struct Table {
    alignments: Vec<TableAlignment>,
    head: Vec<Vec<Inline>>,
    rows: Vec<Vec<Vec<Inline>>>,
    caption: Vec<Inline>,
}

/// A column, as a phone shows it.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// Whether its cells stay on one line: numbers. Its head may be long.
    is_whole: bool,
    /// Whether its words, or its head where its cells are whole, are cut anywhere, since the table does not fit else.
    is_broken: bool,
    /// How wide it is at least, in ems of its letters, and what would be left of that were it broken.
    ems: f32,
    broken_ems: f32,
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
        let (columns, is_tight) = self.fitted();
        let style = |column: usize, cell: &[Inline], is_head: bool| {
            let align = match self.alignments.get(column) {
                // Numbers, whose units stand below each other at the right in every script.
                Some(TableAlignment::Right) => "text-align:right;",
                Some(TableAlignment::Center) => "text-align:center;",
                _ => "",
            };
            let edge = (column == last).then(|| format!("padding-{}:0", page.end()));
            let words = columns.get(column).map_or_else(String::new, |column| match column {
                Column { is_whole: true, is_broken: true, .. } if is_head => broken(BROKEN_HEAD),
                Column { is_whole: false, is_broken: true, .. } => broken(BROKEN),
                Column { is_whole: true, .. }
                    if !is_head || inline::plain(cell).width() <= WIDE_COLUMNS =>
                {
                    "white-space:nowrap;".to_owned()
                }
                _ => String::new(),
            });
            Some(format!("{align}{words}{}", edge.unwrap_or_default()))
                .filter(|style| !style.is_empty())
        };
        html! {
            table.data.tight[is_tight] cellpadding="0" cellspacing="0" border="0" width="100%" {
                @if !self.caption.is_empty() {
                    caption.caption { (inline::html(&self.caption)) }
                }
                thead { tr {
                    @for (column, cell) in self.head.iter().enumerate() {
                        // A head that says nothing is announced all the same (WCAG H51): it heads nothing.
                        @if cell.is_empty() {
                            td.head style=[style(column, cell, true)] { (SPACE) }
                        } @else {
                            th.head scope="col" style=[style(column, cell, true)] { (inline::html(cell)) }
                        }
                    }
                } }
                "\n"
                tbody { @for row in &self.rows {
                    tr { @for (column, cell) in row.iter().enumerate() {
                        td.cell style=[style(column, cell, false)] { (inline::html(cell)) }
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
    /// Returns how the columns are set so that a phone takes them, and whether their letters are smaller there.
    ///
    /// A number is never broken; words are where nothing else helps: in the fewest columns, those with the longest words.
    fn fitted(&self) -> (Vec<Column>, bool) {
        let mut columns: Vec<Column> = (0..self.head.len()).map(|at| self.column(at)).collect();
        let is_tight = width(&columns, LETTERS) > PHONE_LINE;
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by(|one, other| columns[*other].ems.total_cmp(&columns[*one].ems));
        for at in order {
            if width(&columns, TIGHT_LETTERS) <= PHONE_LINE {
                break;
            }
            let Column { ems, broken_ems, .. } = columns[at];
            if broken_ems < ems {
                columns[at] = Column { is_broken: true, ems: broken_ems, ..columns[at] };
            }
        }
        (columns, is_tight)
    }

    fn column(&self, at: usize) -> Column {
        let head = self.head.get(at).map(Vec::as_slice).unwrap_or_default();
        let cells = || self.rows.iter().filter_map(|row| row.get(at)).map(Vec::as_slice);
        let longest = |cells: &mut dyn Iterator<Item = &[Inline]>, is_whole| {
            cells.map(|cell| words_width(cell, is_whole)).fold(0.0, f32::max)
        };
        let said: Vec<String> =
            cells().map(inline::plain).filter(|cell| !cell.is_empty()).collect();
        let is_whole = !said.is_empty()
            && (said.iter().all(|cell| is_number(cell)) || is_of_few_wide(head, &said));
        let head = longest(&mut std::iter::once(head), false);
        let cells = longest(&mut cells(), is_whole);
        let broken_ems =
            if is_whole { cells.max(BROKEN_HEAD / TIGHT_LETTERS) } else { BROKEN / TIGHT_LETTERS };
        Column { is_whole, is_broken: false, ems: cells.max(head), broken_ems }
    }
}

/// Returns the style of words that are cut anywhere, and of how much is left of their column, in pixels.
fn broken(least: f32) -> String {
    format!("word-break:break-word;hyphens:auto;min-width:{least}px;")
}

/// Returns how wide the columns are with letters of a size, in pixels.
fn width(columns: &[Column], letters: f32) -> f32 {
    let words: f32 = columns.iter().map(|column| column.ems * letters).sum();
    let blanks: f32 = columns.iter().skip(1).map(|_| PHONE_BLANK).sum();
    words + blanks
}

/// Tells whether a cell is a number, perhaps with its sign, its unit, or a mark behind it.
fn is_number(cell: &str) -> bool {
    let letters = cell.chars().filter(|letter| letter.is_alphabetic()).count();
    cell.chars().any(char::is_numeric)
        && letters <= UNIT_LETTERS
        && !cell.contains(is_mark)
        && (cell.width() <= NUMBER_COLUMNS || !cell.contains(char::is_whitespace))
}

/// Tells whether a column holds nothing but a few wide letters.
fn is_of_few_wide(head: &[Inline], cells: &[String]) -> bool {
    let head = inline::plain(head);
    let all = || cells.iter().chain(std::iter::once(&head));
    all().all(|cell| cell.width() <= WIDE_COLUMNS) && all().any(|cell| cell.chars().any(is_wide))
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

/// Returns about how wide a cell's longest word is, or all of it where it is not to be parted, in ems.
fn words_width(cell: &[Inline], is_whole: bool) -> f32 {
    let mut widest: f32 = 0.0;
    let mut word = 0.0;
    for (letters, is_code) in runs(cell) {
        let mut rest = letters.as_str();
        while !rest.is_empty() {
            let end = rest.find(|letter| !is_whole && ends_word(letter));
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            word += if is_code { even_ems(part) } else { ems(part) };
            let mut after = after.chars();
            if let Some(end) = after.next() {
                // A hyphen stays with the word before it, a wide letter stands by itself.
                let end = if end.is_whitespace() { 0.0 } else { ems(end.encode_utf8(&mut [0; 4])) };
                widest = widest.max(word + end);
                word = 0.0;
            }
            rest = after.as_str();
        }
    }
    widest.max(word)
}

/// Returns a cell's words, and of each stretch whether it is code, whose letters are all of one width.
fn runs(cell: &[Inline]) -> Vec<(String, bool)> {
    let run = |inline: &Inline| match inline {
        Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Link(_, inner, _) => runs(inner),
        Inline::Code(code) => vec![(code.clone(), true)],
        inline => vec![(inline::plain(std::slice::from_ref(inline)), false)],
    };
    cell.iter().flat_map(run).collect()
}

/// Returns the cells of a row as text, each on one line.
fn texts(row: &[Vec<Inline>], links: &mut Links) -> Vec<String> {
    row.iter().map(|cell| inline::text(cell, links).replace('\n', " ")).collect()
}
