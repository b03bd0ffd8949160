//! The HTML document around the articles, and everything in it that no theme may leave out.
//!
//! Masthead, view in browser, disclaimer, privacy, feedback, postal address,
//! reason and unsubscribe come from [`Frame`], whose fields are not optional.
//! The text part sets the same frame in `text.rs`.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::model::Publication;

use super::{
    block::{self, button},
    css::Classes,
    enclosure::Enclosures,
    inline::{self, Inline},
    issue::{Article, Body},
    origin,
    picture::Picture,
    script::{Script, runs_right_to_left},
    strings::Strings,
    theme::{Css, Theme},
    url,
};

/// What inboxes show after the preheader, so that the masthead does not follow it there.
const FILLER: &str = "\u{2007}\u{feff}\u{34f} ";

/// How many characters the preheader and its filler come to.
const PREHEADER_LENGTH: usize = 200;

/// What keeps a cell of a given height from collapsing.
pub(super) const SPACE: PreEscaped<&str> = PreEscaped("&nbsp;");

/// What surrounds the articles in both parts.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) publication: &'a Publication,
    pub(super) strings: &'a Strings,
    pub(super) language: &'a str,
    pub(super) subject: &'a str,
    pub(super) preheader: &'a str,
    pub(super) dateline: String,
    /// Where the issue is on the web; `None` where nobody knows.
    pub(super) view: Option<String>,
    /// Why the reader gets it, with the character that stands for their address.
    pub(super) reason: String,
    /// The character that stands for the reader's own way out.
    pub(super) unsubscribe: String,
}

/// What a block needs to know of the page it is set on.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) strings: &'a Strings,
    pub(super) theme: &'a Theme,
    pub(super) script: Script,
    /// The pictures that travel with the mail.
    pub(super) enclosures: &'a Enclosures,
    /// Where the publisher puts the pictures of this issue; `None` where they travel with the mail.
    pub(super) hosted: Option<&'a str>,
}

impl Frame<'_> {
    /// Returns the footer's motto in capitals, as printed reports have it.
    pub(super) fn motto(&self) -> String {
        self.publication.motto.to_uppercase()
    }

    /// Returns the line of the copyright.
    pub(super) fn copyright(&self) -> String {
        let Publication { publisher, copyright, .. } = self.publication;
        format!("© {publisher} {copyright}").trim_end().to_owned()
    }

    /// Returns the three links every issue ends with.
    pub(super) fn legal_links(&self) -> [(&str, &str); 3] {
        let links = &self.publication.links;
        [
            (&self.strings.disclaimer, &links.disclaimer),
            (&self.strings.privacy, &links.privacy),
            (&self.strings.feedback, &links.feedback),
        ]
    }

    /// Returns the call to subscribe, where one can.
    pub(super) fn call(&self) -> Option<(String, &str)> {
        let url = self.publication.links.subscribe.as_deref()?;
        Some((self.strings.subscribe.replace("{title}", &self.publication.title), url))
    }
}

/// The direction of words and the side that their lines begin at, where both are not those of the issue.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) dir: Option<&'static str>,
    pub(super) style: Option<&'static str>,
}

impl Page<'_> {
    /// Tells whether the script of the issue runs from right to left.
    pub(super) fn is_rtl(&self) -> bool {
        self.script == Script::RightToLeft
    }

    /// Returns the direction of the script, as HTML names it.
    fn dir(&self) -> &'static str {
        if self.is_rtl() { "rtl" } else { "ltr" }
    }

    /// Returns the side where lines begin.
    pub(super) fn start(&self) -> &'static str {
        if self.is_rtl() { "right" } else { "left" }
    }

    /// Returns the side where lines end.
    pub(super) fn end(&self) -> &'static str {
        if self.is_rtl() { "left" } else { "right" }
    }

    /// Returns how words are set that run against the script of the issue, as what is quoted from another language does.
    pub(super) fn turn(&self, words: &[Inline]) -> Turn {
        match runs_right_to_left(&inline::plain(words)) {
            Some(true) if !self.is_rtl() => {
                Turn { dir: Some("rtl"), style: Some("text-align:right") }
            }
            Some(false) if self.is_rtl() => {
                Turn { dir: Some("ltr"), style: Some("text-align:left") }
            }
            _ => Turn { dir: None, style: None },
        }
    }

    /// Returns the direction of a text that is not of the issue but of the publication: its own, where the two may differ.
    fn dir_of_publication(&self) -> Option<&'static str> {
        self.is_rtl().then_some("auto")
    }

    /// Returns the address of a picture beside the draft: on the publisher's server, else of the copy that travels with the mail.
    pub(super) fn picture(&self, picture: &Picture) -> String {
        match self.hosted {
            Some(base) => url::encoded(&format!("{base}{}", picture.name)),
            None => self.enclosures.add(&picture.name, picture.media_type, &picture.bytes),
        }
    }

    /// Returns how wide a line is, in pixels.
    pub(super) fn line_width(&self) -> u32 {
        self.theme.line_width()
    }
}

