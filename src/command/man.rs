//! `man`: the manual pages, made of the same words as the help.

use std::{fs, io, path::Path};

use clap::CommandFactory;
use clap_mangen::Man;
use roff::{Roff, roman};

use super::{Console, Failure, exit};
use crate::cli::Cli;

/// Runs the command.
pub(super) fn run(console: &Console, folder: Option<&Path>) -> Result<u8, Failure> {
    let mut program = Cli::command();
    program.build();
    let Some(folder) = folder else {
        console.whole(&page(&program)?);
        return Ok(exit::DONE);
    };
    let write = |name: &str, bytes: Vec<u8>| {
        let file = folder.join(format!("{name}.1"));
        fs::write(&file, bytes).map_err(|error| {
            Failure::new(exit::DISK, format!("failed to write {}: {error}", file.display()))
        })
    };
    fs::create_dir_all(folder).map_err(|error| {
        Failure::new(exit::DISK, format!("failed to make {}: {error}", folder.display()))
    })?;
    let commands = pages(&program);
    for command in &commands {
        write(name(command), page(command)?)?;
    }
    if console.json {
        console.document(&serde_json::json!({ "folder": folder, "pages": commands.len() }));
    } else {
        console.tell(format_args!("{} pages in {}", commands.len(), folder.display()));
    }
    Ok(exit::DONE)
}

/// Every command, groups before their verbs.
fn pages(command: &clap::Command) -> Vec<&clap::Command> {
    let below = command.get_subcommands().filter(|verb| verb.get_name() != "help");
    std::iter::once(command).chain(below.flat_map(pages)).collect()
}

/// The name of a command's page, as in `postrider-send`.
fn name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// Sets one page. What the help ends with is told in the man page's own order: its prose describes, its lists get a section each.
fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let help = command.get_after_long_help().or(command.get_after_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (prose, lists) = sections(&help);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let described = command.clone().long_about(format!("{about}.\n\n{}", prose.join(" ")));
    let man = Man::new(described.color(clap::ColorChoice::Never))
        .title(name(command).to_uppercase())
        .source(format!("postrider {}", env!("CARGO_PKG_VERSION")))
        .manual("postrider");
    let mut bytes = Vec::new();
    let set = |bytes: &mut Vec<u8>| -> io::Result<()> {
        man.render_title(bytes)?;
        man.render_name_section(bytes)?;
        man.render_synopsis_section(bytes)?;
        man.render_description_section(bytes)?;
        man.render_options_section(bytes)?;
        if command.has_subcommands() {
            man.render_subcommands_section(bytes)?;
        }
        for (heading, lines) in &lists {
            let mut list = Roff::new();
            list.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
            list.text([roman(lines.join("\n"))]).control("fi", []);
            list.to_writer(bytes)?;
        }
        Ok(())
    };
    set(&mut bytes)
        .map_err(|error| Failure::new(exit::BUG, format!("failed to set a page: {error}")))?;
    Ok(bytes)
}

/// The lists of a help text, each with its heading, and the prose between them.
fn sections(help: &str) -> (Vec<&str>, Vec<(&str, Vec<&str>)>) {
    let mut prose = Vec::new();
    let mut lists: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in help.lines().filter(|line| !line.is_empty()) {
        match (line.strip_suffix(':'), lists.last_mut()) {
            (Some(heading), _) => lists.push((heading, Vec::new())),
            (None, Some((_, lines))) if line.starts_with(' ') => lines.push(line),
            _ => prose.push(line),
        }
    }
    (prose, lists)
}
