//! One connection to a relay, and the messages handed over on it, one after another.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use super::{
    Capabilities, Envelope, Handover, OpenError, Parcel, Relay, Visit,
    gate::{self, Framed, Framing, Inspected, Objection},
    open,
    wire::{CutShort, Fault, Wire},
};
use crate::model::{Deadlines, Reply, Stage};

/// How long a relay may take to say goodbye; nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(2);

const DATA: &str = "DATA\r\n";

/// A connection that is open, greeted, encrypted and authenticated as its relay wants.
pub struct Connection {
    relay: String,
    deadlines: Deadlines,
    capabilities: Capabilities,
    /// `None` once it is closed, and while a message is on its way: a `deliver` that is dropped takes the wire with it.
    wire: Option<Wire>,
    /// The envelope that left behind the last message, whose replies are still to come.
    ahead: Option<String>,
    /// Whether the relay has shown that its answers tell which command they answer.
    tells_apart: bool,
    /// Whether messages may go by BDAT where the relay can take them so.
    may_chunk: bool,
    messages: u64,
}

impl Connection {
    /// Connects to `relay` and says all that comes before a message. Nothing secret is sent before the relay's certificate is verified.
    ///
    /// # Errors
    ///
    /// An [`OpenError`] says at which step it ended; no message is concerned by it.
    pub async fn open(relay: &Relay) -> Result<Self, OpenError> {
        Self::open_seeing(relay, &mut Visit::default()).await
    }

