//! A TOML table read key by key: every value knows where it stands, and a key nobody asked for is a mistake.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    code::{MISSING_KEY, NOT_TOML, UNKNOWN_KEY, WRONG_VALUE},
    mistake::Mistake,
};
use crate::model::{Place, Problem};

/// The file being read, and what was found wrong with it so far.
pub(super) struct Page<'a> {
    file: &'a str,
    text: &'a str,
    /// Where it is not TOML, a key that seems to be missing may be the one that could not be read.
    broken: bool,
    problems: Vec<Problem>,
}

/// The keys of one table that are still unread.
pub(super) struct Table<'a> {
    /// As it is written between brackets; empty for the file itself.
    name: String,
    /// Where its header stands; `None` where the table is missing.
    span: Option<Range<usize>>,
    /// Whether something else stands in its place, so that none of its keys is missed.
    misshapen: bool,
    entries: DeTable<'a>,
    known: Vec<&'static str>,
}

/// One value of an array or table, and where it stands.
pub(super) struct Value<'a> {
    value: DeValue<'a>,
    span: Range<usize>,
}

impl<'a> Page<'a> {
    /// Parses a file; what is not TOML is a problem, and the rest is read all the same.
    pub(super) fn open(file: &'a str, text: &'a str) -> (Self, Table<'a>) {
        let (entries, errors) = DeTable::parse_recoverable(text);
        let mut page = Self { file, text, broken: !errors.is_empty(), problems: Vec::new() };
        for error in errors {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            page.report(NOT_TOML, error.span().unwrap_or_default(), message);
        }
        (page, Table { entries: entries.into_inner(), ..Table::missing(String::new()) })
    }

    /// Returns every problem, in the order of the file.
    pub(super) fn close(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| a.place.cmp(&b.place));
        self.problems
    }

    /// Adds what is wrong with the value at `span`.
    pub(super) fn mistake(&mut self, span: Range<usize>, mistake: Mistake) {
        let problem = self.report(mistake.code, span, mistake.message);
        problem.help = mistake.help;
        if let Some(secret) = mistake.hidden.filter(|secret| !secret.is_empty()) {
            let stars = "*".repeat(secret.chars().count());
            problem.place.source = problem.place.source.replace(&secret, &stars);
        }
    }

    /// Returns where the bytes at `span` stand.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place::of_span(self.file, self.text, span)
    }

    fn report(&mut self, code: &'static str, span: Range<usize>, message: String) -> &mut Problem {
        let place = self.place(span);
        self.problems.push(Problem::error(code, place, message));
        self.problems.last_mut().expect("one was pushed just now")
    }

    fn missing(&mut self, table: &Table<'_>, key: &str, line: &str) {
        if self.broken || table.misshapen {
            return;
        }
        let place = match &table.span {
            Some(span) => self.place(span.clone()),
            None => Place::file(self.file),
        };
        let message = format!("`{key}` is missing under [{}]", table.name);
        let help = match table.span {
            Some(_) => format!("add `{line}` under [{}]", table.name),
            None => format!("add a line `[{}]`, and `{line}` below it", table.name),
        };
        self.problems.push(Problem::error(MISSING_KEY, place, message).help(help));
    }
}

impl<'a> Table<'a> {
    /// Returns a table within this one; an empty one where it is missing.
    pub(super) fn table(&mut self, key: &'static str, page: &mut Page<'_>) -> Self {
        match self.take(key) {
            Some(value) => value.table(self.path(key), page),
            None => Self::missing(self.path(key)),
        }
    }

