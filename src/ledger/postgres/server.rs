//! The way to the server: its URL, TLS, the connections, and what is asked of each before it is used.

use std::{
    error::Error as _,
    fmt::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
    tokio_postgres::{
        Config, NoTls,
        config::{Host, SslMode},
    },
};
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    fault::{Fault, unreachable},
    migrate, moving, pgpass,
};
use crate::{ledger::LedgerError, model::Secret, trust};

/// How many connections one program opens at most.
const CONNECTIONS: usize = 6;

/// How long to wait for a connection, new or free again.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether a newer program has changed the tables while this one runs.
const LOOK: Duration = Duration::from_secs(5);

/// The oldest server we speak to.
const OLDEST: i32 = 12;

/// What every session begins with. A lock is waited for as long as an import of a large list may take; a session
/// whose program was stopped in the middle of a transaction gives its locks up after a minute.
const SESSION: &str = "
    SET statement_timeout = '10min';
    SET lock_timeout = '5min';
    SET idle_in_transaction_session_timeout = '1min';
    SET timezone = 'UTC';
    SET jit = off;
    SET client_min_messages = warning;
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// Where a PostgreSQL ledger is, and how to be let in.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user@host/database`; holds no password.
    pub url: String,
    /// The password; `None` to look where PostgreSQL's own programs look.
    pub password: Option<Secret>,
    /// Certificates to trust besides the system's (PEM); may be empty.
    pub trust: Vec<u8>,
}

/// The connections to one server.
pub(super) struct Server {
    pool: Pool,
    /// As people know it, without secrets.
    pub(super) place: String,
    /// Whether it is also opened where it may not be worked with.
    pub(super) is_for_care: bool,
    /// Whether its tables were looked at.
    ready: OnceCell<()>,
    /// When they were found to be of our version last.
    looked: Mutex<Instant>,
}

impl Server {
    /// Reads the settings; nothing is reached before the first session.
    pub(super) fn new(settings: &PostgresSettings) -> Result<Self, LedgerError> {
        let mut config = read(&settings.url)?;
        let place = place(&config);
        let password = match &settings.password {
            Some(password) => Some(password.clone()),
            None => pgpass::password(&config)
                .map_err(|why| LedgerError::Unreachable { place: place.clone(), why })?,
        };
        if let Some(password) = password {
            config.password(password.expose());
        }
        config
            .application_name("postrider")
            .connect_timeout(PATIENCE)
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(PATIENCE);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(config, NoTls, recycling)
        } else {
            let tls =
                trust::client(&settings.trust, rustls_native_certs::load_native_certs().certs)
                    .map_err(|error| error.to_string())
                    .map_err(|why| LedgerError::Unreachable { place: place.clone(), why })?;
            Manager::from_config(config, MakeRustlsConnect::new(tls), recycling)
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(
                    async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) },
                )
            }))
            .build()
            .map_err(|error| LedgerError::Refused(error.to_string()))?;
        let (ready, looked) = (OnceCell::new(), Mutex::new(Instant::now()));
        Ok(Self { pool, place, is_for_care: false, ready, looked })
    }

    /// Returns a connection to a server that was looked at, with our tables in it.
    pub(super) async fn session(&self) -> Result<Object, Fault> {
        self.ready
            .get_or_try_init(|| async {
                let mut session = self.connect().await?;
                check(&session).await?;
                migrate::migrate(&mut session, &self.place).await?;
                if !self.is_for_care {
                    moving::standing(&session).await?.refuse(&self.place)?;
                }
                Ok::<_, Fault>(())
            })
            .await?;
        let session = self.connect().await?;
        if self.looked.lock().await.elapsed() >= LOOK {
            migrate::refuse_newer(&session, &self.place).await?;
            *self.looked.lock().await = Instant::now();
        }
        Ok(session)
    }

    /// Tells whether the server answered before, so that one which is away may be expected back.
    pub(super) fn was_reached(&self) -> bool {
        self.ready.initialized()
    }

    /// Returns a connection, whatever is in the database.
    pub(super) async fn connect(&self) -> Result<Object, Fault> {
        self.pool.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            error => error.into(),
        })
    }

    /// Puts the server's name to an error that wants it.
    pub(super) fn name(&self, fault: Fault) -> LedgerError {
        match fault.error {
            LedgerError::Unreachable { place, why } if place.is_empty() => {
                LedgerError::Unreachable { place: self.place.clone(), why }
            }
            LedgerError::Unprepared { place, lack, why } if place.is_empty() => {
                LedgerError::Unprepared { place: self.place.clone(), lack, why }
            }
            LedgerError::Moved { place, to } if place.is_empty() => {
                LedgerError::Moved { place: self.place.clone(), to }
            }
            LedgerError::Arriving { place } if place.is_empty() => {
                LedgerError::Arriving { place: self.place.clone() }
            }
            LedgerError::Damaged(why) => LedgerError::Damaged(format!("{}: {why}", self.place)),
            error => error,
        }
    }
}

