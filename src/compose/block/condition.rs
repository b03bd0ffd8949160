//! Words for some readers alone: `:::if segment="paid"`, perhaps `:::else`, and `:::`.
//!
//! A condition is no block: when a draft is read for the readers of some
//! segments, what they see stands in its place, and whole articles may. So
//! links, notes and the list of contents are numbered as each reader sees them.

use comrak::nodes::Node;

use super::Block;
use crate::compose::{
    attributes,
    code::{TOO_DEEP, UNKNOWN_SEGMENT, WRONG_CONTENT},
    nearest::nearest,
    proof::Help,
    reader::Reader,
    segment::{Segments, folded},
};

/// How deep conditions may stand in one another.
const DEPTH_MAX: usize = 6;

const HELP: &str = "write `:::if segment=\"paid\"`, what those readers see, `:::else` where others see something, and `:::`";

/// Returns the nodes that this draft's readers see: every condition replaced by its part for them.
pub(in crate::compose) fn resolved<'a>(
    reader: &mut Reader<'_, '_>,
    nodes: impl IntoIterator<Item = Node<'a>>,
) -> Vec<Node<'a>> {
    let mut seen = Vec::new();
    push_resolved(reader, nodes, 0, &mut seen);
    seen
}

/// Returns every segment that a document's conditions name.
pub(in crate::compose) fn segments(root: Node<'_>) -> Segments {
    root.descendants()
        .filter_map(|node| attributes::pairs(&super::directive(node, "if")?))
        .flatten()
        .filter(|(key, _)| key == "segment")
        .map(|(_, segment)| folded(&segment))
        .collect()
}

/// Reads a `:::else` that stands in no `:::if`.
pub(super) fn astray<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Option<Box<dyn Block>> {
    let span = reader.line(node);
    reader.proof.error(WRONG_CONTENT, span, "`:::else` stands in no `:::if`").helped(HELP);
    let nodes: Vec<Node<'a>> = node.children().collect();
    reader.nested(&nodes);
    None
}

fn push_resolved<'a>(
    reader: &mut Reader<'_, '_>,
    nodes: impl IntoIterator<Item = Node<'a>>,
    depth: usize,
    seen: &mut Vec<Node<'a>>,
) {
    for node in nodes {
        let Some(rest) = super::directive(node, "if") else {
            seen.push(node);
            continue;
        };
        if depth == DEPTH_MAX {
            let span = reader.line(node);
            reader.proof.error(TOO_DEEP, span, "conditions are nested too deep");
            continue;
        }
        let segment = segment(reader, node, &rest);
        let (held, others) = parts(reader, node);
        // Without a segment that is known, the mistakes of both parts are told.
        if segment.as_deref().is_none_or(|segment| reader.is_for(segment)) {
            push_resolved(reader, held, depth + 1, seen);
        }
        if segment.as_deref().is_none_or(|segment| !reader.is_for(segment)) {
            push_resolved(reader, others, depth + 1, seen);
        }
    }
}

/// Returns the segment that a condition asks for; `None` after marking what is wrong.
fn segment(reader: &mut Reader<'_, '_>, node: Node<'_>, rest: &str) -> Option<String> {
    let span = reader.line(node);
    if !reader.is_closed(node) {
        reader.open_directive("if", span);
        return None;
    }
    let pairs = attributes::pairs(rest).unwrap_or_default();
    let [(key, segment)] = &pairs[..] else {
        reader.proof.error(WRONG_CONTENT, span, "the condition cannot be read").helped(HELP);
        return None;
    };
    if key != "segment" {
        let message = format!("a condition asks for a `segment`, not for `{key}`");
        reader.proof.error(WRONG_CONTENT, span, message).helped(HELP);
        return None;
    }
    let folded = folded(segment);
    if reader.declared.contains(&folded) {
        return Some(folded);
    }
    let help = match nearest(segment, reader.declared.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add `segments = [\"{segment}\"]` to the front matter"),
    };
    let span = reader.find(segment, &span);
    let message = format!("no segment is named `{segment}`");
    reader.proof.error(UNKNOWN_SEGMENT, span, message).helped(help);
    None
}

/// Returns what the readers of a condition's segment see, and what the others do.
fn parts<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> (Vec<Node<'a>>, Vec<Node<'a>>) {
    let children: Vec<Node<'a>> = node.children().collect();
    let is_else = |node: &Node<'a>| super::directive(node, "else").is_some();
    let Some(at) = children.iter().position(is_else) else {
        return (children, Vec::new());
    };
    let (held, rest) = children.split_at(at);
    let others: Vec<Node<'a>> = rest[0].children().collect();
    let wrong = match (
        super::directive(rest[0], "else"),
        rest.get(1),
        others.iter().find(|node| is_else(node)),
    ) {
        (Some(words), ..) if !words.is_empty() => {
            Some((rest[0], "`:::else` stands alone on its line"))
        }
        (_, _, Some(again)) => Some((*again, "the condition has a second `:::else`")),
        (_, Some(after), _) => Some((*after, "the condition's `:::else` ends too early")),
        _ => None,
    };
    if let Some((node, message)) = wrong {
        let span = reader.line(node);
        reader.proof.error(WRONG_CONTENT, span, message).helped(HELP);
    }
    (held.to_vec(), others.into_iter().filter(|node| !is_else(node)).collect())
}
