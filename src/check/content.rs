//! What an issue says: headings, images, links, what inboxes show of it, and what was never meant to be read.

use jiff::civil::Date;
use unicode_width::UnicodeWidthStr;

use super::{
    dom::{Element, Id},
    rule::{Findings, Look, Rule},
    style::{self, Mode},
};
use crate::{
    compose::Code,
    model::{
        Place,
        Severity::{Error, Warning},
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR131",
            severity: Error,
            meaning: "the headings do not begin with the article's title, have two of them, or skip a level",
            why: "Whoever listens to a mail goes from heading to heading; a level that is left out sounds like a part that is missing.",
            source: "WCAG 2.2, success criteria 1.3.1 and 2.4.6",
            mend: "`#` is an article, `##` a section of it, `###` a part of a section",
            bad: "<h1>Kazakhstan</h1><h3>Oil</h3>",
            good: "<h1>Kazakhstan</h1><h2>Oil</h2>",
        },
        look: headings,
    },
    Rule {
        code: Code {
            code: "PR132",
            severity: Error,
            meaning: "an image that some programs do not show, or show out of place",
            why: "An image is loaded over https or comes along; it has words for those who do not see it, a size so that nothing jumps, is no wider than the sheet, and stands on a line of its own so that no gap opens below it.",
            source: "WCAG 2.2, success criterion 1.1.1; caniemail.com, image formats; Outlook on Windows",
            mend: "write `![what it shows](https://...png){width=520 height=300}` as a paragraph of its own",
            bad: "<img src=\"http://www.example.org/map.webp\">",
            good: "<img src=\"https://www.example.org/map.png\" alt=\"The pipeline\" width=\"520\" height=\"300\" style=\"display:block\">",
        },
        look: images,
    },
    Rule {
        code: Code {
            code: "PR133",
            severity: Error,
            meaning: "the issue is an image and little else",
            why: "Images are off for many readers, who then see an empty page; and filters know it as the way spam hides its words.",
            source: "SpamAssassin, HTML_IMAGE_ONLY; Outlook, which loads no images of strangers",
            mend: "say in words what the image says",
            bad: "# Our spring offer {credit=\"Own\"}\n\n![Our spring offer](https://www.example.org/offer.png){width=600 height=900}",
            good: "# Our spring offer {credit=\"Own\"}\n\nUntil the end of May two reports come for the price of one: that on Kazakhstan, with its pipelines and the ministers behind them, and that on Georgia, with its ports and whoever may insure what passes through them.\n\n![The two reports](https://www.example.org/offer.png){width=600 height=300}",
        },
        look: image_only,
    },
    Rule {
        code: Code {
            code: "PR134",
            severity: Error,
            meaning: "an image of 300 kB or more",
            why: "It is sent to every reader, and loaded on a phone before the text around it is in its place.",
            source: "the sizes that relays and phones take; SMTP relays charge and delay by size",
            mend: "save it at the width it is shown at, as a jpeg or with fewer colours",
            bad: "![A map](map.png){width=520 height=300}      where map.png has 2 MB",
            good: "![A map](map.png){width=520 height=300}      where map.png has 80 kB",
        },
        look: heavy_image,
    },
    Rule {
        code: Code {
            code: "PR135",
            severity: Warning,
            meaning: "the images come to 1 MB or more together",
            why: "A mailbox that is nearly full refuses it, and ten thousand readers are ten gigabytes for the relay.",
            source: "RFC 1870 (SIZE); the limits of relays, from 10 MB a message downwards",
            mend: "host them and link to them by https, or leave some out",
            bad: "five images of 250 kB, all attached",
            good: "five images of 250 kB, hosted",
        },
        look: heavy_images,
    },
    Rule {
        code: Code {
            code: "PR136",
            severity: Error,
            meaning: "a link that does not lead every reader to the same safe place",
            why: "A mail has no page it belongs to: relative addresses and `#` lead nowhere, http is marked unsafe, an IP address is what phishing looks like, and javascript: and data: are cut out.",
            source: "RFC 3986, section 4.2; SpamAssassin, NUMERIC_HTTP_ADDR",
            mend: "write the whole address: `https://...`, `mailto:...` or `tel:...`",
            bad: "<a href=\"http://127.0.0.1/report\">The report</a>",
            good: "<a href=\"https://www.example.org/report\">The report</a>",
        },
        look: links,
    },
    Rule {
        code: Code {
            code: "PR137",
            severity: Warning,
            meaning: "a link that hides where it leads behind a shortener",
            why: "Nobody can see where it goes, and filters distrust all that share a shortener with spammers.",
            source: "Spamhaus DBL, which lists abused shorteners",
            mend: "link to the page itself",
            bad: "[The report](https://bit.ly/3xyzabc)",
            good: "[The report](https://www.example.org/report)",
        },
        look: shorteners,
    },
    Rule {
        code: Code {
            code: "PR138",
            severity: Error,
            meaning: "a link whose words do not say what it leads to",
            why: "Screen readers list the links of a page by their words alone: ten times `here` is no list, and an address is read out letter by letter.",
            source: "WCAG 2.2, success criterion 2.4.4",
            mend: "let the words name what one finds there; the text part shows the address in any case",
            bad: "The report is [here](https://www.example.org/report).",
            good: "[The report on Kazakhstan](https://www.example.org/report) is out.",
        },
        look: link_words,
    },
    Rule {
        code: Code {
            code: "PR139",
            severity: Error,
            meaning: "a link that shows one host and leads to another",
            why: "It is how phishing works: mail programs warn of it in red, and filters reject it.",
            source: "Thunderbird's and Outlook's phishing warnings; ClamAV, Heuristics.Phishing.Email.SpoofedDomain",
            mend: "show the host that it leads to, or words instead of an address",
            bad: "[www.example.com](https://click.example.net/17)",
            good: "[The ministry's page](https://www.example.com/)",
        },
        look: shown_host,
    },
    Rule {
        code: Code {
            code: "PR140",
            severity: Error,
            meaning: "an element or attribute that mail programs cut out",
            why: "Scripts, forms, frames and films are taken out of a mail by every program, and what asks for them looks broken, or like an attack.",
            source: "caniemail.com; Gmail's and Outlook.com's sanitisers",
            mend: "link to a page that has it",
            bad: "<form action=\"https://www.example.org/poll\"><input name=\"vote\"></form>",
            good: "<a href=\"https://www.example.org/poll\">Take part in the poll</a>",
        },
        look: forbidden,
    },
    Rule {
        code: Code {
            code: "PR141",
            severity: Error,
            meaning: "the preheader is not 40 to 140 characters that say more than the subject, hidden and filled up to 200",
            why: "Inboxes show it after the subject; where it is short they go on with the masthead, and where nothing fills it up with whatever follows.",
            source: "Gmail, Apple Mail and Outlook, which show 40 to 140 characters",
            mend: "write `preheader = \"...\"` in the front matter: one sentence of 40 to 140 characters",
            bad: "preheader = \"News\"",
            good: "preheader = \"Astana courts Washington, Moscow and Beijing at once.\"",
        },
        look: preheader,
    },
    Rule {
        code: Code {
            code: "PR142",
            severity: Error,
            meaning: "a list or quotation that is only drawn with bullets or marks",
            why: "Screen readers say how many items a list has, and that words are quoted, only where it is a list or quotation.",
            source: "WCAG 2.2, success criterion 1.3.1; failure F2",
            mend: "begin each item with `- `, and each line of a quotation with `> `",
            bad: "• its airspace was open\\\n• its airports stood ready",
            good: "- its airspace was open\n- its airports stood ready",
        },
        look: drawn,
    },
    Rule {
        code: Code {
            code: "PR143",
            severity: Error,
            meaning: "something of a template was never filled in",
            why: "Every reader would see that they are a row in a file.",
            source: "seen in every second newsletter",
            mend: "write `{{ name }}` with two braces, or put code between backticks",
            bad: "Dear *|FNAME|*,",
            good: "Dear {{ name }},",
        },
        look: left_over,
    },
    Rule {
        code: Code {
            code: "PR144",
            severity: Warning,
            meaning: "a subject shorter than 20 or longer than 70 characters",
            why: "A short one says nothing, and of a long one phones show the first half.",
            source: "the inboxes of Gmail (about 70) and of phones (about 40)",
            mend: "write `subject = \"...\"` in the front matter: the news itself, its first words first",
            bad: "subject = \"Newsletter\"",
            good: "subject = \"Kazakhstan Confirms Foreign-Policy Balancing Act\"",
        },
        look: subject_length,
    },
    Rule {
        code: Code {
            code: "PR145",
            severity: Warning,
            meaning: "a subject in nothing but capitals",
            why: "It is read as shouting by people and counted as spam by filters.",
            source: "SpamAssassin, SUBJ_ALL_CAPS",
            mend: "write it as a headline",
            bad: "subject = \"KAZAKHSTAN CONFIRMS ITS BALANCING ACT\"",
            good: "subject = \"Kazakhstan Confirms Its Balancing Act\"",
        },
        look: subject_capitals,
    },
    Rule {
        code: Code {
            code: "PR146",
            severity: Warning,
            meaning: "a placeholder that was never replaced",
            why: "What was meant to be written later is sent as it is.",
            source: "postrider's own drafts, and printers since the sixteenth century",
            mend: "write what was to stand there, or take it out",
            bad: "# Georgia {credit=\"TODO\"}",
            good: "# Georgia {credit=\"TOL 13.x.03\"}",
        },
        look: placeholders,
    },
    Rule {
        code: Code {
            code: "PR147",
            severity: Warning,
            meaning: "a day that no calendar has",
            why: "Whoever wants to come on the 31st of September comes too late or not at all.",
            source: "the Gregorian calendar",
            mend: "look the day up",
            bad: "The talks begin on 31 September 2003.",
            good: "The talks begin on 30 September 2003.",
        },
        look: dates,
    },
];

