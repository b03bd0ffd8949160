//! What all carriers take from: deliveries begun a little ahead, whose copies are printed when they are taken out, or before where that takes long.
//!
//! To begin a delivery is a durable write, and a carrier that waited for each
//! would spend most of its time so. Each carrier says how many are to be begun
//! ahead of it, and when half of all those are gone the next are begun in one
//! write. What nobody comes to is given back.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

use super::{
    Progress,
    clerk::Clerk,
    desk,
    hatch::{Handed, Hatch, Out},
    printer::{Print, Printer, Ready},
    recall::{Recall, Unsent},
    throttle,
};
use crate::{
    ledger::{Claim, Entered, Ticket},
    model::{DeliveryState, Outcome},
    smtp::Parcel,
};

/// How long after its begin a message may still leave. Who unsubscribes after the begin is told the mail was on its way; that has to be true.
const FRESH: Duration = Duration::from_secs(2);

// What the rates count on; the rest is for threads and the network.
const _: () = assert!(FRESH.as_millis() + desk::STALE.as_millis() < throttle::LATE.as_millis());

/// The most that are begun in one write.
const AT_ONCE: usize = 256;

/// A delivery that is begun.
struct Begun {
    claim: Arc<Claim>,
    at: (Instant, SystemTime),
    lease_ends: Instant,
    out: Out,
    unsent: Unsent,
    /// Its copy, where it was printed ahead.
    print: Option<Print>,
}

/// Prints copies where that takes so long that it is done ahead.
async fn print_ahead(begun: &mut [Begun], printer: &Printer) {
    if printer.is_ahead() {
        let claims = begun.iter().map(|begun| Arc::clone(&begun.claim)).collect();
        for (begun, print) in begun.iter_mut().zip(printer.print_ahead(claims).await) {
            begun.print = Some(print);
        }
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

    /// Says that it leaves now.
    pub(super) fn leaves(&self) {
        self.begun.unsent.leaves();
    }

    /// Gives it back, nothing of it having left.
    pub(super) async fn give_back(self, clerk: &Clerk) {
        give_back(clerk, vec![self.begun]).await;
    }

    pub(super) fn parcel(&self) -> Parcel<'_> {
        self.ready.parcel(&self.begun.claim.reader.address)
    }
}

/// Says that a reader's copy cannot be made or sent.
pub(super) fn unfit(why: &str) -> Outcome {
    Outcome::Rejected { said: format!("copy not possible: {why}"), hard: false }
}

/// Gives deliveries back of which nothing has left.
async fn give_back(clerk: &Clerk, begun: Vec<Begun>) {
    clerk.release(begun.iter().map(|begun| begun.claim.ticket)).await;
    for begun in begun {
        begun.out.give_back();
    }
}

/// A carrier's hand on the pouch that all share.
pub(super) struct Pouch {
    purse: Purse,
    /// How many are to be begun ahead of this carrier.
    ahead: usize,
}

/// What it takes to fetch deliveries and print their copies.
#[derive(Clone)]
struct Purse {
    hatch: Hatch,
    clerk: Clerk,
    printer: Printer,
    recall: Arc<Recall>,
    progress: mpsc::UnboundedSender<Progress>,
    shelf: Arc<Shelf>,
}

/// What is in the pouch.
#[derive(Default)]
struct Shelf {
    stock: Mutex<Stock>,
    /// Told when something came, or when nothing comes any more.
    came: Notify,
    /// Told when something is to be fetched, or when nobody takes any more.
    lacks: Notify,
}

#[derive(Default)]
struct Stock {
    begun: VecDeque<Begun>,
    /// How many were asked for that have not come.
    asked: usize,
    /// How many are to be begun ahead of all carriers together.
    ahead: usize,
    /// How many carriers wait for one.
    waiting: usize,
    /// Whether nothing comes any more.
    is_over: bool,
}

impl Stock {
    /// Returns how many are to be fetched now: none before half of them are gone.
    fn lacking(&self) -> usize {
        let wanted = self.ahead + self.waiting;
        let lacking = wanted.saturating_sub(self.begun.len() + self.asked);
        if lacking < wanted.div_ceil(2) { 0 } else { lacking.min(AT_ONCE) }
    }
}

