//! A name server on loopback that says what a test writes: a zone, a line a record, and names at which it fails.
//!
//! `name TYPE data`, with TXT, MX, A, AAAA and PTR. In the place of data `!servfail`, `!silence` and
//! `!garbage` are what one gets for that name and type. Every other name does not exist, and a name
//! that is there has nothing of another type.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    thread,
};

/// A server; its thread ends with the test's process.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    kind: u16,
    data: String,
}

impl NameServer {
    /// Serves a zone on a free port.
    pub(crate) fn serving(zone: &str) -> Self {
        let entries: Vec<Entry> = zone
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| {
                let mut parts = line.splitn(3, ' ');
                let mut part = || parts.next().unwrap_or_else(|| panic!("not a record: {line}"));
                Entry { name: part().to_owned(), kind: number(part()), data: part().to_owned() }
            })
            .collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it has an address");
        let entries = Arc::new(entries);
        thread::spawn(move || {
            let mut question = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if let Some(answer) = answer(&question[..length], &entries) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { address }
    }
}

/// The reverse of an address, as PTR records are named.
pub(crate) fn reverse(address: &str) -> String {
    match address.parse().expect("an address") {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(_) => panic!("no test has wanted it yet"),
    }
}

fn number(kind: &str) -> u16 {
    match kind {
        "A" => 1,
        "PTR" => 12,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        _ => panic!("no type: {kind}"),
    }
}

/// Answers one question (RFC 1035 section 4); `None` is silence.
fn answer(question: &[u8], entries: &[Entry]) -> Option<Vec<u8>> {
    let (name, end) = read_name(question.get(12..)?)?;
    let end = 12 + end + 4;
    let kind = u16::from_be_bytes([*question.get(end - 4)?, *question.get(end - 3)?]);
    let here: Vec<&Entry> = entries.iter().filter(|entry| entry.name == name).collect();
    let found: Vec<&&Entry> = here.iter().filter(|entry| entry.kind == kind).collect();
    let code = match found.first().map(|entry| entry.data.as_str()) {
        Some("!silence") => return None,
        Some("!garbage") => return Some([&question[..2], [0xff; 40].as_slice()].concat()),
        Some("!servfail") => 2,
        None if here.is_empty() => 3,
        _ => 0,
    };
    let count = if code == 0 { u16::try_from(found.len()).expect("a few") } else { 0 };
    let mut answer = question[..2].to_vec();
    answer.extend_from_slice(&[0x81, 0x80 | code, 0, 1]);
    answer.extend_from_slice(&count.to_be_bytes());
    answer.extend_from_slice(&[0, 0, 0, 0]);
    answer.extend_from_slice(&question[12..end]);
    for entry in found.iter().take(usize::from(count)) {
        let data = data(entry);
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 1, 0]);
        answer.extend_from_slice(&u16::try_from(data.len()).expect("it is short").to_be_bytes());
        answer.extend_from_slice(&data);
    }
    Some(answer)
}

fn data(entry: &Entry) -> Vec<u8> {
    let text = entry.data.as_str();
    match entry.kind {
        16 => text
            .as_bytes()
            .chunks(255)
            .flat_map(|string| [&[u8::try_from(string.len()).expect("short")], string].concat())
            .collect(),
        15 => {
            let (preference, host) = text.split_once(' ').expect("a preference and a host");
            let preference: u16 = preference.parse().expect("a number");
            [preference.to_be_bytes().as_slice(), &name(host)].concat()
        }
        12 => name(text),
        _ => match text.parse().expect("an address") {
            IpAddr::V4(four) => four.octets().to_vec(),
            IpAddr::V6(six) => six.octets().to_vec(),
        },
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("short"));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Reads a name without pointers; returns it in lower case, and its length on the wire.
fn read_name(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}
