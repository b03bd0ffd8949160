//! What the elements of a finished copy are dressed in, by day, on a phone, by night, and where a program forces the night.
//!
//! Only the little CSS that mail needs is read: inline declarations, and rules of
//! classes and element names, perhaps within `@media`. A rule of another kind
//! dresses nothing here, as in most mail programs.

use std::ops::Range;

use super::{
    colour::Colour,
    dom::{Dom, Element, Id},
};
use crate::compose::without_comments;

/// One `property: value`, without its `!important`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declaration<'a> {
    pub(super) property: &'a str,
    pub(super) value: &'a str,
    /// The bytes it stands at in the text that was read.
    pub(super) span: Range<usize>,
}

/// A rule of a style sheet.
#[derive(Clone, Debug)]
pub(super) struct Rule<'a> {
    /// The conditions around it, the outermost first.
    pub(super) conditions: Vec<&'a str>,
    pub(super) selectors: Vec<&'a str>,
    /// What stands between its braces, and the byte it begins at.
    pub(super) body: &'a str,
    pub(super) start: usize,
}

/// How a copy is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As it is written.
    Day,
    /// On a narrow screen.
    Phone,
    /// By a program that asks for the dark style sheet.
    Night,
    /// By Outlook.com, which marks the document instead.
    Marked,
    /// By a program that turns light grounds and the letters on them dark by itself.
    Forced,
}

/// What every element is dressed in.
#[derive(Debug, Default)]
pub(super) struct Styles {
    dress: Vec<Dress>,
}

#[derive(Clone, Debug, Default)]
struct Dress {
    inline: Vec<(String, String)>,
    kept: Vec<(Mode, String, String)>,
}

impl Styles {
    /// Reads what the elements say of themselves and what the style sheets of the head say of them.
    pub(super) fn of(dom: &Dom) -> Self {
        let sheets: Vec<String> =
            dom.named("style").map(|(id, _)| without_comments(&text_of(dom, id))).collect();
        let rules: Vec<(Mode, Vec<Selector<'_>>, Vec<Declaration<'_>>)> = sheets
            .iter()
            .flat_map(|sheet| rules(sheet))
            .filter_map(|rule| {
                let selectors = rule.selectors.iter().filter_map(|text| Selector::read(text));
                let selectors: Vec<Selector<'_>> = selectors.collect();
                let mode = mode_of(&rule)?;
                Some((mode, selectors, declarations(rule.body).collect()))
            })
            .collect();
        let mut dress = Vec::new();
        for (id, element) in dom.elements() {
            let inline = declarations(element.get("style").unwrap_or_default())
                .map(|one| owned(&one))
                .collect();
            let mut kept = Vec::new();
            for (mode, selectors, declarations) in &rules {
                if selectors.iter().any(|selector| selector.fits(dom, id, element)) {
                    kept.extend(
                        declarations
                            .iter()
                            .map(owned)
                            .map(|(property, value)| (*mode, property, value)),
                    );
                }
            }
            dress.resize(id + 1, Dress::default());
            dress[id] = Dress { inline, kept };
        }
        Self { dress }
    }

