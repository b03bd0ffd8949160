//! A parsed draft: what its front matter says, and its articles.

use std::{collections::BTreeMap, ops::Range};

use comrak::{
    Arena,
    nodes::{Node, NodeValue},
    parse_document,
};
use jiff::civil::Date;

use crate::model::{Place, Problem, Publication};

use super::{
    beside::{Beside, size},
    block::{Blocks, condition, notes::Definitions, of_article},
    bounds,
    code::{FOREIGN, NO_ARTICLE, NO_CREDIT, WRONG_FILE},
    colon,
    field::{Lexed, Marks, is_mark},
    foreign::{Foreign, unset},
    front::FrontMatter,
    hidden,
    inline::{self, Inline},
    keys::Value,
    proof::{Help, Proof},
    reader::{Reader, markdown},
    segment::{self, Segments},
};

/// What stands beside a draft in the place of its text part.
const TEXT_FILE: &str = "text.md";

/// What is read where bytes are no text.
const LOST: char = char::REPLACEMENT_CHARACTER;

/// The editor's files of one issue.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The name of its folder.
    pub slug: String,
    /// The path of `issue.md` as the editor knows it, for problems.
    pub path: String,
    /// What `issue.md` holds.
    pub text: String,
    /// The other files of the folder, by their path within it.
    pub files: BTreeMap<String, Beside>,
}

/// What an issue says of itself. Texts show a merge field as `{{ name }}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The name of its folder.
    pub(super) slug: String,
    /// The title of the front matter, else that of the first article.
    pub(super) title: String,
    /// The subject of the front matter, else the title of the first article.
    pub(super) subject: String,
    /// The line that inboxes show after the subject.
    pub(super) preheader: String,
    /// The day it is dated.
    pub(super) date: Option<Date>,
    /// Its number.
    pub(super) number: Option<u32>,
    /// Its language (BCP 47): its own, else the publication's.
    pub(super) language: String,
    /// The theme it asks for, else the publication's.
    pub(super) theme: String,
    /// Where it is on the web, where it says so itself.
    pub(super) canonical_url: Option<String>,
    /// The codes of the warnings that its editor accepts, and where each stands.
    pub(super) accepted: Vec<(String, Place)>,
}

impl Issue {
    /// Returns the title of the front matter, else that of the first article.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the subject of the front matter, else the title of the first article.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the line that inboxes show after the subject.
    pub fn preheader(&self) -> &str {
        &self.preheader
    }

    /// Returns the day it is dated; `None` for a draft without one.
    pub fn date(&self) -> Option<Date> {
        self.date
    }

    /// Returns its number.
    pub fn number(&self) -> Option<u32> {
        self.number
    }

    /// Returns its language (BCP 47): its own, else the publication's.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Returns where it is on the web, where it says so itself.
    pub fn canonical_url(&self) -> Option<&str> {
        self.canonical_url.as_deref()
    }

    /// Returns the codes of the warnings that its editor accepts, and where each stands.
    pub fn accepted(&self) -> &[(String, Place)] {
        &self.accepted
    }

    /// Tells whether its editor accepts a warning.
    pub fn accepts(&self, code: &str) -> bool {
        self.accepted.iter().any(|(accepted, _)| accepted == code)
    }

    /// Returns the name of the theme it asks for, else the publication's.
    pub fn theme(&self) -> &str {
        &self.theme
    }
}

/// One article.
#[derive(Debug)]
pub(super) struct Article {
    /// The bytes of the draft its heading stands at.
    pub(super) span: Range<usize>,
    pub(super) title: Vec<Inline>,
    pub(super) kicker: Option<String>,
    pub(super) byline: Option<String>,
    pub(super) blocks: Blocks,
}

/// A draft that was read: the values, what is set, and every mistake.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) issue: Issue,
    /// One for each set of segments that the draft tells apart; the first is for readers of none.
    pub(super) versions: Vec<Version>,
    pub(super) marks: Marks<'a>,
    pub(super) problems: Vec<Problem>,
}

/// An issue as the readers of some segments get it.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) segments: Segments,
    /// The subject and the preheader with the characters of their fields.
    pub(super) subject: String,
    pub(super) preheader: String,
    pub(super) body: Body,
    /// What the text part says instead, where the editor wrote it apart.
    pub(super) text: Option<Body>,
}

/// What an issue says, in its order.
#[derive(Debug)]
pub(super) struct Body {
    /// What stands before the first article.
    pub(super) opening: Blocks,
    pub(super) articles: Vec<Article>,
}

/// The words of the front matter after their fields were lexed.
#[derive(Debug, Default)]
struct Said {
    title: Option<String>,
    title_span: Range<usize>,
    subject: Option<String>,
    preheader: Option<String>,
    kicker: Option<String>,
    byline: Option<String>,
    credit: Option<String>,
}

