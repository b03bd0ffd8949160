//! Where the cause of a problem stands: in the draft, in the theme's files, or in publication.toml.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{
    Specimen,
    dom::{Dom, Id},
    style::{self, Mode},
};
use crate::{
    compose::{front_matter, without_comments},
    model::Place,
};

/// The file of the publication's own values.
const SETTINGS: &str = "publication.toml";

/// The ways from a finished copy back to what it was made from.
pub(super) struct Places<'a> {
    specimen: &'a Specimen<'a>,
}

impl<'a> Places<'a> {
    pub(super) fn new(specimen: &'a Specimen<'a>) -> Self {
        Self { specimen }
    }

    /// Points at the draft as a whole, for what no line of it causes.
    pub(super) fn draft(&self) -> Place {
        Place::file(&self.specimen.draft.path)
    }

    /// Points at what an element was set from.
    pub(super) fn of(&self, dom: &Dom, id: Id) -> Place {
        match self.span(dom, id) {
            Some(span) => self.within_draft(span),
            None => self.of_value(dom, id),
        }
    }

    /// Points at a word of what an element was set from, as far as it stands there letter by letter.
    pub(super) fn of_word(&self, dom: &Dom, id: Id, word: &str) -> Place {
        let text = &self.specimen.draft.text;
        match self.span(dom, id) {
            Some(span) => match text.get(span.clone()).and_then(|text| text.find(word)) {
                Some(at) => self.within_draft(span.start + at..span.start + at + word.len()),
                // What an article's heading does not say of it, the front matter says for all.
                None => self
                    .front_word(word)
                    .or_else(|| self.default_word(span.clone(), word))
                    .unwrap_or_else(|| self.within_draft(span)),
            },
            None => {
                self.setting(|value| value.contains(word)).unwrap_or_else(|| self.of_value(dom, id))
            }
        }
    }

    /// Points at a key of the front matter; at the first article's heading where the draft leaves it out.
    pub(super) fn front(&self, key: &str, dom: &Dom) -> Place {
        match self.front_value(|known, _| known == key) {
            Some(span) => self.within_draft(span),
            None => dom.first("h1").map_or_else(|| self.draft(), |(id, _)| self.of(dom, id)),
        }
    }

    /// Points at the value of publication.toml that a text is; at the file where it is none.
    pub(super) fn setting_or_file(&self, is_it: impl Fn(&str) -> bool) -> Place {
        self.setting(is_it).unwrap_or_else(|| Place::file(SETTINGS))
    }