    /// Returns what an element says of itself by day.
    pub(super) fn inline(&self, id: Id) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        let dress = self.dress.get(id).map_or(&[][..], |dress| &dress.inline);
        dress.iter().map(|(property, value)| (property.as_str(), value.as_str()))
    }

    /// Returns the value of a property that an element has itself.
    pub(super) fn own(&self, id: Id, property: &str, mode: Mode) -> Option<&str> {
        let kept = self.dress.get(id)?.kept.iter().rev();
        let mut kept = kept.filter(|(of, known, _)| *of == mode && known == property);
        let kept = kept.next().map(|(_, _, value)| value.as_str());
        kept.or_else(|| {
            self.inline(id).rev().find(|(known, _)| *known == property).map(|(_, value)| value)
        })
    }

    /// Returns the value that a style sheet of the head gives an element in a mode.
    pub(super) fn kept(&self, id: Id, property: &str, mode: Mode) -> Option<&str> {
        let mut kept = self.dress.get(id)?.kept.iter().rev();
        kept.find(|(of, known, _)| *of == mode && known == property)
            .map(|(_, _, value)| value.as_str())
    }

    /// Returns the value of a property that an element has itself or from those around it, and whose it is.
    pub(super) fn inherited<'a>(
        &'a self,
        dom: &Dom,
        id: Id,
        property: &str,
        mode: Mode,
    ) -> Option<(Id, &'a str)> {
        let mut around = std::iter::once(id).chain(dom.around(id).map(|(id, _)| id));
        around.find_map(|id| Some((id, self.own(id, property, mode)?)))
    }

    /// Returns the colour of the letters of an element, and whose it is.
    pub(super) fn ink(&self, dom: &Dom, id: Id, mode: Mode) -> Option<(Id, Colour)> {
        let (owner, value) = self.inherited(dom, id, "color", mode)?;
        Some((owner, Colour::read(value)?))
    }

    /// Returns the colour behind an element, and whose it is.
    pub(super) fn ground(&self, dom: &Dom, id: Id, mode: Mode) -> Option<(Id, Colour)> {
        let own = dom.element(id).map(|element| (id, element));
        own.into_iter().chain(dom.around(id)).find_map(|(id, element)| {
            let value = self.own(id, "background-color", mode);
            let value = value
                .or_else(|| self.own(id, "background", mode))
                .or_else(|| element.get("bgcolor"));
            Some((id, Colour::read(value?)?))
        })
    }

    /// Tells whether an element or one around it is not shown.
    pub(super) fn is_hidden(&self, dom: &Dom, id: Id) -> bool {
        std::iter::once(id)
            .chain(dom.around(id).map(|(id, _)| id))
            .any(|id| self.own(id, "display", Mode::Day) == Some("none"))
    }
}

/// Returns the texts that a reader sees, each with the element it stands in.
pub(super) fn shown<'a>(dom: &'a Dom, styles: &'a Styles) -> impl Iterator<Item = (Id, &'a str)> {
    dom.texts(super::dom::ROOT).filter_map(move |(text, words)| {
        let (id, _) = dom.around(text).next()?;
        let is_said = !words
            .trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{a0}')
            .is_empty();
        let in_body = std::iter::once(id)
            .chain(dom.around(id).map(|(id, _)| id))
            .filter_map(|id| dom.element(id))
            .all(|element| !matches!(element.name.as_str(), "head" | "style" | "script" | "title"));
        (is_said && in_body && !styles.is_hidden(dom, id)).then_some((id, words))
    })
}

/// Returns a length in whole or broken pixels; `None` for any other unit.
pub(super) fn pixels(value: &str) -> Option<f64> {
    match value.strip_suffix("px").unwrap_or(value).parse() {
        Ok(length) if value.ends_with("px") || length == 0.0 => Some(length),
        _ => None,
    }
}

/// Reads the declarations of a `style` attribute or a rule.
pub(super) fn declarations(text: &str) -> impl Iterator<Item = Declaration<'_>> {
    split(text, ';').filter_map(|(start, part)| {
        let (property, value) = part.split_once(':')?;
        let blank = part.len() - part.trim_start().len();
        let value = value.trim();
        let bare = value
            .strip_suffix("important")
            .map(str::trim_end)
            .and_then(|bare| bare.strip_suffix('!'));
        Some(Declaration {
            property: property.trim(),
            value: bare.map_or(value, str::trim_end),
            span: start + blank..start + part.trim_end().len(),
        })
    })
}

/// Reads the rules of a style sheet without comments; what is no rule is passed over.
pub(super) fn rules(sheet: &str) -> Vec<Rule<'_>> {
    let mut found = Vec::new();
    let mut conditions: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(next) = sheet[at..].find(['{', '}', ';']).map(|next| at + next) {
        let prelude = sheet[at..next].trim();
        at = next + 1;
        match sheet.as_bytes()[next] {
            b'}' => {
                conditions.pop();
            }
            b'{' if prelude.starts_with('@') => conditions.push(prelude),
            b'{' => {
                let end = sheet[at..].find('}').map_or(sheet.len(), |end| at + end);
                found.push(Rule {
                    conditions: conditions.clone(),
                    selectors: prelude.split(',').map(str::trim).collect(),
                    body: &sheet[at..end],
                    start: at,
                });
                at = (end + 1).min(sheet.len());
            }
            _ => {}
        }
    }
    found
}

/// Returns the text of a `style` element.
pub(super) fn text_of(dom: &Dom, id: Id) -> String {
    dom.texts(id).map(|(_, text)| text).collect()
}

