//! A figure: `![alt](https://... "caption"){width=520 height=300}` as a paragraph of its own, perhaps within a link.

use comrak::nodes::{Node, NodeLink, NodeValue};
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    code::{MISPLACED_FIELD, NO_ALT, NO_IMAGE_SIZE, WRONG_IMAGE},
    field::is_mark,
    layout::{Page, gap},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
    url,
};

/// The widest picture a sheet takes, in pixels.
const WIDTH_MAX: u32 = 600;

#[derive(Debug)]
struct Figure {
    url: String,
    alt: String,
    caption: String,
    width: u32,
    height: u32,
    link: Option<String>,
}

/// Tells whether a paragraph is an image and nothing else.
pub(super) fn is_figure(paragraph: Node<'_>) -> bool {
    image(paragraph).is_some()
}

/// Returns the image of a paragraph that is nothing else, and the link around it.
fn image<'a>(paragraph: Node<'a>) -> Option<(Node<'a>, Option<Node<'a>>)> {
    let only = |node: Node<'a>| {
        let mut children = node.children();
        children.next().filter(|_| children.next().is_none())
    };
    let inner = only(paragraph)?;
    if is_image(inner) {
        return Some((inner, None));
    }
    let is_link = matches!(inner.data().value, NodeValue::Link(_));
    let image = only(inner).filter(|node| is_link && is_image(node))?;
    Some((image, Some(inner)))
}

fn is_image(node: Node<'_>) -> bool {
    matches!(node.data().value, NodeValue::Image(_))
}

pub(super) fn read(reader: &mut Reader<'_, '_>, node: Node<'_>) -> Option<Box<dyn Block>> {
    let (image, link) = image(node)?;
    let NodeValue::Image(target) = image.data().value.clone() else { return None };
    let link = link.map(|link| reader.link_target(link));
    let alt = reader.alt(image);
    let size = size(reader, image);
    let is_fine = check(reader, image, &target, &alt);
    let (width, height) = size?;
    let link = match link {
        Some(link) => Some(link?),
        None => None,
    };
    is_fine.then(|| -> Box<dyn Block> {
        let url = url::encoded(&target.url);
        Box::new(Figure { url, alt, caption: target.title.clone(), width, height, link })
    })
}

/// Checks where an image is and what it says; every mistake is marked.
fn check(reader: &mut Reader<'_, '_>, image: Node<'_>, target: &NodeLink, alt: &str) -> bool {
    let span = reader.span(image);
    let before = reader.proof.count();
    let path = target.url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    if target.url.contains(is_mark) {
        reader.proof.error(MISPLACED_FIELD, span.clone(), "an image is the same for every reader");
    } else if !url::is_page(&target.url) {
        reader
            .proof
            .error(WRONG_IMAGE, span.clone(), format!("`{}` is not a hosted image", target.url))
            .helped("give its absolute https address");
    } else if let Some(format) =
        ["svg", "webp", "avif"].into_iter().find(|format| path.ends_with(&format!(".{format}")))
    {
        reader
            .proof
            .error(WRONG_IMAGE, span.clone(), format!("many mail programs do not show `{format}`"))
            .helped("use png, jpeg or gif");
    }
    if alt.trim().is_empty() {
        reader
            .proof
            .error(NO_ALT, span, "the image has no words for those who do not see it")
            .helped("write them between the brackets: `![A pipeline in the steppe](...)`");
    }
    reader.proof.count() == before
}

fn size(reader: &mut Reader<'_, '_>, image: Node<'_>) -> Option<(u32, u32)> {
    let span = reader.span(image);
    let attributes = reader.attributes(image, &["width", "height"]);
    let pixels = |key| attributes.get(key).and_then(|value: &String| value.parse::<u32>().ok());
    match (pixels("width"), pixels("height")) {
        (Some(width @ 1..=WIDTH_MAX), Some(height @ 1..=4000)) => Some((width, height)),
        (Some(width), Some(_)) if width > WIDTH_MAX => {
            let message = format!("the image is {width} pixels wide, more than {WIDTH_MAX}");
            reader.proof.error(NO_IMAGE_SIZE, span, message);
            None
        }
        _ => {
            reader
                .proof
                .error(NO_IMAGE_SIZE, span, "the image has no width and height")
                .helped("add them in pixels: `{width=520 height=300}`");
            None
        }
    }
}

impl Figure {
    fn picture(&self, page: &Page<'_>) -> Markup {
        let width = self.width.min(page.line_width());
        let height = u64::from(self.height) * u64::from(width) / u64::from(self.width);
        let limit = format!("max-width:{width}px");
        html! {
            img.picture src=(self.url) alt=(self.alt) width=(width) height=(height.max(1)) style=(limit);
        }
    }
}

impl Block for Figure {
    fn html(&self, page: &Page<'_>) -> Markup {
        html! {
            p.figure {
                @match &self.link {
                    Some(link) => a.link href=(link) { (self.picture(page)) },
                    None => (self.picture(page)),
                }
            }
            @if self.caption.is_empty() { (gap()) } @else { p.legend { (self.caption) } }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        let label = format!("[{}: {}]", sheet.strings.image, self.alt);
        match &self.link {
            Some(link) => sheet.link(&label, link, false),
            None => sheet.paragraph(&label),
        }
        if !self.caption.is_empty() {
            sheet.paragraph(&self.caption);
        }
    }
}
