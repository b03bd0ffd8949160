//! Addresses and lists: what is accepted, what is refused, and in which words.

use std::{
    fmt::Write,
    io::{self, Cursor, Read},
    path::Path,
};

use postrider::{
    list::{self, Reason, Row, Skipped, Wish},
    model::{Address, Mailbox, Subscriber, SubscriberState},
};
use proptest::prelude::*;

use crate::skip::shared;

#[test]
fn every_address_of_the_corpus_is_judged_as_its_verdict_says() {
    let Some(corpus) = shared("corpus/addresses.tsv") else { return };
    let rows = corpus.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0], cells[1], from_unicode_escape(cells[2]))
    });
    let (mut judged, mut wrong) = (0, Vec::new());
    for (verdict, class, text) in rows {
        // Four rows come from a suite that was told to take display names; other rows refuse just those.
        let with_name = verdict == "accept" && class.starts_with("pev:") && text.ends_with('>');
        let accepted = if with_name {
            text.parse::<Mailbox>().is_ok()
        } else {
            text.parse::<Address>().is_ok()
        };
        match verdict {
            "accept" if !accepted => wrong.push(format!("refused: {text:?}")),
            "reject" if accepted => wrong.push(format!("accepted: {text:?}")),
            "accept" | "reject" => judged += 1,
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 300, "only {judged} were judged");
}

/// Decodes Python's `unicode_escape`; a lone surrogate, which no text holds, becomes U+FFFD.
fn from_unicode_escape(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        decoded.push_str(before);
        let sign = after.chars().next().expect("a backslash is never the last sign");
        let digits = match sign {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        decoded.push(match sign {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' => '\\',
            _ => {
                let number = u32::from_str_radix(&after[1..=digits], 16).expect("hexadecimal");
                char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
        });
        rest = &after[1 + digits..];
    }
    decoded + rest
}

/// Tells in lines what becomes of a list.
fn told(list: &[u8]) -> String {
    let rows = match list::read(list, "subscribers.csv") {
        Ok(rows) => rows,
        Err(problem) => {
            let help = problem.help.unwrap_or_default();
            return format!(
                "{} {}: {}; {help}\n",
                problem.code, problem.place.line, problem.message
            );
        }
    };
    told_rows(rows)
}

fn told_rows(rows: impl Iterator<Item = Row>) -> String {
    let mut told = String::new();
    for row in rows {
        match row {
            Row::Good(entry) => {
                write!(told, "{} {} {:?}", entry.line, entry.address, entry.name)
                    .expect("a String");
                write!(told, " {} {:?} {:?}", entry.state.word(), entry.tags, entry.fields)
                    .expect("a String");
                if !entry.evidence.is_empty() {
                    write!(told, " ({})", entry.evidence).expect("a String");
                }
                for note in entry.notes {
                    write!(told, "; {note}").expect("a String");
                }
                told.push('\n');
            }
            Row::Bad(Skipped { line, record, address, reason, .. }) => {
                writeln!(told, "{line} (record {record}) `{address}`: {reason}").expect("a String");
            }
        }
    }
    told
}

/// Reads a fixture of a tool's export and tells what was recognised, and every record.
fn recognised(name: &str, wish: &Wish) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/list");
    let bytes = std::fs::read(folder.join(name)).expect(name);
    let mut rows = match list::read_as(bytes.as_slice(), name, wish) {
        Ok(rows) => rows,
        Err(problem) => panic!("{name}: {}", problem.message),
    };
    let told = told_rows(rows.by_ref());
    let (format, title, delimiter) = (rows.format(), rows.title(), rows.delimiter());
    let left_out = rows.left_out().join(", ");
    format!("{format} ({title}), {}, {delimiter:?}; left out: {left_out}\n{told}", rows.encoding())
}

#[test]
fn every_tools_export_is_recognised_and_every_row_of_it_is_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/list");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for name in names {
        let stem = name.split('.').next().expect("a stem").replace('-', "_");
        insta::assert_snapshot!(
            format!("export_{stem}"),
            recognised(&name, &Wish::default())
                .replace(&"x".repeat(10_000), "[xs]")
                .replace(&"y".repeat(10_240), "[ys]")
        );
    }
}

#[test]
fn contacts_are_pending_unless_somebody_vouches_for_their_consent() {
    let vouched = Wish { is_consented: true, ..Wish::default() };
    for name in [
        "google.csv",
        "google-old.csv",
        "outlook.csv",
        "outlook-german.csv",
        "mailchimp-nonsubscribed.csv",
    ] {
        let (plain, vouched) = (recognised(name, &Wish::default()), recognised(name, &vouched));
        assert!(plain.contains(" pending ") && !plain.contains(" active "), "{plain}");
        assert!(vouched.contains(" active ") && !vouched.contains(" pending "), "{vouched}");
    }
}

