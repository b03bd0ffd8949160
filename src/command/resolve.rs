//! `resolve`: a person's word on deliveries in doubt.

use super::{Console, Failure, exit, newsroom::Newsroom, status, words::counted};
use crate::{
    cli::{self, Global},
    ledger::Resolution,
    model::{Address, DeliveryState, IssueState},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Resolve,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let slug = status::slug(&newsroom, &wish.issue).await?;
    let publication = &newsroom.publication.id;
    let Some((ledger, issue)) = status::known(&newsroom, &slug).await? else {
        return Err(Failure::new(exit::GUARD, format!("{slug} is a draft: nobody is in doubt")));
    };
    let how = if wish.delivered { Resolution::Delivered } else { Resolution::Resend };
    let addresses = if wish.all {
        let doubtful =
            ledger.deliveries(issue.id, &[DeliveryState::InDoubt], None, usize::MAX).await?;
        doubtful.into_iter().map(|delivery| delivery.address).collect()
    } else {
        wish.addresses
            .iter()
            .map(|text| text.parse().map_err(|error| Failure::address(text, error)))
            .collect::<Result<Vec<Address>, Failure>>()?
    };
    let mut unknown = Vec::new();
    let mut settled = 0;
    for address in &addresses {
        let resolved = ledger.resolve(issue.id, address, how).await;
        if resolved.map_err(|error| newsroom.refused(error))? {
            settled += 1;
        } else {
            unknown.push(address.to_string());
        }
    }
    if how == Resolution::Resend && settled > 0 {
        ledger.turn(publication, &slug, &[IssueState::Finished], IssueState::Sending, "").await?;
    }
    if console.json {
        console.document(
            &serde_json::json!({ "issue": slug, "settled": settled, "not_in_doubt": unknown }),
        );
    } else if addresses.is_empty() {
        console.tell(format_args!("nobody of {slug} is in doubt"));
    } else if settled > 0 {
        tell(console, &slug, settled, how);
    }
    if unknown.is_empty() {
        return Ok(exit::DONE);
    }
    Err(Failure::new(exit::NO_INPUT, format!("not in doubt: {}", unknown.join(", ")))
        .hint(format!("`postrider status {slug} --in-doubt` lists who is")))
}

fn tell(console: &Console, slug: &str, settled: u64, how: Resolution) {
    let readers = counted(settled, "reader");
    match how {
        Resolution::Delivered => console.tell(format_args!("{readers} settled as delivered")),
        Resolution::Resend => {
            console.tell(format_args!("{readers} planned again, under the same Message-ID"));
            console.advise(&format!("`postrider send {slug}` sends them"));
        }
    }
}
