//! A page of the publication, such as its disclaimer: Markdown as plain HTML, for the web and not for mails.

use comrak::{
    Arena, Options,
    nodes::{AstNode, NodeValue},
};

/// Sets a page. Returns its first heading, without marks, where it has one, and its HTML: raw HTML is shown as it is written, and links lead to what is safe.
pub fn page(text: &str) -> (Option<String>, String) {
    let mut options = Options::default();
    options.extension.table = true;
    options.render.escape = true;
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, text, &options);
    let heading = root.descendants().find(|node| is_heading(node));
    let title = heading.map(|heading| words(heading));
    let mut html = String::new();
    // Writing into a text cannot fail.
    let _ = comrak::format_html(root, &options, &mut html);
    (title, html)
}

fn is_heading<'a>(node: &'a AstNode<'a>) -> bool {
    matches!(node.data.borrow().value, NodeValue::Heading(_))
}

fn words<'a>(node: &'a AstNode<'a>) -> String {
    let text = |node: &'a AstNode<'a>| match &node.data.borrow().value {
        NodeValue::Text(text) => text.to_string(),
        NodeValue::Code(code) => code.literal.clone(),
        _ => String::new(),
    };
    node.descendants().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_markdown_and_runs_nothing() {
        let (title, html) = page(
            "# Our *Disclaimer*\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) [y](https://example.org)\n",
        );
        assert_eq!(title.as_deref(), Some("Our Disclaimer"));
        assert!(!html.contains("<script") && !html.contains("javascript:"), "{html}");
        assert!(html.contains("href=\"https://example.org\""), "{html}");
        assert_eq!(page("no heading").0, None);
    }
}
