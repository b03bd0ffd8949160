//! Composes a newsletter and delivers it, so that every reader is accounted for.
//!
//! The rooms are the stages a draft walks through; `ARCHITECTURE.md` is the
//! map, and `tests/it/floors.rs` holds that none leans upwards.

pub mod bounce;
pub mod check;
pub mod cli;
pub mod command;
pub mod compose;
pub mod config;
pub mod doctor;
pub mod ledger;
pub mod list;
pub mod mailbox;
pub mod model;
pub mod outbox;
pub mod schedule;
pub mod send;
pub mod smtp;
pub mod trust;
pub mod web;
