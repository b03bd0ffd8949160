//! `demo`: the main job on the sample publication, with nothing to set up.

use std::path::Path;

use super::{
    Console, Failure,
    console::Tone,
    exit, init,
    newsroom::{Newsroom, clock, write_private},
    render,
    send::{self, Asked, Go},
    words::{self, counted},
};
use crate::cli::Global;

/// The readers of the demo, in several scripts: one has left, one stands twice, one cannot be mailed.
const READERS: &str = include_str!("../../subscribers.example.csv");

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, folder: &Path) -> Result<u8, Failure> {
    let file = folder.join("publication.toml");
    let again = file.is_file();
    if !again {
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::new(
                exit::GUARD,
                format!("`{}` holds other files", folder.display()),
            )
            .hint("`postrider demo DIR` makes the demo elsewhere"));
        }
        init::write(folder)?;
        write_private(&folder.join("subscribers.csv"), READERS.as_bytes())?;
    }
    let newsroom = Newsroom::read(&file, clock(global)?)?;
    let issue = newsroom.issue(init::SAMPLE)?;
    console.tell(console.paint(Tone::Strong, &newsroom.publication.title));
    console.tell(format_args!(
        "  goes to {} by SMTP; no mail leaves this machine",
        newsroom.publication.list.csv.as_deref().unwrap_or("its list")
    ));
    let asked = Asked::whole(Go::Yes);
    let sent = send::deliver(console, &newsroom, &issue, &asked).await?;
    let rendered = render::write(&newsroom, &issue, None, None).await?;
    sent.report(console, &newsroom.publication);
    if console.json {
        return Ok(sent.code);
    }
    if again && sent.was_done {
        console.tell("It was delivered before: running it again mails nobody twice.");
        console.tell(format_args!("`rm -r {}` starts afresh.", words::path(folder)));
    }
    console.tell("Look at:");
    for (path, _) in &rendered.files {
        console.tell(format_args!("  {}", words::path(path)));
    }
    let mails = newsroom.root.join("outbox/new");
    let count = mails.read_dir().map_or(0, |entries| entries.count() as u64);
    console.tell(format_args!("  {}  {}", words::path(&mails), counted(count, "mail")));
    Ok(sent.code)
}
