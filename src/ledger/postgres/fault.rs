//! What PostgreSQL says went wrong, in the ledger's words. No SQL type leaves this room.

use std::{error::Error, io};

use deadpool_postgres::{PoolError, tokio_postgres::error::SqlState};

use crate::{
    ledger::{Lack, LedgerError, Standing},
    trust,
};

/// Carries an error inside the room, so that `?` takes the driver's as well as the ledger's.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: LedgerError,
    /// Whether the server undid the transaction for another's sake, so that it may simply be run again.
    pub(super) is_undone: bool,
}

impl Fault {
    /// Says that it happened before the commit was asked for: who lost the connection then has changed nothing.
    pub(super) fn before_commit(self) -> Self {
        let is_cut_off = matches!(self.error, LedgerError::Unreachable { .. });
        Self { is_undone: self.is_undone || is_cut_off, ..self }
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Self { error, is_undone: false }
    }
}

impl From<Fault> for LedgerError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else { return away(&error) };
        let code = told.code();
        // The detail of a broken constraint quotes the row, and so a reader; the message does not.
        let said = told.message().replace(char::is_control, " ");
        let is_undone =
            [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code);
        let error = match &code.code()[..2] {
            _ if code.code() == CLOSED => closed(&said),
            _ if is_undone => LedgerError::Busy(said),
            _ if [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code) => {
                LedgerError::Busy(said)
            }
            _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => unreachable(format!(
                "{said}: it is a standby, or became one; name the primary, or all servers and `target_session_attrs=read-write`"
            )),
            // 53100 is a full disk, 58 what the system refuses the server.
            _ if *code == SqlState::DISK_FULL => LedgerError::Disk(said),
            "58" => LedgerError::Disk(said),
            "53" => LedgerError::Busy(said),
            "3D" => unprepared(Lack::Database, said),
            _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => unprepared(Lack::Rights, said),
            // 08 connections, 28 who may log in, 3F a schema that is not there, 57 a server that stops or starts.
            "08" | "28" | "3F" | "57" => unreachable(said),
            // A transaction that was idle for too long, because this process was stopped.
            "25" => LedgerError::Busy(said),
            _ => LedgerError::Damaged(said),
        };
        Self { error, is_undone }
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => {
                LedgerError::Busy("every connection to it is in use".to_owned()).into()
            }
            error => unreachable(error.to_string()).into(),
        }
    }
}

/// What the trigger of a closed ledger raises, with its standing as the message.
const CLOSED: &str = "PR001";

fn closed(standing: &str) -> LedgerError {
    let refused = Standing::read(Some(standing)).and_then(|standing| standing.refuse(""));
    refused.err().unwrap_or_else(|| LedgerError::Busy("it was closed for a moment".to_owned()))
}

/// The server's name is added by whoever knows it.
pub(super) fn unreachable(why: String) -> LedgerError {
    LedgerError::Unreachable { place: String::new(), why }
}

/// The server's name is added by whoever knows it.
pub(super) fn unprepared(lack: Lack, why: String) -> LedgerError {
    LedgerError::Unprepared { place: String::new(), lack, why }
}

/// Says what kept us from the server, down to its cause: the driver's own words say only what it tried.
fn away(error: &tokio_postgres::Error) -> Fault {
    let mut why = error.to_string();
    // The driver does not tell its kinds of errors apart but by their words.
    let is_a_value =
        ["error serializing", "error deserializing", "invalid column", "query returned"]
            .iter()
            .any(|words| why.starts_with(words));
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(fault) = certificate(inner) {
            return unreachable(format!("its certificate is not trusted: {fault}")).into();
        }
        let said = inner.to_string();
        if !why.contains(&said) {
            why = format!("{why}: {said}");
        }
        cause = inner.source();
    }
    if why.ends_with("password missing") {
        "it asks for a password, and there is none".clone_into(&mut why);
    }
    if is_a_value { LedgerError::Damaged(why).into() } else { unreachable(why).into() }
}

/// Says what is wrong with the server's certificate, where that is what kept us away.
fn certificate(error: &(dyn Error + 'static)) -> Option<String> {
    let error = error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(fault) = error else { return None };
    Some(trust::fault(fault, None))
}