/// Refuses a server that cannot keep our promises.
async fn check(session: &Object) -> Result<(), Fault> {
    let row = session
        .query_one(
            "SELECT current_setting('server_version_num')::integer, pg_is_in_recovery(),
                    current_setting('transaction_read_only') = 'on',
                    current_setting('synchronous_commit'), current_setting('fsync')",
            &[],
        )
        .await?;
    let (version, standby, read_only): (i32, bool, bool) = (row.get(0), row.get(1), row.get(2));
    let (commit, fsync): (String, String) = (row.get(3), row.get(4));
    let why = if version / 10_000 < OLDEST {
        format!("it is PostgreSQL {}, and we need {OLDEST} or newer", version / 10_000)
    } else if standby {
        "it is a read-only standby: name the primary, or all servers and `target_session_attrs=read-write`".to_owned()
    } else if read_only {
        "it takes no writes here: its `default_transaction_read_only` is on".to_owned()
    } else if !["on", "remote_apply"].contains(&commit.as_str()) {
        // Rule D1: what is begun must be on the disk.
        format!("its `synchronous_commit` stays `{commit}`, so a begin could be forgotten")
    } else if fsync != "on" {
        "its `fsync` is off, so a begin could be forgotten".to_owned()
    } else {
        return Ok(());
    };
    Err(unreachable(why).into())
}

/// Reads a URL; TLS is required but on this machine, and always verified.
fn read(url: &str) -> Result<Config, LedgerError> {
    let refused = |why: &str| LedgerError::Refused(format!("the ledger's URL {why}"));
    let (url, asked) = without_sslmode(url);
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        // It names the parameter, and never quotes what it was given.
        let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
        refused(&format!("is no `postgres://user@host/database`{why}"))
    })?;
    if config.get_password().is_some() {
        return Err(refused("holds a password: keep it elsewhere"));
    }
    // The driver connects to these, whatever the hosts say: neither TLS nor we could tell who is there.
    if !config.get_hostaddrs().is_empty() {
        return Err(refused("holds a `hostaddr`: write the address in the host's place"));
    }
    if config.get_hosts().is_empty() {
        return Err(refused("names no server: write it as `postgres://user@host/database`"));
    }
    let is_here = config.get_hosts().iter().all(is_on_this_machine);
    let mode = match asked.as_deref() {
        None | Some("disable") if is_here => SslMode::Disable,
        None | Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
        Some("disable") => {
            return Err(refused("says `sslmode=disable`, which is for this machine alone"));
        }
        Some(_) => {
            return Err(refused("knows `sslmode=verify-full` and, on this machine, `disable`"));
        }
    };
    config.ssl_mode(mode);
    if config.get_user().is_none()
        && let Some(user) = std::env::var("PGUSER").ok().or_else(|| std::env::var("USER").ok())
    {
        config.user(user);
    }
    Ok(config)
}

/// Takes `sslmode` out of a URL: the driver knows other words for it than everybody else.
fn without_sslmode(url: &str) -> (String, Option<String>) {
    let Some((before, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut asked = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.strip_prefix("sslmode=") {
            Some(mode) => asked = Some(mode.to_owned()),
            None => kept.push(pair),
        }
    }
    let rest = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{before}{rest}"), asked)
}

fn is_on_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Names a server for people.
fn place(config: &Config) -> String {
    let mut place = String::from("postgres://");
    if let Some(user) = config.get_user() {
        let _ = write!(place, "{user}@");
    }
    let ports = config.get_ports();
    for (number, host) in config.get_hosts().iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
        let _ = match host {
            Host::Tcp(name) if name.contains(':') => write!(place, "{comma}[{name}]:{port}"),
            Host::Tcp(name) => write!(place, "{comma}{name}:{port}"),
            Host::Unix(path) => {
                let socket: PathBuf = path.join(format!(".s.PGSQL.{port}"));
                write!(place, "{comma}{}", socket.display())
            }
        };
    }
    let _ = write!(place, "/{}", config.get_dbname().or(config.get_user()).unwrap_or_default());
    // The URL is decoded here, and the user may be the environment's.
    place.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Result<(SslMode, String), String> {
        let config = read(url).map_err(|error| error.to_string())?;
        Ok((config.get_ssl_mode(), place(&config)))
    }

    #[test]
    fn tls_is_required_but_on_this_machine() {
        for (url, expected) in [
            ("postgres://u@db.example.org/news", SslMode::Require),
            ("postgres://u@db.example.org/news?sslmode=verify-full", SslMode::Require),
            ("postgres://u@127.0.0.1/news", SslMode::Disable),
            ("postgres://u@127.0.0.1/news?sslmode=require&connect_timeout=3", SslMode::Require),
            ("postgres://u@%2Frun%2Fpostgresql/news?sslmode=disable", SslMode::Disable),
            ("postgres://u@localhost,db.example.org/news", SslMode::Require),
        ] {
            assert_eq!(mode(url).map(|(mode, _)| mode), Ok(expected), "{url}");
        }
        for url in [
            "postgres://u@db.example.org/news?sslmode=disable",
            "postgres://u@db.example.org/news?sslmode=prefer",
            "postgres://u:geheim@127.0.0.1/news",
            "mysql://u@h/d",
            "postgres://u@localhost:24300/news?hostaddr=192.0.2.2",
            "postgres://u@127.0.0.1/news?host%61ddr=192.0.2.2",
            "postgres:///news?hostaddr=192.0.2.2&port=5432&user=u",
            "postgres:///news?user=u",
        ] {
            let refused = mode(url).expect_err(url);
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }

    #[test]
    fn a_server_is_named_without_its_secrets() {
        let named = |url| mode(url).map(|(_, place)| place);
        assert_eq!(
            named("postgres://u@[::1]:5433,b.example/news").as_deref(),
            Ok("postgres://u@[::1]:5433,b.example:5432/news")
        );
        assert_eq!(
            named("postgres://u@%2Frun%2Fpg:5433/news").as_deref(),
            Ok("postgres://u@/run/pg/.s.PGSQL.5433/news")
        );
        assert_eq!(
            named("postgres://u%0a@localhost/news%1b%0Aerror:").as_deref(),
            Ok("postgres://u @localhost:5432/news  error:")
        );
    }
}
