//! Where the ledger is: a file of this machine, or a PostgreSQL database that machines share.

use super::{
    mistake::Mistake,
    table::{Page, Table},
    value,
};
use crate::model::{LedgerSettings, LedgerUrl, SecretSource};

const LEDGER: &str = ".postrider/ledger.sqlite";

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
