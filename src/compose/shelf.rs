//! An issue for the archive: what everybody may read, with nothing in it that was for one reader.

use std::collections::BTreeMap;

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

/// Where the way to leave would lead: never part of what is returned.
const LEAVE: &str = "mailto:nobody@reader.invalid";

/// Sets an edition for the archive: merge fields are their defaults, segments are nobody's, and the paragraph that says whose copy it is, with the link to leave, is left out.
pub fn shelved(edition: &Edition) -> Shelved {
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
    Shelved { title: header_text(&title, 200), html: impersonal(&html) }
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

#[cfg(test)]
mod tests {
    use super::*;

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
