//! The page on which readers leave (RFC 8058), asked as a mail program asks it: with the token of nobody, so that nobody leaves.

use jiff::Timestamp;

use super::{
    Dns, Finding, certificate,
    https::{self, Answer, Ask, Silence},
};

const POST: &str = "one click";
const GET: &str = "a look at the page";
const PAGE: &str = "page";
const ONE_CLICK: &str = "RFC 8058 section 3.2";
const BULK: &str = "RFC 8058; Gmail and Yahoo want it of bulk senders";
const SCANNERS: &str = "RFC 8058 section 1: scanners follow links";
const HTTPS: &str = "RFC 8058 section 3.1";

/// How readers leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// By a mail alone.
    Mail,
    /// On a page that is somebody's own; what it does with a token of nobody is its affair.
    Foreign {
        /// The page, with a token of nobody.
        canary: String,
    },
    /// On a page that `postrider web` serves.
    Ours {
        /// The page, with a token of nobody that our key signed.
        canary: String,
        /// The page, with a token that no key signed.
        forged: String,
    },
    /// Nothing was ever signed, so there is no token to ask with.
    Unsigned,
}

/// Asks the page. Besides the system's certificates those of `trust` (PEM) are believed.
pub async fn one_click(way: &WayOut, trust: &[u8], now: Timestamp, dns: &Dns) -> Vec<Finding> {
    let (canary, forged) = match way {
        WayOut::Mail => {
            return vec![
                Finding::warn(
                    POST,
                    BULK,
                    "readers leave by mail alone: there is no page to click on",
                )
                .mend("serve the pages with `postrider web`, and set `url` under [web]"),
            ];
        }
        WayOut::Unsigned => {
            let why = "there is no key yet to sign a link with: it is made with the first issue";
            return vec![Finding::not_checked(POST, ONE_CLICK, why)];
        }
        WayOut::Foreign { canary } => (canary, None),
        WayOut::Ours { canary, forged } => (canary, Some(forged)),
    };
    let look = match https::ask(canary, Ask::Get, trust, dns).await {
        Ok(look) => look,
        Err(silence) => return unreached(&silence),
    };
    let proof = certificate::judged(
        PAGE,
        HTTPS,
        &format!("{} answers", host(canary)),
        &look.certificate,
        now,
    );
    let posted = https::ask(canary, Ask::OneClick, trust, dns).await;
    let Some(forged) = forged else {
        return vec![
            proof,
            looked(&look, Some("whether a look changes anything, its owner knows")),
            elsewhere(&posted),
        ];
    };
    if look.status == 404 {
        return vec![proof, unknown_key()];
    }
    match https::ask(forged, Ask::Get, trust, dns).await {
        Err(silence) => vec![proof, Finding::not_checked(POST, ONE_CLICK, silence.to_string())],
        Ok(Answer { status: 404, .. }) => {
            vec![proof, looked(&look, None), clicked(&posted)]
        }
        Ok(Answer { status, .. }) => vec![
            proof,
            Finding::wrong(
                POST,
                ONE_CLICK,
                format!("a forged link is answered like a signed one ({status}): that is not `postrider web`"),
            )
            .mend("let `url` under [web] lead to `postrider web`, or name your own page as `unsubscribe` under [links]"),
        ],
    }
}

fn unreached(silence: &Silence) -> Vec<Finding> {
    let page = match silence {
        Silence::Untrusted(..) => Finding::wrong(PAGE, HTTPS, silence.to_string())
            .mend("get a certificate for that very name; Caddy and certbot do it by themselves"),
        Silence::Nowhere(host) => Finding::wrong(PAGE, HTTPS, silence.to_string())
            .mend(format!("publish an address of {host}: A, AAAA or CNAME")),
        _ => Finding::not_checked(PAGE, HTTPS, silence.to_string()),
    };
    vec![page, Finding::not_checked(POST, ONE_CLICK, "the page was not reached")]
}

fn unknown_key() -> Finding {
    Finding::wrong(POST, ONE_CLICK, "the page does not know our key: it takes our links for forged ones (404)")
        .mend("copy .postrider/key to where `postrider web` runs, and see that `id` under [publication] is the same there")
}

/// Says what a look came to; of our own page there is no `doubt`.
fn looked(look: &Answer, doubt: Option<&str>) -> Finding {
    let status = look.status;
    match (status, doubt) {
        (200..300, None) => {
            Finding::ok(GET, SCANNERS, format!("GET shows a button ({status}) and changes nothing"))
        }
        (200..300 | 405, Some(doubt)) => {
            Finding::not_checked(GET, SCANNERS, format!("GET is answered ({status}); {doubt}"))
        }
        (300..400, _) => Finding::warn(GET, SCANNERS, format!("GET is sent on ({})", target(look)))
            .mend("let the link in the mail lead to the page itself"),
        (500.., _) => Finding::not_checked(
            GET,
            SCANNERS,
            format!("GET fails ({status}): the page has trouble of its own"),
        ),
        _ => Finding::warn(GET, SCANNERS, format!("GET is refused ({status})"))
            .mend("readers who click see that: show them a page with a button"),
    }
}

/// Says what our own page makes of the canary's click.
fn clicked(posted: &Result<Answer, Silence>) -> Finding {
    match posted {
        Err(silence) => Finding::not_checked(POST, ONE_CLICK, silence.to_string()),
        Ok(Answer { status: 200..300, .. }) => {
            Finding::ok(POST, ONE_CLICK, "POST with a link of nobody is answered as it should be")
        }
        Ok(answer) => refused(answer),
    }
}

/// Says what somebody's own page makes of it.
fn elsewhere(posted: &Result<Answer, Silence>) -> Finding {
    match posted {
        Ok(Answer { status: status @ 400..500, .. }) => Finding::not_checked(
            POST,
            ONE_CLICK,
            format!("POST with a token of nobody is refused ({status}); a reader's may be taken"),
        ),
        posted => clicked(posted),
    }
}

fn refused(answer: &Answer) -> Finding {
    let status = answer.status;
    let (why, mend) = match status {
        300..400 => (
            format!("POST is sent on ({}), where a mail program does not follow", target(answer)),
            "answer it at the very address that the mail names: with https, and with or without `www.` as it is there",
        ),
        500.. => (format!("POST fails ({status})"), "look into the log of the pages"),
        _ => (
            format!("POST is refused ({status})"),
            "let the server before the pages pass POST to /u/ through: without a cookie, a token or an Origin",
        ),
    };
    Finding::wrong(POST, ONE_CLICK, why).mend(mend)
}

fn target(answer: &Answer) -> String {
    let to = answer.location.as_deref().unwrap_or("nowhere");
    let to: String = to.chars().take(80).collect();
    format!("{} to `{to}`", answer.status)
}

/// Returns a URL's host, for people.
fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.split('/').next().unwrap_or(rest)
}
