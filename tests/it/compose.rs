//! From a draft to an Edition: whole issues, and every mistake a draft can have.

use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use postrider::{
    compose::{
        Beside, Composed, Draft, KeyRing, Passage, Piece, Press, Purpose, Slot, Source, Strings,
        Theme, compose,
    },
    config,
    model::{Field, Problem, Publication, Subscriber},
};

use unicode_width::UnicodeWidthStr;

use crate::browser::assert_fits;

const SAMPLE: &str = include_str!("../../templates/starter/issue.md");

/// A draft from right to left.
const ARABIC: &str = include_str!("../fixtures/drafts/arabic.md");

/// A draft with every block there is.
const SAMPLER: &str = include_str!("../fixtures/drafts/sampler.md");

#[test]
fn the_sample_issue_in_html() {
    insta::assert_snapshot!(html(&composed(SAMPLE).edition.html));
}

#[test]
fn the_sample_issue_in_text() {
    insta::assert_snapshot!(text(&composed(SAMPLE).edition.text));
}

#[test]
fn every_block_in_text() {
    insta::assert_snapshot!(text(&composed(SAMPLER).edition.text));
}

#[test]
fn every_block_in_html() {
    insta::assert_snapshot!(html(&composed(SAMPLER).edition.html));
}

#[test]
fn an_issue_from_right_to_left() {
    let edition = composed(ARABIC).edition;
    let html = html(&edition.html);
    assert!(html.contains("<html lang=\"ar\" dir=\"rtl\""), "{html}");
    assert!(html.contains("border-right:3px solid"), "{html}");
    insta::assert_snapshot!(text(&edition.text));
}

#[test]
fn every_mistake_of_a_draft_is_told_in_one_run_where_it_stands() {
    let draft = include_str!("../fixtures/drafts/mistakes.md");
    let problems = compose_with(draft, "broadsheet", &publication()).expect_err("it has mistakes");
    insta::assert_snapshot!(shown(&problems));
}

#[test]
fn what_other_programs_export_is_told_form_by_form() {
    let draft = include_str!("../fixtures/strangers/pandoc.md");
    let problems = compose_with(draft, "broadsheet", &publication()).expect_err("it has mistakes");
    insta::assert_snapshot!(shown(&problems));
}

#[test]
fn a_field_knows_what_it_stands_in_wherever_it_stands() {
    let draft = include_str!("../fixtures/drafts/fields.md");
    let edition = composed(draft).edition;
    let slots = |pieces: &[Piece]| {
        let slots = pieces.iter().filter(|piece| matches!(piece, Piece::Slot(_))).cloned();
        html(&slots.collect::<Vec<_>>()).replace('⟩', "⟩\n")
    };
    let all = html(&edition.html);
    let lines =
        |part: &str| part.lines().filter(|line| line.contains('⟨')).collect::<Vec<_>>().join("\n");
    let body = all.split_once("class=\"headline\"").map_or("", |(_, body)| body);
    insta::assert_snapshot!(format!(
        "subject\n{}\nhtml\n{}\n\ntext\n{}",
        slots(&edition.subject),
        lines(body),
        lines(&text(&edition.text))
    ));
}

#[test]
fn what_stays_in_style_is_small_enough_for_gmail() {
    for theme in Theme::names() {
        let html = filled(SAMPLER, theme);
        let styles = html.split("<style").skip(1).filter_map(|rest| rest.split("</style>").next());
        let length: usize = styles.map(|style| style.chars().count()).sum();
        assert!(length <= 16_384, "{theme}: {length}");
    }
}

#[test]
fn every_language_sets_the_sample() {
    for language in Strings::languages() {
        let draft = SAMPLE.replacen("+++\n", &format!("+++\nlang = \"{language}\"\n"), 1);
        let composed = composed(&draft);
        assert_eq!(composed.edition.language, language);
        let shown = text(&composed.edition.text);
        assert!(!shown.contains('{'), "{shown}");
    }
}

