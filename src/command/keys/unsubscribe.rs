//! `keys new unsubscribe`: another key for the links, beside those that signed what was sent before.

use std::fs;

use serde_json::json;

use crate::{
    command::{
        Console, Failure, exit,
        newsroom::{Newsroom, random_bytes, write_private},
        words::counted,
    },
    model::IssueState,
};

/// Where they are, as people are told it.
const FILE: &str = ".postrider/key";

/// Adds a key that signs from now on. Not while an issue is under way: all of its copies are signed by one key, and a second attempt sends the same bytes.
pub(super) async fn renew(console: &Console, newsroom: &Newsroom) -> Result<(), Failure> {
    let _lock = newsroom.lock()?;
    if newsroom.has_ledger()? {
        let issues = newsroom.ledger()?.issues(&newsroom.publication.id).await?;
        let is_under_way = |state| matches!(state, IssueState::Sending | IssueState::Paused);
        if let Some(issue) = issues.iter().find(|issue| is_under_way(issue.state)) {
            let slug = &issue.slug;
            let why = format!("{slug} is under way, and its links are signed by one key");
            return Err(Failure::new(exit::GUARD, why)
                .hint(format!("wait until it is finished, or end it: `postrider cancel {slug}`")));
        }
    }
    let path = newsroom.private()?.join("key");
    let is_first =
        fs::read_to_string(&path).is_ok_and(|text| text.trim().is_empty()) || !path.exists();
    // The first is made by whoever asks for one, and one that is gone is told.
    let keys = newsroom.keys().await?;
    let keys = if is_first {
        keys
    } else {
        let renewed = keys.renewed(&random_bytes()?).ok_or_else(|| {
            Failure::new(exit::GUARD, format!("{FILE} holds 256 keys, and there is no number left"))
                .hint("take out lines of keys whose links have had their time")
        })?;
        write_private(&path, renewed.to_lines().as_bytes())?;
        renewed
    };
    let retired = keys.retired();
    if console.json {
        console.document(&json!({ "file": FILE, "retired": retired }));
        return Ok(());
    }
    console.tell_sentence(&format!(
        "{FILE} holds a new key, which signs from now on: back it up, show it to nobody"
    ));
    if retired > 0 {
        let earlier = counted(retired as u64, "earlier key");
        console.tell_sentence(&format!("{earlier} kept in it: links sent before go on working"));
        console.advise("Copy it to every machine with `web` or `worker` before the next issue. `postrider doctor` sees whether the pages know it.");
    }
    Ok(())
}
