//! The CSS: what mail programs know of it, and whether what it dresses can be read by day and by night.

use super::{
    colour::Colour,
    dom::{Element, Id},
    rule::{Findings, Look, Rule},
    style::{self, Mode, pixels},
};
use crate::{
    compose::{Code, without_comments},
    model::Severity::Error,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR121",
            severity: Error,
            meaning: "a text does not say its face, size, line height and colour itself",
            why: "Programs cut style sheets out, and Outlook on Windows hands nothing down into a table: such a text falls back to Times, 12 points, in any colour.",
            source: "caniemail.com, style element; Outlook on Windows",
            mend: "the layout and base.css dress every text: please report this",
            bad: "<td><p>The minister spoke.</p></td>",
            good: "<p style=\"font-family:Georgia,serif;font-size:17px;line-height:28px;color:#1b1a18\">The minister spoke.</p>",
        },
        look: undressed,
    },
    Rule {
        code: Code {
            code: "PR122",
            severity: Error,
            meaning: "the style sheet of the head is longer than Gmail reads, or has one @-rule within another",
            why: "Gmail drops every block past 16,384 characters, and all of a block where an @ stands within @media: small screens and the night are then forgotten.",
            source: "Gmail, developers.google.com/gmail/design/css; hteumeuleu/email-bugs 38 and 91",
            mend: "take rules out of templates/theme.css, and `@media` out of `@media`",
            bad: "a templates/theme.css with 20 kB of `@media` rules",
            good: "@media only screen and (max-width: 480px) { .copy { padding: 20px } }",
        },
        look: style_sheet,
    },
    Rule {
        code: Code {
            code: "PR123",
            severity: Error,
            meaning: "something of the style is loaded from elsewhere",
            why: "Most programs refuse it, Outlook on Windows then shows Times, and whoever keeps the file sees who reads the mail.",
            source: "caniemail.com, @import and @font-face; the reader's privacy",
            mend: "use faces that are on every machine, such as Georgia or Arial",
            bad: "<link rel=\"stylesheet\" href=\"https://fonts.example.org/lora.css\">",
            good: "font-family: Georgia, 'Times New Roman', serif",
        },
        look: loaded,
    },
    Rule {
        code: Code {
            code: "PR124",
            severity: Error,
            meaning: "a property that not all of Gmail, Outlook, Apple Mail and Yahoo know",
            why: "Where it is not known the issue looks otherwise than was meant, and some programs drop the whole style attribute.",
            source: "caniemail.com, as of November 2026",
            mend: "leave it out; base.css shows what there is",
            bad: ".headline { text-shadow: 1px 1px #999 }",
            good: ".headline { letter-spacing: 1px }",
        },
        look: unknown_property,
    },
    Rule {
        code: Code {
            code: "PR125",
            severity: Error,
            meaning: "a way to lay out that mail programs do not know: position, float, flex, grid, calc(), var(), or a negative margin",
            why: "Outlook on Windows and Gmail take it away, and what was beside or over something falls below it.",
            source: "caniemail.com: position, float, display:flex, display:grid, calc(), var(), margin",
            mend: "let the blocks stand below one another; two columns are a table",
            bad: ".tagline { margin-top: -8px; float: right }",
            good: ".tagline { margin: 0; text-align: right }",
        },
        look: unknown_layout,
    },
    Rule {
        code: Code {
            code: "PR126",
            severity: Error,
            meaning: "a colour of the day has none for the night",
            why: "By night only some colours would turn: dark letters stay on a ground that became dark.",
            source: "prefers-color-scheme in Apple Mail; [data-ogsc] in Outlook.com and Outlook for Android",
            mend: "name the colour as a token: `$ink`, `$muted`, `$accent`, and the night follows by itself",
            bad: "<h1 style=\"color:#7a1f1f\">      and no rule for the night",
            good: ".headline { color: $accent }",
        },
        look: no_night,
    },
    Rule {
        code: Code {
            code: "PR127",
            severity: Error,
            meaning: "letters that are hard to read on their ground, by day, by night, or where a program forces the night",
            why: "Who reads in the sun, on a cheap screen or with old eyes sees nothing there. Forced is what Gmail's app does: a light ground and the letters on it are turned around, a dark ground stays.",
            source: "WCAG 2.2, success criterion 1.4.3: 4.5 to 1, and 3 to 1 from 24 px, or 18.66 px bold",
            mend: "make the letters darker by day, lighter by night",
            bad: "[light]\nmuted = \"#9a958e\"\npaper = \"#ffffff\"",
            good: "[light]\nmuted = \"#595550\"\npaper = \"#ffffff\"",
        },
        look: contrast,
    },
    Rule {
        code: Code {
            code: "PR128",
            severity: Error,
            meaning: "letters too small or lines too close to read",
            why: "Below 13 pixels iPhones enlarge a text and break the layout; copy below 16 pixels and lines closer than 1.4 tire the eyes on a phone.",
            source: "Apple Mail on iOS; WCAG 2.2, success criterion 1.4.12",
            mend: "give copy 16 px or more, all else 13 px, and a line height of 1.4 times that (1.2 for letters over 20 px)",
            bad: ".small { font-size: 11px; line-height: 13px }",
            good: ".small { font-size: 13px; line-height: 20px }",
        },
        look: size,
    },
];

