//! `init`: a publication that renders and sends at once.

use std::{fs, path::Path};

use super::{Console, Failure, console::Tone, exit, newsroom::write_private};

/// The folder of the sample issue.
pub(super) const SAMPLE: &str = "2003-10-06-kazakhstan";

/// What is written, by path: the text, and whether only the owner may read it.
const FILES: [(&str, &str, bool); 5] = [
    ("publication.toml", include_str!("../../templates/starter/publication.toml"), false),
    (
        "issues/2003-10-06-kazakhstan/issue.md",
        include_str!("../../templates/starter/issue.md"),
        false,
    ),
    ("subscribers.csv", include_str!("../../templates/starter/subscribers.csv"), true),
    (".gitignore", include_str!("../../templates/starter/gitignore"), false),
    ("templates/README.md", include_str!("../../templates/starter/templates.md"), false),
];

/// Runs the command.
pub(super) fn run(console: &Console, folder: &Path) -> Result<u8, Failure> {
    let is_taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if folder.is_file() {
        return Err(Failure::new(exit::GUARD, format!("`{}` is a file", folder.display()))
            .hint("name a folder that does not exist yet, or an empty one"));
    }
    if is_taken {
        return Err(Failure::new(exit::GUARD, format!("`{}` is not empty", folder.display()))
            .hint("name a folder that does not exist yet, or an empty one"));
    }
    write(folder)?;
    if console.json {
        console.document(
            &serde_json::json!({ "folder": folder.display().to_string(), "issue": SAMPLE }),
        );
        return Ok(exit::DONE);
    }
    let shown = folder.display().to_string();
    console.tell(format_args!(
        "{} is a publication with one issue. Next:",
        console.paint(Tone::Strong, &shown)
    ));
    for (command, what) in [
        (format!("cd {shown}"), ""),
        ("postrider render kazakhstan".to_owned(), "look at it"),
        ("postrider test kazakhstan --to you@example.org".to_owned(), "send yourself one"),
        ("postrider send kazakhstan".to_owned(), "deliver it to the list"),
    ] {
        let what = console.paint(Tone::Quiet, what);
        console.tell(format!("  {command:<50} {what}").trim_end());
    }
    console.tell_sentence("Until you set [relay] url in publication.toml, all mail goes to the folder outbox/ and nowhere else.");
    Ok(exit::DONE)
}

/// Writes the starter's files into a folder.
pub(super) fn write(folder: &Path) -> Result<(), Failure> {
    for (name, text, private) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file(parent, "make", &error))?;
        }
        if private {
            write_private(&path, text.as_bytes())?;
        } else {
            fs::write(&path, text).map_err(|error| Failure::file(&path, "write", &error))?;
        }
    }
    Ok(())
}
