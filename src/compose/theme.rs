//! A theme: tokens (light and dark colours, faces, widths) and the CSS that uses them.
//!
//! CSS names a token as `$ink`. Every declaration that names a colour is
//! written twice, once in light for the inliner and once in dark for the
//! programs that ask for it, so that no theme can forget the night. Some tokens
//! follow the script of the issue, [`SCRIPTED`]: which side a line begins at,
//! and what is slanted or spaced out where that script is.
//! `templates/themes/base.css` dresses every block with the tokens alone; a
//! theme's own CSS comes after it and may be empty.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
};

use crate::model::Problem;

use super::{
    code::{WRONG_THEME, WRONG_VALUE},
    css::{Classes, Rule, Sheet, parse, without_comments},
    field::is_mark,
    hidden,
    keys::{Keys, Value},
    nearest::nearest,
    proof::{Help, Proof},
    script::Script,
};

/// A file of a theme or of strings, by the name people know it by.
#[derive(Clone, Copy, Debug)]
pub struct TemplateFile<'a> {
    /// The path relative to the publication.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// What dresses the layout. Holding one proves that its files were checked.
#[derive(Clone, Debug, Default)]
pub struct Theme {
    light: Tokens,
    dark: Tokens,
    plain: Tokens,
    sheet_width: u32,
    gutter: u32,
    css: Vec<Sheet>,
    /// The names and texts of what it was read from.
    sources: Vec<(String, String)>,
}

/// The CSS of one document, as far as its classes have a use for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Css {
    /// What is written into its elements.
    pub(super) inlined: String,
    /// What stays in its head: small screens, and the night in both spellings.
    pub(super) kept: String,
}

/// What each token stands for.
type Tokens = BTreeMap<&'static str, String>;

/// The colours every theme names, once in light and once in dark.
const COLOURS: [&str; 10] =
    ["ink", "paper", "ground", "accent", "link", "muted", "rule", "wash", "button", "button_ink"];

/// The faces every theme names.
const FACES: [&str; 3] = ["copy_face", "head_face", "label_face"];

/// About how long a document's CSS is, for the size of a buffer.
const CSS_BYTES: usize = 6_000;

/// What no theme may hold: nothing is loaded from elsewhere, and nothing ends its own sheet.
const FORBIDDEN: [&str; 6] = ["@import", "@font-face", "url(", "expression(", "<", "\\"];

/// What follows the script of the issue: from left to right, from left to right and never slanted, from right to left.
const SCRIPTED: [(&str, [&str; 3]); 6] = [
    ("start", ["left", "left", "right"]),
    ("end", ["right", "right", "left"]),
    ("tracking", ["2px", "2px", "normal"]),
    ("spacing", ["1px", "1px", "normal"]),
    ("slant", ["italic", "normal", "normal"]),
    ("stress", ["inherit", "bold", "bold"]),
];

const BASE: &str = include_str!("../../templates/themes/base.css");

/// The themes that come with the program: name, theme.toml, theme.css.
const BUILT_IN: [(&str, &str, &str); 2] = [
    (
        "broadsheet",
        include_str!("../../templates/themes/broadsheet/theme.toml"),
        include_str!("../../templates/themes/broadsheet/theme.css"),
    ),
    (
        "letter",
        include_str!("../../templates/themes/letter/theme.toml"),
        include_str!("../../templates/themes/letter/theme.css"),
    ),
];

