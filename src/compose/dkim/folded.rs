//! A header field under construction, folded where a line would get too long.

/// Where a line of a signature ends at the latest.
const COLUMNS: usize = 76;

/// A header field under construction, folded where a line would get too long.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    text: String,
    column: usize,
}

impl Folded {
    pub(super) fn new(name: &str) -> Self {
        Self { text: name.to_owned(), column: name.len() }
    }

    /// Appends a word after a blank or, where it does not fit, on a line of its own.
    pub(super) fn push_word(&mut self, word: &str) {
        if self.fits(word.len() + 1) {
            self.append(" ");
        } else {
            self.fold();
        }
        self.append(word);
    }

    /// Appends what follows without a blank, on the next line where it does not fit.
    pub(super) fn push(&mut self, piece: &str) {
        if !self.fits(piece.len()) {
            self.fold();
        }
        self.append(piece);
    }

    /// Appends a text that may be broken anywhere.
    pub(super) fn push_anywhere(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if !self.fits(1) {
                self.fold();
            }
            let (line, after) = rest.split_at(rest.len().min(COLUMNS - self.column));
            self.append(line);
            rest = after;
        }
    }

    /// Returns what there is of it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Puts `text` where as many characters stand.
    pub(super) fn put(&mut self, at: usize, text: &str) {
        self.text.replace_range(at..at + text.len(), text);
    }

    /// Ends it.
    pub(super) fn into_line(mut self) -> String {
        self.text.push_str("\r\n");
        self.text
    }

    fn fits(&self, length: usize) -> bool {
        self.column + length <= COLUMNS
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.column = 1;
    }

    fn append(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.column += piece.len();
    }
}
