//! Every sample in every theme, as one reader gets it: what the judges look at, and a person ought to.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use unicode_width::UnicodeWidthStr;

use postrider::{
    compose::{Draft, Enclosure, Filter, KeyRing, Piece, Press, Purpose, Strings, Theme, compose},
    config,
    model::{Problem, Publication, Subscriber, SubscriberState},
};

use crate::{
    compose::beside,
    seed::{SAMPLE, Seed},
};

/// One reader's copy of a sample in a theme.
#[derive(Debug)]
pub(crate) struct Copy {
    /// As `letter-arabic`.
    pub(crate) name: String,
    /// The language of the issue.
    pub(crate) language: String,
    pub(crate) subject: String,
    pub(crate) html: String,
    pub(crate) text: String,
    /// The whole message.
    pub(crate) mail: Vec<u8>,
    /// The pictures that travel with it.
    pub(crate) enclosures: Vec<Enclosure>,
}

/// Returns every sample in every theme: the sample issue, the report this program was made for, and every draft of
/// `tests/fixtures/drafts` but that of mistakes.
pub(crate) fn gallery() -> &'static [Copy] {
    static GALLERY: LazyLock<Vec<Copy>> = LazyLock::new(|| {
        let samples = samples();
        let themes = Theme::names();
        themes.flat_map(|theme| samples.iter().map(move |draft| copy(draft, theme))).collect()
    });
    &GALLERY
}

/// Writes the copies into a folder, each as `NAME.EXTENSION`, and returns their paths in the order of the gallery.
pub(crate) fn hung(folder: &Path, extension: &str, part: fn(&Copy) -> &[u8]) -> Vec<PathBuf> {
    let hang = |copy: &Copy| {
        let path = folder.join(format!("{}.{extension}", copy.name));
        fs::write(&path, part(copy)).expect("it can be written");
        path
    };
    gallery().iter().map(hang).collect()
}

/// Returns the words of a language: those that come with the program, or else those of `tests/fixtures/strings`.
pub(crate) fn strings(language: &str) -> Result<Strings, Vec<Problem>> {
    let is_known = Strings::built_in(language).is_some();
    let own = if is_known { None } else { fs::read_to_string(strings_file(language)).ok() };
    Strings::load(language, own.as_deref())
}

/// Returns where those words are.
pub(crate) fn strings_file(language: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = format!("{}.toml", language.split('-').next().unwrap_or_default());
    let known = root.join("templates/strings").join(&file);
    if known.exists() { known } else { root.join("tests/fixtures/strings").join(file) }
}

/// Returns what `init` writes, with the one merge field that is commented out there.
pub(crate) fn publication() -> Publication {
    let text = include_str!("../../templates/starter/publication.toml");
    let text = text.replace("# account =", "account =");
    config::read(&text, "publication.toml").expect("the starter is sound")
}

/// Returns the reader of every copy.
pub(crate) fn reader() -> Subscriber {
    Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "anna@example.org".parse().expect("an address"),
        name: "Anna".to_owned(),
        tags: Vec::new(),
        fields: BTreeMap::from([("account".to_owned(), "https://example.org/12".to_owned())]),
        state: SubscriberState::Active,
    }
}

#[test]
fn the_text_part_of_every_sample_reads_well() {
    // The theme changes nothing in it, and the report is in nobody's repository. To be read as a reader would.
    for copy in gallery() {
        match copy.name.split_once('-') {
            Some(("broadsheet", sample)) if sample != "report" => {
                insta::assert_snapshot!(format!("text_{sample}"), copy.text);
            }
            _ => {}
        }
    }
}

#[test]
fn no_line_of_a_text_part_is_wider_than_72_columns_but_for_an_address() {
    for copy in gallery() {
        for line in copy.text.lines() {
            let is_address = !line.trim().contains(' ') || line.contains("https://");
            assert!(line.width() <= 72 || is_address, "{}: {line}", copy.name);
        }
    }
}

fn samples() -> Vec<Draft> {
    let starter = ("starter".to_owned(), SAMPLE.to_owned());
    let report = Seed::read().map(|seed| ("report".to_owned(), seed.draft()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/drafts");
    let mut drafts: Vec<_> = fs::read_dir(&folder)
        .expect("it is there")
        .filter_map(|entry| {
            let name = entry.expect("it can be listed").file_name().into_string().ok()?;
            let name = name.strip_suffix(".md").filter(|name| *name != "mistakes")?;
            let text = fs::read_to_string(folder.join(format!("{name}.md")));
            Some((name.to_owned(), text.expect("it is text")))
        })
        .collect();
    drafts.sort();
    [starter]
        .into_iter()
        .chain(report)
        .chain(drafts)
        .map(|(slug, text)| draft(slug, text))
        .collect()
}

fn draft(slug: String, text: String) -> Draft {
    let path = format!("{slug}.md");
    Draft { slug, path, text, files: beside() }
}

fn copy(draft: &Draft, theme: &str) -> Copy {
    let name = format!("{theme}-{}", draft.slug);
    let theme = Theme::load(theme, None, None).expect("it comes with the program");
    let composed = compose(draft, &publication(), &theme, &strings)
        .unwrap_or_else(|problems| panic!("{name} does not compose: {problems:#?}"));
    let date = "2003-10-06T06:00:00Z".parse().expect("a date");
    let press = Press::new(&composed.edition, 41, date, KeyRing::fresh(&[7; 32]))
        .expect("it can be printed");
    let (reader, purpose) = (reader(), Purpose::Real);
    let printed = press.print(&reader, "<41.7@example.org>", 7, purpose).expect("it prints");
    Copy {
        name,
        language: composed.edition.language.clone(),
        subject: subject(&composed.edition.subject),
        html: press.part_html(&reader, purpose).expect("it prints"),
        text: press.part_text(&reader, purpose).expect("it prints"),
        mail: printed.bytes,
        enclosures: composed.edition.enclosures,
    }
}

/// Returns the subject as the reader gets it.
fn subject(pieces: &[Piece]) -> String {
    let name = reader().name;
    let filled = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Slot(slot) if slot.filters.contains(&Filter::Upper) => name.to_uppercase(),
        Piece::Slot(_) => name.clone(),
    });
    filled.collect()
}
