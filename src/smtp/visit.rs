//! A look at a relay by who is going to send through it: all that comes before a message, and no message.

use std::net::IpAddr;

use super::{Capabilities, Connection, OpenError, Relay};
use crate::model::Stage;

/// What was seen on the way in.
#[derive(Clone, Debug)]
pub struct Visit {
    /// How far it went: the last step that was begun.
    pub stage: Stage,
    /// Whom we reached.
    pub peer: Option<IpAddr>,
    /// The certificate that the relay showed and that was found good, DER; `None` without TLS.
    pub certificate: Option<Vec<u8>>,
    /// What it said it can do, over TLS where it came to that.
    pub capabilities: Capabilities,
}

impl Default for Visit {
    fn default() -> Self {
        Self {
            stage: Stage::Connect,
            peer: None,
            certificate: None,
            capabilities: Capabilities::default(),
        }
    }
}

/// Connects, greets, encrypts and logs in as for a message, says goodbye, and tells how far it went.
pub async fn visit(relay: &Relay) -> (Visit, Result<(), OpenError>) {
    let mut visit = Visit::default();
    let opened = match Connection::open_seeing(relay, &mut visit).await {
        Ok(connection) => {
            connection.quit().await;
            Ok(())
        }
        Err(error) => Err(error),
    };
    (visit, opened)
}
