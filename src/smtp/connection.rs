//! One connection to a relay, and the messages handed over on it, one after another.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use super::{
    Capabilities, Deadlines, Envelope, Handover, OpenError, Relay,
    gate::{self, Framed},
    open,
    wire::{CutShort, Fault, Wire},
};
use crate::model::{Reply, Stage};

/// How long a relay may take to say goodbye; nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection that is open, greeted, encrypted and authenticated as its relay wants.
pub struct Connection {
    relay: String,
    deadlines: Deadlines,
    capabilities: Capabilities,
    /// `None` once it is closed, and while a message is on its way: a `deliver` that is dropped takes the wire with it.
    wire: Option<Wire>,
    messages: u64,
}

impl Connection {
    /// Connects to `relay` and says all that comes before a message. Nothing secret is sent before the relay's certificate is verified.
    ///
    /// # Errors
    ///
    /// An [`OpenError`] says at which step it ended; no message is concerned by it.
    pub async fn open(relay: &Relay) -> Result<Self, OpenError> {
        let (wire, capabilities) = open::open(relay).await?;
        Ok(Self {
            relay: relay.name(),
            deadlines: relay.deadlines,
            capabilities,
            wire: Some(wire),
            messages: 0,
        })
    }

    /// Hands one message over, and says what became of it (rules D4-D6).
    ///
    /// `message` is RFC 5322 bytes, CRLF between lines, dots not doubled; `abort_at` is when the
    /// caller's lease ends: the final dot does not leave after it. Dropping the future closes the
    /// connection, so that a late reply is never taken for another message's; what became of the
    /// message is then not known.
    pub async fn deliver(
        &mut self,
        envelope: &Envelope<'_>,
        message: &[u8],
        abort_at: Option<Instant>,
    ) -> Handover {
        let passed = gate::frame(message).and_then(|framed| {
            let commands = gate::envelope(envelope, message, &self.capabilities)?;
            Ok((framed, commands))
        });
        let (framed, [mail, rcpt]) = match passed {
            Ok(passed) => passed,
            Err(why) => return Handover::Unfit { why },
        };
        let Some(mut wire) = self.wire.take() else {
            let why = "the connection is closed".to_owned();
            return Handover::NotSent { stage: Stage::Mail, why };
        };
        let mut transaction = Transaction {
            wire: &mut wire,
            deadlines: &self.deadlines,
            together: self.capabilities.offers("PIPELINING"),
            framed: &framed,
            abort_at,
        };
        match transaction.run([&mail, &rcpt, "DATA\r\n"]).await {
            Ok(handover) => {
                self.wire = Some(wire);
                self.messages += 1;
                handover
            }
            Err(handover) => handover,
        }
    }

    /// Tells whether another message may be tried on it. Looks at no socket.
    pub fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// Tells whether the relay still waits for a message, and closes the connection where it has left or said something unasked. Asked before a delivery is begun, it saves that delivery an attempt.
    pub async fn is_alive(&mut self) -> bool {
        if let Some(wire) = &mut self.wire
            && wire.quiet().await.is_err()
        {
            self.wire = None;
        }
        self.is_open()
    }