impl Theme {
    /// Returns a theme by name. What a publication's own `theme.toml` says takes the place of single tokens, and its
    /// `theme.css` follows the theme's own; with either, a name of its own begins as the first of those that come with
    /// the program.
    pub fn load(name: &str, toml: Option<&str>, css: Option<&str>) -> Result<Self, Vec<Problem>> {
        let known = BUILT_IN.iter().find(|(known, ..)| *known == name);
        let Some((_, tokens, sheet)) = known.or_else(|| toml.or(css).map(|_| &BUILT_IN[0])) else {
            let mut proof = Proof::new("publication.toml", "");
            let known = Self::names().collect::<Vec<_>>().join("`, `");
            proof
                .error_of_file(WRONG_THEME, format!("no theme is named `{name}`"))
                .helped(format!("there are `{known}`, or write templates/theme.toml"));
            return Err(proof.into_problems());
        };
        let mut problems = Vec::new();
        let mut theme = Self::default();
        theme.take_tokens(TemplateFile { name: "theme.toml", text: tokens }, &mut problems);
        for (name, text) in [("base.css", BASE), ("theme.css", sheet)] {
            theme.take_css(TemplateFile { name, text }, &mut problems);
        }
        if let Some(text) = toml {
            theme.take_tokens(TemplateFile { name: "templates/theme.toml", text }, &mut problems);
        }
        if let Some(text) = css {
            theme.take_css(TemplateFile { name: "templates/theme.css", text }, &mut problems);
        }
        if problems.is_empty() { Ok(theme) } else { Err(problems) }
    }

    /// Returns the names of the themes that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, ..)| *name)
    }

    /// Takes the tokens that a file names; every mistake in it is a problem.
    fn take_tokens(&mut self, file: TemplateFile<'_>, problems: &mut Vec<Problem>) {
        let mut proof = Proof::new(file.name, file.text);
        if !hidden::is_whole(&mut proof) {
            return problems.append(&mut proof.into_problems());
        }
        let mut keys = Keys::read(0..file.text.len(), &mut proof);
        for (table, tokens) in [("light", &mut self.light), ("dark", &mut self.dark)] {
            take_colours(keys.table(table, &mut proof), tokens, &mut proof);
        }
        take_faces(keys.table("faces", &mut proof), &mut self.plain, &mut proof);
        let mut widths = keys.table("widths", &mut proof);
        for (key, allowed, width) in
            [("sheet", 480..=640, &mut self.sheet_width), ("gutter", 0..=64, &mut self.gutter)]
        {
            if let Some(wanted) = read_width(&mut widths, key, &allowed, &mut proof) {
                *width = wanted;
                self.plain.insert(key, format!("{wanted}px"));
            }
        }
        widths.finish(&mut proof);
        keys.finish(&mut proof);
        self.sources.push((file.name.to_owned(), file.text.to_owned()));
        problems.append(&mut proof.into_problems());
    }

    /// Takes a style sheet, which follows those that are there; every mistake in it is a problem.
    fn take_css(&mut self, file: TemplateFile<'_>, problems: &mut Vec<Problem>) {
        let mut proof = Proof::new(file.name, file.text);
        if hidden::is_whole(&mut proof) {
            self.css.push(read_css(&mut proof));
        }
        self.sources.push((file.name.to_owned(), file.text.to_owned()));
        problems.append(&mut proof.into_problems());
    }

    /// Returns what it was read from, in that order: the tokens of the theme, the CSS that every theme begins with, its
    /// own, and what a publication has of each.
    pub fn sources(&self) -> impl DoubleEndedIterator<Item = TemplateFile<'_>> {
        self.sources.iter().map(|(name, text)| TemplateFile { name, text })
    }

    /// Returns every colour by its name, by day and by night, and then every face, which is the same for both.
    pub fn tokens(&self) -> impl Iterator<Item = (&'static str, &str, &str)> {
        let colours =
            COLOURS.iter().map(|name| (*name, self.light[name].as_str(), self.dark[name].as_str()));
        let faces =
            FACES.iter().map(|name| (*name, self.plain[name].as_str(), self.plain[name].as_str()));
        colours.chain(faces)
    }

    /// Returns a colour by day, for the attributes that old programs read.
    pub(super) fn colour(&self, token: &str) -> &str {
        self.light.get(token).map_or("", String::as_str)
    }

    /// Returns how wide the sheet is, in pixels.
    pub(super) fn sheet_width(&self) -> u32 {
        self.sheet_width
    }

    /// Returns how wide a line of the sheet is, in pixels.
    pub(super) fn line_width(&self) -> u32 {
        self.sheet_width - 2 * self.gutter
    }

    /// Returns the CSS of a document with these classes.
    pub(super) fn css(&self, script: Script, classes: &Classes<'_>) -> Css {
        let mut inlined = String::with_capacity(CSS_BYTES);
        let mut night = String::with_capacity(CSS_BYTES);
        let mut marked = String::with_capacity(CSS_BYTES);
        let (mut by_day, mut by_night) = (String::new(), String::new());
        for rule in self.rules() {
            let selectors = rule.used_selectors(classes);
            if selectors.is_empty() {
                continue;
            }
            by_day.clear();
            by_night.clear();
            for declaration in &rule.declarations {
                self.declare(declaration, &self.light, script, &mut by_day);
                if let Some(coloured) = colour_of(declaration) {
                    self.declare(&coloured, &self.dark, script, &mut by_night);
                    by_night.push_str("!important");
                }
            }
            push_rule(&mut inlined, &selectors, "", &by_day);
            push_rule(&mut night, &selectors, "", &by_night);
            // Outlook.com and Outlook for Android mark the document instead of asking the style sheet.
            push_rule(&mut marked, &selectors, "[data-ogsc] ", &by_night);
        }
        let mut kept = String::with_capacity(night.len() + marked.len() + CSS_BYTES);
        kept.push_str(":root{color-scheme:light dark}\n");
        for (condition, rules) in self.css.iter().flat_map(|sheet| &sheet.conditional) {
            kept.extend([condition, "{\n"]);
            for rule in rules {
                by_day.clear();
                for declaration in &rule.declarations {
                    self.declare(declaration, &self.light, script, &mut by_day);
                }
                push_rule(&mut kept, &rule.used_selectors(classes), "", &by_day);
            }
            kept.push_str("}\n");
        }
        kept.extend(["@media (prefers-color-scheme:dark){\n", &night, "}\n", &marked]);
        Css { inlined, kept }
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.css.iter().flat_map(|sheet| &sheet.rules)
    }

    /// Appends a declaration with its tokens' values, after a semicolon where it is not the first.
    fn declare(&self, text: &str, colours: &Tokens, script: Script, css: &mut String) {
        if !css.is_empty() {
            css.push(';');
        }
        let mut at = 0;
        for (span, token) in tokens_of(text) {
            css.push_str(&text[at..span.start]);
            at = span.end;
            let scripted = SCRIPTED.iter().find(|(name, _)| *name == token);
            let scripted = scripted.map(|(_, values)| values[script as usize]);
            let value = || colours.get(token).or_else(|| self.plain.get(token));
            css.push_str(scripted.or_else(|| value().map(String::as_str)).unwrap_or_default());
        }
        css.push_str(&text[at..]);
    }
}

