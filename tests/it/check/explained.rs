//! The examples of `explain`: what is called bad breaks its rule and no other, and what is called good is clean.

use postrider::{check::codes, model::Problem};

use super::{CLEAN, Case};

/// Codes whose examples are no piece of a draft or a theme, and what they are instead.
const ELSEWHERE: [(&str, &[&str]); 6] = [
    (
        "a piece of the finished mail",
        &[
            "PR101", "PR102", "PR103", "PR104", "PR105", "PR106", "PR107", "PR108", "PR109",
            "PR111", "PR114", "PR121", "PR123", "PR126", "PR131", "PR132", "PR136", "PR140",
            "PR163", "PR165", "PR166", "PR181", "PR182",
        ],
    ),
    ("a character that nobody sees, written out", &["PR011", "PR031", "PR039", "PR164"]),
    ("of another file", &["PR030", "PR032", "PR035", "PR134", "PR183"]),
    ("of two issues", &["PR151", "PR152", "PR153", "PR154"]),
    ("of both parts, in words", &["PR171", "PR172"]),
    ("too long to be shown", &["PR036", "PR122", "PR135", "PR161", "PR162"]),
];

/// Keys of the front matter, of which the clean issue has the first four.
const KEYS: [&str; 5] = ["date", "number", "subject", "preheader", "accept"];

#[test]
fn what_explain_calls_bad_breaks_its_rule_alone_and_what_it_calls_good_breaks_none() {
    let mut wrong = Vec::new();
    for code in codes() {
        if ELSEWHERE.iter().any(|(_, codes)| codes.contains(&code.code)) {
            continue;
        }
        let told = |example: &str| shown(code.code, example).problems();
        let (bad, good) = (told(code.bad), told(code.good));
        let is_bad = !bad.is_empty() && bad.iter().all(|problem| problem.code == code.code);
        if !is_bad || !good.is_empty() {
            wrong.push(format!("{}: bad {:?}, good {:?}", code.code, brief(&bad), brief(&good)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn brief(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.message)).collect()
}

/// Puts an example where it belongs: a whole draft, a line of the front matter, a theme, or something of an article.
fn shown(code: &str, example: &str) -> Case {
    // What stands far behind it is said of it.
    let example = example.split("      ").next().unwrap_or_default();
    let (front, body) = CLEAN[4..].split_once("+++\n").expect("it has front matter");
    let key = KEYS.into_iter().find(|key| example.starts_with(&format!("{key} =")));
    let whole = |text: String| Case { whole: Some(text), ..Case::default() };
    match code {
        "PR001" | "PR022" => whole(format!("{example}\n")),
        "PR005" => whole(format!("{example}\n{}{body}", keys_below(front, &["date", "number"]))),
        "PR003" => {
            whole(format!("+++\n{example}\n{}+++\n{body}", keys_below(front, &["preheader"])))
        }
        // A subject that is meant to be short.
        "PR191" if example.contains("PR144") => {
            let front = keys_below(front, &["subject"]);
            whole(format!("+++\n{example}\nsubject = \"Kazakhstan\"\n{front}+++\n{body}"))
        }
        _ if example.starts_with(['.', '@']) => {
            Case { theme_css: Some(example.to_owned()), ..Case::default() }
        }
        _ if example.starts_with("[light]") || example.starts_with("[widths]") => {
            Case { tokens: Some(example.to_owned()), ..Case::default() }
        }
        _ if example.starts_with("# ") => whole(format!("+++\n{front}+++\n\n{example}\n")),
        _ => {
            let (line, without) = match &key {
                Some(key) => (example, std::slice::from_ref(key)),
                None if code == "PR033" => ("segments = [\"paid\"]", &[][..]),
                None => ("", &[][..]),
            };
            let piece = if key.is_some() { "" } else { example };
            let front = keys_below(front, without);
            whole(format!("+++\n{line}\n{front}+++\n{body}\n{piece}\n"))
        }
    }
}

/// Returns the front matter without these keys.
fn keys_below(front: &str, without: &[&str]) -> String {
    let is_other = |line: &&str| !without.iter().any(|key| line.starts_with(&format!("{key} =")));
    front.split_inclusive('\n').filter(is_other).collect()
}
