//! The threats, and for each the tests that attack: no row without one, no test that is not there.

use std::{collections::BTreeMap, fs, path::Path};

use crate::skip::shared;

/// The rows of the table in `web-and-security.md` by how they begin, and what attacks each.
const ATTACKED: [(&str, &[&str]); 18] = [
    (
        "header or SMTP injection",
        &[
            "hostile_values_in_every_place",
            "a_message_id_that_would_add_a_header_prints_nothing",
            "an_edition_whose_headers_cannot_be_written_prints_nothing",
            "only_a_dot_between_two_crlf_ends_a_message",
            "what_is_no_address_is_told_in_the_form_and_never_shown_again",
        ],
    ),
    (
        "HTML, URL, attribute injection",
        &[
            "whatever_a_list_holds_stays_words_wherever_it_stands",
            "any_value_stays_words_wherever_it_stands",
        ],
    ),
    ("template or environment leak", &["no_merge_field_reads_anything_but_the_reader"]),
    (
        "XSS in preview or archive",
        &[
            "what_strangers_wrote_is_text",
            "every_answer_says_what_a_browser_may_not_do_with_it",
            "a_script_in_an_issue_does_nothing_in_the_archive",
        ],
    ),
    (
        "CSRF, DNS rebinding",
        &[
            "a_name_that_is_not_ours_gets_nothing",
            "a_page_of_another_site_can_neither_read_nor_post",
            "a_test_mail_is_sent_by_our_own_page_alone",
            "a_page_of_a_strangers_and_another_name_for_us_are_refused",
            "a_strangers_page_subscribes_nobody",
        ],
    ),
    ("SQL injection", &["no_text_is_a_statement", "any_text_is_a_segment_or_a_mistake_within_it"]),
    (
        "path traversal, symlinks",
        &[
            "no_path_leads_out_of_the_issues",
            "an_archive_is_written_through_no_link_in_its_folder",
            "an_address_that_leads_nowhere_says_so_on_a_page_of_ours",
            "a_picture_is_read_from_the_issues_own_folder_and_lies_beside_the_rendered_page",
            "a_picture_that_travels_along_is_shown_and_nothing_else_beside_the_draft",
        ],
    ),
    (
        "SSRF by link check",
        &[
            "a_forged_notification_notes_nothing_and_leads_nowhere",
            "a_topic_is_confirmed_only_for_amazons_word_and_at_amazons_host",
        ],
    ),
    (
        "CSV formulas on export",
        &[
            "a_sheet_holds_no_formula_and_reads_back_as_the_same_people",
            "rejects_hold_no_formula_and_can_be_mended_and_read_again",
        ],
    ),
    (
        "unsubscribe forgery, enumeration",
        &[
            "a_forged_link_is_answered_like_any_other_that_is_not_ours",
            "the_answer_does_not_tell_whether_the_list_knows_an_address",
        ],
    ),
    (
        "scanners that follow links",
        &[
            "a_scanner_that_follows_every_link_changes_nothing",
            "a_request_hidden_in_another_is_not_heard",
            "looking_changes_nothing",
        ],
    ),
    (
        "list bombing",
        &[
            "one_address_is_asked_once_however_often_somebody_types_it",
            "one_mailbox_is_asked_once_however_its_address_is_varied",
            "one_visitor_cannot_have_us_write_to_the_whole_world",
            "a_program_that_fills_every_field_is_thanked_and_forgotten",
            "the_mail_that_asks_holds_nothing_that_was_typed_and_lets_its_reader_leave",
        ],
    ),
    (
        "forged bounces",
        &[
            "a_forged_return_path_suppresses_nobody_and_is_counted",
            "what_nothing_proves_is_only_listed",
            "whoever_forges_a_call_changes_nothing_and_is_counted",
        ],
    ),
    (
        "secrets in logs, argv, ledger",
        &[
            "a_password_is_nowhere_but_where_it_was_put",
            "a_password_in_the_file_is_told_and_never_shown",
            "a_password_never_goes_over_a_plain_connection",
        ],
    ),
    ("terminal escapes", &["a_name_that_would_steer_the_terminal_is_told_harmlessly"]),
    (
        "floods",
        &[
            "ten_thousand_malformed_requests_slow_clients_and_a_thousand_connections_leave_it_serving",
            "what_is_too_much_is_refused",
            "whoever_dawdles_keeps_nobody_waiting",
            "whoever_takes_no_answer_loses_their_place",
            "what_is_too_large_too_wide_or_too_deep_is_refused_in_a_moment",
            "monsters_are_read_in_bounded_time_and_are_nobodys_death",
            "a_picture_that_cannot_go_is_told_where_the_draft_names_it",
        ],
    ),
    (
        "a ledger that is busy",
        &[
            "a_ledger_that_is_held_is_told_as_that_and_never_as_a_success",
            "a_provider_that_calls_while_the_ledger_is_held_is_asked_to_call_again",
        ],
    ),
    ("supply chain", &["every_dependency_is_the_registrys_and_known_by_its_checksum"]),
];

/// Returns the names of all functions of the tests, in their folder and in the sources.
fn tests() -> BTreeMap<String, usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests/it")];
    let mut names = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for rest in text.split("fn ").skip(1) {
                let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                *names.entry(name.unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
    }
    names
}

#[test]
fn every_threat_is_attacked_by_a_test() {
    let tests = tests();
    for (threat, attacks) in ATTACKED {
        assert!(!attacks.is_empty(), "{threat}");
        for attack in attacks {
            assert!(tests.contains_key(*attack), "{threat}: there is no test `{attack}`");
        }
    }
    let Some(table) = shared("web-and-security.md") else { return };
    let rows: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .filter(|row| *row != "threat")
        .collect();
    assert_eq!(rows.len(), ATTACKED.len(), "{rows:?}");
    for (row, (threat, _)) in rows.iter().zip(ATTACKED) {
        assert!(row.starts_with(threat), "`{row}` is not `{threat}`");
    }
}

#[test]
fn every_dependency_is_the_registrys_and_known_by_its_checksum() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("it is kept");
    let lock: toml::Table = lock.parse().expect("it is TOML");
    let packages = lock["package"].as_array().expect("there are some");
    for package in packages {
        let name = package["name"].as_str().expect("it has a name");
        if name == "postrider" {
            continue;
        }
        let source = package.get("source").and_then(toml::Value::as_str);
        assert_eq!(source, Some("registry+https://github.com/rust-lang/crates.io-index"), "{name}");
        assert!(package.get("checksum").is_some(), "{name}");
    }
    let deny = fs::read_to_string(root.join("deny.toml")).expect("it is there");
    let deny: toml::Table = deny.parse().expect("it is TOML");
    for section in ["licenses", "bans", "sources"] {
        assert!(deny.contains_key(section), "deny.toml says nothing of {section}");
    }
}
