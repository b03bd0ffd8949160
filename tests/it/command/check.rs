//! What `check` finds stops whoever would send it; and it is told to people, to scripts and to the tools of a code host.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
};

use serde_json::Value;

use super::{
    env::{Env, ISSUE},
    shows,
};

/// Makes a publication whose issue has a link that does not say where it leads.
fn mistaken() -> Env {
    let env = Env::publication();
    let path = format!("issues/{ISSUE}/issue.md");
    let draft = env.read(&path).replace("[Asia Society]", "[here]");
    env.write(&path, &draft);
    env
}

#[test]
fn an_error_stops_a_test_unless_it_is_forced_and_a_send_always() {
    let env = mistaken();
    let lines = [
        "test kazakhstan --to me@example.org",
        "send kazakhstan --yes",
        "schedule kazakhstan --at '2026-12-07 07:00' --now 2026-12-01T00:00:00Z",
    ];
    for line in lines {
        env.postrider(line).code(65).tells("error[PR138]: `here` does not say");
    }
    assert_eq!(env.mails().len(), 0);
    env.postrider("test kazakhstan --to me@example.org --force").code(0).tells("PR138");
    assert_eq!(env.mails().len(), 1);
    env.postrider("plan kazakhstan").code(0).tells("`send` would stop: ");
    let plan = env.json("plan kazakhstan");
    let problems: Vec<&str> =
        plan["problems"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(problems.contains(&"PR138: `here` does not say where the link leads"), "{problems:?}");
    assert_eq!(env.json("status kazakhstan")["state"], "draft");
}

#[test]
fn what_was_frozen_goes_on_whatever_check_says_since() {
    let env = Env::with_readers(5);
    env.postrider("send kazakhstan --yes --limit 2").code(75);
    // A list whose longest copy is too long would stop a first send.
    env.postrider("send kazakhstan").code(0);
    assert_eq!(env.mails().len(), 5);
}

#[test]
fn check_tells_people_scripts_and_tools_the_same() {
    let env = mistaken();
    shows("check_human", &env.postrider("check").code(1).shown());
    let json = env.postrider("check --json").code(1);
    assert_eq!(json.out, env.postrider("check --format json").code(1).out);
    let problems: Value = serde_json::from_str(&json.out).expect("it is JSON");
    let log: Value = serde_json::from_str(&env.postrider("check --format sarif").code(1).out)
        .expect("it is JSON");
    let [run] = &log["runs"].as_array().expect("a list")[..] else { panic!("{log}") };
    let [result] = &run["results"].as_array().expect("a list")[..] else { panic!("{run}") };
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(result["ruleId"], problems[0]["code"]);
    assert_eq!(location["artifactLocation"]["uri"], problems[0]["file"]);
    assert_eq!(location["region"]["startLine"], problems[0]["line"]);
    assert_eq!(location["region"]["startColumn"], problems[0]["column"]);
    let rules = run["tool"]["driver"]["rules"].as_array().expect("a list");
    let at = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("a place");
    assert_eq!(rules[at]["id"], "PR138");
}

#[test]
fn what_looks_like_an_issue_and_is_none_is_told() {
    let env = Env::publication();
    env.write("issues/2026-12-07-georgia/Issue.md.txt", "+++\n");
    env.write("issues/2026-12-14-turkey.md", "+++\n");
    env.write("issues/.notes/a.txt", "hidden");
    env.write("issues/README.txt", "not a draft");
    let told: Value =
        serde_json::from_str(&env.postrider("check --json").code(0).out).expect("JSON");
    let told: Vec<_> = told
        .as_array()
        .expect("a list")
        .iter()
        .map(|problem| (problem["file"].as_str(), problem["severity"].as_str()))
        .collect();
    let wanted = ["issues/2026-12-07-georgia", "issues/2026-12-14-turkey.md"];
    assert_eq!(told, wanted.map(|file| (Some(file), Some("warning"))));
    env.postrider("check").code(0).tells("there is no `issue.md` in this folder");
    env.postrider("check kazakhstan").code(0).tells("nothing to mend");
}

#[test]
fn what_is_no_plain_file_is_refused_and_not_waited_for() {
    let env = Env::publication();
    let path = format!("issues/{ISSUE}/issue.md");
    env.write("elsewhere.md", &env.read(&path));
    let at = env.root.join(&path);
    fs::remove_file(&at).expect("it can be removed");
    symlink(env.root.join("elsewhere.md"), &at).expect("it can be made");
    env.postrider("check").code(65).tells("the draft is a symbolic link");
    fs::remove_file(&at).expect("it can be removed");
    // What is no file at all, and a pipe would be waited for, is no draft.
    let _socket = UnixListener::bind(&at).expect("it can be made");
    env.postrider("check kazakhstan").code(66);
    fs::remove_file(&at).expect("it can be removed");
    env.write(&path, &env.read("elsewhere.md"));
    env.write("templates/theme.css", &" ".repeat(1_000_001));
    env.postrider("check").code(78).tells("templates/theme.css is no file of less than 1 MB");
}

#[test]
fn a_link_that_is_a_readers_own_is_set_for_a_made_up_reader_and_for_a_list_without_any() {
    let env = Env::publication();
    let settings = env.read("publication.toml");
    env.write("publication.toml", &settings.replace("# account =", "account ="));
    let path = format!("issues/{ISSUE}/issue.md");
    let draft = env.read(&path);
    env.write(
        &path,
        &draft.replace("Dear {{ name }}", "Dear {{ name }} of [yours]({{ account }})"),
    );
    env.postrider("check").code(0).tells("nothing to mend");
    env.postrider(&format!("render {ISSUE}")).code(0);
    let html = fs::read_to_string(env.root.join(format!("issues/{ISSUE}/rendered/issue.html")));
    assert!(html.expect("it is there").contains("href=\"https://www.example.org/account\""));
}

/// What anybody may call themselves, each of which would be a mistake if the editor had written it.
const MISTAKEN: [&str; 15] = [
    "{{ evil }} and a name that is long",
    "*|FNAME|* is nobody's name",
    "%%name%% or *|X",
    "TODO: a name",
    "Lorem ipsum, a name",
    "- a name",
    "• a name",
    "here",
    "www.elsewhere.example.com",
    "31 September 2003",
    "2003-02-31",
    "a name that goes on and on, and so makes the subject longer than anybody's inbox ever shows",
    "e\u{301}lan vital, apart",
    "https://bit.ly/3xyzabc",
    "http://127.0.0.1/a%20page",
];

/// Makes a publication whose issue has a merge field wherever one may stand.
fn addressed() -> Env {
    let env = Env::publication();
    env.set("# account =", "site = { default = \"https://www.example.org/site\" }\naccount =");
    let path = format!("issues/{ISSUE}/issue.md");
    let draft = env.read(&path);
    let subject = "subject = \"Kazakhstan Confirms Foreign-Policy Balancing Act\"";
    assert!(draft.contains(subject) && draft.contains("Dear {{ name }},"));
    let draft = draft
        .replace(subject, "subject = 'For {{ name }}, of {{ company | default: \"your firm\" }}'")
        .replace(
            "Dear {{ name }},",
            "{{ name }}, of [{{ company | default: \"your firm\" }}](https://www.example.org/firm)\n\n\
             Here are [the page]({{ site }}), [yours](https://www.example.org/of/{{ name }}) and *{{ account }}*.\n\n\
             | Who | Of |\n| --- | --- |\n| {{ name }} | {{ account | upper }} |\n\nTable: Who reads.\n",
        );
    env.write(&path, &draft);
    env
}

/// Returns a list of one reader who has these words in every field.
fn list_of(values: &[&str]) -> String {
    let row = |(at, value): (usize, &&str)| {
        let site = if value.starts_with("http") { value } else { "https://www.example.org/" };
        format!("reader{at}@example.org,\"{value}\",\"{value}\",\"{value}\",{site}\n")
    };
    let rows: String = values.iter().enumerate().map(row).collect();
    format!("email,name,company,account,site\n{rows}")
}

#[test]
fn no_value_of_a_reader_is_a_mistake_of_the_draft() {
    let env = addressed();
    for value in MISTAKEN {
        env.write("subscribers.csv", &list_of(&[value]));
        assert_eq!(env.json("check"), Value::Array(Vec::new()), "{value}");
    }
    let in_ledger = addressed();
    in_ledger.set("csv = \"subscribers.csv\"", "");
    let list = list_of(&MISTAKEN);
    for (env, is_file) in [(env, true), (in_ledger, false)] {
        env.write("subscribers.csv", &list);
        if !is_file {
            env.postrider("subscribers import subscribers.csv").code(0);
        }
        env.postrider("check").code(0).tells("nothing to mend");
        let at = "--at '2026-12-07 07:00' --now 2026-12-01T00:00:00Z";
        env.postrider(&format!("schedule kazakhstan {at}")).code(0);
        env.postrider("send kazakhstan --yes").code(0);
        assert_eq!(env.mails().len(), MISTAKEN.len());
    }
}

#[test]
fn no_value_of_a_reader_hides_a_mistake_of_the_draft() {
    let env = addressed();
    env.set("name = { default = \"Reader\" }", "name = { default = \"TODO\" }");
    let path = format!("issues/{ISSUE}/issue.md");
    let link = "[{{ company | default: \"your firm\" }}]";
    let draft = env.read(&path);
    assert!(draft.contains(link));
    env.write(&path, &draft.replace(link, "[{{ company | default: \"here\" }}]"));
    env.write("subscribers.csv", &list_of(&["Anna Reader of the Firm"]));
    let told = env.json("check");
    let told = told.as_array().expect("a list").iter();
    let told: Vec<_> = told.map(|problem| (&problem["code"], &problem["file"])).collect();
    for (code, file) in [("PR138", &*path), ("PR146", "publication.toml")] {
        assert!(told.contains(&(&code.into(), &file.into())), "no {code} of {file} in {told:?}");
    }
}

#[test]
fn a_file_that_is_no_text_is_told_with_its_place_beside_the_mistakes_of_the_others() {
    let env = Env::publication();
    for (folder, body) in
        [("2026-12-07-oil", &b"word \xe9 word\n"[..]), ("2026-12-14-gas", b"{{ nmae }}\n")]
    {
        env.write(&format!("issues/{folder}/issue.md"), "");
        let head = b"+++\ndate = 2026-12-07\n+++\n\n# Oil {credit=\"Own\"}\n\n";
        let draft = env.root.join(format!("issues/{folder}/issue.md"));
        fs::write(draft, [head, body].concat()).expect("it can be written");
    }
    let checked = env.postrider("check").code(1);
    checked.tells("2026-12-07-oil/issue.md:7:6").tells("2026-12-14-gas/issue.md:7:4");
    fs::create_dir_all(env.root.join("templates")).expect("a folder");
    fs::write(env.root.join("templates/theme.css"), b".p { color: \xff }").expect("a file");
    env.postrider("check").code(1).tells("templates/theme.css:1:13");
}

#[test]
fn an_accepted_warning_is_counted_for_people_and_marked_for_tools() {
    let env = Env::publication();
    let path = format!("issues/{ISSUE}/issue.md");
    let draft = env.read(&path).replace(" {credit=\"TOL 06.x.03\"}", "");
    env.write(&path, &draft);
    env.postrider("check").code(0).tells("warning[PR025]").tells("0 to mend, 1 to look at");
    env.write(&path, &draft.replace("number = 41", "number = 41\naccept = [\"PR025\"]"));
    let told = env.postrider("check").code(0).tells("1 issue checked: nothing to mend, 1 accepted");
    assert!(!told.shown().contains("PR025"), "{}", told.shown());
    for line in ["render kazakhstan", "plan kazakhstan"] {
        let told = env.postrider(line).code(0).shown();
        assert!(!told.contains("PR025"), "{told}");
    }
    let problems = env.json("check");
    let [problem] = &problems.as_array().expect("a list")[..] else { panic!("{problems}") };
    assert_eq!((&problem["code"], &problem["accepted"]), (&"PR025".into(), &true.into()));
    let log: Value = serde_json::from_str(&env.postrider("check --format sarif").code(0).out)
        .expect("it is JSON");
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["suppressions"][0]["kind"], "inSource", "{log}");
}