/// Reads a style sheet and checks the tokens it names.
fn read_css(proof: &mut Proof<'_>) -> Sheet {
    let text = &without_comments(proof.text());
    for forbidden in FORBIDDEN {
        for (at, _) in text.match_indices(forbidden) {
            proof.error(
                WRONG_THEME,
                at..at + forbidden.len(),
                format!("a theme may not hold `{forbidden}`"),
            );
        }
    }
    for (at, letter) in text.char_indices().filter(|(_, letter)| is_mark(*letter)) {
        let span = at..at + letter.len_utf8();
        proof.error(WRONG_THEME, span, "a theme may not hold a private-use character");
    }
    let scripted = SCRIPTED.iter().map(|(name, _)| name);
    let known = COLOURS.iter().chain(&FACES).chain(&["sheet", "gutter"]).chain(scripted);
    for (span, token) in tokens_of(text) {
        if !known.clone().any(|known| *known == token) {
            proof
                .error(WRONG_THEME, span, format!("no token is named `{token}`"))
                .perhaps(nearest(token, known.clone().copied()));
        }
    }
    parse(proof)
}

/// Writes a rule on a line of its own, unless nothing is dressed or nothing dresses it.
fn push_rule(css: &mut String, selectors: &[&str], prefix: &str, declarations: &str) {
    if selectors.is_empty() || declarations.is_empty() {
        return;
    }
    for (at, selector) in selectors.iter().enumerate() {
        css.extend([if at > 0 { "," } else { "" }, prefix, selector]);
    }
    css.extend(["{", declarations, "}\n"]);
}

