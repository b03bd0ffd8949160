//! The exit codes, which cron and scripts read: a part of the interface.

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// Finished, and some readers were rejected or are in doubt; or `check` found errors.
pub const ATTENTION: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// A bad draft or list.
pub const BAD_DATA: u8 = 65;
/// No such issue or file.
pub const NO_INPUT: u8 = 66;
/// The relay or the ledger cannot be reached.
pub const UNREACHABLE: u8 = 69;
/// A bug of ours.
pub const BUG: u8 = 70;
/// The disk.
pub const DISK: u8 = 74;
/// Not finished: run it again.
pub const AGAIN: u8 = 75;
/// Refused by a guard, or cancelled.
pub const GUARD: u8 = 76;
/// The relay refused our credentials.
pub const CREDENTIALS: u8 = 77;
/// A bad configuration.
pub const CONFIG: u8 = 78;
