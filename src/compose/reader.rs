//! Reads a draft's body: Markdown into blocks and inlines, every mistake marked where it stands.

use std::{collections::BTreeMap, ops::Range};

use comrak::{
    Options,
    nodes::{Node, NodeValue},
};
use unicode_width::UnicodeWidthChar;

use super::{
    beside::{Beside, size},
    block::{self, Block, Blocks, DIRECTIVES, condition},
    code::{
        EMPTY, FOREIGN, MALFORMED_ATTRIBUTES, MISPLACED_FIELD, OPEN_DIRECTIVE, RAW_HTML, TOO_DEEP,
        UNKNOWN_ATTRIBUTE, UNKNOWN_DIRECTIVE, UNSUPPORTED, WRONG_FILE, WRONG_HEADING, WRONG_IMAGE,
        WRONG_LINK, WRONG_NOTE,
    },
    field::{Lexed, Marks},
    foreign::{addresses, foreign, is_definition, unset},
    inline::{self, Inline},
    nearest::nearest,
    picture::BYTES_MAX,
    proof::{Help, Proof},
    segment::Segments,
    url,
};

/// How deep blocks may stand in one another; mail programs set no more, and neither does anybody read it.
const BLOCK_DEPTH: usize = 6;

/// How deep emphasis and links may stand in one another.
const INLINE_DEPTH: usize = 8;

/// Where the reading stands.
#[derive(Debug)]
pub(super) struct Reader<'r, 'p> {
    /// Where mistakes are marked.
    pub(super) proof: &'r mut Proof<'p>,
    /// The level of the last heading.
    pub(super) heading_level: u8,
    /// The notes that the article marks, in the order of their first marks.
    pub(super) notes: Vec<String>,
    body: &'r Lexed,
    marks: &'r Marks<'r>,
    beside: &'r BTreeMap<String, Beside>,
    /// The segments that the front matter declares.
    pub(super) declared: &'r Segments,
    /// Those of the readers for whom it is read.
    held: &'r Segments,
    /// The byte each line of the body begins at.
    lines: Vec<usize>,
    depth: usize,
}

/// Returns how Markdown is read: quotations and credits survive byte for byte, so nothing is smart.
pub(super) fn markdown() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.alerts = true;
    options.extension.block_directive = true;
    options.extension.header_attributes = true;
    options.extension.link_attributes = true;
    options.extension.footnotes = true;
    options.parse.leave_footnote_definitions = true;
    // Emphasis ends beside letters that know no blanks, too.
    options.extension.cjk_friendly_emphasis = true;
    // These are read to be refused: their marks would stand in the issue as they are.
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.inline_footnotes = true;
    // An underlined heading is refused as well, `block/rule.rs` and `block/paragraph.rs`.
    options.parse.ignore_setext = true;
    options
}

impl<'r, 'p> Reader<'r, 'p> {
    pub(super) fn new(
        proof: &'r mut Proof<'p>,
        body: &'r Lexed,
        marks: &'r Marks<'r>,
        beside: &'r BTreeMap<String, Beside>,
        declared: &'r Segments,
        held: &'r Segments,
    ) -> Self {
        let (heading_level, notes, lines) = (1, Vec::new(), line_starts(&body.text));
        Self { proof, heading_level, notes, body, marks, beside, declared, held, lines, depth: 0 }
    }

    /// Tells whether it is read for readers of a segment.
    pub(super) fn is_for(&self, segment: &str) -> bool {
        self.held.contains(segment)
    }

