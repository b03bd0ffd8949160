//! The client's lines (RFC 5321 section 4.1) as values. Pure.

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// EHLO, or HELO where not `extended`.
    Hello {
        name: &'a str,
        extended: bool,
    },
    Mail {
        path: &'a str,
        size: u64,
    },
    Rcpt {
        path: &'a str,
    },
    Data,
    /// BDAT: so many bytes follow (RFC 3030), and whether they are the message's last.
    Bdat {
        size: u64,
        last: bool,
    },
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    StartTls,
    /// AUTH, its mechanism as written and its first response.
    Auth {
        mechanism: &'a str,
        response: Option<&'a str>,
    },
    /// So wrong that what follows cannot be understood either: what to answer before closing.
    Lost(&'static str),
    /// Known, but wrong: what to answer.
    Wrong(&'static str),
}

/// The longest command: the 512 of RFC 5321 section 4.5.3.1.4, and what extensions add to it.
const LINE_MAX: usize = 2_048;
/// The longest AUTH (RFC 4954 section 4).
const AUTH_MAX: usize = 12_288;

/// Reads a line without its line end.
pub(super) fn parse(line: &str) -> Command<'_> {
    let line = line.trim_end();
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_start();
    let max = if verb.eq_ignore_ascii_case("AUTH") { AUTH_MAX } else { LINE_MAX };
    if line.len() > max {
        return Command::Wrong("500 5.5.2 that line is too long");
    }
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" | "HELO" if rest.is_empty() => Command::Wrong("501 5.5.4 say who you are"),
        "EHLO" => Command::Hello { name: rest, extended: true },
        "HELO" => Command::Hello { name: rest, extended: false },
        "MAIL" => mail(rest),
        "RCPT" => match path(rest, "TO:") {
            Some((path, "")) if !path.is_empty() => Command::Rcpt { path },
            Some((path, _)) if !path.is_empty() => Command::Wrong("555 5.5.4 unknown parameter"),
            _ => Command::Wrong("501 5.1.3 that is no recipient"),
        },
        "DATA" if rest.is_empty() => Command::Data,
        "BDAT" => chunk(rest),
        "RSET" if rest.is_empty() => Command::Rset,
        "NOOP" => Command::Noop,
        "VRFY" => Command::Vrfy,
        "HELP" => Command::Help,
        "QUIT" if rest.is_empty() => Command::Quit,
        "STARTTLS" if rest.is_empty() => Command::StartTls,
        "AUTH" => {
            let mut words = rest.split_ascii_whitespace();
            match words.next() {
                Some(mechanism) => Command::Auth { mechanism, response: words.next() },
                None => Command::Wrong("501 5.5.4 by which mechanism"),
            }
        }
        "DATA" | "RSET" | "QUIT" | "STARTTLS" => Command::Wrong("501 5.5.4 no parameter allowed"),
        _ => Command::Wrong("500 5.5.1 unknown command"),
    }
}

fn chunk(rest: &str) -> Command<'_> {
    let (size, end) = rest.split_once(' ').unwrap_or((rest, ""));
    let last = end.trim().eq_ignore_ascii_case("LAST");
    match size.parse() {
        Ok(size) if last || end.trim().is_empty() => Command::Bdat { size, last },
        // How much follows is not known, so neither is where the next command begins.
        _ => Command::Lost("501 5.5.4 how many bytes"),
    }
}

fn mail(rest: &str) -> Command<'_> {
    let Some((path, parameters)) = path(rest, "FROM:") else {
        return Command::Wrong("501 5.1.7 that is no return path");
    };
    let mut size = 0;
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.to_ascii_uppercase().as_str() {
            "SIZE" => match value.parse() {
                Ok(bytes) => size = bytes,
                Err(_) => return Command::Wrong("501 5.5.4 that is no size"),
            },
            "BODY" | "SMTPUTF8" => {}
            _ => return Command::Wrong("555 5.5.4 unknown parameter"),
        }
    }
    Command::Mail { path, size }
}

/// Reads `FROM:<path> parameters`.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (said, rest) = rest.split_at_checked(keyword.len())?;
    let rest = rest.trim_start().strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == '>' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        ends
    })?;
    let after = &rest[end + 1..];
    let apart = after.is_empty() || after.starts_with(' ');
    (said.eq_ignore_ascii_case(keyword) && apart).then(|| (&rest[..end], after.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_are_read_without_regard_to_case() {
        use Command as C;
        for (line, expected) in [
            ("ehlo a.example", C::Hello { name: "a.example", extended: true }),
            ("HELO a", C::Hello { name: "a", extended: false }),
            ("mail from:<a@b.example>", C::Mail { path: "a@b.example", size: 0 }),
            ("MAIL FROM: <> size=12 BODY=8BITMIME SMTPUTF8", C::Mail { path: "", size: 12 }),
            ("RCPT TO:<\"a> b\"@c.example>", C::Rcpt { path: "\"a> b\"@c.example" }),
            ("RCPT TO:<\"a\\\"> \"@c>", C::Rcpt { path: "\"a\\\"> \"@c" }),
            ("Data ", C::Data),
            ("bdat 12", C::Bdat { size: 12, last: false }),
            ("BDAT 0 Last", C::Bdat { size: 0, last: true }),
            ("BDAT", C::Lost("501 5.5.4 how many bytes")),
            ("BDAT 1 2", C::Lost("501 5.5.4 how many bytes")),
            ("BDAT -1", C::Lost("501 5.5.4 how many bytes")),
            ("AUTH PLAIN AGE=", C::Auth { mechanism: "PLAIN", response: Some("AGE=") }),
            ("AUTH login", C::Auth { mechanism: "login", response: None }),
            ("", C::Wrong("500 5.5.1 unknown command")),
            ("EHLO", C::Wrong("501 5.5.4 say who you are")),
            ("DATA now", C::Wrong("501 5.5.4 no parameter allowed")),
            ("MAIL FROM:a@b", C::Wrong("501 5.1.7 that is no return path")),
            ("MAIL FROM:<a> XYZ=1", C::Wrong("555 5.5.4 unknown parameter")),
            ("MAIL FROM:<a>SIZE=1", C::Wrong("501 5.1.7 that is no return path")),
            ("RCPT TO:<>", C::Wrong("501 5.1.3 that is no recipient")),
            (&format!("NOOP {}", "x".repeat(2_043)), C::Noop),
            (&format!("NOOP {}", "x".repeat(2_044)), C::Wrong("500 5.5.2 that line is too long")),
            ("RCPT TO:é<a>", C::Wrong("501 5.1.3 that is no recipient")),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "((MAIL FROM|RCPT TO|AUTH|EHLO|BDAT)[: ]?)?[<>\"\\\\ a-c=é@]{0,20}|\\PC{0,20}") {
            parse(&line);
        }
    }
}
