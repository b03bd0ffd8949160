//! A paragraph: lines of words up to a blank one.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::UNSUPPORTED,
    inline::{self, Inline},
    layout::Page,
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Paragraph(Vec<Inline>);

pub(super) fn read(reader: &mut Reader<'_, '_>, node: Node<'_>) -> Box<dyn Block> {
    refuse_underline(reader, node);
    refuse_grid(reader, node);
    Box::new(Paragraph(reader.inlines(node)))
}

/// Marks a line of `=` below words: a heading to other readers of Markdown.
fn refuse_underline(reader: &mut Reader<'_, '_>, node: Node<'_>) {
    let span = reader.span(node);
    let mut at = span.start;
    for line in reader.proof.text()[span].split_inclusive('\n') {
        let bare = line.trim_matches([' ', '\t', '\r', '\n', '>']);
        if !bare.is_empty() && bare.bytes().all(|byte| byte == b'=') {
            let line = at..at + line.trim_end().len();
            reader
                .proof
                .error(UNSUPPORTED, line, "a line of `=` makes no heading")
                .helped("write `# Title` for an article, `## Section` for a section");
        }
        at += line.len();
    }
}

/// Marks a table drawn with `+---+`, which other readers of Markdown know.
fn refuse_grid(reader: &mut Reader<'_, '_>, node: Node<'_>) {
    let line = reader.line(node);
    let bare = reader.proof.text()[line.clone()].trim_end();
    let is_grid = bare.len() > 3
        && bare.starts_with("+-")
        && bare.bytes().all(|byte| b"+-=:".contains(&byte));
    if is_grid {
        reader
            .proof
            .error(UNSUPPORTED, line, "an issue has no tables of this kind")
            .helped("write its rows as `| cell | cell |`, and `| --- | --- |` below the first");
    }
}

impl Block for Paragraph {
    fn html(&self, page: &Page<'_>) -> Markup {
        let turn = page.turn(&self.0);
        html! { p.p dir=[turn.dir] style=[turn.style] { (inline::html(&self.0)) } }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        match &self.0[..] {
            [Inline::Link(url, words, _)] => sheet.link(&inline::plain(words), url, false),
            inlines => sheet.words(inlines),
        }
    }

    fn opening(&self) -> Option<&[Inline]> {
        Some(&self.0)
    }
}