/// What inboxes show of a preheader, in characters.
const PREHEADER: std::ops::RangeInclusive<usize> = 40..=140;

/// What inboxes show of a subject, in characters.
const SUBJECT: std::ops::RangeInclusive<usize> = 20..=70;

/// How many characters the preheader and its filler come to.
const FILLED: usize = 200;

/// How many characters of text an issue with an image has at least.
const WORDS_MIN: usize = 200;

const IMAGE_MAX: usize = 300_000;
const IMAGES_MAX: usize = 1_000_000;
const IMAGE_WIDTH_MAX: u32 = 600;

/// Services that hide where a link leads.
const SHORTENERS: [&str; 14] = [
    "bit.ly",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "lnkd.in",
    "ow.ly",
    "rb.gy",
    "rebrand.ly",
    "shorturl.at",
    "t.co",
    "t.ly",
    "tiny.cc",
    "tinyurl.com",
];

/// Words that say nothing of where a link leads, in the languages that words come for.
const EMPTY_WORDS: [&str; 21] = [
    "here",
    "click here",
    "click",
    "this",
    "this link",
    "link",
    "more",
    "read more",
    "learn more",
    "hier",
    "hier klicken",
    "mehr",
    "ici",
    "cliquez ici",
    "en savoir plus",
    "aquí",
    "haga clic aquí",
    "здесь",
    "тут",
    "هنا",
    "اضغط هنا",
];

