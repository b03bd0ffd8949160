//! `man`: the manual pages, made of the same words as the help.

use std::{fs, io, path::Path};

use clap::{Arg, ArgAction, CommandFactory};
use clap_mangen::Man;
use roff::{Inline, Roff, bold, italic, roman};

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
        synopsis(command).to_writer(bytes)?;
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

/// Sets what may be typed, each option with its value: the verb's own, those of which one has to be, what it is about, and what every command takes.
fn synopsis(command: &clap::Command) -> Roff {
    let groups = command.get_groups().filter(|group| group.is_required_set());
    let groups: Vec<Vec<&Arg>> = groups
        .map(|group| {
            let is_in = |arg: &&Arg| group.get_args().any(|member| member == arg.get_id());
            command.get_arguments().filter(is_in).collect()
        })
        .collect();
    let is_alone = |arg: &&Arg| !groups.iter().flatten().any(|of| of.get_id() == arg.get_id());
    let alone = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter(is_alone);
    let (places, options): (Vec<&Arg>, Vec<&Arg>) = alone.partition(|arg| arg.is_positional());
    let (everywhere, own): (Vec<&Arg>, Vec<&Arg>) =
        options.into_iter().partition(|arg| arg.is_global_set());

    let mut line = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let add = |line: &mut Vec<Inline>, args: Vec<&Arg>| {
        for arg in args {
            let (before, after) = if arg.is_required_set() { (" ", "") } else { (" [", "]") };
            line.push(roman(before));
            line.extend(typed(arg));
            let is_many = arg.get_num_args().is_some_and(|count| count.max_values() > 1)
                || matches!(arg.get_action(), ArgAction::Append);
            line.push(roman(format!("{after}{}", if is_many { "..." } else { "" })));
        }
    };
    add(&mut line, own);
    for members in groups {
        for (at, member) in members.into_iter().enumerate() {
            line.push(roman(if at == 0 { " {" } else { " | " }));
            line.extend(typed(member));
        }
        line.push(roman("}"));
    }
    add(&mut line, places);
    if command.has_subcommands() {
        line.extend([roman(" "), italic("command")]);
    }
    add(&mut line, everywhere);

    let mut set = Roff::new();
    // Neither stretched nor hyphenated: it is to be typed.
    set.control("SH", ["SYNOPSIS"]).control("nh", []).control("ad", ["l"]);
    set.text(line).control("ad", ["b"]).control("hy", []);
    set
}

/// Sets an argument as it is typed.
fn typed(arg: &Arg) -> Vec<Inline> {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut set = Vec::new();
    for name in short.into_iter().chain(long) {
        if !set.is_empty() {
            set.push(roman("|"));
        }
        set.push(bold(name));
    }
    if arg.get_action().takes_values() {
        if !set.is_empty() {
            set.push(roman(" "));
        }
        let names = arg.get_value_names().unwrap_or_default();
        let names: Vec<&str> = names.iter().map(clap::builder::Str::as_str).collect();
        set.push(italic(names.join(" ")));
    }
    set
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
