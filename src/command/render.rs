//! `render`: the issue as one reader gets it, as files to look at.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Console, Failure,
    console::Tone,
    exit,
    newsroom::{IssueFolder, Newsroom, write_private},
    reader, words,
};
use crate::{
    cli::Global,
    compose::Purpose,
    model::{Problem, Suppressed},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    issue: &str,
    reader: Option<&str>,
    out: Option<&Path>,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(issue)?;
    let rendered = write(&newsroom, &folder, reader, out).await?;
    console.problems(&rendered.warnings);
    if console.json {
        let files: Vec<_> = rendered
            .files
            .iter()
            .map(|(path, bytes)| serde_json::json!({ "file": path, "bytes": bytes }))
            .collect();
        console.document(&serde_json::json!({
            "issue": folder.slug,
            "digest": rendered.digest,
            "reader": rendered.reader,
            "files": files,
        }));
        return Ok(exit::DONE);
    }
    for (path, bytes) in &rendered.files {
        let size = console.paint(Tone::Quiet, format_args!("{} kB", bytes.div_ceil(1000)));
        console.say(format_args!("{}  {size}", words::path(path)));
    }
    Ok(exit::DONE)
}

/// What was written.
pub(super) struct Rendered {
    pub(super) files: Vec<(PathBuf, usize)>,
    pub(super) warnings: Vec<Problem>,
    pub(super) digest: String,
    pub(super) reader: String,
}

/// Writes `issue.html`, `issue.txt` and `issue.eml`, and the pictures that travel with it, as `reader` (or a made-up one) gets them.
pub(super) async fn write(
    newsroom: &Newsroom,
    folder: &IssueFolder,
    reader: Option<&str>,
    out: Option<&Path>,
) -> Result<Rendered, Failure> {
    let composed = newsroom.compose(folder)?;
    let reader = match reader {
        Some(address) => reader::find(newsroom, address, false).await?,
        None => reader::sample(composed.edition.samples())?,
    };
    let press = newsroom.press(&composed.edition, 0, newsroom.now, newsroom.keys_for_a_look()?)?;
    let message_id = format!("<render@{}>", newsroom.publication.sender.from.address.domain());
    let failed = |why: Suppressed| {
        Failure::new(exit::BAD_DATA, format!("{} would not get it: {why}", reader.address))
    };
    let printed = press.print(&reader, &message_id, 0, Purpose::Real).map_err(failed)?;
    let mut html = press.part_html(&reader, Purpose::Real).map_err(failed)?;
    let text = press.part_text(&reader, Purpose::Real).map_err(failed)?;

    // A browser knows no `cid:`; the pictures that travel with the mail lie beside the page.
    for enclosure in &composed.edition.enclosures {
        html = html.replace(&enclosure.url(), &enclosure.name);
    }

    let out = out.map_or_else(|| folder.path.join("rendered"), Path::to_path_buf);
    fs::create_dir_all(&out).map_err(|error| Failure::file(&out, "make", &error))?;
    let mut files = Vec::new();
    let enclosed = composed.edition.enclosures.iter();
    for (name, bytes) in [
        ("issue.html", html.as_bytes()),
        ("issue.txt", text.as_bytes()),
        ("issue.eml", &printed.bytes),
    ]
    .into_iter()
    .chain(enclosed.map(|enclosure| (enclosure.name.as_str(), enclosure.bytes.as_slice())))
    {
        let path = out.join(name);
        write_private(&path, bytes)?;
        files.push((path, bytes.len()));
    }
    Ok(Rendered {
        files,
        warnings: composed
            .warnings
            .into_iter()
            .filter(|warning| !composed.issue.accepts(warning.code))
            .collect(),
        digest: composed.edition.digest(),
        reader: reader.address.to_string(),
    })
}
