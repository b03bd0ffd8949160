//! Drafts that would keep a careless reader of Markdown busy for minutes, and values of readers that would be something else.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use mail_parser::MessageParser;
use postrider::{
    compose::{Context, Edition, KeyRing, Passage, Piece, Press, Printed, Purpose},
    model::{Problem, Subscriber, SubscriberState},
};
use proptest::prelude::*;

use crate::compose::{compose_with, publication, shown};

/// A draft with a field in every kind of place.
const FIELDS: &str = include_str!("../fixtures/drafts/fields.md");

/// What any draft may take in a debug build on a busy machine; the shapes below took minutes before they were bounded.
const MOMENTS: Duration = Duration::from_secs(30);

fn compose(body: &str) -> Result<(), Vec<Problem>> {
    let started = Instant::now();
    let draft = format!("+++\ndate = 2003-10-06\n+++\n\n# Title {{credit=\"Own\"}}\n\n{body}");
    let composed = compose_with(&draft, "broadsheet", &publication());
    assert!(started.elapsed() < MOMENTS, "{:?} for {:.60}", started.elapsed(), body);
    composed.map(drop)
}

/// Returns lines made from their numbers.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_too_large_too_wide_or_too_deep_is_refused_in_a_moment() {
    let table = |columns: usize, rows: usize| {
        let row = |cell: &str| format!("|{}\n", format!("{cell}|").repeat(columns));
        [row("a"), row("-"), "|x\n".repeat(rows)].concat()
    };
    let deep = "nested too deep";
    for (body, told) in [
        ("word ".repeat(1_000_000), "the draft has 5.1 MB, more than 500 kB"),
        (table(1_000, 1), "the table has 1000 columns, more than 40"),
        (table(1_000, 3_000), "the table has 1000 columns, more than 40"),
        (lines(1_000, |depth| "  ".repeat(depth % 450) + "- x"), deep),
        ("- ".repeat(1_000) + "x", deep),
        ("> ".repeat(1_000) + "x", deep),
        ("[^a]: ".repeat(1_000) + "x", deep),
        (lines(900, |depth| "> ".repeat(depth % 450) + "x"), deep),
        (lines(700, |depth| ":".repeat(702 - depth) + "sponsor"), deep),
        (lines(13, |depth| ":".repeat(16 - depth) + "if segment=\"a\""), deep),
        (lines(13, |depth| ":".repeat(16 - depth) + "sponsor"), deep),
        ("*a ".repeat(1_000) + "x" + &" a*".repeat(1_000), deep),
        ("*".repeat(1_001) + "x" + &"*".repeat(1_001), deep),
        ("![".repeat(1_000) + "x" + &"](b)".repeat(1_000), "an image stands in a paragraph"),
        ("[a](".repeat(1_000) + "x" + &")".repeat(1_000), "is not an absolute address"),
        ("\u{200b}\n".repeat(100_000), "a hidden character"),
        ("{{ nmae }} ".repeat(10_000), "no merge field is named `nmae`"),
        ("- x\n".repeat(30_000), "of HTML, and its CSS"),
        ("x\n\n".repeat(20_000), "of HTML, and its CSS"),
        (table(38, 3_000), "of HTML, and its CSS"),
        ("{{ name ".repeat(10_000), "the merge field is not closed"),
        ("x[^a] ".repeat(20_000), "there is no note `a`"),
        ("<b>".repeat(20_000), "an issue holds no HTML"),
        ("![a](b){".repeat(5_000), "an image stands in a paragraph"),
    ] {
        let problems = compose(&body).expect_err("it is too much");
        assert!(problems.len() <= 1_000, "{}", problems.len());
        let told_of = shown(&problems);
        assert!(told_of.contains(told), "no {told:?} in {told_of:.2000}");
    }
}