/// Returns the part of a declaration that names a colour, if one does.
///
/// Of a border that is the colour alone: a theme that takes the border away by day has none by night.
fn colour_of(declaration: &str) -> Option<Cow<'_, str>> {
    let mut tokens = tokens_of(declaration).map(|(_, token)| token);
    let colour = tokens.find(|token| COLOURS.contains(token))?;
    let property = declaration.split(':').next().unwrap_or_default().trim_end();
    let is_border = property.starts_with("border") && !property.ends_with("color");
    let part = format!("{property}-color:${colour}");
    Some(if is_border { Cow::Owned(part) } else { Cow::Borrowed(declaration) })
}

/// Returns every `$token` with its bytes.
fn tokens_of(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.match_indices('$').map(|(at, _)| {
        let rest = &text[at + 1..];
        let length =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        (at..at + 1 + length, &rest[..length])
    })
}

fn take_colours(mut table: Keys<'_>, colours: &mut Tokens, proof: &mut Proof<'_>) {
    for token in COLOURS {
        let Some(Value { value, span }) = table.text(token, proof) else { continue };
        let is_colour = value.strip_prefix('#').is_some_and(|hex| {
            hex.len() == 6 && hex.chars().all(|digit| digit.is_ascii_hexdigit())
        });
        if !is_colour {
            proof
                .error(WRONG_VALUE, span, format!("`{value}` is not a colour"))
                .helped("write six hexadecimal digits, as in `#7a1f1f`");
        }
        colours.insert(token, value);
    }
    table.finish(proof);
}

fn take_faces(mut table: Keys<'_>, faces: &mut Tokens, proof: &mut Proof<'_>) {
    for face in FACES {
        let Some(Value { value, span }) = table.text(face, proof) else { continue };
        let is_wrong =
            |letter: char| "{};<\"\\".contains(letter) || is_mark(letter) || letter.is_control();
        if value.trim().is_empty() || value.contains(is_wrong) {
            proof
                .error(WRONG_THEME, span, format!("`{face}` is not a list of faces"))
                .helped("write one such as `Georgia, 'Times New Roman', serif`");
        }
        faces.insert(face, value);
    }
    table.finish(proof);
}

