//! Both parts say the same, in the same order, by an HTML parser that is not ours: html5lib.

use std::fs;

use serde_json::{Value, json};

use crate::{
    gallery::{gallery, strings_file},
    python::python_with,
};

#[test]
fn what_the_html_says_the_text_says_in_the_same_order_and_nothing_else() {
    let pairs = gallery().iter().map(|copy| {
        let words = fs::read_to_string(strings_file(&copy.language)).expect("its words are there");
        let words: toml::Table = words.parse().expect("they are TOML");
        // What the text part calls its list of links, and a picture.
        let furniture = [&words["links"], &words["image"]]
            .map(|word| word.as_str().unwrap_or_default().to_owned());
        pair(&copy.name, &copy.html, &copy.text, &furniture)
    });
    if let Some(faults) = faults(pairs.collect()) {
        assert!(faults.is_empty(), "{faults}");
    }
}

#[test]
fn a_word_that_only_one_part_says_is_found_and_so_is_one_in_another_place() {
    let html = "<h1>Title</h1><p>One <a href='https://example.org/'>two</a>.</p>";
    let text = |text| pair(text, html, text, &[]);
    let pairs = [
        text("Title\n=====\n\nOne two [1].\n\n[1] https://example.org/\n"),
        text("Title One two more."),
        text("Title One two."),
        text("Title One."),
        text("One two. Title"),
        text("Title One two. https://example.org/other"),
    ];
    if let Some(faults) = faults(pairs.to_vec()) {
        let found: Vec<_> = faults.lines().filter_map(|fault| fault.split(": ").next()).collect();
        let wrong = ["Title One two more.", "Title One.", "One two. Title"];
        assert_eq!(found[..3], wrong, "{faults}");
        assert_eq!(found.len(), 4, "{faults}");
    }
}

fn pair(name: &str, html: &str, text: &str, furniture: &[String]) -> Value {
    json!({ "name": name, "html": html, "text": text, "furniture": furniture })
}

/// Returns a line for each pair that does not agree; nothing where html5lib is missing.
fn faults(pairs: Vec<Value>) -> Option<String> {
    let pairs = Value::Array(pairs).to_string();
    let faults = python_with("html5lib", "parity.py", &[], pairs.as_bytes())?;
    Some(String::from_utf8(faults).expect("it prints UTF-8"))
}
