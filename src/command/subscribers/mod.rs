//! `subscribers`: bring people, let them go, look them up.

mod add;
mod erase;
mod export;
mod import;
mod list;
mod people;
mod show;
mod suppress;
mod unsubscribe;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Console, Failure, console::Tone, newsroom::Newsroom, words::printable};
use crate::{
    cli::{Global, Subscribers},
    model::{Address, Subscriber, SubscriberState},
};
use people::Wanted;

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    verb: Subscribers,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    match verb {
        Subscribers::Import(wish) => import::run(console, &newsroom, &wish).await,
        Subscribers::Add { address, name, fields, tags } => {
            add::run(console, &newsroom, &address, name.unwrap_or_default(), &fields, tags).await
        }
        Subscribers::Unsubscribe { address } => {
            unsubscribe::run(console, &newsroom, &address).await
        }
        Subscribers::Suppress { address, reason } => {
            suppress::run(console, &newsroom, &address, reason).await
        }
        Subscribers::List { state, segment } => {
            let wanted = Wanted::of(state.as_deref(), segment.as_deref())?;
            list::run(console, &newsroom, wanted).await
        }
        Subscribers::Show { address } => show::run(console, &newsroom, &address).await,
        Subscribers::Export { address: Some(address), .. } => {
            export::person(console, &newsroom, &address).await
        }
        Subscribers::Export { address: None, state, segment, raw } => {
            let wanted = Wanted::of(state.as_deref(), segment.as_deref())?;
            export::list(console, &newsroom, &wanted, raw).await
        }
        Subscribers::Erase { address } => erase::run(console, &newsroom, &address).await,
    }
}

fn tell_moved(console: &Console, address: &Address, now: &str, was: Option<SubscriberState>) {
    let was = was.map_or("not on the list", SubscriberState::word);
    if console.json {
        console.document(
            &serde_json::json!({ "address": address.written(), "state": now, "was": was }),
        );
    } else {
        console.tell_sentence(&format!("{address} is {now} (was {was}); no file brings them back"));
    }
}

#[derive(Serialize)]
struct Line<'a> {
    address: &'a str,
    name: &'a str,
    state: SubscriberState,
    tags: &'a [String],
    fields: &'a BTreeMap<String, String>,
}

fn tell_reader(console: &Console, reader: &Subscriber) {
    if console.json {
        console.document(&Line {
            address: reader.address.written(),
            name: &reader.name,
            state: reader.state,
            tags: &reader.tags,
            fields: &reader.fields,
        });
        return;
    }
    let tone = if reader.state == SubscriberState::Active { Tone::Good } else { Tone::Warn };
    let state = console.paint(tone, format_args!("{:<12}", reader.state.word()));
    console.say(format!("{state} {}  {}", reader.address, printable(&reader.name)).trim_end());
}