/// How many characters of style Gmail reads.
const STYLE_MAX: usize = 16_384;

/// What every program knows, or what does no harm where it is not known, each with what then happens.
const KNOWN: &[(&str, &str)] = &[
    ("background", "known to all"),
    ("background-color", "known to all"),
    ("border", "known to all, the sides too"),
    ("border-collapse", "known to all"),
    ("color", "known to all"),
    ("direction", "known to all"),
    ("display", "known to all, but for flex and grid"),
    ("font", "known to all, with its parts"),
    ("height", "known to all"),
    ("letter-spacing", "known to all"),
    ("line-height", "known to all"),
    ("list-style", "known to all, with its parts"),
    ("margin", "known to all where it is not negative"),
    ("padding", "known to all on cells"),
    ("table-layout", "known to all"),
    ("text-align", "known to all"),
    ("text-decoration", "known to all; its parts show a plain line where they are not"),
    ("text-indent", "known to all"),
    ("text-transform", "known to all"),
    ("vertical-align", "known to all"),
    ("white-space", "known to all; Outlook on Windows wraps"),
    ("width", "known to all"),
    // From here on: progressive.
    ("-ms-text-size-adjust", "only old Windows phones need it"),
    ("-webkit-font-smoothing", "letters are a little heavier without it"),
    ("-webkit-text-size-adjust", "only iPhones need it"),
    ("border-radius", "corners are square without it"),
    ("border-spacing", "cells touch without it"),
    ("break-after", "only paper needs it"),
    ("break-before", "only paper needs it"),
    ("break-inside", "only paper needs it"),
    ("color-scheme", "a program that does not ask for it turns no colours"),
    ("font-feature-settings", "figures are set as the face has them without it"),
    ("font-variant-numeric", "figures are set as the face has them without it"),
    ("hyphens", "words are not broken without it"),
    ("max-height", "only hides the preheader, which display:none hides as well"),
    ("max-width", "Outlook on Windows reads the width attribute instead"),
    ("min-width", "Outlook on Windows reads the width attribute instead"),
    ("opacity", "only hides the preheader, which display:none hides as well"),
    ("orphans", "only paper needs it"),
    ("overflow", "only hides the preheader, which display:none hides as well"),
    ("overflow-wrap", "a long word runs over its line without it"),
    ("page-break-after", "only paper needs it"),
    ("page-break-before", "only paper needs it"),
    ("page-break-inside", "only paper needs it"),
    ("print-color-adjust", "only paper needs it"),
    ("-webkit-print-color-adjust", "only paper needs it"),
    ("text-size-adjust", "only phones need it"),
    ("text-underline-offset", "the line is closer without it"),
    ("unicode-bidi", "the dir attribute says the same"),
    ("visibility", "only hides the preheader, which display:none hides as well"),
    ("widows", "only paper needs it"),
    ("word-break", "a long word runs over its line without it"),
    ("word-spacing", "words are a little closer without it"),
    ("word-wrap", "a long word runs over its line without it"),
];

/// Properties that lay out in ways mail programs do not know.
const LAYING_OUT: [&str; 13] = [
    "position",
    "float",
    "clear",
    "flex",
    "grid",
    "gap",
    "order",
    "align-items",
    "justify-content",
    "columns",
    "transform",
    "top",
    "left",
];

/// Ways of colouring a mode, as they are told.
const MODES: [(Mode, &str); 4] = [
    (Mode::Day, "by day"),
    (Mode::Night, "by night"),
    (Mode::Marked, "by night in Outlook.com"),
    (Mode::Forced, "where a program forces the night"),
];

fn undressed(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in style::shown(&look.dom, &look.styles) {
        let own = look.dom.element(id).map(|element| (id, element));
        let mut chain = Vec::new();
        for (id, element) in own.into_iter().chain(look.dom.around(id)) {
            chain.push(id);
            if matches!(element.name.as_str(), "td" | "th" | "caption") {
                break;
            }
        }
        let is_said = |property: &&str| {
            let says = |id: &Id| {
                look.styles.inline(*id).any(|(known, _)| known == *property || known == "font")
            };
            chain.iter().any(says)
        };
        let properties = ["font-family", "font-size", "line-height", "color"];
        let unsaid: Vec<&str> =
            properties.into_iter().filter(|property| !is_said(property)).collect();
        if !unsaid.is_empty() {
            found.mark_once(
                look.place(id),
                format!("a text does not say its `{}`", unsaid.join("`, `")),
            );
        }
    }
}