/// Reads a draft as far as it can be read; the problems are every mistake in it, in the order of its lines.
pub fn parse(draft: &Draft, publication: &Publication) -> (Issue, Vec<Problem>) {
    let reading = Reading::of(draft, publication);
    (reading.issue, reading.problems)
}

impl<'a> Reading<'a> {
    pub(super) fn of(draft: &Draft, publication: &'a Publication) -> Self {
        let mut proof = Proof::new(&draft.path, &draft.text);
        if !bounds::are_kept(&mut proof) {
            return Self::refused(draft, publication, proof);
        }
        hidden::refuse(&mut proof);
        let mut marks = Marks::new(&publication.list.fields);
        let (front, body) = FrontMatter::read(&mut proof);
        let mut lex = |text: &Option<Value<String>>| said(text.as_ref(), &mut marks, &mut proof);
        let said = Said {
            title: lex(&front.title),
            title_span: front.title.as_ref().map_or(0..0, |title| title.span.clone()),
            subject: lex(&front.subject),
            preheader: lex(&front.preheader),
            kicker: lex(&front.kicker),
            byline: lex(&front.byline),
            credit: lex(&front.credit),
        };
        let arena = Arena::new();
        let leaf = Leaf::parse(&arena, &draft.text[body..], body, &mut marks, &mut proof);
        let text_file = TextFile::of(draft, &mut proof);
        let mut text_leaf = None;
        if let Some(file) = &text_file {
            let mut of_file = Proof::new(&file.path, file.text);
            if !bounds::are_kept(&mut of_file) {
                proof.adopt(of_file);
                return Self::refused(draft, publication, proof);
            }
            hidden::refuse(&mut of_file);
            let leaf = Leaf::parse(&arena, file.text, 0, &mut marks, &mut of_file);
            text_leaf = Some((leaf, of_file));
        }
        let mut used = condition::segments(leaf.root);
        used.extend(text_leaf.iter().flat_map(|(leaf, _)| condition::segments(leaf.root)));
        let used: Segments = used.intersection(&front.segments).cloned().collect();
        let sets = segment::sets(&used);
        let reads = |leaf: &Leaf<'_>, proof: &mut Proof<'_>| {
            leaf.read(proof, &marks, &draft.files, &front.segments, &sets, &said)
        };
        let bodies = reads(&leaf, &mut proof);
        for (body_read, segments) in bodies.iter().zip(&sets) {
            if body_read.articles.is_empty() && !front.is_open {
                let end = draft.text.trim_end().len();
                tell_no_article(&mut proof, body.min(end)..end, segments, &used);
            }
        }
        let texts = text_leaf.map(|(leaf, mut of_file)| {
            let texts = reads(&leaf, &mut of_file);
            proof.adopt(of_file);
            texts
        });
        let mut texts = texts.into_iter().flatten();
        let versions: Vec<Version> = bodies
            .into_iter()
            .zip(sets)
            .map(|(body, segments)| Version::new(segments, body, texts.next(), &said))
            .collect();
        let version = &versions[0];
        let first = version.body.first_title();
        let title = said.title.unwrap_or(first);
        let issue = Issue {
            slug: draft.slug.clone(),
            title: one_line(&marks.written(&title)),
            subject: marks.written(&version.subject),
            preheader: marks.written(&version.preheader),
            date: front.date,
            number: front.number,
            language: front.lang.unwrap_or_else(|| publication.language.clone()),
            theme: front.theme.unwrap_or_else(|| publication.theme.clone()),
            canonical_url: front.canonical_url,
            accepted: accepted(front.accept, draft),
        };
        Self { issue, versions, marks, problems: proof.into_problems() }
    }

    /// Returns a draft that nobody read further.
    fn refused(draft: &Draft, publication: &'a Publication, proof: Proof<'_>) -> Self {
        let issue = Issue {
            slug: draft.slug.clone(),
            title: String::new(),
            subject: String::new(),
            preheader: String::new(),
            date: None,
            number: None,
            language: publication.language.clone(),
            theme: publication.theme.clone(),
            canonical_url: None,
            accepted: Vec::new(),
        };
        let marks = Marks::new(&publication.list.fields);
        Self { issue, versions: Vec::new(), marks, problems: proof.into_problems() }
    }
}

impl Version {
    /// Makes one; what the front matter does not say of it, its articles do.
    fn new(segments: Segments, body: Body, text: Option<Body>, said: &Said) -> Self {
        let subject = said.subject.clone().unwrap_or_else(|| body.first_title());
        let preheader = said.preheader.clone().unwrap_or_else(|| opening_words(&body));
        let (subject, preheader) = (one_line(&subject), one_line(&preheader));
        Self { segments, subject, preheader, body, text }
    }
}

