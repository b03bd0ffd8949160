//! Who waits for whom.
//!
//! A begin looks at the issue and at the reader, and neither may change before
//! it is committed: a reader who is told that they left must get nothing more.
//! So begins share a gate, and who takes somebody off the list, or stops an
//! issue, has it alone until that is committed. The gates are advisory locks,
//! kept in the server's memory: no row is written for them.
//!
//! A list of millions is read, and an issue frozen for it, in a minute or so.
//! That goes on beside whoever changes the list by a word, and only what is
//! left at its end asks for the list; so who reads has a gate of their own.
//!
//! Always in this order, so that nobody waits in a circle: the reading, the
//! list, the begins, the issues from the lowest number up, and then rows. Who
//! freezes an issue that nobody could have claimed yet has it before the list.

use deadpool_postgres::Transaction;

use super::{ask, fault::Fault};
use crate::ledger::rules::Micros;

const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || name, 0)), \
                     ledger_now() FROM unnest($1::text[]) AS asked (name)";

const TOGETHER: &str = "SELECT pg_advisory_xact_lock_shared(\
                        hashtextextended(current_schema() || name, 0)), \
                        ledger_now() FROM unnest($1::text[]) AS asked (name)";

/// Reads a list or freezes an issue, one after the other; nobody is erased meanwhile.
pub(super) async fn reading(tx: &Transaction<'_>) -> Result<Micros, Fault> {
    pass(tx, ALONE, &["/reading".to_owned()]).await
}

/// Has the list alone: records, people's words and bounces change it one after the other.
pub(super) async fn list(tx: &Transaction<'_>) -> Result<Micros, Fault> {
    pass(tx, ALONE, &["/list".to_owned()]).await
}

/// Lets nobody begin any delivery until the transaction ends.
pub(super) async fn begins(tx: &Transaction<'_>) -> Result<Micros, Fault> {
    pass(tx, ALONE, &["/begins".to_owned()]).await
}

/// Has an issue alone: nobody claims, begins or records a delivery of it.
pub(super) async fn issue(tx: &Transaction<'_>, issue: i64) -> Result<Micros, Fault> {
    pass(tx, ALONE, &[of(issue)]).await
}

/// Works on issues beside others, and holds begins open too where `begins`.
pub(super) async fn beside(
    tx: &Transaction<'_>,
    begins: bool,
    issues: impl IntoIterator<Item = i64>,
) -> Result<Micros, Fault> {
    let mut names = if begins { vec!["/begins".to_owned()] } else { Vec::new() };
    names.extend(issues.into_iter().map(of));
    pass(tx, TOGETHER, &names).await
}

fn of(issue: i64) -> String {
    format!("/issue/{issue}")
}

/// Waits for the gates, and tells what time it is behind the last one.
async fn pass(tx: &Transaction<'_>, sql: &str, names: &[String]) -> Result<Micros, Fault> {
    let passed = ask::all(tx, sql, &[&names]).await?;
    let last = passed.last().expect("a row for each gate");
    Ok(last.try_get(1)?)
}