#[test]
fn what_is_odd_but_harmless_composes_in_a_moment() {
    for body in [
        "{{ name }} ".repeat(10_000),
        "[".repeat(100_000) + "x" + &"]".repeat(100_000),
        "[a".repeat(20_000),
        format!("[a]({}", "(".repeat(20_000)),
        "*a **a ".repeat(5_000),
        "_a ".repeat(20_000),
        "*a_".repeat(60_000),
        "<".repeat(50_000),
        "&amp;".repeat(20_000),
        "w".repeat(400_000),
        lines(700, |length| "`".repeat(length)),
        format!("{}\n\n[^a]: x", "x[^a] ".repeat(5_000)),
        format!("[a]: https://example.org/{}\n\n{}", "x".repeat(1_000), "[a] ".repeat(5_000)),
        lines(2_000, |number| format!("[a](https://example.org/{number})")),
        "\t".repeat(1_000) + "x",
    ] {
        if let Err(problems) = compose(&body) {
            panic!("{body:.60}: {:.2000}", shown(&problems));
        }
    }
}

/// Values that would be something else than words, if anything let them.
fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "\"",
        "'",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></head><body>",
        "--><!--",
        "]]>",
        "&lt;b&gt; &amp; &#60;",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example/",
        "https://evil.example/\"onclick=\"x",
        "https://evil.example/\r\n\r\n<b>",
        "https://user@evil.example/?a=b&c=d#e",
        "x\r\nBcc: victim@example.org\r\n\r\nbody",
        "\r\n.\r\nMAIL FROM:<x@example.org>",
        "\n\n--=_\n",
        "=?utf-8?q?=0D=0ABcc:_x?=",
        "\u{202e}gnp.exe\u{202c}\u{2066}x\u{200f}",
        "\0\u{1}\u{7f}\u{9b}\u{feff}\u{200b}\u{2028}\u{e000}\u{e003}\u{10fffd}",
        "{{ name }} {{ account }} {{{{ %%x%% *|X|*",
        "👩‍👩‍👧‍👦 🇰🇿 e\u{301}",
        "سارة العلي 山田",
        "%0d%0a%00",
        "../../etc/passwd",
        "2003-10-06",
    ]
    .map(str::to_owned)
    .into();
    let long: Vec<String> = ["x", "é", "👍", "<", "\"", "a ", "\r\n"]
        .map(|piece| piece.repeat(10_000 / piece.len()))
        .into();
    values.extend(long);
    values
}

fn edition() -> Edition {
    let composed = compose_with(FIELDS, "broadsheet", &publication());
    composed.unwrap_or_else(|problems| panic!("{}", shown(&problems))).edition
}

fn press(edition: &Edition) -> Press {
    let date = "2003-10-06T06:00:00Z".parse().expect("a date");
    Press::new(edition, 41, date, KeyRing::fresh(&[7; 32])).expect("it can be printed")
}

fn reader(value: &str, account: &str) -> Subscriber {
    Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "anna@example.org".parse().expect("an address"),
        name: value.to_owned(),
        tags: Vec::new(),
        fields: [("account".to_owned(), account.to_owned())].into(),
        state: SubscriberState::Active,
    }
}

/// Returns the markup alone, without words and without what attributes hold.
fn skeleton(html: &str) -> String {
    let mut skeleton = String::new();
    let (mut in_tag, mut in_value) = (false, false);
    for letter in html.chars() {
        match letter {
            '"' if in_tag => in_value = !in_value,
            '<' if !in_value => in_tag = true,
            '>' if !in_value => {
                in_tag = false;
                skeleton.push('\n');
            }
            _ if in_tag && !in_value => skeleton.push(letter),
            _ => {}
        }
    }
    skeleton
}

