//! The built-in relay as any client meets it, line by line.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
};

use postrider::outbox::{Keep, Outbox, OutboxSettings};

fn start(keep: Keep, script: &str) -> Outbox {
    let script = script.parse().expect("it is a script");
    Outbox::start(OutboxSettings { script, ..OutboxSettings::new(keep) }).expect("it starts")
}

/// Says all of `input` at once and returns all that is answered until the relay closes.
fn converse(outbox: &Outbox, input: &str) -> String {
    let mut client = TcpStream::connect(outbox.address()).expect("it listens");
    client.write_all(input.as_bytes()).expect("it reads");
    let mut said = String::new();
    client.read_to_string(&mut said).expect("it says text");
    said
}

/// Returns the codes of `input`'s answers, without those of greeting, EHLO and QUIT.
fn codes(outbox: &Outbox, input: &str) -> String {
    let said = converse(outbox, &format!("HELO me\r\n{input}QUIT\r\n"));
    let codes: Vec<&str> = said.lines().filter_map(|line| line.get(..3)).collect();
    codes[2..codes.len() - 1].join(" ")
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        // One may be left of a run that was killed.
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.join(folder)).expect("it is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_conversation_goes_as_the_standard_has_it() {
    let outbox = start(Keep::Memory, "");
    let said = converse(
        &outbox,
        "EHLO sender.example\r\nMAIL FROM:<a@b.example> SIZE=20\r\nRCPT TO:<c@d.example>\r\nRCPT \
         TO:<\"e f\"@g.example>\r\nDATA\r\nMessage-ID: <1@x>\r\n\r\n..\r\n.\r\nNOOP\r\nVRFY a\r\nRSET\r\nHELP\r\n\
         QUIT\r\nNOOP\r\n",
    );
    let expected = "220 localhost ESMTP postrider outbox
250-localhost
250-PIPELINING
250-SIZE 52428800
250-8BITMIME
250-SMTPUTF8
250-CHUNKING
250 ENHANCEDSTATUSCODES
250 2.1.0 sender ok
250 2.1.5 recipient ok
250 2.1.5 recipient ok
354 end with a dot on its own line
250 2.0.0 kept
250 2.0.0 fine
252 2.1.5 mail it and see
250 2.0.0 forgotten
214 2.0.0 see RFC 5321
221 2.0.0 goodbye
";
    assert_eq!(said, expected.replace('\n', "\r\n"));
    let letters = outbox.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].bytes, b"Message-ID: <1@x>\r\n\r\n.\r\n");
    let taken: Vec<_> =
        outbox.acceptances().into_iter().map(|one| (one.message_id, one.to)).collect();
    let expected = [("<1@x>", "c@d.example"), ("<1@x>", "\"e f\"@g.example")];
    assert_eq!(taken, expected.map(|(id, to)| (id.to_owned(), to.to_owned())));
    assert_eq!(outbox.accepted(), 2);
}

#[test]
fn a_command_out_of_order_or_out_of_bounds_is_refused() {
    let outbox = start(Keep::Count, "");
    let mail = "MAIL FROM:<a@b.example>\r\n";
    let many = "RCPT TO:<c@d.example>\r\n".repeat(101);
    for (input, expected) in [
        ("LUNCH\r\n", "500"),
        ("STARTTLS\r\n", "503"),
        ("AUTH PLAIN AGEAYg==\r\n", "502"),
        ("RCPT TO:<a@b.example>\r\n", "503"),
        ("DATA\r\n", "503"),
        (&format!("{mail}{mail}"), "250 503"),
        (&format!("{mail}DATA\r\n"), "250 554"),
        (&format!("{mail}RSET\r\nDATA\r\n"), "250 250 503"),
        (&format!("{mail}HELO again\r\nDATA\r\n"), "250 250 503"),
        ("BDAT 3 LAST\r\nab\n", "503"),
        (&format!("{mail}BDAT 3 LAST\r\nab\n"), "250 554"),
        ("MAIL FROM:<a@b.example> SIZE=60000000\r\n", "552"),
        ("MAIL FROM:<a@b.example> SIZE=many\r\n", "501"),
        ("MAIL FROM:<a@b.example> COLOUR=red\r\n", "555"),
        (&format!("{mail}RCPT TO:<>\r\n"), "250 501"),
        (&format!("{mail}{many}"), &format!("250{} 452", " 250".repeat(100))),
    ] {
        assert_eq!(codes(&outbox, input), expected, "{input:.60}");
    }
    let early = converse(&outbox, "MAIL FROM:<a@b.example>\r\nQUIT\r\n");
    assert!(early.contains("503 5.5.1 say EHLO first"), "{early}");
    let endless = converse(&outbox, &"x".repeat(65_536));
    assert!(endless.ends_with("500 5.5.2 that line has no end\r\n"), "{endless}");
    let hopeless = converse(&outbox, &"LUNCH\r\n".repeat(20));
    assert!(hopeless.ends_with("421 4.7.0 too many errors\r\n"), "{hopeless}");
    assert_eq!(outbox.accepted(), 0);
}