/// Elements that mail programs cut out.
const FORBIDDEN: [&str; 17] = [
    "script", "form", "input", "button", "select", "textarea", "iframe", "frame", "object",
    "embed", "video", "audio", "link", "base", "svg", "canvas", "applet",
];

/// What stands where something was to be written later.
const PLACEHOLDERS: [&str; 6] =
    ["TODO", "FIXME", "TBD", "TKTK", "Name, role", "What happened, and why it matters"];

/// The months as English writes them, and how many days each has at most.
const MONTHS: [(&str, u8); 12] = [
    ("January", 31),
    ("February", 29),
    ("March", 31),
    ("April", 30),
    ("May", 31),
    ("June", 30),
    ("July", 31),
    ("August", 31),
    ("September", 30),
    ("October", 31),
    ("November", 30),
    ("December", 31),
];

fn headings(look: &Look<'_>, found: &mut Findings) {
    let mut before = 0;
    let mut titles = Vec::new();
    for (id, element) in look.dom.elements() {
        let Some(level) = level(element) else { continue };
        if before == 0 && level > 1 {
            found.mark(
                look.place(id),
                format!("the first heading is of level {level}, not an article's title"),
            );
        } else if level > before + 1 {
            found.mark(
                look.place(id),
                format!("a heading of level {level} follows one of level {before}"),
            );
        }
        if level == 1 {
            let source = look.source(id);
            // A section's own words begin with two signs, and an article has one title.
            let is_section = source.is_some_and(|source| source.starts_with("##"));
            if is_section || (source.is_some() && titles.contains(&source)) {
                found.mark(look.place(id), "the article has a second heading of level 1");
            }
            titles.push(source);
        }
        before = level;
    }
    if before == 0 {
        found.mark(look.places.draft(), "the issue has no heading");
    }
}