#[test]
fn what_the_law_wants_is_in_both_parts_of_every_theme() {
    let publication = publication();
    for theme in Theme::names() {
        let edition = compose_with(SAMPLE, theme, &publication).expect("it composes").edition;
        for part in [html(&edition.html), text(&edition.text)] {
            for wanted in [
                "New York : London : Moscow",
                &publication.title,
                &publication.tagline,
                "6 October 2003",
                "Issue No. 41",
                "Debt Recovery",
                "(TOL 06.x.03)",
                "Kazakhstan is very much interested in access to markets.",
                "INTELLIGENCE AND RECOVERY",
                "© Templeton Thorp 2002 - 2004",
                &publication.postal_address,
                &publication.links.disclaimer,
                &publication.links.privacy,
                "feedback@example.org",
                "Subscribe to the TT Business Intelligence Report",
                "https://www.example.org/report/2003-10-06-kazakhstan",
                "ADDRESS",
                "UNSUBSCRIBE",
            ] {
                assert!(part.contains(wanted), "{theme}: `{wanted}` is not in\n{part}");
            }
        }
    }
}

#[test]
fn every_theme_fits_every_screen_by_day_and_by_night() {
    for theme in Theme::names() {
        for draft in [SAMPLE, SAMPLER] {
            assert_fits(&filled(draft, theme));
        }
    }
}

#[test]
fn what_init_says_of_templates_works_in_every_theme() {
    let text = include_str!("../../templates/starter/templates.md");
    let block = |number: usize| {
        let blocks = text.split("```").skip(1).step_by(2);
        let block = blocks.into_iter().nth(number).and_then(|block| block.split_once('\n'));
        block.expect("it shows one").1
    };
    let (toml, css, words) = (block(0), block(1), block(2));
    let draft = SAMPLE.replacen("+++\n", "+++\nlang = \"oc\"\n", 1);
    for name in Theme::names() {
        let theme = Theme::load(name, Some(toml), Some(css)).expect("the example is right");
        let strings = |language: &str| Strings::load(language, Some(words));
        let composed =
            compose(&draft_of(&draft, BTreeMap::new()), &publication(), &theme, &strings);
        let edition = composed.expect("it composes").edition;
        let html = html(&edition.html);
        for wanted in ["border-left:6px double #1f5c3d", "Numèro 41", "6 d’octòbre 2003"] {
            assert!(html.contains(wanted), "{name}: `{wanted}` is not in\n{html}");
        }
        assert!(html.contains(".quoted{border-left-color:#8fd0ab!important}"), "{html}");
    }
}

proptest! {
    #[test]
    fn any_text_composes_or_tells_its_problems(text in "\\PC{0,200}") {
        let _ = compose_with(&text, "letter", &publication());
    }

    #[test]
    fn any_markdown_composes_or_tells_its_problems(pieces in prop::collection::vec(piece(), 0..16)) {
        let draft = format!("+++\ndate = 2003-10-06\nsegments = [\"paid\", \"vip\"]\n+++\n# Title\n\n{}", pieces.concat());
        match compose_with(&draft, "broadsheet", &publication()) {
            Ok(composed) => {
                let shown = html(&composed.edition.html) + &text(&composed.edition.text);
                prop_assert!(!shown.contains('\u{e000}'), "{draft}");
                assert_fits_the_wire(&composed, &draft)?;
            }
            Err(problems) => prop_assert!(problems.iter().any(Problem::is_error), "{draft}"),
        }
    }

    #[test]
    fn plain_words_in_every_form_compose_and_fit(blocks in prop::collection::vec(sound_block(), 1..8)) {
        let draft = format!("+++\ndate = 2003-10-06\n+++\n# Title\n\n{}\n", blocks.join("\n\n"));
        let composed = compose_with(&draft, "letter", &publication());
        let composed = composed.map_err(|problems| TestCaseError::fail(format!("{draft}\n{}", shown(&problems))))?;
        assert_fits_the_wire(&composed, &draft)?;
    }
}

