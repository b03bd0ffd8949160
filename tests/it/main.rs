//! Every test that needs more than one room, in one binary: a test is an input and an expected output.

mod announced;
mod blocks;
mod browser;
mod command;
mod compose;
mod config;
mod dkim;
mod docs;
mod floors;
mod gallery;
mod judges;
mod ledger;
mod list;
mod message;
mod outbox;
mod postfix;
mod python;
mod schedule;
mod seed;
mod send;
mod skip;
mod smtp;
mod watched;