fn level(element: &Element) -> Option<u32> {
    let digit = element.name.strip_prefix('h')?;
    digit.parse().ok().filter(|level| (1..=6).contains(level))
}

/// An image with an empty text is a decoration (HTML Living Standard, section 4.8.4.4.4).
fn images(look: &Look<'_>, found: &mut Findings) {
    for (id, image) in look.dom.named("img") {
        let from = image.get("src").unwrap_or_default();
        let path = from.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let pixels = |name| image.get(name).and_then(|value| value.parse::<u32>().ok());
        let wrong = if !from.starts_with("https://") && !from.starts_with("cid:") {
            format!("`{from}` is neither hosted nor attached")
        } else if let Some(kind) =
            ["svg", "webp", "avif"].into_iter().find(|kind| path.ends_with(&format!(".{kind}")))
        {
            format!("many mail programs do not show `{kind}`")
        } else if image.get("alt").is_none() {
            "the image has no words for those who do not see it".to_owned()
        } else if pixels("width").is_none() || pixels("height").is_none() {
            "the image has no width and height".to_owned()
        } else if pixels("width").is_some_and(|width| width > IMAGE_WIDTH_MAX) {
            format!("the image is wider than {IMAGE_WIDTH_MAX} pixels")
        } else if look.styles.own(id, "display", Mode::Day) != Some("block") {
            "the image does not stand on a line of its own".to_owned()
        } else {
            continue;
        };
        found.mark(look.place(id), wrong);
    }
}

fn image_only(look: &Look<'_>, found: &mut Findings) {
    let own = |id: Id| look.places.span(&look.dom, id).is_some();
    let Some((image, _)) = look.dom.named("img").find(|(id, _)| own(*id)) else { return };
    let written: usize = style::shown(&look.dom, &look.styles)
        .filter(|(id, _)| own(*id) && look.dom.element(*id).and_then(level).is_none())
        .map(|(_, words)| words.trim().chars().count())
        .sum();
    if written < WORDS_MIN {
        found.mark(
            look.place(image),
            format!("beside the image the issue has {} of text", characters(written)),
        );
    }
}

fn heavy_image(look: &Look<'_>, found: &mut Findings) {
    for (id, part) in attached(look) {
        if part >= IMAGE_MAX {
            let place = id.map_or_else(|| look.places.draft(), |id| look.place(id));
            found.mark(place, format!("the image has {} kB", part / 1000));
        }
    }
}

fn heavy_images(look: &Look<'_>, found: &mut Findings) {
    let together: usize = attached(look).map(|(_, size)| size).sum();
    if together >= IMAGES_MAX {
        let first = attached(look).find_map(|(id, _)| id);
        let place = first.map_or_else(|| look.places.draft(), |id| look.place(id));
        found.mark(place, format!("the images come to {} kB", together / 1000));
    }
}

/// Returns the size of every image that comes along, with the first element that shows it.
fn attached<'a>(look: &'a Look<'_>) -> impl Iterator<Item = (Option<Id>, usize)> + 'a {
    look.mail.parts.iter().filter(|part| part.kind.starts_with("image/")).map(|part| {
        let shows = |image: &Element| {
            image
                .get("src")
                .and_then(|from| from.strip_prefix("cid:"))
                .is_some_and(|name| Some(name) == part.id.as_deref())
        };
        let id = look.dom.named("img").find(|(_, image)| shows(image)).map(|(id, _)| id);
        (id, part.content.len())
    })
}