/// Asserts that one reader's mail is the mail of any other, but for words.
fn assert_only_words(press: &Press, plain: &Printed, value: &str) -> Result<(), TestCaseError> {
    let print = |reader: &Subscriber| press.print(reader, "<41.7@example.org>", 7, Purpose::Real);
    let mut reader = reader(value, value);
    if value.trim().is_empty() {
        prop_assert!(print(&reader).is_err());
        return Ok(());
    }
    // What was to be a link and is none goes to nobody; behind one it is words again.
    if let Err(why) = print(&reader) {
        prop_assert_eq!(why.to_string(), "copy not possible: `account` is no link");
        let link = format!("https://example.org/{}", value.replace(char::is_control, ""));
        reader.fields.insert("account".to_owned(), link);
    }
    let printed = print(&reader).expect("it prints");
    let html = press.part_html(&reader, Purpose::Real).expect("it prints");
    let text = press.part_text(&reader, Purpose::Real).expect("it prints");
    let plain_html = press.part_html(&anna(), Purpose::Real).expect("it prints");
    prop_assert_eq!(skeleton(&html), skeleton(&plain_html));
    let links =
        html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    for link in links {
        let lower = link.to_ascii_lowercase();
        let is_fine =
            ["https://", "http://", "mailto:", "tel:"].iter().any(|start| lower.starts_with(start));
        prop_assert!(link.is_empty() || is_fine, "{}", link);
    }
    // An address of the text part is the one that the HTML has, or there is none.
    let list = text.split("\nLinks\n").nth(1).unwrap_or_default();
    for line in list.lines().filter_map(|line| line.strip_prefix("[1] ")) {
        let is_fine = ["https://", "http://", "mailto:"].iter().any(|start| {
            line.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        });
        prop_assert!(is_fine && html.contains(&line.replace('&', "&amp;")), "{}", line);
    }
    for part in [&html, &text] {
        let is_hidden = |letter: char| {
            (letter.is_control() && letter != '\n')
                || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e000}'..='\u{f8ff}' | '\u{200b}')
        };
        prop_assert!(!part.contains(is_hidden));
    }
    let names = |printed: &Printed| -> Vec<String> {
        let head = String::from_utf8_lossy(&printed.bytes).into_owned();
        let head = head.split("\r\n\r\n").next().unwrap_or_default().to_owned();
        let fields = head.lines().filter(|line| !line.starts_with([' ', '\t']));
        fields.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    prop_assert_eq!(names(&printed), names(plain));
    for line in printed.bytes.split(|byte| *byte == b'\n') {
        prop_assert!(line.len() <= 998);
        prop_assert!(line.iter().all(|byte| matches!(byte, b'\r' | b' '..=b'~')));
    }
    let mail = MessageParser::default().parse(&printed.bytes).expect("it is a mail");
    prop_assert_eq!(mail.parts.len(), 3);
    prop_assert_eq!(mail.body_html(0).map(|html| html.replace("\r\n", "\n")), Some(html));
    prop_assert_eq!(mail.body_text(0).map(|text| text.replace("\r\n", "\n")), Some(text));
    Ok(())
}

fn plain(press: &Press) -> Printed {
    press.print(&anna(), "<41.7@example.org>", 7, Purpose::Real).expect("it prints")
}

fn anna() -> Subscriber {
    reader("Anna", "https://example.org/12")
}

#[test]
fn whatever_a_list_holds_stays_words_wherever_it_stands() {
    let edition = edition();
    let mut contexts = BTreeSet::new();
    let mut note = |pieces: &[Piece]| {
        for piece in pieces {
            if let Piece::Slot(slot) = piece {
                contexts.insert(format!("{:?}", slot.context));
            }
        }
    };
    note(&edition.subject);
    note(&edition.html);
    for passage in &edition.text {
        if let Passage::Flowing { pieces, .. } = passage {
            note(pieces);
        }
    }
    let all = [
        Context::Header,
        Context::HtmlAttribute,
        Context::HtmlText,
        Context::HtmlUrl,
        Context::HtmlUrlPart,
        Context::Text,
        Context::TextUrl,
        Context::TextUrlPart,
    ];
    assert_eq!(contexts, all.iter().map(|context| format!("{context:?}")).collect());
    let press = press(&edition);
    let plain = plain(&press);
    for value in values() {
        if let Err(why) = assert_only_words(&press, &plain, &value) {
            panic!("{value:.100?}: {why}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_value_stays_words_wherever_it_stands(
        pieces in prop::collection::vec(prop_oneof![3 => prop::sample::select(values()), 1 => ".{0,20}"], 0..4),
    ) {
        let press = press(&edition());
        let value: String = pieces.concat().chars().take(10_000).collect();
        assert_only_words(&press, &plain(&press), &value)?;
    }
}

#[test]
fn no_merge_field_reads_anything_but_the_reader() {
    for field in [
        "{{ env \"HOME\" }}",
        "{{ env.HOME }}",
        "{{ readFile(\"/etc/hostname\") }}",
        "{{ include \"publication.toml\" }}",
        "{{ 7 * 7 }}",
        "{{ config.relay.password }}",
        "{{ self.__class__ }}",
        "{{ name | system }}",
        "{{{ name }}}",
        "{% include \"x\" %}{{ ledger }}",
        "<% puts ENV %>{{ HOME }}",
    ] {
        compose(field).expect_err(field);
    }
}