/// Where something of the SARIF schema stands, by the names on the way; `*` is each of a list.
const SARIF_NEEDS: [(&str, &[&str]); 7] = [
    ("", &["version", "runs"]),
    ("runs.*", &["tool"]),
    ("runs.*.tool", &["driver"]),
    ("runs.*.tool.driver", &["name"]),
    ("runs.*.tool.driver.rules.*", &["id"]),
    ("runs.*.results.*", &["message"]),
    ("runs.*.results.*.message", &["text"]),
];

#[test]
fn the_log_for_tools_has_what_its_schema_requires() {
    let env = mistaken();
    // A problem of a file as a whole has no region.
    env.write("templates/strings/en-GB.toml", "links = \"Links\"\n");
    env.postrider("draft georgia --date 2003-10-13").code(0);
    let log: Value = serde_json::from_str(&env.postrider("check --format sarif").code(1).out)
        .expect("it is JSON");
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"].as_str().is_some_and(|schema| schema.ends_with("sarif-schema-2.1.0.json"))
    );
    for (path, needed) in SARIF_NEEDS {
        let found = at(&log, path);
        assert!(!found.is_empty(), "{path}");
        for value in found {
            for name in needed {
                assert!(!value[name].is_null(), "{path} has no {name}: {value}");
            }
        }
    }
    for result in at(&log, "runs.*.results.*") {
        assert!(["error", "warning"].iter().any(|level| result["level"] == *level), "{result}");
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let count = |name: &str| region[name].as_u64().unwrap_or(1);
        assert!(count("startLine") > 0 && count("startColumn") > 0, "{result}");
        assert!(count("endColumn") >= count("startColumn"), "{result}");
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').filter(|name| !name.is_empty()).fold(vec![value], |values, name| {
        values
            .into_iter()
            .flat_map(|value| match name {
                "*" => value.as_array().map(|list| list.iter().collect()).unwrap_or_default(),
                _ => vec![&value[name]],
            })
            .collect()
    })
}

