//! Some of the readers: a small expression over their tags and fields, never SQL.
//!
//! ```text
//! press                         who has the tag `press`
//! tag = "press, Oslo"           the same, where a tag is no single word
//! company = ACME                whose field `company` is `ACME`
//! press and not (town = Oslo or town = Bergen)
//! ```
//!
//! `not` binds closest, then `and`, then `or`; `!=` is `not` of `=`. Words are
//! compared without regard to capitals, a tag as `:::if segment=` compares it.

use super::Subscriber;

/// How deep parentheses and `not` may go, and so how deep a look at a reader does.
const DEPTH_MAX: usize = 64;

/// An expression that a reader is in or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    is: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Tag(String),
    Field { name: String, value: String },
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

/// Says why a text is no segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SegmentError {
    /// What was typed.
    pub text: String,
    /// The column it is about, in characters, counted from 1.
    pub column: usize,
    /// How many characters it is about, at least 1.
    pub length: usize,
    /// What is wrong there.
    pub why: String,
}

impl Segment {
    /// Understands an expression.
    ///
    /// # Errors
    ///
    /// What is wrong, and in which column.
    pub fn parse(text: &str) -> Result<Self, SegmentError> {
        let mut parser = Parser { text, words: words(text)?, at: 0, depth: 0 };
        let is = parser.any()?;
        match parser.words.get(parser.at) {
            None => Ok(Self { is }),
            Some(word) if word.kind == Kind::Close => {
                Err(parser.wrong(word, "nothing opened this"))
            }
            Some(word) => Err(parser.wrong(word, "`and` or `or` is missing before this")),
        }
    }

    /// Tells whether somebody is in it; only their tags and fields matter.
    pub fn holds(&self, reader: &Subscriber) -> bool {
        self.is.holds(reader)
    }
}

impl Test {
    fn holds(&self, reader: &Subscriber) -> bool {
        match self {
            Self::Tag(tag) => reader.tags.iter().any(|own| is_tag(tag, own)),
            Self::Field { name, value } if name == "name" => is_tag(value, &reader.name),
            Self::Field { name, value } => {
                is_tag(value, reader.fields.get(name).map_or("", String::as_str))
            }
            Self::Not(test) => !test.holds(reader),
            Self::All(tests) => tests.iter().all(|test| test.holds(reader)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(reader)),
        }
    }
}

/// Returns a tag as segments are compared: nobody means two lists by `Paid` and `paid`.
pub fn folded(tag: &str) -> String {
    tag.trim().chars().flat_map(char::to_lowercase).collect()
}

/// Tells whether a reader's tag is a folded one, without a copy of either for each reader.
pub fn is_tag(folded: &str, tag: &str) -> bool {
    folded.chars().eq(tag.trim().chars().flat_map(char::to_lowercase))
}

/// One word of an expression, and where it stands.
#[derive(Clone, Debug)]
struct Word {
    kind: Kind,
    column: usize,
    length: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    And,
    Or,
    Not,
    Open,
    Close,
    Equals,
    Differs,
    /// A tag, a field or a value; a quoted one is never a keyword.
    Text {
        text: String,
        is_quoted: bool,
    },
}

/// Splits an expression into words.
fn words(text: &str) -> Result<Vec<Word>, SegmentError> {
    let chars: Vec<char> = text.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let start = at;
        let kind = match chars[at] {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => Kind::Open,
            ')' => Kind::Close,
            '=' => Kind::Equals,
            '!' if chars.get(at + 1) == Some(&'=') => {
                at += 1;
                Kind::Differs
            }
            quote @ ('"' | '\'') => {
                let closes = chars[at + 1..].iter().position(|c| *c == quote);
                let Some(length) = closes else {
                    return Err(SegmentError {
                        text: text.to_owned(),
                        column: at + 1,
                        length: chars.len() - at,
                        why: "this quotation mark never closes".to_owned(),
                    });
                };
                let text = chars[at + 1..=at + length].iter().collect();
                at += length + 1;
                Kind::Text { text, is_quoted: true }
            }
            _ => {
                let ends = |c: &char| c.is_whitespace() || matches!(c, '(' | ')' | '=' | '!' | '"');
                let length = chars[at..].iter().position(ends).unwrap_or(chars.len() - at);
                // A mark that begins nothing is a word of its own.
                let word: String = chars[at..at + length.max(1)].iter().collect();
                at += length.max(1) - 1;
                keyword(&word).unwrap_or(Kind::Text { text: word, is_quoted: false })
            }
        };
        at += 1;
        words.push(Word { kind, column: start + 1, length: at - start });
    }
    Ok(words)
}

