//! Prints copies: right before they leave where that is quick, and ahead, on threads of their own, where each costs a millisecond.
//!
//! A copy that was just printed is still at hand for the processor when it is
//! written to the wire; one that waited is not. An RSA signature takes as long
//! as a hundred copies take to leave: made on the threads that speak to relays,
//! it would hold up every conversation.

use std::{future::pending, panic::resume_unwind, sync::Arc, thread::available_parallelism};

use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
};

use crate::{
    compose::{Press, Printed, Purpose},
    ledger::Claim,
    model::{Address, Suppressed},
    smtp::{Envelope, Inspected, Parcel},
};

/// One reader's copy, printed and looked at.
pub(super) struct Ready {
    return_path: String,
    envelope_id: String,
    message: Inspected<'static>,
}

/// A copy, or why there can be none.
pub(super) type Print = Result<Ready, Suppressed>;

/// The most copies that are printed on one thread before they are handed over.
const BUNDLE: usize = 4;

/// All carriers of a run print by one of these.
#[derive(Clone)]
pub(super) struct Printer {
    press: Arc<Press>,
    processors: usize,
    /// One more than there are processors: the next is at hand when one is printed, and more would only take turns.
    places: Arc<Semaphore>,
}

impl Printer {
    pub(super) fn new(press: Arc<Press>) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { press, processors, places: Arc::new(Semaphore::new(processors + 1)) }
    }

    /// Tells whether copies are printed ahead.
    pub(super) fn is_ahead(&self) -> bool {
        self.press.is_slow()
    }

    /// Returns how many of so many copies are printed on one thread, one after another: so many that handing them over wakes others seldom, and so few that no processor is idle.
    pub(super) fn bundle(&self, copies: usize) -> usize {
        copies.div_ceil(2 * self.processors).clamp(1, BUNDLE)
    }

    /// Prints the copies of claimed deliveries on a thread of its own.
    pub(super) async fn print_ahead(&self, claims: Vec<Arc<Claim>>) -> Vec<Print> {
        // It is never closed.
        let place = self.places.acquire().await;
        let press = Arc::clone(&self.press);
        let print_all = move || claims.iter().map(|claim| print(&press, claim)).collect();
        let printed = spawn_blocking(print_all).await;
        drop(place);
        match printed.map_err(JoinError::try_into_panic) {
            Ok(printed) => printed,
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime is ending, and this task with it.
            Err(Err(_)) => pending().await,
        }
    }

    /// Prints the copy of a claimed delivery here and now.
    pub(super) fn print(&self, claim: &Claim) -> Print {
        print(&self.press, claim)
    }
}

fn print(press: &Press, claim: &Claim) -> Print {
    let Claim { reader, message_id, answers, ticket } = claim;
    let answers = answers.as_deref();
    let printed = press.answer(reader, message_id, answers, ticket.slot, Purpose::Real);
    printed.map(Ready::from)
}

impl From<Printed> for Ready {
    fn from(printed: Printed) -> Self {
        let Printed { return_path, envelope_id, bytes, .. } = printed;
        Self { return_path, envelope_id, message: Inspected::new(bytes) }
    }
}

impl Ready {
    /// Addresses it to a reader.
    pub(super) fn parcel<'a>(&'a self, to: &'a Address) -> Parcel<'a> {
        let Self { return_path, envelope_id, message } = self;
        Parcel { envelope: Envelope { from: return_path, to, id: Some(envelope_id) }, message }
    }
}