    /// Returns what the relay offers.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Returns how many messages it has carried to a clear answer, yes or no; relays limit them.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Says goodbye and closes.
    pub async fn quit(self) {
        let Some(mut wire) = self.wire else { return };
        let within = self.deadlines.command.min(GOODBYE);
        if wire.send(b"QUIT\r\n", within).await.is_ok() {
            // Whatever it answers, we leave.
            let _ = wire.reply(within).await;
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("relay", &self.relay)
            .field("open", &self.is_open())
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// One message's conversation. `Ok` leaves the wire fit for another, `Err` does not.
struct Transaction<'a> {
    wire: &'a mut Wire,
    deadlines: &'a Deadlines,
    together: bool,
    framed: &'a Framed<'a>,
    abort_at: Option<Instant>,
}

/// What the relay made of the envelope.
enum Envelopes {
    /// It waits for the message.
    Invited,
    /// It said no, and waits for a command.
    Refused(Stage, Reply),
    /// It said no to the recipient, and waits for a message all the same.
    RefusedAndInvited(Stage, Reply),
}

impl Transaction<'_> {
    async fn run(&mut self, commands: [&str; 3]) -> Result<Handover, Handover> {
        match self.address(commands).await? {
            Envelopes::Invited => self.hand_over().await,
            Envelopes::Refused(stage, reply) => {
                let refused = Handover::Refused { stage, reply };
                self.expect_yes(b"RSET\r\n", self.deadlines.command, refused).await
            }
            Envelopes::RefusedAndInvited(stage, reply) => {
                // RFC 2920 section 3.1: a lone dot ends it, and whatever it answers, nobody gets anything.
                let refused = Handover::Refused { stage, reply };
                self.end_empty(refused).await
            }
        }
    }

    /// Sends the envelope: in one write where the relay takes commands together (RFC 2920), else one by one.
    async fn address(&mut self, commands: [&str; 3]) -> Result<Envelopes, Handover> {
        let command = self.deadlines.command;
        if self.together {
            self.say(Stage::Mail, &commands.concat()).await?;
        }
        let mut refusal: Option<(Stage, Reply)> = None;
        let steps =
            [(Stage::Mail, command), (Stage::Rcpt, command), (Stage::Data, self.deadlines.data)];
        for ((stage, within), line) in steps.into_iter().zip(commands) {
            if !self.together {
                self.say(stage, line).await?;
            }
            let heard = self.wire.reply(within).await;
            let (spoken, sound) = match heard {
                Ok(spoken) => (spoken, true),
                Err(Fault::TooLong(spoken)) if spoken.code >= 400 => (spoken, false),
                Err(fault) => return Err(give_up(refusal, stage, fault.to_string())),
            };
            let invited = stage == Stage::Data && spoken.code == 354;
            match spoken.code {
                _ if invited => {
                    return match refusal {
                        None => Ok(Envelopes::Invited),
                        Some((Stage::Rcpt, reply)) => {
                            Ok(Envelopes::RefusedAndInvited(Stage::Rcpt, reply))
                        }
                        // It may have a recipient, who would get an empty message.
                        Some((stage, reply)) => Err(Handover::Refused { stage, reply }),
                    };
                }
                200..=299 if stage != Stage::Data => {}
                400..=599 => {
                    let closing = spoken.code == 421 || !sound;
                    let (stage, reply) = refusal.get_or_insert((stage, spoken.reply())).clone();
                    if closing {
                        return Err(Handover::Refused { stage, reply });
                    }
                    if !self.together {
                        return Ok(Envelopes::Refused(stage, reply));
                    }
                }
                _ => {
                    let why = format!("the relay is out of step: it answered `{}`", spoken.reply());
                    return Err(give_up(refusal, stage, why));
                }
            }
        }
        let (stage, reply) = refusal.expect("DATA is either invited or refused");
        Ok(Envelopes::Refused(stage, reply))
    }

    /// Writes the message and awaits the answer (rule D4).
    async fn hand_over(&mut self) -> Result<Handover, Handover> {
        if let Err(fault) = self.wire.quiet().await {
            return Err(self.cut_short(CutShort { fault, dot_left: false }).await);
        }
        let data = self.deadlines.data;
        if let Err(cut) = self.wire.write_message(self.framed, data, self.abort_at).await {
            return Err(self.cut_short(cut).await);
        }
        match self.wire.reply(self.deadlines.dot).await {
            Ok(spoken) => settle(spoken.reply()),
            // Where the next reply starts is not known, but this one's first three digits are.
            Err(Fault::TooLong(spoken)) => Err(settle(spoken.reply()).unwrap_or_else(|end| end)),
            Err(fault) => Err(Handover::InDoubt { why: fault.to_string() }),
        }
    }

    /// Settles a message that was not written whole. A relay that stops reading often has said why.
    async fn cut_short(&mut self, CutShort { fault, dot_left }: CutShort) -> Handover {
        let within = match fault {
            Fault::Silent(_) | Fault::Aborted => Duration::ZERO,
            _ => self.deadlines.command,
        };
        let heard = self.wire.reply(within).await;
        if let Ok(spoken) | Err(Fault::TooLong(spoken)) = heard
            && spoken.code >= 400
        {
            return Handover::Refused { stage: Stage::Body, reply: spoken.reply() };
        }
        let why = fault.to_string();
        if dot_left {
            Handover::InDoubt { why }
        } else {
            Handover::NotSent { stage: Stage::Body, why }
        }
    }

    async fn end_empty(&mut self, refused: Handover) -> Result<Handover, Handover> {
        if self.wire.quiet().await.is_err()
            || self.wire.send(b".\r\n", self.deadlines.data).await.is_err()
        {
            return Err(refused);
        }
        match self.wire.reply(self.deadlines.dot).await {
            Ok(spoken) if spoken.code != 421 => Ok(refused),
            _ => Err(refused),
        }
    }

    /// Says `line`; the wire stays fit only when the relay agrees.
    async fn expect_yes(
        &mut self,
        line: &[u8],
        within: Duration,
        handover: Handover,
    ) -> Result<Handover, Handover> {
        if self.wire.quiet().await.is_err() || self.wire.send(line, within).await.is_err() {
            return Err(handover);
        }
        match self.wire.reply(within).await {
            Ok(spoken) if (200..300).contains(&spoken.code) => Ok(handover),
            _ => Err(handover),
        }
    }

    async fn say(&mut self, stage: Stage, line: &str) -> Result<(), Handover> {
        let not_sent = |fault: Fault| Handover::NotSent { stage, why: fault.to_string() };
        self.wire.quiet().await.map_err(not_sent)?;
        self.wire.send(line.as_bytes(), self.deadlines.command).await.map_err(not_sent)
    }
}

/// A refusal already heard says more than what broke after it.
fn give_up(refusal: Option<(Stage, Reply)>, stage: Stage, why: String) -> Handover {
    match refusal {
        Some((stage, reply)) => Handover::Refused { stage, reply },
        None => Handover::NotSent { stage, why },
    }
}

/// Judges the reply to the dot by its first digit.
fn settle(reply: Reply) -> Result<Handover, Handover> {
    match reply.code {
        200..=299 => Ok(Handover::Accepted(reply)),
        421 => Err(Handover::Refused { stage: Stage::Dot, reply }),
        400..=599 => Ok(Handover::Refused { stage: Stage::Dot, reply }),
        _ => Err(Handover::InDoubt { why: format!("the relay answered `{reply}`") }),
    }
}
