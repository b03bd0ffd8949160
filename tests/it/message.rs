//! From an Edition and a reader to message bytes: whole mails, read back by parsers that are not ours.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use jiff::Timestamp;
use mail_parser::MessageParser;
use postrider::{
    compose::{
        Context, Edition, Filter, Headers, KeyRing, Passage, Piece, Press, Printed, Purpose, Slot,
        Source, read_return_path, read_unsubscribe_token,
    },
    model::{Field, Mailbox, Subscriber, SubscriberState, Suppressed},
};
use proptest::prelude::*;

use crate::skip::skipped;

const MESSAGE_ID: &str = "<41.7@example.org>";

#[test]
fn a_whole_mail() {
    insta::assert_snapshot!(shown(&print(&edition(), &reader("Anne Example"))));
}

#[test]
fn a_mail_in_another_script_goes_as_base64() {
    let mut edition = edition();
    edition.subject = vec![text("Казахстан: отчёт по долгам для "), field("name", Context::Header)];
    edition.text = vec![
        Passage::Fixed("Уважаемые читатели,\n\nвот отчёт по Казахстану.\n".repeat(3)),
        flowing(vec![text("Дорогая "), field("name", Context::Text), text(", спасибо!")]),
    ];
    insta::assert_snapshot!(shown(&print(&edition, &reader("Анна Каренина"))));
}

#[test]
fn a_test_mail_says_so_and_its_tokens_do_nothing() {
    let press = press(&edition());
    let reader = reader("Anne Example");
    let printed = press.print(&reader, MESSAGE_ID, 0, Purpose::Test).expect("it prints");
    insta::assert_snapshot!(headers_of(&printed));
    let local = printed.return_path.split('@').next().expect("it has a local part");
    assert_eq!(read_return_path(&keys(), local).expect("it is ours").purpose, Purpose::Test);
    let token = token_of(&printed);
    assert_eq!(read_unsubscribe_token(&keys(), &token).expect("ours").purpose, Purpose::Test);
}

#[test]
fn without_the_web_unsubscribing_is_a_mail_with_the_token() {
    let mut edition = edition();
    edition.headers.one_click = None;
    insta::assert_snapshot!(headers_of(&print(&edition, &reader("Anne Example"))));
}

#[test]
fn without_web_and_bounce_domain_the_answers_address_takes_the_token() {
    let mut edition = edition();
    edition.headers.one_click = None;
    edition.headers.bounces = None;
    let printed = print(&edition, &reader("Anne Example"));
    assert_eq!(printed.return_path, "report@example.org");
    insta::assert_snapshot!(headers_of(&printed));
}

#[test]
fn a_mailbox_for_leaving_takes_the_token_before_any_other() {
    let mut edition = edition();
    edition.headers.one_click = None;
    edition.headers.leave_at = Some("mailto:leave@example.org".to_owned());
    let printed = print(&edition, &reader("Anne Example"));
    let header = "\r\nList-Unsubscribe: <mailto:leave@example.org?subject=unsubscribe%20";
    assert!(String::from_utf8_lossy(&printed.bytes).contains(header));
}

#[test]
fn hostile_values_in_every_place() {
    let mut reader = reader("Anne\r\nBcc: victim@example.org\u{202e}\0");
    for (name, value) in [
        ("company", "<script>alert(\"1\")</script> & 'Söhne'\r\n.\r\nMAIL FROM:<x@example.org>"),
        ("site", "https://example.org/\"><script>alert(1)</script>&x='y'"),
    ] {
        reader.fields.insert(name.to_owned(), value.to_owned());
    }
    insta::assert_snapshot!(shown(&print(&edition(), &reader)));
}

#[test]
fn a_reader_whose_link_is_none_gets_no_copy_rather_than_one_that_leads_nowhere() {
    let press = press(&edition());
    for site in ["javascript:alert(1)", "data:text/html,x", "www.example.org", "https:/x"] {
        let mut reader = reader("Anne");
        reader.fields.insert("site".to_owned(), site.to_owned());
        let refused = press.print(&reader, MESSAGE_ID, 7, Purpose::Real);
        let why = Suppressed::Unprintable("`site` is no link".to_owned());
        assert_eq!(refused, Err(why), "{site}");
    }
}

