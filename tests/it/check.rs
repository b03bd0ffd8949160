//! Every rule of `check`, each with a case of its own in `tests/fixtures/check/`: what breaks it breaks nothing else.
//!
//! A case is a folder named for its code. `case.toml` says where the problem is to be told, as `at`, and how the clean
//! issue becomes the broken one: by edits of the draft, of publication.toml or of a theme's files, which editors make;
//! by edits of the finished HTML, text, subject or message, where only a fault of ours could break the rule; by files
//! beside the draft; or by what the issue before it was.

mod explained;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde::Deserialize;

use postrider::{
    check::{Gist, Specimen, check, codes, judge, manual},
    compose::{
        Beside, Composed, Draft, KeyRing, Passage, Piece, Press, Purpose, Strings, Theme, compose,
    },
    config,
    model::{Problem, Subscriber, SubscriberState},
};

use crate::compose::piece;

/// An issue that breaks no rule.
const CLEAN: &str = include_str!("../fixtures/check/clean.md");

const SETTINGS: &str = include_str!("../../templates/starter/publication.toml");

/// One case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    /// Where the problem is told, `file:line:column`; several where one cause breaks the rule twice.
    at: Vec<String>,
    /// A word of the message.
    says: String,
    /// The whole draft, where edits of the clean one are not enough.
    whole: Option<String>,
    draft: Vec<Edit>,
    publication: Vec<Edit>,
    theme_toml: Vec<Edit>,
    /// The publication's own theme.toml, where it says no more than this.
    tokens: Option<String>,
    /// The publication's own theme.css.
    theme_css: Option<String>,
    strings: Vec<Edit>,
    html: Vec<Edit>,
    text: Vec<Edit>,
    message: Vec<Edit>,
    subject: Option<String>,
    /// How often a paragraph is repeated at the end of the draft.
    repeat: Repeat,
    files: BTreeMap<String, String>,
    last: Option<Last>,
    readers: usize,
    /// How many bytes each image has that comes along; `a.png` is the first.
    attached: Vec<usize>,
    /// A reader's own name.
    name: Option<String>,
}

/// Something that stands once in the clean issue, and what stands there instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    from: String,
    to: String,
    /// Whether it stands there more than once.
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Repeat {
    text: String,
    times: usize,
}

/// The issue before.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Last {
    subject: String,
    links: BTreeSet<String>,
    date: Option<String>,
    number: Option<u32>,
}

