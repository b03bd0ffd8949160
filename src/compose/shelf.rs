//! An issue for the archive: what everybody may read, with nothing in it that was for one reader.

use std::collections::BTreeMap;

use maud::html;

use super::{
    edition::Edition,
    merge::{Merge, header_text},
    part::{Part, splice},
};
use crate::model::{Field, Subscriber, SubscriberState};

/// An issue as it stands in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// Its subject, as somebody of whom nothing is known would get it.
    pub title: String,
    /// Its HTML, with no reason to get it and no way to leave.
    pub html: String,
}

/// Where one goes from an issue in the archive.
#[derive(Clone, Copy, Debug)]
pub struct Up<'a> {
    /// The page of all issues.
    pub url: &'a str,
    /// What it is called.
    pub words: &'a str,
}

/// Where the way to leave would lead: never part of what is returned.
const LEAVE: &str = "mailto:nobody@reader.invalid";

/// Sets an edition for the archive: merge fields are their defaults, segments are nobody's, and the paragraph that says whose copy it is, with the link to leave, is left out. Where a mail says how to see it in a browser stands the way `up`.
pub fn shelved(edition: &Edition, up: Up<'_>) -> Shelved {
    let fields: BTreeMap<String, Field> = edition
        .fields
        .iter()
        .map(|(name, field)| (name.clone(), Field { required: false, ..field.clone() }))
        .collect();
    let nobody = nobody();
    let Ok(mut merge) = Merge::new(&nobody, &fields, LEAVE) else {
        unreachable!("no field is required any more");
    };
    let mut title = String::new();
    splice(&edition.subject, &mut merge, &mut title);
    let html = Part::html(&edition.html).splice(&mut merge);
    Shelved { title: header_text(&title, 200), html: led_up(&impersonal(&html), up) }
}

fn nobody() -> Subscriber {
    Subscriber {
        id: 0,
        token_id: String::new(),
        address: "nobody@reader.invalid".parse().expect("it is an address"),
        name: String::new(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    }
}

/// Leaves out each paragraph that names the reader's address or the way to leave.
fn impersonal(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("nobody@reader.invalid") {
        let open = rest[..at].rfind("<p").unwrap_or(at);
        let close = rest[at..].find("</p>").map_or(rest.len(), |end| at + end + "</p>".len());
        out.push_str(&rest[..open]);
        rest = &rest[close..];
    }
    out.push_str(rest);
    out
}

/// Puts another link in the place of the first one of the row above the masthead, where there is that row: it would lead from the page to itself.
fn led_up(html: &str, up: Up<'_>) -> String {
    let Some(row) = html.find("<td class=\"above\"") else { return html.to_owned() };
    let within = |from: usize, text: &str| html[from..].find(text).map(|at| from + at);
    let link = within(row, "<a ")
        .and_then(|open| Some((within(open, "href=\"")? + "href=\"".len(), within(open, "</a>")?)));
    let Some((url, close)) = link else { return html.to_owned() };
    let (Some(quote), Some(words)) = (within(url, "\""), within(url, ">")) else {
        return html.to_owned();
    };
    let Up { url: to, words: said } = up;
    let (to, said) = (html! { (to) }.into_string(), html! { (said) }.into_string());
    [&html[..url], &to, &html[quote..=words], &said, &html[close..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_above_leads_to_the_other_issues() {
        let up = Up { url: "https://a.example/issues?a&b", words: "All <issues>" };
        for (html, led) in [
            (
                "<tr><td class=\"above\" style=\"x\"><a class=\"quiet\" href=\"https://self\" style=\"y\">View</a></td></tr><a href=\"b\">B</a>",
                "<tr><td class=\"above\" style=\"x\"><a class=\"quiet\" href=\"https://a.example/issues?a&amp;b\" style=\"y\">All &lt;issues&gt;</a></td></tr><a href=\"b\">B</a>",
            ),
            ("<a href=\"b\">B</a>", "<a href=\"b\">B</a>"),
            ("<td class=\"above\">", "<td class=\"above\">"),
        ] {
            assert_eq!(led_up(html, up), led);
        }
    }

    #[test]
    fn a_paragraph_of_the_readers_own_is_left_out_whole() {
        for (html, left) in [
            (
                "<p>a</p><p class=x>to nobody@reader.invalid <a href=\"mailto:nobody@reader.invalid\">go</a></p><p>b</p>",
                "<p>a</p><p>b</p>",
            ),
            ("<p>a</p>", "<p>a</p>"),
            ("nobody@reader.invalid", ""),
        ] {
            assert_eq!(impersonal(html), left);
        }
    }
}