    /// Points at the declaration that dresses an element in a property: that of the publication's own theme.css, else the
    /// colour of theme.toml that it names.
    pub(super) fn declaration(&self, dom: &Dom, id: Id, property: &str, mode: Mode) -> Place {
        let Some(element) = dom.element(id) else { return self.draft() };
        for file in self.specimen.theme.sources().rev().filter(|file| is_css(file.name)) {
            let text = without_comments(file.text);
            let rules = style::rules(&text);
            let dresses = |rule: &&style::Rule<'_>| {
                is_for(rule, mode)
                    && rule.selectors.iter().any(|selector| style::fits(selector, dom, id, element))
            };
            let found = rules.iter().rev().filter(dresses).find_map(|rule| {
                let all: Vec<_> = style::declarations(rule.body).collect();
                let wanted = |known: &str| known == property || is_shorthand(known, property);
                let found =
                    all.into_iter().rev().find(|declaration| wanted(declaration.property))?;
                Some((rule.start, found))
            });
            let Some((start, found)) = found else { continue };
            if is_own(file.name) {
                return Place::of_span(
                    file.name,
                    file.text,
                    start + found.span.start..start + found.span.end,
                );
            }
            return self.token(found.value, mode);
        }
        self.theme()
    }

    /// Points at the publication's own CSS where it has some, else at its tokens.
    pub(super) fn theme(&self) -> Place {
        let own = self.specimen.theme.sources().rev().find(|file| is_own(file.name));
        own.map_or_else(|| Place::file("templates/theme.css"), |file| Place::file(file.name))
    }

    /// Points at a text of the theme's CSS.
    pub(super) fn in_theme(&self, word: &str) -> Place {
        let mut own = self.specimen.theme.sources().rev().filter(|file| is_own(file.name));
        own.find_map(|file| {
            let at = file.text.find(word)?;
            Some(Place::of_span(file.name, file.text, at..at + word.len()))
        })
        .unwrap_or_else(|| self.theme())
    }

    /// Points at the first token of a value, in the table of the mode.
    fn token(&self, value: &str, mode: Mode) -> Place {
        let toml =
            self.specimen.theme.sources().find(|file| !is_css(file.name) && is_own(file.name));
        let table = if matches!(mode, Mode::Night | Mode::Marked) { "dark" } else { "light" };
        let name = value.split('$').nth(1).unwrap_or_default();
        let name: String =
            name.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        toml.and_then(|file| {
            let tables = DeTable::parse(file.text).ok()?.into_inner();
            let values = tables.get(table)?.get_ref().as_table()?;
            let span = values.get(name.as_str())?.span();
            Some(Place::of_span(file.name, file.text, span))
        })
        .unwrap_or_else(|| self.theme())
    }

    /// Returns the bytes of the draft that an element was set from.
    pub(super) fn span(&self, dom: &Dom, id: Id) -> Option<Range<usize>> {
        let element =
            dom.element(id).or_else(|| dom.around(id).next().map(|(_, element)| element))?;
        self.specimen.origins.of(element.tag).cloned()
    }

    /// Points at the value of publication.toml that the layout set an element from.
    fn of_value(&self, dom: &Dom, id: Id) -> Place {
        let link = dom.element(id).and_then(|element| element.get("href"));
        let words = dom.words(id);
        self.setting(|value| Some(value) == link || (!words.is_empty() && value == words))
            .unwrap_or_else(|| self.draft())
    }

    fn setting(&self, is_it: impl Fn(&str) -> bool) -> Option<Place> {
        let text = self.specimen.settings;
        let table = DeTable::parse(text).ok()?;
        let span = table
            .get_ref()
            .values()
            .find_map(|value| find(value.get_ref(), value.span(), &is_it))?;
        Some(Place::of_span(SETTINGS, text, span))
    }

    /// Points at the default of a merge field that brings a word to where the draft has the field.
    fn default_word(&self, span: Range<usize>, word: &str) -> Option<Place> {
        let text = self.specimen.settings;
        self.specimen.draft.text.get(span).filter(|source| source.contains("{{"))?;
        let table = DeTable::parse(text).ok()?;
        let list = table.get_ref().get("list")?.get_ref().as_table()?;
        let fields = list.get("fields")?;
        let span = find(fields.get_ref(), fields.span(), &|value| value.contains(word))?;
        Some(Place::of_span(SETTINGS, text, span))
    }

    fn front_word(&self, word: &str) -> Option<Place> {
        self.front_value(|_, value| value.contains(word)).map(|span| self.within_draft(span))
    }

    fn front_value(&self, is_it: impl Fn(&str, &str) -> bool) -> Option<Range<usize>> {
        let text = &self.specimen.draft.text;
        let front = front_matter(text)?;
        let table = DeTable::parse(&text[front.clone()]).ok()?;
        let value = table.get_ref().iter().find_map(|(key, value)| {
            is_it(key.get_ref(), value.get_ref().as_str().unwrap_or_default()).then(|| value.span())
        })?;
        Some(front.start + value.start..front.start + value.end)
    }

    fn within_draft(&self, span: Range<usize>) -> Place {
        Place::of_span(&self.specimen.draft.path, &self.specimen.draft.text, span)
    }
}

/// Tells whether a file of the theme is the publication's own.
fn is_own(name: &str) -> bool {
    name.starts_with("templates/")
}

/// Tells whether a file of the theme is a style sheet.
fn is_css(name: &str) -> bool {
    name.rsplit('.').next() == Some("css")
}

/// Tells whether a rule of a theme's source is for a mode; the night is made from the day's.
fn is_for(rule: &style::Rule<'_>, mode: Mode) -> bool {
    match mode {
        Mode::Phone => rule.conditions.iter().any(|condition| condition.contains("max-width")),
        _ => rule.conditions.is_empty(),
    }
}

/// Tells whether a property says another with others.
fn is_shorthand(known: &str, property: &str) -> bool {
    property.strip_prefix(known).is_some_and(|rest| rest.starts_with('-'))
}

/// Returns where a text stands that is the one, within tables and lists too.
fn find(
    value: &DeValue<'_>,
    span: Range<usize>,
    is_it: &impl Fn(&str) -> bool,
) -> Option<Range<usize>> {
    match value {
        DeValue::String(text) => is_it(text).then_some(span),
        DeValue::Array(values) => {
            values.iter().find_map(|value| find(value.get_ref(), value.span(), is_it))
        }
        DeValue::Table(values) => {
            values.values().find_map(|value| find(value.get_ref(), value.span(), is_it))
        }
        _ => None,
    }
}