#[test]
fn a_renamed_file_of_mailchimps_is_known_by_its_columns_and_revives_nobody() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/list");
    for (file, state) in [
        ("mailchimp-members.csv", "active"),
        ("mailchimp-unsubscribed.csv", "unsubscribed"),
        ("mailchimp-cleaned.csv", "bounced"),
        ("mailchimp-nonsubscribed.csv", "pending"),
    ] {
        let bytes = std::fs::read(folder.join(file)).expect(file);
        let read = |text: &[u8], wish: &Wish| {
            let rows = list::read_as(text, "people.csv", wish).expect("it is a list");
            rows.map(|row| match row {
                Row::Good(entry) => entry.state.word(),
                Row::Bad(skipped) => panic!("{file}: {skipped:?}"),
            })
            .collect::<Vec<_>>()
        };
        let states = read(&bytes, &Wish::default());
        assert!(states.iter().all(|found| *found == state), "{file}: {states:?}");
        // Whichever of the columns that tell somebody cuts out, nobody becomes active who was not.
        let text = String::from_utf8(bytes).expect("it is UTF-8");
        for gone in ["UNSUB_TIME", "CLEAN_TIME", "LAST_CHANGED", "OPTIN_TIME", "CONFIRM_TIME"] {
            let cut = without_columns(&text, &[gone, "CONFIRM_IP", "UNSUB_REASON"]);
            let states = read(cut.as_bytes(), &Wish::default());
            assert!(state == "active" || !states.contains(&"active"), "{file}, {gone}: {states:?}");
        }
    }
}

/// Takes columns out of a list, by their headers.
fn without_columns(list: &str, gone: &[&str]) -> String {
    let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(list.as_bytes());
    let rows: Vec<_> = rows.records().map(|row| row.expect("it is CSV")).collect();
    let mut out = csv::Writer::from_writer(Vec::new());
    for row in &rows {
        let kept = row.iter().zip(&rows[0]).filter(|(_, name)| !gone.contains(name));
        out.write_record(kept.map(|(cell, _)| cell)).expect("a Vec");
    }
    String::from_utf8(out.into_inner().expect("a Vec")).expect("UTF-8")
}

#[test]
fn a_file_that_sounds_like_people_who_left_is_asked_about_where_no_column_says_so() {
    let wary = Wish { is_wary: true, ..Wish::default() };
    let list: &[u8] = b"email,name\nanna@example.org,Anna\n";
    for name in [
        "unsubscribed.csv",
        "/home/eva/exports/Bounces 2026.csv",
        "suppression list.csv",
        "cleaned_members.csv",
        "opt-outs.csv",
    ] {
        let refused = list::read_as(list, name, &wary).err();
        assert_eq!(refused.map(|problem| problem.code), Some("PR809"), "{name}");
        assert!(
            list::read_as(&b"anna@example.org\n"[..], name, &wary).is_err(),
            "{name}: a roster"
        );
        let told: &[u8] = b"email,status\nanna@example.org,unsubscribed\n";
        assert!(list::read_as(told, name, &wary).is_ok(), "{name}: it says of whom");
        for (state, becomes) in [
            (SubscriberState::Unsubscribed, SubscriberState::Unsubscribed),
            (SubscriberState::Bounced, SubscriberState::Bounced),
            (SubscriberState::Active, SubscriberState::Active),
        ] {
            let wish = Wish { state: Some(state), ..wary.clone() };
            let rows = list::read_as(list, name, &wish).expect("somebody said what they are");
            let states: Vec<_> = rows.map(state_of).collect();
            assert_eq!(states, [becomes]);
        }
    }
    for name in ["/unsubscribed/readers.csv", "subscribers.csv", "nonsubscribed.csv"] {
        assert!(list::read_as(list, name, &wary).is_ok(), "{name}");
    }
    // What a row says counts where it is graver than what was said of all.
    let worse: &[u8] = b"email,status\nanna@example.org,complained\nbo@example.org,active\n";
    let wish = Wish { state: Some(SubscriberState::Unsubscribed), ..wary };
    let rows = list::read_as(worse, "gone.csv", &wish).expect("it is a list");
    assert_eq!(
        rows.map(state_of).collect::<Vec<_>>(),
        [SubscriberState::Complained, SubscriberState::Unsubscribed]
    );
}

fn state_of(row: Row) -> SubscriberState {
    match row {
        Row::Good(entry) => entry.state,
        Row::Bad(skipped) => panic!("{skipped:?}"),
    }
}

