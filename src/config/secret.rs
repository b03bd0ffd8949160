//! Fetches a secret from where the configuration says it is.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::model::{Secret, SecretSource};

/// Says why a secret could not be had. Never shows any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret file {file} cannot be read: {why}")]
    Unreadable {
        /// As it is written in the configuration.
        file: String,
        /// What the system said.
        why: String,
    },
    /// Others on this machine could read it.
    #[error(
        "the secret file {file} can be read by others (its mode is {mode:03o}); run `chmod 600 {file}`"
    )]
    NotPrivate {
        /// As it is written in the configuration.
        file: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The command did not do its work.
    #[error("the password command failed: {0}")]
    Command(String),
    /// The first line is empty, or not UTF-8.
    #[error("{0} gives no secret: its first line is empty or no text")]
    Empty(&'static str),
}

/// How long a password command may take, a person's fingerprint included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longer than any secret on one line; keeps a wrong path, such as a device, from filling the memory.
const BYTES_MAX: u64 = 65_536;

/// Returns what systemd handed over under this name (systemd.exec(5), `LoadCredential=`), out of the folder that `$CREDENTIALS_DIRECTORY` names; `None` where there is no such file.
pub fn credential(folder: Option<&Path>, name: &str) -> Result<Option<Secret>, SecretError> {
    let Some(file) = folder.map(|folder| folder.join(name)) else { return Ok(None) };
    let unreadable = |why: std::io::Error| SecretError::Unreadable {
        file: file.display().to_string(),
        why: why.to_string(),
    };
    let mut bytes = Vec::new();
    let open = match File::open(&file) {
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    open.take(BYTES_MAX).read_to_end(&mut bytes).map_err(unreadable)?;
    first_line("the credential", &bytes).map(Some)
}

/// Returns the secret; `None` where neither the environment nor the configuration names one.
///
/// `variable` is the environment's value and wins; a file is relative to
/// `root` and must be the owner's alone; a command runs in `root` by `sh -c`.
/// Of what they hold, the first line counts.
pub fn secret(
    source: Option<&SecretSource>,
    root: &Path,
    variable: Option<String>,
) -> Result<Option<Secret>, SecretError> {
    match (variable, source) {
        (Some(value), _) => first_line("the variable", value.as_bytes()).map(Some),
        (None, Some(SecretSource::File(file))) => from_file(file, root).map(Some),
        (None, Some(SecretSource::Command(command))) => from_command(command, root).map(Some),
        (None, None) => Ok(None),
    }
}

fn from_file(file: &str, root: &Path) -> Result<Secret, SecretError> {
    first_line("the secret file", &read_private(file, root)?)
}

/// Reads a file that must be its owner's alone; `file` is relative to `root`.
pub(super) fn read_private(file: &str, root: &Path) -> Result<Vec<u8>, SecretError> {
    let unreadable = |why: std::io::Error| SecretError::Unreadable {
        file: file.to_owned(),
        why: why.to_string(),
    };
    let open = File::open(root.join(file)).map_err(unreadable)?;
    check_private(file, &open.metadata().map_err(unreadable)?)?;
    let mut bytes = Vec::new();
    open.take(BYTES_MAX).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(unix)]
fn check_private(file: &str, metadata: &std::fs::Metadata) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt;
    match metadata.permissions().mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(SecretError::NotPrivate { file: file.to_owned(), mode }),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn check_private(_: &str, _: &std::fs::Metadata) -> Result<(), SecretError> {
    Ok(())
}

fn from_command(command: &str, root: &Path) -> Result<Secret, SecretError> {
    let failed = |why: std::io::Error| SecretError::Command(why.to_string());
    let child = Command::new("sh")
        .args(["-c", command])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (told, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || told.send(child.wait_with_output()));
    // One that waits for ever ends with us.
    let output = answer.recv_timeout(PATIENCE).map_err(|_| {
        SecretError::Command(format!("it said nothing for {} seconds", PATIENCE.as_secs()))
    })?;
    let output = output.map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(SecretError::Command(match said.lines().next() {
            Some(said) => format!("{}: {said}", output.status),
            None => output.status.to_string(),
        }));
    }
    first_line("the password command", &output.stdout)
}

fn first_line(whence: &'static str, bytes: &[u8]) -> Result<Secret, SecretError> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(SecretError::Empty(whence)),
    }
}
