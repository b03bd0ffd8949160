//! One mail that is no delivery of an issue (a test, a request to confirm): through the relay of the publication, where need be the built-in one.

use super::{Failure, exit, newsroom::Newsroom, send::open_outbox};
use crate::{
    compose::Printed,
    model::{Address, RelayUrl, Reply},
    outbox::Outbox,
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
