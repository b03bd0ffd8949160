//! The text part while it is being set: lines of 72 columns, and the paragraphs that wrap again for every copy.

use super::{
    cut::cut_text,
    edition::Passage,
    field::{Marks, is_mark},
    inline::{self, Inline, Links},
    strings::Strings,
    wrap::{columns, wrap},
};

/// The columns of a line.
pub(super) const COLUMNS: usize = 72;

/// Takes lines and paragraphs from the blocks, top to bottom.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    /// The words of the language.
    pub(super) strings: &'a Strings,
    marks: &'a Marks<'a>,
    passages: Vec<Passage>,
    links: Links,
    /// What the next line begins with, where it is not `margin`: a list's bullet.
    bullet: Option<String>,
    margin: String,
    /// How many blank lines come before whatever is set next.
    owed: usize,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(strings: &'a Strings, marks: &'a Marks<'a>) -> Self {
        let (passages, links, margin) = (Vec::new(), Links::default(), String::new());
        Self { strings, marks, passages, links, bullet: None, margin, owed: 0 }
    }

    /// Returns what was set.
    pub(super) fn into_passages(self) -> Vec<Passage> {
        self.passages
    }

    /// Returns the addresses of the article that is being set.
    pub(super) fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    /// Returns how many columns the margin takes.
    pub(super) fn margin_width(&self) -> usize {
        columns(&self.margin)
    }

    /// Asks for at least `lines` blank lines before whatever is set next.
    pub(super) fn gap(&mut self, lines: usize) {
        // Nothing stands above the first line, and a bullet stands beside its own.
        if !self.passages.is_empty() && self.bullet.is_none() {
            self.owed = self.owed.max(lines);
        }
    }

    /// Sets inlines as a paragraph.
    pub(super) fn words(&mut self, inlines: &[Inline]) {
        let text = inline::text(inlines, &mut self.links);
        self.paragraph(&text);
    }

    /// Sets a text as a paragraph; it breaks where it holds LF, and wherever a line is full.
    pub(super) fn paragraph(&mut self, text: &str) {
        for line in text.split('\n') {
            self.flow(line.trim_ascii(), "");
        }
    }

    /// Sets one line that never wraps, unless a field makes it too long.
    pub(super) fn line(&mut self, text: &str) {
        if text.contains(is_mark) {
            return self.flow(text, "");
        }
        let begin = self.begin();
        self.fix(&format!("{}\n", format!("{begin}{text}").trim_end()));
    }

    /// Sets a line in the middle of the page, as far as it fits.
    pub(super) fn centred(&mut self, text: &str) {
        let width = columns(text);
        if width > COLUMNS || text.contains(is_mark) {
            return self.paragraph(text);
        }
        self.line(&format!("{}{text}", " ".repeat((COLUMNS - width) / 2)));
    }

    /// Sets a rule across the page.
    pub(super) fn rule(&mut self, letter: &str) {
        self.line(&letter.repeat(COLUMNS.saturating_sub(columns(&self.margin))));
    }

    /// Sets a heading over a line of `letter`; its links are numbered like those of a paragraph.
    pub(super) fn heading(&mut self, title: &[Inline], letter: &str) {
        let text = inline::text(title, &mut self.links);
        self.underlined(&text, letter);
    }

    /// Sets a title over a line of `letter` as wide as itself.
    pub(super) fn underlined(&mut self, title: &str, letter: &str) {
        if title.contains(is_mark) {
            // How wide a reader's own title is shows when it is set.
            return self.flow(title, letter);
        }
        let room = COLUMNS.saturating_sub(columns(&self.margin));
        let lines = wrap(title, "", "", room);
        let width = lines.iter().map(|line| columns(line)).max().unwrap_or(0);
        self.paragraph(title);
        self.line(&letter.repeat(width.min(room)));
    }

    /// Sets a link that stands alone: its words and a colon, and its address, on the same line where it fits.
    pub(super) fn link(&mut self, words: &str, url: &str, fits_beside: bool) {
        let url = inline::shown(url);
        let beside = self.strings.labelled(words, &url);
        let has_field = beside.contains(is_mark);
        if fits_beside && !has_field && columns(&self.margin) + columns(&beside) <= COLUMNS {
            return self.line(&beside);
        }
        self.paragraph(&self.strings.label(words));
        self.line(&url);
    }

    /// Sets blocks with a margin: `first` before the first line, `rest` before the others.
    pub(super) fn indented(&mut self, first: &str, rest: &str, set: impl FnOnce(&mut Self)) {
        let margin = self.margin.clone();
        let before = self.bullet.take().unwrap_or_else(|| margin.clone());
        self.bullet = Some(format!("{before}{first}"));
        self.margin.push_str(rest);
        set(self);
        // Nothing was set, so the bullet stands alone.
        if self.bullet.is_some() {
            self.line("");
        }
        self.margin = margin;
    }

    /// Sets the list of the links since the last one, if there were any.
    pub(super) fn link_list(&mut self) {
        let links = self.links.take();
        if links.is_empty() {
            return;
        }
        self.gap(1);
        let title = self.strings.links.clone();
        self.underlined(&title, "-");
        self.gap(1);
        for (number, url) in (1..).zip(&links) {
            self.line(&format!("[{number}] {}", inline::shown(url)));
        }
    }

    /// Sets one line of a paragraph, wrapped; below words of a reader's own a line of `rule`, where it names a letter.
    fn flow(&mut self, text: &str, rule: &str) {
        let first = self.begin();
        if text.contains(is_mark) {
            let (rest, rule) = (self.margin.clone(), rule.to_owned());
            let pieces = cut_text(text, self.marks);
            self.passages.push(Passage::Flowing { pieces, first, rest, rule });
        } else {
            let lines = wrap(text, &first, &self.margin, COLUMNS);
            self.fix(
                &(lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join(
                    "
",
                ) + "
"),
            );
        }
    }

    /// Pays the blank lines that are owed and returns what the next line begins with.
    fn begin(&mut self) -> String {
        let owed = std::mem::take(&mut self.owed);
        if owed > 0 {
            self.fix(&"\n".repeat(owed));
        }
        self.bullet.take().unwrap_or_else(|| self.margin.clone())
    }

    fn fix(&mut self, lines: &str) {
        match self.passages.last_mut() {
            Some(Passage::Fixed(text)) => text.push_str(lines),
            _ => self.passages.push(Passage::Fixed(lines.to_owned())),
        }
    }
}
