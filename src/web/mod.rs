//! Pages over HTTP: what a publication shows in a browser, without a terminal and without the commands.
//!
//! A page is a function of what its room is given: values, and a trait where the world has to be asked. Nothing here
//! leans on `command/`. GET and HEAD change nothing; a POST is let in by `gate.rs` alone.

mod answer;
mod door;
mod gate;
mod line;
pub mod preview;
pub mod site;
mod token;

pub use door::Door;
