//! A figure: `![alt](picture.png "caption"){width=520}` as a paragraph of its own, perhaps within a link.
//!
//! The picture stands beside the draft, and then its size is read from it; or
//! it is on the publisher's server, `https://`, and the draft says its size.

use std::collections::BTreeMap;

use comrak::nodes::{Node, NodeLink, NodeValue};
use maud::{Markup, html};
use percent_encoding::percent_decode_str;

use super::Block;
use crate::compose::{
    code::{MISPLACED_FIELD, NO_ALT, NO_IMAGE_SIZE, WRONG_IMAGE},
    field::is_mark,
    layout::{Page, gap},
    picture::{Picture, Refused},
    proof::Help,
    reader::Reader,
    sheet::Sheet,
    url,
};

/// The widest picture a sheet takes, in pixels.
const WIDTH_MAX: u32 = 600;

/// The highest; nobody looks at more in a mail.
const HEIGHT_MAX: u32 = 4_000;

#[derive(Debug)]
struct Figure {
    source: Source,
    /// Empty for a decoration.
    alt: String,
    caption: String,
    width: u32,
    height: u32,
    link: Option<String>,
}

/// Where the picture is.
#[derive(Debug)]
enum Source {
    /// At this address.
    Hosted(String),
    /// In a file beside the draft.
    Beside(Picture),
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
    let attributes = reader.attributes(image, &["width", "height", ".decorative"]);
    let alt = alt(reader, image, attributes.contains_key(".decorative"));
    let asked = pixels(reader, image, &attributes);
    let source = source(reader, image, &target);
    let size = match &source {
        Some(Source::Beside(picture)) => scaled(reader, image, picture, asked?),
        None if !url::is_page(&target.url) => None,
        _ => stated(reader, image, asked?),
    };
    let link = match link {
        Some(link) => Some(link?),
        None => None,
    };
    let line = reader.line(node);
    reader.warn_of_unset(&target.title, &line);
    let (width, height) = size?;
    Some(Box::new(Figure {
        source: source?,
        alt: alt?,
        caption: target.title.clone(),
        width,
        height,
        link,
    }))
}

/// Returns the words for those who do not see the image; none for a decoration.
fn alt(reader: &mut Reader<'_, '_>, image: Node<'_>, is_decoration: bool) -> Option<String> {
    let alt = reader.alt(image);
    if is_decoration {
        return Some(String::new());
    }
    if alt.trim().is_empty() {
        let span = reader.span(image);
        reader
            .proof
            .error(NO_ALT, span, "the image has no words for those who do not see it")
            .helped("write them between the brackets, `![A pipeline in the steppe](...)`, or `{.decorative}` after a picture that says nothing");
        return None;
    }
    Some(alt)
}

/// Reads the width and the height that the draft asks for.
fn pixels(
    reader: &mut Reader<'_, '_>,
    image: Node<'_>,
    attributes: &BTreeMap<String, String>,
) -> Option<(Option<u32>, Option<u32>)> {
    let mut pixels = |key| match attributes.get(key) {
        None => Some(None),
        Some(value) => {
            let number = value.parse().ok().filter(|number| *number > 0);
            if number.is_none() {
                let span = reader.span(image);
                let message = format!("`{key}={value}` is not a number of pixels");
                reader.proof.error(NO_IMAGE_SIZE, span, message);
            }
            number.map(Some)
        }
    };
    let (width, height) = (pixels("width"), pixels("height"));
    Some((width?, height?))
}