impl Body {
    /// Returns the title of the first article.
    fn first_title(&self) -> String {
        self.articles.first().map_or(String::new(), |article| inline::plain(&article.title))
    }
}

/// A file of the editor's as Markdown reads it.
struct Leaf<'a> {
    lexed: Lexed,
    root: Node<'a>,
}

impl<'a> Leaf<'a> {
    /// Reads `text`, which stands at byte `base` of the proof's.
    fn parse(
        arena: &'a Arena<'a>,
        text: &str,
        base: usize,
        marks: &mut Marks<'_>,
        proof: &mut Proof<'_>,
    ) -> Self {
        let lexed = marks.lex(text, base, proof);
        let root = parse_document(arena, &colon::hidden(&lexed.text), &markdown());
        colon::shown(root);
        Self { lexed, root }
    }

    /// Reads what it says to the readers of each set of segments.
    fn read(
        &self,
        proof: &mut Proof<'_>,
        marks: &Marks<'_>,
        files: &BTreeMap<String, Beside>,
        declared: &Segments,
        sets: &[Segments],
        said: &Said,
    ) -> Vec<Body> {
        let mut notes = Definitions::of(self.root);
        let mut bodies = Vec::new();
        for segments in sets {
            let mut reader = Reader::new(proof, &self.lexed, marks, files, declared, segments);
            let nodes = condition::resolved(&mut reader, self.root.children());
            bodies.push(read_body(&mut reader, &mut notes, &nodes, said));
        }
        let none = Segments::new();
        notes.finish(&mut Reader::new(proof, &self.lexed, marks, files, declared, &none));
        bodies
    }
}

/// `text.md` beside a draft: what the text part says in the place of the draft's words.
struct TextFile<'a> {
    path: String,
    text: &'a str,
}

impl<'a> TextFile<'a> {
    /// Finds it; what cannot be used is marked.
    fn of(draft: &'a Draft, proof: &mut Proof<'_>) -> Option<Self> {
        let file = draft.files.get(TEXT_FILE)?;
        let path = match draft.path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{TEXT_FILE}"),
            None => TEXT_FILE.to_owned(),
        };
        let wrong = match file {
            Beside::Held(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if text.trim_start().starts_with("+++") => {
                    "it has front matter, which stands in issue.md alone".to_owned()
                }
                Ok(text) if text.trim_matches('\u{feff}').trim().is_empty() => {
                    "it is empty, and so the text part would be".to_owned()
                }
                Ok(text) => return Some(Self { path, text: text.trim_start_matches('\u{feff}') }),
                Err(error) => {
                    let at = error.valid_up_to();
                    let text = String::from_utf8_lossy(bytes);
                    let mut of_file = Proof::new(&path, &text);
                    of_file
                        .error(WRONG_FILE, at..at + LOST.len_utf8(), "the file is not UTF-8 text")
                        .helped("write that letter again, and save the file as UTF-8");
                    proof.adopt(of_file);
                    return None;
                }
            },
            Beside::Link => "it is a symbolic link".to_owned(),
            Beside::Large(bytes) => format!("it has {}, too much to read", size(*bytes)),
            Beside::Unreadable(why) => why.clone(),
            Beside::Unnamed => return None,
        };
        let mut of_file = Proof::new(&path, "");
        of_file
            .error_of_file(WRONG_FILE, format!("the text part cannot be taken from it: {wrong}"))
            .helped("mend it, or delete it: without it the text part says what the draft says");
        proof.adopt(of_file);
        None
    }
}

/// Marks a draft in which some readers would find no article.
fn tell_no_article(proof: &mut Proof<'_>, span: Range<usize>, held: &Segments, used: &Segments) {
    let readers = used.iter().map(|segment| {
        let with = if held.contains(segment) { "with" } else { "without" };
        format!("{with} `{segment}`")
    });
    let readers: Vec<String> = readers.collect();
    let message = match readers[..] {
        [] => "the issue has no article".to_owned(),
        _ => format!("the issue has no article for readers {}", readers.join(" and ")),
    };
    proof.error(NO_ARTICLE, span, message).helped("begin one with `# Title`");
}