/// A whole document that its CSS does not dress yet.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) html: String,
    pub(super) css: Css,
}

impl Document {
    /// Adds to the head of `dressed`, the document once it is, the CSS that stays there.
    pub(super) fn with_kept_css(&self, dressed: &str) -> String {
        let head = dressed.find(HEAD_END).unwrap_or(dressed.len());
        let (before, after) = dressed.split_at(head);
        [before, "\n<style>\n", &self.css.kept, "</style>", after].concat()
    }
}

/// How the head ends.
const HEAD_END: &str = "\n</head>";

/// Sets the whole document.
pub(super) fn document(frame: &Frame<'_>, body: &Body, page: &Page<'_>) -> Document {
    let body = self::body(frame, body, page);
    let css = page.theme.css(page.script, &Classes::of(&body.0));
    let document = html! {
        (DOCTYPE) "\n"
        html lang=(frame.language) dir=(page.dir()) xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" {
            (head(frame))
            "\n"
            (body)
        }
        "\n"
    };
    Document { html: document.into_string(), css }
}

fn body(frame: &Frame<'_>, body: &Body, page: &Page<'_>) -> Markup {
    let dir = page.dir();
    let lang = frame.language;
    let ground = page.theme.colour("ground");
    html! {
        body lang=(lang) xml:lang=(lang) bgcolor=(ground) {
            (preheader(frame.preheader))
            div role="article" aria-roledescription="email" aria-label=(frame.subject) lang=(lang) dir=(dir) {
                table.ground role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" bgcolor=(ground) {
                    tr { td align="center" { (sheet(frame, body, page)) } }
                }
            }
            "\n"
        }
    }
}

fn head(frame: &Frame<'_>) -> Markup {
    html! {
        "\n"
        head {
            "\n" meta charset="utf-8";
            "\n" meta name="viewport" content="width=device-width,initial-scale=1";
            "\n" meta name="x-apple-disable-message-reformatting" content="";
            "\n" meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no";
            "\n" meta name="color-scheme" content="light dark";
            "\n" meta name="supported-color-schemes" content="light dark";
            "\n" title { (frame.subject) }
            "\n" (PreEscaped(MSO_HEAD))
            "\n"
        }
    }
}

/// Outlook for Windows: 96 dots to the inch, and the line heights that are asked for.
const MSO_HEAD: &str = "<!--[if mso]><noscript><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><style>table{border-collapse:collapse}h1,h2,h3,p,li,td,th{mso-line-height-rule:exactly}</style><![endif]-->";

fn preheader(words: &str) -> Markup {
    let missing = PREHEADER_LENGTH.saturating_sub(words.chars().count());
    let filler = FILLER.repeat(missing.div_ceil(FILLER.chars().count()));
    html! { div.preheader aria-hidden="true" { (words) (filler) } "\n" }
}

