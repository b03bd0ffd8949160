//! `ledger`: care for the ledger itself.

use super::{Console, Failure, exit, newsroom::Newsroom};
use crate::{
    cli::{Global, LedgerVerb},
    send::guard::HighWater,
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    verb: LedgerVerb,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    if !newsroom.ledger_path().exists() {
        return Err(Failure::new(exit::NO_INPUT, "there is no ledger yet")
            .hint("the first `send`, `schedule` or `subscribers` makes it"));
    }
    let ledger = newsroom.ledger()?;
    match verb {
        LedgerVerb::AcceptRollback => {
            let private = newsroom.private()?;
            let _lock = newsroom.lock()?;
            let high_water = private.join("high-water");
            let doubtful = ledger.accept_rollback(HighWater::seen(&high_water)?).await?;
            HighWater::accept(&high_water, &ledger.mark().await?)?;
            console.tell(format_args!(
                "accepted; {doubtful} readers who were unfinished in it are in doubt now"
            ));
            if doubtful > 0 {
                console.advise(
                    "`postrider status ISSUE --in-doubt` lists them, and says how to settle that",
                );
            }
        }
        LedgerVerb::Backup { to } => {
            ledger.backup(&to).await?;
            console.tell(format_args!("the ledger is copied to {}", to.display()));
        }
    }
    Ok(exit::DONE)
}
