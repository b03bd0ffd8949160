//! What one carrier takes along: deliveries begun a little ahead, each with its copy printed.
//!
//! To begin a delivery is a durable write, and a carrier that waited for each
//! would spend most of its time so. It begins a few ahead instead, and what it
//! does not come to is given back.

use std::time::{Duration, Instant, SystemTime};

use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Progress,
    clerk::Clerk,
    desk::{Counter, Handed, Out},
    printer::Printer,
};
use crate::{
    compose::Printed,
    ledger::{Claim, Entered, Ticket},
    model::{DeliveryState, Outcome},
    smtp::{Envelope, Parcel},
};

/// How long after its begin a message may still leave. Who unsubscribes after the begin is told the mail was on its way; that has to be true.
const FRESH: Duration = Duration::from_secs(2);

/// A delivery that is begun, and its bytes.
pub(super) struct Copy {
    claim: Claim,
    printed: Printed,
    begun_at: (Instant, SystemTime),
    /// When its claim's lease ends (rule D6).
    pub(super) lease_ends: Instant,
    out: Out,
}

impl Copy {
    pub(super) fn ticket(&self) -> Ticket {
        self.claim.ticket
    }

    /// Returns the domain of the reader's mailbox.
    pub(super) fn domain(&self) -> &str {
        self.claim.reader.address.domain()
    }

    /// Tells whether it was begun so long ago that it must be begun anew. A machine that slept meanwhile knows by its wall clock alone.
    pub(super) fn is_stale(&self) -> bool {
        let (awake, by_the_wall) = self.begun_at;
        awake.elapsed() > FRESH || by_the_wall.elapsed().is_ok_and(|passed| passed > FRESH)
    }

    /// Tells whether it was begun before an instant.
    pub(super) fn was_begun_before(&self, when: Instant) -> bool {
        self.begun_at.0 < when
    }

    /// Gives it back, nothing of it having left.
    pub(super) async fn give_back(self, clerk: &Clerk) {
        clerk.release(self.ticket()).await;
        self.out.give_back();
    }

    pub(super) fn parcel(&self) -> Parcel<'_> {
        let Printed { return_path, envelope_id, .. } = &self.printed;
        let envelope =
            Envelope { from: return_path, to: &self.claim.reader.address, id: Some(envelope_id) };
        Parcel { envelope, message: &self.printed.bytes }
    }
}

/// Says that a reader's copy cannot be made or sent.
pub(super) fn unfit(why: &str) -> Outcome {
    Outcome::Rejected { said: format!("copy not possible: {why}"), hard: false }
}

/// A carrier's satchel.
pub(super) struct Satchel {
    purse: Purse,
    coming: JoinSet<Option<Copy>>,
}

/// What it takes to fetch a copy.
#[derive(Clone)]
struct Purse {
    counter: Counter,
    clerk: Clerk,
    printer: Printer,
    progress: mpsc::UnboundedSender<Progress>,
}

impl Satchel {
    pub(super) fn new(
        counter: Counter,
        clerk: Clerk,
        printer: Printer,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> Self {
        Self { purse: Purse { counter, clerk, printer, progress }, coming: JoinSet::new() }
    }

    /// Tells whether nothing is in it or on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.coming.is_empty()
    }

    /// Asks for a delivery without beginning it; `None` where there is none any more.
    pub(super) async fn ask(&self) -> Option<Handed> {
        self.purse.counter.ask().await
    }

    /// Begins a delivery that was asked for; `take` hands it out.
    pub(super) fn begin(&mut self, handed: Handed) {
        let purse = self.purse.clone();
        self.coming.spawn(async move {
            match purse.begin(handed).await {
                Some(copy) => Some(copy),
                None => purse.fetch().await,
            }
        });
    }

    /// Has up to `count` copies on their way.
    pub(super) fn fill(&mut self, count: usize) {
        for _ in self.coming.len()..count {
            let purse = self.purse.clone();
            self.coming.spawn(async move { purse.fetch().await });
        }
    }

    /// Waits for the next copy; `None` where there is none any more.
    pub(super) async fn take(&mut self) -> Option<Copy> {
        self.fill(1);
        while let Some(came) = self.coming.join_next().await {
            if let Ok(Some(copy)) = came {
                return Some(copy);
            }
        }
        None
    }

    /// Takes a copy that is there already.
    pub(super) fn try_take(&mut self) -> Option<Copy> {
        while let Some(came) = self.coming.try_join_next() {
            if let Ok(Some(copy)) = came {
                return Some(copy);
            }
        }
        None
    }

    /// Gives back whatever is in it or on its way.
    pub(super) async fn empty(&mut self) {
        while let Some(came) = self.coming.join_next().await {
            if let Ok(Some(copy)) = came {
                copy.give_back(&self.purse.clerk).await;
            }
        }
    }
}

impl Purse {
    /// Finds a delivery that begins.
    async fn fetch(&self) -> Option<Copy> {
        loop {
            let handed = self.counter.ask().await?;
            if let Some(copy) = self.begin(handed).await {
                return Some(copy);
            }
        }
    }

    /// Begins a delivery and prints its copy; `None` where it may not begin, or cannot be printed, which is then recorded.
    async fn begin(&self, Handed { claim, lease_ends, out }: Handed) -> Option<Copy> {
        let ticket = claim.ticket;
        // Before it is asked for: whoever is called back while the ledger writes is called back too.
        let begun_at = (Instant::now(), SystemTime::now());
        match self.clerk.begin(ticket).await {
            Entered::Done => {}
            Entered::Suppressed => {
                let _ = self.progress.send(Progress::Settled(DeliveryState::Suppressed));
                out.spare();
                return None;
            }
            Entered::Refused => {
                out.spare();
                return None;
            }
        }
        let (claim, printed) = self.printer.print(claim).await;
        match printed {
            Ok(printed) => Some(Copy { claim, printed, begun_at, lease_ends, out }),
            Err(why) => {
                let outcome = unfit(&why.to_string());
                let _ = self.progress.send(super::settled(&outcome));
                self.clerk.record(ticket, outcome).await;
                out.spare();
                None
            }
        }
    }
}
