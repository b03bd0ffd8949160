//! The ways between the issues of the publication.

use maud::{Markup, html};

use super::wish::Place;

/// Sets the line below the nameplate: the issue before, this one, the issue after.
pub(super) fn dateline(place: &Place, issues: &[String]) -> Markup {
    let at = issues.iter().position(|slug| *slug == place.slug);
    let before = at.and_then(|at| at.checked_sub(1)).and_then(|at| issues.get(at));
    let after = at.and_then(|at| issues.get(at + 1));
    html! {
        nav.dateline aria-label="Issues before and after" {
            p.before { @if let Some(slug) = before { (way(place, slug, "prev", "j ArrowLeft")) } }
            h1 { (named(&place.slug)) }
            p.after { @if let Some(slug) = after { (way(place, slug, "next", "k ArrowRight")) } }
        }
    }
}

/// Sets the list of all of them, the newest first.
pub(super) fn panel(place: &Place, issues: &[String]) -> Markup {
    html! {
        section.panel.issues aria-labelledby="issues-title" {
            h2 #issues-title { "Issues" }
            ol.list {
                @for slug in issues.iter().rev() {
                    li {
                        @let is_here = *slug == place.slug;
                        a href=(to(place, slug)) aria-current=[is_here.then_some("page")] { (named(slug)) }
                    }
                }
            }
        }
    }
}

fn way(place: &Place, slug: &str, rel: &str, key: &str) -> Markup {
    html! { a rel=(rel) href=(to(place, slug)) data-key=(key) { (named(slug)) } }
}

/// Another issue, looked at in the same way.
fn to(place: &Place, slug: &str) -> String {
    place.but(|to| slug.clone_into(&mut to.slug))
}

/// Sets a folder's name with its date, if it has one, apart from its words.
fn named(slug: &str) -> Markup {
    let is_date = |date: &str| date.parse::<jiff::civil::Date>().is_ok();
    html! {
        @match slug.split_at_checked(10) {
            Some((date, rest)) if is_date(date) && rest.starts_with('-') => {
                span.date { (date) } span.dash { "-" } span.slug { (&rest[1..]) }
            },
            _ => span.slug { (slug) },
        }
    }
}
