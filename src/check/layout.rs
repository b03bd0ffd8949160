//! The layout: tables that every program sets alike, on every screen.

use super::{
    dom::{Element, Id},
    rule::{Findings, Look, Rule},
    style::{self, Mode, pixels},
};
use crate::{
    compose::{Code, ems, even_ems},
    model::Severity::Error,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR111",
            severity: Error,
            meaning: "a table that only lays out is read as data, or has gaps of its own",
            why: "A screen reader would announce rows and columns where there are none, and without zeros programs put two pixels around every cell.",
            source: "WCAG 2.2, success criterion 1.3.1; HTML Living Standard, section 15.3.8",
            mend: "the layout writes these tables: please report this",
            bad: "<table><tr><td>A paragraph</td></tr></table>",
            good: "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">",
        },
        look: layout_tables,
    },
    Rule {
        code: Code {
            code: "PR112",
            severity: Error,
            meaning: "a table of data has no caption, or its headings do not say what they head",
            why: "Whoever listens hears the caption first and the heading with every cell; without them a table is a heap of numbers.",
            source: "WCAG 2.2, success criterion 1.3.1; technique H39 and H63",
            mend: "write a line `Table: what it shows` below the table",
            bad: "| Route | Status |\n| --- | --- |\n| Baku–Ceyhan | Under construction |",
            good: "| Route | Status |\n| --- | --- |\n| Baku–Ceyhan | Under construction |\n\nTable: Export routes for Kazakh oil.",
        },
        look: data_tables,
    },
    Rule {
        code: Code {
            code: "PR113",
            severity: Error,
            meaning: "the sheet is not of one width of at most 640 pixels, said twice",
            why: "The reading pane of Outlook and Apple Mail is about 650 pixels wide; Outlook on Windows reads the attribute, all others the style.",
            source: "Outlook on Windows, which knows no max-width (caniemail.com)",
            mend: "set `sheet` under [widths] in templates/theme.toml, and no `max-width` or `width` on `.sheet`",
            bad: ".sheet { max-width: 720px }",
            good: "[widths]\nsheet = 640",
        },
        look: sheet,
    },
    Rule {
        code: Code {
            code: "PR114",
            severity: Error,
            meaning: "the tables that only Outlook sees do not close as they open",
            why: "Outlook on Windows then takes the rest of the mail into a table, or shows it beside the sheet.",
            source: "conditional comments of Outlook 2007 to 2021 on Windows",
            mend: "the layout writes these tables: please report this",
            bad: "<!--[if mso]><table><tr><td><![endif]-->",
            good: "<!--[if mso]><table><tr><td><![endif]-->...<!--[if mso]></td></tr></table><![endif]-->",
        },
        look: ghost_tables,
    },
    Rule {
        code: Code {
            code: "PR115",
            severity: Error,
            meaning: "padding on something other than a cell or a button",
            why: "Outlook on Windows knows padding on table cells alone: elsewhere the text sticks to the edge.",
            source: "caniemail.com, padding",
            mend: "use `margin` on paragraphs, headings and lists",
            bad: ".headline { padding: 0 0 20px 0 }",
            good: ".headline { margin: 0 0 20px 0 }",
        },
        look: padding,
    },
    Rule {
        code: Code {
            code: "PR116",
            severity: Error,
            meaning: "something is too wide for a phone, so that the page has to be pushed sideways",
            why: "On a screen of 320 pixels every line of the issue would then end out of sight.",
            source: "WCAG 2.2, success criterion 1.4.10",
            mend: "shorten it, break it into two, or give it fewer columns",
            bad: "| Country | Production | Consumption | Reserves | Exports |\n| --- | --- | --- | --- | --- |\n| Kazakhstan | considerable | considerable | considerable | considerable |\n\nTable: Oil, by country.",
            good: "| Country | Reserves | Exports |\n| --- | --- | --- |\n| Kazakhstan | considerable | considerable |\n\nTable: Oil, by country.",
        },
        look: too_wide,
    },
    Rule {
        code: Code {
            code: "PR117",
            severity: Error,
            meaning: "a ground's `bgcolor` is not the colour of its style, or a button has one",
            why: "Some programs read only the attribute, some only the style. A button's cell with `bgcolor` leaves blue letters on a dark ground where all style is cut out.",
            source: "Outlook on Windows; measured in Chromium with the CSS taken away",
            mend: "set the colours in templates/theme.toml, not in theme.css",
            bad: ".sheet { background-color: $wash }",
            good: "[light]\npaper = \"#ffffee\"",
        },
        look: grounds,
    },
    Rule {
        code: Code {
            code: "PR118",
            severity: Error,
            meaning: "tables stand more than six deep in one another",
            why: "Outlook on Windows becomes slow and then drops what is deeper; Lotus Notes stopped at eight.",
            source: "Word, which sets the mail of Outlook on Windows",
            mend: "take a level out: quotations, callouts and sponsors each are a table",
            bad: "> [!NOTE]\n> > [!NOTE]\n> > > [!NOTE]\n> > > > [!NOTE]\n> > > > > [!NOTE]\n> > > > > Five notes in one another.",
            good: "> [!NOTE]\n> One note.",
        },
        look: depth,
    },
];

