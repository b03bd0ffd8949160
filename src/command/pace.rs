//! How fast something goes now, from how much of it there was at each look.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Over how long the present rate is taken.
const LATELY: Duration = Duration::from_secs(10);

/// Counts what came lately.
#[derive(Default)]
pub(super) struct Pace {
    counts: VecDeque<(Instant, u64)>,
}

impl Pace {
    /// Notes how many there are now and returns how many a second they grew by lately.
    pub(super) fn note(&mut self, count: u64) -> f64 {
        self.note_at(count, Instant::now())
    }

    fn note_at(&mut self, count: u64, now: Instant) -> f64 {
        self.counts.push_back((now, count));
        while self.counts.len() > 2 && now.duration_since(self.counts[0].0) > LATELY {
            self.counts.pop_front();
        }
        let (then, before) = self.counts[0];
        let seconds = now.duration_since(then).as_secs_f64();
        // Counts are far below what a float keeps exactly.
        #[allow(clippy::cast_precision_loss)]
        let came = count.saturating_sub(before) as f64;
        if seconds > 0.0 { came / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_seconds() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let rates = [(0, 0), (5, 50), (10, 50), (14, 70), (30, 102)]
            .map(|(seconds, count)| pace.note_at(count, start + Duration::from_secs(seconds)))
            .map(|rate| format!("{rate:.1}"));
        assert_eq!(rates, ["0.0", "10.0", "5.0", "2.2", "2.0"]);
    }
}