impl Shelf {
    /// Changes the stock, and has it filled up where it lacks something then.
    fn change<T>(&self, change: impl FnOnce(&mut Stock) -> T) -> T {
        // Whoever panicked while holding it had changed it whole.
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut stock);
        if stock.lacking() > 0 {
            self.lacks.notify_one();
        }
        changed
    }

    /// Says that nothing comes any more.
    fn end(&self) {
        self.change(|stock| stock.is_over = true);
        self.came.notify_waiters();
        self.lacks.notify_one();
    }
}

impl Clone for Pouch {
    fn clone(&self) -> Self {
        Self { purse: self.purse.clone(), ahead: 0 }
    }
}

impl Drop for Pouch {
    fn drop(&mut self) {
        self.fill(0);
    }
}

impl Pouch {
    /// Opens an empty one, and the task that fills it until there are no deliveries any more, or until whoever holds that task is gone.
    pub(super) fn open(
        hatch: Hatch,
        clerk: Clerk,
        printer: Printer,
        recall: Arc<Recall>,
        progress: mpsc::UnboundedSender<Progress>,
    ) -> (Self, JoinSet<()>) {
        let purse = Purse { hatch, clerk, printer, recall, progress, shelf: Arc::default() };
        let mut filling = JoinSet::new();
        filling.spawn(purse.clone().fill());
        (Self { purse, ahead: 0 }, filling)
    }

    /// Tells whether nothing is in it or on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.purse.shelf.change(|stock| stock.begun.is_empty() && stock.asked == 0)
    }

    /// Asks for a delivery without beginning it; `None` where there is none any more.
    pub(super) async fn ask(&self) -> Option<Handed> {
        self.purse.hatch.ask(1).await.pop()
    }

    /// Begins a delivery that was asked for; `None` where it may not begin.
    pub(super) async fn begin(&self, handed: Handed) -> Option<Copy> {
        let mut begun = self.purse.begin(vec![handed]).await.pop()?;
        print_ahead(std::slice::from_mut(&mut begun), &self.purse.printer).await;
        self.purse.print(begun)
    }

    /// Says how many are to be begun ahead of this carrier.
    pub(super) fn fill(&mut self, ahead: usize) {
        if ahead != self.ahead {
            self.purse.shelf.change(|stock| stock.ahead = stock.ahead - self.ahead + ahead);
            self.ahead = ahead;
        }
    }

    /// Waits for the next copy; `None` where there is none any more.
    pub(super) async fn take(&self) -> Option<Copy> {
        let shelf = &self.purse.shelf;
        loop {
            // Before the look, so that nothing comes unnoticed between the two.
            let mut coming = pin!(shelf.came.notified());
            coming.as_mut().enable();
            if let Some(copy) = self.try_take() {
                return Some(copy);
            }
            let is_over = shelf.change(|stock| {
                // Somebody else may have put one in since.
                let waits = stock.begun.is_empty() && !stock.is_over;
                stock.waiting += usize::from(waits);
                (!waits).then_some(stock.is_over && stock.begun.is_empty())
            });
            match is_over {
                Some(true) => return None,
                Some(false) => continue,
                None => coming.await,
            }
            shelf.change(|stock| stock.waiting -= 1);
        }
    }

    /// Takes the copy of a delivery that is there already.
    pub(super) fn try_take(&self) -> Option<Copy> {
        while let Some(begun) = self.purse.shelf.change(|stock| stock.begun.pop_front()) {
            if let Some(copy) = self.purse.print(begun) {
                return Some(copy);
            }
        }
        None
    }

    /// Gives back whatever the carriers left in it, once they have gone.
    pub(super) async fn close(self, mut filling: JoinSet<()>) {
        self.purse.shelf.end();
        // A panic of it is a bug; the claims that it held end by themselves.
        while filling.join_next().await.is_some() {}
        let left: Vec<Begun> = self.purse.shelf.change(|stock| stock.begun.drain(..).collect());
        give_back(&self.purse.clerk, left).await;
    }
}

