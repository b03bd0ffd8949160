//! The client's side of an SMTP conversation (RFC 5321): the one door mail leaves by.
//!
//! One task owns a connection. What the relay said is told as it is, as a
//! [`Handover`]; what it means is decided in `send/policy.rs`.

use crate::model::{Address, Deadlines, Reply, Secret, Security, Stage};

mod auth;
mod capability;
mod connection;
#[cfg(test)]
mod counted;
mod gate;
mod open;
mod reply;
mod tls;
mod token;
mod visit;
mod wire;

pub use capability::Capabilities;
pub use connection::Connection;
pub use gate::Inspected;
pub use token::Tokens;
pub use visit::{Visit, visit};

/// A relay and how to reach it.
#[derive(Clone, Debug)]
pub struct Relay {
    /// DNS name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
    /// Certificates to trust besides the system's, PEM; empty for none.
    pub trust: Vec<u8>,
    /// The name we say in EHLO: a domain or an address literal.
    pub hello: String,
    /// How long each step may take.
    pub deadlines: Deadlines,
}

impl Relay {
    /// Returns `host:port`, as people are told it.
    pub fn name(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Lets go of the token that its connections were opened with, if it is one that proves who we are; tells whether so.
    pub fn forget_token(&self) -> bool {
        match &self.credentials {
            Some(Credentials { proof: Proof::Token(tokens), .. }) => {
                tokens.forget();
                true
            }
            _ => false,
        }
    }
}

/// A user, and what proves that we are that user.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The proof.
    pub proof: Proof,
}

/// What proves who we are. Neither is ever used as the other.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A password: AUTH PLAIN or LOGIN.
    Password(Secret),
    /// A token that soon runs out: AUTH XOAUTH2.
    Token(Tokens),
}

/// The SMTP envelope of one message.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The return path.
    pub from: &'a str,
    /// The one recipient (rule D5).
    pub to: &'a Address,
    /// What a relay that reports on a message names it by (ENVID, RFC 3461 section 4.4): letters, digits and hyphens.
    pub id: Option<&'a str>,
}

/// One message and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The envelope.
    pub envelope: Envelope<'a>,
    /// The message itself.
    pub message: &'a Inspected<'a>,
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handover {
    /// 2yz after the dot.
    Accepted(Reply),
    /// The relay said 4yz or 5yz; nothing of the message is with it.
    Refused {
        /// At which step.
        stage: Stage,
        /// What it said.
        reply: Reply,
    },
    /// The message may not be put on a wire at all (the last gate); the connection was not touched.
    Unfit {
        /// What is wrong with its bytes, for people.
        why: String,
    },
    /// The relay does not take such a message, whoever it is for: too large, or 8-bit bytes; nothing was said.
    Unwelcome {
        /// Why, for people.
        why: String,
    },
    /// Something broke before any byte of the dot had left; nothing of the message is with the relay.
    NotSent {
        /// At which step.
        stage: Stage,
        /// What broke, for people.
        why: String,
    },
    /// Something broke after a byte of the dot had left: the relay may have it (RFC 1047).
    InDoubt {
        /// What came instead of a reply, for people.
        why: String,
    },
}

/// Says why no connection could be had. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The relay answered no.
    #[error("the relay {relay} refused at {stage}: {reply}")]
    Refused {
        /// `host:port`.
        relay: String,
        /// At which step.
        stage: Stage,
        /// What it said.
        reply: Reply,
    },
    /// The network, the name, or the server's behaviour.
    #[error("the relay {relay} failed at {stage}: {why}")]
    Broken {
        /// `host:port`.
        relay: String,
        /// At which step.
        stage: Stage,
        /// What broke, for people.
        why: String,
    },
    /// Its certificate is not to be trusted.
    #[error("the certificate of the relay {relay} is not trusted: {why}")]
    Untrusted {
        /// `host:port`.
        relay: String,
        /// What is wrong with it, for people.
        why: String,
    },
    /// What would prove who we are cannot be had; the relay was not asked again.
    #[error("there is no token for the relay {relay}: {why}")]
    NoToken {
        /// `host:port`.
        relay: String,
        /// Why, for people.
        why: String,
    },
    /// What was asked cannot be done safely, such as a password over a connection without TLS.
    #[error("the relay {relay}: {why}")]
    Unsafe {
        /// `host:port`.
        relay: String,
        /// What is wrong.
        why: String,
    },
}

impl OpenError {
    /// Tells whether the relay does not know us, and will not know us later.
    pub fn refuses_us(&self) -> bool {
        matches!(self, Self::Refused { stage: Stage::Auth, reply, .. } if reply.is_permanent())
    }
}
