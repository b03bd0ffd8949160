//! The finished HTML as a tree, read by a real parser as a mail program would.
//!
//! Every element knows the number of its start tag, by which
//! [`Origins`](crate::compose::Origins) finds the draft's line. What the parser adds by
//! itself, such as a `tbody`, bears the number of the tag that asked for it.

use std::{
    borrow::Cow,
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

use html5ever::{
    Attribute, QualName,
    buffer_queue::BufferQueue,
    interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink},
    tendril::StrTendril,
    tokenizer::{StartTag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts},
    tree_builder::{TreeBuilder, TreeBuilderOpts},
};

use crate::compose::is_counted;

/// Where a node stands in the tree.
pub(super) type Id = usize;

/// The document's own node.
pub(super) const ROOT: Id = 0;

/// A document.
#[derive(Debug, Default)]
pub(super) struct Dom {
    nodes: Vec<Node>,
    /// Whether it begins with `<!DOCTYPE html>` and nothing older.
    pub(super) has_doctype: bool,
}

#[derive(Debug)]
struct Node {
    parent: Option<Id>,
    children: Vec<Id>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Document,
    Element(Element),
    Text(String),
    Comment(String),
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    /// Its name, in lower case.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// The number of its start tag, counted from 0.
    pub(super) tag: usize,
}

impl Element {
    /// Returns an attribute's value; `xml:lang` and `xmlns:v` by their whole names.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns every attribute.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Tells whether a class is among its classes.
    pub(super) fn has_class(&self, class: &str) -> bool {
        self.get("class").is_some_and(|classes| classes.split_whitespace().any(|one| one == class))
    }
}

impl Dom {
    /// Reads a document; the parser takes anything.
    pub(super) fn parse(html: &str) -> Self {
        let tag = Rc::new(Cell::new(0));
        let sink = Sink {
            dom: RefCell::new(Self::empty()),
            names: RefCell::default(),
            tag: Rc::clone(&tag),
        };
        let counted = Counted {
            inner: TreeBuilder::new(sink, TreeBuilderOpts::default()),
            tag,
            met: Cell::new(0),
        };
        let tokenizer = Tokenizer::new(counted, TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(html));
        // A script would make the parser stop and wait for somebody to run it; nobody does.
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        tokenizer.end();
        tokenizer.sink.inner.sink.dom.into_inner()
    }

    fn empty() -> Self {
        let document = Node { parent: None, children: Vec::new(), kind: Kind::Document };
        Self { nodes: vec![document], has_doctype: false }
    }

    /// Returns every element in the order of the document.
    pub(super) fn elements(&self) -> impl Iterator<Item = (Id, &Element)> {
        self.within(ROOT)
    }

