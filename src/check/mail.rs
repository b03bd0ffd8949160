//! A finished message read back: its header fields, and its parts as a mail program decodes them (RFC 5322, 2045, 2046).

use data_encoding::BASE64_MIME_PERMISSIVE;

/// How deep parts may stand in one another.
const DEPTH: usize = 5;

/// A message.
#[derive(Debug, Default)]
pub(super) struct Mail {
    fields: Vec<(String, String)>,
    /// The parts that hold no others, in their order.
    pub(super) parts: Vec<Part>,
}

/// A part that holds no others.
#[derive(Debug)]
pub(super) struct Part {
    /// Its type in lower case, such as `text/html`.
    pub(super) kind: String,
    pub(super) charset: String,
    /// Its Content-ID without brackets (RFC 2392).
    pub(super) id: Option<String>,
    /// Its transfer encoding in lower case.
    pub(super) encoding: String,
    /// What it holds, decoded.
    pub(super) content: Vec<u8>,
    /// How long it is on the wire.
    pub(super) sent: usize,
}

impl Mail {
    /// Reads a message; what is malformed is read as far as it goes.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut mail = Self::default();
        let (fields, body) = split(bytes);
        collect(&fields, body, 0, &mut mail.parts);
        mail.fields = fields;
        mail
    }

    /// Returns a header field, unfolded.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }

    /// Returns the first part of a type.
    pub(super) fn part(&self, kind: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.kind == kind)
    }
}

impl Part {
    /// Returns what it holds as text, LF between lines.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).replace("\r\n", "\n")
    }
}

fn collect(fields: &[(String, String)], body: &[u8], depth: usize, parts: &mut Vec<Part>) {
    let kind = field(fields, "Content-Type").unwrap_or("text/plain");
    let name = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(boundary) =
        parameter(kind, "boundary").filter(|_| name.starts_with("multipart/") && depth < DEPTH)
    {
        for inner in between(body, boundary) {
            let (fields, body) = split(inner);
            collect(&fields, body, depth + 1, parts);
        }
        return;
    }
    let encoding =
        field(fields, "Content-Transfer-Encoding").unwrap_or("7bit").trim().to_ascii_lowercase();
    parts.push(Part {
        kind: name,
        charset: parameter(kind, "charset").unwrap_or("us-ascii").to_ascii_lowercase(),
        content: decoded(body, &encoding),
        id: field(fields, "Content-ID").map(|id| id.trim_matches(['<', '>']).to_owned()),
        sent: body.len(),
        encoding,
    });
}

/// Splits header fields, unfolded, from what follows the empty line.
fn split(bytes: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n");
    let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 4..]));
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in String::from_utf8_lossy(head).lines() {
        match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
            (true, Some((_, value)), _) => value.push_str(line),
            (_, _, Some((name, value))) => fields.push((name.to_owned(), value.trim().to_owned())),
            _ => {}
        }
    }
    (fields, body)
}

/// Returns the parts between lines of `--boundary`.
fn between<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}");
    let mut starts: Vec<usize> = memchr::memmem::find_iter(body, mark.as_bytes()).collect();
    starts.retain(|at| *at == 0 || body[..*at].ends_with(b"\n"));
    starts
        .windows(2)
        .filter_map(|pair| {
            let part = &body[pair[0] + mark.len()..pair[1]];
            let part = part.strip_prefix(b"\r\n").unwrap_or(part);
            Some(part.strip_suffix(b"\r\n").unwrap_or(part)).filter(|part| !part.is_empty())
        })
        .collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let known = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, value)| value.as_str())
}

fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (known, value) = parameter.trim().split_once('=')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}

fn decoded(body: &[u8], encoding: &str) -> Vec<u8> {
    match encoding {
        "quoted-printable" => quoted_printable(body),
        "base64" => {
            let letters: Vec<u8> =
                body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64_MIME_PERMISSIVE.decode(&letters).unwrap_or_default()
        }
        _ => body.to_vec(),
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => rest = after,
            [high, low, after @ ..] => {
                if let (Some(high), Some(low)) = (hex(*high), hex(*low)) {
                    out.push(high * 16 + low);
                    rest = after;
                } else {
                    out.push(b'=');
                }
            }
            _ => out.push(b'='),
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_a_mail_program_does() {
        let bytes = b"Subject: a\r\n b\r\nContent-Type: multipart/alternative;\r\n boundary=\"=_x\"\r\n\r\n\
            --=_x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            caf=C3=A9 =\r\nx=\r\n--=_x\r\nContent-Type: text/html; charset=utf-8\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nPHA+\r\nw6k=\r\n--=_x--\r\n";
        let mail = Mail::read(bytes);
        assert_eq!(mail.field("subject"), Some("a b"));
        let parts: Vec<_> = mail
            .parts
            .iter()
            .map(|part| (part.kind.as_str(), part.charset.as_str(), part.text()))
            .collect();
        assert_eq!(
            parts,
            [
                ("text/plain", "utf-8", "café x=".to_owned()),
                ("text/html", "utf-8", "<p>é".to_owned())
            ]
        );
    }
}