fn links(look: &Look<'_>, found: &mut Findings) {
    for (id, link) in look.dom.named("a") {
        let to = link.get("href").unwrap_or_default();
        let wrong = if to.trim().is_empty() || to == "#" {
            "the link leads nowhere".to_owned()
        } else if to.starts_with("mailto:") || to.starts_with("tel:") {
            continue;
        } else {
            match to.strip_prefix("https://") {
                None => format!("`{to}` is not an absolute https address"),
                Some(_) if is_local(host(to)) => format!("`{to}` leads where no reader can go"),
                Some(_) => continue,
            }
        };
        found.mark(look.place(id), wrong);
    }
}

fn shorteners(look: &Look<'_>, found: &mut Findings) {
    for (id, link) in look.dom.named("a") {
        let host = host(link.get("href").unwrap_or_default());
        if SHORTENERS.contains(&host) {
            found.mark(look.place(id), format!("`{host}` hides where the link leads"));
        }
    }
}

fn link_words(look: &Look<'_>, found: &mut Findings) {
    for (id, link) in look.dom.named("a") {
        let words = look.dom.words(id);
        let bare = words.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let has_image = look.dom.within(id).any(|(_, element)| element.name == "img");
        if EMPTY_WORDS.contains(&bare.as_str()) {
            found.mark(look.place(id), format!("`{words}` does not say where the link leads"));
        } else if words.is_empty() && !has_image {
            found.mark(look.place(id), "the link has no words");
        } else if !words.contains(' ')
            && shown_hosts(&words).next() == Some(host(link.get("href").unwrap_or_default()))
        {
            found.mark(look.place(id), format!("the words of the link are an address, `{words}`"));
        }
    }
}

fn shown_host(look: &Look<'_>, found: &mut Findings) {
    for (id, link) in look.dom.named("a") {
        let words = look.dom.words(id).to_lowercase();
        let target = host(link.get("href").unwrap_or_default());
        let bare = |host: &str| host.trim_start_matches("www.").to_owned();
        if let Some(shown) =
            shown_hosts(&words).find(|shown| !target.is_empty() && bare(shown) != bare(target))
        {
            found.mark(look.place(id), format!("the link shows `{shown}` and leads to `{target}`"));
        }
    }
}

fn forbidden(look: &Look<'_>, found: &mut Findings) {
    for (id, element) in look.dom.elements() {
        // What a style sheet would load is a matter of the CSS.
        let is_sheet = element.get("rel") == Some("stylesheet");
        if FORBIDDEN.contains(&element.name.as_str()) && !is_sheet {
            found.mark(look.place(id), format!("mail programs cut `<{}>` out", element.name));
        }
        if let Some((name, _)) = element.attributes().find(|(name, _)| name.starts_with("on")) {
            found.mark(look.place(id), format!("mail programs cut `{name}` out"));
        }
        if element.get("http-equiv").is_some_and(|what| what.eq_ignore_ascii_case("refresh")) {
            found.mark(look.place(id), "the page would send the reader elsewhere");
        }
    }
}

fn preheader(look: &Look<'_>, found: &mut Findings) {
    let place = || look.places.front("preheader", &look.dom);
    let body = look.dom.first("body").map_or(super::dom::ROOT, |(id, _)| id);
    let hidden =
        look.dom.within(body).next().filter(|(id, _)| look.styles.is_hidden(&look.dom, *id));
    let Some((id, element)) = hidden else {
        return found.mark(place(), "there is no preheader");
    };
    let all: String = look.dom.texts(id).map(|(_, text)| text).collect();
    let words = all.trim_end_matches([' ', '\u{2007}', '\u{feff}', '\u{34f}', '\n']).trim();
    let length = words.chars().count();
    if length == 0 {
        found.mark(
            place(),
            "there is no preheader, and no paragraph that is long enough to stand for it",
        );
    } else if !is_of_length(words, &PREHEADER) {
        found.mark(place(), format!("the preheader has {}", characters(length)));
    } else if words.eq_ignore_ascii_case(look.specimen.subject) {
        found.mark(place(), "the preheader says what the subject says");
    } else if all.trim_end_matches('\n').chars().count() < FILLED {
        found.mark(place(), "nothing fills the preheader up, so inboxes go on with the masthead");
    } else if element.get("aria-hidden") != Some("true") {
        found.mark(place(), "the preheader is read aloud with all that fills it up");
    }
}

