//! The verbs, one a file: arguments in, calls, words out. Rules that could be wrong live in the rooms below, not here.

mod account;
mod alarm;
mod aside;
mod bounces;
mod brakes;
mod cancel;
mod causes;
mod check;
mod completions;
mod config;
mod confirmation;
mod console;
mod correct;
mod demo;
mod doctor;
mod draft;
mod due;
mod ears;
mod end;
mod errand;
pub mod exit;
mod explain;
mod failed;
mod failure;
mod freeze;
mod heart;
mod inbox;
mod init;
mod inspection;
mod keys;
mod ledger;
mod lock;
mod log;
mod man;
mod manuscript;
mod newsroom;
mod orders;
mod pace;
mod pages;
mod pause;
mod plan;
mod postbag;
mod preview;
mod progress;
mod reader;
mod relay;
mod render;
mod resolve;
mod resume;
mod returned;
mod rows;
mod sarif;
mod schedule;
mod send;
mod status;
mod subscribers;
mod test;
mod unschedule;
mod watch;
mod web;
mod words;
mod worker;

pub use console::Console;
pub use failure::Failure;

use std::{fs::File, io};

use futures_util::future::LocalBoxFuture;

use crate::cli::{Cli, Command, ConfigVerb};

/// Runs one command and returns its exit code; whatever is to be said has been said.
pub fn run(cli: Cli) -> u8 {
    let console = Console::new(&cli.global);
    let code = guarded(|| dispatch(&console, cli)).unwrap_or_else(|failure| {
        console.failure(&failure);
        failure.code
    });
    match console.finish() {
        Some(error) if code == exit::DONE => {
            console
                .failure(&Failure::new(exit::DISK, format!("failed to write the result: {error}")));
            exit::DISK
        }
        _ => code,
    }
}

/// Shows what the parser has to say instead of a command: help, the version, or a mistake of usage.
pub fn explain(answer: &clap::Error) -> u8 {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let is_help = matches!(answer.kind(), DisplayHelp | DisplayVersion);
    match answer.print() {
        Err(error) if is_help && error.kind() != std::io::ErrorKind::BrokenPipe => exit::DISK,
        _ if is_help => exit::DONE,
        _ => exit::USAGE,
    }
}

/// Makes a panic, which is a mistake in our own reasoning, an error with its exit code.
fn guarded(work: impl FnOnce() -> Result<u8, Failure>) -> Result<u8, Failure> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Failure::new(exit::BUG, "postrider met a case it was not made for").hint(
            "please report the lines above; the ledger is safe, and `send` goes on where it was",
        ))
    })
}

fn dispatch(console: &Console, cli: Cli) -> Result<u8, Failure> {
    files_to_spare().map_err(|error| Failure::start(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::start(&error))?;
    let global = &cli.global;
    // Without its type: tokio waits in three ways, and each would have a copy of every verb, a tenth of the program.
    let verb: LocalBoxFuture<'_, Result<u8, Failure>> = Box::pin(async {
        outlive_full_files();
        match cli.command {
            Command::Demo { folder } => demo::run(console, global, &folder).await,
            Command::Init { folder } => init::run(console, &folder),
            Command::Draft { slug, date, like, edit } => {
                draft::run(console, global, &draft::Wish { slug, date, like, edit })
            }
            Command::Check { issues, format } => check::run(console, global, &issues, format).await,
            Command::Explain { code } => Ok(explain::run(console, code.as_deref())?),
            Command::Render { issue, reader, out } => {
                render::run(console, global, &issue, reader.as_deref(), out.as_deref()).await
            }
            Command::Preview(wish) => preview::run(console, global, &wish).await,
            Command::Test(wish) => test::run(console, global, &wish).await,
            Command::Subscribers(verb) => subscribers::run(console, global, verb).await,
            Command::Bounces(verb) => bounces::run(console, global, verb).await,
            Command::Inbox(verb) => inbox::run(console, global, verb).await,
            Command::Plan { issue, segment } => plan::run(console, global, &issue, segment).await,
            Command::Send(wish) => send::run(console, global, &wish).await,
            Command::Correct(wish) => correct::run(console, global, &wish).await,
            Command::Schedule(wish) => schedule::run(console, global, &wish).await,
            Command::Unschedule { issue } => unschedule::run(console, global, &issue).await,
            Command::Due => due::run(console, global).await,
            Command::Worker(wish) => worker::run(console, global, &wish).await,
            Command::Pause { issue } => pause::run(console, global, &issue).await,
            Command::Resume { issue } => resume::run(console, global, &issue).await,
            Command::Cancel { issue, yes } => cancel::run(console, global, &issue, yes).await,
            Command::Status(wish) => status::run(console, global, &wish).await,
            Command::Log { address } => log::run(console, global, &address).await,
            Command::Resolve(wish) => resolve::run(console, global, &wish).await,
            Command::Relay(wish) => relay::run(console, &wish),
            Command::Doctor(wish) => doctor::run(console, global, &wish).await,
            Command::Keys(verb) => keys::run(console, global, verb).await,
            Command::Web(wish) => web::run(console, global, &wish).await,
            Command::Archive { folder } => web::archive(console, global, &folder).await,
            Command::Config(ConfigVerb::Show { origin }) => config::show(console, global, origin),
            Command::Completions { shell } => Ok(completions::run(console, shell)),
            Command::Man { folder } => man::run(console, folder.as_deref()),
            Command::Ledger(verb) => ledger::run(console, global, verb).await,
        }
    });
    let code = runtime.block_on(verb);
    // A name look-up that hangs must not hold the program after its work is done.
    runtime.shutdown_background();
    code
}

/// Tries whether the few files that the runtime opens can be opened: one that is missing midway it takes for a bug.
fn files_to_spare() -> io::Result<()> {
    const FEW: usize = 6;
    (0..FEW).map(|_| File::open("/dev/null")).collect::<io::Result<Vec<File>>>().map(drop)
}

/// Has a write beyond `ulimit -f` fail, as one to a full disk does, instead of ending the program on the spot.
fn outlive_full_files() {
    /// Its number on Linux and the BSDs.
    const SIGXFSZ: i32 = 25;
    // The handler stays when what listens is gone; where the system gives none, all is as before.
    let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_of_ours_ends_with_its_own_code() {
        let failure = guarded(|| panic!("a test")).expect_err("it panics");
        assert_eq!(failure.code, exit::BUG);
    }
}