/// The widest sheet, in pixels.
const SHEET_MAX: f64 = 640.0;

/// The line that a phone of 320 pixels leaves between the sheet's edges.
const PHONE_LINE: f64 = 280.0;

/// How deep tables may stand in one another.
const TABLES_MAX: usize = 6;

fn layout_tables(look: &Look<'_>, found: &mut Findings) {
    for (id, table) in look.dom.named("table").filter(|(id, _)| !is_data(look, *id)) {
        for (name, wanted) in
            [("role", "presentation"), ("cellpadding", "0"), ("cellspacing", "0"), ("border", "0")]
        {
            if table.get(name) != Some(wanted) {
                let message = format!("a table that only lays out lacks `{name}=\"{wanted}\"`");
                found.mark(look.place(id), message);
            }
        }
    }
}

fn data_tables(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in look.dom.named("table").filter(|(id, _)| is_data(look, *id)) {
        let mut inside = look.dom.within(id);
        let caption = inside.find(|(_, element)| element.name == "caption");
        if caption.is_none_or(|(caption, _)| look.dom.words(caption).is_empty()) {
            found.mark(look.place(id), "the table has no caption");
        }
        let mut heads = look.dom.within(id).filter(|(_, element)| element.name == "th");
        if heads.any(|(_, head)| !matches!(head.get("scope"), Some("col" | "row"))) {
            found.mark(look.place(id), "a heading of the table does not say what it heads");
        }
    }
}

fn sheet(look: &Look<'_>, found: &mut Findings) {
    let sheet = look
        .dom
        .named("table")
        .find(|(_, table)| table.get("width").is_some_and(|width| !width.ends_with('%')));
    let Some((id, table)) = sheet else {
        return found.mark(look.places.theme(), "no table gives the sheet its width");
    };
    let by_attribute = table.get("width").and_then(|width| width.parse::<f64>().ok());
    let by_style = look.styles.own(id, "max-width", Mode::Day).and_then(pixels);
    let shown =
        |width: Option<f64>| width.map_or("none".to_owned(), |width| format!("{width} pixels"));
    if by_attribute != by_style || by_style.is_none_or(|width| width > SHEET_MAX) {
        let place = look.places.declaration(&look.dom, id, "max-width", Mode::Day);
        let (attribute, style) = (shown(by_attribute), shown(by_style));
        found.mark(
            place,
            format!("the sheet's width is {attribute} by its attribute, {style} by its style"),
        );
    }
}

fn ghost_tables(look: &Look<'_>, found: &mut Findings) {
    let ghosts: String =
        look.dom.comments().filter(|comment| comment.starts_with("[if mso")).collect();
    let counted = ["table", "tr", "td"].map(|name| {
        let opened = ghosts.matches(&format!("<{name}")).count();
        (name, opened, ghosts.matches(&format!("</{name}>")).count())
    });
    if let Some((name, opened, closed)) =
        counted.into_iter().find(|(_, opened, closed)| opened != closed)
    {
        let message =
            format!("Outlook sees `<{name}>` {opened} times and `</{name}>` {closed} times");
        found.mark(look.places.draft(), message);
    }
}

