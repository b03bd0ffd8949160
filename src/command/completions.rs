//! `completions`: what a shell needs to complete our commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Console, exit};
use crate::cli::Cli;

/// Runs the command.
pub(super) fn run(console: &Console, shell: Shell) -> u8 {
    let mut script = Vec::new();
    let mut program = Cli::command();
    let name = program.get_name().to_owned();
    clap_complete::generate(shell, &mut program, name, &mut script);
    console.whole(&script);
    exit::DONE
}
