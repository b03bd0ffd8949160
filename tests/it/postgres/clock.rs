//! A ledger's clock that a test puts forward, so that leases end and retries come due while nobody waits.

use super::numbers;

pub(super) struct Clock {
    url: String,
}

impl Clock {
    /// Takes the place of the ledger's clock, once its tables are made; it goes on as time does.
    pub(super) fn of(url: &str) -> Self {
        numbers(url, "CREATE TABLE ahead AS SELECT 0::bigint AS micros");
        numbers(
            url,
            "CREATE OR REPLACE FUNCTION ledger_now() RETURNS bigint LANGUAGE sql VOLATILE AS
             'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                     + (SELECT micros FROM ahead)'",
        );
        Self { url: url.to_owned() }
    }

    pub(super) fn pass(&self, seconds: i64) {
        let sql =
            format!("UPDATE ahead SET micros = micros + {} RETURNING micros", seconds * 1_000_000);
        numbers(&self.url, &sql);
    }
}