#[test]
fn a_code_is_explained_with_its_source_and_two_examples() {
    let env = Env::empty();
    shows("explain", &env.postrider("explain PR138").code(0).shown());
    for written in ["pr138", "138"] {
        let line = format!("explain {written}");
        assert_eq!(env.postrider(&line).out, env.postrider("explain PR138").out);
    }
    env.postrider("explain PR012").code(0).tells("raw HTML");
    env.postrider("explain PR999").code(2).tells("there is no code `PR999`");
    let all = env.postrider("explain").code(0).out;
    let listed = all.lines().filter(|line| line.starts_with("PR")).count();
    let codes = env.json("explain");
    let codes = codes.as_array().expect("a list");
    assert_eq!(listed, codes.len());
    for line in all.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for code in codes {
        let code = code["code"].as_str().expect("a text");
        let said = env.postrider(&format!("explain {code}")).code(0).out;
        assert_eq!(env.json(&format!("explain {code}"))["code"], code);
        let is_text = |line: &&str| !line.starts_with("  ");
        for line in said.lines().filter(is_text) {
            assert!(line.chars().count() <= 80, "{code}: {line}");
        }
    }
}

#[test]
fn a_fault_of_the_theme_is_told_once_however_many_issues_it_dresses() {
    let env = Env::publication();
    env.postrider("draft georgia --date 2003-10-13 --like kazakhstan").code(0);
    env.write("templates/theme.css", ".small { font-size: 11px }\n");
    let problems = env.json("check");
    let told: Vec<(&str, &str, u64)> = problems
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            (text("code"), text("file"), one["line"].as_u64().unwrap_or_default())
        })
        .filter(|(code, ..)| *code != "PR151" && *code != "PR152")
        .collect();
    assert_eq!(told, [("PR128", "templates/theme.css", 1)], "{problems}");
}

