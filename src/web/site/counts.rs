//! What the site did, in numbers, as Prometheus reads them (text exposition format 0.0.4). No reader is in them.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

macro_rules! counts {
    ($($field:ident $name:literal $help:literal,)*) => {
        /// What happened since the start.
        #[derive(Debug, Default)]
        pub(super) struct Counts {
            $($field: AtomicU64,)*
        }

        impl Counts {
            /// Writes them down.
            pub(super) fn exposed(&self) -> String {
                let mut text = String::new();
                $(
                    // Writing into a text cannot fail.
                    let _ = write!(
                        text,
                        concat!("# HELP ", $name, " ", $help, "\n# TYPE ", $name, " counter\n", $name, " {}\n"),
                        self.$field.load(Ordering::Relaxed)
                    );
                )*
                text
            }
        }
    };
}

counts! {
    requests "postrider_web_requests_total" "Requests that were answered.",
    asked "postrider_web_confirmations_asked_total" "Mails that ask for confirmation, dropped into the post.",
    unasked "postrider_web_confirmations_withheld_total" "Requests to subscribe that were answered and led to no mail.",
    limited "postrider_web_limited_total" "Requests refused because a visitor asked too often.",
    confirmed "postrider_web_confirmed_total" "Readers who confirmed.",
    left "postrider_web_unsubscribed_total" "Readers who left.",
    back "postrider_web_undone_total" "Readers who took leaving back.",
    forged "postrider_web_bad_tokens_total" "Links that were forged, cut short, or of another list.",
    told "postrider_web_webhooks_total" "Calls of webhooks that a provider signed.",
    refused "postrider_web_webhooks_refused_total" "Calls of webhooks that were forged, stale or malformed, or of a provider that is not set up.",
    suppressed "postrider_web_webhooks_suppressed_total" "Readers suppressed by what a provider told.",
    failed "postrider_web_ledger_failures_total" "Requests that the ledger could not serve.",
}

impl Counts {
    pub(super) fn request(&self) {
        bump(&self.requests);
    }

    pub(super) fn asked(&self) {
        bump(&self.asked);
    }

    pub(super) fn unasked(&self) {
        bump(&self.unasked);
    }

    pub(super) fn limited(&self) {
        bump(&self.limited);
    }

    pub(super) fn confirmed(&self) {
        bump(&self.confirmed);
    }

    pub(super) fn left(&self) {
        bump(&self.left);
    }

    pub(super) fn back(&self) {
        bump(&self.back);
    }

    pub(super) fn forged(&self) {
        bump(&self.forged);
    }

    pub(super) fn told(&self) {
        bump(&self.told);
    }

    pub(super) fn refused(&self) {
        bump(&self.refused);
    }

    pub(super) fn suppressed(&self) {
        bump(&self.suppressed);
    }

    pub(super) fn failed(&self) {
        bump(&self.failed);
    }
}

fn bump(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
