//! A mail comes back as it went in: by Python's email package, and by mailparser.

use std::{fs, path::PathBuf};

use data_encoding::BASE64;
use postrider::compose::Enclosure;
use serde::Deserialize;

use super::node;
use crate::{
    gallery::{Copy, gallery, hung, publication, reader},
    python::python,
};

/// A mail as somebody else's parser reads it.
#[derive(Debug, PartialEq, Deserialize)]
struct Mail {
    subject: String,
    from: Vec<(String, String)>,
    to: Vec<(String, String)>,
    reply_to: Vec<(String, String)>,
    message_id: String,
    date: String,
    text: String,
    html: String,
    /// File name, type, Content-ID and what is in it.
    attached: Vec<(Option<String>, String, Option<String>, String)>,
}

/// A parser: mails as files in, and what it reads in each as JSON out; nothing where it is missing.
type Parser = fn(&[PathBuf]) -> Option<String>;

#[test]
fn pythons_email_package_reads_every_mail_as_it_went_in() {
    assert_round_trip(by_python);
}

#[test]
fn mailparser_reads_every_mail_as_it_went_in() {
    assert_round_trip(by_mailparser);
}

#[test]
fn a_mail_that_does_not_come_back_as_it_went_in_is_found() {
    for parser in [by_python as Parser, by_mailparser] {
        // It has words beyond ASCII, a picture, and a subject of its own.
        let copy = gallery().iter().find(|copy| !copy.enclosures.is_empty()).expect("one has");
        let sound = String::from_utf8(copy.mail.clone()).expect("a mail is ASCII");
        for (from, to) in [
            ("charset=utf-8", "charset=iso-8859-1"),
            ("Subject: ", "Subject: [Spam] "),
            ("Content-ID: <", "Content-ID: <x-"),
            ("Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: 7bit"),
        ] {
            let broken = sound.replacen(from, to, 1);
            assert_ne!(broken, sound, "nothing of `{from}` stands in it");
            let folder = tempfile::tempdir().expect("a folder can be made");
            let mail = folder.path().join("broken.eml");
            fs::write(&mail, broken).expect("it can be written");
            if let Some(read) = read(parser, &[mail]) {
                assert_ne!(read, [as_it_went_in(copy)], "`{to}`");
            }
        }
    }
}

fn by_python(mails: &[PathBuf]) -> Option<String> {
    let mails: Vec<&str> = mails.iter().filter_map(|path| path.to_str()).collect();
    let read = python("mime.py", &mails, b"")?;
    Some(String::from_utf8(read).expect("it prints UTF-8"))
}

fn by_mailparser(mails: &[PathBuf]) -> Option<String> {
    node(include_str!("../../rig/judges/mailparser.mjs"), mails)
}

fn read(parser: Parser, mails: &[PathBuf]) -> Option<Vec<Mail>> {
    let read: Vec<Mail> = serde_json::from_str(&parser(mails)?).expect("it writes JSON");
    assert_eq!(read.len(), mails.len());
    Some(read)
}

#[track_caller]
fn assert_round_trip(parser: Parser) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mails = hung(folder.path(), "eml", |copy: &Copy| &copy.mail);
    let Some(read) = read(parser, &mails) else { return };
    for (mail, copy) in read.into_iter().zip(gallery()) {
        let written = as_it_went_in(copy);
        // By itself first, since two whole mails are too much to read.
        for (part, read, written) in
            [("text", &mail.text, &written.text), ("html", &mail.html, &written.html)]
        {
            let lines = || read.split('\n').zip(written.split('\n'));
            let differing = lines().find(|(read, written)| read != written);
            assert_eq!(differing, None, "{}, {part}", copy.name);
        }
        assert_eq!(mail, written, "{}", copy.name);
    }
}

fn as_it_went_in(copy: &Copy) -> Mail {
    let sender = publication().sender;
    let mailbox = |mailbox: &postrider::model::Mailbox| {
        vec![(mailbox.name.clone(), mailbox.address.to_string())]
    };
    Mail {
        subject: copy.subject.clone(),
        from: mailbox(&sender.from),
        to: vec![("Anna".to_owned(), reader().address.to_string())],
        reply_to: sender.reply_to.as_ref().map(mailbox).unwrap_or_default(),
        message_id: "<41.7@example.org>".to_owned(),
        date: "2003-10-06T06:00:00Z".to_owned(),
        text: copy.text.clone(),
        html: copy.html.clone(),
        attached: copy.enclosures.iter().map(attached).collect(),
    }
}

fn attached(enclosure: &Enclosure) -> (Option<String>, String, Option<String>, String) {
    let Enclosure { id, name, media_type, bytes } = enclosure;
    (Some(name.clone()), media_type.clone(), Some(format!("<{id}>")), BASE64.encode(bytes))
}