/// Sets the sheet, in a table of its own width for Outlook, which knows no greatest width.
fn sheet(frame: &Frame<'_>, body: &Body, page: &Page<'_>) -> Markup {
    let width = page.theme.sheet_width();
    let paper = page.theme.colour("paper");
    html! {
        (PreEscaped(format!("<!--[if mso]><table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" width=\"{width}\" align=\"center\"><tr><td><![endif]-->")))
        "\n"
        table.sheet role="presentation" cellpadding="0" cellspacing="0" border="0" width=(width) align="center" bgcolor=(paper) {
            @if let Some(view) = &frame.view {
                tr { td.above bgcolor=(page.theme.colour("ground")) {
                    a.quiet href=(view) { (frame.strings.view_in_browser) }
                } }
                "\n"
            }
            tr { td.masthead { (masthead(frame)) } }
            "\n"
            tr { td.side {
                (row(&html! { td.rules { (SPACE) } }))
                (row(&html! { td.dateline { (dateline(&frame.dateline)) } }))
            } }
            "\n"
            @for (index, part) in parts(frame, body, page).into_iter().enumerate() {
                @if index > 0 {
                    tr { td.side { (row(&html! { td.parting { (SPACE) } })) } }
                    "\n"
                }
                tr { td.copy { "\n" (part) } }
                "\n"
            }
            @if let Some((words, url)) = frame.call() {
                tr { td.call { (button::html(url, &words)) } }
                "\n"
            }
            tr { td.footer bgcolor=(page.theme.colour("ground")) { "\n" (footer(frame, page)) } }
            "\n"
        }
        (PreEscaped("<!--[if mso]></td></tr></table><![endif]-->"))
    }
}

/// Sets what a line parts: the contents where there are some, what stands before the first article, and the articles.
fn parts(frame: &Frame<'_>, body: &Body, page: &Page<'_>) -> Vec<Markup> {
    let contents = (body.articles.len() > 2).then(|| contents(frame, body));
    let opening = (!body.opening.is_empty()).then(|| block::html(&body.opening, page));
    let articles = body
        .articles
        .iter()
        .map(|article| origin::from(&article.span, &self::article(article, page)));
    contents.into_iter().chain(opening).chain(articles).collect()
}

fn masthead(frame: &Frame<'_>) -> Markup {
    let publication = frame.publication;
    html! {
        @if !publication.masthead.is_empty() {
            p.cities { (publication.masthead.join(" : ")) }
        }
        p.nameplate {
            @match &publication.links.website {
                Some(url) => a.nameplate-link href=(url) { (publication.title) },
                None => (publication.title),
            }
        }
        @if !publication.tagline.is_empty() {
            p.tagline { (publication.tagline) }
        }
        @if !publication.links.nav.is_empty() {
            p.nav {
                @for (index, link) in publication.links.nav.iter().enumerate() {
                    @if index > 0 { " : " }
                    a.quiet href=(link.url) { (link.label) }
                }
            }
        }
    }
}

/// Sets the bar between the date and the number in the accent.
fn dateline(dateline: &str) -> Markup {
    html! {
        @for (index, part) in dateline.split(" | ").enumerate() {
            @if index > 0 { " " span.bar { "|" } " " }
            (part)
        }
    }
}

fn contents(frame: &Frame<'_>, body: &Body) -> Markup {
    html! {
        p.label { (frame.strings.contents) }
        ol.list {
            @for article in &body.articles {
                (origin::from(&article.span, &html! { li.item { (inline::plain(&article.title)) } }))
            }
        }
    }
}

fn article(article: &Article, page: &Page<'_>) -> Markup {
    html! {
        @if let Some(kicker) = &article.kicker { p.kicker { (kicker) } "\n" }
        h1.headline { (inline::html(&article.title)) }
        "\n"
        @if let Some(byline) = &article.byline { p.byline { (byline) } "\n" }
        (block::html(&article.blocks, page))
    }
}

fn footer(frame: &Frame<'_>, page: &Page<'_>) -> Markup {
    html! {
        @if !frame.publication.motto.is_empty() { p.motto { (frame.motto()) } "\n" }
        p.small dir=[page.dir_of_publication()] { (frame.copyright()) }
        "\n"
        p.small {
            @for (index, (label, url)) in frame.legal_links().into_iter().enumerate() {
                @if index > 0 { " : " }
                a.quiet href=(url) { (label) }
            }
        }
        "\n"
        p.small dir=[page.dir_of_publication()] { (frame.publication.postal_address) }
        "\n"
        p.small {
            (frame.reason) " "
            a.quiet href=(frame.unsubscribe) { (frame.strings.unsubscribe) }
        }
        "\n"
    }
}

/// Sets the blank below a block whose own margin not every program keeps.
pub(super) fn gap() -> Markup {
    row(&html! { td.gap { (SPACE) } })
}

/// Sets a cell as a table of its own.
fn row(cell: &Markup) -> Markup {
    html! {
        table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
            tr { (cell) }
        }
    }
}
