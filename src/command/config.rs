//! `config show`: the settings as they hold, and where each comes from.

use serde_json::{Value, json};

use super::{
    Console, Failure,
    console::Tone,
    exit,
    newsroom::{self, Newsroom},
};
use crate::{
    cli::Global,
    config::{FILE_NAME, Origin, Setting, settings},
};

/// The column in which origins stand, where a setting is no longer than that.
const MARGIN: usize = 56;

/// Runs `config show`.
pub(super) fn show(console: &Console, global: &Global, origin: bool) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let settings = settings(&newsroom.publication, &newsroom.settings);
    if console.json {
        console.document(&settings.iter().map(document).collect::<Vec<_>>());
        return Ok(exit::DONE);
    }
    let mut table = "";
    if let Some(whence) = newsroom::handed_over().filter(|_| origin) {
        console.say(format_args!(
            "# the relay's password comes from {whence}, whatever stands below\n"
        ));
    }
    for setting in &settings {
        if setting.table != table {
            let blank = if table.is_empty() { "" } else { "\n" };
            table = setting.table;
            console
                .say(format_args!("{blank}{}", console.paint(Tone::Strong, format!("[{table}]"))));
        }
        let line = format!("{} = {}", key(&setting.key), setting.value);
        if origin {
            let said = console.paint(Tone::Quiet, format_args!("# {}", words(&setting.origin)));
            console.say(format_args!("{line:MARGIN$}  {said}"));
        } else {
            console.say(line);
        }
    }
    Ok(exit::DONE)
}

/// Writes a key as TOML does: quoted where it is more than a word.
fn key(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { toml::Value::from(name).to_string() }
}

fn words(origin: &Origin) -> String {
    match origin {
        Origin::Line(line) => format!("{FILE_NAME}:{line}"),
        Origin::Preset(preset) => format!("preset {preset}"),
        Origin::Default => "default".to_owned(),
    }
}

fn document(setting: &Setting) -> Value {
    json!({
        "table": setting.table,
        "key": setting.key,
        "value": setting.value,
        "origin": words(&setting.origin),
    })
}