/// Tells whether a selector of a theme, such as `.headline` or `td.copy`, dresses an element.
pub(super) fn fits(selector: &str, dom: &Dom, id: Id, element: &Element) -> bool {
    Selector::read(selector).is_some_and(|selector| selector.fits(dom, id, element))
}

fn owned(declaration: &Declaration<'_>) -> (String, String) {
    (declaration.property.to_ascii_lowercase(), declaration.value.to_owned())
}

/// Returns the mode that a rule is for; `None` for paper and for what nobody asks.
fn mode_of(rule: &Rule<'_>) -> Option<Mode> {
    let marked = rule.selectors.iter().any(|selector| selector.starts_with("[data-ogs"));
    match &rule.conditions[..] {
        [] if marked => Some(Mode::Marked),
        [] => Some(Mode::Day),
        [only] if only.contains("prefers-color-scheme") && only.contains("dark") => {
            Some(Mode::Night)
        }
        [only] if only.contains("max-width") => Some(Mode::Phone),
        _ => None,
    }
}

/// Elements within elements, each named by its name and classes.
#[derive(Clone, Debug)]
struct Selector<'a>(Vec<Compound<'a>>);

#[derive(Clone, Debug)]
struct Compound<'a> {
    name: &'a str,
    classes: Vec<&'a str>,
}

impl<'a> Selector<'a> {
    /// Reads one; `None` for a kind that dresses nothing here.
    fn read(text: &'a str) -> Option<Self> {
        let parts = text.split_whitespace().filter(|part| !part.starts_with("[data-ogs"));
        let compounds: Option<Vec<Compound<'_>>> = parts.map(Compound::read).collect();
        compounds.filter(|compounds| !compounds.is_empty()).map(Self)
    }

    fn fits(&self, dom: &Dom, id: Id, element: &Element) -> bool {
        let Some((last, outer)) = self.0.split_last() else { return false };
        let mut around = dom.around(id);
        last.fits(element)
            && outer.iter().rev().all(|compound| around.any(|(_, element)| compound.fits(element)))
    }
}

impl<'a> Compound<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let mut parts = text.split('.');
        let name = parts.next().unwrap_or_default();
        text.chars().all(is_plain).then(|| Self { name, classes: parts.collect() })
    }

    fn fits(&self, element: &Element) -> bool {
        (self.name.is_empty() || self.name == element.name)
            && self.classes.iter().all(|class| element.has_class(class))
    }
}

/// Splits at a letter where it stands outside quotes and parentheses; each part with the byte it begins at.
fn split(text: &str, at: char) -> impl Iterator<Item = (usize, &str)> {
    let mut quote = None;
    let mut depth = 0_usize;
    let mut start = 0;
    let mut parts = Vec::new();
    for (here, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) => quote = quote.filter(|_| letter != open),
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) if letter == at && depth == 0 => {
                parts.push((start, &text[start..here]));
                start = here + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push((start, &text[start..]));
    parts.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_know_where_they_stand() {
        let text = " color : red!important;font-family:'a;b', c ; x";
        let read: Vec<_> =
            declarations(text).map(|d| (d.property, d.value, &text[d.span])).collect();
        assert_eq!(
            read,
            [
                ("color", "red", "color : red!important"),
                ("font-family", "'a;b', c", "font-family:'a;b', c")
            ]
        );
    }

    #[test]
    fn rules_know_what_stands_around_them() {
        let read = rules("@charset 'x';.a, .b{c:d}@media print{.e{f:g}}.h{i:j");
        let shown: Vec<_> =
            read.iter().map(|rule| (rule.conditions.len(), rule.selectors[0], rule.body)).collect();
        assert_eq!(shown, [(0, ".a", "c:d"), (1, ".e", "f:g"), (0, ".h", "i:j")]);
    }

    #[test]
    fn the_night_dresses_what_its_rules_name() {
        let dom = Dom::parse(
            "<style>@media (prefers-color-scheme:dark){.a b{color:#fff!important}}[data-ogsc] .a{color:#eee}</style>\
             <p class='x a' style='color:#000'><b>x</b>",
        );
        let styles = Styles::of(&dom);
        let (id, _) = dom.first("b").expect("it is there");
        let value = |mode| styles.inherited(&dom, id, "color", mode).map(|(_, value)| value);
        assert_eq!(value(Mode::Day), Some("#000"));
        assert_eq!(value(Mode::Night), Some("#fff"));
        assert_eq!(value(Mode::Marked), Some("#eee"));
    }
}
