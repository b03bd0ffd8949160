//! One mail that is no delivery of an issue (a test, a request to confirm): through the relay of the publication, where need be the built-in one, and counted in its rates as every other.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Failure, end::rates_to, exit, newsroom::Newsroom, send::open_outbox, words::clock_time,
};
use crate::{
    compose::Printed,
    ledger::{Lane, Ledger, Place, Wish},
    model::{Address, RelayUrl, Reply},
    outbox::Outbox,
    send::provider::provider,
    smtp::{Connection, Envelope, Handover},
};

/// A relay that listens to us.
pub(super) struct Errand {
    /// The built-in relay, where it is that one.
    outbox: Option<Outbox>,
    connection: Connection,
}

impl Errand {
    /// Opens the way.
    pub(super) async fn open(newsroom: &Newsroom) -> Result<Self, Failure> {
        let outbox = match newsroom.publication.relay.url {
            RelayUrl::Outbox => Some(open_outbox(newsroom)?),
            RelayUrl::Server { .. } => None,
        };
        let relay = newsroom.relay(outbox.as_ref().map(Outbox::address))?;
        let connection = Connection::open(&relay).await?;
        Ok(Self { outbox, connection })
    }

    /// Hands over one copy.
    pub(super) async fn hand_over(&mut self, printed: &Printed, to: &Address) -> Handover {
        let Printed { return_path, envelope_id, bytes, .. } = printed;
        let envelope = Envelope { from: return_path, to, id: Some(envelope_id) };
        self.connection.deliver(&envelope, bytes, None).await
    }

    /// Closes the way, and tells whether the mails stay on this machine.
    pub(super) async fn close(self) -> bool {
        self.connection.quit().await;
        let Some(outbox) = self.outbox else { return false };
        outbox.stop();
        true
    }
}

/// A beginning that was reserved for one mail.
pub(super) struct Turn {
    /// When it is.
    pub(super) at: Timestamp,
    /// How long that is from when it was reserved.
    pub(super) wait: Duration,
    /// Where the ledger counts it.
    places: Vec<Place>,
}

impl Turn {
    /// Reserves the next beginning that the rates of the relay, and of whoever keeps the mailbox, allow; where it is later than `patience`, none, and says until when.
    pub(super) async fn reserve(
        newsroom: &Newsroom,
        ledger: &dyn Ledger,
        to: &Address,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let (relay, now) = (&newsroom.publication.relay, ledger.now().await?);
        let shared = Lane { name: relay.url.lane(), rates: relay.rates(now) };
        let provider = provider(to.domain());
        let own =
            Lane { name: Lane::to(&shared.name, provider), rates: rates_to(newsroom, provider) };
        let own = Some(own).filter(|own| !own.rates.is_empty());
        let wish = Wish { lane: own.clone(), count: 1 };
        let reserved = ledger.reserve(&shared, &[wish], patience).await?;
        let Some((_, at)) = reserved.at.into_iter().next() else {
            let until = reserved.next.first().copied().unwrap_or(Timestamp::MAX);
            let message = format!("the rate is used up until {}", clock_time(until));
            return Err(Failure::new(exit::AGAIN, message));
        };
        let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let lanes = [Some(shared), own].into_iter().flatten();
        Ok(Self { at, wait, places: lanes.map(|lane| Place { lane: lane.name, at }).collect() })
    }

    /// Gives it back unused.
    pub(super) async fn give_back(self, ledger: &dyn Ledger) -> Result<(), Failure> {
        Ok(ledger.unreserve(&self.places).await?)
    }
}

/// Returns what the relay said when it took a message, or why it is not known to have it.
pub(super) fn accepted(handover: Handover) -> Result<Reply, Failure> {
    let unreachable = |message| Failure::new(exit::UNREACHABLE, message);
    match handover {
        Handover::Accepted(reply) => Ok(reply),
        Handover::Refused { stage, reply } => {
            Err(unreachable(format!("the relay refused at {stage}: {reply}")))
        }
        Handover::Unfit { why } => Err(Failure::new(exit::BAD_DATA, why)),
        Handover::Unwelcome { why } => Err(Failure::new(exit::AGAIN, why)),
        Handover::NotSent { stage, why } => {
            Err(unreachable(format!("the relay failed at {stage}: {why}")))
        }
        Handover::InDoubt { why } => {
            Err(unreachable(format!("the relay's answer was lost: {why}"))
                .hint("look into your mailbox before you try again"))
        }
    }
}