fn style_sheet(look: &Look<'_>, found: &mut Findings) {
    let sheets: Vec<String> =
        look.dom.named("style").map(|(id, _)| style::text_of(&look.dom, id)).collect();
    let length: usize = sheets.iter().map(|sheet| sheet.chars().count()).sum();
    if length > STYLE_MAX {
        let message = format!(
            "the style sheets of the head have {length} characters, Gmail reads {STYLE_MAX}"
        );
        found.mark(look.places.theme(), message);
    }
    for sheet in &sheets {
        let sheet = without_comments(sheet);
        if let Some(rule) = style::rules(&sheet).iter().find(|rule| rule.conditions.len() > 1) {
            let (outer, inner) = (rule.conditions[0], rule.conditions[1]);
            found.mark(look.places.in_theme(inner), format!("`{inner}` stands within `{outer}`"));
        }
    }
}

fn loaded(look: &Look<'_>, found: &mut Findings) {
    let sheets = look.dom.named("style").map(|(id, _)| style::text_of(&look.dom, id));
    let own =
        look.dom.elements().filter_map(|(_, element)| element.get("style").map(str::to_owned));
    for css in sheets.chain(own) {
        for word in ["@import", "@font-face", "url("] {
            if css.contains(word) {
                found.mark(look.places.in_theme(word), format!("the style holds `{word}`"));
            }
        }
    }
    for (id, link) in
        look.dom.named("link").filter(|(_, link)| link.get("rel") == Some("stylesheet"))
    {
        let from = link.get("href").unwrap_or_default();
        found.mark(look.place(id), format!("a style sheet is loaded from `{from}`"));
    }
}

fn unknown_property(look: &Look<'_>, found: &mut Findings) {
    for (place, property, _) in
        declared(look, |property, value| !lays_out(property, value) && !is_known(property))
    {
        found.mark(place, format!("not every mail program knows `{property}`"));
    }
}

fn unknown_layout(look: &Look<'_>, found: &mut Findings) {
    for (place, property, value) in declared(look, lays_out) {
        found.mark(place, format!("mail programs do not lay out by `{property}: {value}`"));
    }
}

fn no_night(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in look.dom.elements() {
        for (property, value) in look.styles.inline(id) {
            let is_coloured = property == "color"
                || property.starts_with("background")
                || property.starts_with("border");
            if !is_coloured || Colour::read(value).is_none() {
                continue;
            }
            let long = format!("{property}-color");
            let short = property.strip_suffix("-color").unwrap_or(property);
            let has = |mode| {
                [property, &long, short]
                    .into_iter()
                    .any(|property| look.styles.kept(id, property, mode).is_some())
            };
            if !has(Mode::Night) || !has(Mode::Marked) {
                let place = look.places.declaration(&look.dom, id, property, Mode::Day);
                found.mark(place, format!("`{property}: {value}` has no colour for the night"));
            }
        }
    }
}

fn contrast(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in style::shown(&look.dom, &look.styles) {
        let needed = if is_large(look, id) { 3.0 } else { 4.5 };
        for (mode, when) in MODES {
            let dressed = if mode == Mode::Forced { Mode::Day } else { mode };
            let ink = look.styles.ink(&look.dom, id, dressed);
            let ground = look.styles.ground(&look.dom, id, dressed);
            let (Some((owner, ink)), Some((_, ground))) = (ink, ground) else { continue };
            let turns = mode == Mode::Forced && ground.is_light();
            let (ink, ground) =
                if turns { (ink.inverted(), ground.inverted()) } else { (ink, ground) };
            let contrast = ink.contrast(ground);
            if contrast < needed {
                let place = look.places.declaration(&look.dom, owner, "color", dressed);
                let message = format!(
                    "{when} `{ink}` on `{ground}` has a contrast of {contrast:.2}, and needs {needed}"
                );
                found.mark_once(place, message);
            }
        }
    }
}

