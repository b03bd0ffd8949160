//! Whose copy it is, and the choice of another: two who are made up, and everybody on the list.

use maud::{Markup, html};

use super::{
    copy::Copy,
    error,
    newsroom::{Found, Reader, Trouble},
    wish::Place,
};
use crate::model::{Field, Subscriber};

/// How many readers are shown of those that were looked for.
pub(super) const SHOWN: usize = 8;

/// Sets the panel.
pub(super) fn panel(place: &Place, copy: &Copy, found: &Result<Found, Trouble>) -> Markup {
    let wish = &place.wish;
    let of = |reader: Reader| place.but(|to| to.wish.reader = reader);
    html! {
        section.panel.readers #readers aria-labelledby="readers-title" {
            h2 #readers-title { "Reader" }
            @if let Ok(reader) = &copy.reader { (card(reader, copy)) }
            ul.choices aria-label="Made up" {
                li { (choice("All fields filled", &of(Reader::Sample), wish.reader == Reader::Sample)) }
                li { (choice("All fields empty", &of(Reader::Blank), wish.reader == Reader::Blank)) }
            }
            form.find action={ (Place::new(place.slug.clone()).path()) "#readers" } method="get" role="search" aria-label="Readers" {
                @for (name, value) in wish.pairs() {
                    @if name != "find" && name != "told" { input type="hidden" name=(name) value=(value); }
                }
                label for="find" { "On the list" }
                div.row {
                    input #find type="search" name="find" value=(wish.find) placeholder="address or name" autocomplete="off";
                    button { "Find" }
                }
            }
            @match found {
                Ok(found) => (listed(place, found)),
                Err(trouble) => (error::told(trouble)),
            }
        }
    }
}

/// Shows a reader with the fields that the issue asks for.
fn card(reader: &Subscriber, copy: &Copy) -> Markup {
    let fields = copy.set.as_ref().map(|set| &set.composed.edition.fields);
    html! {
        p.who {
            @if !reader.name.is_empty() { span.name dir="auto" { (reader.name) } " " }
            span.address { (reader.address.written()) }
        }
        dl.fields {
            @for (name, field) in fields.into_iter().flatten() {
                div { dt { (name) } dd dir="auto" { (value(reader, name, field)) } }
            }
            @if !reader.tags.is_empty() { div { dt { "tags" } dd { (reader.tags.join(", ")) } } }
        }
    }
}

fn value(reader: &Subscriber, name: &str, field: &Field) -> Markup {
    let value = match name {
        "name" => reader.name.as_str(),
        "email" => reader.address.written(),
        _ => reader.fields.get(name).map_or("", String::as_str),
    };
    html! {
        @match (value, &field.default) {
            ("", Some(default)) => { "empty, so " code { (default) } },
            ("", None) => "empty",
            (value, _) => (value),
        }
    }
}

fn listed(place: &Place, found: &Found) -> Markup {
    html! {
        @if found.readers.is_empty() {
            p.fine { @if place.wish.find.is_empty() { "Nobody is on the list." } @else { "Nobody is called so." } }
        } @else {
            ul.list.people {
                @for reader in &found.readers {
                    @let address = reader.address.written();
                    @let whose = Reader::Listed(address.to_owned());
                    li {
                        a href=(place.but(|to| to.wish.reader = whose.clone()))
                            aria-current=[(place.wish.reader == whose).then_some("true")] {
                            span.address { (address) }
                            @if !reader.name.is_empty() { " " span.name dir="auto" { (reader.name) } }
                        }
                    }
                }
            }
            @if found.more { p.fine { "There are more: say more of the address or name." } }
        }
    }
}

fn choice(name: &str, path: &str, is_so: bool) -> Markup {
    html! { a href=(path) aria-current=[is_so.then_some("true")] { (name) } }
}
