//! Mailboxes over IMAP, as Dovecot keeps them: a server nobody here wrote, started by `tests/rig/dovecot`.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process};

use postrider::{
    mailbox::{Imap, ImapError, ImapUrl},
    model::Secret,
};
use serde_json::Value;

use crate::{command::env::Env, skip::skipped};

/// The throw-away Dovecot that `tests/run` started, and one user's mailbox in it.
struct Dovecot {
    port: u16,
    trust: PathBuf,
    password: String,
    user: String,
    mailbox: PathBuf,
}

/// Returns a mailbox nobody else has, or says that this was skipped.
fn dovecot(name: &str) -> Option<Dovecot> {
    let setting = |name: &str| env::var(format!("POSTRIDER_TEST_IMAP_{name}")).ok();
    let Some(mail) = setting("MAIL") else {
        skipped("Dovecot, which `tests/run` starts as root");
        return None;
    };
    let told = |name| setting(name).expect("tests/rig/dovecot tells all or nothing");
    let user = format!("{name}-{}", process::id());
    let mailbox = PathBuf::from(mail).join(&user);
    for folder in ["", "new", "cur", "tmp"] {
        let folder = mailbox.join(folder);
        fs::create_dir_all(&folder).expect("it can be made");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("it is ours");
    }
    Some(Dovecot {
        port: told("PORT").parse().expect("a port"),
        trust: told("CA").into(),
        password: told("PASSWORD"),
        user,
        mailbox,
    })
}

impl Dovecot {
    fn lies(&self, name: &str, message: &str) {
        let path = self.mailbox.join("new").join(name);
        fs::write(&path, message).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("it is ours");
    }

    fn url(&self) -> ImapUrl {
        let text = format!("imaps://{}@127.0.0.1:{}", self.user, self.port);
        ImapUrl::read(&text).expect("it is one")
    }

    fn open(&self, only_look: bool) -> Imap {
        let trust = fs::read(&self.trust).expect("the CA can be read");
        let password = Secret::new(self.password.clone());
        Imap::open(&self.url(), &password, &trust, only_look).expect("it opens")
    }
}

#[test]
fn unseen_messages_are_read_byte_for_byte_and_marked() {
    let Some(dovecot) = dovecot("reads") else { return };
    let message = "Subject: a {3}\r\n\r\n.\r\n* OK\r\np4 OK\r\n)\r\n";
    let long = format!("Subject: long\r\n\r\n{}", "0123456789\r\n".repeat(200_000));
    dovecot.lies("1.a", message);
    dovecot.lies("2.b", &long);
    let mut imap = dovecot.open(true);
    let unseen = imap.unseen().expect("it lists");
    assert_eq!(unseen.len(), 2);
    let read =
        |imap: &mut Imap, number| imap.read(number).expect("it reads").map(|mail| mail.bytes);
    assert_eq!(read(&mut imap, unseen[0]).as_deref(), Some(message.as_bytes()));
    assert!(read(&mut imap, unseen[1]).as_deref() == Some(long.as_bytes()));
    assert_eq!(read(&mut imap, 99), None);
    // Whether the server says no or nothing, it was only to look.
    let _ = imap.see(unseen[0]);
    imap.close();
    assert_eq!(dovecot.open(true).unseen().expect("it lists"), unseen);
    let mut imap = dovecot.open(false);
    imap.see(unseen[0]).expect("it marks");
    imap.close();
    assert_eq!(dovecot.open(true).unseen().expect("it lists"), unseen[1..]);
}

#[test]
fn a_server_that_is_not_trusted_hears_no_password() {
    let Some(dovecot) = dovecot("trust") else { return };
    let password = Secret::new(dovecot.password.clone());
    let refused = Imap::open(&dovecot.url(), &password, b"", false).err();
    assert!(
        matches!(&refused, Some(ImapError::Broken { why, .. }) if why.contains("not trusted")),
        "{refused:?}"
    );
    let trust = fs::read(&dovecot.trust).expect("the CA can be read");
    let wrong = Imap::open(&dovecot.url(), &Secret::new("wrong"), &trust, false).err();
    assert!(matches!(wrong, Some(ImapError::Login { .. })), "{wrong:?}");
    let odd = Imap::open(&dovecot.url(), &Secret::new("p\u{e4}ss"), &trust, false).err();
    assert!(matches!(odd, Some(ImapError::Login { .. })), "{odd:?}");
}

#[test]
fn bounces_are_read_from_a_folder_and_people_left_unread() {
    let Some(dovecot) = dovecot("bounces") else { return };
    let env = Env::publication();
    dovecot.lies(
        "1.a",
        "From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n\r\n\
         Hi. This is the qmail-send program at mx.example.net.\r\n\r\n<ann@example.com>:\r\n\
         Sorry, no mailbox here by that name. (#5.1.1)\r\n",
    );
    dovecot.lies("2.b", "From: bob@example.com\r\nSubject: Re: Kazakhstan\r\n\r\nThank you.\r\n");
    let line = format!(
        "bounces read --imap imaps://{}@127.0.0.1:{} --ca-file {} --json",
        dovecot.user,
        dovecot.port,
        dovecot.trust.display()
    );
    let run = |line: &str| {
        let mut command = env.command(line);
        command.env("POSTRIDER_IMAP_PASSWORD", &dovecot.password);
        let said = env.said(command.output().expect("it runs")).code(0);
        let lines = said.out.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
        lines.collect::<Vec<Value>>()
    };
    let looked = run(&format!("{line} --dry-run"));
    assert_eq!(looked.len(), 2);
    assert_eq!((&looked[0]["kind"], &looked[1]["kind"]), (&"hard".into(), &"unknown".into()));
    assert_eq!(run(&line), looked);
    assert_eq!(run(&line), looked[1..], "what a person wrote is still to be read");
    let mut command = env.command(&line);
    command.env("POSTRIDER_IMAP_PASSWORD", "wrong");
    let said = env.said(command.output().expect("it runs")).code(77);
    assert!(!said.err.contains("wrong"), "{said:?}");
}