#[test]
fn names_survive_the_wire() {
    for name in [
        "",
        "Anne",
        "O'Brien, Anne (\"Annie\") \\ Co. & Sons <x>",
        "Jürgen Groß",
        "Анна Аркадьевна Каренина-Вронская из Санкт-Петербурга и Москвы",
        "山田 太郎",
        "سارة العلي",
        "👍 👩‍👩‍👧‍👦",
        "=?utf-8?q?not_this?=",
        &"Long ".repeat(40),
        &"x".repeat(10_000),
        &"é".repeat(10_000),
    ] {
        let printed = print(&edition(), &reader(name));
        let mail = MessageParser::default().parse(&printed.bytes).expect("it is a mail");
        let to = mail.to().and_then(|to| to.first()).expect("it has one recipient");
        assert_eq!(to.address(), Some("anne@example.org"));
        let read = to.name().unwrap_or_default();
        let whole: String = name.split_whitespace().collect::<Vec<_>>().join(" ");
        match read.strip_suffix('…') {
            Some(start) => assert!(whole.starts_with(start), "{read}"),
            None => assert_eq!(read, whole.replace("=?", "= ?")),
        }
        check_wire(&printed.bytes);
    }
}

#[test]
fn a_domain_goes_over_the_wire_as_an_a_label() {
    let mut edition = edition();
    edition.headers.bounces = Some("bücher.example".to_owned());
    edition.headers.one_click = Some("https://новости.example/лента/u".to_owned());
    let mut reader = reader("Anne");
    reader.address = "anne@bücher.example".parse().expect("an address");
    let printed = print(&edition, &reader);
    assert!(printed.return_path.ends_with("@xn--bcher-kva.example"));
    insta::assert_snapshot!(headers_of(&printed));
}

#[test]
fn a_reader_without_a_required_field_gets_no_copy() {
    let mut edition = edition();
    edition.fields.insert("account".to_owned(), Field { default: None, required: true });
    let press = press(&edition);
    let mut reader = reader("Anne");
    reader.fields.insert("account".to_owned(), " ".to_owned());
    let refused = press.print(&reader, MESSAGE_ID, 7, Purpose::Real);
    assert_eq!(refused, Err(Suppressed::MissingField("account".to_owned())));
    reader.fields.insert("account".to_owned(), "12".to_owned());
    assert!(press.print(&reader, MESSAGE_ID, 7, Purpose::Real).is_ok());
}

#[test]
fn a_message_id_that_would_add_a_header_prints_nothing() {
    let press = press(&edition());
    let broken = "<1>\r\nBcc: x";
    let printed = press.print(&reader("Anne"), broken, 7, Purpose::Real);
    assert!(matches!(printed, Err(Suppressed::Unprintable(_))));
    let printed = press.answer(&reader("Anne"), MESSAGE_ID, Some(broken), 7, Purpose::Real);
    assert!(matches!(printed, Err(Suppressed::Unprintable(_))));
}

#[test]
fn an_answer_differs_from_any_other_copy_by_the_two_fields_that_thread_it() {
    let (press, reader) = (press(&edition()), reader("Anne"));
    let first = "<40.3@example.org>";
    let printed = press.answer(&reader, MESSAGE_ID, Some(first), 7, Purpose::Real).expect("prints");
    let message = MessageParser::default().parse(&printed.bytes).expect("it is a mail");
    assert_eq!(message.in_reply_to().as_text(), Some("40.3@example.org"));
    assert_eq!(message.references().as_text(), Some("40.3@example.org"));
    let bytes = String::from_utf8(printed.bytes).expect("it is 7-bit");
    let fields = format!("In-Reply-To: {first}\r\nReferences: {first}\r\n");
    let alone = press.print(&reader, MESSAGE_ID, 7, Purpose::Real).expect("it prints");
    assert_eq!(bytes.replacen(&fields, "", 1).as_bytes(), alone.bytes);
    assert!(bytes.contains(&format!("Message-ID: {MESSAGE_ID}\r\n{fields}")));
}

#[test]
fn an_edition_whose_headers_cannot_be_written_prints_nothing() {
    let broken: [fn(&mut Headers); 4] = [
        |headers| headers.one_click = Some("https://example.org\r\nBcc: x".to_owned()),
        |headers| headers.list_help = "https://example.org/a b".to_owned(),
        |headers| headers.bounces = Some("bounces example".to_owned()),
        |headers| headers.list_archive = Some(format!("https://example.org/{}", "a".repeat(999))),
    ];
    for break_it in broken {
        let mut edition = edition();
        break_it(&mut edition.headers);
        assert!(Press::new(&edition, 41, date(), keys()).is_err(), "{:?}", edition.headers);
    }
}

#[test]
fn the_visible_link_the_header_and_the_unencoded_parts_hold_one_token() {
    let press = press(&edition());
    let reader = reader("Anne");
    let token = token_of(&press.print(&reader, MESSAGE_ID, 7, Purpose::Real).expect("it prints"));
    let read = read_unsubscribe_token(&keys(), &token).expect("it is ours");
    assert_eq!((read.subscriber.as_str(), read.issue), (reader.token_id.as_str(), 41));
    assert!(read.is_of("tt-report"));
    for part in [
        press.part_html(&reader, Purpose::Real).expect("it prints"),
        press.part_text(&reader, Purpose::Real).expect("it prints"),
    ] {
        assert!(part.contains(&format!("https://news.example.org/u/{token}")), "{part}");
    }
}

