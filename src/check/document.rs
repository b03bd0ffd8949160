//! The document as a whole: what programs and screen readers need to know before they show a word of it.

use super::rule::{Findings, Look, Rule};
use crate::{compose::Code, model::Severity::Error};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code {
            code: "PR101",
            severity: Error,
            meaning: "the HTML does not begin with `<!DOCTYPE html>`",
            why: "Without it programs fall back to the rules of the nineties: other box widths, other line heights, gaps below images.",
            source: "HTML Living Standard, section 13.1.1; Quirks Mode Standard",
            mend: "the layout writes it: please report this",
            bad: "<html lang=\"en\">",
            good: "<!DOCTYPE html>\n<html lang=\"en\">",
        },
        look: doctype,
    },
    Rule {
        code: Code {
            code: "PR102",
            severity: Error,
            meaning: "the HTML does not say its language, or the direction of its script",
            why: "A screen reader speaks in the voice of the language that is named, and Arabic or Hebrew set from left to right cannot be read.",
            source: "WCAG 2.2, success criteria 3.1.1 and 1.3.2; BCP 47",
            mend: "set `lang` in the front matter, or `language` in publication.toml",
            bad: "<html>",
            good: "<html lang=\"ar\" dir=\"rtl\">",
        },
        look: language,
    },
    Rule {
        code: Code {
            code: "PR103",
            severity: Error,
            meaning: "the title of the HTML is not the subject",
            why: "A mail that is opened in a browser or read aloud is announced by its title.",
            source: "WCAG 2.2, success criterion 2.4.2",
            mend: "the layout writes it from the subject: please report this",
            bad: "<title>Newsletter</title>",
            good: "<title>Kazakhstan Confirms Foreign-Policy Balancing Act</title>",
        },
        look: title,
    },
    Rule {
        code: Code {
            code: "PR104",
            severity: Error,
            meaning: "the HTML does not name UTF-8 within its first 1024 bytes",
            why: "A copy that is saved or forwarded loses its header; a program that then guesses shows é as Ã©.",
            source: "HTML Living Standard, section 4.2.5.4",
            mend: "the layout writes it: please report this",
            bad: "<head><title>...</title><meta charset=\"windows-1252\">",
            good: "<head><meta charset=\"utf-8\">",
        },
        look: charset,
    },
    Rule {
        code: Code {
            code: "PR105",
            severity: Error,
            meaning: "the viewport is not named, or readers may not enlarge it",
            why: "Without it phones show the page shrunk; with `user-scalable=no` those who see little cannot enlarge it.",
            source: "WCAG 2.2, success criterion 1.4.4",
            mend: "the layout writes it: please report this",
            bad: "<meta name=\"viewport\" content=\"width=device-width,user-scalable=no\">",
            good: "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
        },
        look: viewport,
    },
    Rule {
        code: Code {
            code: "PR106",
            severity: Error,
            meaning: "the HTML does not say that it has colours of its own for the dark",
            why: "Apple Mail and Outlook for Mac then turn the colours around by themselves, the logo's too.",
            source: "CSS Color Adjustment Module Level 1; Apple Mail since iOS 13",
            mend: "the layout writes it: please report this",
            bad: "<head><meta charset=\"utf-8\"></head>",
            good: "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"supported-color-schemes\" content=\"light dark\">",
        },
        look: colour_scheme,
    },
    Rule {
        code: Code {
            code: "PR107",
            severity: Error,
            meaning: "Outlook on Windows is not told how large a pixel is",
            why: "On a screen set to 120 or 150 % it would enlarge the letters and images, but not the tables around them.",
            source: "Outlook 2007 to 2021 on Windows, which set mail with Word",
            mend: "the layout writes it: please report this",
            bad: "<html lang=\"en\">",
            good: "<html xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\">\n<!--[if mso]>...<o:PixelsPerInch>96</o:PixelsPerInch>...<![endif]-->",
        },
        look: outlook,
    },
    Rule {
        code: Code {
            code: "PR108",
            severity: Error,
            meaning: "the issue is not wrapped in an article with its name, language and direction",
            why: "Programs cut out `<html>` and `<body>` with all they say; a screen reader then announces nothing but a list of tables.",
            source: "WAI-ARIA 1.2; Gmail and Outlook.com, which keep only what stands in the body",
            mend: "the layout writes it: please report this",
            bad: "<body><table>",
            good: "<div role=\"article\" aria-roledescription=\"email\" aria-label=\"The subject\" lang=\"en\" dir=\"ltr\">",
        },
        look: wrapper,
    },
    Rule {
        code: Code {
            code: "PR109",
            severity: Error,
            meaning: "the body does not name its language by `xml:lang`",
            why: "Outlook on Windows hands a mail to the screen reader as XML, in which `lang` alone means nothing.",
            source: "XML 1.0, section 2.12; Outlook on Windows",
            mend: "the layout writes it: please report this",
            bad: "<body lang=\"en\">",
            good: "<body lang=\"en\" xml:lang=\"en\">",
        },
        look: xml_language,
    },
];

/// Languages whose script runs from right to left, by their primary tag (CLDR 46).
const RIGHT_TO_LEFT: [&str; 12] =
    ["ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"];

fn doctype(look: &Look<'_>, found: &mut Findings) {
    if !look.dom.has_doctype || !look.html.trim_start().starts_with("<!DOCTYPE html>") {
        found.mark(look.places.draft(), "the HTML does not begin with `<!DOCTYPE html>`");
    }
}