/// Asserts that every version's lines fit: those on the wire in 998 bytes, those of the text in 72 columns unless one word does not.
fn assert_fits_the_wire(composed: &Composed, draft: &str) -> Result<(), TestCaseError> {
    let date = "2003-10-06T06:00:00Z".parse().expect("a date");
    let press = Press::new(&composed.edition, 41, date, KeyRing::fresh(&[7; 32]));
    let press = press.expect("it can be printed");
    // A listing keeps its lines as they are.
    let has_listing = ["```", "~~~", "    ", "\t"].iter().any(|form| draft.contains(form));
    for tags in [&[][..], &["paid"], &["vip"], &["paid", "vip"]] {
        let reader = Subscriber {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..crate::gallery::reader()
        };
        let printed = press.print(&reader, "<41.7@example.org>", 7, Purpose::Real).expect("prints");
        for line in printed.bytes.split(|byte| *byte == b'\n') {
            prop_assert!(line.len() <= 998, "{draft}");
        }
        let text = press.part_text(&reader, Purpose::Real).expect("it prints");
        for line in text.lines().filter(|line| line.width() > 72 && !has_listing) {
            let is_marker = |word: &&str| {
                let word = word.trim_matches(['[', ']', '.', ':', '|', '-', '(', ')']);
                word.chars().all(char::is_numeric)
            };
            let words = line.split(' ').filter(|word| !word.is_empty()).skip_while(is_marker);
            prop_assert!(words.count() <= 1, "{line:?} in\n{draft}");
        }
    }
    Ok(())
}

/// Returns a form with words in it that is right in itself.
fn sound_block() -> impl Strategy<Value = String> {
    let words = "([a-zA-Z]{1,14}|é{1,3}|нефть|字{1,50}|سعر|[0-9]{1,6}|https://example\\.org/[a-z]{5,90}|\\*[a-z]{2,9}\\*)";
    let line = prop::collection::vec(words, 1..40).prop_map(|words| words.join(" "));
    (line, 0..12_u8).prop_map(|(line, form)| match form {
        0 => format!("## {line}"),
        1 => format!("> {line}\n> — Somebody"),
        2 => format!("> [!NOTE]\n> {line}"),
        3 => format!("- {line}\n- {line}\n  1. {line}"),
        4 => format!("| {line} | b |\n|---|--:|\n| c | {line} |"),
        5 => format!(":::pullquote\n{line}\n:::"),
        6 => format!(":::sponsor\n{line}\n:::"),
        7 => format!(":::credit\n{line}\n:::"),
        8 => format!("[Words and {}](https://www.example.org/a)", line.replace("https://", "")),
        9 => format!("![{}](btc.png)", line.replace(['*', ':'], "")),
        10 => format!("{{{{ name }}}} {line} {{{{ name | upper }}}}"),
        _ => line,
    })
}

