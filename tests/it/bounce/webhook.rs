//! What providers post: verified first, and then read like mail.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use postrider::{
    bounce::{
        Kind, Report,
        webhook::{WebhookError, mailgun, postmark, ses, sns::Envelope},
    },
    model::Secret,
};
use serde_json::json;
use sha2::Sha256;

fn told(reports: &[Report]) -> Vec<(Kind, &str, &str)> {
    reports
        .iter()
        .map(|report| (report.kind, report.address.as_str(), report.code.as_str()))
        .collect()
}

#[test]
fn what_amazon_says_is_read_again_by_its_words() {
    let bounce = |kind: &str, subtype: &str, diagnostic: &str| {
        let notification = json!({
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": kind, "bounceSubType": subtype,
                "bouncedRecipients": [{"emailAddress": "anna@example.com", "action": "failed", "diagnosticCode": diagnostic}],
            },
            "mail": {"headers": [{"name": "List-Unsubscribe", "value": "<https://news.example.org/u/AdHw2gcAAAAFAwQFBgcICQoLDA0ODxAREhMUFRYXGBka>"}]},
        });
        let read = ses::read(notification.to_string().as_bytes()).expect("it is a notification");
        assert_eq!(read[0].evidence.returned.len(), 1);
        assert!(read[0].evidence.is_vouched);
        (read[0].kind, read[0].code.clone())
    };
    for (kind, subtype, diagnostic, expected, code) in [
        ("Permanent", "General", "smtp; 550 5.1.1 user unknown", Kind::Hard, "5.1.1"),
        ("Permanent", "NoEmail", "", Kind::Hard, "5.1.1"),
        ("Permanent", "General", "smtp; 554 5.7.1 blocked by spamhaus", Kind::Policy, "5.7.1"),
        ("Permanent", "Suppressed", "smtp; 550 5.1.1 on the suppression list", Kind::Soft, "5.1.1"),
        ("Transient", "General", "smtp; 550 5.1.1 user unknown", Kind::Soft, "5.1.1"),
        ("Transient", "MailboxFull", "", Kind::Soft, "5.2.2"),
        ("Transient", "ContentRejected", "", Kind::Policy, "5.6.0"),
        ("Undetermined", "Undetermined", "", Kind::Soft, ""),
    ] {
        assert_eq!(
            bounce(kind, subtype, diagnostic),
            (expected, code.to_owned()),
            "{kind} {subtype} {diagnostic}"
        );
    }
    for (body, expected) in [
        (
            json!({"eventType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": "a@b.org"}]}}),
            vec![(Kind::Complaint, "a@b.org", "")],
        ),
        (
            json!({"notificationType": "Delivery", "delivery": {"recipients": ["a@b.org"]}}),
            vec![(Kind::Delivered, "a@b.org", "")],
        ),
        (
            json!({"eventType": "DeliveryDelay", "deliveryDelay": {"delayedRecipients": [{"emailAddress": "a@b.org"}]}}),
            vec![(Kind::Delayed, "a@b.org", "")],
        ),
        (json!({"eventType": "Open"}), vec![]),
    ] {
        let read = ses::read(body.to_string().as_bytes()).expect("it is a notification");
        assert_eq!(told(&read), expected);
    }
    for body in ["", "[]", "{}", "{\"notificationType\": 1}", &"[".repeat(100_000)] {
        assert_eq!(ses::read(body.as_bytes()), Err(WebhookError::Malformed));
    }
}

/// The key that is Amazon's here.
fn key() -> rcgen::KeyPair {
    let pem = include_str!("../../fixtures/dkim/rsa.pem");
    rcgen::KeyPair::from_pem_and_sign_algo(pem, &rcgen::PKCS_RSA_SHA256).expect("it is RSA")
}

/// Its certificate.
pub(crate) fn certificate() -> rcgen::Certificate {
    rcgen::CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])
        .and_then(|parameters| parameters.self_signed(&key()))
        .expect("it signs itself")
}