#[test]
fn nobody_whom_a_tool_does_not_mail_is_active() {
    for (name, words) in [
        ("mailchimp-unsubscribed.csv", "active"),
        ("mailchimp-cleaned.csv", "active"),
        ("kit.csv", "left@ dead@ spam@ wait@ odd@"),
        ("kit-state.csv", "left@"),
        ("beehiiv.csv", "left@ wait@ both@ new@"),
        ("ghost.csv", "quiet@ gone@"),
        ("substack.csv", "off@ 12345@"),
        ("listmonk.csv", "off@ never@"),
        ("buttondown.csv", "un removed@ complained@ spammy@ churning@"),
        ("buttondown-new.csv", "left@"),
        ("phplist.csv", "wait@ never@ off@ none@"),
        ("phplist-german.csv", "wait@ never@"),
    ] {
        let told = recognised(name, &Wish::default());
        for line in told.lines().filter(|line| line.contains(" active ")) {
            let address = line.split(' ').nth(1).expect("an address");
            for word in words.split(' ') {
                assert!(!address.starts_with(word) && word != "active", "{name}: {line}");
            }
        }
    }
}

#[test]
fn a_column_that_may_say_whom_not_to_mail_is_asked_about() {
    let list = "Mail,Opted out on\nanna@example.org,\nbo@example.org,2020-01-01\n";
    let wary = Wish { is_wary: true, ..Wish::default() };
    let refused = list::read_as(list.as_bytes(), "crm.csv", &wary).err().expect("it is refused");
    assert_eq!(refused.code, "PR807");
    let map = vec![("unsubscribed".to_owned(), "opted out on".to_owned())];
    let rows = list::read_as(list.as_bytes(), "crm.csv", &Wish { map, ..wary });
    insta::assert_snapshot!(told_rows(rows.expect("it is understood")));
}

#[test]
fn a_sheet_holds_no_formula_and_reads_back_as_the_same_people() {
    let reader = |address: &str, name: &str, tags: &[&str], company: &str| Subscriber {
        id: 1,
        token_id: String::new(),
        address: address.parse().expect("an address"),
        name: name.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        fields: [("company".to_owned(), company.to_owned())].into(),
        state: SubscriberState::Unsubscribed,
    };
    let people = [
        reader("=cmd@example.org", "=HYPERLINK(1)", &["a, b", "-x"], "+47 1"),
        reader("anna@example.org", "Anna \"A\" Lund", &[], "@ACME; Sons"),
        reader("zoë@bücher.example", "Zoë", &["press"], "-"),
    ];
    let written = |is_raw| {
        let mut sheet = list::sheet(Vec::new(), vec!["company".to_owned()], is_raw).expect("a Vec");
        for reader in &people {
            sheet.write(reader).expect("a Vec");
        }
        String::from_utf8(sheet.finish().expect("a Vec")).expect("UTF-8")
    };
    let safe = written(false);
    for cell in safe.lines().skip(1).flat_map(|line| line.split(',')) {
        let cell = cell.trim_start_matches('"');
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell} in {safe}");
    }
    assert!(written(true).contains("\n=cmd@example.org,=HYPERLINK(1),"));
    let rows = list::read(safe.as_bytes(), "list.csv").expect("it is a list");
    for (row, reader) in rows.zip(&people) {
        let Row::Good(entry) = row else { panic!("{row:?}") };
        assert_eq!(
            (&entry.address, &entry.name, &entry.tags, &entry.fields, entry.state),
            (&reader.address, &reader.name, &reader.tags, &reader.fields, reader.state)
        );
    }
}

#[test]
fn what_never_ends_is_given_up_after_64_mib() {
    struct Zeros(u64);
    impl Read for Zeros {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            assert!(self.0 < 80 << 20, "it reads on and on");
            bytes.fill(b'0');
            Ok(bytes.len())
        }
    }
    let problem = list::read(Zeros(0), "zero").err().expect("that is no header");
    assert_eq!(problem.code, "PR803");
    let rows = list::read(Cursor::new(b"email\na@example.org\n".to_vec()).chain(Zeros(0)), "zero");
    let rows: Vec<Row> = rows.expect("a header").collect();
    let [Row::Good(_), Row::Bad(last)] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(last.reason, Reason::Endless);
}

