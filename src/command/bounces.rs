//! `bounces read`: what came back after an issue, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Console, Failure, alarm,
    console::Tone,
    exit,
    newsroom::Newsroom,
    postbag,
    returned::Returned,
    words::{counted, grouped, printable, wrapped},
};
use crate::{
    bounce::{Cause, Kind},
    cli::{Bounces, Global},
    ledger::Did,
    send::provider::provider,
};

/// How many addresses of a kind are named.
const NAMED: usize = 50;

/// How many columns stand before what is remarked of a kind.
const REMARK: usize = 24;

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, verb: Bounces) -> Result<u8, Failure> {
    let Bounces::Read(wish) = verb;
    // What nobody understands is left for a person to find where it is.
    let all =
        postbag::empty(console, global, &wish, |returned| returned.report.kind != Kind::Unknown)
            .await?;
    if !console.json {
        tell(console, &Newsroom::open(global)?, &all, wish.dry_run);
    }
    Ok(exit::DONE)
}

/// Tells what was read, whom it suppressed, and what has to be mended.
pub(super) fn tell(console: &Console, newsroom: &Newsroom, all: &[Returned], is_rehearsal: bool) {
    let read = counted(all.len() as u64, "message");
    let rehearsal = if is_rehearsal { ", and nothing was changed" } else { "" };
    console.tell(format_args!("{read} read{rehearsal}"));
    for kind in Kind::ALL {
        let of_kind: Vec<&Returned> =
            all.iter().filter(|returned| returned.report.kind == kind).collect();
        if !of_kind.is_empty() {
            let word = kind.word().replace('_', " ");
            let number =
                console.paint(tone(kind), format_args!("{:>7}", grouped(of_kind.len() as u64)));
            console.tell(format_args!(
                "  {word:<11} {number}   {}",
                console.paint(Tone::Quiet, wrapped(&remark(kind, &of_kind), REMARK, REMARK))
            ));
        }
    }
    let forged: usize = all.iter().map(|returned| returned.forged).sum();
    if forged > 0 {
        let number = format!("{:>7}", grouped(forged as u64));
        console
            .tell(format_args!("  {:<11} {number}   tokens that are not ours, ignored", "forged"));
    }
    tell_suppressed(console, all);
    tell_listed(console, all);
    tell_alarms(console, newsroom, all);
}

/// Names who is suppressed by it, and why.
fn tell_suppressed(console: &Console, all: &[Returned]) {
    let moved: Vec<_> =
        all.iter().filter_map(|returned| Some((returned, returned.suppressed()?))).collect();
    for (returned, state) in moved.iter().take(NAMED) {
        let state = console.paint(Tone::Bad, state.word());
        console.tell(format_args!(
            "{} is {state}: {}",
            printable(&returned.address),
            returned.why()
        ));
    }
    if let Some(more) = moved.len().checked_sub(NAMED).filter(|more| *more > 0) {
        console.tell(format_args!("and {} more; `--json` names them all", grouped(more as u64)));
    }
}

/// Names those of whom something is said that nothing proves.
fn tell_listed(console: &Console, all: &[Returned]) {
    let listed: BTreeSet<(&str, Kind)> = all
        .iter()
        .filter(|returned| returned.did == Did::Listed)
        .map(|returned| (returned.address.as_str(), returned.report.kind))
        .collect();
    for (address, kind) in listed.iter().take(NAMED) {
        let (said, verb) = match kind {
            Kind::Unsubscribe => ("asks to leave", "unsubscribe"),
            Kind::Complaint => ("is said to complain", "unsubscribe"),
            Kind::Hard => ("is said to be dead", "suppress"),
            _ => continue,
        };
        let address = printable(address);
        console.warn(format_args!(
            "{address} {said}, which nothing proves; if you believe it: `postrider subscribers {verb} {address}`"
        ));
    }
}

/// Says what has to be mended, provider by provider.
fn tell_alarms(console: &Console, newsroom: &Newsroom, all: &[Returned]) {
    let mut alarms: BTreeMap<(Cause, String), (u64, &str)> = BTreeMap::new();
    let is_news = |returned: &&Returned| !matches!(returned.did, Did::Nobody | Did::Known);
    let refused = all.iter().filter(|returned| returned.report.kind == Kind::Policy);
    for returned in refused.filter(is_news) {
        let domain =
            returned.address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
        let Some(cause) = returned.report.cause else { continue };
        let alarm = alarms
            .entry((cause, provider(&domain).to_owned()))
            .or_insert((0, returned.report.diagnostic.as_str()));
        alarm.0 += 1;
    }
    for ((cause, provider), (count, said)) in &alarms {
        let provider = if provider.is_empty() { "somebody" } else { provider };
        let count = counted(*count, "message");
        let remedy = alarm::remedy(*cause, &newsroom.publication);
        let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
        console.warn(format_args!("{provider} refused {count}: {cause}{remedy}"));
        if !said.is_empty() {
            let said = format!("it said: {}", printable(said));
            console.note(format_args!("  {}", console.paint(Tone::Quiet, wrapped(&said, 2, 2))));
        }
    }
}

fn tone(kind: Kind) -> Tone {
    match kind {
        Kind::Hard | Kind::Complaint => Tone::Bad,
        Kind::Soft | Kind::Policy => Tone::Warn,
        Kind::Delivered => Tone::Good,
        _ => Tone::Quiet,
    }
}

/// Says what was done with the messages of a kind.
fn remark(kind: Kind, all: &[&Returned]) -> String {
    let count = |wanted: fn(&Did) -> bool| {
        all.iter().filter(|returned| wanted(&returned.did)).count() as u64
    };
    let moved = count(|did| matches!(did, Did::Moved(_)));
    let known = count(|did| *did == Did::Known);
    let listed = count(|did| *did == Did::Listed);
    let nobody = count(|did| *did == Did::Nobody);
    let stays = count(|did| matches!(did, Did::Stays(_)));
    let silent = if kind.acts() { count(|did| *did == Did::Nothing) } else { 0 };
    let mut parts = Vec::new();
    for (number, words) in [
        (moved, "suppressed"),
        (count(|did| *did == Did::Counted), "counted: three in three issues over 15 days suppress"),
        (count(|did| *did == Did::Alarmed), "nobody is suppressed for it"),
        (stays, "suppressed before"),
        (known, "known already"),
        (listed, "for you to look at: nothing proves them"),
        (nobody, "no reader of ours"),
        (silent, "for you to look at: they do not say of which reader"),
    ] {
        match number {
            0 => {}
            _ if number == all.len() as u64 => parts.push(words.to_owned()),
            _ => parts.push(format!("{} {words}", grouped(number))),
        }
    }
    let idle = match kind {
        Kind::AutoReply => "a machine answered; left for whom they are meant",
        Kind::Delayed => "still being tried; counts nothing",
        Kind::Delivered => "arrived; counts nothing",
        Kind::Unknown => "from people, or not understood; left where they are",
        _ => "",
    };
    if parts.is_empty() { idle.to_owned() } else { parts.join(", ") }
}
