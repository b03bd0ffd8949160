//! From issue to issue: what a copied draft forgets to change.

use super::{
    gist,
    rule::{Findings, Look, Rule},
};
use crate::{compose::Code, model::Severity::Warning};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR151",
            severity: Warning,
            meaning: "the same subject as the issue before",
            why: "Inboxes put both into one thread, and readers take the new one for the old.",
            source: "Gmail, which threads by subject and sender",
            mend: "write a subject of its own",
            bad: "subject = \"Business Intelligence Report\"      in every issue",
            good: "subject = \"Georgia Opens Its Ports\"",
        },
        look: same_subject,
    },
    Rule {
        code: Code {
            code: "PR152",
            severity: Warning,
            meaning: "nothing but links of the issue before",
            why: "An issue that was begun from the last one still leads to its articles.",
            source: "what happens to every editor once",
            mend: "set the links to what this issue is about",
            bad: "[The report on Georgia](https://www.example.org/kazakhstan)",
            good: "[The report on Georgia](https://www.example.org/georgia)",
        },
        look: same_links,
    },
    Rule {
        code: Code {
            code: "PR153",
            severity: Warning,
            meaning: "a date that is not later than that of the issue before",
            why: "The archive, the feed and the readers go by it.",
            source: "postrider's own archive; RFC 4287 for feeds",
            mend: "set `date` to the day the issue goes out",
            bad: "date = 2003-10-06      in the folder 2003-10-13-georgia",
            good: "date = 2003-10-13",
        },
        look: date,
    },
    Rule {
        code: Code {
            code: "PR154",
            severity: Warning,
            meaning: "a number that does not follow that of the issue before",
            why: "Readers who keep the issues look for one that never was.",
            source: "the craft of periodicals; ISO 8 on their presentation",
            mend: "set `number` to the next one",
            bad: "number = 41      after number = 41",
            good: "number = 42      after number = 41",
        },
        look: number,
    },
];

fn same_subject(look: &Look<'_>, found: &mut Findings) {
    let Some(last) = look.specimen.last else { return };
    if last.subject == look.specimen.composed.issue.subject() {
        let message = format!("{} has the same subject", last.slug);
        found.mark(look.places.front("subject", &look.dom), message);
    }
}

fn same_links(look: &Look<'_>, found: &mut Findings) {
    let Some(last) = look.specimen.last else { return };
    let links: Vec<_> = gist::links(&look.dom, look.specimen.origins).collect();
    if let Some((first, _)) =
        links.first().filter(|_| links.iter().all(|(_, to)| last.links.contains(*to)))
    {
        found.mark(
            look.place(*first),
            format!("every link of the issue stands in {} too", last.slug),
        );
    }
}

fn date(look: &Look<'_>, found: &mut Findings) {
    let own = look.specimen.composed.issue.date();
    let Some((last, date)) = look.specimen.last.and_then(|last| Some((last, last.date?))) else {
        return;
    };
    if own.is_some_and(|own| own <= date) {
        let message = format!("the date is not later than {date}, that of {}", last.slug);
        found.mark(look.places.front("date", &look.dom), message);
    }
}

fn number(look: &Look<'_>, found: &mut Findings) {
    let own = look.specimen.composed.issue.number();
    let Some((last, number)) = look.specimen.last.and_then(|last| Some((last, last.number?)))
    else {
        return;
    };
    if own.is_some_and(|own| own != number.saturating_add(1)) {
        let message = format!("the number does not follow {number}, that of {}", last.slug);
        found.mark(look.places.front("number", &look.dom), message);
    }
}