#[test]
fn every_record_is_told_with_its_line_and_what_it_says() {
    let list = concat!(
        "\u{FEFF}E-mail,First Name,Last Name,Tags,Status,Town\r\n",
        "anna@example.org,Anna,Lund,\"press; gold,press\",subscribed,Bergen\r\n",
        "\r\n",
        " bo@example.org ,\"Bo\r\nBcc: x@example.net\",,,,\r\n",
        "'=cy@example.org,Cy,,,,\"'+47\u{202E} 1\"\r\n",
        "dee@example.org\r\n",
        "ed@example.org,Ed,,,unsubscribed,,,\r\n",
        "fay@example,Fay,,,,\r\n",
        "gus@example.org,Gus,,,perhaps,\r\n",
        "hal@example.org,Hal,,,,Oslo,Norway\r\n",
        "\"Ida <ida@example.org>\r\n\",Ida,,,,\r\n",
        ",Joe,,,,\r\n",
        ",,,,,\r\n",
        "kim@example.org,Kim,,,cleaned,\"Aa\u{301}lesund\"",
    );
    insta::assert_snapshot!(told(list.as_bytes()));
}

#[test]
fn semicolons_tabs_and_a_separator_line_are_understood_with_any_line_end() {
    let expected = told(b"email,name\nanna@example.org,\"Lund, A; B\"\nbo@example.org,Bo\n");
    for list in [
        "email;name\nanna@example.org;\"Lund, A; B\"\nbo@example.org;Bo\n",
        "email\tname\r\nanna@example.org\tLund, A; B\r\nbo@example.org\tBo",
        "email,name\ranna@example.org,\"Lund, A; B\"\rbo@example.org,Bo\r",
    ] {
        assert_eq!(told(list.as_bytes()), expected, "{list:?}");
    }
    let with_line = told(b"sep=;\nemail;name\nanna@example.org;\"Lund, A; B\"\nbo@example.org;Bo");
    assert_eq!(with_line, expected.replace("2 anna", "3 anna").replace("3 bo", "4 bo"));
}

#[test]
fn a_file_that_is_no_list_is_one_problem_that_says_how_to_mend_it() {
    let zeros = vec![0; 2 << 20];
    let lists: [&[u8]; 11] = [
        b"",
        b"\n\r\n",
        b"name,town\nAnna,Bergen\n",
        b"anna@example.org\nbo@example.org\n",
        b"email,E-Mail Address\n",
        b"email,\"name\nanna@example.org,Anna\n",
        b"\xFF\xFEn\0a\0m\0e\0",
        b"PK\x03\x04\x14\0\0\0\x08\0[Content_Types].xml",
        b"<!DOCTYPE html>\n<html><title>Log in</title>\n",
        b"BEGIN:VCARD\r\nEMAIL:anna@example.org\r\nEND:VCARD\r\n",
        &zeros,
    ];
    insta::assert_snapshot!(lists.map(told).concat());
}

#[test]
fn an_address_is_taken_out_of_what_people_and_programs_write_around_it() {
    let list = "email,name\n\
        Kim Lee <kim@example.org>,\n\
        \"\"\"Lee, Kim\"\" <kim.lee@example.org>\",Kim\n\
        <bo@example.org>,Bo\n\
        MAILTO:cy@example.org,\n\
        \u{200E}dee@example.org\u{A0},Dee\n\
        e\u{200B}d@example.org,Ed\n\
        fay@example.org; flo@example.org,Two\n\
        Kim <nowhere>,\n";
    insta::assert_snapshot!(told(list.as_bytes()));
}

#[test]
fn a_record_that_is_too_long_open_or_in_another_encoding_is_skipped_with_its_line() {
    let long = |bytes: usize| "x".repeat(bytes);
    let list = [
        b"email,name\nanna@example.org,Zo\xEB\nbo@example.org,",
        long(65_537).as_bytes(),
        b"\ncy@example.org,",
        long((1 << 20) + 1).as_bytes(),
        b"\ndee@example.org,Dee\ned@example.org,\"Ed\nfay@example.org,Fay\n",
    ]
    .concat();
    insta::assert_snapshot!(told(&list));
}

#[test]
fn a_list_that_cannot_be_read_to_its_end_says_so() {
    struct Torn;
    impl Read for Torn {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let start = format!("email\n{}", "anna@example.org\n".repeat(10_000));
    let rows = list::read(Cursor::new(start).chain(Torn), "subscribers.csv").expect("a header");
    let rows: Vec<Row> = rows.collect();
    let Some(Row::Bad(last)) = rows.last() else { panic!("the last row is bad") };
    assert_eq!((rows.len(), last.line, last.record), (10_001, 10_002, 10_001));
    assert_eq!(last.reason, Reason::Unreadable("the disk is gone".to_owned()));
    assert!(last.reason.ends_the_list());
}

#[test]
fn a_long_list_is_read_as_a_stream() {
    /// Makes each line when it is asked for.
    struct Lines(u64, Cursor<Vec<u8>>);
    impl Read for Lines {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            if self.1.position() == self.1.get_ref().len() as u64 && self.0 < 100_000 {
                self.0 += 1;
                self.1 = Cursor::new(format!("r{0}@example.org,Reader {0}\r\n", self.0).into());
            }
            self.1.read(bytes)
        }
    }
    let lines = Lines(0, Cursor::new(b"email,name\r\n".to_vec()));
    let rows = list::read(lines, "subscribers.csv").expect("a header");
    let mut last = 1;
    for row in rows {
        let Row::Good(entry) = row else { panic!("{row:?}") };
        assert_eq!(entry.line, last + 1);
        last = entry.line;
    }
    assert_eq!(last, 100_001);
}

