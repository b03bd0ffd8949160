//! `test`: one real mail to yourself, through the relay, marked and harmless.

use super::{Console, Failure, exit, newsroom::Newsroom, reader, send::open_outbox, words};
use crate::{
    cli::Global,
    compose::Purpose,
    model::{Address, RelayUrl},
    outbox::Outbox,
    smtp::{Connection, Envelope, Handover},
};

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    issue: &str,
    to: &[String],
    reader: Option<&str>,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let folder = newsroom.issue(issue)?;
    let to = to
        .iter()
        .map(|text| text.parse().map_err(|error| Failure::address(text, error)))
        .collect::<Result<Vec<Address>, Failure>>()?;
    let composed = newsroom.compose(&folder)?;
    console.problems(&composed.warnings);
    let press = newsroom.press(&composed.edition, 0, newsroom.now)?;

    let outbox = match newsroom.publication.relay.url {
        RelayUrl::Outbox => Some(open_outbox(&newsroom)?),
        RelayUrl::Server { .. } => None,
    };
    let relay = newsroom.relay(outbox.as_ref().map(Outbox::address))?;
    let mut connection = Connection::open(&relay).await?;
    let mut sent = Vec::new();
    for (number, address) in to.iter().enumerate() {
        let mut copy = match reader {
            Some(text) => reader::find(&newsroom, text, false).await?,
            None => reader::find(&newsroom, address.written(), true).await?,
        };
        // Everything is as that reader gets it but where it goes.
        copy.address = address.clone();
        let message_id = format!(
            "<test.{}.{number}.{}@{}>",
            newsroom.now.as_microsecond(),
            std::process::id(),
            newsroom.publication.sender.from.address.domain()
        );
        let printed = press.print(&copy, &message_id, 0, Purpose::Test).map_err(|why| {
            Failure::new(exit::BAD_DATA, format!("the copy for {address} cannot be made: {why}"))
                .hint("`--as ADDR` takes the fields of a reader on the list")
        })?;
        let envelope = Envelope { from: &printed.return_path, to: address };
        let said = match connection.deliver(&envelope, &printed.bytes, None).await {
            Handover::Accepted(reply) => reply.to_string(),
            Handover::Refused { stage, reply } => {
                return Err(Failure::new(
                    exit::UNREACHABLE,
                    format!("the relay refused at {stage}: {reply}"),
                ));
            }
            Handover::Unfit { why } => return Err(Failure::new(exit::BAD_DATA, why)),
            Handover::Unwelcome { why } => return Err(Failure::new(exit::AGAIN, why)),
            Handover::NotSent { stage, why } => {
                return Err(Failure::new(
                    exit::UNREACHABLE,
                    format!("the relay failed at {stage}: {why}"),
                ));
            }
            Handover::InDoubt { why } => {
                return Err(Failure::new(
                    exit::UNREACHABLE,
                    format!("the relay's answer was lost: {why}"),
                )
                .hint("look into your mailbox before you try again"));
            }
        };
        console.tell_sentence(&format!("[Test] is on its way to {address} ({said})"));
        sent.push(
            serde_json::json!({ "to": address.written(), "message_id": message_id, "said": said }),
        );
    }
    connection.quit().await;
    if let Some(outbox) = outbox {
        outbox.stop();
        let mails = words::path(&newsroom.root.join("outbox/new"));
        console.advise(&format!(
            "it is in {mails}: [relay] url is \"outbox\", so nothing leaves this machine"
        ));
    }
    if console.json {
        console.document(&serde_json::json!({ "issue": folder.slug, "digest": composed.edition.digest(), "sent": sent }));
    }
    Ok(exit::DONE)
}
