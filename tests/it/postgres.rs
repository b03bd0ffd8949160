//! The throw-away PostgreSQL that `tests/rig/postgres` starts: a schema for each test, gone with it. What kills its server
//! starts one of its own.

mod clock;
mod crew;
mod failover;
mod machines;
mod password;
mod server;
mod stress;
mod tls;
mod words;

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use postrider::ledger::{Ledger, PostgresLedger, PostgresSettings};
use tokio_postgres::NoTls;

use crate::skip::skipped;

/// A schema of the test's own.
pub(crate) struct Schema {
    name: String,
    server: String,
}

impl Schema {
    /// `None`, and said so, where there is no server.
    #[track_caller]
    pub(crate) fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = env::var("POSTRIDER_POSTGRES") else {
            skipped("what needs PostgreSQL");
            return None;
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{count}", std::process::id());
        let schema = Self { name, server };
        schema.sql(&format!("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}", schema.name));
        Some(schema)
    }

    /// Returns the URL of a ledger in it.
    pub(crate) fn url(&self) -> String {
        format!("{}?options=-csearch_path%3D{}", self.server, self.name)
    }

    pub(crate) fn settings(&self) -> PostgresSettings {
        PostgresSettings { url: self.url(), password: None, trust: Vec::new() }
    }

    /// Has the ledger's clock stand still, once its tables are made.
    pub(crate) fn stop_the_clock(&self) {
        let settings = self.settings();
        let now = apart(async move {
            PostgresLedger::new(&settings).expect("it is a URL").now().await.map(|_| ())
        });
        now.expect("it answers");
        self.sql(
            "CREATE TABLE hand (at bigint NOT NULL); INSERT INTO hand VALUES (0);
             CREATE OR REPLACE FUNCTION ledger_now() RETURNS bigint LANGUAGE sql VOLATILE
             AS 'SELECT at FROM hand'",
        );
    }

    pub(crate) fn set_the_clock(&self, micros: i64) {
        self.sql(&format!("UPDATE hand SET at = {micros}"));
    }

    /// Runs statements beside the ledger's back.
    pub(crate) fn sql(&self, sql: &str) {
        let (server, name, sql) = (self.server.clone(), self.name.clone(), sql.to_owned());
        let done = apart(async move {
            let (client, connection) = tokio_postgres::connect(&server, NoTls).await?;
            let connection = tokio::spawn(connection);
            client.batch_execute(&format!("SET search_path = {name}")).await?;
            let done = client.batch_execute(&sql).await;
            drop(client);
            let _ = connection.await;
            done
        });
        done.unwrap_or_else(|error| panic!("{error:?}"));
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // Whoever still holds something of it goes with the server.
        self.sql(&format!(
            "SET lock_timeout = '200ms'; DO $$ BEGIN DROP SCHEMA {} CASCADE;
             EXCEPTION WHEN lock_not_available THEN NULL; END $$",
            self.name
        ));
    }
}

/// Asks a database, and returns the first column of every row.
pub(super) fn numbers(url: &str, sql: &str) -> Vec<i64> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    apart(async move {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it is up");
        let connection = tokio::spawn(connection);
        let rows = client.query(&sql, &[]).await.expect("it answers");
        drop(client);
        let _ = connection.await;
        rows.iter().map(|row| row.get(0)).collect()
    })
}

/// Runs a future on a thread of its own, so that what is not async may wait for it anywhere.
pub(super) fn apart<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("it starts").block_on(future)
    };
    std::thread::spawn(run).join().expect("it does not panic")
}
