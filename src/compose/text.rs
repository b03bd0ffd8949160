//! The text part around the articles: the same frame as the HTML, in 72 columns.

use super::{
    block, inline,
    issue::{Article, Body},
    layout::Frame,
    sheet::Sheet,
};

/// Sets the whole text part.
pub(super) fn set(frame: &Frame<'_>, body: &Body, sheet: &mut Sheet<'_>) {
    masthead(frame, sheet);
    if body.articles.len() > 2 {
        contents(frame, body, sheet);
    }
    if !body.opening.is_empty() {
        sheet.gap(1);
        block::text(&body.opening, sheet);
        sheet.link_list();
    }
    for (index, article) in body.articles.iter().enumerate() {
        sheet.gap(if index > 0 { 3 } else { 1 });
        self::article(article, sheet);
    }
    if let Some((words, url)) = frame.call() {
        sheet.gap(1);
        sheet.link(&words, url, false);
    }
    footer(frame, sheet);
}

fn masthead(frame: &Frame<'_>, sheet: &mut Sheet<'_>) {
    let publication = frame.publication;
    if !publication.masthead.is_empty() {
        sheet.centred(&publication.masthead.join(" : "));
        sheet.gap(1);
    }
    sheet.centred(&publication.title);
    if !publication.tagline.is_empty() {
        sheet.centred(&publication.tagline);
    }
    if !publication.links.nav.is_empty() {
        sheet.gap(1);
        for link in &publication.links.nav {
            sheet.centred(&frame.strings.labelled(&link.label, &inline::shown(&link.url)));
        }
    }
    sheet.gap(1);
    sheet.rule("=");
    sheet.centred(&frame.dateline);
    sheet.rule("=");
}

fn contents(frame: &Frame<'_>, body: &Body, sheet: &mut Sheet<'_>) {
    sheet.gap(1);
    sheet.underlined(&frame.strings.contents, "-");
    sheet.gap(1);
    let width = body.articles.len().to_string().len() + 1;
    for (number, article) in (1..).zip(&body.articles) {
        let bullet = format!("  {:>width$} ", format!("{number}."));
        let title = inline::plain(&article.title);
        sheet.indented(&bullet, &" ".repeat(width + 3), |sheet| sheet.paragraph(&title));
    }
}

fn article(article: &Article, sheet: &mut Sheet<'_>) {
    if let Some(kicker) = &article.kicker {
        sheet.paragraph(kicker);
        sheet.gap(1);
    }
    sheet.heading(&article.title, "=");
    if let Some(byline) = &article.byline {
        sheet.gap(1);
        sheet.paragraph(byline);
    }
    block::text(&article.blocks, sheet);
    sheet.link_list();
}

fn footer(frame: &Frame<'_>, sheet: &mut Sheet<'_>) {
    sheet.gap(1);
    sheet.rule("=");
    if !frame.publication.motto.is_empty() {
        sheet.paragraph(&frame.motto());
    }
    sheet.paragraph(&frame.copyright());
    sheet.gap(1);
    for (label, url) in frame.legal_links() {
        sheet.link(label, url, true);
    }
    if let Some(view) = &frame.view {
        sheet.link(&frame.strings.view_in_browser, view, false);
    }
    sheet.gap(1);
    sheet.paragraph(&frame.publication.postal_address);
    sheet.gap(1);
    sheet.paragraph(&frame.reason);
    sheet.link(&frame.strings.unsubscribe, &frame.unsubscribe, false);
}