fn read_width(
    table: &mut Keys<'_>,
    key: &'static str,
    allowed: &RangeInclusive<u32>,
    proof: &mut Proof<'_>,
) -> Option<u32> {
    let Value { value, span } = table.number(key, proof)?;
    if !allowed.contains(&value) {
        let (least, most) = (allowed.start(), allowed.end());
        proof.error(WRONG_VALUE, span, format!("`{key}` is to be a width from {least} to {most}"));
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Place;

    #[test]
    fn every_theme_that_comes_with_the_program_names_every_token() {
        for name in Theme::names() {
            let theme = Theme::load(name, None, None).expect("it has no mistakes");
            for tokens in [&theme.light, &theme.dark] {
                assert!(tokens.keys().eq(BTreeSet::from(COLOURS).iter()), "{name}: {tokens:?}");
            }
            assert_eq!(theme.plain.len(), FACES.len() + 2, "{name}: {:?}", theme.plain);
        }
    }

    #[test]
    fn what_a_publication_says_of_a_theme_takes_the_place_of_that_and_nothing_else() {
        let toml = "[dark]\naccent = \"#abcdef\"\n[widths]\ngutter = 20\n";
        let css = ".headline { color: $accent }";
        let theme = Theme::load("letter", Some(toml), Some(css)).expect("it is fine");
        let plain = Theme::load("letter", None, None).expect("it comes with the program");
        assert_eq!(theme.dark["accent"], "#abcdef");
        assert_eq!((&theme.dark["ink"], &theme.light), (&plain.dark["ink"], &plain.light));
        assert_eq!((theme.gutter, theme.sheet_width), (20, plain.sheet_width));
        assert_eq!(theme.css[..2], plain.css[..]);
        assert_eq!(theme.css.len(), 3);
        assert!(Theme::load("ours", Some(toml), None).is_ok());
    }

    #[test]
    fn a_themes_mistakes_are_all_told_where_they_stand() {
        let toml = "[light]\nink = \"black\"\nwhash = \"#ffffff\"\n[faces]\nhead_face = \"a;b\"\n\
            [widths]\nsheet = 700\n";
        let css = ".p { color: $inkk }\n@import url(x);\n.q { color: red; margin 0 }\n\
            @media print {\n.r { border: 1px solid #fff }\n@media (x) { .s { top: 0 } }\n}\n.t { left: 0";
        let problems = Theme::load("letter", Some(toml), Some(css)).expect_err("it has mistakes");
        let told: Vec<String> = problems
            .iter()
            .map(|problem| {
                let Place { file, line, column, .. } = &problem.place;
                format!("{file}:{line}:{column} {}", problem.message)
            })
            .collect();
        let wanted = [
            "templates/theme.toml:2:7 `black` is not a colour",
            "templates/theme.toml:3:1 no key is named `whash`",
            "templates/theme.toml:5:13 `head_face` is not a list of faces",
            "templates/theme.toml:7:9 `sheet` is to be a width from 480 to 640",
            "templates/theme.css:1:13 no token is named `inkk`",
            "templates/theme.css:2:1 a theme may not hold `@import`",
            "templates/theme.css:2:1 this is not a rule",
            "templates/theme.css:2:9 a theme may not hold `url(`",
            "templates/theme.css:3:13 `red` has no colour of the night",
            "templates/theme.css:3:18 `margin 0` is not a declaration",
            "templates/theme.css:5:24 `#fff` has no colour of the night",
            "templates/theme.css:6:1 this is neither a rule nor an `@media`",
            "templates/theme.css:8:4 the brace is not closed",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn every_colour_of_the_day_has_one_of_the_night() {
        let css = ".x { color: $accent; margin: 0 }";
        let theme = Theme::load("broadsheet", None, Some(css)).expect("it is fine");
        let classes = Classes::of("<p class=\"x\">");
        let Css { inlined, kept } = theme.css(Script::Slanting, &classes);
        assert!(inlined.contains(".x{color:#7a1f1f;margin:0}"), "{inlined}");
        assert!(kept.contains("\n.x{color:#e0998f!important}\n"), "{kept}");
        assert!(kept.contains("\n[data-ogsc] .x{color:#e0998f!important}\n"), "{kept}");
    }

    #[test]
    fn a_border_that_a_theme_takes_away_stays_away_at_night() {
        let css = ".head { border-top: 0 } .x { border-$start: 3px solid $ink }";
        let theme = Theme::load("broadsheet", None, Some(css)).expect("it is fine");
        let classes = Classes::of("<p class=\"head\"><p class=\"x\">");
        let kept = theme.css(Script::RightToLeft, &classes).kept;
        assert!(kept.contains("\n.x{border-right-color:#e9e6df!important}\n"), "{kept}");
        assert!(!kept.contains("2px solid"), "{kept}");
    }

    proptest! {
        #[test]
        fn any_css_is_read_or_refused(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "a", ".é", ":", ";", " ", "\n", "/*", "*/", "@media", "@", "$", "$ink", "#fff",
                    "(", "ü", "color", "border", "!important", ",", "\u{e000}",
                ]),
                0..24,
            )
        ) {
            let css = pieces.concat();
            if let Ok(theme) = Theme::load("letter", None, Some(&css)) {
                theme.css(Script::Slanting, &Classes::of(""));
            }
        }
    }
}