#[test]
fn rejects_hold_no_formula_and_can_be_mended_and_read_again() {
    let list = "email,name,town\n=cmd@example,@Cy,Bergen\nanna@example.org,,\n-x,\"a\"\"b\",\n";
    let mut file = Vec::new();
    let rows = list::read(list.as_bytes(), "old.csv").expect("a header");
    let mut rejects = list::rejects(&mut file, rows.columns()).expect("a Vec");
    for row in rows {
        if let Row::Bad(skipped) = row {
            rejects.write("old.csv", &skipped).expect("a Vec");
        }
    }
    rejects.finish().expect("a Vec");
    let file = String::from_utf8(file).expect("UTF-8");
    insta::assert_snapshot!(file);

    let mended = file.replace("cmd@example,", "cmd@example.org,");
    insta::assert_snapshot!(told(mended.as_bytes()));
}

/// Bytes in which lists are likely.
fn near_lists() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"anna@example.org".to_vec()),
        "[,;\t\"\r\n]{1,3}".prop_map(String::into_bytes),
        "[a-z'=]{0,5}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let pieces = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    let header = prop_oneof![
        Just("email,name,status\n"),
        Just("\u{FEFF}sep=;\r\nname;email;tags\r\n"),
        Just("e-mail\ttown\r"),
        Just(""),
    ];
    (header, pieces).prop_map(|(header, pieces)| [header.as_bytes(), &pieces].concat())
}

/// A tool's export with some of its bytes changed, taken out or put in.
fn mangled_exports() -> impl Strategy<Value = Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/list");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let files: Vec<Vec<u8>> =
        paths.iter().map(|path| std::fs::read(path).expect("it can be read")).collect();
    let odd = prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(0), any::<u8>()];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, odd), 0..12);
    (prop::sample::select(files), changes).prop_map(|(mut file, changes)| {
        for (at, kind, byte) in changes {
            let at = at.index(file.len().max(1)).min(file.len());
            match kind {
                0 => file.insert(at, byte),
                1 if at < file.len() => file[at] = byte,
                _ => file.truncate(at.max(file.len().saturating_sub(40))),
            }
        }
        file
    })
}

proptest! {
    #[test]
    fn any_bytes_are_records_that_are_good_or_bad_and_none_is_lost(
        list in prop_oneof![near_lists(), mangled_exports()],
    ) {
        let Ok(rows) = list::read(list.as_slice(), "subscribers.csv") else { return Ok(()) };
        // In UTF-16 a line end may also be half of a letter.
        let lines = 1 + list.len() as u64;
        let (mut number, mut line) = (0, 0);
        for row in rows {
            number += 1;
            let at = match row {
                Row::Good(entry) => {
                    prop_assert!(!entry.name.chars().any(char::is_control));
                    entry.line
                }
                Row::Bad(skipped) => {
                    prop_assert_eq!(skipped.record, number);
                    prop_assert!(!skipped.address.chars().any(char::is_control));
                    skipped.line
                }
            };
            prop_assert!(line < at && at <= lines);
            line = at;
        }
    }

    #[test]
    fn an_address_written_once_a_line_is_found_once_a_line(
        names in prop::collection::vec("[a-zA-Z ]{0,12}", 0..50),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\r\n\r\n")],
    ) {
        let mut list = format!("name,email{end}");
        for (at, name) in names.iter().enumerate() {
            write!(list, "\"{name}\",r{at}@example.org{end}").expect("a String");
        }
        let rows = list::read(list.as_bytes(), "subscribers.csv").expect("a header");
        let read: Vec<(String, String)> = rows
            .map(|row| match row {
                Row::Good(entry) => (entry.name, entry.address.wire()),
                Row::Bad(skipped) => panic!("{skipped:?}"),
            })
            .collect();
        let written: Vec<(String, String)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.trim().to_owned(), format!("r{at}@example.org")))
            .collect();
        prop_assert_eq!(read, written);
    }
}
