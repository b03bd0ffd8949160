//! The mail that asks whether somebody wants to read: composed and signed as an issue is, sent by the same door, and holding nothing that a stranger typed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    Console, Failure,
    errand::{self, Errand, Turn},
    exit,
    newsroom::Newsroom,
};
use crate::{
    compose::{Composed, Draft, Purpose},
    ledger::Ledger,
    model::{Field, Subscriber},
    send::throttle,
    smtp::Handover,
    web::site::{Asked, Post, Words},
};

/// How many may wait to be sent.
const WAITING: usize = 1_000;

/// How long one waits for its turn under the relay's rates.
const TURN: Duration = Duration::from_mins(10);

/// When it is tried again after the relay could not take it.
const AGAIN: [Duration; 3] =
    [Duration::from_secs(30), Duration::from_mins(2), Duration::from_mins(10)];

/// The merge field of the link.
const LINK: &str = "confirm";

/// Where those who ask are dropped.
pub(super) struct Letterbox(mpsc::Sender<Asked>);

impl Letterbox {
    /// Makes one, and what takes them out.
    pub(super) fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (drop, taken) = mpsc::channel(WAITING);
        (Self(drop), taken)
    }
}

impl Post for Letterbox {
    fn take(&self, asked: Asked) -> bool {
        self.0.try_send(asked).is_ok()
    }
}

/// Composes the mail, so that whoever serves the site knows before the first reader that it can be made.
pub(super) fn compose(newsroom: &Newsroom, words: &Words) -> Result<Composed, Failure> {
    let mut publication = newsroom.publication.clone();
    publication.list.fields =
        BTreeMap::from([(LINK.to_owned(), Field { default: None, required: true })]);
    // It is no issue: it has no page of its own, and whoever gets it has asked to subscribe already.
    let leave = publication.web.take().map(|web| format!("{web}/u"));
    publication.links.unsubscribe = publication.links.unsubscribe.take().or(leave);
    publication.links.archive = None;
    publication.links.subscribe = None;
    let title = &publication.title;
    let [subject, preheader] =
        [&words.mail_subject, &words.mail_preheader].map(|text| toml::Value::from(text.as_str()));
    let date = newsroom.now.strftime("%Y-%m-%d");
    let draft = Draft {
        slug: "confirm".to_owned(),
        path: "the mail that asks for confirmation".to_owned(),
        text: format!(
            "+++\nsubject = {subject}\npreheader = {preheader}\ndate = {date}\n+++\n\n# {}\n\n{}\n\n:::button\n[{}]({{{{ {LINK} }}}})\n:::\n\n{}\n",
            literal(&words.mail_subject),
            literal(&words.mail_text),
            literal(&words.mail_button),
            literal(&words.mail_ignore),
        ),
        files: BTreeMap::new(),
    };
    newsroom.compose_as(&draft, &publication, Some(&words.mail_reason))?.map_err(|problems| {
        Failure::problems(
            exit::CONFIG,
            format!("the mail that asks readers of {title} to confirm cannot be composed"),
            problems,
        )
    })
}

/// Writes a text so that Markdown and merge fields leave it as it is.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '{' => out.push_str("&#123;"),
            '}' => out.push_str("&#125;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '|' | '&' => {
                out.push('\\');
                out.push(char);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(char),
        }
    }
    out
}

/// Sends those who ask, one after the other, until the letterbox is gone and empty.
pub(super) async fn send(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    composed: &Composed,
    mut asked: mpsc::Receiver<Asked>,
) {
    while let Some(Asked { mut reader, url }) = asked.recv().await {
        reader.fields.insert(LINK.to_owned(), url);
        let masked = reader.address.masked();
        let mut waits = AGAIN.iter();
        while let Err(failure) = hand_over(newsroom, ledger, composed, &reader).await {
            let is_passing = failure.code == exit::UNREACHABLE;
            let Some(wait) = waits.next().filter(|_| is_passing) else {
                let why = failure.message;
                console.warn(format_args!("{masked} could not be asked to confirm: {why}"));
                break;
            };
            tokio::time::sleep(*wait).await;
        }
    }
}

async fn hand_over(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    composed: &Composed,
    reader: &Subscriber,
) -> Result<(), Failure> {
    let taken = turn(newsroom, ledger, reader).await?;
    let since = Instant::now();

    let now = ledger.now().await?;
    let keys = newsroom.keys_for(ledger).await?;
    let press = newsroom.press(&composed.edition, 0, now, keys)?;
    let domain = newsroom.publication.sender.from.address.domain();
    let message_id = format!("<confirm.{}.{}@{domain}>", now.as_microsecond(), reader.token_id);
    let printed = press
        .print(reader, &message_id, 0, Purpose::Real)
        .map_err(|why| Failure::new(exit::BAD_DATA, why.to_string()))?;
    let mut errand = Errand::open(newsroom).await?;
    if since.elapsed() > throttle::LATE {
        // The relay took its time to greet: it would count the mail later than the ledger does.
        taken.give_back(ledger).await?;
        turn(newsroom, ledger, reader).await?;
    }
    let handed = errand.hand_over(&printed, &reader.address).await;
    errand.close().await;
    match handed {
        Handover::Refused { stage, reply } if reply.is_permanent() => {
            Err(Failure::new(exit::ATTENTION, format!("the relay refused at {stage}: {reply}")))
        }
        // Not again by itself: it may have arrived. Whoever wants it asks once more.
        Handover::InDoubt { why } => {
            Err(Failure::new(exit::AGAIN, format!("the relay's answer was lost: {why}")))
        }
        handed => errand::accepted(handed).map(drop),
    }
}

/// Waits for a turn under the rates.
async fn turn(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    reader: &Subscriber,
) -> Result<Turn, Failure> {
    let turn = Turn::reserve(newsroom, ledger, &reader.address, TURN).await?;
    tokio::time::sleep(turn.wait).await;
    Ok(turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_not_read_as_markdown_or_a_field() {
        assert_eq!(
            literal("A_B *c* {{ name }}\n# x"),
            "A\\_B \\*c\\* &#123;&#123; name &#125;&#125; \\# x"
        );
    }
}
