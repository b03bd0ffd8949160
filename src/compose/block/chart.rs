//! A chart: `:::chart oil.csv {title="Oil, million tonnes" type="line"}` and `:::`, perhaps with a paragraph between that says where the data come from.
//!
//! The picture travels with the mail, since it is nowhere else; the text part
//! has the data as a table. What the picture cannot letter stands in a key below.

use std::str;

use comrak::nodes::Node;
use maud::{Markup, html};

use super::{Block, table};
use crate::compose::{
    attributes,
    chart::{self, Data, Key, Kind},
    code::{
        MALFORMED_ATTRIBUTES, MISPLACED_FIELD, UNKNOWN_ATTRIBUTE, WRONG_CONTENT, WRONG_DATA,
        WRONG_VALUE,
    },
    field::is_mark,
    inline::{self, Inline},
    layout::{Page, gap},
    nearest::nearest,
    proof::{Help, Proof},
    reader::Reader,
    sheet::Sheet,
    strings::Strings,
};

const HELP: &str = "write `:::chart data.csv {title=\"...\" type=\"line\"}`, perhaps where the data come from, and `:::`";

/// The most bars: more are a table.
const BARS_MAX: usize = 40;

/// The most entries of a key: as many as bars and series.
const KEY_MAX: usize = 46;

/// How many of a chart's numbers its words for those who do not see it name.
const TOLD_MAX: usize = 12;

#[derive(Debug)]
struct Chart {
    name: String,
    title: Option<String>,
    kind: Kind,
    data: Data,
    key: Key,
    source: Vec<Inline>,
}

/// What keeps a label beside what stands for it.
const NO_BREAK: &str = "\u{a0}";

/// What a chart's line asks for.
struct Asked {
    name: String,
    title: Option<String>,
    kind: Option<Kind>,
}

pub(super) fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Option<Box<dyn Block>> {
    let words = super::directive(node, "chart").unwrap_or_default();
    let asked = asked(reader, node, &words);
    let nodes: Vec<Node<'a>> = node.children().collect();
    let source = match nodes[..] {
        [] => Vec::new(),
        [only] if super::is_paragraph(only) => reader.inlines(only),
        _ => {
            let span = reader.line(node);
            reader
                .proof
                .error(WRONG_CONTENT, span, "below a chart stands one paragraph")
                .helped(HELP);
            return None;
        }
    };
    let Asked { name, title, kind } = asked?;
    let line = reader.line(node);
    reader.warn_of_unset(title.as_deref().unwrap_or_default(), &line);
    let data = data(reader, node, &name)?;
    let kind = kind.unwrap_or_else(|| usual(&data));
    let bars = data.labels.len() * data.series.len();
    if kind == Kind::Bar && bars > BARS_MAX {
        let span = reader.line(node);
        let message = format!("the chart would have {bars} bars, more than {BARS_MAX}");
        reader
            .proof
            .error(WRONG_DATA, span, message)
            .helped("show less, or lines: `type=\"line\"`");
        return None;
    }
    let key = Key::of(&data);
    if key.entries.len() > KEY_MAX {
        let span = reader.line(node);
        let message = format!(
            "the chart would have a key of {} entries, more than {KEY_MAX}",
            key.entries.len()
        );
        reader.proof.error(WRONG_DATA, span, message).helped(
            "what is not Latin, Greek or Cyrillic stands in a key below the chart: show less, or set a table",
        );
        return None;
    }
    Some(Box::new(Chart { name, title, kind, data, key, source }))
}

/// Reads the directive's own line.
fn asked(reader: &mut Reader<'_, '_>, node: Node<'_>, words: &str) -> Option<Asked> {
    let line = reader.line(node);
    if words.contains(is_mark) {
        reader
            .proof
            .error(MISPLACED_FIELD, line, "a chart is the same for every reader")
            .helped("take the field out");
        return None;
    }
    let (name, rest) = match words.split_once('{') {
        Some((name, rest)) => (name, rest.trim_end().strip_suffix('}')),
        None => (words, Some("")),
    };
    let name = name.trim();
    let name = name.strip_prefix("./").unwrap_or(name);
    let Some(pairs) = rest.and_then(attributes::pairs) else {
        reader
            .proof
            .error(MALFORMED_ATTRIBUTES, line, "the attributes cannot be read")
            .helped(HELP);
        return None;
    };
    if name.is_empty() {
        reader.proof.error(WRONG_CONTENT, line, "the chart names no file").helped(HELP);
        return None;
    }
    let mut asked = Asked { name: name.to_owned(), title: None, kind: None };
    for (key, value) in pairs {
        match (key.as_str(), value.as_str()) {
            ("title", _) => asked.title = Some(value).filter(|title| !title.trim().is_empty()),
            ("type", "line") => asked.kind = Some(Kind::Line),
            ("type", "bar") => asked.kind = Some(Kind::Bar),
            ("type", _) => {
                let span = reader.find(&value, &line);
                reader
                    .proof
                    .error(WRONG_VALUE, span, format!("no chart is of the type `{value}`"))
                    .helped("there are `line` and `bar`");
                return None;
            }
            _ => {
                let span = reader.find(&key, &line);
                reader
                    .proof
                    .error(UNKNOWN_ATTRIBUTE, span, format!("no attribute is named `{key}` here"))
                    .perhaps(nearest(&key, ["title", "type"]));
                return None;
            }
        }
    }
    Some(asked)
}