#[test]
fn pythons_mail_parser_finds_no_defect() {
    const CHECK: &str = "
import email, email.policy, sys
mail = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
for part in mail.walk():
    assert not part.defects, part.defects
    for name, value in part.items():
        assert not getattr(value, 'defects', ()), (name, value.defects)
sys.stdout.reconfigure(encoding='utf-8', newline='')
text = mail.get_body(('plain',)).get_content()
html = mail.get_body(('html',)).get_content()
print(mail['subject'], mail['to'].addresses[0].display_name, text, html, sep='\\0', end='')
";
    let python = Command::new("python3")
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        skipped("python3, to read our mail back");
        return;
    };
    let press = press(&edition());
    let reader = reader("Анна Каренина, \"Annie\"");
    let printed = press.print(&reader, MESSAGE_ID, 7, Purpose::Real).expect("it prints");
    python.stdin.take().expect("it is piped").write_all(&printed.bytes).expect("it reads");
    let read = python.wait_with_output().expect("it ends");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let read = String::from_utf8(read.stdout).expect("it is UTF-8");
    let expected = [
        press.subject(&reader, Purpose::Real).expect("it prints"),
        reader.name.clone(),
        press.part_text(&reader, Purpose::Real).expect("it prints"),
        press.part_html(&reader, Purpose::Real).expect("it prints"),
    ];
    assert_eq!(read.replace("\r\n", "\n"), expected.join("\0"));
}

proptest! {
    // Each case sets an edition, prints three mails and parses one.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_reader_can_break_a_mail(
        name in hostile(),
        company in hostile(),
        site in hostile(),
        literal in "[ -~é日\n=.]{0,200}",
        base64 in any::<bool>(),
    ) {
        let mut edition = edition();
        edition.html.insert(1, text(&literal));
        edition.text.insert(1, Passage::Fixed(format!("{literal}\n")));
        if base64 {
            edition.html.push(text(&"Казахстан".repeat(200)));
            edition.text.insert(1, Passage::Fixed("Казахстан\n".repeat(200)));
        }
        let press = press(&edition);
        let mut reader = reader(&name);
        reader.fields.insert("company".to_owned(), company);
        reader.fields.insert("site".to_owned(), site.clone());
        if let Err(why) = press.print(&reader, MESSAGE_ID, 7, Purpose::Real) {
            prop_assert_eq!(why, Suppressed::Unprintable("`site` is no link".to_owned()));
            let link = format!("https://example.org/{}", site.replace(char::is_control, ""));
            reader.fields.insert("site".to_owned(), link);
        }
        let printed = press.print(&reader, MESSAGE_ID, 7, Purpose::Real).expect("it prints");
        check_wire(&printed.bytes);
        let again = press.print(&reader, MESSAGE_ID, 7, Purpose::Real).expect("it prints");
        prop_assert_eq!(&printed, &again);
        prop_assert_eq!(field_names(&printed), field_names(&print(&edition, &self::reader("Anne"))));

        let mail = MessageParser::default().parse(&printed.bytes).expect("it is a mail");
        prop_assert_eq!(mail.to().and_then(|to| to.first()).and_then(|to| to.address()), Some("anne@example.org"));
        prop_assert_eq!(mail.subject().unwrap_or_default(), press.subject(&reader, Purpose::Real).expect("it prints"));
        let html = press.part_html(&reader, Purpose::Real).expect("it prints");
        prop_assert_eq!(printed.html_bytes, html.len());
        let text = press.part_text(&reader, Purpose::Real).expect("it prints");
        for (part, expected) in [text, html].into_iter().enumerate() {
            let part = mail.part(u32::try_from(part + 1).expect("two parts")).expect("it is there");
            prop_assert_eq!(part.text_contents().unwrap_or_default().replace("\r\n", "\n"), expected);
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        ".{0,40}",
        "[\r\n\0\t .=?\"<>,:;@()\\\\a]{0,60}",
        "(\r\nBcc: x@example.org|=\\?utf-8\\?q\\?=0D=0A\\?=| |é|--=_|https://a/|\u{202e}|日本){0,20}",
        "x{900,1100}",
    ]
}

/// Panics unless every line ends with CRLF, is at most 998 bytes long, and holds seven-bit characters of a text.
fn check_wire(bytes: &[u8]) {
    assert!(bytes.ends_with(b"\r\n"), "the last line ends");
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("every line ends with CRLF");
        assert!(line.len() <= 998, "{} bytes in a line", line.len());
        assert!(
            line.iter().all(|byte| (b' '..=b'~').contains(byte)),
            "{}",
            String::from_utf8_lossy(line)
        );
    }
}

