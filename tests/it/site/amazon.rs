//! Amazon's notifications, and calls that would make us look elsewhere: in process, since Amazon is not on loopback.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider::{
    bounce::Report,
    compose::{KeyRing, Strings, Theme},
    config,
    ledger::{Did, LedgerError, SqliteLedger},
    web::{
        Door,
        site::{self, Asked, Certificates, Clerk, Fetch, Memory, Post, Tokens, Webhooks, Words},
    },
};
use serde_json::{Value, json};

use crate::{
    bounce::webhook::{certificate, signed_as},
    http::{self, Answer},
};

const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";

/// Writes down what was fetched, and has nothing but one certificate.
#[derive(Default)]
struct Fetched(Mutex<Vec<String>>);

#[async_trait]
impl Fetch for Fetched {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        self.0.lock().expect("nobody panicked").push(url.to_owned());
        match url {
            CERTIFICATE => Ok(certificate().pem().into_bytes()),
            _ if url.contains("?Action=ConfirmSubscription") => Ok(b"<ok/>".to_vec()),
            _ => Err("there is nothing".to_owned()),
        }
    }
}

/// Writes down what was noted.
#[derive(Default)]
struct Noted(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Clerk for Noted {
    async fn note(&self, digest: String, report: Report) -> Result<Did, LedgerError> {
        assert!(report.evidence.is_vouched);
        self.0.lock().expect("nobody panicked").push((report.address, digest));
        Ok(Did::Nobody)
    }
}

struct Nobody;

impl Post for Nobody {
    fn take(&self, _: Asked) -> bool {
        false
    }
}

/// A site that listens to one topic, in a runtime of its own.
struct Listening {
    host: String,
    fetched: Arc<Fetched>,
    noted: Arc<Noted>,
    _runtime: tokio::runtime::Runtime,
}

impl Listening {
    fn start() -> Self {
        let (fetched, noted) = (Arc::new(Fetched::default()), Arc::new(Noted::default()));
        let toml = include_str!("../../../templates/starter/publication.toml");
        let toml = format!(
            "{toml}\n[web]\nurl = \"https://news.example.org\"\n[web.webhooks]\nses_topic = \"{TOPIC}\"\n"
        );
        let publication = config::read(&toml, "publication.toml").expect("it is right");
        let webhooks = Webhooks {
            ses_topic: publication.webhooks.ses_topic.clone(),
            mailgun_key: None,
            postmark_password: None,
            clerk: Arc::clone(&noted) as Arc<dyn Clerk>,
            fetch: Arc::clone(&fetched) as Arc<dyn Fetch>,
            certificates: Certificates::default(),
            tokens: Tokens::default(),
        };
        let site = site::Site {
            base: "https://news.example.org".to_owned(),
            strings: Strings::built_in("en").expect("they come with the program"),
            theme: Theme::load("letter", None, None).expect("it comes with the program"),
            words: Words::load("en", None, &publication.title).expect("they come with it"),
            pages: [].into(),
            keys: tokio::sync::watch::channel(Arc::new(KeyRing::fresh(&[7; 32]))).1,
            ledger: Arc::new(SqliteLedger::for_a_while().expect("it opens")),
            post: Arc::new(Nobody),
            webhooks,
            publication,
            memory: Memory::default(),
        };
        let runtime = tokio::runtime::Runtime::new().expect("it starts");
        let at = "127.0.0.1:0".parse().expect("an address");
        let door = runtime.block_on(Door::open(at)).expect("it opens");
        let host = door.address().to_string();
        runtime.spawn(site::serve(Arc::new(site), door, std::future::pending()));
        Self { host, fetched, noted, _runtime: runtime }
    }

    fn call(&self, envelope: &Value) -> Answer {
        let head =
            "POST /webhooks/ses HTTP/1.1\r\nHost: news.example.org\r\nContent-Type: text/plain\r\n";
        http::ask(&self.host, head, &envelope.to_string())
    }

    fn fetched(&self) -> Vec<String> {
        self.fetched.0.lock().expect("nobody panicked").clone()
    }

    fn noted(&self) -> Vec<(String, String)> {
        self.noted.0.lock().expect("nobody panicked").clone()
    }
}

fn bounce() -> String {
    json!({"notificationType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "anna@example.org", "diagnosticCode": "smtp; 550 5.1.1 no"}]}})
    .to_string()
}

fn notification(message: &str) -> Value {
    signed_as(&[
        ("Message", message),
        ("MessageId", "1"),
        ("Timestamp", "2026-11-30T07:00:00.000Z"),
        ("TopicArn", TOPIC),
        ("Type", "Notification"),
    ])
}

#[test]
fn what_amazon_signs_for_our_topic_is_noted_under_one_name_however_often_it_comes() {
    let site = Listening::start();
    for _ in 0..2 {
        assert_eq!(site.call(&notification(&bounce())).status, 200);
    }
    let noted = site.noted();
    assert_eq!(noted.len(), 2);
    assert_eq!(noted[0], noted[1], "the ledger knows the second by its name");
    assert_eq!(noted[0].0, "anna@example.org");
    assert_eq!(site.fetched(), [CERTIFICATE], "the certificate is fetched once");
    assert_eq!(site.call(&notification("Successfully validated SNS topic")).status, 200);
    assert_eq!(site.noted().len(), 2);
}

#[test]
fn a_forged_notification_notes_nothing_and_leads_nowhere() {
    let site = Listening::start();
    for (key, value) in [
        ("Message", "{}"),
        ("TopicArn", "arn:aws:sns:eu-west-1:2:theirs"),
        ("TopicArn", "arn:aws:sns:us-east-1:1:bounces"),
        ("SigningCertURL", "https://169.254.169.254/latest/meta-data/"),
        ("SigningCertURL", "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"),
        ("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/?Action=GetTopicAttributes&x=.pem"),
        ("SigningCertURL", "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"),
        ("SigningCertURL", "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem"),
        ("SigningCertURL", "http://sns.eu-west-1.amazonaws.com/x.pem"),
        ("SigningCertURL", "file:///etc/hostname"),
        ("Signature", "AAAA"),
        ("SignatureVersion", "0"),
    ] {
        let mut forged = notification(&bounce());
        forged[key] = value.into();
        let status = site.call(&forged).status;
        assert_eq!(status, 403, "{key} {value}");
    }
    assert_eq!(site.noted(), []);
    assert!(site.fetched().iter().all(|url| url == CERTIFICATE), "{:?}", site.fetched());
}

#[test]
fn strangers_make_us_ask_for_one_certificate_in_ten_seconds_at_most() {
    let site = Listening::start();
    let mut strange = notification(&bounce());
    for number in 0..20 {
        let url =
            format!("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{number}.pem");
        strange["SigningCertURL"] = url.into();
        assert_eq!(site.call(&strange).status, 503, "Amazon would call again");
    }
    assert_eq!(site.fetched().len(), 1);
}

#[test]
fn a_topic_is_confirmed_only_for_amazons_word_and_at_amazons_host() {
    let confirmation = |url: &str| {
        signed_as(&[
            ("Message", "You have chosen to subscribe"),
            ("MessageId", "1"),
            ("SubscribeURL", url),
            ("Timestamp", "2026-11-30T07:00:00.000Z"),
            ("Token", "2336412f37"),
            ("TopicArn", TOPIC),
            ("Type", "SubscriptionConfirmation"),
        ])
    };
    let good = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37";
    let site = Listening::start();
    for url in
        ["http://127.0.0.1:22/", "https://169.254.169.254/", "https://evil.example/", "gopher://x"]
    {
        assert_eq!(
            site.call(&confirmation(url)).status,
            403,
            "even Amazon's signature leads nowhere else: {url}"
        );
        let mut forged = confirmation(good);
        forged["SubscribeURL"] = url.into();
        assert_eq!(site.call(&forged).status, 403, "{url}");
    }
    assert_eq!(site.fetched(), [CERTIFICATE]);
    assert_eq!(site.call(&confirmation(good)).status, 200);
    assert_eq!(site.fetched(), [CERTIFICATE, good]);
    // Whoever unsubscribes the topic is not contradicted.
    let mut leaving = confirmation(good);
    leaving["Type"] = "UnsubscribeConfirmation".into();
    assert_eq!(site.call(&leaving).status, 403, "its type is signed too");
    assert_eq!(site.fetched().len(), 2);
}