fn drawn(look: &Look<'_>, found: &mut Findings) {
    for (id, _) in look.dom.named("p") {
        let words = look.dom.words(id);
        let bullet = words.chars().next().filter(|first| {
            matches!(first, '•' | '‣' | '◦' | '▪' | '·' | '>')
                || (matches!(first, '-' | '*') && words[1..].starts_with(' '))
        });
        if let Some(bullet) = bullet {
            found.mark(look.place(id), format!("a paragraph begins with `{bullet}`"));
        }
    }
}

fn left_over(look: &Look<'_>, found: &mut Findings) {
    let marks = ["{{", "}}", "%%", "*|", "|*"];
    let mark_of = |text: &str| -> Option<String> {
        let private = |letter: &char| matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
        let mark = marks.into_iter().find(|mark| text.contains(mark)).map(str::to_owned);
        mark.or_else(|| text.chars().find(private).map(|letter| letter.to_string()))
    };
    let tell = |mark: &str| match mark.chars().next() {
        Some(letter) if mark.len() > 2 && !letter.is_ascii() => {
            format!("a private-use character is left, U+{:04X}", u32::from(letter))
        }
        _ => format!("`{mark}` is left of a template"),
    };
    for (id, words) in style::shown(&look.dom, &look.styles) {
        let around =
            look.dom.element(id).into_iter().chain(look.dom.around(id).map(|(_, element)| element));
        let is_code = around.take(3).any(|element| matches!(element.name.as_str(), "code" | "pre"));
        // Four braces in the draft are two that are meant.
        let is_meant = |mark: &String| {
            matches!(mark.as_str(), "{{" | "}}")
                && look.source(id).is_some_and(|source| source.contains("{{{{"))
        };
        // Of `*|FNAME|*` Markdown takes the asterisks for emphasis.
        let is_emphasis = look.dom.element(id).is_some_and(|element| element.name == "em");
        let tag = Some(words.trim()).filter(|words| is_emphasis && is_tag(words));
        let mark = mark_of(words).or_else(|| tag.map(str::to_owned));
        if let Some(mark) = mark.filter(|mark| !is_code && !is_meant(mark)) {
            found.mark(look.places.of_word(&look.dom, id, &mark), tell(&mark));
        }
    }
    for (id, element) in look.dom.elements() {
        for (_, value) in
            element.attributes().filter(|(name, _)| matches!(*name, "href" | "src" | "alt"))
        {
            if let Some(mark) = mark_of(value) {
                found.mark(look.place(id), tell(&mark));
            }
        }
    }
    if let Some(mark) = mark_of(look.specimen.subject) {
        found.mark(look.places.front("subject", &look.dom), tell(&mark));
    }
}

/// Tells whether words are a tag such as `|FNAME|`.
fn is_tag(words: &str) -> bool {
    let name = words.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')).unwrap_or_default();
    name.len() > 1
        && name.chars().all(|letter| letter.is_ascii_uppercase() || "0123456789_:".contains(letter))
}

fn subject_length(look: &Look<'_>, found: &mut Findings) {
    let subject = look.specimen.subject;
    if !is_of_length(subject, &SUBJECT) {
        let length = subject.chars().count();
        found.mark(
            look.places.front("subject", &look.dom),
            format!("the subject has {}", characters(length)),
        );
    }
}

fn characters(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}

/// Tells whether a text says enough and not too much; a wide letter of China, Japan or Korea says as much as two.
fn is_of_length(text: &str, length: &std::ops::RangeInclusive<usize>) -> bool {
    text.width() >= *length.start() && text.chars().count() <= *length.end()
}

fn subject_capitals(look: &Look<'_>, found: &mut Findings) {
    let subject = look.specimen.subject;
    let capitals = subject.chars().filter(|letter| letter.is_uppercase()).count();
    if capitals > 5 && !subject.chars().any(char::is_lowercase) {
        found.mark(
            look.places.front("subject", &look.dom),
            "the subject is in nothing but capitals",
        );
    }
}