/// Makes an envelope of these fields, which are in the order of what is signed, and signs it as Amazon does.
pub(crate) fn signed_as(fields: &[(&str, &str)]) -> serde_json::Value {
    let pair =
        ring::signature::RsaKeyPair::from_pkcs8(&key().serialize_der()).expect("it is PKCS #8");
    let text: String =
        fields.iter().flat_map(|(name, value)| [*name, "\n", *value, "\n"]).collect();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &ring::signature::RSA_PKCS1_SHA256,
        &ring::rand::SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .expect("it signs");
    let mut envelope = json!({
        "SignatureVersion": "2",
        "Signature": BASE64.encode(&signature),
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
    });
    for (name, value) in fields {
        envelope[*name] = (*value).into();
    }
    envelope
}

/// Makes a notification.
fn signed(message: &str) -> (serde_json::Value, Vec<u8>) {
    let envelope = signed_as(&[
        ("Message", message),
        ("MessageId", "1"),
        ("Timestamp", "2026-11-30T07:00:00.000Z"),
        ("TopicArn", "arn:aws:sns:eu-west-1:1:bounces"),
        ("Type", "Notification"),
    ]);
    (envelope, certificate().der().to_vec())
}

#[test]
fn amazons_envelope_is_believed_only_as_it_was_signed() {
    let (envelope, certificate) = signed("{\"notificationType\":\"Bounce\"}");
    let read = Envelope::read(envelope.to_string().as_bytes()).expect("it is one");
    let verified = read.verified(&certificate).expect("it is signed");
    assert_eq!(
        (verified.message, verified.topic),
        ("{\"notificationType\":\"Bounce\"}", "arn:aws:sns:eu-west-1:1:bounces")
    );
    assert!(read.certificate_url().is_ok());
    for (key, value) in [
        ("Message", "{}"),
        ("TopicArn", "arn:aws:sns:eu-west-1:2:theirs"),
        ("Subject", "new"),
        ("SignatureVersion", "1"),
        ("SignatureVersion", "3"),
        ("Signature", "AAAA"),
        ("Signature", "not base64"),
    ] {
        let mut forged = envelope.clone();
        forged[key] = value.into();
        let forged = Envelope::read(forged.to_string().as_bytes()).expect("it has the form");
        assert_eq!(forged.verified(&certificate), Err(WebhookError::Forged), "{key} {value}");
    }
    for end in 0..certificate.len() {
        assert_eq!(read.verified(&certificate[..end]), Err(WebhookError::Forged));
    }
    for url in [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.evil.example#.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.a@b.amazonaws.com/SimpleNotificationService-1.pem",
        "https://bucket.s3.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns..amazonaws.com/SimpleNotificationService-1.pem",
        // Amazon's own host, which answers with what a customer of its wrote into a topic.
        "https://sns.eu-west-1.amazonaws.com/?Action=GetEndpointAttributes&EndpointArn=x&y=/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?Action=GetTopicAttributes",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-?Action=GetTopicAttributes&x=.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-/../1.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem",
    ] {
        let mut envelope = envelope.clone();
        envelope["SigningCertURL"] = url.into();
        let envelope = Envelope::read(envelope.to_string().as_bytes()).expect("it has the form");
        assert_eq!(envelope.certificate_url(), Err(WebhookError::Forged), "{url}");
    }
}

