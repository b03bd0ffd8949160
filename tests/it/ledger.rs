//! What every ledger must answer the same, and what only a file must.
//!
//! A question is an `async fn` of a [`Desk`]; `ask_every_ledger!` puts each to a
//! fresh ledger of each kind. The clock is the test's own.

mod beside;
mod desk;
mod file;
mod issue;
mod lane;
mod list;
mod model;
mod moving;
mod older;
mod preferences;
mod report;
mod run;
mod verify;

use desk::Desk;

/// Puts every question to every ledger: a new kind of ledger is one line here.
macro_rules! ask_every_ledger {
    ($($question:ident,)*) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $question() {
                    super::$question(super::Desk::sqlite()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $question() {
                    if let Some(desk) = super::Desk::postgres() {
                        super::$question(desk).await;
                    }
                }
            )*
        }
    };
}
use ask_every_ledger;
