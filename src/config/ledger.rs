//! Where the ledger is: a file of this machine, or a PostgreSQL database that machines share.

use super::{
    mistake::Mistake,
    table::{Page, Table},
    value,
};
use crate::model::{LedgerSettings, LedgerUrl, SecretSource};

const LEDGER: &str = ".postrider/ledger.sqlite";

/// What may stand behind the `?` of a server's URL.
const PARAMETERS: [&str; 15] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "port",
    "sslmode",
    "target_session_attrs",
    "user",
];

/// Reads `[ledger]`.
pub(super) fn settings(root: &mut Table<'_>, page: &mut Page<'_>) -> LedgerSettings {
    let mut table = root.table("ledger", page);
    let url = table.text("url", page, url);
    let url = url.unwrap_or_else(|| LedgerUrl::Sqlite(LEDGER.to_owned()));
    let both = table.span_of("password_file").and(table.span_of("password_command"));
    if let Some(span) = both {
        let mistake = Mistake::new("the password is to come from a file and from a command");
        page.mistake(span, mistake.help("keep one of `password_file` and `password_command`"));
    }
    for key in ["password_file", "password_command", "ca_file"] {
        let is_a_file = matches!(url, LedgerUrl::Sqlite(_));
        if let Some(span) = table.span_of(key).filter(|_| is_a_file) {
            let mistake = Mistake::new(format!("a ledger in a file wants no `{key}`"));
            page.mistake(span, mistake.help("take it out, or name a `postgres://` URL"));
        }
    }
    let file = table.text("password_file", page, value::line).map(SecretSource::File);
    let command = table.text("password_command", page, value::line).map(SecretSource::Command);
    let ca_file = table.text("ca_file", page, value::line);
    table.finish(page);
    LedgerSettings { url, password: file.or(command), ca_file }
}

/// Reads a ledger's URL that stands elsewhere than in the file, or says what is wrong with it.
pub fn ledger_url(text: &str) -> Result<LedgerUrl, String> {
    url(text).map_err(|mistake| mistake.message)
}

/// Says what is wrong with what stands behind the `?`.
fn parameters(query: &str) -> Result<(), Mistake> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "hostaddr" {
            return Err(Mistake::new("the ledger's URL holds a `hostaddr`")
                .help("write the address in the host's place"));
        }
        if !PARAMETERS.contains(&name) {
            let name = name.escape_debug();
            return Err(Mistake::new(format!("the ledger's URL has no parameter `{name}`"))
                .help(format!("it knows {}", PARAMETERS.join(", "))));
        }
    }
    Ok(())
}

/// Tells whether a control character stands in a URL, as it is or as `%0a`.
fn holds_a_control(text: &str) -> bool {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().contains(char::is_control)
}

/// Reads a ledger's URL; the server's own part is judged by whoever opens it.
pub(super) fn url(text: &str) -> Result<LedgerUrl, Mistake> {
    if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.trim().is_empty()) {
        return Ok(LedgerUrl::Sqlite(path.to_owned()));
    }
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    let Some(rest) = rest else {
        return Err(Mistake::new(format!("`{}` is not where a ledger can be", shown(text))).help(
            "write it as `sqlite:.postrider/ledger.sqlite` or `postgres://user@host/database`",
        ));
    };
    let in_query = rest.split(['?', '&']).find_map(|pair| pair.strip_prefix("password="));
    let in_login =
        rest.rsplit_once('@').and_then(|(login, _)| login.split_once(':')).map(|(_, word)| word);
    if let Some(password) = in_login.or(in_query) {
        return Err(Mistake::unsafe_secret("a password stands in the ledger's URL")
            .help(
                "take it out, change it, and keep the new one in `password_file`, \
                 `password_command`, ~/.pgpass or the variable POSTRIDER_LEDGER_PASSWORD",
            )
            .hiding(password));
    }
    if holds_a_control(rest) {
        return Err(Mistake::new(
            "the ledger's URL holds a line break or another control character",
        )
        .help("take it out; `%0a` is one too"));
    }
    parameters(rest.split_once('?').map_or("", |(_, query)| query))?;
    Ok(LedgerUrl::Postgres(text.to_owned()))
}

/// Leaves out of a text whatever may be a password.
fn shown(text: &str) -> &str {
    text.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_kinds_of_ledger_are_read() {
        assert_eq!(url("sqlite:a b.sqlite").ok(), Some(LedgerUrl::Sqlite("a b.sqlite".into())));
        for text in ["postgres://u@h/d", "postgresql://%2Frun%2Fpg/d?user=u"] {
            assert_eq!(url(text).ok(), Some(LedgerUrl::Postgres(text.to_owned())), "{text}");
        }
        for text in ["", "sqlite:", "mysql://u@h", "ledger.sqlite"] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_server_would_not_know_is_named() {
        for (text, words) in [
            ("postgres://u@h/d?foo=bar", "no parameter `foo`"),
            ("postgres://u@h/d?sslmode=require&sslrootcert=a", "no parameter `sslrootcert`"),
            ("postgres://u@localhost/d?hostaddr=192.0.2.2", "holds a `hostaddr`"),
            ("postgres://u@localhost/d?host%61ddr=192.0.2.2", "no parameter `host%61ddr`"),
            ("postgres://u@h/d%0aerror:", "line break"),
            ("postgres://u%1b[2J@h/d", "control character"),
            ("postgres://u@h/d?options=-c%0D", "line break"),
        ] {
            let why = url(text).map_err(|mistake| mistake.message).expect_err(text);
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn a_password_is_never_quoted(secret in "[a-z0-9][a-z0-9/#%:]{6,20}") {
            for text in [
                format!("postgres://me:{secret}@host/news"),
                format!("postgres://host/news?user=me&password={secret}"),
                format!("mysql://me:{secret}@host/news"),
            ] {
                let mistake = url(&text).expect_err("no URL");
                prop_assert!(!mistake.message.contains(&secret));
            }
        }
    }
}