/// Reads the blocks before the first article, and the articles. Without a `#` of its own the front matter's title heads them all.
fn read_body<'a>(
    reader: &mut Reader<'_, '_>,
    notes: &mut Definitions<'a>,
    nodes: &[Node<'a>],
    said: &Said,
) -> Body {
    let first = nodes.iter().position(|node| is_title(node)).unwrap_or(nodes.len());
    let (before, titled) = nodes.split_at(first);
    let mut opening = reader.blocks(before);
    opening.extend(notes.marked(reader));
    let mut articles: Vec<Article> = titled
        .chunk_by(|_, next| !is_title(next))
        .map(|nodes| read_article(reader, notes, nodes, said))
        .collect();
    match &said.title {
        Some(title) if articles.is_empty() && !opening.is_empty() => {
            let title = vec![Inline::Text(title.clone())];
            articles.push(Article::new(
                title,
                said.title_span.clone(),
                BTreeMap::new(),
                opening,
                said,
            ));
            Body { opening: Blocks::new(), articles }
        }
        _ => Body { opening, articles },
    }
}

/// Reads a title and what follows it up to the next.
fn read_article<'a>(
    reader: &mut Reader<'_, '_>,
    notes: &mut Definitions<'a>,
    nodes: &[Node<'a>],
    said: &Said,
) -> Article {
    let (heading, rest) = (nodes[0], &nodes[1..]);
    let span = reader.line(heading);
    let before = reader.proof.count();
    let attributes = reader.attributes(heading, &["credit", "byline", "kicker"]);
    let title = reader.heading(heading);
    // What cannot be read may have been a credit.
    let is_read = reader.proof.count() == before;
    for words in attributes.values() {
        reader.warn_of_unset(words, &span);
    }
    reader.heading_level = 1;
    let blocks = reader.blocks(rest);
    let mut article = Article::new(title, span.clone(), attributes, blocks, said);
    article.blocks.extend(notes.marked(reader));
    if is_read && !article.blocks.iter().any(|block| block.is_credit()) {
        reader
            .proof
            .warning(NO_CREDIT, span, "the article does not say where it comes from")
            .helped("write `# Title {credit=\"TOL 06.x.03\"}`");
    }
    article
}

fn is_title(node: Node<'_>) -> bool {
    matches!(&node.data().value, NodeValue::Heading(heading) if heading.level == 1)
}

impl Article {
    /// Makes one; what it does not say of itself the front matter says for all.
    fn new(
        title: Vec<Inline>,
        span: Range<usize>,
        mut attributes: BTreeMap<String, String>,
        mut blocks: Blocks,
        said: &Said,
    ) -> Self {
        let mut of = |key, general: &Option<String>| {
            attributes
                .remove(key)
                .or_else(|| general.clone())
                .filter(|text| !text.trim().is_empty())
        };
        let (kicker, byline) = (of("kicker", &said.kicker), of("byline", &said.byline));
        let has_credit = blocks.iter().any(|block| block.is_credit());
        let credit = of("credit", &said.credit).filter(|_| !has_credit);
        blocks.extend(credit.as_deref().map(|words| of_article(words, &span)));
        Self { span, title, kicker, byline, blocks }
    }
}

/// Returns each code once, with its place.
fn accepted(codes: Vec<Value<String>>, draft: &Draft) -> Vec<(String, Place)> {
    let mut accepted: Vec<(String, Place)> = Vec::new();
    for Value { value, span } in codes {
        if !accepted.iter().any(|(known, _)| *known == value) {
            accepted.push((value, Place::of_span(&draft.path, &draft.text, span)));
        }
    }
    accepted
}

/// Replaces the fields of a text of the front matter.
fn said(
    text: Option<&Value<String>>,
    marks: &mut Marks<'_>,
    proof: &mut Proof<'_>,
) -> Option<String> {
    let Value { value, span } = text?;
    for Foreign { span: found, message, help } in unset(&proof.text()[span.clone()]) {
        let at = span.start + found.start..span.start + found.end;
        proof.warning(FOREIGN, at, message).helped(help);
    }
    // Between its quotes a text stands as it is, unless it holds escapes; then its fields are shown at its beginning.
    let at = proof.text()[span.clone()].find(value.as_str()).unwrap_or(0);
    let lexed = marks.lex(value, span.start + at, proof).text;
    Some(lexed).filter(|text| !text.trim().is_empty())
}

/// Returns the first words of an issue, for inboxes to show: at most 140 characters, cut at a blank, and without a field.
fn opening_words(body: &Body) -> String {
    let articles = body.articles.iter().flat_map(|article| &article.blocks);
    let blocks = body.opening.iter().chain(articles);
    let words = blocks
        .filter_map(|block| block.opening().map(inline::plain))
        .find(|words| words.chars().count() >= 40 && !words.contains(is_mark))
        .unwrap_or_default();
    let words = one_line(&words);
    if words.chars().count() <= 140 {
        return words;
    }
    let cut: String = words.chars().take(139).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{}…", cut.trim_end_matches([',', ';', ':', '—', '–', ' ']))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