/// Finds the picture; what mail programs would not show is marked.
fn source(reader: &mut Reader<'_, '_>, image: Node<'_>, target: &NodeLink) -> Option<Source> {
    let span = reader.span(image);
    if target.url.contains(is_mark) {
        reader
            .proof
            .error(MISPLACED_FIELD, span, "an image is the same for every reader")
            .helped("take the field out");
        return None;
    }
    let path = target.url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let unshown = ["svg", "webp", "avif"].into_iter();
    if let Some(format) = unshown.rev().find(|format| path.ends_with(&format!(".{format}"))) {
        refuse(reader, image, &Refused::Format(format));
        return None;
    }
    if url::is_page(&target.url) {
        return Some(Source::Hosted(url::encoded(&target.url)));
    }
    if target.url.contains("://") || target.url.starts_with("data:") {
        reader
            .proof
            .error(WRONG_IMAGE, span, format!("`{}` is not a hosted image", target.url))
            .helped("give its absolute https address, or put the file beside the draft");
        return None;
    }
    // Without angle brackets around it an address has `%20` for a blank.
    let name = target.url.strip_prefix("./").unwrap_or(&target.url);
    let name = percent_decode_str(name).decode_utf8_lossy();
    let bytes = reader.beside(&name, span)?;
    match Picture::read(&name, bytes) {
        Ok(picture) => Some(Source::Beside(picture)),
        Err(refused) => {
            refuse(reader, image, &refused);
            None
        }
    }
}

fn refuse(reader: &mut Reader<'_, '_>, image: Node<'_>, refused: &Refused) {
    let span = reader.span(image);
    reader.proof.error(WRONG_IMAGE, span, refused.to_string()).helped(refused.help());
}

/// Returns the size of a picture beside the draft: as wide as asked, else as it is and the sheet allows; as high as its shape wants.
fn scaled(
    reader: &mut Reader<'_, '_>,
    image: Node<'_>,
    picture: &Picture,
    (width, height): (Option<u32>, Option<u32>),
) -> Option<(u32, u32)> {
    let span = reader.span(image);
    let wide = width.unwrap_or(picture.width.min(WIDTH_MAX));
    let high = picture.height_at(wide);
    let Some(wrong) = (match height {
        _ if wide > WIDTH_MAX => Some(too_wide(wide)),
        _ if high > HEIGHT_MAX => {
            Some(format!("the image is {high} pixels high, more than {HEIGHT_MAX}"))
        }
        Some(asked) if asked.abs_diff(high) > 1 => Some(format!(
            "height={asked} would distort the image, which is {} by {}",
            picture.width, picture.height
        )),
        _ => None,
    }) else {
        return Some((wide, high));
    };
    reader
        .proof
        .error(NO_IMAGE_SIZE, span, wrong)
        .helped(format!("a width is enough, as in `{{width={}}}`", wide.min(WIDTH_MAX)));
    None
}

/// Returns the size that the draft states of a hosted picture.
fn stated(
    reader: &mut Reader<'_, '_>,
    image: Node<'_>,
    size: (Option<u32>, Option<u32>),
) -> Option<(u32, u32)> {
    let span = reader.span(image);
    match size {
        (Some(width @ 1..=WIDTH_MAX), Some(height @ 1..=HEIGHT_MAX)) => Some((width, height)),
        (Some(width), Some(_)) if width > WIDTH_MAX => {
            reader.proof.error(NO_IMAGE_SIZE, span, too_wide(width));
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

fn too_wide(width: u32) -> String {
    format!("the image is {width} pixels wide, more than {WIDTH_MAX}")
}

impl Figure {
    fn picture(&self, page: &Page<'_>) -> Markup {
        let width = self.width.min(page.line_width());
        let limit = format!("max-width:{width}px");
        let (source, height) = match &self.source {
            Source::Beside(picture) => (page.picture(picture), picture.height_at(width)),
            Source::Hosted(url) => {
                (url.clone(), (self.height * width).checked_div(self.width).unwrap_or(0))
            }
        };
        html! {
            img.picture src=(source) alt=(self.alt) width=(width) height=(height.max(1)) style=(limit);
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
        let label = format!("[{}]", sheet.strings.labelled(&sheet.strings.image, &self.alt));
        match &self.link {
            Some(link) => sheet.link(&label, link, false),
            None if self.alt.is_empty() => {}
            None => sheet.paragraph(&label),
        }
        if !self.caption.is_empty() {
            sheet.paragraph(&self.caption);
        }
    }
}