    /// Returns the elements of a name in the order of the document.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (Id, &'a Element)> {
        self.elements().filter(move |(_, element)| element.name == name)
    }

    /// Returns the first element of a name.
    pub(super) fn first<'a>(&'a self, name: &'a str) -> Option<(Id, &'a Element)> {
        self.named(name).next()
    }

    /// Returns the elements below a node, in the order of the document.
    pub(super) fn within(&self, id: Id) -> impl Iterator<Item = (Id, &Element)> {
        self.below(id).filter_map(|id| Some((id, self.element(id)?)))
    }

    /// Returns the texts below a node, in the order of the document.
    pub(super) fn texts(&self, id: Id) -> impl Iterator<Item = (Id, &str)> {
        self.below(id).filter_map(|id| match &self.nodes[id].kind {
            Kind::Text(text) => Some((id, text.as_str())),
            _ => None,
        })
    }

    /// Returns every comment; mail programs on Windows read some of them.
    pub(super) fn comments(&self) -> impl Iterator<Item = &str> {
        self.below(ROOT).filter_map(|id| match &self.nodes[id].kind {
            Kind::Comment(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Returns an element.
    pub(super) fn element(&self, id: Id) -> Option<&Element> {
        match &self.nodes[id].kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    /// Returns the elements around a node, the nearest first.
    pub(super) fn around(&self, id: Id) -> impl Iterator<Item = (Id, &Element)> {
        std::iter::successors(self.nodes[id].parent, |id| self.nodes[*id].parent)
            .filter_map(|id| Some((id, self.element(id)?)))
    }

    /// Returns the words below a node, each stretch of white space as one blank.
    pub(super) fn words(&self, id: Id) -> String {
        let mut words = String::new();
        for below in self.below(id) {
            match &self.nodes[below].kind {
                Kind::Text(text) => words.push_str(text),
                Kind::Element(element)
                    if matches!(element.name.as_str(), "br" | "p" | "td" | "th" | "li") =>
                {
                    words.push(' ');
                }
                _ => {}
            }
        }
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Returns the nodes below one, in the order of the document.
    fn below(&self, id: Id) -> impl Iterator<Item = Id> {
        let mut waiting: Vec<Id> = self.nodes[id].children.iter().rev().copied().collect();
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            waiting.extend(self.nodes[next].children.iter().rev());
            Some(next)
        })
    }

    fn push(&mut self, kind: Kind) -> Id {
        self.nodes.push(Node { parent: None, children: Vec::new(), kind });
        self.nodes.len() - 1
    }

    fn place(&mut self, parent: Id, at: usize, child: NodeOrText<Id>) {
        let child = match child {
            NodeOrText::AppendNode(child) => child,
            NodeOrText::AppendText(text) => {
                let before = at.checked_sub(1).and_then(|at| self.nodes[parent].children.get(at));
                if let Some(Kind::Text(known)) = before.copied().map(|id| &mut self.nodes[id].kind)
                {
                    known.push_str(&text);
                    return;
                }
                self.push(Kind::Text(text.to_string()))
            }
        };
        self.detach(child);
        let at = at.min(self.nodes[parent].children.len());
        self.nodes[parent].children.insert(at, child);
        self.nodes[child].parent = Some(parent);
    }

    fn detach(&mut self, child: Id) {
        if let Some(parent) = self.nodes[child].parent.take() {
            self.nodes[parent].children.retain(|one| *one != child);
        }
    }
}

/// Counts the start tags on their way from the tokenizer to the tree.
struct Counted {
    inner: TreeBuilder<Id, Sink>,
    /// The number of the start tag that is being read.
    tag: Rc<Cell<usize>>,
    met: Cell<usize>,
}

impl TokenSink for Counted {
    type Handle = Id;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Id> {
        if matches!(&token, TagToken(tag) if tag.kind == StartTag && is_counted(&tag.name)) {
            self.tag.set(self.met.get());
            self.met.set(self.met.get() + 1);
        }
        self.inner.process_token(token, line)
    }

    fn end(&self) {
        self.inner.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.inner.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Builds the tree as the parser asks.
struct Sink {
    dom: RefCell<Dom>,
    names: RefCell<Vec<(Id, QualName)>>,
    tag: Rc<Cell<usize>>,
}

impl TreeSink for Sink {
    type Handle = Id;
    type Output = Self;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Self {
        self
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Id {
        ROOT
    }

    fn elem_name<'a>(&'a self, target: &'a Id) -> Ref<'a, QualName> {
        Ref::map(self.names.borrow(), |names| {
            let at = names.binary_search_by_key(target, |(id, _)| *id);
            &names[at.expect("the parser asks of elements it made")].1
        })
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> Id {
        let element = Element {
            name: name.local.to_string(),
            attributes: attributes.iter().map(read_attribute).collect(),
            tag: self.tag.get(),
        };
        let id = self.dom.borrow_mut().push(Kind::Element(element));
        self.names.borrow_mut().push((id, name));
        id
    }

    fn create_comment(&self, text: StrTendril) -> Id {
        self.dom.borrow_mut().push(Kind::Comment(text.to_string()))
    }

    fn create_pi(&self, target: StrTendril, _: StrTendril) -> Id {
        self.create_comment(target)
    }

    fn append(&self, parent: &Id, child: NodeOrText<Id>) {
        let mut dom = self.dom.borrow_mut();
        let end = dom.nodes[*parent].children.len();
        dom.place(*parent, end, child);
    }

    fn append_based_on_parent_node(&self, element: &Id, before: &Id, child: NodeOrText<Id>) {
        let has_parent = self.dom.borrow().nodes[*element].parent.is_some();
        if has_parent {
            self.append_before_sibling(element, child);
        } else {
            self.append(before, child);
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        let is_plain = name.eq_ignore_ascii_case("html") && public.is_empty() && system.is_empty();
        self.dom.borrow_mut().has_doctype = is_plain;
    }

    fn get_template_contents(&self, target: &Id) -> Id {
        *target
    }

    fn same_node(&self, one: &Id, other: &Id) -> bool {
        one == other
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Id, new: NodeOrText<Id>) {
        let mut dom = self.dom.borrow_mut();
        let Some(parent) = dom.nodes[*sibling].parent else { return };
        let at = dom.nodes[parent].children.iter().position(|one| one == sibling);
        dom.place(parent, at.unwrap_or(usize::MAX), new);
    }

    fn add_attrs_if_missing(&self, target: &Id, attributes: Vec<Attribute>) {
        if let Kind::Element(element) = &mut self.dom.borrow_mut().nodes[*target].kind {
            for (name, value) in attributes.iter().map(read_attribute) {
                if element.get(&name).is_none() {
                    element.attributes.push((name, value));
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &Id) {
        self.dom.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &Id, parent: &Id) {
        let mut dom = self.dom.borrow_mut();
        for child in std::mem::take(&mut dom.nodes[*node].children) {
            dom.nodes[child].parent = Some(*parent);
            dom.nodes[*parent].children.push(child);
        }
    }
}

fn read_attribute(attribute: &Attribute) -> (String, String) {
    let local = &attribute.name.local;
    let name = match &attribute.name.prefix {
        Some(prefix) if !prefix.is_empty() => format!("{prefix}:{local}"),
        _ => local.to_string(),
    };
    (name, attribute.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_its_number_and_what_the_parser_adds_the_number_of_its_cause() {
        let dom = Dom::parse("<!DOCTYPE html><p>a<table><tr><td xml:lang=x>b</table>");
        let tags: Vec<_> = dom.elements().map(|(_, e)| (e.name.as_str(), e.tag)).collect();
        assert!(dom.has_doctype);
        assert_eq!(
            tags,
            [
                ("html", 0),
                ("head", 0),
                ("body", 0),
                ("p", 0),
                ("table", 1),
                ("tbody", 2),
                ("tr", 2),
                ("td", 3)
            ]
        );
        let (cell, element) = dom.first("td").expect("it is there");
        assert_eq!((dom.words(cell), element.get("xml:lang")), ("b".to_owned(), Some("x")));
    }

    #[test]
    fn anything_is_read() {
        for html in [
            "",
            "<",
            "</p><script>x",
            "<table>a<p>b</table>",
            "<a><b></a>c</b>",
            "<svg><p><![CDATA[x]]>",
        ] {
            let dom = Dom::parse(html);
            assert!(dom.elements().count() >= 3, "{html}");
        }
    }
}