    /// Reads a text, where there is one that `read` can use.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        page: &mut Page<'_>,
        read: impl FnOnce(&str) -> Result<T, Mistake>,
    ) -> Option<T> {
        self.take(key)?.text(key, page, read)
    }

    /// Reads a text that has to be there; `line` is what to add where it is not.
    pub(super) fn needed<T>(
        &mut self,
        key: &'static str,
        line: &str,
        page: &mut Page<'_>,
        read: impl FnOnce(&str) -> Result<T, Mistake>,
    ) -> Option<T> {
        self.require(key, line, page);
        self.text(key, page, read)
    }

    /// Returns the values of an array that has to be there and to hold something; `line` is what to add where it is not.
    pub(super) fn needed_values(
        &mut self,
        key: &'static str,
        line: &str,
        page: &mut Page<'_>,
    ) -> Vec<Value<'a>> {
        self.require(key, line, page);
        let span = self.span_of(key);
        let values = self.values(key);
        if let Some(span) = span.filter(|_| values.is_empty()) {
            let mistake = Mistake::new(format!("`{key}` holds nothing"));
            page.mistake(span, mistake.help(format!("write it as `{line}`")));
        }
        values
    }

    fn require(&mut self, key: &'static str, line: &str, page: &mut Page<'_>) {
        if !self.entries.contains_key(key) {
            self.known.push(key);
            page.missing(self, key, line);
        }
    }

    /// Returns the values of an array, or a single value as if it stood in one.
    pub(super) fn values(&mut self, key: &'static str) -> Vec<Value<'a>> {
        match self.take(key) {
            Some(Value { value: DeValue::Array(values), .. }) => of_array(values),
            Some(value) => vec![value],
            None => Vec::new(),
        }
    }

    /// Returns a value as it is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.entries.remove(key).map(Value::of)
    }

    /// Returns where a key that is still unread has its value.
    pub(super) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get(key).map(Spanned::span)
    }

    /// Returns every key and value, for a table whose keys are the publisher's own.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (String, Range<usize>, Value<'a>)> {
        self.entries.into_iter().map(|(key, value)| {
            let span = key.span();
            (key.into_inner().into_owned(), span, Value::of(value))
        })
    }

    /// Reports every key that nobody asked for, with the nearest that somebody would have.
    pub(super) fn finish(self, page: &mut Page<'_>) {
        for key in self.entries.keys() {
            let name = key.get_ref();
            let place = if self.name.is_empty() {
                "is no table or key of a publication".to_owned()
            } else {
                format!("is no key of [{}]", self.name)
            };
            let problem = page.report(UNKNOWN_KEY, key.span(), format!("`{name}` {place}"));
            problem.help = Some(match nearest(name, &self.known) {
                Some(known) => format!("perhaps `{known}` is meant"),
                None => format!("known here: {}", self.known.join(", ")),
            });
        }
    }

    fn missing(name: String) -> Self {
        Self { name, span: None, misshapen: false, entries: DeTable::new(), known: Vec::new() }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

impl<'a> Value<'a> {
    fn of(value: Spanned<DeValue<'a>>) -> Self {
        let span = value.span();
        Self { value: value.into_inner(), span }
    }

    /// Reads a text; `key` names it in what is said of it.
    pub(super) fn text<T>(
        self,
        key: &str,
        page: &mut Page<'_>,
        read: impl FnOnce(&str) -> Result<T, Mistake>,
    ) -> Option<T> {
        let Some(text) = self.value.as_str() else {
            return self.wrong(key, "a text in quotes", page);
        };
        read(text).map_err(|mistake| page.mistake(self.span, mistake)).ok()
    }

    /// Reads a whole number within a range.
    pub(super) fn number(
        self,
        key: &str,
        range: std::ops::RangeInclusive<usize>,
        page: &mut Page<'_>,
    ) -> Option<usize> {
        let number = self
            .value
            .as_integer()
            .and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", range.start(), range.end());
            return self.wrong(key, &wanted, page);
        }
        number
    }

    /// Reads true or false.
    pub(super) fn switch(self, key: &str, page: &mut Page<'_>) -> Option<bool> {
        match self.value.as_bool() {
            None => self.wrong(key, "true or false", page),
            on => on,
        }
    }

    /// Reads a table; `name` is what it is called in reports.
    pub(super) fn table(self, name: String, page: &mut Page<'_>) -> Table<'a> {
        if let DeValue::Table(entries) = self.value {
            return Table { span: Some(self.span), entries, ..Table::missing(name) };
        }
        self.wrong::<()>(&name, "a table", page);
        Table { misshapen: true, ..Table::missing(name) }
    }

    fn wrong<T>(self, key: &str, wanted: &str, page: &mut Page<'_>) -> Option<T> {
        page.report(WRONG_VALUE, self.span, format!("`{key}` has to be {wanted}"));
        None
    }
}

fn of_array(values: DeArray<'_>) -> Vec<Value<'_>> {
    values.into_iter().map(Value::of).collect()
}

/// Returns the known word nearest to `word`, where it is near enough to be worth naming: at most a third of its letters differ.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .iter()
        .map(|known| (distance(&word, &known.to_lowercase()), *known))
        .filter(|(distance, known)| *distance <= known.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Counts the letters to insert, delete or change (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