fn placeholders(look: &Look<'_>, found: &mut Findings) {
    for (id, words) in style::shown(&look.dom, &look.styles) {
        if let Some(word) = placeholder(words) {
            found.mark(
                look.places.of_word(&look.dom, id, word),
                format!("`{word}` was to be replaced"),
            );
        }
    }
    for key in ["subject", "preheader"] {
        let issue = &look.specimen.composed.issue;
        let said = if key == "subject" { issue.subject() } else { issue.preheader() };
        // The first article's title, or its opening words, are told where they stand.
        let is_own = said != issue.title()
            && !style::shown(&look.dom, &look.styles).any(|(_, words)| words.starts_with(said));
        if let Some(word) = placeholder(said).filter(|_| is_own) {
            found.mark(look.places.front(key, &look.dom), format!("`{word}` was to be replaced"));
        }
    }
}

/// Returns the first placeholder of a text, as it is written there.
fn placeholder(words: &str) -> Option<&str> {
    let is_whole = |at: usize, word: &str| {
        let before = words[..at].chars().next_back();
        let after = words[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    };
    let fixed = PLACEHOLDERS.into_iter().find_map(|word| {
        let (at, _) = words.match_indices(word).find(|(at, _)| is_whole(*at, word))?;
        Some(&words[at..at + word.len()])
    });
    fixed.or_else(|| {
        let at = words.to_ascii_lowercase().find("lorem ipsum")?;
        Some(&words[at..at + "lorem ipsum".len()])
    })
}

fn dates(look: &Look<'_>, found: &mut Findings) {
    for (id, words) in style::shown(&look.dom, &look.styles) {
        let tokens: Vec<&str> = words.split_whitespace().map(bare).collect();
        for (at, token) in tokens.iter().enumerate() {
            let written = match (tokens.get(at + 1), tokens.get(at + 2)) {
                (Some(month), year) if is_no_day(token, month, year.copied()) => {
                    Some(format!("{token} {month}"))
                }
                _ => None,
            };
            let written = written.or_else(|| is_no_date(token).then(|| (*token).to_owned()));
            if let Some(written) = written {
                let place: Place = look.places.of_word(&look.dom, id, &written);
                found.mark(place, format!("no calendar has the day `{written}`"));
            }
        }
    }
}

fn bare(token: &str) -> &str {
    token.trim_matches(|letter: char| !letter.is_alphanumeric())
}

/// Tells whether a day of a month, as in 31 September, is none; the year decides about 29 February.
fn is_no_day(day: &str, month: &str, year: Option<&str>) -> bool {
    let digits = day.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let (Ok(day), Some(at)) =
        (digits.parse::<u8>(), MONTHS.iter().position(|(name, _)| *name == month))
    else {
        return false;
    };
    let year = year.filter(|year| year.len() == 4).and_then(|year| year.parse::<i16>().ok());
    let most = match (at, year) {
        (1, Some(year)) => {
            Date::new(year, 2, 1).map_or(29, |date| date.days_in_month().unsigned_abs())
        }
        _ => MONTHS[at].1,
    };
    day == 0 || day > most
}

/// Tells whether a token has the form 2003-09-31 and is no day.
fn is_no_date(token: &str) -> bool {
    let parts: Vec<&str> = token.split('-').collect();
    let has_form = matches!(parts[..], [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2)
        && parts.iter().all(|part| part.chars().all(|letter| letter.is_ascii_digit()));
    has_form && token.parse::<Date>().is_err()
}

/// Returns the host of an address, in its own letters; empty where it has none.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

/// Tells whether a host is a number, or a name that only this machine or its neighbours know.
fn is_local(host: &str) -> bool {
    let top = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    !host.contains('.')
        || matches!(top, "localhost" | "local" | "localdomain" | "internal")
        || top.chars().all(|digit| digit.is_ascii_digit())
}

/// Returns the hosts that stand in the words of a link.
fn shown_hosts(words: &str) -> impl Iterator<Item = &str> {
    const TOPS: [&str; 8] = [".com", ".org", ".net", ".info", ".gov", ".edu", ".eu", ".uk"];
    words.split_whitespace().map(bare).filter(|token| !token.contains('@')).filter_map(|token| {
        if token.contains("://") {
            return Some(host(token));
        }
        let name = token.split('/').next().unwrap_or_default();
        let is_host = name.starts_with("www.")
            || (TOPS.iter().any(|top| name.ends_with(top)) && name.len() > 4);
        is_host.then_some(name)
    })
}
