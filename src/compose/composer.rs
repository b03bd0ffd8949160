//! Composes: a draft, a theme and a language's words become an Edition.

use std::borrow::Cow;

use css_inline::{CSSInliner, InlineOptions};

use crate::model::{Place, Problem, Publication};

use super::{
    beside::size,
    code::{TOO_LARGE, WRONG_PUBLICATION, WRONG_THEME},
    cut::{cut_header, cut_html},
    edition::{Edition, Headers, Variant},
    enclosure::Enclosures,
    field::{ADDRESS, UNSUBSCRIBE, is_mark},
    issue::{Draft, Issue, Reading, Version},
    layout::{self, Document, Frame, Page},
    origin::{self, Origins},
    script::Script,
    sheet::Sheet,
    strings::Strings,
    text,
    theme::Theme,
};

/// About how long an element or a text of a document is, for the size of its tree.
const NODE_BYTES: usize = 16;

/// The most bytes of a document before its CSS makes it several times as long, and of all versions of an issue.
const DOCUMENT_MAX: usize = 600_000;
const VERSIONS_MAX: usize = 3_000_000;

/// A draft that composes.
#[derive(Clone, Debug)]
pub struct Composed {
    /// What every reader's copy is made from.
    pub edition: Edition,
    /// What the issue says of itself.
    pub issue: Issue,
    /// Where in the draft each element of the HTML came from.
    pub origins: Origins,
    /// The same for each variant of the edition, in their order.
    pub variant_origins: Vec<Origins>,
    /// What is worth mending, in the order of the draft's lines.
    pub warnings: Vec<Problem>,
}

/// Composes a draft, or returns every mistake in it, errors and warnings together, in the order of its lines.
///
/// `strings` finds the words of a language by its tag (BCP 47).
pub fn compose(
    draft: &Draft,
    publication: &Publication,
    theme: &Theme,
    strings: &dyn Fn(&str) -> Result<Strings, Vec<Problem>>,
) -> Result<Composed, Vec<Problem>> {
    let mut reading = Reading::of(draft, publication);
    let mut problems = std::mem::take(&mut reading.problems);
    problems.extend(refuse_hidden_characters(publication));
    let strings = strings(&reading.issue.language);
    let strings = strings.map_err(|mut wrong| problems.append(&mut wrong)).ok();
    let is_fine = !problems.iter().any(Problem::is_error);
    let Some(strings) = strings.filter(|_| is_fine) else {
        return Err(problems);
    };
    match set(&draft.path, &reading, publication, theme, &strings) {
        Ok((edition, mut origins)) => {
            let variant_origins = origins.split_off(1);
            let origins = origins.swap_remove(0);
            let issue = reading.issue;
            Ok(Composed { edition, issue, origins, variant_origins, warnings: problems })
        }
        Err(mut wrong) => {
            problems.append(&mut wrong);
            Err(problems)
        }
    }
}

/// Sets every version of a draft without errors; each has its origins.
fn set(
    path: &str,
    reading: &Reading<'_>,
    publication: &Publication,
    theme: &Theme,
    strings: &Strings,
) -> Result<(Edition, Vec<Origins>), Vec<Problem>> {
    let issue = &reading.issue;
    let script = Script::of(&issue.language);
    let enclosures = Enclosures::new(publication.sender.from.address.domain());
    let hosted = publication.links.images.as_ref();
    let hosted = hosted.map(|base| format!("{}/{}/", base.trim_end_matches('/'), issue.slug));
    let page = Page { strings, theme, script, enclosures: &enclosures, hosted: hosted.as_deref() };
    let mut variants = Vec::new();
    let mut origins = Vec::new();
    let mut length = 0;
    for version in &reading.versions {
        let frame = frame(issue, version, publication, strings);
        let document = layout::document(&frame, &version.body, &page);
        length += document.html.len();
        if document.html.len() > DOCUMENT_MAX || length > VERSIONS_MAX {
            let message =
                format!("the issue comes to {} of HTML, and its CSS", size(length as u64));
            let help =
                "Gmail cuts off what is longer than 102 kB: let it lead to the rest on the web";
            return Err(vec![Problem::error(TOO_LARGE, Place::file(path), message).help(help)]);
        }
        let (variant, from) = set_version(reading, version, &frame, &document)?;
        variants.push(variant);
        origins.push(from);
    }
    // Every reading has the version of readers without a segment, and has it first.
    let Variant { subject, html, text, .. } = variants.remove(0);
    let edition = Edition {
        publication: publication.id.clone(),
        slug: issue.slug.clone(),
        language: issue.language.clone(),
        subject,
        html,
        text,
        variants,
        headers: headers(publication),
        fields: reading.marks.used(),
        enclosures: enclosures.into_all(),
    };
    Ok((edition, origins))
}

