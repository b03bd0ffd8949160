//! caniemail.com: what of a page the programs that most people read mail in do not know, or know in part.

use std::{collections::BTreeSet, path::PathBuf};

use super::{Allowed, assert_allowed, assert_refused, broken, name, node, pages};

/// What somebody's program leaves out, and why the page is whole without it.
const PROGRESSIVE: Allowed<'_> = &[
    // For programs that know them; the others show the same page by day, as wide as it is.
    ("color-scheme CSS property,", "asks for the night's colours; without it the day's stand"),
    ("color-scheme meta tag,", "asks for the night's colours; without it the day's stand"),
    ("@media,", "small screens and the night; without it the sheet bends by its own width, by day"),
    ("<style> element,", "holds what follows; every rule that the page needs is inlined"),
    ("Class selector,", "within that element"),
    ("Type selector,", "within that element"),
    ("Descendant combinator,", "the night of Outlook.com"),
    ("Chaining selectors,", "the night of a note's further paragraphs"),
    ("Attribute selector,", "the night of Outlook.com, which marks its page with `data-ogsc`"),
    ("!important keyword,", "within that element, where `@media` is known"),
    ("border-radius,", "square corners do as well"),
    ("aria-hidden attribute,", "the preheader may be read aloud"),
    ("aria-label attribute,", "the mail may have no name of its own when it is read aloud"),
    ("role attribute,", "only tables keep it, which is where it is needed"),
    ("overflow,", "of the preheader, which is hidden in three other ways"),
    ("max-height property,", "of the preheader, which is hidden in three other ways"),
    ("display:none,", "of the preheader, which holds no table"),
    (
        "white-space,",
        "a listing is a `pre`, which keeps its blanks anyway; a number of a table is parted at its blank at worst",
    ),
    ("hyphens,", "of words that a phone breaks, which then have none"),
    (
        "word-break,",
        "breaks an address that is wider than a phone; the rest break it anyway, or scroll",
    ),
    (
        "min-width property,",
        "of a column whose words a phone may break; Outlook for Windows is on none",
    ),
    // Known as far as we use it.
    (
        "<body> element,",
        "becomes a `div`; language, direction and colours stand on the tables within",
    ),
    ("<ul>, <ol> and <dl>,", "all but `reversed` and an item's `value`"),
    ("background,", "colours alone"),
    ("border,", "of cells, up to four pixels"),
    ("dir attribute,", "of all but a link"),
    (
        "display,",
        "`none`, `block` for a button and a picture that are links or have their size, and `inline-block` for links that are better not parted",
    ),
    ("font-size,", "pixels"),
    ("font-weight,", "`bold` and `normal`"),
    ("height attribute,", "of pictures, in pixels"),
    ("height property,", "`auto` on a picture, whose attribute has its height"),
    ("lang attribute,", "of all but cells"),
    ("letter-spacing,", "whole pixels"),
    ("line-height,", "pixels, held by `mso-line-height-rule`"),
    ("mailto: links,", "without copies"),
    ("margin,", "never below zero, never `auto`"),
    ("max-width,", "Outlook for Windows has a table of a fixed width instead"),
    ("padding,", "of cells; that of a button by `mso-padding-alt`"),
    ("text-align,", "left, right and center"),
    ("text-decoration,", "`underline` and `none`"),
    ("text-transform,", "`uppercase`"),
    ("width attribute,", "of tables and pictures, in pixels or the whole of it"),
    ("width property,", "of tables; a picture has the attribute too"),
];

#[test]
fn every_page_is_whole_in_every_program_that_most_people_read_mail_in() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    if let Some(found) = judged(&pages(folder.path())) {
        assert_allowed(&found, PROGRESSIVE);
    }
}

#[test]
fn what_a_program_leaves_out_is_found() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let fault = "<div style='display:grid;position:fixed;filter:blur(1px)'></div><video></video>";
    if let Some(found) = judged(&broken(folder.path(), fault)) {
        let wanted = [
            "position, in outlook.windows",
            "filter, in gmail.desktop-webmail",
            "<video> element, in gmail.ios",
        ];
        assert_refused(&found, PROGRESSIVE, &wanted);
    }
}

fn judged(pages: &[PathBuf]) -> Option<Vec<(String, String)>> {
    let json = node(include_str!("../../rig/judges/caniemail.mjs"), pages)?;
    let found: Vec<(String, String, String)> = serde_json::from_str(&json).expect("it writes JSON");
    let found: BTreeSet<(String, String)> = found
        .into_iter()
        .map(|(path, feature, program)| (name(&path), format!("{feature}, in {program}")))
        .collect();
    Some(found.into_iter().collect())
}
