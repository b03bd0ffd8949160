//! A theme: tokens (light and dark colours, faces, widths) and the CSS that uses them.
//!
//! CSS names a token as `$ink`. Every declaration that names a colour is
//! written twice, once in light for the inliner and once in dark for the
//! programs that ask for it, so that no theme can forget the night. Some tokens
//! follow the script of the issue, [`SCRIPTED`]: which side a line begins at,
//! and what is slanted or spaced out where that script is.
//! `templates/themes/base.css` dresses every block with the tokens alone; a
//! theme's own CSS comes after it and may be empty.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use crate::model::Problem;

use super::{
    code::{WRONG_THEME, WRONG_VALUE},
    css::{Classes, Rule, Sheet, parse, without_comments},
    field::is_mark,
    keys::Keys,
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
#[derive(Clone, Debug)]
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

/// What each token stands for.
type Tokens = BTreeMap<&'static str, String>;

/// The colours every theme names, once in light and once in dark.
const COLOURS: [&str; 10] =
    ["ink", "paper", "ground", "accent", "link", "muted", "rule", "wash", "button", "button_ink"];

/// The faces every theme names.
const FACES: [&str; 3] = ["copy_face", "head_face", "label_face"];

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
    /// Returns a theme that comes with the program.
    pub fn built_in(name: &str) -> Option<Self> {
        let (toml, css) = Self::files(name)?;
        Self::parse(toml, css).ok()
    }

    /// Returns a theme by name, a publication's own `theme.toml` or `theme.css` in the place of the one that comes with the program.
    pub fn load(name: &str, toml: Option<&str>, css: Option<&str>) -> Result<Self, Vec<Problem>> {
        let built_in = Self::files(name);
        let own = |name, text| TemplateFile { name, text };
        let toml = toml.map(|text| own("templates/theme.toml", text));
        let css = css.map(|text| own("templates/theme.css", text));
        if let (Some(toml), css) =
            (toml.or(built_in.map(|(toml, _)| toml)), css.or(built_in.map(|(_, css)| css)))
        {
            Self::parse(toml, css.unwrap_or(own("templates/theme.css", "")))
        } else {
            let mut proof = Proof::new("publication.toml", "");
            let known = Self::names().collect::<Vec<_>>().join("`, `");
            proof
                .error_of_file(WRONG_THEME, format!("no theme is named `{name}`"))
                .helped(format!("there are `{known}`, or write templates/theme.toml"));
            Err(proof.into_problems())
        }
    }

    fn files(name: &str) -> Option<(TemplateFile<'static>, TemplateFile<'static>)> {
        let (_, toml, css) = BUILT_IN.iter().find(|(known, ..)| *known == name)?;
        let file = |name, text| TemplateFile { name, text };
        Some((file("theme.toml", *toml), file("theme.css", *css)))
    }

    /// Returns the names of the themes that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, ..)| *name)
    }

    /// Reads a theme's two files; every mistake in them is a problem.
    pub fn parse(toml: TemplateFile<'_>, css: TemplateFile<'_>) -> Result<Self, Vec<Problem>> {
        let mut proof = Proof::new(toml.name, toml.text);
        let mut theme = Self::from_toml(&mut proof);
        theme.sources.push((toml.name.to_owned(), toml.text.to_owned()));
        let mut problems = proof.into_problems();
        for file in [TemplateFile { name: "base.css", text: BASE }, css] {
            let mut proof = Proof::new(file.name, file.text);
            theme.css.push(read_css(&mut proof));
            theme.sources.push((file.name.to_owned(), file.text.to_owned()));
            problems.append(&mut proof.into_problems());
        }
        if problems.is_empty() { Ok(theme) } else { Err(problems) }
    }

    /// Returns what it was read from: theme.toml, the CSS that every theme begins with, and its own.
    pub fn sources(&self) -> impl DoubleEndedIterator<Item = TemplateFile<'_>> {
        self.sources.iter().map(|(name, text)| TemplateFile { name, text })
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

    /// Returns the CSS to be inlined, as far as a document with these classes has a use for it.
    pub(super) fn inlined_css(&self, script: Script, classes: &Classes<'_>) -> String {
        let mut css = String::new();
        for rule in self.rules() {
            let declarations = rule.declarations.iter();
            let declarations = declarations.map(|text| self.fill(text, &self.light, script));
            push_rule(
                &mut css,
                &rule.used_selectors(classes),
                "",
                &declarations.collect::<Vec<_>>(),
            );
        }
        css
    }

    /// Returns the CSS that stays in a document with these classes: small screens, and the night in both spellings.
    pub(super) fn kept_css(&self, script: Script, classes: &Classes<'_>) -> String {
        let mut css = String::from(":root{color-scheme:light dark}\n");
        for (condition, rules) in self.css.iter().flat_map(|sheet| &sheet.conditional) {
            let mut inner = String::new();
            for rule in rules {
                let selectors = rule.used_selectors(classes);
                let declarations =
                    rule.declarations.iter().map(|text| self.fill(text, &self.light, script));
                push_rule(&mut inner, &selectors, "", &declarations.collect::<Vec<_>>());
            }
            css.extend([condition, "{\n", &inner, "}\n"]);
        }
        let night = self.dark_css("", script, classes);
        css.extend(["@media (prefers-color-scheme:dark){\n", &night, "}\n"]);
        // Outlook.com and Outlook for Android mark the document instead of asking the style sheet.
        css.push_str(&self.dark_css("[data-ogsc] ", script, classes));
        css
    }

    fn dark_css(&self, prefix: &str, script: Script, classes: &Classes<'_>) -> String {
        let mut css = String::new();
        for rule in self.rules() {
            let coloured: Vec<String> = rule
                .declarations
                .iter()
                .filter_map(|text| colour_of(text))
                .map(|text| format!("{}!important", self.fill(&text, &self.dark, script)))
                .collect();
            push_rule(&mut css, &rule.used_selectors(classes), prefix, &coloured);
        }
        css
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.css.iter().flat_map(|sheet| &sheet.rules)
    }

    /// Writes a declaration with its tokens' values.
    fn fill(&self, text: &str, colours: &Tokens, script: Script) -> String {
        let mut filled = String::new();
        let mut at = 0;
        for (span, token) in tokens_of(text) {
            filled.push_str(&text[at..span.start]);
            at = span.end;
            let scripted = SCRIPTED.iter().find(|(name, _)| *name == token);
            let scripted = scripted.map(|(_, values)| values[script as usize]);
            let value = || colours.get(token).or_else(|| self.plain.get(token));
            filled.push_str(scripted.or_else(|| value().map(String::as_str)).unwrap_or_default());
        }
        filled.push_str(&text[at..]);
        filled
    }

    fn from_toml(proof: &mut Proof<'_>) -> Self {
        let mut keys = Keys::read(0..proof.text().len(), proof);
        let light = colours(&mut keys, "light", proof);
        let dark = colours(&mut keys, "dark", proof);
        let mut plain = Tokens::new();
        let mut faces = keys.table("faces", proof);
        for face in FACES {
            let span = faces.span_of(face);
            let value = faces.needed(face, proof);
            if value.contains(['{', '}', ';', '<', '"', '\\']) || value.contains(is_mark) {
                proof
                    .error(WRONG_THEME, span, format!("`{face}` is not a list of faces"))
                    .helped("write one such as `Georgia, 'Times New Roman', serif`");
            }
            plain.insert(face, value);
        }
        faces.finish(proof);
        let mut widths = keys.table("widths", proof);
        let sheet_width = width(&mut widths, "sheet", 480..=640, proof);
        let gutter = width(&mut widths, "gutter", 0..=64, proof);
        widths.finish(proof);
        keys.finish(proof);
        plain.insert("sheet", format!("{sheet_width}px"));
        plain.insert("gutter", format!("{gutter}px"));
        let (css, sources) = (Vec::new(), Vec::new());
        Self { light, dark, plain, sheet_width, gutter, css, sources }
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
fn push_rule(css: &mut String, selectors: &[&str], prefix: &str, declarations: &[String]) {
    if !selectors.is_empty() && !declarations.is_empty() {
        let selectors: Vec<String> =
            selectors.iter().map(|selector| format!("{prefix}{selector}")).collect();
        css.extend([&selectors.join(","), "{", &declarations.join(";"), "}\n"]);
    }
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

fn colours(keys: &mut Keys<'_>, table: &'static str, proof: &mut Proof<'_>) -> Tokens {
    let mut table = keys.table(table, proof);
    let mut colours = Tokens::new();
    for token in COLOURS {
        let span = table.span_of(token);
        let value = table.needed(token, proof);
        let is_colour = value.strip_prefix('#').is_some_and(|hex| {
            hex.len() == 6 && hex.chars().all(|digit| digit.is_ascii_hexdigit())
        });
        if !value.is_empty() && !is_colour {
            proof
                .error(WRONG_VALUE, span, format!("`{value}` is not a colour"))
                .helped("write six hexadecimal digits, as in `#7a1f1f`");
        }
        colours.insert(token, value);
    }
    table.finish(proof);
    colours
}

fn width(
    keys: &mut Keys<'_>,
    key: &'static str,
    allowed: std::ops::RangeInclusive<u32>,
    proof: &mut Proof<'_>,
) -> u32 {
    let span = keys.span_of(key);
    let width = keys.number(key, proof).map_or(u32::MAX, |width| width.value);
    if !allowed.contains(&width) {
        let (least, most) = allowed.clone().into_inner();
        proof.error(WRONG_VALUE, span, format!("`{key}` is to be a width from {least} to {most}"));
    }
    width.clamp(*allowed.start(), *allowed.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_themes_mistakes_are_all_told_where_they_stand() {
        let (toml, _) = Theme::files("letter").expect("it comes with the program");
        let text =
            toml.text.replacen("ink = \"#1d1f21\"", "ink = \"black\"", 1).replace("wash", "whash");
        let toml = TemplateFile { name: "theme.toml", text: &text };
        let css = ".p { color: $inkk }\n@import url(x);\n.q { color: red";
        let css = TemplateFile { name: "theme.css", text: css };
        let problems = Theme::parse(toml, css).expect_err("it has mistakes");
        let told: Vec<String> = problems
            .iter()
            .map(|problem| {
                format!("{}:{} {}", problem.place.file, problem.place.line, problem.message)
            })
            .collect();
        for wanted in [
            "theme.toml:3 `black` is not a colour",
            "theme.toml:10 no key is named `whash`",
            "theme.css:1 no token is named `inkk`",
            "theme.css:2 a theme may not hold `@import`",
            "theme.css:2 a theme may not hold `url(`",
        ] {
            assert!(told.iter().any(|told| told == wanted), "{wanted}: {told:#?}");
        }
    }

    #[test]
    fn every_colour_of_the_day_has_one_of_the_night() {
        let css = TemplateFile { name: "theme.css", text: ".x { color: $accent; margin: 0 }" };
        let (toml, _) = Theme::files("broadsheet").expect("it comes with the program");
        let theme = Theme::parse(toml, css).expect("it is fine");
        let classes = Classes::of("<p class=\"x\">");
        assert!(
            theme.inlined_css(Script::Slanting, &classes).contains(".x{color:#7a1f1f;margin:0}")
        );
        let kept = theme.kept_css(Script::Slanting, &classes);
        assert!(kept.contains("\n.x{color:#e0998f!important}\n"), "{kept}");
        assert!(kept.contains("\n[data-ogsc] .x{color:#e0998f!important}\n"), "{kept}");
    }

    #[test]
    fn a_border_that_a_theme_takes_away_stays_away_at_night() {
        let css = ".head { border-top: 0 } .x { border-$start: 3px solid $ink }";
        let (toml, _) = Theme::files("broadsheet").expect("it comes with the program");
        let theme = Theme::parse(toml, TemplateFile { name: "theme.css", text: css });
        let classes = Classes::of("<p class=\"head\"><p class=\"x\">");
        let kept = theme.expect("it is fine").kept_css(Script::RightToLeft, &classes);
        assert!(kept.contains("\n.x{border-right-color:#e9e6df!important}\n"), "{kept}");
        assert!(!kept.contains("2px solid"), "{kept}");
    }

    #[test]
    fn any_css_is_read_or_refused() {
        for css in [
            "",
            "{",
            "}",
            "a{",
            "/*",
            "*/",
            "@media{",
            "@media (x){a{b",
            "$",
            "a{$}",
            "é{ü:ö}",
            "{}{}",
        ] {
            let (toml, _) = Theme::files("letter").expect("it comes with the program");
            let _ = Theme::parse(toml, TemplateFile { name: "theme.css", text: css });
        }
    }
}