/// Returns one of the forms an issue is made of, or breaks one.
pub(crate) fn piece() -> impl Strategy<Value = String> {
    let forms = [
        "# ",
        "## ",
        "### ",
        "- ",
        "1. ",
        "7) ",
        "> ",
        "> [!NOTE] ",
        "> — ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "---\n",
        "***",
        "**",
        "*",
        "_",
        "`",
        "```\n",
        "[",
        "](",
        ")",
        "![",
        "https://example.org/",
        "mailto:a@example.org",
        "{width=5 height=5}",
        "{credit=\"a\"}",
        "{",
        "}",
        "{{",
        "}}",
        "{{{{",
        "{{ name }}",
        "{{ name | default: \"x\" }}",
        "{{ nmae }}",
        "| a | b |\n|---|--:|\n| c | d |\n",
        "|",
        "Table: ",
        ":::",
        ":::button\n",
        ":::sponsor\n",
        "\n:::sponsor a: b\n",
        "\n## [c](https://www.example.org/heading) ",
        ":::credit\n",
        ":::pullquote\n",
        ":::chart oil.csv\n",
        ":::chart ",
        ":::if segment=\"paid\"\n",
        "::::if segment=\"vip\"\n",
        ":::else\n",
        "\n::::\n",
        "[^1]",
        "\n[^1]: ",
        "[^2]",
        "![a](btc.png)\n",
        "![](btc.png){.decorative}\n",
        "\n:::\n",
        "<b>",
        "<!--",
        "&amp;",
        "&#0;",
        "\\",
        "\u{e000}",
        "\u{feff}",
        "字字",
        "عربي",
        "é",
        "\u{301}",
        "word ",
        " ",
        "=\n",
        "+++\n",
        "[a]: /b\n",
        "<https://example.org>",
    ];
    prop_oneof![
        8 => prop::sample::select(forms.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

fn composed(text: &str) -> Composed {
    compose_with(text, "broadsheet", &publication()).unwrap_or_else(|problems| {
        panic!("it does not compose:\n{}", shown(&problems));
    })
}

pub(crate) fn compose_with(
    text: &str,
    theme: &str,
    publication: &Publication,
) -> Result<Composed, Vec<Problem>> {
    let beside = beside();
    let files: Vec<_> = beside.iter().map(|(name, file)| (name.as_str(), file.clone())).collect();
    compose_beside(text, &files, theme, publication)
}

/// Returns the files that stand beside a draft of `tests/fixtures/drafts`.
pub(crate) fn beside() -> BTreeMap<String, Beside> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/beside");
    let files = fs::read_dir(folder).expect("it is there").map(|entry| {
        let entry = entry.expect("it can be listed");
        let bytes = fs::read(entry.path()).expect("it can be read");
        (entry.file_name().into_string().expect("it is UTF-8"), Beside::Held(bytes))
    });
    files.collect()
}

/// Composes a draft with these files beside it.
pub(crate) fn compose_beside(
    text: &str,
    files: &[(&str, Beside)],
    theme: &str,
    publication: &Publication,
) -> Result<Composed, Vec<Problem>> {
    let files = files.iter().map(|(name, file)| ((*name).to_owned(), file.clone()));
    let theme = Theme::load(theme, None, None).expect("it comes with the program");
    let draft = draft_of(text, files.collect());
    compose(&draft, publication, &theme, &|lang| Strings::load(lang, None))
}

fn draft_of(text: &str, files: BTreeMap<String, Beside>) -> Draft {
    Draft {
        slug: "2003-10-06-kazakhstan".to_owned(),
        path: "issues/2003-10-06-kazakhstan/issue.md".to_owned(),
        text: text.to_owned(),
        files,
    }
}

/// Returns one reader's HTML.
fn filled(draft: &str, theme: &str) -> String {
    let composed = compose_with(draft, theme, &publication())
        .unwrap_or_else(|problems| panic!("it does not compose:\n{}", shown(&problems)));
    let value = |slot: &Slot| match &slot.source {
        Source::Field(_) => "Ms Anna O’Neill",
        Source::Address => "anna@example.org",
        Source::Unsubscribe => "https://news.example.org/u/x4b7q2m9t6w3",
    };
    let pieces = composed.edition.html.iter().map(|piece| match piece {
        Piece::Literal(text) => text.as_str(),
        Piece::Slot(slot) => value(slot),
    });
    pieces.collect()
}

/// Shows problems as a compiler would.
pub(crate) fn shown(problems: &[Problem]) -> String {
    problems.iter().map(one).collect()
}

fn one(problem: &Problem) -> String {
    let Problem { code, severity, place, message, help } = problem;
    let file = place.file.rsplit('/').next().unwrap_or_default();
    let (line, column) = (place.line, place.column);
    let caret = " ".repeat(column.saturating_sub(1)) + &"^".repeat(place.length);
    let help = help.as_ref().map_or(String::new(), |help| format!("    help: {help}\n"));
    format!(
        "{file}:{line}:{column} {code} {severity:?} {message}\n    {}\n    {caret}\n{help}",
        place.source
    )
}

/// Shows a part with each slot as `⟨source filters context⟩`.
pub(crate) fn html(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Slot(slot) => {
                let source = match &slot.source {
                    Source::Field(name) => name.clone(),
                    Source::Address => "ADDRESS".to_owned(),
                    Source::Unsubscribe => "UNSUBSCRIBE".to_owned(),
                };
                format!("⟨{source} {:?} {:?}⟩", slot.filters, slot.context)
            }
        })
        .collect()
}

pub(crate) fn text(passages: &[Passage]) -> String {
    passages
        .iter()
        .map(|passage| match passage {
            Passage::Fixed(text) => text.clone(),
            Passage::Flowing { pieces, first, rest, rule } => {
                format!("⟪{first:?} {rest:?}{rule}⟫ {}\n", html(pieces))
            }
        })
        .collect()
}

/// Returns the starter's publication, and a field that every reader has to have.
pub(crate) fn publication() -> Publication {
    let toml = include_str!("../../templates/starter/publication.toml");
    let read = config::read(toml, "publication.toml");
    let mut publication = read.unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let account = Field { default: None, required: true };
    publication.list.fields.insert("account".to_owned(), account);
    publication
}
