//! The bar of buttons: what of the issue, how wide, by day or night. Each is a link, and each has a key.

use maud::{Markup, html};

use super::{
    problems,
    wish::{Place, View, Width},
};
use crate::model::Problem;

/// What each key does, as the page tells it.
const KEYS: [(&str, &str); 9] = [
    ("1 2 3", "320, 600, 1200 pixels"),
    ("d", "day or night"),
    ("h", "the HTML part"),
    ("t", "the text part"),
    ("s", "headers and source"),
    ("p", "problems"),
    ("j ←", "the issue before"),
    ("k →", "the issue after"),
    ("?", "these keys"),
];

/// Sets the bar.
pub(super) fn set(place: &Place, found: &[Problem]) -> Markup {
    let wish = &place.wish;
    let grave = found.iter().any(Problem::is_error);
    html! {
            div.choices {
                ul {
                    @for view in View::ALL {
                        @let (name, key) = side(view);
                        (choice(name, key, wish.view == view, &place.but(|to| to.wish.view = view)))
                    }
                }
                ul {
                    @for (width, key) in Width::ALL.into_iter().zip(["1", "2", "3"]) {
                        // A width is one of the HTML part.
                        @let path = place.but(|to| { to.wish.width = width; to.wish.view = View::Html; });
                        @let is_so = wish.width == width && wish.view == View::Html;
                        (choice(width.pixels(), key, is_so, &path))
                    }
                }
                ul {
                    @for (name, dark) in [("Day", false), ("Night", true)] {
                        @let path = place.but(|to| { to.wish.dark = dark; to.wish.view = View::Html; });
                        @let key = if dark == wish.dark { "" } else { "d" };
                        @let is_so = wish.dark == dark && wish.view == View::Html;
                        (choice(name, key, is_so, &path))
                    }
                }
            }
            p.verdict.(if grave { "error" } else if found.is_empty() { "fine" } else { "warning" }) {
                a href="#problems" data-key="p" { (problems::count(found)) }
            }
            details.keys {
                summary data-key="?" { "Keys" }
                dl {
                    @for (keys, meaning) in KEYS {
                        div {
                            dt { @for key in keys.split(' ') { kbd { (key) } " " } }
                            dd { (meaning) }
                        }
                    }
                }
            }
    }
}

fn side(view: View) -> (&'static str, &'static str) {
    match view {
        View::Html => ("HTML", "h"),
        View::Text => ("Text", "t"),
        View::Source => ("Source", "s"),
    }
}

fn choice(name: &str, key: &str, is_so: bool, path: &str) -> Markup {
    html! {
        li { a href=(path) data-key=[Some(key).filter(|key| !key.is_empty())] aria-current=[is_so.then_some("true")] { (name) } }
    }
}
