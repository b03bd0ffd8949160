//! An IMAP folder (RFC 9051, and RFC 3501 before it): the little of it that reading unseen messages needs.
//!
//! TLS from the first byte, verified; no other way in. Commands one at a time,
//! each with a deadline for every read. What a server may send is bounded. It
//! blocks: whoever calls has a thread to spare.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use percent_encoding::percent_decode_str;
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use super::{BYTES_MAX, Mail};
use crate::{model::Secret, trust};

/// Where a folder is: `imaps://user@host:port/FOLDER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImapUrl {
    /// Who logs in.
    pub user: String,
    /// The server, which its certificate must name.
    pub host: String,
    /// 993 where nothing is said.
    pub port: u16,
    /// `INBOX` where nothing is said.
    pub folder: String,
}

/// Says why a folder cannot be read. Shows no secret.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The text is no address of a folder.
    #[error("`{0}` is not an IMAP folder")]
    Url(String),
    /// A password stands in it.
    #[error("a password stands in the folder's URL")]
    Password,
    /// The server cannot be reached, or broke off.
    #[error("the IMAP server {server} cannot be used: {why}")]
    Broken {
        /// Host and port.
        server: String,
        /// What happened.
        why: String,
    },
    /// It does not let us in.
    #[error("the IMAP server {server} refuses the user or the password: {said}")]
    Login {
        /// Host and port.
        server: String,
        /// Its words.
        said: String,
    },
    /// It refuses a command.
    #[error("the IMAP server {server} refuses {command}: {said}")]
    Refused {
        /// Host and port.
        server: String,
        /// The command's name.
        command: &'static str,
        /// Its words.
        said: String,
    },
}

/// A folder that was opened.
pub struct Imap {
    wire: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    server: String,
    /// Numbers the commands.
    tag: u32,
}

/// How long a connection may take to open, and each read and write.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a line may be: the numbers of a million messages.
const LINE_MAX: u64 = 8 << 20;
/// How many lines may answer one command.
const LINES_MAX: usize = 100_000;

/// What a server said that begins with `*`, with the literals it held.
struct Said {
    text: String,
    literal: Option<Vec<u8>>,
}

impl ImapUrl {
    /// Reads one.
    pub fn read(text: &str) -> Result<Self, ImapError> {
        let wrong = || ImapError::Url(text.to_owned());
        let rest = text.strip_prefix("imaps://");
        let (login, rest) = rest.unwrap_or(text).rsplit_once('@').ok_or_else(wrong)?;
        if login.rsplit("://").next().is_some_and(|login| login.contains(':')) {
            return Err(ImapError::Password);
        }
        let (server, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match server.rsplit_once(':').filter(|_| !server.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (server, 993),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
            Some(text).filter(|text| !text.chars().any(char::is_control))
        };
        let user = decoded(login).filter(|user| !user.is_empty()).ok_or_else(wrong)?;
        let folder = decoded(folder).ok_or_else(wrong)?;
        let folder = if folder.is_empty() { "INBOX".to_owned() } else { folder };
        // An address of another kind may hold a password, which is why it was looked for first.
        if !text.starts_with("imaps://") || host.is_empty() || !folder.is_ascii() {
            return Err(wrong());
        }
        Ok(Self { user, host: host.to_owned(), port, folder })
    }
}

impl Imap {
    /// Opens a folder; `trust` (PEM) is trusted besides the system's certificates. With `only_look` nothing can be changed.
    pub fn open(
        url: &ImapUrl,
        password: &Secret,
        trust: &[u8],
        only_look: bool,
    ) -> Result<Self, ImapError> {
        let server = format!("{}:{}", url.host, url.port);
        let broken = |why: String| ImapError::Broken { server: server.clone(), why };
        let tls = connect(url, trust).map_err(|error| broken(words(&error)))?;
        let mut imap = Self { wire: BufReader::new(tls), server: server.clone(), tag: 0 };
        let greeting = imap.line().map_err(|error| imap.broken(&error))?;
        if !greeting.text.starts_with("* OK") && !greeting.text.starts_with("* PREAUTH") {
            return Err(broken(format!("it greets with `{}`", shown(&greeting.text))));
        }
        if greeting.text.starts_with("* OK") {
            imap.command("LOGIN", &[&url.user, password.expose()]).map_err(
                |error| match error {
                    ImapError::Refused { server, said, .. } => ImapError::Login { server, said },
                    other => other,
                },
            )?;
        }
        imap.command(if only_look { "EXAMINE" } else { "SELECT" }, &[&url.folder])?;
        Ok(imap)
    }

