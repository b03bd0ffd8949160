//! The report this program was made for, as it was printed: `seed/` beside the repository, never in it.
//!
//! Written as a draft, it has to come out whole, in both parts.

use crate::{
    gallery::{gallery, publication},
    python::python,
    skip::shared,
};

/// What `init` writes: the story of the report in words of our own.
pub(crate) const SAMPLE: &str = include_str!("../../templates/starter/issue.md");

/// The report, cut at its lines: each white space is one space.
#[derive(Debug)]
pub(crate) struct Seed {
    /// The three places, the tagline and the link beside it.
    masthead: Vec<String>,
    title: String,
    story: Vec<String>,
    credit: String,
    call: String,
    motto: String,
    copyright: String,
    /// The words of the footer's links.
    legal: Vec<String>,
}

impl Seed {
    /// Reads it, or says that it is not here.
    pub(crate) fn read() -> Option<Self> {
        let text = shared("seed/tt-business-intelligence-report.txt")?;
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let [cities, banner, title, ref story @ .., credit, call, footer] = lines[..] else {
            panic!("the report has a masthead, a title, a story and a footer: {text}");
        };
        let masthead = [cities].into_iter().chain(banner.split("  ")).map(folded).collect();
        let footer = folded(footer);
        let (line, legal) = footer.split_once(" : ").expect("links follow the line");
        let (motto, copyright) = line.split_once(" ©").expect("it has both");
        Some(Self {
            masthead,
            title: title.to_owned(),
            story: story.iter().map(|paragraph| folded(paragraph)).collect(),
            credit: credit.to_owned(),
            call: call.to_owned(),
            motto: motto.trim_start_matches('.').to_owned(),
            copyright: format!("©{copyright}"),
            legal: legal.split(" : ").map(str::to_owned).collect(),
        })
    }

    /// Returns the report as an editor would write it.
    pub(crate) fn draft(&self) -> String {
        let Self { title, credit, .. } = self;
        let story = self.story.join("\n\n");
        format!("+++\ndate = 2003-10-06\n+++\n\n# {title}\n\n{story}\n\n:::credit\n{credit}\n:::\n")
    }

    /// Returns its paragraphs.
    pub(crate) fn story(&self) -> &[String] {
        &self.story
    }

    /// Returns what was said, without the comma or the full stop it ends with.
    fn quotations(&self) -> Vec<String> {
        let quoted = |paragraph: &String| {
            let words = paragraph.split('"').skip(1).step_by(2);
            words.map(|words| words.trim_end_matches([',', '.']).to_owned()).collect::<Vec<_>>()
        };
        self.story.iter().flat_map(quoted).collect()
    }

    /// Returns everything that has to stand around `story`, in the order of the report.
    fn around(&self, story: Vec<String>) -> Vec<String> {
        let end =
            [&self.credit, &self.call, &self.motto, &self.copyright].into_iter().chain(&self.legal);
        [self.masthead.clone(), story, end.cloned().collect()].concat()
    }

    /// Returns where each of the report's links leads in the publication that `init` writes.
    fn links(&self) -> Vec<(String, String)> {
        let links = publication().links;
        let legal = [links.disclaimer, links.privacy, links.feedback];
        let nav = links.nav.into_iter().map(|link| (link.label, link.url));
        let call = (self.call.clone(), links.subscribe.expect("the starter has one"));
        nav.chain([call]).chain(self.legal.iter().cloned().zip(legal)).collect()
    }
}

#[test]
fn the_report_comes_out_whole_in_both_parts() {
    let Some(seed) = Seed::read() else { return };
    let story = [vec![seed.title.clone()], seed.story.clone()].concat();
    assert_holds(&seed, "report", &seed.around(story));
}

#[test]
fn the_sample_issue_keeps_the_reports_frame_and_what_was_said() {
    let Some(seed) = Seed::read() else { return };
    assert_eq!(seed.quotations().len(), 4);
    assert_holds(&seed, "starter", &seed.around(seed.quotations()));
}

/// Panics where one of `items` is not in a part of a sample, or not in its place.
#[track_caller]
fn assert_holds(seed: &Seed, sample: &str, items: &[String]) {
    for copy in gallery().iter().filter(|copy| copy.name.ends_with(sample)) {
        let name = &copy.name;
        let Some(page) = page(&copy.html) else { return };
        let text = folded(&copy.text);
        for (part, shown) in [("HTML", &folded(&page.text)), ("text", &text)] {
            let mut rest = shown.as_str();
            for item in items {
                let found = rest.find(item);
                let at = found.unwrap_or_else(|| {
                    panic!(
                        "{name}, {part}: `{item}` is not, or not here, in:\n{rest}\n\nof:\n{shown}"
                    )
                });
                rest = &rest[at + item.len()..];
            }
        }
        assert!(folded(&page.text).contains(&seed.legal.join(" : ")), "{}", page.text);
        for (words, url) in seed.links() {
            assert!(
                page.links.contains(&(words.clone(), url.clone())),
                "{words}: {:?}",
                page.links
            );
            let shown = format!("{words}: {}", url.trim_start_matches("mailto:"));
            assert!(text.contains(&shown), "{name}: `{shown}` is not in:\n{text}");
        }
    }
}

/// A page as a parser shows it that is not ours.
#[derive(Debug, serde::Deserialize)]
struct Page {
    text: String,
    links: Vec<(String, String)>,
}

fn page(html: &str) -> Option<Page> {
    let json = python("page.py", &[], html.as_bytes())?;
    Some(serde_json::from_slice(&json).expect("it writes JSON"))
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
