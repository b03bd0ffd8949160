//! `status --watch`: an issue while it is delivered, looked at once a second, until nothing more is to be seen.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Console, Failure,
    brakes::{self, InForce},
    end::{End, Left, UsedUp},
    exit,
    newsroom::Newsroom,
    pace::Pace,
    status,
    words::{clock_time, grouped, spoken, wrapped},
};
use crate::{
    ledger::{IssueRecord, Ledger},
    model::{IssueState, Tally},
    send::brake::Brake,
};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);

/// Watches an issue; without a name the one that is being sent. On a terminal it draws anew, elsewhere it tells each change on a line.
pub(super) async fn run(
    console: &Console,
    newsroom: &Newsroom,
    name: Option<&str>,
) -> Result<u8, Failure> {
    let slug = match name {
        Some(name) => Some(status::slug(newsroom, name).await?),
        None => being_sent(newsroom).await?,
    };
    let Some(slug) = slug else {
        console.note("nothing is being sent");
        return Ok(exit::DONE);
    };
    let Some(ledger) = begun(console, newsroom, &slug).await? else { return Ok(exit::DONE) };
    let mut canvas = Canvas::new(console);
    let mut pace = Pace::default();
    let mut foresight = Foresight::default();
    loop {
        let Some(issue) = ledger.issue(&newsroom.publication.id, &slug).await? else {
            return Ok(exit::DONE);
        };
        let account = status::account(&*ledger, &issue).await?;
        let per_second = pace.note(account.tally.planned - account.tally.remaining);
        if console.json {
            let counts = (issue.state, account.tally);
            canvas.tell_once(&format!("{counts:?}"), || account.document(console));
        } else {
            let brakes = brakes::in_force(newsroom, &*ledger).await?;
            let is_sent = status::is_sent_by_somebody(newsroom, &*ledger, &slug).await?;
            let mut lines = seen(&*ledger, &issue, &account.tally, &brakes, is_sent).await?;
            if !is_sent {
                let used = status::used_up(newsroom, &*ledger, &issue, &account.tally).await?;
                lines.extend(used.iter().map(UsedUp::words));
            }
            if canvas.is_drawn {
                // Who is cancelled is settled too, and went nowhere.
                if issue.state == IssueState::Sending && is_sent {
                    let waiting = account.tally.deferred;
                    let end = foresight.look(newsroom, &*ledger, issue.id, &brakes).await?;
                    lines.insert(1, speed(per_second, account.tally.remaining - waiting, end));
                }
                canvas.draw(&lines);
            } else {
                let line = lines.join("; ");
                canvas.tell_once(&line, || console.say(&line));
            }
        }
        console.flush();
        if issue.state != IssueState::Sending || console.is_closed() {
            return Ok(exit::DONE);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until an issue is on its way, and says so; `None` where nobody watches any more.
async fn begun(
    console: &Console,
    newsroom: &Newsroom,
    slug: &str,
) -> Result<Option<Arc<dyn Ledger>>, Failure> {
    let mut told = String::new();
    loop {
        let known = status::known(newsroom, slug).await?;
        let standing = match &known {
            None if newsroom.state_unknown(slug)? == IssueState::Forgotten => {
                return status::unknown(console, newsroom, slug).map(|_| None);
            }
            None => "is a draft".to_owned(),
            Some((_, issue)) => match (issue.state, &issue.booking) {
                (IssueState::Scheduled, Some(booking)) => {
                    format!("is scheduled for {}", booking.shown)
                }
                (IssueState::Draft | IssueState::Scheduled, _) => "is not sent yet".to_owned(),
                _ => return Ok(known.map(|(ledger, _)| ledger)),
            },
        };
        if told != standing {
            console.note(format_args!("{slug} {standing}; this waits until somebody sends it"));
            told = standing;
        }
        if console.is_closed() {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Finds the issue that is being sent, the latest where there are several.
async fn being_sent(newsroom: &Newsroom) -> Result<Option<String>, Failure> {
    if !newsroom.has_ledger()? {
        return Ok(None);
    }
    let issues = newsroom.ledger()?.issues(&newsroom.publication.id).await?;
    let sending = issues.into_iter().rfind(|issue| issue.state == IssueState::Sending);
    Ok(sending.map(|issue| issue.slug))
}

/// Says where it stands, and who is held back.
async fn seen(
    ledger: &dyn Ledger,
    issue: &IssueRecord,
    tally: &Tally,
    brakes: &[InForce],
    is_sent: bool,
) -> Result<Vec<String>, Failure> {
    let standing = match issue.state {
        IssueState::Sending if !is_sent => status::NOBODY_SENDS,
        state => state.word(),
    };
    let mut parts = vec![format!(
        "{} is {standing}: {} of {} accepted",
        issue.slug,
        grouped(tally.accepted),
        grouped(tally.planned)
    )];
    for (number, word) in [
        (tally.rejected, "rejected"),
        (tally.deferred, "deferred"),
        (tally.in_doubt, "in doubt"),
        (tally.expired, "expired"),
        (tally.suppressed, "suppressed"),
        (tally.cancelled, "cancelled"),
        (tally.remaining, "left"),
    ] {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    let mut lines = vec![parts.join(", ")];
    if issue.state == IssueState::Sending {
        lines.extend(status::next_try(ledger, issue.id, tally).await?);
        lines.extend(brakes.iter().map(InForce::words));
    }
    Ok(lines)
}

/// When the issue ends at the soonest, foreseen anew only when what holds it back has changed: that goes through all who are left.
#[derive(Default)]
struct Foresight {
    brakes: Vec<(Option<String>, Brake)>,
    end: Option<End>,
}

impl Foresight {
    async fn look(
        &mut self,
        newsroom: &Newsroom,
        ledger: &dyn Ledger,
        issue: i64,
        brakes: &[InForce],
    ) -> Result<End, Failure> {
        let now: Vec<_> =
            brakes.iter().map(|found| (found.provider.clone(), found.brake.clone())).collect();
        if let Some(end) = self.end.filter(|_| self.brakes == now) {
            return Ok(end);
        }
        let left = Left::of(newsroom, ledger, issue).await?;
        let end = End::of(newsroom, ledger, brakes, &left).await?;
        *self = Self { brakes: now, end: Some(end) };
        Ok(end)
    }
}

/// Says how fast it goes now, and until when at that, `left` readers waiting for nothing but their turn; no sooner than it may end.
fn speed(per_second: f64, left: u64, end: End) -> String {
    let rate = format!("{per_second:.1}/s now");
    if left == 0 {
        return rate;
    }
    // Counts are far below what a float keeps exactly, and an end beyond all calendars is none.
    #[allow(clippy::cast_precision_loss)]
    let seconds = if per_second > 0.0 { left as f64 / per_second } else { 0.0 };
    let Ok(at_this_pace) = Duration::try_from_secs_f64(seconds) else { return rate };
    let takes = at_this_pace.max(end.left());
    match Timestamp::now().checked_add(takes) {
        Ok(end) if !takes.is_zero() => {
            format!("{rate}, {} left, until {}", spoken(takes), clock_time(end))
        }
        _ => rate,
    }
}

/// Where it is shown.
struct Canvas<'a> {
    console: &'a Console,
    /// Whether it can be drawn over.
    is_drawn: bool,
    /// How many lines stand there.
    height: usize,
    told: String,
}

impl<'a> Canvas<'a> {
    fn new(console: &'a Console) -> Self {
        let is_drawn = console.can_redraw();
        Self { console, is_drawn, height: 0, told: String::new() }
    }

    /// Draws over what was drawn before.
    fn draw(&mut self, lines: &[String]) {
        let text: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(number, line)| {
                let indent = if number == 0 { 0 } else { 2 };
                format!("{:indent$}{}", "", wrapped(line, indent, 4))
            })
            .collect();
        let text = text.join("\n");
        self.console.draw_over(self.height, &text);
        self.height = text.lines().count();
    }

    fn tell_once(&mut self, seen: &str, tell: impl FnOnce()) {
        if self.told != seen {
            seen.clone_into(&mut self.told);
            tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_where_there_is_a_pace() {
        let free = End::in_a_while(Duration::ZERO);
        assert!(speed(10.0, 600, free).starts_with("10.0/s now, 1 min 0 s left, until "));
        assert_eq!(speed(0.0, 600, free), "0.0/s now");
        assert_eq!(speed(1e-300, 600, free), "0.0/s now");
    }

    #[test]
    fn no_end_is_told_that_the_rates_do_not_allow() {
        let day = End::in_a_while(Duration::from_hours(24));
        for (per_second, left, shown) in [
            (10.0, 600, "10.0/s now, 23 h 59 min left, until "),
            (0.0, 600, "0.0/s now, 23 h 59 min left, until "),
            (1.0, 180_000, "1.0/s now, 2 days 2 h left, until "),
            (0.0, 0, "0.0/s now"),
        ] {
            let told = speed(per_second, left, day);
            assert!(told.starts_with(shown), "{told}");
        }
    }
}
