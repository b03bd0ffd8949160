//! Parses the command line, runs one command, and says how it ended by the exit code.

use std::process::ExitCode;

use postrider::{cli::Cli, command};

fn main() -> ExitCode {
    ExitCode::from(match Cli::read(std::env::args_os()) {
        Ok(cli) => command::run(cli),
        Err(answer) => command::explain(&answer),
    })
}
