//! What one carrier takes along: deliveries begun a little ahead, whose copies are printed when they are taken out, or before where that takes long.
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
    printer::{Print, Printer, Ready},
};
use crate::{
    ledger::{Claim, Entered, Ticket},
    model::{DeliveryState, Outcome},
    smtp::Parcel,
};

/// How long after its begin a message may still leave. Who unsubscribes after the begin is told the mail was on its way; that has to be true.
const FRESH: Duration = Duration::from_secs(2);

/// A delivery that is begun.
struct Begun {
    claim: Claim,
    at: (Instant, SystemTime),
    lease_ends: Instant,
    out: Out,
    /// Its copy, where it was printed ahead.
    print: Option<Print>,
}

impl Begun {
    /// Gives it back, nothing of it having left.
    async fn give_back(self, clerk: &Clerk) {
        clerk.release(self.claim.ticket).await;
        self.out.give_back();
    }
}

/// A delivery that is begun, and its bytes.
pub(super) struct Copy {
    begun: Begun,
    ready: Ready,
}

impl Copy {
    pub(super) fn ticket(&self) -> Ticket {
        self.begun.claim.ticket
    }

    /// Returns the domain of the reader's mailbox.
    pub(super) fn domain(&self) -> &str {
        self.begun.claim.reader.address.domain()
    }

    /// Returns when its claim's lease ends (rule D6).
    pub(super) fn lease_ends(&self) -> Instant {
        self.begun.lease_ends
    }

    /// Tells whether it was begun so long ago that it must be begun anew. A machine that slept meanwhile knows by its wall clock alone.
    pub(super) fn is_stale(&self) -> bool {
        let (awake, by_the_wall) = self.begun.at;
        awake.elapsed() > FRESH || by_the_wall.elapsed().is_ok_and(|passed| passed > FRESH)
    }

    /// Tells whether it was begun before an instant.
    pub(super) fn was_begun_before(&self, when: Instant) -> bool {
        self.begun.at.0 < when
    }

    /// Gives it back, nothing of it having left.
    pub(super) async fn give_back(self, clerk: &Clerk) {
        self.begun.give_back(clerk).await;
    }

    pub(super) fn parcel(&self) -> Parcel<'_> {
        self.ready.parcel(&self.begun.claim.reader.address)
    }
}

/// Says that a reader's copy cannot be made or sent.
pub(super) fn unfit(why: &str) -> Outcome {
    Outcome::Rejected { said: format!("copy not possible: {why}"), hard: false }
}

/// A carrier's satchel.
pub(super) struct Satchel {
    purse: Purse,
    coming: JoinSet<Option<Begun>>,
}

/// What it takes to fetch a delivery and print its copy.
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
                Some(begun) => Some(begun),
                None => purse.fetch().await,
            }
        });
    }

    /// Has up to `count` deliveries on their way.
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
            let Ok(Some(begun)) = came else { continue };
            if let Some(copy) = self.purse.print(begun).await {
                return Some(copy);
            }
            self.fill(1);
        }
        None
    }

    /// Takes the copy of a delivery that is there already.
    pub(super) async fn try_take(&mut self) -> Option<Copy> {
        while let Some(came) = self.coming.try_join_next() {
            if let Ok(Some(begun)) = came
                && let Some(copy) = self.purse.print(begun).await
            {
                return Some(copy);
            }
        }
        None
    }

    /// Gives back whatever is in it or on its way.
    pub(super) async fn empty(&mut self) {
        while let Some(came) = self.coming.join_next().await {
            if let Ok(Some(begun)) = came {
                begun.give_back(&self.purse.clerk).await;
            }
        }
    }
}

impl Purse {
    /// Finds a delivery that begins.
    async fn fetch(&self) -> Option<Begun> {
        loop {
            let handed = self.counter.ask().await?;
            if let Some(begun) = self.begin(handed).await {
                return Some(begun);
            }
        }
    }

    /// Begins a delivery; `None` where it may not begin.
    async fn begin(&self, Handed { claim, lease_ends, out }: Handed) -> Option<Begun> {
        // Before it is asked for: whoever is called back while the ledger writes is called back too.
        let at = (Instant::now(), SystemTime::now());
        match self.clerk.begin(claim.ticket).await {
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
        let (claim, print) = self.printer.print_ahead(claim).await;
        Some(Begun { claim, at, lease_ends, out, print })
    }

    /// Prints its copy; `None` where it cannot be printed, which is then recorded.
    async fn print(&self, mut begun: Begun) -> Option<Copy> {
        let print = begun.print.take().unwrap_or_else(|| self.printer.print(&begun.claim));
        match print {
            Ok(ready) => Some(Copy { begun, ready }),
            Err(why) => {
                let outcome = unfit(&why.to_string());
                let _ = self.progress.send(super::settled(&outcome));
                self.clerk.record(begun.claim.ticket, outcome).await;
                begun.out.spare();
                None
            }
        }
    }
}