fn padding(look: &Look<'_>, found: &mut Findings) {
    for (id, element) in look.dom.elements() {
        let is_cell = matches!(element.name.as_str(), "td" | "th");
        let is_button = element.name == "a"
            && look
                .styles
                .own(id, "display", Mode::Day)
                .is_some_and(|display| display.contains("block"));
        if is_cell || is_button {
            continue;
        }
        let padded = look.styles.inline(id).find(|(property, value)| {
            property.starts_with("padding")
                && value.split_whitespace().any(|part| pixels(part) != Some(0.0))
        });
        if let Some((property, value)) = padded {
            let place = look.places.declaration(&look.dom, id, property, Mode::Day);
            found.mark(place, format!("`{property}: {value}` stands on `<{}>`", element.name));
        }
    }
}

fn too_wide(look: &Look<'_>, found: &mut Findings) {
    for (id, element) in look.dom.elements() {
        let fixed = element.get("width").and_then(|width| width.parse::<f64>().ok());
        let fixed = fixed.or_else(|| look.styles.own(id, "width", Mode::Day).and_then(pixels));
        let is_fluid = ["width", "max-width"].into_iter().any(|property| {
            look.styles.own(id, property, Mode::Day).is_some_and(|value| value == "100%")
        });
        let least = look.styles.own(id, "min-width", Mode::Day).and_then(pixels);
        let width = least.or(fixed.filter(|_| !is_fluid)).unwrap_or_default();
        if width > PHONE_LINE {
            let message = format!("`<{}>` is {width} pixels wide on every screen", element.name);
            found.mark(look.place(id), message);
        }
    }
    for (id, _) in look.dom.named("table").filter(|(id, _)| is_data(look, *id)) {
        let width = table_width(look, id);
        if width > PHONE_LINE {
            let message =
                format!("the table needs about {width:.0} pixels, and a phone has {PHONE_LINE}");
            found.mark(look.place(id), message);
        }
    }
    for (id, words) in style::shown(&look.dom, &look.styles) {
        if is_in_data(look, id) || breaks_words(look, id) {
            continue;
        }
        if let Some((word, width)) =
            widest(look, id, words).filter(|(_, width)| *width > PHONE_LINE)
        {
            let message =
                format!("`{word}` needs about {width:.0} pixels, and a phone has {PHONE_LINE}");
            found.mark(look.places.of_word(&look.dom, id, word), message);
        }
    }
}

fn grounds(look: &Look<'_>, found: &mut Findings) {
    for (id, element) in look.dom.elements() {
        let by_style = look.styles.own(id, "background-color", Mode::Day);
        let by_attribute = element.get("bgcolor");
        let is_button = element.name == "td"
            && look.dom.within(id).any(|(link, element)| {
                element.name == "a"
                    && look
                        .styles
                        .own(link, "display", Mode::Day)
                        .is_some_and(|how| how.contains("block"))
            })
            && look.dom.within(id).filter(|(_, element)| element.name != "a").count() == 0;
        let is_ground = element.name == "body"
            || by_attribute.is_some()
            || (element.name == "table" && by_style.is_some());
        if is_button && by_attribute.is_some() {
            found.mark(look.place(id), "the cell of a button has a `bgcolor`");
        } else if is_ground && by_attribute != by_style {
            let shown = |colour: Option<&str>| colour.unwrap_or("none").to_owned();
            let place = look.places.declaration(&look.dom, id, "background-color", Mode::Day);
            let message = format!(
                "the ground of `<{}>` is {} by its attribute, {} by its style",
                element.name,
                shown(by_attribute),
                shown(by_style)
            );
            found.mark(place, message);
        }
    }
}

fn depth(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in look.dom.named("table") {
        let around = look.dom.around(id).filter(|(_, element)| element.name == "table").count();
        if around + 1 == TABLES_MAX + 1 {
            found.mark(look.place(id), format!("a table stands in {around} others"));
        }
    }
}