/// Reads the file; its mistakes are told at its own lines.
fn data(reader: &mut Reader<'_, '_>, node: Node<'_>, name: &str) -> Option<Data> {
    let line = reader.line(node);
    let bytes = reader.beside(name, line)?;
    let path = reader.path_beside(name);
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let mut proof = Proof::new(&path, valid);
            proof
                .error(WRONG_DATA, valid.len()..valid.len(), "the file is not UTF-8 text")
                .helped("save it as CSV in UTF-8");
            reader.proof.adopt(proof);
            return None;
        }
    };
    let mut proof = Proof::new(&path, text);
    let data = Data::read(&mut proof);
    reader.proof.adopt(proof);
    data
}

/// Returns how data are drawn when nobody says: lines where every label begins with a digit, as times do.
fn usual(data: &Data) -> Kind {
    let is_time = |label: &String| label.starts_with(|letter: char| letter.is_ascii_digit());
    if data.labels.len() > 2 && data.labels.iter().all(is_time) { Kind::Line } else { Kind::Bar }
}

impl Chart {
    /// Says what the chart shows, in no language but the data's own.
    fn words(&self, strings: &Strings) -> String {
        let series = self.data.series.iter().map(|series| {
            let told = self
                .data
                .labels
                .iter()
                .zip(&series.written)
                .filter(|(_, number)| !number.is_empty());
            let told: Vec<String> =
                told.map(|(label, number)| format!("{label} {number}")).collect();
            let told = match &told[..] {
                [first, .., last] if self.kind == Kind::Line || told.len() > TOLD_MAX => {
                    format!("{first} … {last}")
                }
                all => all.join(", "),
            };
            strings.labelled(&series.name, &told)
        });
        let series = series.collect::<Vec<_>>().join("; ");
        match &self.title {
            Some(title) => format!("{title}. {series}"),
            None => series,
        }
    }

    /// Says what the letters and numbers in the picture stand for, to those who see it; who does not has heard the labels.
    fn key_html(&self) -> Markup {
        let entries = &self.key.entries;
        html! {
            @if !entries.is_empty() {
                span aria-hidden="true" {
                    @for (at, (key, label)) in entries.iter().enumerate() {
                        @if at > 0 { " · " }
                        (key) (NO_BREAK) span dir="auto" { (label) }
                    }
                }
            }
        }
    }

    fn file_name(&self) -> String {
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        format!("{}.png", stem.replace('/', "-"))
    }
}

impl Block for Chart {
    fn html(&self, page: &Page<'_>) -> Markup {
        let width = page.line_width();
        let drawing = chart::draw(&self.key.drawn, self.kind, page.theme, width, page.is_rtl());
        let source = page.enclosures.add(&self.file_name(), "image/png", &drawing.png);
        let limit = format!("max-width:{width}px");
        html! {
            @if let Some(title) = &self.title { p.caption { (title) } }
            p.figure {
                img.chart src=(source) alt=(self.words(page.strings)) width=(drawing.width) height=(drawing.height) style=(limit);
            }
            @if self.source.is_empty() && self.key.entries.is_empty() { (gap()) } @else {
                p.legend {
                    (self.key_html())
                    @if !self.source.is_empty() && !self.key.entries.is_empty() { br; }
                    (inline::html(&self.source))
                }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        if let Some(title) = &self.title {
            sheet.paragraph(title);
            sheet.gap(1);
        }
        let words = self.words(sheet.strings);
        let label = sheet.strings.labelled(&sheet.strings.image, &words);
        sheet.paragraph(&format!("[{label}]"));
        sheet.gap(1);
        let Data { heading, labels, series } = &self.data;
        let head: Vec<String> = std::iter::once(heading)
            .chain(series.iter().map(|series| &series.name))
            .cloned()
            .collect();
        let rows: Vec<Vec<String>> = labels
            .iter()
            .enumerate()
            .map(|(row, label)| {
                let numbers = series.iter().map(|series| series.written[row].clone());
                std::iter::once(label.clone()).chain(numbers).collect()
            })
            .collect();
        table::set_numbers(&head, &rows, sheet);
        if !self.source.is_empty() {
            sheet.gap(1);
            sheet.words(&self.source);
        }
    }
}