fn language(look: &Look<'_>, found: &mut Findings) {
    let language = &look.specimen.composed.edition.language;
    let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let direction = if RIGHT_TO_LEFT.contains(&primary.as_str()) { "rtl" } else { "ltr" };
    let html = look.dom.first("html").map(|(_, html)| html);
    let said = |name| html.and_then(|html| html.get(name)).unwrap_or_default();
    let place = || look.places.front("lang", &look.dom);
    if said("lang") != language || !is_language(language) {
        found.mark(
            place(),
            format!("the HTML names the language `{}`, not `{language}`", said("lang")),
        );
    } else if said("dir") != direction {
        let message =
            format!("`{language}` is set `{direction}`, and the HTML says `{}`", said("dir"));
        found.mark(place(), message);
    }
}

fn title(look: &Look<'_>, found: &mut Findings) {
    let title = look.dom.first("title").map(|(id, _)| look.dom.words(id)).unwrap_or_default();
    let subject = look.specimen.subject;
    // A header that would be too long ends with an ellipsis.
    let is_same = match subject.strip_suffix('…') {
        Some(start) => title.starts_with(start),
        None => title == subject.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    if !is_same {
        found.mark(
            look.places.front("subject", &look.dom),
            format!("the title is `{title}`, the subject `{subject}`"),
        );
    }
}

fn charset(look: &Look<'_>, found: &mut Findings) {
    let said = look.dom.named("meta").find_map(|(_, meta)| meta.get("charset"));
    let at = look.html.find("charset").unwrap_or(usize::MAX);
    if !said.is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")) || at >= 1024 {
        found.mark(look.places.draft(), "the HTML does not name UTF-8 within its first 1024 bytes");
    }
}

fn viewport(look: &Look<'_>, found: &mut Findings) {
    let Some(content) = meta(look, "viewport") else {
        return found.mark(look.places.draft(), "the viewport is not named");
    };
    let content = content.replace(' ', "");
    let forbids = ["user-scalable=no", "user-scalable=0", "maximum-scale=1"];
    if let Some(word) = forbids.into_iter().find(|word| content.contains(word)) {
        found.mark(
            look.places.draft(),
            format!("the viewport says `{word}`: nobody can enlarge it"),
        );
    }
}

fn colour_scheme(look: &Look<'_>, found: &mut Findings) {
    for name in ["color-scheme", "supported-color-schemes"] {
        if !meta(look, name)
            .is_some_and(|content| content.contains("light") && content.contains("dark"))
        {
            found.mark(look.places.draft(), format!("`{name}` does not name light and dark"));
        }
    }
}

fn outlook(look: &Look<'_>, found: &mut Findings) {
    let html = look.dom.first("html").map(|(_, html)| html);
    let names = [
        ("xmlns:v", "urn:schemas-microsoft-com:vml"),
        ("xmlns:o", "urn:schemas-microsoft-com:office:office"),
    ];
    for (name, wanted) in names {
        if html.and_then(|html| html.get(name)) != Some(wanted) {
            found.mark(look.places.draft(), format!("`{name}` is not `{wanted}`"));
        }
    }
    let is_told = |comment: &str| {
        comment.starts_with("[if ") && comment.contains("<o:PixelsPerInch>96</o:PixelsPerInch>")
    };
    if !look.dom.comments().any(is_told) {
        found.mark(look.places.draft(), "Outlook is not told that an inch has 96 pixels");
    }
}

fn wrapper(look: &Look<'_>, found: &mut Findings) {
    let wrapper = look.dom.elements().find(|(_, element)| element.get("role") == Some("article"));
    let Some((_, wrapper)) = wrapper else {
        return found.mark(look.places.draft(), "nothing in the body has the role `article`");
    };
    let html = look.dom.first("html").map(|(_, html)| html);
    let of_html = |name| html.and_then(|html| html.get(name));
    let title = look.dom.first("title").map(|(id, _)| look.dom.words(id)).unwrap_or_default();
    for (name, wanted) in [
        ("aria-roledescription", Some("email")),
        ("aria-label", Some(title.as_str())),
        ("lang", of_html("lang")),
        ("dir", of_html("dir")),
    ] {
        if wrapper.get(name).map(str::trim) != wanted {
            let said = wrapper.get(name).unwrap_or_default();
            found.mark(look.places.draft(), format!("`{name}` of the issue's wrapper is `{said}`"));
        }
    }
}

fn xml_language(look: &Look<'_>, found: &mut Findings) {
    let body = look.dom.first("body").map(|(_, body)| body);
    let said = body.and_then(|body| body.get("xml:lang")).unwrap_or_default();
    let language = &look.specimen.composed.edition.language;
    if said != language {
        found.mark(
            look.places.draft(),
            format!("`xml:lang` of the body is `{said}`, not `{language}`"),
        );
    }
}

fn meta<'a>(look: &'a Look<'_>, name: &str) -> Option<&'a str> {
    let mut metas = look.dom.named("meta");
    metas.find_map(|(_, meta)| meta.get("content").filter(|_| meta.get("name") == Some(name)))
}

/// Tells whether a text has the form of a language tag (BCP 47): parts of one to eight letters or digits.
fn is_language(tag: &str) -> bool {
    tag.split('-').enumerate().all(|(at, part)| {
        let is_plain = part
            .chars()
            .all(|letter| letter.is_ascii_alphabetic() || (at > 0 && letter.is_ascii_digit()));
        (1..=8).contains(&part.len()) && is_plain
    })
}