    /// Returns the path people know a file beside the draft by.
    pub(super) fn path_beside(&self, name: &str) -> String {
        match self.proof.path().rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_owned(),
        }
    }

    /// Returns what a file beside the draft holds; `None` after marking at `span` why it does not stand there.
    pub(super) fn beside(&mut self, name: &str, span: Range<usize>) -> Option<&'r [u8]> {
        let is_within =
            !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let (message, help) = match self.beside.get(name) {
            Some(Beside::Held(bytes)) => return Some(bytes),
            _ if name.is_empty() => ("the image has no address".to_owned(), None),
            _ if !is_within => {
                let message = format!("`{name}` is outside the issue's folder");
                (message, Some("put the file beside the draft".to_owned()))
            }
            Some(Beside::Link) => {
                let message = format!("`{name}` is a symbolic link");
                (message, Some("put the file itself beside the draft".to_owned()))
            }
            Some(Beside::Large(bytes)) => {
                let message = format!("`{name}` has {}, too much to read", size(*bytes));
                let help = match name.rsplit('.').next() {
                    Some("csv") => "leave in it only what the chart is to show".to_owned(),
                    _ => format!("a picture is to have less than {}", size(BYTES_MAX)),
                };
                (message, Some(help))
            }
            Some(Beside::Unreadable(why)) => {
                let help = "it has to be a file that you may read".to_owned();
                (format!("`{name}` cannot be read: {why}"), Some(help))
            }
            Some(Beside::Unnamed) | None => {
                let others = self.beside.keys().map(String::as_str).filter(|other| *other != name);
                let meant = nearest(name, others);
                let help = match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "put the file into the issue's folder".to_owned(),
                };
                (format!("there is no file `{name}` beside the draft"), Some(help))
            }
        };
        self.proof.error(WRONG_FILE, span, message).help = help;
        None
    }

    /// Reads blocks that stand within another.
    pub(super) fn nested(&mut self, nodes: &[Node<'_>]) -> Blocks {
        if self.depth == BLOCK_DEPTH {
            if let Some(node) = nodes.first() {
                let span = self.line(node);
                self.proof.error(TOO_DEEP, span, "blocks are nested too deep");
            }
            return Blocks::new();
        }
        self.depth += 1;
        let blocks = self.blocks(nodes);
        self.depth -= 1;
        blocks
    }

    /// Reads blocks as its readers see them.
    pub(super) fn blocks(&mut self, nodes: &[Node<'_>]) -> Blocks {
        let seen = condition::resolved(self, nodes.iter().copied());
        seen.into_iter().filter_map(|node| block::read_one(self, node)).collect()
    }

    /// Tells whether the block being read stands within another.
    pub(super) fn is_nested(&self) -> bool {
        self.depth > 0
    }

    /// Reads what a node holds within a line.
    pub(super) fn inlines(&mut self, node: Node<'_>) -> Vec<Inline> {
        let mut inlines = Vec::new();
        self.push_inlines(node, 0, &mut inlines);
        inlines
    }

    /// Reads a heading's words, which have to say something.
    pub(super) fn heading(&mut self, node: Node<'_>) -> Vec<Inline> {
        let words = self.inlines(node);
        let plain = inline::plain(&words);
        let span = self.line(node);
        if inline::has_note(&words) {
            self.misplaced_note(span.clone(), "a heading");
        }
        if plain.trim().is_empty() {
            self.proof.error(WRONG_HEADING, span, "the heading is empty");
        } else if plain.trim_end().ends_with('}') && plain.contains('{') {
            self.malformed_attributes(span);
        }
        words
    }

    /// Returns the attributes in braces after a heading or image; those that are not `known` are marked.
    pub(super) fn attributes(
        &mut self,
        node: Node<'_>,
        known: &[&'static str],
    ) -> BTreeMap<String, String> {
        let Some(attributes) = node.data().attrs.clone() else {
            return BTreeMap::new();
        };
        let line = self.line(node);
        let of_id = attributes.id.iter().map(|id| format!("#{id}"));
        let of_class = attributes.classes.iter().map(|class| format!(".{class}"));
        let keys = attributes.pairs.iter().map(|(key, _)| key.clone());
        for key in of_id.chain(of_class).chain(keys) {
            if !known.contains(&key.as_str()) {
                let span = self.find(&key, &line);
                self.proof
                    .error(UNKNOWN_ATTRIBUTE, span, format!("no attribute is named `{key}` here"))
                    .perhaps(nearest(&key, known.iter().copied()));
            }
        }
        let classes = attributes.classes.iter().map(|class| (format!(".{class}"), String::new()));
        attributes.pairs.into_iter().chain(classes).collect()
    }

    /// Reads a `:::` directive by its name.
    pub(super) fn directive<'a>(&mut self, node: Node<'a>, info: &str) -> Option<Box<dyn Block>> {
        let line = self.line(node);
        let name = info.split_whitespace().next().unwrap_or_default();
        if name.is_empty() {
            self.proof
                .error(OPEN_DIRECTIVE, line, "`:::` closes a directive, and none is open")
                .helped("begin one with its name, as in `:::button`");
            // Markdown opens one all the same; to the editor what follows stands outside of it.
            let nodes: Vec<Node<'a>> = node.children().collect();
            self.blocks(&nodes);
            return None;
        }
        // `:::else` ends with the condition it stands in.
        if name != "else" && !self.is_closed(node) {
            self.open_directive(name, line.clone());
        }
        let Some((_, read)) = DIRECTIVES.iter().find(|(known, _)| *known == name) else {
            let known = DIRECTIVES.iter().map(|(known, _)| *known);
            let span = self.find(name, &line);
            self.proof
                .error(UNKNOWN_DIRECTIVE, span, format!("no directive is named `{name}`"))
                .help = Some(match nearest(name, known.clone()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are `{}`", known.collect::<Vec<_>>().join("`, `")),
            });
            // Its content is read all the same, so that every mistake is told at once.
            let nodes: Vec<Node<'a>> = node.children().collect();
            self.nested(&nodes);
            return None;
        };
        read(self, node)
    }

    /// Marks a directive that no line closes.
    pub(super) fn open_directive(&mut self, name: &str, line: Range<usize>) {
        self.proof
            .error(OPEN_DIRECTIVE, line, format!("the directive `{name}` is not closed"))
            .helped("end it with a line `:::`");
    }

    /// Returns a link's address, checked and encoded; `None` after marking what is wrong.
    pub(super) fn link_target(&mut self, node: Node<'_>) -> Option<String> {
        let NodeValue::Link(link) = node.data().value.clone() else { return None };
        let span = self.span(node);
        let shown = link.url.clone();
        let help = "links are absolute: `https://...`, `mailto:...` or `tel:...`";
        let is_open = shown.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        match url::check(&link.url) {
            Ok(()) => {
                self.check_default(&link.url, span);
                return Some(url::encoded(&link.url));
            }
            Err(url::Wrong::Empty) => {
                self.proof.error(WRONG_LINK, span, "the link leads nowhere").helped(help);
            }
            Err(url::Wrong::Scheme) if is_open => {
                let message = format!("`{shown}` can be read and changed on its way");
                self.proof.error(WRONG_LINK, span, message).helped("write `https://`");
            }
            Err(url::Wrong::Scheme) => {
                let message = format!("`{shown}` is not an absolute address");
                self.proof.error(WRONG_LINK, span, message).helped(help);
            }
            Err(url::Wrong::Host) => {
                let message = format!("`{shown}` leads where no reader can go");
                self.proof.error(WRONG_LINK, span, message).helped(help);
            }
            Err(url::Wrong::Field) => {
                self.proof
                    .error(MISPLACED_FIELD, span, "a merge field would decide where the link leads")
                    .helped("let it be the whole link, or stand after the host");
            }
        }
        None
    }

    /// Marks a field that is a whole link, where who has no value of it would get a link that leads nowhere.
    fn check_default(&mut self, url: &str, span: Range<usize>) {
        let default = url.chars().next().and_then(|mark| self.marks.default(mark));
        if let Some(default) = default.filter(|default| !url::leads_on(default)) {
            let message = format!("the default of this link is `{default}`, which is no address");
            self.proof
                .error(WRONG_LINK, span, message)
                .helped("give it one that everybody can go to: `default: \"https://...\"`");
        }
    }

    /// Returns the words of an image for those who do not see it.
    pub(super) fn alt(&mut self, image: Node<'_>) -> String {
        let alt = inline::plain(&self.inlines(image));
        if image.next_sibling().is_some_and(
            |next| matches!(&next.data().value, NodeValue::Text(text) if text.starts_with('{')),
        ) {
            let span = self.line(image);
            self.malformed_attributes(span);
        }
        alt
    }

    /// Returns the bytes of the draft that a node was read from.
    pub(super) fn span(&self, node: Node<'_>) -> Range<usize> {
        let position = node.data().sourcepos;
        let start = self.offset(position.start.line, position.start.column.saturating_sub(1));
        let end = self.offset(position.end.line, position.end.column);
        let start = self.body.origin(start);
        start..self.body.origin(end).max(start)
    }

    /// Returns the bytes of the first line of a node.
    pub(super) fn line(&self, node: Node<'_>) -> Range<usize> {
        let start = self.span(node).start;
        let rest = &self.proof.text()[start..];
        start..start + rest.find(['\n', '\r']).unwrap_or(rest.len())
    }

    /// Returns the first line of a node, a character for each merge field.
    pub(super) fn marked_line(&self, node: Node<'_>) -> &str {
        let start = node.data().sourcepos.start;
        let rest = &self.body.text[self.offset(start.line, start.column.saturating_sub(1))..];
        rest.lines().next().unwrap_or_default().trim_end()
    }

    fn push_inlines(&mut self, node: Node<'_>, depth: usize, inlines: &mut Vec<Inline>) {
        if depth > INLINE_DEPTH {
            let span = self.span(node);
            self.proof.error(TOO_DEEP, span, "emphasis is nested too deep");
            return;
        }
        for child in node.children() {
            let value = child.data().value.clone();
            match value {
                NodeValue::Text(text) => {
                    self.check_marks(child, &text);
                    self.warn_of_foreign(child, &text);
                    push_text(&text, inlines);
                }
                NodeValue::FootnoteReference(note) => inlines.push(self.note(&note.name)),
                NodeValue::SoftBreak if begins_indented(child) => inlines.push(Inline::Break),
                NodeValue::SoftBreak => inlines.push(Inline::Wrap(joint(inlines, child))),
                NodeValue::LineBreak => inlines.push(Inline::Break),
                NodeValue::Code(code) => inlines.push(Inline::Code(code.literal)),
                NodeValue::Emph => inlines.push(Inline::Emphasis(self.within(child, depth))),
                NodeValue::Strong => inlines.push(Inline::Strong(self.within(child, depth))),
                NodeValue::Link(_) => self.push_link(child, depth, inlines),
                NodeValue::Image(_) => {
                    let span = self.span(child);
                    self.proof
                        .error(WRONG_IMAGE, span, "an image stands in a paragraph of its own")
                        .helped("put a blank line before and after it");
                }
                NodeValue::HtmlInline(html) => self.raw_html(self.span(child), &html),
                NodeValue::Strikethrough => {
                    let span = self.span(child);
                    self.proof
                        .error(UNSUPPORTED, span, "an issue strikes no words out")
                        .helped("take them out, or write `\\~` for the character itself");
                }
                _ => {
                    let span = self.span(child);
                    self.proof.error(
                        UNSUPPORTED,
                        span,
                        "an issue does not use this form of Markdown",
                    );
                }
            }
        }
    }

    /// Marks HTML, and says what to write for it.
    pub(super) fn raw_html(&mut self, span: Range<usize>, html: &str) {
        let tag = html.trim_start().to_ascii_lowercase();
        let help = if tag.starts_with("<!--") {
            "take the comment out; a note to yourself goes behind `#` in the front matter"
        } else if tag.starts_with("<br") {
            "end the line with `\\` for a line break"
        } else {
            "write Markdown, or a `:::` directive; `\\<` is the character itself"
        };
        self.proof.error(RAW_HTML, span, "an issue holds no HTML").helped(help);
    }

    fn within(&mut self, node: Node<'_>, depth: usize) -> Vec<Inline> {
        let mut inlines = Vec::new();
        self.push_inlines(node, depth + 1, &mut inlines);
        inlines
    }

    fn push_link(&mut self, node: Node<'_>, depth: usize, inlines: &mut Vec<Inline>) {
        let mut words = self.within(node, depth);
        // An image within was marked already.
        let has_image =
            node.descendants().any(|inner| matches!(inner.data().value, NodeValue::Image(_)));
        if inline::plain(&words).trim().is_empty() && !has_image {
            let span = self.span(node);
            self.proof
                .error(EMPTY, span, "the link has no words")
                .helped("write them between the brackets, `[the report](https://...)`");
        }
        if inline::has_note(&words) {
            self.misplaced_note(self.span(node), "a link");
        }
        self.attributes(node, &[]);
        match self.link_target(node) {
            Some(url) => {
                // Of `<mailto:me@example.org>` both parts show the mailbox.
                if let [Inline::Text(text)] = &mut words[..]
                    && *text == url
                    && let Some(bare) = inline::bare(&url)
                {
                    bare.clone_into(text);
                }
                inlines.push(Inline::Link(url, words, self.span(node)));
            }
            None => inlines.extend(words),
        }
    }

    /// Returns the mark of a note, numbered within its article.
    fn note(&mut self, name: &str) -> Inline {
        let known = self.notes.iter().position(|known| known == name);
        Inline::Note(
            1 + known.unwrap_or_else(|| {
                self.notes.push(name.to_owned());
                self.notes.len() - 1
            }),
        )
    }

    fn misplaced_note(&mut self, span: Range<usize>, place: &str) {
        self.proof
            .error(WRONG_NOTE, span, format!("the mark of a note stands within {place}"))
            .helped("put it after a word of a paragraph");
    }

    /// Marks what was meant as a link, an attribute or the mark of a note, which Markdown takes for words.
    fn check_marks(&mut self, node: Node<'_>, text: &str) {
        if !["](", "]{", "[^"].into_iter().any(|mark| text.contains(mark)) {
            return;
        }
        let span = self.span(node);
        let source = &self.proof.text()[span.clone()];
        let meant = |mark: &str, end: char| {
            let at = source.find(mark).filter(|at| !source[..*at].ends_with('\\'))?;
            let length = source[at..].find(end)? + 1;
            let start = source[..at].rfind('[').unwrap_or(at);
            (!source[at + 1..].starts_with("{{"))
                .then_some(span.start + start..span.start + at + length)
        };
        let (link, attributes) = (meant("](", ')'), meant("]{", '}'));
        if let Some(link) = link {
            self.proof
                .error(WRONG_LINK, link, "a link that cannot be read")
                .helped("write `[words](https://...)`, with `%20` for a blank in the address; `\\]` is the bracket itself");
        }
        if let Some(attributes) = attributes {
            self.proof
                .error(
                    MALFORMED_ATTRIBUTES,
                    attributes,
                    "attributes belong to a heading or an image",
                )
                .helped("write the words alone; `\\]` is the bracket itself");
        }
        let source = &self.proof.text()[span.clone()];
        for (at, _) in source.match_indices("[^") {
            let label = source[at + 2..].split(']').next().unwrap_or_default();
            let is_closed = source[at + 2 + label.len()..].starts_with(']');
            let is_label = !label.is_empty() && !label.contains(char::is_whitespace);
            if is_closed && is_label && !source[..at].ends_with('\\') {
                let start = span.start + at;
                self.proof
                    .error(
                        WRONG_NOTE,
                        start..start + label.len() + 3,
                        format!("there is no note `{label}`"),
                    )
                    .helped(format!(
                        "write what it says in a paragraph of its own: `[^{label}]: ...`"
                    ));
            }
        }
    }

    /// Marks what another reader of Markdown would set, and an issue shows as it is typed.
    fn warn_of_foreign(&mut self, node: Node<'_>, text: &str) {
        let begins_line = node
            .previous_sibling()
            .is_none_or(|before| matches!(before.data().value, NodeValue::SoftBreak));
        let span = self.span(node);
        if begins_line && is_definition(text) {
            self.proof
                .warning(FOREIGN, span.start..span.start + 1, "`:` defines nothing")
                .helped("write `- **word**: what it means`; `\\:` is the character itself");
        }
        let source = &self.proof.text()[span.clone()];
        let is_in_link =
            node.ancestors().any(|around| matches!(around.data().value, NodeValue::Link(_)));
        let address = addresses(source).filter(|_| !is_in_link);
        for foreign in foreign(source).into_iter().chain(address).collect::<Vec<_>>() {
            let at = span.start + foreign.span.start..span.start + foreign.span.end;
            self.proof.warning(FOREIGN, at, foreign.message).helped(foreign.help);
        }
    }

    /// Warns of Markdown in words of a line that are set as they are typed, such as a byline.
    pub(super) fn warn_of_unset(&mut self, words: &str, line: &Range<usize>) {
        for found in unset(words) {
            let span = self.find(&words[found.span], line);
            self.proof.warning(FOREIGN, span, found.message).helped(found.help);
        }
    }

    fn malformed_attributes(&mut self, line: Range<usize>) {
        let span = self.find("{", &line);
        self.proof
            .error(MALFORMED_ATTRIBUTES, span.start..line.end, "the attributes cannot be read")
            .helped("write each as `key=\"value\"`, with a blank between two");
    }

    /// Tells whether a directive's last line closes it.
    pub(super) fn is_closed(&self, node: Node<'_>) -> bool {
        let position = node.data().sourcepos;
        let start = self.offset(position.end.line, 0);
        let end = self.offset(position.end.line + 1, 0);
        let line = self.body.text[start..end].trim().trim_start_matches(['>', ' ']);
        position.end.line > position.start.line && line.starts_with(":::")
    }

    /// Returns where `word` stands within `line`, or the line as a whole.
    pub(super) fn find(&self, word: &str, line: &Range<usize>) -> Range<usize> {
        match self.proof.text()[line.clone()].rfind(word) {
            Some(at) => line.start + at..line.start + at + word.len(),
            None => line.clone(),
        }
    }

    /// Returns the byte of the body's text at a line, counted from 1, and a column of bytes, counted from 0.
    fn offset(&self, line: usize, column: usize) -> usize {
        let length = self.body.text.len();
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(length);
        let mut at = (start + column).min(length);
        while !self.body.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Joins neighbouring texts, which Markdown splits at every character that might have meant something.
fn push_text(text: &str, inlines: &mut Vec<Inline>) {
    match inlines.last_mut() {
        Some(Inline::Text(last)) => last.push_str(text),
        _ => inlines.push(Inline::Text(text.to_owned())),
    }
}

/// Returns what stands for a line end: a blank, but nothing between two letters of a script that knows no blanks, nor
/// beside its own punctuation, which brings room with it (CSS Text 4 section 4.1.3).
fn joint(before: &[Inline], line_end: Node<'_>) -> &'static str {
    let knows_no_blanks = |letter: char| {
        // Korean is as wide, and has blanks between its words.
        let is_korean = matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7ff}');
        letter.width() == Some(2) && !is_korean
    };
    let last = &before[before.len().saturating_sub(1)..];
    let before = inline::plain(last).chars().next_back();
    let after = first_letter(line_end);
    let is_wide_sign = |letter| matches!(letter, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff3d}' | '\u{ff5b}'..='\u{ff60}');
    let are_without = before.is_some_and(knows_no_blanks) && after.is_some_and(knows_no_blanks);
    let has_blank = !are_without && !before.into_iter().chain(after).any(is_wide_sign);
    if has_blank { " " } else { "" }
}

/// Returns the first letter of the line that follows a line end.
fn first_letter(line_end: Node<'_>) -> Option<char> {
    let mut after = line_end.next_sibling();
    while let Some(inner) = after.and_then(comrak::arena_tree::Node::first_child) {
        after = Some(inner);
    }
    after.and_then(|node| match &node.data().value {
        NodeValue::Text(text) => text.chars().next(),
        _ => None,
    })
}

/// Tells whether the next line begins with the wide blank that opens a paragraph in Japanese and Chinese.
fn begins_indented(line_end: Node<'_>) -> bool {
    first_letter(line_end) == Some('\u{3000}')
}

/// Returns where each line begins, counted as Markdown does: LF, CRLF and CR end one.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = (0..bytes.len()).filter(|&at| match bytes[at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|at| at + 1)).collect()
}
