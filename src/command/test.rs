//! `test`: one real mail to yourself, through the relay, marked and harmless.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Console, Failure,
    errand::{self, Errand, Turn},
    exit, inspection,
    newsroom::Newsroom,
    reader, words,
};
use crate::{
    cli::{self, Global},
    compose::{Composed, Press, Purpose},
    ledger::Ledger,
    model::{Address, Subscriber},
    send::PATIENCE,
};

/// How long one waits for its turn before it says so.
const NOTICED: Duration = Duration::from_secs(2);

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Test,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(&wish.issue)?;
    let to = wish
        .to
        .iter()
        .map(|text| text.parse().map_err(|error| Failure::address(text, error)))
        .collect::<Result<Vec<Address>, Failure>>()?;
    let composed = if wish.force {
        let (composed, problems) = inspection::looked_at(&newsroom, &folder).await?;
        Composed { warnings: problems, ..composed }
    } else {
        inspection::fit_to_send(&newsroom, &folder).await.map_err(|failure| {
            failure.hint(
                "`--force` sends the test all the same; `send` stays closed until they are mended",
            )
        })?
    };
    console.problems(&composed.warnings);

    let mut way = Way::open(&newsroom, &composed).await?;
    let mut sent = Vec::new();
    for address in &to {
        let copy = match wish.reader.as_deref() {
            Some(text) => reader::find(&newsroom, text, false).await?,
            None => reader::find(&newsroom, address.written(), true).await?,
        };
        let wait = |until| console.note(waits(until));
        let Sent { message_id, said } = way.send(copy, address, wait).await?;
        console.tell_sentence(&format!("[Test] is on its way to {address} ({said})"));
        sent.push(
            serde_json::json!({ "to": address.written(), "message_id": message_id, "said": said }),
        );
    }
    if way.close().await {
        let mails = words::path(&newsroom.root.join("outbox/new"));
        console.advise(&format!(
            "it is in {mails}: [relay] url is \"outbox\", so nothing leaves this machine"
        ));
    }
    if console.json {
        console.document(&serde_json::json!({ "issue": folder.slug, "digest": composed.edition.digest(), "sent": sent }));
    }
    Ok(exit::DONE)
}

/// Says until when a test mail waits.
pub(super) fn waits(until: Timestamp) -> String {
    format!("the rate lets it begin at {}", words::clock_time(until))
}

/// The way of test mails: an issue on the press, and a relay that listens.
pub(super) struct Way<'a> {
    newsroom: &'a Newsroom,
    press: Press,
    errand: Errand,
    /// Where it takes its place in the rates, if there are any.
    ledger: Option<Arc<dyn Ledger>>,
    count: usize,
}

/// A test mail that the relay took.
pub(super) struct Sent {
    message_id: String,
    /// What the relay said.
    pub(super) said: String,
}

impl<'a> Way<'a> {
    /// Opens it.
    pub(super) async fn open(newsroom: &'a Newsroom, composed: &Composed) -> Result<Self, Failure> {
        let press = newsroom.press(&composed.edition, 0, newsroom.now, newsroom.keys().await?)?;
        let ledger =
            if newsroom.publication.relay.is_limited() { Some(newsroom.ledger()?) } else { None };
        let errand = Errand::open(newsroom).await?;
        Ok(Self { newsroom, press, errand, ledger, count: 0 })
    }

    /// Sends a reader's copy to an address: everything is as that reader gets it but where it goes. Tells `waits` until when it waits for its turn, where that can be noticed.
    pub(super) async fn send(
        &mut self,
        mut copy: Subscriber,
        address: &Address,
        waits: impl Fn(Timestamp),
    ) -> Result<Sent, Failure> {
        copy.address = address.clone();
        let message_id = format!(
            "<test.{}.{}.{}@{}>",
            self.newsroom.now.as_microsecond(),
            self.count,
            std::process::id(),
            self.newsroom.publication.sender.from.address.domain()
        );
        self.count += 1;
        let printed = self.press.print(&copy, &message_id, 0, Purpose::Test).map_err(|why| {
            Failure::new(exit::BAD_DATA, format!("the copy for {address} cannot be made: {why}"))
                .hint("`--as ADDR` takes the fields of a reader on the list")
        })?;
        // The relay counts a test as it counts every mail.
        if let Some(ledger) = &self.ledger {
            let turn = Turn::reserve(self.newsroom, &**ledger, address, PATIENCE).await?;
            if turn.wait > NOTICED {
                waits(turn.at);
            }
            tokio::time::sleep(turn.wait).await;
        }
        let handed = self.errand.hand_over(&printed, address).await;
        Ok(Sent { message_id, said: errand::accepted(handed)?.to_string() })
    }

    /// Closes it, and tells whether the mails stay on this machine.
    pub(super) async fn close(self) -> bool {
        self.errand.close().await
    }
}