fn field_names(printed: &Printed) -> Vec<String> {
    let headers = headers_of(printed);
    let fields = headers.lines().filter(|line| !line.starts_with(' '));
    fields.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

fn headers_of(printed: &Printed) -> String {
    let mail = shown(printed);
    mail.split("\n\n").next().unwrap_or_default().to_owned()
}

fn shown(printed: &Printed) -> String {
    let mail = String::from_utf8_lossy(&printed.bytes).replace("\r\n", "\n");
    format!("MAIL FROM:<{}>\n{mail}", printed.return_path)
}

fn token_of(printed: &Printed) -> String {
    let mail = shown(printed);
    let (_, rest) =
        mail.split_once("List-Unsubscribe: <https://news.example.org/u/").expect("it has one");
    rest.split('>').next().unwrap_or_default().to_owned()
}

fn print(edition: &Edition, reader: &Subscriber) -> Printed {
    press(edition).print(reader, MESSAGE_ID, 7, Purpose::Real).expect("it prints")
}

pub(crate) fn press(edition: &Edition) -> Press {
    Press::new(edition, 41, date(), keys()).expect("the edition can be printed")
}

fn date() -> Timestamp {
    "2003-10-06T06:00:00Z".parse().expect("a date")
}

fn keys() -> KeyRing {
    KeyRing::fresh(&[7; 32])
}

pub(crate) fn reader(name: &str) -> Subscriber {
    Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "anne@example.org".parse().expect("an address"),
        name: name.to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    }
}

pub(crate) fn edition() -> Edition {
    let mailbox = |text: &str| text.parse::<Mailbox>().expect("a mailbox");
    let field_known =
        |default: Option<&str>| Field { default: default.map(str::to_owned), required: false };
    Edition {
        publication: "tt-report".to_owned(),
        slug: "2003-10-06-kazakhstan".to_owned(),
        language: "en-GB".to_owned(),
        subject: vec![text("Kazakhstan, for "), field("name", Context::Header)],
        html: vec![
            text(
                "<!doctype html>\n<html lang=\"en-GB\"><head><title>Kazakhstan</title></head>\n<body>\n<p>Dear ",
            ),
            field("name", Context::HtmlText),
            text(",</p>\n<p title=\""),
            field("company", Context::HtmlAttribute),
            text(
                "\">Integrity — attention to detail, and a line that is long enough to be broken softly on the wire.</p>\n<p><a href=\"",
            ),
            field("site", Context::HtmlUrl),
            text("\">Your site</a> <a href=\"https://example.org/search?q="),
            field("company", Context::HtmlUrlPart),
            text("\">Search</a></p>\n<p>Sent to "),
            slot(Source::Address, Context::HtmlText),
            text(". <a href=\""),
            slot(Source::Unsubscribe, Context::HtmlUrl),
            text("\">Unsubscribe</a></p>\n</body>\n</html>\n"),
        ],
        text: vec![
            Passage::Fixed(
                "New York : London : Moscow\nTT Business Intelligence Report\n\n".to_owned(),
            ),
            flowing(vec![
                text("Dear "),
                field("name", Context::Text),
                text(" of "),
                field("company", Context::Text),
                text(
                    ", Kazakhstan's courts have begun to honour foreign awards; see https://example.org/search?q=",
                ),
                field("company", Context::TextUrlPart),
                text(" for more of the same."),
            ]),
            Passage::Fixed("\nFrom our own correspondent.\n\nUnsubscribe:\n".to_owned()),
            flowing(vec![slot(Source::Unsubscribe, Context::Text)]),
        ],
        variants: Vec::new(),
        headers: Headers {
            from: mailbox("TT Business Intelligence Report <report@example.org>"),
            reply_to: Some(mailbox("feedback@example.org")),
            list_title: "TT Business Intelligence Report".to_owned(),
            list_id: "tt-report.example.org".to_owned(),
            list_help: "https://example.org/feedback".to_owned(),
            list_archive: Some("https://example.org/archive".to_owned()),
            bounces: Some("bounces.example.org".to_owned()),
            one_click: Some("https://news.example.org/u".to_owned()),
            leave_at: None,
        },
        fields: BTreeMap::from([
            ("name".to_owned(), field_known(Some("Reader"))),
            ("company".to_owned(), field_known(Some("your company"))),
            ("site".to_owned(), field_known(Some("https://example.org/"))),
        ]),
        enclosures: Vec::new(),
    }
}

pub(crate) fn text(literal: &str) -> Piece {
    Piece::Literal(literal.to_owned())
}

fn field(name: &str, context: Context) -> Piece {
    slot(Source::Field(name.to_owned()), context)
}

fn slot(source: Source, context: Context) -> Piece {
    Piece::Slot(Slot { source, filters: Vec::<Filter>::new(), context })
}

fn flowing(pieces: Vec<Piece>) -> Passage {
    Passage::Flowing { pieces, first: String::new(), rest: String::new(), rule: String::new() }
}