fn size(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in style::shown(&look.dom, &look.styles) {
        for (mode, when) in [(Mode::Day, ""), (Mode::Phone, " on a phone")] {
            let Some((owner, value)) = look.styles.inherited(&look.dom, id, "font-size", mode)
            else {
                continue;
            };
            let place =
                || look.places.declaration(&look.dom, owner, "font-size", sized(look, owner, mode));
            let Some(size) = pixels(value) else {
                found.mark_once(place(), format!("`font-size: {value}` is not in pixels"));
                continue;
            };
            let least = if is_copy(look, id) { 16.0 } else { 13.0 };
            if size < least {
                found.mark_once(
                    place(),
                    format!("the letters are {size} pixels high{when}, and need {least}"),
                );
                continue;
            }
            let Some((owner, value)) = look.styles.inherited(&look.dom, id, "line-height", mode)
            else {
                continue;
            };
            let height = match value.parse::<f64>() {
                Ok(times) if times != 0.0 => times,
                _ => pixels(value).unwrap_or_default() / size,
            };
            let least = if size > 20.0 { 1.2 } else { 1.4 };
            if height < least {
                let place = look.places.declaration(
                    &look.dom,
                    owner,
                    "line-height",
                    sized(look, owner, mode),
                );
                found.mark_once(place, format!("the lines are {height:.2} times as high as the letters{when}, and need {least}"));
            }
        }
    }
}

/// Returns the mode whose rule gives an element its size: the phone's where it has one.
fn sized(look: &Look<'_>, id: Id, mode: Mode) -> Mode {
    let has_own = ["font-size", "line-height"]
        .into_iter()
        .any(|property| look.styles.kept(id, property, mode).is_some());
    if has_own { mode } else { Mode::Day }
}

/// Tells whether a text is what one came to read: a paragraph, an item or a quotation of the draft, but for its notes.
fn is_copy(look: &Look<'_>, id: Id) -> bool {
    let own = look.dom.element(id);
    let around = || own.into_iter().chain(look.dom.around(id).map(|(_, element)| element));
    let cell = around().find(|element| element.name == "td");
    let is_note = cell.is_some_and(|cell| cell.has_class("notes"));
    // The block it stands in itself: a caption within an item is none.
    let is_block = |element: &&Element| {
        matches!(element.name.as_str(), "p" | "li" | "th" | "td" | "caption" | "pre")
    };
    let block = around().find(is_block);
    let is_read =
        |block: &Element| ["p", "item", "quote"].into_iter().any(|class| block.has_class(class));
    !is_note && block.is_some_and(is_read)
}

/// Tells whether letters count as large (WCAG 2.2).
fn is_large(look: &Look<'_>, id: Id) -> bool {
    let value = |property| {
        look.styles.inherited(&look.dom, id, property, Mode::Phone).map(|(_, value)| value)
    };
    let size = value("font-size").and_then(pixels).unwrap_or_default();
    let is_bold = value("font-weight").is_some_and(|weight| {
        weight == "bold" || weight.parse::<u32>().is_ok_and(|weight| weight >= 700)
    });
    size >= 24.0 || (is_bold && size >= 18.66)
}

/// Returns every declaration of the finished copy that is wanted, with its place.
fn declared(
    look: &Look<'_>,
    wanted: impl Fn(&str, &str) -> bool,
) -> Vec<(crate::model::Place, String, String)> {
    let mut all = Vec::new();
    for (id, _) in look.dom.elements() {
        for (property, value) in
            look.styles.inline(id).filter(|(property, value)| wanted(property, value))
        {
            let place = look.places.declaration(&look.dom, id, property, Mode::Day);
            all.push((place, property.to_owned(), value.to_owned()));
        }
    }
    for (id, _) in look.dom.named("style") {
        let sheet = without_comments(&style::text_of(&look.dom, id));
        for rule in style::rules(&sheet) {
            for declaration in style::declarations(rule.body) {
                let (property, value) =
                    (declaration.property.to_ascii_lowercase(), declaration.value);
                if wanted(&property, value) {
                    all.push((
                        look.places.in_theme(declaration.property),
                        property,
                        value.to_owned(),
                    ));
                }
            }
        }
    }
    all
}

/// Tells whether a declaration lays out in a way that mail programs do not know.
fn lays_out(property: &str, value: &str) -> bool {
    let family = |known: &str| {
        property.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    LAYING_OUT.into_iter().any(family)
        || property.starts_with("--")
        || (property == "display" && (value.contains("flex") || value.contains("grid")))
        || ["calc(", "var(", "clamp("].into_iter().any(|function| value.contains(function))
        || (property.starts_with("margin")
            && value.split_whitespace().any(|part| part.starts_with('-')))
}

/// Tells whether a property does good, or no harm, in every mail program; Outlook's own are read by Outlook alone.
fn is_known(property: &str) -> bool {
    property.starts_with("mso-")
        || KNOWN.iter().any(|(known, _)| {
            let rest = property.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && has_parts(known)))
        })
}

/// Tells whether a property's parts, such as `border-left-width`, are known where it is.
fn has_parts(property: &str) -> bool {
    matches!(property, "border" | "font" | "list-style" | "margin" | "padding" | "text-decoration")
}
