//! The places where PostgreSQL's own programs look for a password: `PGPASSWORD`, and the file that `PGPASSFILE` names or `~/.pgpass`.
//!
//! A line of the file is `host:port:database:user:password`; `*` fits anything,
//! and a backslash stands before a `:` or `\` that is meant as it is.

use std::{env, fs, io, os::unix::fs::PermissionsExt, path::PathBuf};

use tokio_postgres::{Config, config::Host};

use crate::model::Secret;

/// Finds the password for where `config` leads, or says why the file cannot be used.
pub(super) fn password(config: &Config) -> Result<Option<Secret>, String> {
    if let Ok(password) = env::var("PGPASSWORD")
        && !password.is_empty()
    {
        return Ok(Some(Secret::new(password)));
    }
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
    let Some(path) = env::var_os("PGPASSFILE").map(PathBuf::from).or_else(home) else {
        return Ok(None);
    };
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mode = fs::metadata(&path).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!(
            "{path} can be read by others (its mode is {mode:03o}); run `chmod 600 {path}`"
        ));
    }
    Ok(find(&text, &Sought::of(config)).map(Secret::new))
}

/// What a line has to fit.
struct Sought {
    hosts: Vec<(String, String)>,
    database: String,
    user: String,
}

impl Sought {
    fn of(config: &Config) -> Self {
        let ports = config.get_ports();
        let hosts = config.get_hosts().iter().enumerate().map(|(number, host)| {
            let host = match host {
                Host::Tcp(name) => name.clone(),
                // As libpq has it.
                Host::Unix(_) => "localhost".to_owned(),
            };
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
            (host, port.to_string())
        });
        let user = config.get_user().unwrap_or_default().to_owned();
        let database = config.get_dbname().map_or_else(|| user.clone(), str::to_owned);
        Self { hosts: hosts.collect(), database, user }
    }
}

fn find(text: &str, sought: &Sought) -> Option<String> {
    let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let [host, port, database, user, password] = <[String; 5]>::try_from(words(line)).ok()?;
        let leads = sought.hosts.iter().any(|(h, p)| fits(&host, h) && fits(&port, p));
        let is_it = leads && fits(&database, &sought.database) && fits(&user, &sought.user);
        is_it.then_some(password)
    })
}

/// Splits a line at its colons.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => words.push(String::new()),
            '\\' => words.last_mut().expect("there is one").extend(chars.next()),
            c => words.last_mut().expect("there is one").push(c),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_line_that_fits_is_taken() {
        let text = "# a remark\nnowhere\ndb.example:5433:news:ann:one\n*:5432:*:bob:tw\\:o\\\\\n\
                    localhost:*:news:ann:three\n";
        let found = |url: &str| find(text, &Sought::of(&url.parse().expect("it is a URL")));
        for (url, password) in [
            ("postgres://ann@db.example:5433/news", Some("one")),
            ("postgres://bob@db.example/other", Some("tw:o\\")),
            ("postgres://ann@%2Frun%2Fpg/news", Some("three")),
            ("postgres://ann@a.example,db.example:5433/news", Some("one")),
            ("postgres://ann@db.example/news", None),
            ("postgres://eve@db.example:5433/news", None),
        ] {
            assert_eq!(found(url).as_deref(), password, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_file_that_holds_a_password_or_none(text in any::<String>()) {
            find(&text, &Sought::of(&"postgres://a@b/c".parse().expect("it is a URL")));
        }
    }
}
