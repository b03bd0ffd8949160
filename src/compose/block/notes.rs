//! Footnotes: a mark `[^1]` after a word, and anywhere `[^1]: what it says`; they stand at the end of their article.
//!
//! Mail has no anchors, so a mark is no link: it is a raised number, the same
//! letter in both parts.

use std::collections::{BTreeMap, BTreeSet};

use comrak::nodes::{Node, NodeValue};
use maud::{Markup, html};

use super::{Block, Blocks, Placed};
use crate::compose::{
    code::WRONG_NOTE,
    inline::{self, Inline, raised},
    layout::{Page, SPACE},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Notes(Vec<Note>);

/// A note: its first paragraph, and what follows it.
#[derive(Debug)]
struct Note {
    mark: String,
    words: Vec<Inline>,
    blocks: Blocks,
}

/// What the notes of a document say, by their names, and which were set.
#[derive(Debug)]
pub(in crate::compose) struct Definitions<'a> {
    by_name: BTreeMap<String, Node<'a>>,
    nodes: Vec<Node<'a>>,
    set: BTreeSet<String>,
}

impl<'a> Definitions<'a> {
    /// Finds every note of a document.
    pub(in crate::compose) fn of(root: Node<'a>) -> Self {
        let is_note = |node: &Node<'a>| name(node).is_some();
        let nodes: Vec<Node<'a>> = root.descendants().filter(is_note).collect();
        let by_name = nodes.iter().filter_map(|node| Some((name(node)?, *node))).collect();
        Self { by_name, nodes, set: BTreeSet::new() }
    }

    /// Reads the notes that were marked since the last time, and those that they mark themselves.
    pub(in crate::compose) fn marked(&mut self, reader: &mut Reader<'_, '_>) -> Option<Placed> {
        let mut notes = Vec::new();
        let mut span = None;
        while let Some(name) = reader.notes.get(notes.len()).cloned() {
            let node = *self.by_name.get(&name)?;
            span = span.or_else(|| Some(reader.span(node)));
            let mark = raised(notes.len() + 1);
            notes.push(read(reader, node, mark));
            self.set.insert(name);
        }
        reader.notes.clear();
        Some(Placed::new(span?, Box::new(Notes(notes))))
    }

    /// Marks every note that no version of the issue shows.
    pub(in crate::compose) fn finish(&self, reader: &mut Reader<'_, '_>) {
        for node in &self.nodes {
            let name = name(node).unwrap_or_default();
            let is_shown = self.set.contains(&name)
                && self.by_name.get(&name).is_some_and(|known| known.same_node(node));
            if !is_shown {
                let span = reader.line(node);
                let (message, help) = if self.set.contains(&name) {
                    (
                        format!("two notes are named `{name}`"),
                        "give each a name of its own".to_owned(),
                    )
                } else {
                    let help = format!("write `[^{name}]` after the word it belongs to");
                    (format!("no mark leads to the note `{name}`"), help)
                };
                reader.proof.error(WRONG_NOTE, span, message).helped(help);
            }
        }
    }
}

fn name(node: Node<'_>) -> Option<String> {
    match &node.data().value {
        NodeValue::FootnoteDefinition(note) => Some(note.name.clone()),
        _ => None,
    }
}

fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>, mark: String) -> Note {
    let nodes: Vec<Node<'a>> = node.children().collect();
    match nodes.split_first() {
        Some((first, rest)) if super::is_paragraph(first) => {
            Note { mark, words: reader.inlines(first), blocks: reader.nested(rest) }
        }
        _ => Note { mark, words: Vec::new(), blocks: reader.nested(&nodes) },
    }
}

impl Block for Notes {
    fn html(&self, page: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.notes {
                    @for note in &self.0 {
                        p.note { (note.mark) " " (inline::html(&note.words)) }
                        (super::html(&note.blocks, page))
                    }
                } }
                tr { td.after { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.line("--------");
        for note in &self.0 {
            sheet.indented(&format!("{} ", note.mark), "  ", |sheet| {
                sheet.words(&note.words);
                super::text(&note.blocks, sheet);
            });
        }
    }
}