#[test]
fn a_fault_of_a_strings_file_is_told_in_the_file_that_is_there() {
    let env = Env::publication();
    // The issue is in `en-GB`.
    env.write("templates/strings/en.toml", "reason = \"You asked.\"\n");
    env.postrider("check").code(1).tells("templates/strings/en.toml:1");
}

#[test]
fn what_only_some_readers_see_is_looked_at_as_well() {
    let env = Env::publication();
    let path = format!("issues/{ISSUE}/issue.md");
    let draft = env.read(&path).replacen("+++\n", "+++\nsegments = [\"paid\"]\n", 1)
        + "\n:::if segment=\"paid\"\nThe numbers are [here](https://www.example.org/numbers).\n:::\n";
    env.write(&path, &draft);
    let line = draft.lines().position(|line| line.contains("[here]")).expect("it is there") + 1;
    let problems = env.json("check");
    assert_eq!(problems[0]["code"], "PR138", "{problems}");
    assert_eq!(problems[0]["line"], line, "{problems}");
    assert_eq!(problems.as_array().map(Vec::len), Some(1), "{problems}");
}

#[test]
fn a_new_draft_is_told_what_is_still_to_be_written() {
    let env = Env::publication();
    env.postrider("draft georgia --date 2003-10-13").code(0);
    let said = env.postrider("check georgia").code(0);
    for word in ["`TODO`", "`Name, role`", "`What happened, and why it matters`"] {
        assert!(
            said.err.contains(&format!("warning[PR146]: {word} was to be replaced")),
            "{}",
            said.err
        );
    }
}