#[test]
fn every_rule_is_broken_by_its_case_alone_and_tells_where() {
    let mut wrong = Vec::new();
    for (code, folder) in cases() {
        let case = read(&folder);
        let problems = case.problems();
        let told: Vec<String> = problems
            .iter()
            .map(|Problem { code, place, .. }| {
                format!("{code} {}:{}:{}", place.file, place.line, place.column)
            })
            .collect();
        let wanted: Vec<String> = case.at.iter().map(|at| format!("{code} {at}")).collect();
        let says = problems.iter().any(|problem| problem.message.contains(&case.says));
        let helps = problems.iter().all(|problem| problem.help.is_some());
        if told != wanted || !says || case.says.is_empty() || !helps {
            let shown: Vec<&String> = problems.iter().map(|problem| &problem.message).collect();
            wrong.push(format!("{}: {wanted:?}, not {told:?} {shown:#?}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_its_case() {
    let known: BTreeSet<String> = cases().into_iter().map(|(code, _)| code).collect();
    assert_eq!(known, codes().map(|code| code.code.to_owned()).collect());
}

#[test]
fn an_issue_that_breaks_no_rule_is_clean_in_every_theme_and_whatever_a_reader_is_called() {
    let starter =
        include_str!("../../templates/starter/issue.md").replace("2003-10-06", "2026-01-01");
    for theme in Theme::names() {
        for draft in [CLEAN, &starter] {
            for name in ["", "Anna", "Łucja O’Brien <b>&amp;", "名前が長い人", "مريم"]
            {
                let edit = |from: &str, to: String| Edit { from: from.to_owned(), to, all: false };
                let mut publication =
                    vec![edit("theme = \"broadsheet\"", format!("theme = \"{theme}\""))];
                // What a copy says is judged by the defaults, so each name is one of those as well.
                if !name.is_empty() {
                    publication.push(edit("default = \"Reader\"", format!("default = \"{name}\"")));
                }
                let case = Case {
                    whole: Some(draft.to_owned()),
                    publication,
                    name: Some(name.to_owned()),
                    ..Case::default()
                };
                assert_eq!(case.problems(), [], "{theme}, {name}");
            }
        }
    }
}

#[test]
fn what_stands_out_within_a_line_is_clean_wherever_it_stands() {
    for marked in [
        "`code`",
        "**strong**",
        "*stress*",
        "***both***",
        "[the routes](https://www.example.org/routes)",
    ] {
        let places = format!(
            "\n\n### Of {marked}\n\nWith {marked} and its note[^n].\n\n- an item of {marked}\n  1. and {marked}\n\n\
             > Quoted {marked}\n> — Of {marked}, role\n\n> [!NOTE]\n> Called out: {marked}\n\n\
             :::pullquote\nPulled {marked}\n:::\n\n:::sponsor Partners\nPaid {marked}\n:::\n\n\
             | Of {marked} | b |\n| --- | --: |\n| {marked} | {marked} |\n\nTable: With {marked}.\n\n\
             [^n]: Noted {marked}\n"
        );
        for theme in Theme::names() {
            let edit = |from: &str, to: String| Edit { from: from.to_owned(), to, all: false };
            let theme_edit = edit("theme = \"broadsheet\"", format!("theme = \"{theme}\""));
            let case = Case {
                whole: Some(format!("{CLEAN}{places}")),
                publication: vec![theme_edit],
                ..Case::default()
            };
            assert_eq!(case.problems(), [], "{marked}, {theme}");
        }
    }
}

#[test]
fn what_stands_within_an_item_is_clean_as_well() {
    let item = "\n\n1. An item, and in it:\n\n   | Route | Barrels |\n   | --- | --: |\n   | Baku | 1,100 |\n\n   Table: By route.\n\n   \
         > [!NOTE]\n   > A note.\n\n   > Words.\n   > — Somebody, role\n\n   ```\n   a listing\n   ```\n";
    for theme in Theme::names() {
        let to = format!("theme = \"{theme}\"");
        let case = Case {
            whole: Some(format!("{CLEAN}{item}")),
            publication: vec![Edit { from: "theme = \"broadsheet\"".to_owned(), to, all: false }],
            ..Case::default()
        };
        assert_eq!(case.problems(), [], "{theme}");
    }
}

#[test]
fn the_page_on_check_is_the_one_its_table_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, manual()).expect("it can be written");
    }
    let page = fs::read_to_string(&path).expect("it can be read");
    assert!(
        page == manual(),
        "docs/check.md is not current: run this test with INSTA_UPDATE=always"
    );
}

#[test]
fn an_accepted_warning_is_told_no_more_and_an_error_is() {
    let case = |accept: &str, credit: &str, caption: &str| Case {
        draft: [
            ("number = 41", format!("number = 41\naccept = [{accept}]")),
            (" {credit=\"TOL 06.x.03\"}", credit.to_owned()),
            ("Table: Export routes for Kazakh oil.", caption.to_owned()),
        ]
        .map(|(from, to)| Edit { from: from.to_owned(), to, all: false })
        .into(),
        ..Case::default()
    };
    let codes =
        |case: Case| -> Vec<&str> { case.problems().iter().map(|problem| problem.code).collect() };
    let (credit, caption) = (" {credit=\"TOL 06.x.03\"}", "Table: Export routes for Kazakh oil.");
    assert_eq!(codes(case("", "", caption)), ["PR025"]);
    assert_eq!(codes(case("\"PR025\", \"PR025\"", "", caption)), [""; 0]);
    assert_eq!(codes(case("\"PR025\"", credit, caption)), ["PR192"]);
    assert_eq!(codes(case("\"PR025\"", "", "")), ["PR112"]);
    assert_eq!(codes(case("\"PR112\"", credit, "")), ["PR191", "PR112"]);
    assert_eq!(codes(case("\"PR192\"", credit, caption)), ["PR191"]);
}

/// Rules that the layout and the press hold, whatever a draft says; the others judge what it says.
const OURS: [&str; 33] = [
    "PR101", "PR102", "PR103", "PR104", "PR105", "PR106", "PR107", "PR108", "PR109", "PR111",
    "PR113", "PR114", "PR115", "PR117", "PR121", "PR122", "PR123", "PR124", "PR125", "PR126",
    "PR127", "PR128", "PR132", "PR140", "PR163", "PR165", "PR166", "PR171", "PR172", "PR181",
    "PR182", "PR183", "PR131",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_a_draft_says_what_is_ours_holds(pieces in prop::collection::vec(piece(), 0..24)) {
        let text = format!("+++\ndate = 2003-10-06\n+++\n# Title\n\n{}", pieces.concat());
        let case = Case { whole: Some(text.clone()), ..Case::default() };
        let problems = case.problems();
        let ours = problems.iter().find(|problem| OURS.contains(&problem.code));
        prop_assert!(ours.is_none(), "{text}\n{ours:#?}");
    }
}

/// Returns every case with its code: `PR112` and `PR112-scope` are two of one.
fn cases() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/check");
    let entries = fs::read_dir(&folder).expect("the cases are there").flatten();
    let mut cases: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name.split('-').next().unwrap_or_default().to_owned(), path)
        })
        .collect();
    cases.sort();
    cases
}

