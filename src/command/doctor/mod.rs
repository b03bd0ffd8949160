//! `doctor`: what receivers find when they look the sender up, or read a message, how to mend it, and what to publish.

mod message;
mod probe;

use std::net::SocketAddr;

use jiff::Timestamp;
use ring::rand::SystemRandom;

use serde_json::{Value, json};

use super::{
    Console, Failure,
    console::Tone,
    exit,
    newsroom::{Newsroom, clock},
    words::{counted, printable, wrapped},
};
use crate::{
    cli::{self, Global},
    compose::Signer,
    doctor::{self, Dns, Finding, Line, Patience, Patient, Signature, Verdict},
    model::DkimSettings,
};

/// How many columns a verdict takes, and the blanks behind it.
const MARGIN: usize = 13;

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Doctor,
) -> Result<u8, Failure> {
    let dns = resolver(wish.resolver)?;
    if let Some(file) = &wish.eml {
        let message = message::read(file)?;
        let findings = doctor::read_letter(&message, clock(global)?, &dns).await;
        let title = format!("{}, as a receiver reads it, by {}", message::name(file), dns.name());
        report(console, &title, &findings);
        return Ok(code(&findings));
    }
    let newsroom = Newsroom::open(global)?;
    let patient = patient(&newsroom)?;
    let (title, findings) = if wish.dns {
        let title = format!("The DNS of {}, as {} tells it", patient.from, dns.name());
        (title, doctor::examine(&patient, &dns).await)
    } else {
        if console.is_watched() {
            console.note("asks the DNS, the relay and the page of the way out; no mail is sent");
        }
        let (mut findings, relay, page) = tokio::join!(
            doctor::examine(&patient, &dns),
            probe::relay(&newsroom, &patient, &dns),
            probe::way_out(&newsroom, &dns),
        );
        findings.extend(relay);
        findings.extend(page?);
        (format!("{}, as receivers see it, by {}", patient.from, dns.name()), findings)
    };
    report(console, &title, &findings);
    Ok(code(&findings))
}

fn resolver(address: Option<SocketAddr>) -> Result<Dns, Failure> {
    let patience = Patience::default();
    match address {
        Some(address) => Dns::at(address, patience),
        None => Dns::system(patience),
    }
    .map_err(|why| {
        Failure::new(exit::UNREACHABLE, format!("there is no resolver to ask: {why}"))
            .hint("name one: `postrider doctor --resolver 9.9.9.9:53`")
    })
}

/// Says of the publication what the DNS is asked about.
fn patient(newsroom: &Newsroom) -> Result<Patient, Failure> {
    let publication = &newsroom.publication;
    let from = publication.sender.from.address.domain().to_owned();
    let dkim = match &publication.dkim {
        Some(settings) => Some(Signature {
            domain: settings.domain.clone(),
            keys: newsroom
                .dkim_keys()?
                .into_iter()
                .map(|(selector, key)| (selector, key.record()))
                .collect(),
            sample: sample(newsroom, settings)?,
        }),
        None => None,
    };
    Ok(Patient {
        bounces: publication.sender.bounces.clone().unwrap_or_else(|| from.clone()),
        from,
        dkim,
        relay: publication.relay.url.clone(),
    })
}

/// Signs a message as every mail is signed.
fn sample(newsroom: &Newsroom, settings: &DkimSettings) -> Result<Vec<u8>, Failure> {
    let from = &newsroom.publication.sender.from.address;
    let mut message = format!(
        "From: {from}\r\nTo: {from}\r\nSubject: a sample\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\
         Message-ID: <sample@{}>\r\nList-Unsubscribe: <https://{0}/u/x>\r\n\
         List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nA  sample. \r\n",
        from.domain()
    )
    .into_bytes();
    let (keys, unsigned) = (newsroom.dkim_keys()?, &settings.unsigned);
    let date = Timestamp::UNIX_EPOCH;
    Signer::new(settings.domain.clone(), keys, unsigned, date, SystemRandom::new())
        .sign(&mut message)
        .map_err(|error| Failure::new(exit::BUG, error.to_string()))?;
    Ok(message)
}

fn report(console: &Console, title: &str, findings: &[Finding]) {
    let lines = doctor::to_publish(findings);
    if console.json {
        console.document(&json!({
            "findings": findings.iter().map(document).collect::<Vec<_>>(),
            "publish": lines.iter().map(|line| record(line)).collect::<Vec<_>>(),
        }));
        return;
    }
    console.tell(format_args!("{}\n", console.paint(Tone::Strong, title)));
    for finding in findings {
        let Finding { check, verdict, why, source, mend, .. } = finding;
        let mark = console.paint(tone(*verdict), format_args!("{verdict:<11}"));
        let said = printable(&format!("{check}: {why} ({source})"));
        console.say(format_args!("{mark}  {}", wrapped(&said, MARGIN, MARGIN)));
        if let Some(mend) = mend {
            let mend = wrapped(&printable(mend), MARGIN + 6, MARGIN + 6);
            console.say(format_args!("{:MARGIN$}mend: {mend}", ""));
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    console.tell(format_args!(
        "\n{}: {} ok, {} to look at, {} wrong, {} not checked",
        counted(findings.len() as u64, "finding"),
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Wrong),
        count(Verdict::NotChecked)
    ));
    if !lines.is_empty() {
        console.tell(format_args!("\n{}\n", console.paint(Tone::Strong, "To publish")));
    }
    for line in lines {
        console.say(line);
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Warn => Tone::Warn,
        Verdict::Wrong => Tone::Bad,
        Verdict::NotChecked => Tone::Quiet,
    }
}

fn document(finding: &Finding) -> Value {
    let Finding { check, verdict, why, source, mend, .. } = finding;
    json!({
        "check": check,
        "verdict": verdict.name(),
        "why": why,
        "source": source,
        "mend": mend,
    })
}

fn record(line: &Line) -> Value {
    json!({
        "name": line.name,
        "type": line.kind(),
        "value": line.value(),
        "line": line.to_string(),
    })
}

/// Something wrong is 1; where nothing was found good, since nobody could be asked, that is no health.
fn code(findings: &[Finding]) -> u8 {
    let has = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    if has(Verdict::Wrong) {
        exit::ATTENTION
    } else if has(Verdict::Ok) {
        exit::DONE
    } else {
        exit::UNREACHABLE
    }
}