/// Returns what surrounds the articles of a version.
fn frame<'a>(
    issue: &'a Issue,
    version: &'a Version,
    publication: &'a Publication,
    strings: &'a Strings,
) -> Frame<'a> {
    let reason = strings.reason.replace("{address}", &ADDRESS.to_string());
    Frame {
        publication,
        strings,
        language: &issue.language,
        subject: &version.subject,
        preheader: &version.preheader,
        dateline: dateline(issue, strings),
        view: view(issue, publication),
        reason: reason.replace("{title}", &publication.title),
        unsubscribe: UNSUBSCRIBE.to_string(),
    }
}

/// Sets one version in both parts.
fn set_version(
    reading: &Reading<'_>,
    version: &Version,
    frame: &Frame<'_>,
    document: &Document,
) -> Result<(Variant, Origins), Vec<Problem>> {
    let (html, origins) = origin::take(&document.html);
    let html = document.with_kept_css(&inlined(&html, &document.css.inlined)?);
    let mut sheet = Sheet::new(frame.strings, &reading.marks);
    text::set(frame, version.text.as_ref().unwrap_or(&version.body), &mut sheet);
    let variant = Variant {
        segments: version.segments.clone(),
        subject: cut_header(&version.subject, &reading.marks),
        html: cut_html(&html, &reading.marks),
        text: sheet.into_passages(),
    };
    Ok((variant, origins))
}

fn headers(publication: &Publication) -> Headers {
    let sender = &publication.sender;
    let leave = publication.links.unsubscribe.as_ref();
    Headers {
        from: sender.from.clone(),
        reply_to: sender.reply_to.clone(),
        list_title: publication.title.clone(),
        list_id: format!("{}.{}", publication.id, sender.from.address.domain()),
        list_help: publication.links.feedback.clone(),
        list_archive: archive(publication),
        bounces: sender.bounces.clone(),
        one_click: one_click(publication),
        leave_at: leave.filter(|url| url.starts_with("mailto:")).cloned(),
    }
}

/// Returns the page that takes an unsubscribe token: one of the publisher's own, else that of `[web]`.
pub fn one_click(publication: &Publication) -> Option<String> {
    let own = publication.links.unsubscribe.as_ref().filter(|url| !url.starts_with("mailto:"));
    let own = own.map(|url| url.trim_end_matches('/').to_owned());
    own.or_else(|| publication.web.as_ref().map(|web| format!("{}/u", web.trim_end_matches('/'))))
}

/// Returns where past issues are: on a page of the publisher's own, else on that of `[web]`.
fn archive(publication: &Publication) -> Option<String> {
    let web = publication.web.as_ref();
    let own = publication.links.archive.clone();
    own.or_else(|| web.map(|web| format!("{}/issues", web.trim_end_matches('/'))))
}

/// Returns the day and the number, as `6 October 2003 | Issue No. 41`.
fn dateline(issue: &Issue, strings: &Strings) -> String {
    let date = issue.date.map(|date| strings.long_date(date));
    let number = issue.number.map(|number| number.to_string());
    let number = number.map(|number| strings.issue_number.replace("{number}", &number));
    date.into_iter().chain(number).collect::<Vec<_>>().join(" | ")
}

/// Returns where the issue is on the web, by its own word or below the archive.
fn view(issue: &Issue, publication: &Publication) -> Option<String> {
    let under = |base: String| format!("{}/{}", base.trim_end_matches('/'), issue.slug);
    let view = issue.canonical_url.clone().or_else(|| archive(publication).map(under));
    view.map(|url| super::url::encoded(&url))
}

/// Writes the theme's CSS into the elements it dresses.
fn inlined(document: &str, css: &str) -> Result<String, Vec<Problem>> {
    let options = InlineOptions {
        keep_style_tags: false,
        minify_css: true,
        load_remote_stylesheets: false,
        extra_css: Some(Cow::Borrowed(css)),
        preallocate_node_capacity: document.len() / NODE_BYTES,
        ..InlineOptions::default()
    };
    CSSInliner::new(options).inline(document).map_err(|error| {
        let message = format!("the CSS cannot be inlined: {error}");
        vec![Problem::error(WRONG_THEME, Place::file("templates/theme.css"), message)]
    })
}

/// Tells every value of the publication that would be taken for a merge field, or that nobody sees.
fn refuse_hidden_characters(publication: &Publication) -> Option<Problem> {
    let Publication { title, tagline, motto, publisher, copyright, postal_address, .. } =
        publication;
    let texts = [title, tagline, motto, publisher, copyright, postal_address];
    let labels = publication.links.nav.iter().map(|link| &link.label);
    let is_wrong = |text: &&String| text.chars().any(|c| is_mark(c) || c.is_control());
    let wrong = texts.into_iter().chain(&publication.masthead).chain(labels).find(is_wrong)?;
    let message = format!("`{}` holds a control or private-use character", wrong.escape_debug());
    let problem = Problem::error(WRONG_PUBLICATION, Place::file("publication.toml"), message);
    Some(problem.help("delete the character"))
}