/// Copies that are being printed. Where that panics, which is a bug, the carriers do not wait for what never comes.
struct Owed {
    purse: Purse,
    count: usize,
}

impl Owed {
    async fn print(mut self, mut begun: Vec<Begun>) {
        print_ahead(&mut begun, &self.purse.printer).await;
        self.purse.put(std::mem::take(&mut self.count), begun);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.purse.put(self.count, Vec::new());
    }
}

impl Purse {
    /// Fetches what the carriers lack, until there is nothing more or nobody takes it.
    async fn fill(self) {
        let mut begins = JoinSet::new();
        loop {
            let (count, is_over) = self.shelf.change(|stock| {
                let count = stock.lacking();
                stock.asked += count;
                (count, stock.is_over)
            });
            if is_over {
                break;
            }
            if count == 0 {
                self.shelf.lacks.notified().await;
                continue;
            }
            let handed = self.hatch.ask(count).await;
            if handed.is_empty() {
                break;
            }
            self.shelf.change(|stock| stock.asked -= count - handed.len());
            let purse = self.clone();
            begins.spawn(async move { purse.fetch(handed).await });
            while begins.try_join_next().is_some() {}
        }
        while begins.join_next().await.is_some() {}
        self.shelf.end();
    }

    /// Begins deliveries and puts them in.
    async fn fetch(&self, handed: Vec<Handed>) {
        let asked = handed.len();
        let begun = self.begin(handed).await;
        if !self.printer.is_ahead() {
            return self.put(asked, begun);
        }
        self.put(asked - begun.len(), Vec::new());
        let mut printing = JoinSet::new();
        let bundle = self.printer.bundle(begun.len());
        let mut begun = begun.into_iter();
        while let bundle = begun.by_ref().take(bundle).collect::<Vec<_>>()
            && !bundle.is_empty()
        {
            let owed = Owed { purse: self.clone(), count: bundle.len() };
            printing.spawn(owed.print(bundle));
        }
        while printing.join_next().await.is_some() {}
    }

    /// Puts in what came of so many that were asked for.
    fn put(&self, asked: usize, begun: Vec<Begun>) {
        let wanted = self.shelf.change(|stock| {
            let wanted = stock.waiting.min(begun.len());
            stock.asked -= asked;
            stock.begun.extend(begun);
            wanted
        });
        for _ in 0..wanted {
            self.shelf.came.notify_one();
        }
    }

    /// Begins deliveries, and returns those that may begin.
    async fn begin(&self, handed: Vec<Handed>) -> Vec<Begun> {
        // Before it is asked for: whoever is called back while the ledger writes is called back too.
        let at = (Instant::now(), SystemTime::now());
        let entered = self.clerk.begin(handed.iter().map(|handed| handed.claim.ticket)).await;
        let mut begun = Vec::with_capacity(handed.len());
        for (Handed { claim, lease_ends, out }, entered) in handed.into_iter().zip(entered) {
            if entered == Entered::Done {
                let (claim, unsent) = (Arc::new(claim), self.recall.begun(at.0));
                begun.push(Begun { claim, at, lease_ends, out, unsent, print: None });
                continue;
            }
            if entered == Entered::Suppressed {
                let _ = self.progress.send(Progress::Settled(DeliveryState::Suppressed));
            } else {
                self.recall.refused();
            }
            out.spare();
        }
        begun
    }

    /// Prints its copy; `None` where it cannot be printed, which is then recorded.
    fn print(&self, mut begun: Begun) -> Option<Copy> {
        let print = begun.print.take().unwrap_or_else(|| self.printer.print(&begun.claim));
        match print {
            Ok(ready) => Some(Copy { begun, ready }),
            Err(why) => {
                let outcome = unfit(&why.to_string());
                let _ = self.progress.send(super::settled(&outcome));
                self.clerk.record(begun.claim.ticket, outcome);
                begun.out.spare();
                None
            }
        }
    }
}
