//! The manual pages and the completions, which are made of the help's own words.

use std::{fs, process::Command};

use clap::CommandFactory;
use postrider::cli::Cli;

use super::{env::Env, shows};
use crate::skip::skipped;

#[test]
fn every_command_has_a_page_of_the_manual() {
    let env = Env::empty();
    env.postrider("man pages").code(0).tells("pages in pages");
    for command in Cli::command().get_subcommands() {
        let page = env.read(&format!("pages/postrider-{}.1", command.get_name()));
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
        assert!(command.has_subcommands() || page.contains(".SH EXAMPLES"), "{page}");
        assert_eq!(page.matches("\n.nf").count(), page.matches("\n.fi").count(), "{page}");
    }
    let page = env.postrider("man").code(0).out;
    assert_eq!(page, env.read("pages/postrider.1"));
    let page = env.read("pages/postrider-send.1");
    shows("man_send", &page.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn the_typesetter_has_nothing_to_say_against_the_pages() {
    if Command::new("groff").arg("--version").output().is_err() {
        return skipped("setting the manual, which needs groff");
    }
    let env = Env::empty();
    env.postrider("man pages").code(0);
    for page in fs::read_dir(env.root.join("pages")).expect("it is there") {
        let page = page.expect("an entry").path();
        let set = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&page).output();
        let said = String::from_utf8(set.expect("it runs").stderr).expect("it is UTF-8");
        assert_eq!(said, "", "{}", page.display());
    }
}

#[test]
fn every_shell_is_taught_every_command() {
    let env = Env::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = env.postrider(&format!("completions {shell}")).code(0).out;
        for command in Cli::command().get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
    env.write("complete", &env.postrider("completions bash").out);
    let typed = "source ./complete; COMP_WORDS=(postrider subscribers imp); COMP_CWORD=2; \
                 _postrider postrider imp subscribers; echo \"${COMPREPLY[*]}\"";
    let bash = Command::new("bash").args(["-c", typed]).current_dir(&env.root).output();
    assert_eq!(String::from_utf8(bash.expect("it runs").stdout).expect("words"), "import\n");
}