fn read(folder: &Path) -> Case {
    let text = fs::read_to_string(folder.join("case.toml")).expect("a case says what it is");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

impl Case {
    /// Returns what the composer or `check` says of it.
    fn problems(&self) -> Vec<Problem> {
        let settings = edited(SETTINGS, &self.publication);
        let publication =
            config::read(&settings, "publication.toml").expect("the case is not about it");
        let mut text = edited(self.whole.as_deref().unwrap_or(CLEAN), &self.draft);
        text.push_str(&self.repeat.text.repeat(self.repeat.times));
        let draft = Draft {
            slug: "2003-10-06-clean".to_owned(),
            path: "issue.md".to_owned(),
            text,
            files: self
                .files
                .iter()
                .map(|(name, text)| (name.clone(), Beside::Held(text.clone().into_bytes())))
                .collect(),
        };
        let theme = match self.theme(&publication.theme) {
            Ok(theme) => theme,
            Err(problems) => return problems,
        };
        let english = edited(include_str!("../../templates/strings/en.toml"), &self.strings);
        let own = (!self.strings.is_empty()).then_some(english.as_str());
        let strings = |language: &str| Strings::load(language, own);
        let mut composed = match compose(&draft, &publication, &theme, &strings) {
            Ok(composed) => composed,
            Err(problems) => return problems,
        };
        self.change(&mut composed);
        let date = "2003-10-06T07:00:00Z".parse().expect("it is a time");
        let press = Press::new(&composed.edition, 0, date, KeyRing::fresh(&[7; 32]))
            .expect("it can be printed");
        let reader = self::reader(self.name.as_deref().unwrap_or("Anna"));
        let unknown = self::reader("");
        let print = |reader: &Subscriber| {
            let printed = press
                .print(reader, "<check@example.org>", 0, Purpose::Real)
                .expect("it can be printed");
            let message = String::from_utf8(printed.bytes).expect("it is ASCII");
            edited(&self.with_images(message), &self.message)
        };
        let (message, longest) = (print(&unknown), print(&reader));
        let subject = press.subject(&unknown, Purpose::Real).expect("it can be printed");
        let last = self.last.as_ref().map(|last| Gist {
            slug: "2003-09-29-before".to_owned(),
            subject: last.subject.clone(),
            links: last.links.clone(),
            date: last.date.as_ref().map(|date| date.parse().expect("it is a date")),
            number: last.number,
        });
        let problems = check(&Specimen {
            draft: &draft,
            composed: &composed,
            origins: &composed.origins,
            publication: &publication,
            settings: &settings,
            theme: &theme,
            subject: self.subject.as_deref().unwrap_or(&subject),
            message: message.as_bytes(),
            longest: longest.as_bytes(),
            readers: self.readers,
            last: last.as_ref(),
        });
        judge(&composed.issue, problems, true).told
    }

    /// Adds parts of base64 before the end of the message.
    fn with_images(&self, message: String) -> String {
        let Some(end) = message.trim_end().rfind("\r\n--").filter(|_| !self.attached.is_empty())
        else {
            return message;
        };
        let boundary = message[end..].trim();
        let boundary = &boundary[..boundary.len() - 2];
        let images = self.attached.iter().zip('a'..).map(|(size, name)| {
            let lines = ("QUFB".repeat(18) + "\r\n").repeat(size / 54);
            format!(
                "\r\n{boundary}\r\nContent-Type: image/png\r\nContent-ID: <{name}.png>\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{lines}"
            )
        });
        format!("{}{}{}", &message[..end], images.collect::<String>(), &message[end..])
    }

    fn theme(&self, name: &str) -> Result<Theme, Vec<Problem>> {
        let toml = include_str!("../../templates/themes/broadsheet/theme.toml");
        let toml = (!self.theme_toml.is_empty()).then(|| edited(toml, &self.theme_toml));
        let toml = toml.as_ref().or(self.tokens.as_ref());
        Theme::load(name, toml.map(String::as_str), self.theme_css.as_deref())
    }

    /// Changes the finished copy behind the composer's back.
    fn change(&self, composed: &mut Composed) {
        for edit in &self.html {
            let mut done = 0;
            for piece in &mut composed.edition.html {
                if let Piece::Literal(text) = piece {
                    done += text.matches(&edit.from).count();
                    *text = text.replace(&edit.from, &edit.to);
                }
            }
            assert!(done == 1 || (edit.all && done > 1), "`{}` stands {done} times", edit.from);
        }
        for edit in &self.text {
            let mut done = 0;
            for passage in &mut composed.edition.text {
                if let Passage::Fixed(text) = passage {
                    done += text.matches(&edit.from).count();
                    *text = text.replace(&edit.from, &edit.to);
                }
            }
            assert!(done == 1 || (edit.all && done > 1), "`{}` stands {done} times", edit.from);
        }
    }
}

fn edited(text: &str, edits: &[Edit]) -> String {
    edits.iter().fold(text.to_owned(), |text, edit| {
        let done = text.matches(&edit.from).count();
        assert!(
            done == 1 || (edit.all && done > 1),
            "`{}` stands {done} times in\n{text}",
            edit.from
        );
        text.replace(&edit.from, &edit.to)
    })
}

fn reader(name: &str) -> Subscriber {
    Subscriber {
        id: 1,
        token_id: "aaaaaaaaaaaaa".to_owned(),
        address: "anna@example.org".parse().expect("it is an address"),
        name: name.to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::new(),
        state: SubscriberState::Active,
    }
}