#[test]
fn a_message_may_come_in_chunks_of_known_length() {
    let outbox = start(Keep::Memory, "");
    let mail = "MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n";
    let whole = "BDAT 12 LAST\r\n.\r\nRSET\r\n.\r\n";
    let parts = "BDAT 3\r\na\r\nBDAT 0\r\nBDAT 3\r\nb\r\nBDAT 0 LAST\r\n";
    let input = format!("{mail}{whole}{mail}{parts}{mail}BDAT 1\r\nxDATA\r\nRSET\r\n");
    let expected = "250 250 250 250 250 250 250 250 250 250 250 250 503 250";
    assert_eq!(codes(&outbox, &input), expected);
    let letters: Vec<Vec<u8>> = outbox.letters().into_iter().map(|letter| letter.bytes).collect();
    assert_eq!(letters, [b".\r\nRSET\r\n.\r\n".to_vec(), b"a\r\nb\r\n".to_vec()]);
    let lost = converse(&outbox, &format!("HELO me\r\n{mail}BDAT many\r\nQUIT\r\n"));
    assert!(lost.ends_with("501 5.5.4 how many bytes\r\n"), "{lost}");
}

#[test]
fn only_a_dot_between_two_crlf_ends_a_message() {
    let outbox = start(Keep::Memory, "");
    let smuggled =
        "a\n.\nMAIL FROM:<x@y.example>\r\nb\r\n.\nRCPT TO:<x@y.example>\n.\r\nc\r\n.\r\n";
    let input = format!("MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n{smuggled}");
    assert_eq!(codes(&outbox, &input), "250 250 354 250");
    assert_eq!(outbox.letters().len(), 1);
}

#[test]
fn a_message_that_is_too_big_is_read_to_its_end_and_refused() {
    let outbox = start(Keep::Memory, "");
    let line = "x".repeat(998) + "\r\n";
    let body = line.repeat(53_000);
    let input = format!("MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n{body}.\r\nNOOP\r\n");
    assert_eq!(codes(&outbox, &input), "250 250 354 552 250");
    assert_eq!(outbox.letters(), []);
}

#[test]
fn a_maildir_gets_whole_messages_for_their_owner_alone() {
    let folder = Folder::new("maildir");
    let outbox = start(Keep::Maildir(folder.0.clone()), "");
    let body = "Subject: x\r\n\r\nhello\r\n";
    let to = "RCPT TO:<c@d.example>\r\nRCPT TO:<e@f.example>\r\n";
    let input = format!("MAIL FROM:<a@b.example>\r\n{to}DATA\r\n{body}.\r\n");
    assert_eq!(codes(&outbox, &input), "250 250 250 354 250");
    for path in ["", "new", "tmp", "cur"] {
        assert_eq!(mode(&folder.0.join(path)), 0o700, "{path}");
    }
    let mut texts = Vec::new();
    for file in folder.files("new") {
        assert_eq!(mode(&file), 0o600);
        texts.push(fs::read_to_string(file).expect("it is text"));
    }
    texts.sort();
    assert_eq!(texts.len(), 2);
    for (text, to) in texts.iter().zip(["c@d.example", "e@f.example"]) {
        let (trace, message) = text.split_at(text.len() - body.len());
        assert_eq!(message, body);
        let start = format!(
            "Return-Path: <a@b.example>\r\nDelivered-To: {to}\r\nReceived: from me ([127.0.0.1])"
        );
        assert!(trace.starts_with(&start), "{trace}");
        assert!(trace.ends_with(" +0000\r\n") || trace.ends_with(" GMT\r\n"), "{trace}");
    }
    assert!(folder.files("tmp").is_empty());
}

