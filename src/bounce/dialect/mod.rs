//! Bounces in formats that are no standard: one file each, and one line here.

mod courier;
mod exchange;
mod exim;
mod gmail;
mod groups;
mod notes;
mod opensmtpd;
mod paragraph;
mod postfix;
mod qmail;
mod sendmail;
mod unfamiliar;
mod yahoo;
mod zoho;

use super::{
    letter::Letter,
    phrase,
    refusal::{Action, Refusal},
    status,
};

pub(super) use unfamiliar::read as unfamiliar;

/// Reads a letter in one dialect, or says that it is in another.
type Dialect = fn(&Letter) -> Option<Vec<Refusal>>;

/// Every dialect that is known by sentences of its own. The first that reads a letter has it.
const DIALECTS: &[Dialect] = &[
    qmail::read,
    exim::read,
    postfix::read,
    sendmail::read,
    exchange::read,
    gmail::read,
    yahoo::read,
    opensmtpd::read,
    courier::read,
    zoho::read,
    notes::read,
    groups::read,
];

/// Reads a bounce in a known dialect.
pub(super) fn known(letter: &Letter) -> Option<Vec<Refusal>> {
    DIALECTS.iter().find_map(|dialect| dialect(letter).filter(|found| !found.is_empty()))
}

/// Returns the part of a letter that follows the first of the opening sentences it holds, up to any of the closing ones.
fn between<'a>(letter: &'a Letter, opening: &[&str], closing: &[&str]) -> Option<&'a str> {
    let (at, sentence) =
        opening.iter().find_map(|words| letter.text.find(words).map(|at| (at, words)))?;
    let body = &letter.text[at + sentence.len()..];
    let end = closing.iter().filter_map(|words| body.find(words)).min().unwrap_or(body.len());
    Some(&body[..end])
}

/// Makes refusals of addresses and what is said of each; all are delayed where the letter is a warning, and whoever is spoken of with a code of success got it.
fn refusals<'a>(
    told: impl IntoIterator<Item = (String, &'a str)>,
    letter: &Letter,
) -> Vec<Refusal> {
    let subject = letter.subject.to_lowercase();
    let action =
        if phrase::has(&subject, phrase::DELAYED) { Action::Delayed } else { Action::Failed };
    told.into_iter()
        .map(|(address, why)| {
            let action = if status::is_success(why) { Action::Delivered } else { action };
            Refusal::new(address, Some(action), None, why)
        })
        .collect()
}
