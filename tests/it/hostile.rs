//! Drafts that would keep a careless reader of Markdown busy for minutes, and values of readers that would be something else.

use std::time::{Duration, Instant};

use postrider::model::Problem;

use crate::compose::{compose_with, publication, shown};

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