#[test]
fn mailguns_calls_are_signed_and_fresh() {
    let (key, now) = (
        Secret::new("key-for-tests"),
        "2026-11-30T07:00:00Z".parse::<Timestamp>().expect("it is a time"),
    );
    let call = |at: Timestamp, event: serde_json::Value| {
        let (timestamp, token) = (at.as_second().to_string(), "token");
        let mac = Hmac::<Sha256>::new_from_slice(b"key-for-tests")
            .expect("any key")
            .chain_update(&timestamp)
            .chain_update(token)
            .finalize()
            .into_bytes();
        json!({"signature": {"timestamp": timestamp, "token": token, "signature": HEXLOWER.encode(&mac)}, "event-data": event})
    };
    let failed = |severity: &str, code: u16, message: &str| json!({"event": "failed", "severity": severity, "recipient": "anna@example.com", "delivery-status": {"code": code, "message": message}});
    for (event, kind) in [
        (failed("permanent", 550, "5.1.1 no such user"), Kind::Hard),
        (failed("permanent", 552, "over quota"), Kind::Soft),
        (failed("permanent", 554, "5.7.1 blocked by our blocklist"), Kind::Policy),
        (failed("temporary", 451, "try again later"), Kind::Delayed),
        (json!({"event": "complained", "recipient": "anna@example.com"}), Kind::Complaint),
        (json!({"event": "unsubscribed", "recipient": "anna@example.com"}), Kind::Unsubscribe),
        (json!({"event": "delivered", "recipient": "anna@example.com"}), Kind::Delivered),
    ] {
        let body = call(now, event.clone()).to_string();
        let call = mailgun::read(body.as_bytes(), &key, now).expect("it is signed");
        assert_eq!(call.token, "token");
        let report = call.report.expect("it tells");
        assert_eq!((report.kind, report.address.as_str()), (kind, "anna@example.com"), "{event}");
    }
    let event = json!({"event": "complained", "recipient": "anna@example.com"});
    for (minutes, expected) in
        [(-6, Err(WebhookError::Stale)), (-5, Ok(())), (5, Ok(())), (6, Err(WebhookError::Stale))]
    {
        let body = call(now + SignedDuration::from_mins(minutes), event.clone()).to_string();
        assert_eq!(mailgun::read(body.as_bytes(), &key, now).map(|_| ()), expected, "{minutes}");
    }
    let body = call(now, event).to_string();
    let other = Secret::new("another");
    assert_eq!(mailgun::read(body.as_bytes(), &other, now), Err(WebhookError::Forged));
    let changed = body.replace("\"token\":\"token\"", "\"token\":\"other\"");
    assert_eq!(mailgun::read(changed.as_bytes(), &key, now), Err(WebhookError::Forged));
    assert_eq!(mailgun::read(b"{}", &key, now), Err(WebhookError::Forged));
}

#[test]
fn postmarks_calls_carry_our_password() {
    let password = Secret::new("s3cret");
    let authorization = format!("Basic {}", BASE64.encode(b"postrider:s3cret"));
    let read = |body: serde_json::Value| {
        postmark::read(body.to_string().as_bytes(), &authorization, "postrider", &password)
    };
    for (body, kind) in [
        (
            json!({"RecordType": "Bounce", "Type": "HardBounce", "Email": "anna@example.com", "Details": "smtp;550 5.1.1 no such user"}),
            Kind::Hard,
        ),
        (
            json!({"RecordType": "Bounce", "Type": "HardBounce", "Email": "anna@example.com", "Description": "The server was unable to deliver"}),
            Kind::Hard,
        ),
        (
            json!({"RecordType": "Bounce", "Type": "HardBounce", "Email": "anna@example.com", "Details": "smtp;552 5.2.2 over quota"}),
            Kind::Soft,
        ),
        (
            json!({"RecordType": "Bounce", "Type": "SoftBounce", "Email": "anna@example.com", "Details": "smtp;550 5.1.1 no such user"}),
            Kind::Soft,
        ),
        (
            json!({"RecordType": "Bounce", "Type": "Blocked", "Email": "anna@example.com"}),
            Kind::Policy,
        ),
        (
            json!({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": "anna@example.com"}),
            Kind::Complaint,
        ),
        (
            json!({"RecordType": "Bounce", "Type": "AutoResponder", "Email": "anna@example.com"}),
            Kind::AutoReply,
        ),
        (json!({"RecordType": "Delivery", "Recipient": "anna@example.com"}), Kind::Delivered),
    ] {
        let report = read(body.clone()).expect("it may").expect("it tells");
        assert_eq!((report.kind, report.address.as_str()), (kind, "anna@example.com"), "{body}");
    }
    assert_eq!(read(json!({"RecordType": "Open"})), Ok(None));
    assert_eq!(read(json!({})), Err(WebhookError::Malformed));
    for authorization in
        ["", "Basic", "Basic ", "Basic cG9zdHJpZGVyOnMzY3JlVA==", "Bearer s3cret", "Basic é"]
    {
        let body = json!({"RecordType": "SpamComplaint", "Email": "a@b.org"}).to_string();
        assert_eq!(
            postmark::read(body.as_bytes(), authorization, "postrider", &password),
            Err(WebhookError::Forged)
        );
    }
}