fn keyword(word: &str) -> Option<Kind> {
    match word.to_ascii_lowercase().as_str() {
        "and" => Some(Kind::And),
        "or" => Some(Kind::Or),
        "not" => Some(Kind::Not),
        _ => None,
    }
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<Word>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Test, SegmentError> {
        let mut tests = vec![self.all()?];
        while self.takes(&Kind::Or) {
            tests.push(self.all()?);
        }
        Ok(if tests.len() == 1 { tests.remove(0) } else { Test::Any(tests) })
    }

    fn all(&mut self) -> Result<Test, SegmentError> {
        let mut tests = vec![self.one()?];
        while self.takes(&Kind::And) {
            tests.push(self.one()?);
        }
        Ok(if tests.len() == 1 { tests.remove(0) } else { Test::All(tests) })
    }

    fn one(&mut self) -> Result<Test, SegmentError> {
        self.depth += 1;
        let test = self.one_below();
        self.depth -= 1;
        test
    }

    fn one_below(&mut self) -> Result<Test, SegmentError> {
        let Some(word) = self.words.get(self.at).cloned() else { return Err(self.ended()) };
        if self.depth > DEPTH_MAX {
            return Err(self.wrong(&word, "this is nested too deeply"));
        }
        self.at += 1;
        match &word.kind {
            Kind::Not => Ok(Test::Not(Box::new(self.one()?))),
            Kind::Open => {
                let test = self.any()?;
                if self.takes(&Kind::Close) {
                    return Ok(test);
                }
                Err(match self.words.get(self.at) {
                    Some(next) => self.wrong(next, "`and`, `or` or `)` is missing before this"),
                    None => self.wrong(&word, "this never closes"),
                })
            }
            Kind::Text { text, .. } => self.compared(text),
            _ => Err(self.wrong(&word, "a tag, a field or `(` is missing before this")),
        }
    }

    /// Reads what a tag or field is compared with, if it is.
    fn compared(&mut self, name: &str) -> Result<Test, SegmentError> {
        let differs = match self.words.get(self.at).map(|word| &word.kind) {
            Some(Kind::Equals) => false,
            Some(Kind::Differs) => true,
            _ => return Ok(Test::Tag(folded(name))),
        };
        self.at += 1;
        let value = match self.words.get(self.at) {
            Some(Word { kind: Kind::Text { text, .. }, .. }) => folded(text),
            Some(word) => return Err(self.wrong(word, "a value is missing before this")),
            None => return Err(self.ended()),
        };
        self.at += 1;
        let name = folded(name);
        let test = if name == "tag" { Test::Tag(value) } else { Test::Field { name, value } };
        Ok(if differs { Test::Not(Box::new(test)) } else { test })
    }

    fn takes(&mut self, kind: &Kind) -> bool {
        let is_next = self.words.get(self.at).is_some_and(|word| word.kind == *kind);
        self.at += usize::from(is_next);
        is_next
    }

    fn wrong(&self, word: &Word, why: &str) -> SegmentError {
        SegmentError {
            text: self.text.to_owned(),
            column: word.column,
            length: word.length,
            why: why.to_owned(),
        }
    }

    fn ended(&self) -> SegmentError {
        let why =
            if self.words.is_empty() { "it is empty" } else { "something is missing at the end" };
        let end = self.words.last().map_or(1, |word| word.column + word.length);
        SegmentError { text: self.text.to_owned(), column: end, length: 1, why: why.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader() -> Subscriber {
        Subscriber {
            id: 1,
            token_id: String::new(),
            address: "anna@example.org".parse().expect("an address"),
            name: "Anna Lund".to_owned(),
            tags: vec!["Press".to_owned(), "gold, 2019".to_owned()],
            fields: [("town".to_owned(), "Oslo".to_owned())].into(),
            state: super::super::SubscriberState::Active,
        }
    }

    #[test]
    fn an_expression_means_what_it_says() {
        for (text, expected) in [
            ("press", true),
            ("PRESS", true),
            ("partner", false),
            ("tag = press", true),
            ("tag=\"Gold, 2019\"", true),
            ("tag != press", false),
            ("town = oslo", true),
            ("town = 'Oslo'", true),
            ("company = ''", true),
            ("town != Bergen and press", true),
            ("name = \"anna lund\"", true),
            ("not press", false),
            ("not not press", true),
            ("partner or press and town = Bergen", false),
            ("(partner or press) and town = Oslo", true),
            ("press AND NOT (town = Bergen OR partner)", true),
            ("\"and\"", false),
        ] {
            let segment = Segment::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(segment.holds(&reader()), expected, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_column() {
        for (text, column, why) in [
            ("", 1, "it is empty"),
            ("press and", 10, "something is missing at the end"),
            ("press partner", 7, "`and` or `or` is missing before this"),
            ("(press", 1, "this never closes"),
            ("(press partner)", 8, "`and`, `or` or `)` is missing before this"),
            ("press)", 6, "nothing opened this"),
            ("and press", 1, "a tag, a field or `(` is missing before this"),
            ("town = )", 8, "a value is missing before this"),
            ("town = \"Oslo", 8, "this quotation mark never closes"),
            ("é = or", 5, "a value is missing before this"),
        ] {
            let error = Segment::parse(text).expect_err(text);
            assert_eq!((error.column, error.why.as_str()), (column, why), "{text}");
        }
        assert!(Segment::parse(&"(".repeat(100_000)).is_err());
        assert!(Segment::parse(&"not ".repeat(100_000)).is_err());
    }

    #[test]
    fn a_tag_is_a_segment_however_it_is_written() {
        for tag in ["Paid", " paid ", "PAID", "Ärzte", "ÄRZTE", "İ", "ẞ", "ΟΔΟΣ"] {
            assert!(is_tag(&folded(tag), tag), "{tag}");
        }
        assert!(!is_tag("paid", "unpaid"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_segment_or_a_mistake_within_it(text in "[a-z =!()\"'é]{0,40}|\\PC{0,20}") {
            match Segment::parse(&text) {
                Ok(segment) => {
                    segment.holds(&reader());
                }
                Err(error) => {
                    prop_assert!(error.column >= 1 && error.length >= 1);
                    prop_assert!(error.column + error.length <= text.chars().count() + 2);
                }
            }
        }
    }
}