    /// Opens as `open` does, and puts down in `visit` what is seen on the way.
    pub(super) async fn open_seeing(relay: &Relay, visit: &mut Visit) -> Result<Self, OpenError> {
        let (wire, capabilities) = open::open(relay, visit).await?;
        Ok(Self {
            relay: relay.name(),
            deadlines: relay.deadlines,
            capabilities,
            wire: Some(wire),
            ahead: None,
            tells_apart: false,
            may_chunk: false,
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
        let message = &Inspected::new(message);
        self.hand_over(Parcel { envelope: *envelope, message }, None, abort_at, || Ok(())).await
    }

    /// Hands one message over as `deliver` does. `leaving` is asked once, right before a byte of
    /// the message leaves; where it says no, and why, none does, and the connection is closed.
    ///
    /// To a relay that takes commands together, the envelope of `next` leaves in one write with the
    /// end of this message (RFC 2920 section 3.1), which saves a round trip; then only `next` may be
    /// handed over next, or nothing. Where a message goes by its length (`is_chunking`) its own
    /// envelope leaves in one write with it, and none is announced.
    pub async fn hand_over(
        &mut self,
        parcel: Parcel<'_>,
        next: Option<Parcel<'_>>,
        abort_at: Option<Instant>,
        leaving: impl FnOnce() -> Result<(), String> + Send,
    ) -> Handover {
        let framing = if self.is_chunking() { Framing::Length } else { Framing::Dot };
        let passed = gate::frame(parcel.message, framing)
            .map_err(Objection::Unfit)
            .and_then(|framed| Ok((self.commands(&parcel, framing, &framed)?, framed)));
        let (commands, framed) = match passed {
            Ok(passed) => passed,
            Err(objection) => {
                // Nothing else may follow an envelope that is out.
                self.wire = self.wire.take().filter(|_| self.ahead.is_none());
                return objection.into();
            }
        };
        let not_sent = |why: &str| Handover::NotSent { stage: Stage::Mail, why: why.to_owned() };
        let Some(mut wire) = self.wire.take() else {
            return not_sent("the connection is closed");
        };
        let ahead = self.ahead.take();
        if ahead.as_ref().is_some_and(|ahead| *ahead != commands.concat()) {
            return not_sent("the connection waits for another message");
        }
        let together = self.capabilities.offers("PIPELINING");
        // One that may not go is not announced; it is refused in its own turn.
        let behind = next
            .filter(|_| together && !self.can_chunk())
            .and_then(|next| self.envelope(&next).ok())
            .map(|[mail, rcpt]| [&mail, &rcpt, DATA].concat());
        let mut transaction = Transaction {
            wire: &mut wire,
            deadlines: &self.deadlines,
            lead: match (together, ahead.is_some()) {
                (_, true) => Lead::Announced,
                (true, false) => Lead::Together,
                (false, false) => Lead::OneByOne,
            },
            framed: &framed,
            behind: behind.as_deref().unwrap_or_default(),
            abort_at,
            has_left: false,
            tells_apart: true,
        };
        let handover = match framing {
            Framing::Dot => transaction.run(&commands, leaving).await,
            Framing::Length => transaction.run_at_once(&commands, leaving).await,
        };
        let (has_left, tells_apart) = (transaction.has_left, transaction.tells_apart);
        match handover {
            Ok(handover) => {
                self.wire = Some(wire);
                self.ahead = behind.filter(|_| has_left);
                if let Handover::Accepted(reply) = &handover {
                    self.tells_apart = tells_apart && is_of_message(reply);
                }
                self.messages += 1;
                handover
            }
            Err(handover) => handover,
        }
    }

    /// Tells whether the envelope of the next message has left already.
    pub fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// Tells whether the next message goes by its length, in one write with its envelope (RFC 3030).
    ///
    /// All answers come behind the message then, and no 354 among them shows that we and the relay
    /// count alike. So it is done only with a relay whose answers to a first message, sent after
    /// DATA, told by their enhanced codes (RFC 3463) which command they answered.
    pub fn is_chunking(&self) -> bool {
        self.can_chunk() && self.ahead.is_none()
    }

    fn can_chunk(&self) -> bool {
        let offers = |keyword| self.capabilities.offers(keyword);
        self.may_chunk
            && self.tells_apart
            && ["CHUNKING", "PIPELINING", "ENHANCEDSTATUSCODES"].into_iter().all(offers)
    }

    /// Says whether messages may go by their length from now on; at first none may.
    ///
    /// It saves what a relay and we do to find a message's end, and costs this: the message has left
    /// whole before the relay said a word, so one that breaks off at its envelope leaves it in doubt.
    pub fn allow_chunking(&mut self, may: bool) {
        self.may_chunk = may;
    }

    fn envelope(&self, parcel: &Parcel<'_>) -> Result<[String; 2], Objection> {
        gate::envelope(&parcel.envelope, parcel.message, &self.capabilities)
    }

    fn commands(
        &self,
        parcel: &Parcel<'_>,
        framing: Framing,
        framed: &Framed<'_>,
    ) -> Result<[String; 3], Objection> {
        let [mail, rcpt] = self.envelope(parcel)?;
        let last = match framing {
            Framing::Dot => DATA.to_owned(),
            Framing::Length => format!("BDAT {} LAST\r\n", framed.length()),
        };
        Ok([mail, rcpt, last])
    }

    /// Tells whether another message may be tried on it. Looks at no socket.
    pub fn is_open(&self) -> bool {
        self.wire.is_some()
    }

    /// Tells whether the relay still waits for a message, and closes the connection where it has left or said something unasked. Asked before a delivery is begun, it saves that delivery an attempt.
    pub async fn is_alive(&mut self) -> bool {
        if let Some(wire) = &mut self.wire
            && self.ahead.is_none()
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
        // Behind an envelope that is out, a QUIT would be the message.
        let Some(mut wire) = self.wire.filter(|_| self.ahead.is_none()) else { return };
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
    lead: Lead,
    framed: &'a Framed<'a>,
    /// What leaves with the end of the message: the envelope of the next.
    behind: &'a str,
    abort_at: Option<Instant>,
    /// Whether the message, and with it what is behind it, has left whole.
    has_left: bool,
    /// Whether each yes to the envelope told by its code that it was one.
    tells_apart: bool,
}

/// How the commands before a message that goes after DATA leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Each when the one before is answered.
    OneByOne,
    /// In one write (RFC 2920).
    Together,
    /// They have left already, behind the message before.
    Announced,
}

/// What the relay answered to one command of the envelope.
enum Answer {
    Yes,
    /// 354 to DATA.
    Invited,
    No(Handover),
    /// The wire is of no more use.
    Last(Handover),
}

impl Transaction<'_> {
    /// Sends the envelope, in one write where the relay takes commands together (RFC 2920) and else one by one, and then the message.
    async fn run(
        &mut self,
        commands: &[String; 3],
        leaving: impl FnOnce() -> Result<(), String>,
    ) -> Result<Handover, Handover> {
        if self.lead == Lead::Together {
            self.say(Stage::Mail, &commands.concat()).await?;
        }
        let mut refusal = None;
        for (stage, line) in [Stage::Mail, Stage::Rcpt, Stage::Data].into_iter().zip(commands) {
            if self.lead == Lead::OneByOne {
                self.say(stage, line).await?;
            }
            match self.answer(stage).await {
                Answer::Yes => {}
                Answer::Invited => {
                    return match refusal {
                        None => self.hand_over(leaving).await,
                        Some(refused) => self.decline(refused).await,
                    };
                }
                Answer::No(refused) => {
                    refusal.get_or_insert(refused);
                    if self.lead == Lead::OneByOne {
                        break;
                    }
                }
                // A refusal already heard says more than what came after it.
                Answer::Last(end) => return Err(refusal.unwrap_or(end)),
            }
        }
        let refused = refusal.expect("without a refusal DATA was answered by an invitation");
        self.leave_with(refused, b"RSET\r\n", self.deadlines.command, |code| code < 300).await
    }

    async fn answer(&mut self, stage: Stage) -> Answer {
        let Deadlines { command, data, .. } = *self.deadlines;
        let within = if stage == Stage::Data { data } else { command };
        let (spoken, sound) = match self.wire.reply(within).await {
            Ok(spoken) => (spoken, true),
            Err(Fault::TooLong(spoken)) if spoken.code >= 400 => (spoken, false),
            Err(fault) => {
                return Answer::Last(Handover::NotSent { stage, why: fault.to_string() });
            }
        };
        let reply = spoken.reply();
        match (reply.code, stage) {
            (354, Stage::Data) => Answer::Invited,
            (200..=299, Stage::Mail | Stage::Rcpt) => {
                self.tells_apart &= is_of_address(&reply);
                Answer::Yes
            }
            (400..=599, _) if sound && reply.code != 421 => {
                Answer::No(Handover::Refused { stage, reply })
            }
            (400..=599, _) => Answer::Last(Handover::Refused { stage, reply }),
            _ => {
                let why = format!("the relay is out of step: it answered `{reply}`");
                Answer::Last(Handover::NotSent { stage, why })
            }
        }
    }

    /// Sends nothing to a relay that refused and asks for the message all the same (RFC 2920 section 3.1).
    async fn decline(&mut self, refused: Handover) -> Result<Handover, Handover> {
        // Where the recipient was not refused, a lone dot might bring them an empty message.
        if !matches!(refused, Handover::Refused { stage: Stage::Rcpt, .. }) {
            return Err(refused);
        }
        self.leave_with(refused, b".\r\n", self.deadlines.dot, |code| code != 421).await
    }

    /// Ends a refused transaction with `line`; where the answer's code is not `fit`, the wire is not either.
    async fn leave_with(
        &mut self,
        refused: Handover,
        line: &[u8],
        within: Duration,
        fit: impl Fn(u16) -> bool,
    ) -> Result<Handover, Handover> {
        if self.wire.quiet().await.is_err()
            || self.wire.send(line, self.deadlines.command).await.is_err()
        {
            return Err(refused);
        }
        match self.wire.reply(within).await {
            Ok(spoken) if fit(spoken.code) => Ok(refused),
            _ => Err(refused),
        }
    }

    /// Writes the message and awaits the answer (rule D4).
    async fn hand_over(
        &mut self,
        leaving: impl FnOnce() -> Result<(), String>,
    ) -> Result<Handover, Handover> {
        if let Err(fault) = self.wire.quiet().await {
            let cut = CutShort { fault, dot_left: false };
            return Err(self.cut_short(cut, &[Stage::Body]).await);
        }
        leaving().map_err(|why| Handover::NotSent { stage: Stage::Body, why })?;
        let (pace, abort_at) = (self.deadlines.data, self.abort_at);
        let written = self.wire.write_message("", self.framed, self.behind, pace, abort_at).await;
        if let Err(cut) = written {
            return Err(self.cut_short(cut, &[Stage::Body]).await);
        }
        self.has_left = true;
        match self.wire.reply(self.deadlines.dot).await {
            Ok(spoken) => settle(spoken.reply()),
            // Where the next reply starts is not known, but this one's first three digits are.
            Err(Fault::TooLong(spoken)) => Err(settle(spoken.reply()).unwrap_or_else(|end| end)),
            Err(fault) => Err(Handover::InDoubt { why: fault.to_string() }),
        }
    }

    /// Sends envelope and message in one write (RFC 3030 section 4.2), and then hears what the relay says to each command.
    async fn run_at_once(
        &mut self,
        commands: &[String; 3],
        leaving: impl FnOnce() -> Result<(), String>,
    ) -> Result<Handover, Handover> {
        let not_sent = |stage, why: String| Handover::NotSent { stage, why };
        let quiet = self.wire.quiet().await;
        quiet.map_err(|fault| not_sent(Stage::Mail, fault.to_string()))?;
        leaving().map_err(|why| not_sent(Stage::Body, why))?;
        let Deadlines { command, data, dot, .. } = *self.deadlines;
        let commands = commands.concat();
        let written =
            self.wire.write_message(&commands, self.framed, "", data, self.abort_at).await;
        if let Err(cut) = written {
            return Err(self.cut_short(cut, &[Stage::Mail, Stage::Rcpt, Stage::Body]).await);
        }
        self.has_left = true;
        let mut refusal = None;
        for stage in [Stage::Mail, Stage::Rcpt] {
            let reply = match self.wire.reply(command).await {
                Ok(spoken) => spoken.reply(),
                Err(fault) => return Err(after(refusal, &fault)),
            };
            match reply.code {
                // A 421 nobody asked for (RFC 5321 section 3.8) is one answer too many like any other: the next will show.
                400..=599 => {
                    refusal.get_or_insert(Handover::Refused { stage, reply });
                }
                200..=299 if is_of_address(&reply) => {}
                _ => return Err(refusal.unwrap_or_else(|| out_of_step(&reply))),
            }
        }
        let reply = match (self.wire.reply(dot).await, &refusal) {
            (Ok(spoken), _) => spoken.reply(),
            (Err(Fault::TooLong(spoken)), None) => {
                return Err(settle(spoken.reply()).unwrap_or_else(|end| end));
            }
            (Err(fault), _) => return Err(after(refusal, &fault)),
        };
        match (reply.code, refusal) {
            // What was refused before is refused with its message, whose bytes were thrown away.
            (400..=599, Some(refused)) => {
                self.leave_with(refused, b"RSET\r\n", command, |code| code < 300).await
            }
            (200..=299, None) if is_of_message(&reply) => settle(reply),
            (400..=599, None) => Err(self.confirm(settle(reply)).await),
            _ => Err(out_of_step(&reply)),
        }
    }

    /// Makes sure that a no was the answer to the message and not one too many: whatever the relay still has to say comes before its goodbye, and without one nobody knows.
    async fn confirm(&mut self, refused: Result<Handover, Handover>) -> Handover {
        let refused = refused.unwrap_or_else(|end| end);
        let within = self.deadlines.command;
        // Where the goodbye cannot be said any more, what was said before it can still be read.
        let _ = self.wire.send(b"QUIT\r\n", within).await;
        match self.wire.reply(within).await {
            Ok(spoken) if spoken.code == 221 => refused,
            Ok(spoken) => out_of_step(&spoken.reply()),
            Err(fault) => doubt(fault.to_string()),
        }
    }

    /// Settles a message that was not written whole, to which, and to what left before it, answers may wait. A relay that stops reading often has said why.
    async fn cut_short(&mut self, cut: CutShort, stages: &[Stage]) -> Handover {
        let CutShort { fault, dot_left } = cut;
        let within = match fault {
            Fault::Silent(_) | Fault::Aborted | Fault::Garbage(_) => Duration::ZERO,
            _ => self.deadlines.command,
        };
        for &stage in stages {
            let (Ok(spoken) | Err(Fault::TooLong(spoken))) = self.wire.reply(within).await else {
                break;
            };
            if spoken.code >= 400 {
                return Handover::Refused { stage, reply: spoken.reply() };
            }
        }
        let why = fault.to_string();
        if dot_left { doubt(why) } else { Handover::NotSent { stage: Stage::Body, why } }
    }

    async fn say(&mut self, stage: Stage, line: &str) -> Result<(), Handover> {
        let not_sent = |fault: Fault| Handover::NotSent { stage, why: fault.to_string() };
        self.wire.quiet().await.map_err(not_sent)?;
        self.wire.send(line.as_bytes(), self.deadlines.command).await.map_err(not_sent)
    }
}

fn doubt(why: String) -> Handover {
    Handover::InDoubt { why }
}

/// Says what becomes of a message that left with its envelope when the relay says no more: a no before it stands where the relay closed in order, so that none of its words was lost.
fn after(refusal: Option<Handover>, fault: &Fault) -> Handover {
    let refusal = refusal.filter(|_| matches!(fault, Fault::Closed));
    refusal.unwrap_or_else(|| doubt(fault.to_string()))
}

fn out_of_step(reply: &Reply) -> Handover {
    doubt(format!("the relay is out of step: it answered `{reply}`"))
}

/// Tells whether a yes says that it is to an address: `2.1.x` (RFC 3463 section 3.2).
fn is_of_address(reply: &Reply) -> bool {
    matches!(reply.enhanced, Some((2, 1, _)))
}

/// Tells whether a yes says that it is to something else than an address.
fn is_of_message(reply: &Reply) -> bool {
    matches!(reply.enhanced, Some((2, subject, _)) if subject != 1)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{
        model::Address,
        smtp::{counted::Counted, reply::ReplyReader},
    };

    /// Hands over four messages of 40 kB, each with the next one's envelope where one is announced, and returns how many writes each took.
    async fn writes(offers: &str, chunking: bool) -> [usize; 4] {
        let (counted, writes) = Counted::open().await;
        let hello = format!("250-relay.example\r\n{offers}250 SIZE\r\n");
        let (_, spoken) = ReplyReader::default().feed(hello.as_bytes());
        let mut connection = Connection {
            relay: "a relay".to_owned(),
            deadlines: Deadlines::default(),
            capabilities: Capabilities::of(&spoken.expect("it is whole").expect("it is a reply")),
            wire: Some(Wire::counted(counted)),
            ahead: None,
            tells_apart: false,
            may_chunk: chunking,
            messages: 0,
        };
        let to: Address = "reader@example.com".parse().expect("it is an address");
        let message = Inspected::new([b"x".repeat(78), b"\r\n".to_vec()].concat().repeat(500));
        let parcel = Parcel {
            envelope: Envelope { from: "a@b.example", to: &to, id: None },
            message: &message,
        };
        let mut counts = [0; 4];
        for (at, count) in counts.iter_mut().enumerate() {
            let before = writes.load(Ordering::SeqCst);
            let next = (at < 3).then_some(parcel);
            let handover = connection.hand_over(parcel, next, None, || Ok(())).await;
            assert!(matches!(handover, Handover::Accepted(_)), "{handover:?}");
            *count = writes.load(Ordering::SeqCst) - before;
        }
        counts
    }

    #[tokio::test]
    async fn a_message_leaves_in_one_write() {
        let together = "250-PIPELINING\r\n";
        let chunked = "250-PIPELINING\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n";
        // The first has its envelope before it; from then on that leaves with the message before.
        assert_eq!(writes(together, true).await, [2, 1, 1, 1]);
        assert_eq!(writes(chunked, false).await, [2, 1, 1, 1]);
        // Once the relay has shown that its answers tell themselves apart, an envelope leaves with its own message.
        assert_eq!(writes(chunked, true).await, [2, 1, 1, 1]);
        // MAIL, RCPT, DATA and the message, where nothing may leave together.
        assert_eq!(writes("", true).await, [4, 4, 4, 4]);
    }
}
