//! A TOML table read key by key: every value knows where it stands, and a key nobody asked for is a mistake.

use std::{ops::Range, rc::Rc};

use jiff::civil::Date;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    code::{MISSING_KEY, NOT_TOML, UNKNOWN_KEY, WRONG_VALUE},
    hidden,
    nearest::nearest,
    proof::{Help, Proof},
};

/// The keys of a table that are still unread.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    entries: DeTable<'a>,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
    /// Where the file could not be read: what is made up there in its place is no value.
    unread: Rc<[Range<usize>]>,
    span: Range<usize>,
    base: usize,
}

/// A value and the bytes of the file it stands at, quotes included.
#[derive(Clone, Debug)]
pub(super) struct Value<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'a> Keys<'a> {
    /// Reads `span` of the proof's text; what is not TOML is marked and left out.
    pub(super) fn read(span: Range<usize>, proof: &mut Proof<'a>) -> Self {
        let base = span.start;
        let (table, errors) = DeTable::parse_recoverable(&proof.text()[span]);
        let mut unread = Vec::new();
        for error in errors {
            let at = error.span().unwrap_or(0..0);
            let at = base + at.start..base + at.end;
            proof.error(NOT_TOML, at.clone(), decapitalised(error.message()));
            unread.push(at);
        }
        let span = base..base;
        let (asked, missing) = (Vec::new(), Vec::new());
        Self { entries: table.into_inner(), asked, missing, unread: unread.into(), span, base }
    }

    /// Returns a text.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        proof: &mut Proof<'_>,
    ) -> Option<Value<String>> {
        let text =
            self.value(key, "a text in quotes", proof, |value| value.as_str().map(str::to_owned))?;
        hidden::refuse_escaped(&text.value, text.span.clone(), proof);
        Some(text)
    }

    /// Returns a whole number, not below zero.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        proof: &mut Proof<'_>,
    ) -> Option<Value<u32>> {
        self.value(key, "a whole number, not below zero", proof, |value| {
            let number = value.as_integer()?;
            u32::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// Returns a date without a time.
    pub(super) fn date(&mut self, key: &'static str, proof: &mut Proof<'_>) -> Option<Value<Date>> {
        self.value(key, "a date such as 2003-10-06, without quotes", proof, |value| {
            let written = value.as_datetime()?;
            let date = written.date.filter(|_| written.time.is_none())?;
            Date::new(
                i16::try_from(date.year).ok()?,
                i8::try_from(date.month).ok()?,
                i8::try_from(date.day).ok()?,
            )
            .ok()
        })
    }

    /// Returns a list of texts.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        proof: &mut Proof<'_>,
    ) -> Option<Value<Vec<Value<String>>>> {
        let base = self.base;
        self.value(key, "a list of texts in quotes", proof, |value| {
            let texts = value.as_array()?.iter().map(|text| {
                let span = base + text.span().start..base + text.span().end;
                Some(Value { value: text.get_ref().as_str()?.to_owned(), span })
            });
            texts.collect()
        })
    }

    /// Returns the keys of a table within this one; empty where it is missing.
    pub(super) fn table(&mut self, key: &'static str, proof: &mut Proof<'_>) -> Self {
        let mut span = self.span.clone();
        let entries = self.take(key).and_then(|(value, at)| {
            if let DeValue::Table(entries) = value {
                span = at;
                Some(entries)
            } else {
                proof.error(WRONG_VALUE, at, format!("`{key}` is to be a table"));
                None
            }
        });
        let (asked, missing, unread) = (Vec::new(), Vec::new(), Rc::clone(&self.unread));
        let entries = entries.unwrap_or_default();
        Self { entries, asked, missing, unread, span, base: self.base }
    }

    /// Tells whether a key is there and unread.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Tells whether a key that has to be there is not; `finish` will say so.
    pub(super) fn lacks(&mut self, key: &'static str) -> bool {
        let lacks = !self.has(key);
        if lacks {
            self.asked.push(key);
            self.missing.push(key);
        }
        lacks
    }

    /// Marks the keys that are missing, all as one problem, and every key that nobody asked for.
    pub(super) fn finish(self, proof: &mut Proof<'_>) {
        match &self.missing[..] {
            [] => {}
            [key] => {
                proof.error(MISSING_KEY, self.span.clone(), format!("`{key}` is missing"));
            }
            [keys @ .., last] => {
                let keys = keys.join("`, `");
                let message = format!("`{keys}` and `{last}` are missing");
                proof.error(MISSING_KEY, self.span.clone(), message);
            }
        }
        for key in self.entries.keys() {
            let span = self.base + key.span().start..self.base + key.span().end;
            let name = key.get_ref();
            let help = match nearest(name, self.asked.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are `{}`", self.asked.join("`, `")),
            };
            proof.error(UNKNOWN_KEY, span, format!("no key is named `{name}`")).helped(help);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(DeValue<'a>, Range<usize>)> {
        self.asked.push(key);
        let value: Spanned<DeValue<'a>> = self.entries.remove(key)?;
        let span = self.base + value.span().start..self.base + value.span().end;
        Some((value.into_inner(), span))
    }

    fn value<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        proof: &mut Proof<'_>,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<Value<T>> {
        let (value, span) = self.take(key)?;
        let is_unread = |lost: &Range<usize>| lost.start <= span.end && span.start <= lost.end;
        if self.unread.iter().any(is_unread) {
            return None;
        }
        let read = read(&value);
        if read.is_none() {
            proof.error(WRONG_VALUE, span.clone(), format!("`{key}` is to be {wanted}"));
        }
        Some(Value { value: read?, span })
    }
}

/// Returns a foreign message in our style: lower case, on one line.
fn decapitalised(message: &str) -> String {
    let line = message.lines().collect::<Vec<_>>().join(", ");
    let mut letters = line.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
