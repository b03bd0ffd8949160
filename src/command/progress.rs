//! What a person at the terminal sees while an issue is being delivered; nothing under cron.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::{
    Console, Failure, brakes,
    end::{End, Left},
    newsroom::Newsroom,
    send::slowed,
    words::{clock_time, counted, grouped, plain, spoken, wrapped},
};
use crate::{
    ledger::Ledger,
    model::DeliveryState::{self, Deferred, InDoubt, Rejected},
    send::{Braked, Progress, Stop},
};

/// Foresees the end of `total` readers of an issue for who watches; nobody else needs it.
pub(super) async fn end(
    console: &Console,
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    issue: i64,
    total: u64,
) -> Result<End, Failure> {
    if !console.is_watched() || console.json {
        return Ok(End::in_a_while(Duration::ZERO));
    }
    let left = Left::of(newsroom, ledger, issue).await?.first(total);
    End::of(newsroom, ledger, &brakes::in_force(newsroom, ledger).await?, &left).await
}

/// Shows a run's news on one line until it ends, and no end that is sooner than `end`.
pub(super) async fn show(
    console: &Console,
    total: u64,
    end: End,
    mut news: mpsc::UnboundedReceiver<Progress>,
    mut stopped: watch::Receiver<Stop>,
) {
    let waiting = Arc::new(AtomicU64::new(0));
    let end = watch::Sender::new(end);
    let bar = bar(console, total, &waiting, end.subscribe());
    let (mut counts, mut trouble) = (Counts::default(), String::new());
    let mut is_stopping = false;
    loop {
        let progress = tokio::select! {
            progress = news.recv() => progress,
            Ok(_) = stopped.wait_for(|stop| *stop != Stop::No), if !is_stopping => {
                is_stopping = true;
                if console.is_watched() {
                    bar.suspend(|| {
                        console.note("finishing what is in flight; Ctrl-C again stops at once");
                    });
                }
                continue;
            }
        };
        let Some(progress) = progress else { break };
        if let Progress::Waiting(until) | Progress::Braked(Braked { until, .. }) = &progress {
            end.send_modify(|end| *end = end.not_before(*until));
        }
        match progress {
            Progress::Settled(state) => {
                counts.add(state);
                waiting.store(counts.deferred, Ordering::Relaxed);
                // Who is deferred comes up again.
                bar.inc(u64::from(state != Deferred));
                bar.set_message(counts.words());
            }
            Progress::Waiting(until) => {
                bar.set_message(format!("waits until {}", clock_time(until)));
            }
            Progress::Recovered(recovered) if console.is_verbose() || recovered.in_doubt > 0 => {
                bar.suspend(|| {
                    console.note(format_args!(
                        "an earlier run was cut off: {} in doubt, {} planned again",
                        counted(recovered.in_doubt, "reader"),
                        grouped(recovered.planned)
                    ));
                });
            }
            // Every connection tells the same trouble, and again at every try.
            Progress::Trouble(why) if console.is_watched() && why != trouble => {
                let sentence = wrapped(&plain(&format!("{why}; trying again for a while")), 0, 0);
                bar.suspend(|| console.note(sentence));
                trouble = why;
            }
            Progress::Braked(braked) if console.is_watched() => {
                let until = clock_time(braked.until);
                let sentence = format!("until {until} {}", slowed(&braked));
                bar.suspend(|| console.note(wrapped(&sentence, 0, 0)));
            }
            Progress::Recovered(_) | Progress::Trouble(_) | Progress::Braked(_) => {}
        }
    }
    bar.finish_and_clear();
}

fn bar(
    console: &Console,
    total: u64,
    waiting: &Arc<AtomicU64>,
    end: watch::Receiver<End>,
) -> ProgressBar {
    let waiting = Arc::clone(waiting);
    if !console.is_watched() || console.json {
        return ProgressBar::hidden();
    }
    // The bar takes what the words leave, so that an end of another day does not break the line of an ordinary terminal.
    let template = if console.colours_messages() {
        "  {wide_bar:.red/dim} {pos_grouped} of {len_grouped}  {speed}{left}  {msg:.yellow}"
    } else {
        "  {wide_bar} {pos_grouped} of {len_grouped}  {speed}{left}  {msg}"
    };
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
        .with_key("pos_grouped", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&grouped(state.pos()));
        })
        .with_key("len_grouped", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&grouped(state.len().unwrap_or(0)));
        })
        .with_key("speed", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:.1}/s", state.per_sec());
        })
        .with_key("left", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let remaining = state.len().unwrap_or(0).saturating_sub(state.pos());
            // Those whose servers want them later do not come at this pace.
            let is_over = remaining <= waiting.load(Ordering::Relaxed);
            if !is_over {
                let pace = (state.pos() > 0).then(|| state.eta());
                let _ = out.write_str(&left(pace, *end.borrow()));
            }
        });
    let bar = ProgressBar::new(total).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Counts what passes, of which nobody knows how much there is.
pub(super) fn counter(console: &Console) -> ProgressBar {
    if !console.is_watched() || console.json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("  {spinner} {human_pos} rows  {per_sec}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Says how long is left, and until when that is, as soon as it can be told: at the present pace, and no sooner than it may end.
fn left(at_this_pace: Option<Duration>, end: End) -> String {
    let takes = end.left().max(at_this_pace.unwrap_or_default());
    if takes.is_zero() {
        return String::new();
    }
    let end = Timestamp::now().checked_add(takes).unwrap_or(Timestamp::MAX);
    format!("  {} left, until {}", spoken(takes), clock_time(end))
}

/// Counts what became of readers, where that is not plain acceptance.
#[derive(Default)]
struct Counts {
    rejected: u64,
    deferred: u64,
    in_doubt: u64,
}

impl Counts {
    fn add(&mut self, state: DeliveryState) {
        match state {
            Rejected => self.rejected += 1,
            Deferred => self.deferred += 1,
            InDoubt => self.in_doubt += 1,
            _ => {}
        }
    }

    fn words(&self) -> String {
        let told: Vec<String> =
            [(self.rejected, "rejected"), (self.deferred, "deferred"), (self.in_doubt, "in doubt")]
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, word)| format!("{} {word}", grouped(count)))
                .collect();
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_that_of_the_pace_or_of_the_rates_whichever_is_later() {
        let day = End::in_a_while(Duration::from_hours(24));
        let free = End::in_a_while(Duration::ZERO);
        let (soon, late) = (Some(Duration::from_secs(86)), Some(Duration::from_hours(50)));
        for (pace, end, shown) in [
            (soon, day, "  23 h 59 min left, until "),
            (None, day, "  23 h 59 min left, until "),
            (late, day, "  2 days 2 h left, until "),
            (soon, free, "  1 min 26 s left, until "),
            (None, free, ""),
        ] {
            let left = left(pace, end);
            assert!(left.starts_with(shown) && left.is_empty() == shown.is_empty(), "{left}");
        }
    }

    #[test]
    fn the_line_counts_what_is_not_plain_acceptance() {
        let mut counts = Counts::default();
        for state in [DeliveryState::Accepted, Rejected, Deferred, Deferred, InDoubt] {
            counts.add(state);
        }
        assert_eq!(counts.words(), "1 rejected, 2 deferred, 1 in doubt");
    }
}