#[test]
fn a_large_message_is_kept_whole_for_each_of_many_recipients() {
    let folder = Folder::new("many-recipients");
    let outbox = start(Keep::Maildir(folder.0.clone()), "");
    let body = ("x".repeat(76) + "\r\n").repeat(4_000);
    let to: Vec<_> = (0..100).map(|n| format!("RCPT TO:<reader{n}@d.example>\r\n")).collect();
    let to = to.concat();
    let input = format!("MAIL FROM:<a@b.example>\r\n{to}DATA\r\n{body}.\r\n");
    assert_eq!(codes(&outbox, &input), format!("250{} 354 250", " 250".repeat(100)));
    let mut recipients = Vec::new();
    for file in folder.files("new") {
        let text = fs::read_to_string(file).expect("it is text");
        let (trace, message) = text.split_at(text.len() - body.len());
        assert_eq!(message, body);
        recipients.push(trace.lines().nth(1).expect("a recipient").to_owned());
    }
    recipients.sort();
    recipients.dedup();
    assert_eq!(recipients.len(), 100);
    assert!(folder.files("tmp").is_empty());
}

#[test]
fn a_message_that_breaks_off_leaves_nothing() {
    let folder = Folder::new("broken-off");
    let outbox = start(Keep::Maildir(folder.0.clone()), "dot close");
    let input = "HELO me\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhello\r\n.\r\n";
    converse(&outbox, input);
    let mut client = TcpStream::connect(outbox.address()).expect("it listens");
    client.write_all(&input.as_bytes()[..input.len() - 3]).expect("it reads");
    drop(client);
    outbox.stop();
    assert!(folder.files("tmp").is_empty());
    assert!(folder.files("new").is_empty());
}

#[test]
fn many_clients_at_once_lose_nothing() {
    let folder = Folder::new("many");
    let outbox = start(Keep::Maildir(folder.0.clone()), "");
    let input = "MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhello\r\n.\r\n".repeat(20);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| assert_eq!(codes(&outbox, &input), ["250 250 354 250"; 20].join(" ")));
        }
    });
    assert_eq!(outbox.accepted(), 200);
    assert_eq!(outbox.acceptances().len(), 200);
    assert_eq!(folder.files("new").len(), 200);
}

#[test]
fn it_listens_on_this_machine_alone_and_stops_when_told() {
    let settings = OutboxSettings::new(Keep::Count);
    let open = OutboxSettings { listen: SocketAddr::from(([0, 0, 0, 0], 0)), ..settings };
    let error = Outbox::start(open).expect_err("it is not loopback");
    assert_eq!(
        error.to_string(),
        "the built-in relay listens on loopback alone, not on `0.0.0.0:0`"
    );
    let outbox = start(Keep::Count, "");
    let address = outbox.address();
    let mut idle = TcpStream::connect(address).expect("it listens");
    outbox.stop();
    assert!(TcpStream::connect(address).is_err());
    let mut rest = Vec::new();
    // Whether the greeting came before the end, or the end by a reset, does not matter: it ends.
    let _ = idle.read_to_end(&mut rest);
}

#[test]
fn another_client_library_can_send_through_it() {
    use lettre::{SmtpTransport, Transport, address::Envelope};
    let outbox = start(Keep::Memory, "");
    let address = outbox.address();
    let transport =
        SmtpTransport::builder_dangerous(address.ip().to_string()).port(address.port()).build();
    let mailbox = |text: &str| text.parse().expect("it is an address");
    let envelope = Envelope::new(Some(mailbox("a@b.example")), vec![mailbox("c@d.example")]);
    // lettre ends every message with a CRLF of its own.
    let message = "Subject: x\r\n\r\n.dot";
    let envelope = envelope.expect("it has a recipient");
    for _ in 0..3 {
        transport.send_raw(&envelope, message.as_bytes()).expect("it is taken");
    }
    for letter in outbox.letters() {
        assert_eq!(String::from_utf8_lossy(&letter.bytes), format!("{message}\r\n"));
    }
    assert_eq!(outbox.accepted(), 3);
}
