//! Where an article comes from, as in `(TOL 06.x.03)`: `:::credit` around one line, or the article's own `{credit="..."}`.

use comrak::nodes::Node;
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::WRONG_CONTENT,
    inline::{self, Inline},
    layout::Page,
    proof::Help,
    reader::Reader,
    sheet::Sheet,
};

#[derive(Debug)]
struct Credit(Vec<Inline>);

pub(super) fn read<'a>(reader: &mut Reader<'_, '_>, node: Node<'a>) -> Option<Box<dyn Block>> {
    let nodes: Vec<Node<'a>> = node.children().collect();
    if let [only] = nodes[..]
        && super::is_paragraph(only)
    {
        return Some(Box::new(Credit(reader.inlines(only))));
    }
    let span = reader.line(node);
    reader
        .proof
        .error(WRONG_CONTENT, span, "a credit is one paragraph")
        .helped("write `:::credit`, a line such as `TOL 06.x.03`, and `:::`");
    None
}

/// Returns the credit that an article names in its heading.
pub(super) fn of_article(words: &str) -> Box<dyn Block> {
    Box::new(Credit(vec![Inline::Text(words.to_owned())]))
}

impl Credit {
    /// Returns it in parentheses, unless it brings its own.
    fn words(&self) -> Vec<Inline> {
        if inline::plain(&self.0).starts_with('(') {
            return self.0.clone();
        }
        let mut words = vec![Inline::Text("(".to_owned())];
        words.extend(self.0.iter().cloned());
        words.push(Inline::Text(")".to_owned()));
        words
    }
}

impl Block for Credit {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! { p.credit { (inline::html(&self.words())) } }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.words(&self.words());
    }

    fn is_credit(&self) -> bool {
        true
    }
}