/// Tells whether a table holds data: it has headings, a caption, or says nothing of laying out.
fn is_data(look: &Look<'_>, table: Id) -> bool {
    look.dom.within(table).any(|(id, element)| {
        matches!(element.name.as_str(), "th" | "caption") && nearest_table(look, id) == Some(table)
    })
}

fn nearest_table(look: &Look<'_>, id: Id) -> Option<Id> {
    look.dom.around(id).find(|(_, element)| element.name == "table").map(|(id, _)| id)
}

fn is_in_data(look: &Look<'_>, id: Id) -> bool {
    nearest_table(look, id).is_some_and(|table| is_data(look, table))
}

/// Tells whether an element may break a word that fills its line.
fn breaks_words(look: &Look<'_>, id: Id) -> bool {
    ["overflow-wrap", "word-wrap", "word-break"].into_iter().any(|property| {
        let value = look.styles.inherited(&look.dom, id, property, Mode::Phone);
        value.is_some_and(|(_, value)| value.starts_with("break") || value == "anywhere")
    })
}

/// Returns about how many pixels a table needs at least: its columns, each as wide as its widest cell and the padding.
fn table_width(look: &Look<'_>, table: Id) -> f64 {
    let mut columns: Vec<f64> = Vec::new();
    for (row, _) in look.dom.within(table).filter(|(_, element)| element.name == "tr") {
        let is_cell = |element: &Element| matches!(element.name.as_str(), "td" | "th");
        for (at, (cell, _)) in
            look.dom.within(row).filter(|(_, element)| is_cell(element)).enumerate()
        {
            let width = cell_width(look, cell) + padding_beside(look, cell);
            columns.resize(columns.len().max(at + 1), 0.0);
            columns[at] = columns[at].max(width);
        }
    }
    columns.iter().sum()
}

/// Returns about how many pixels a cell needs at least: its widest word, all of it where it stays on one line, or what is
/// left where it is cut anywhere.
fn cell_width(look: &Look<'_>, cell: Id) -> f64 {
    let own = |property| look.styles.own(cell, property, Mode::Phone);
    if own("word-break").is_some_and(|how| how.starts_with("break")) {
        return own("min-width").and_then(pixels).unwrap_or_default();
    }
    let texts = look.dom.texts(cell).filter_map(|(text, words)| {
        let (id, _) = look.dom.around(text).next()?;
        Some((id, words))
    });
    if own("white-space") == Some("nowrap") {
        return texts.map(|(id, words)| word_width(look, id, words)).sum();
    }
    let widest = texts.filter_map(|(id, words)| widest(look, id, words));
    widest.map(|(_, width)| width).fold(0.0, f64::max)
}

fn padding_beside(look: &Look<'_>, cell: Id) -> f64 {
    ["padding-left", "padding-right"]
        .into_iter()
        .filter_map(|side| look.styles.own(cell, side, Mode::Phone).and_then(pixels))
        .sum()
}

/// Returns the word of a text that needs most pixels, and about how many.
fn widest<'a>(look: &Look<'_>, id: Id, words: &'a str) -> Option<(&'a str, f64)> {
    let mut start = 0;
    let unbroken = unicode_linebreak::linebreaks(words).filter_map(|(end, _)| {
        let word = words[start..end].trim();
        start = end;
        (!word.is_empty()).then_some(word)
    });
    unbroken
        .map(|word| (word, word_width(look, id, word)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// Returns about how many pixels a word needs in its element.
fn word_width(look: &Look<'_>, id: Id, word: &str) -> f64 {
    let size = look.styles.inherited(&look.dom, id, "font-size", Mode::Phone);
    let size = size.and_then(|(_, size)| pixels(size)).unwrap_or(16.0);
    let face = look.styles.inherited(&look.dom, id, "font-family", Mode::Phone);
    let is_even = face.is_some_and(|(_, face)| face.contains("monospace"));
    size * f64::from(if is_even { even_ems(word) } else { ems(word) })
}