    /// Returns the numbers of the messages nobody has seen, in the order they came.
    pub fn unseen(&mut self) -> Result<Vec<u32>, ImapError> {
        let said = self.command("UID SEARCH UNSEEN", &[])?;
        let numbers = said.iter().filter_map(|line| line.text.strip_prefix("* SEARCH"));
        let mut numbers: Vec<u32> = numbers
            .flat_map(str::split_whitespace)
            .filter_map(|number| number.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Reads one, without marking it. `None`: it is gone.
    pub fn read(&mut self, number: u32) -> Result<Option<Mail>, ImapError> {
        let said = self.run(
            "UID FETCH",
            &format!("UID FETCH {number} (BODY.PEEK[]<0.{BYTES_MAX}>)"),
            &[],
        )?;
        let bytes =
            said.into_iter().find_map(|line| line.literal.filter(|_| line.text.contains("FETCH")));
        Ok(bytes.map(|bytes| Mail { name: number.to_string(), bytes }))
    }

    /// Marks one as seen.
    pub fn see(&mut self, number: u32) -> Result<(), ImapError> {
        self.run("UID STORE", &format!("UID STORE {number} +FLAGS.SILENT (\\Seen)"), &[]).map(drop)
    }

    /// Says good-bye; what was marked stays marked whether the server answers or not.
    pub fn close(mut self) {
        let _ = self.command("LOGOUT", &[]);
    }

    fn command(&mut self, name: &'static str, strings: &[&str]) -> Result<Vec<Said>, ImapError> {
        self.run(name, name, strings)
    }

    /// Sends a command with its strings and returns what was said until it was done.
    fn run(
        &mut self,
        name: &'static str,
        command: &str,
        strings: &[&str],
    ) -> Result<Vec<Said>, ImapError> {
        self.tag += 1;
        let tag = format!("p{} ", self.tag);
        let said = self.exchange(&tag, command, strings).map_err(|error| self.broken(&error))?;
        let (done, said) = said;
        if done.strip_prefix(&tag).is_some_and(|rest| rest.starts_with("OK")) {
            return Ok(said);
        }
        let said = shown(done.strip_prefix(&tag).unwrap_or(&done));
        Err(ImapError::Refused { server: self.server.clone(), command: name, said })
    }

    fn exchange(
        &mut self,
        tag: &str,
        command: &str,
        strings: &[&str],
    ) -> io::Result<(String, Vec<Said>)> {
        let mut line = format!("{tag}{command}");
        let mut said = Vec::new();
        for string in strings {
            line.push(' ');
            if string.bytes().all(|byte| (32..127).contains(&byte)) {
                let escaped = string.replace('\\', "\\\\").replace('"', "\\\"");
                line.extend(["\"", escaped.as_str(), "\""]);
                continue;
            }
            // What no quoted string may hold goes as a literal, once the server says that it may.
            line.extend(["{", string.len().to_string().as_str(), "}\r\n"]);
            self.send(line.as_bytes())?;
            let answer = self.answer(&mut said, tag)?;
            if !answer.starts_with('+') {
                return Ok((answer, said));
            }
            (*string).clone_into(&mut line);
        }
        line.push_str("\r\n");
        self.send(line.as_bytes())?;
        let done = self.answer(&mut said, tag)?;
        Ok((done, said))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.wire.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads until the command is done, or the server asks for more of it.
    fn answer(&mut self, said: &mut Vec<Said>, tag: &str) -> io::Result<String> {
        for _ in 0..LINES_MAX {
            let line = self.line()?;
            if line.text.starts_with(tag) || line.text.starts_with('+') {
                return Ok(line.text);
            }
            if line.text.starts_with("* BYE") && !said.is_empty() {
                return Ok(line.text);
            }
            said.push(line);
        }
        Err(io::Error::other("it answers without an end"))
    }

    /// Reads one line, with its literals within.
    fn line(&mut self) -> io::Result<Said> {
        let mut said = Said { text: String::new(), literal: None };
        loop {
            let mut piece = Vec::new();
            (&mut self.wire).take(LINE_MAX).read_until(b'\n', &mut piece)?;
            if !piece.ends_with(b"\n") {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it broke off"));
            }
            let piece = String::from_utf8_lossy(&piece);
            let piece = piece.trim_end_matches(['\r', '\n']);
            said.text.push_str(piece);
            let length = piece
                .strip_suffix('}')
                .and_then(|piece| piece.rsplit_once('{'))
                .and_then(|(_, length)| length.parse::<u64>().ok());
            let Some(length) = length else { return Ok(said) };
            if said.text.len() as u64 > LINE_MAX {
                return Err(io::Error::other("its answer is too long"));
            }
            let mut literal = Vec::new();
            (&mut self.wire).take(length.min(BYTES_MAX)).read_to_end(&mut literal)?;
            let rest = length.saturating_sub(BYTES_MAX);
            if io::copy(&mut (&mut self.wire).take(rest), &mut io::sink())? < rest
                || (literal.len() as u64) < length.min(BYTES_MAX)
            {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "it broke off within a message",
                ));
            }
            said.literal.get_or_insert(literal);
        }
    }

    fn broken(&self, error: &io::Error) -> ImapError {
        ImapError::Broken { server: self.server.clone(), why: words(error) }
    }
}

fn connect(url: &ImapUrl, own: &[u8]) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let config = trust::client(own, rustls_native_certs::load_native_certs().certs)
        .map_err(io::Error::other)?;
    let name = ServerName::try_from(url.host.clone())
        .map_err(|_| io::Error::other("its name is none that a certificate can have"))?;
    let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name leads nowhere");
    for address in (url.host.as_str(), url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE / 2) {
            Ok(tcp) => {
                tcp.set_read_timeout(Some(PATIENCE))?;
                tcp.set_write_timeout(Some(PATIENCE))?;
                return Ok(StreamOwned::new(tls, tcp));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Says what broke; a certificate that is not trusted in words that help.
fn words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (inner, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(fault)), _) => {
            format!("its certificate is not trusted: {}", trust::fault(fault, None))
        }
        (Some(fault), _) => format!("no TLS with it: {fault}"),
        (None, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            "it said nothing for a minute".to_owned()
        }
        (None, _) => error.to_string(),
    }
}

/// Returns a server's words, bounded and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_address_is_read_and_never_with_a_password() {
        let url = |user: &str, host: &str, port, folder: &str| ImapUrl {
            user: user.to_owned(),
            host: host.to_owned(),
            port,
            folder: folder.to_owned(),
        };
        for (text, expected) in [
            ("imaps://me@mail.example.org", url("me", "mail.example.org", 993, "INBOX")),
            (
                "imaps://me%40example.org@mail.example.org/Bounces",
                url("me@example.org", "mail.example.org", 993, "Bounces"),
            ),
            ("imaps://a+b@[::1]:1993/A%20B/C", url("a+b", "::1", 1993, "A B/C")),
        ] {
            assert_eq!(ImapUrl::read(text).expect(text), expected);
        }
        for text in [
            "",
            "mail.example.org",
            "imap://me@host",
            "imaps://@host",
            "imaps://me@",
            "imaps://me@host:x",
            "imaps://me@host/\u{e9}",
            "imaps://a%0Ab@host",
        ] {
            assert!(matches!(ImapUrl::read(text), Err(ImapError::Url(_))), "{text}");
        }
        for text in ["imaps://me:s3cret@host", "imap://me:s3cret@host", "me:s3cret@host"] {
            let error = ImapUrl::read(text).expect_err(text).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
