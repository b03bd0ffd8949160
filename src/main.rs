//! Parses the command line, runs one command, and says how it ended by the exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use postrider::{cli::Cli, command};

/// A copy is made on one thread and freed on another, which glibc's allocator answers with locks: a fifth of `plan`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(match Cli::read(std::env::args_os()) {
        Ok(cli) => command::run(cli),
        Err(answer) => command::explain(&answer),
    })
}
