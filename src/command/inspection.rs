//! What `check` sees of an issue: the copy of somebody unknown and the longest one, printed as they would be sent, and the issue before it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Failure, exit,
    newsroom::{IssueFolder, Newsroom, strings},
    reader::{of_record, sample, unknown},
    words::counted,
};
use crate::{
    check::{self, Gist, Specimen, Verdict},
    compose::{self, Composed, Origins, Press, Purpose, Theme},
    model::{Problem, Subscriber, SubscriberState},
};

/// How many of the ledger's readers are fetched at a time.
const READERS_AT_ONCE: usize = 1_000;

/// Inspects issues of one publication; what is the same for all is read once.
pub(super) struct Inspector<'a> {
    newsroom: &'a Newsroom,
    readers: Longest,
    issues: Vec<IssueFolder>,
    themes: BTreeMap<String, Result<Theme, Vec<Problem>>>,
    gists: BTreeMap<String, Gist>,
}

/// An issue that was looked at.
pub(super) struct Inspected {
    /// Everything that is to be mended or looked at.
    pub(super) problems: Vec<Problem>,
    /// The warnings that the editor accepts.
    pub(super) accepted: Vec<Problem>,
    /// What it composes to; `None` where it does not.
    pub(super) composed: Option<Composed>,
}

impl<'a> Inspector<'a> {
    /// Reads the list, as far as there is one that can be read.
    pub(super) async fn of(newsroom: &'a Newsroom) -> Self {
        Self {
            newsroom,
            readers: Longest::of(newsroom).await,
            issues: newsroom.issues().unwrap_or_default(),
            themes: BTreeMap::new(),
            gists: BTreeMap::new(),
        }
    }

    /// Looks at an issue, and at how it follows the one before it in the order of the folders.
    pub(super) fn inspect(
        &mut self,
        folder: &IssueFolder,
        last: Option<&Gist>,
    ) -> Result<Inspected, Failure> {
        let newsroom = self.newsroom;
        let draft = newsroom.draft(folder)?;
        let (issue, _) = compose::parse(&draft, &newsroom.publication);
        let name = issue.theme();
        if !self.themes.contains_key(name) {
            self.themes.insert(name.to_owned(), newsroom.load_theme(name)?);
        }
        self.gists.insert(draft.slug.clone(), Gist::of_issue(&draft.slug, &issue));
        let lost = |problems| {
            let Verdict { told, accepted } = check::judge(&issue, problems, false);
            Inspected { problems: told, accepted, composed: None }
        };
        let theme = match self.themes.get(name) {
            Some(Ok(theme)) => theme,
            Some(Err(problems)) => return Ok(lost(problems.clone())),
            None => return Ok(lost(Vec::new())),
        };
        let own = newsroom.own_strings(issue.language())?;
        let strings = |language: &str| strings(language, own.as_ref());
        let composed = match compose::compose(&draft, &newsroom.publication, theme, &strings) {
            Ok(composed) => composed,
            Err(problems) => return Ok(lost(problems)),
        };
        self.gists.insert(draft.slug.clone(), Gist::of(&composed));
        let press = Press::new(&composed.edition, 0, newsroom.now, newsroom.keys_for_a_look()?)
            .map_err(|error| Failure::new(exit::BAD_DATA, error.to_string()))?;
        let mut problems: Vec<Problem> = Vec::new();
        for (segments, origins) in versions(&composed) {
            let reader = held(&unknown(&composed.edition)?, segments);
            let message = print(&press, &composed, &reader)?;
            let subject = press.subject(&reader, Purpose::Real).unwrap_or_default();
            let longest = self.readers.print(&press, &composed, segments)?;
            let found = check::check(&Specimen {
                draft: &draft,
                composed: &composed,
                origins,
                publication: &newsroom.publication,
                settings: &newsroom.settings,
                theme,
                subject: &subject,
                message: &message,
                longest: &longest,
                readers: self.readers.count,
                last,
            });
            // What all versions have in common is told once.
            for problem in found {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        let Verdict { told, accepted } = check::judge(&issue, problems, true);
        Ok(Inspected { problems: told, accepted, composed: Some(composed) })
    }

    /// Returns the gist of the issue before one, in the order of the folders.
    pub(super) fn before(&mut self, folder: &IssueFolder) -> Option<Gist> {
        let at = self.issues.iter().position(|issue| issue.slug == folder.slug);
        let before =
            at.and_then(|at| at.checked_sub(1)).and_then(|at| self.issues.get(at)).cloned();
        let before = before?;
        if !self.gists.contains_key(&before.slug) {
            // One that cannot be read is not this issue's fault.
            let _ = self.inspect(&before, None);
        }
        self.gists.get(&before.slug).cloned()
    }
}

/// Returns the versions of an issue: for whom each is, and where its elements came from.
fn versions(composed: &Composed) -> impl Iterator<Item = (&BTreeSet<String>, &Origins)> {
    const NOBODY: &BTreeSet<String> = &BTreeSet::new();
    let variants = composed.edition.variants.iter().map(|variant| &variant.segments);
    std::iter::once((NOBODY, &composed.origins)).chain(variants.zip(&composed.variant_origins))
}

/// Composes an issue that may be sent; its warnings are all there are. Any error of `check` refuses it.
pub(super) async fn fit_to_send(
    newsroom: &Newsroom,
    folder: &IssueFolder,
) -> Result<Composed, Failure> {
    let (composed, problems) = looked_at(newsroom, folder).await?;
    match refusal(folder, &problems) {
        Some(refusal) => Err(Failure { problems, ..refusal }),
        None => Ok(Composed { warnings: problems, ..composed }),
    }
}

/// Composes an issue, and returns it with all that `check` says of it; refuses one that does not compose.
pub(super) async fn looked_at(
    newsroom: &Newsroom,
    folder: &IssueFolder,
) -> Result<(Composed, Vec<Problem>), Failure> {
    let mut inspector = Inspector::of(newsroom).await;
    let last = inspector.before(folder);
    let inspected = inspector.inspect(folder, last.as_ref())?;
    if let Some(composed) = inspected.composed {
        return Ok((composed, inspected.problems));
    }
    let refusal = refusal(folder, &inspected.problems);
    let unknown = || Failure::new(exit::BUG, "an issue does not compose and has no mistake");
    Err(Failure { problems: inspected.problems, ..refusal.unwrap_or_else(unknown) })
}

/// Says that an issue may not be sent, where any of its problems is an error.
pub(super) fn refusal(folder: &IssueFolder, problems: &[Problem]) -> Option<Failure> {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let count = counted(errors as u64, "mistake");
    (errors > 0).then(|| {
        Failure::new(exit::BAD_DATA, format!("issues/{}/issue.md has {count}", folder.slug))
    })
}

/// The readers whose copies can be the longest: for every merge field the one who says most there, and one who says least.
struct Longest {
    readers: Vec<Subscriber>,
    /// How many readers may be mailed.
    count: usize,
}

impl Longest {
    async fn of(newsroom: &Newsroom) -> Self {
        let mut most: BTreeMap<&str, Subscriber> = BTreeMap::new();
        let mut barest: Option<Subscriber> = None;
        let mut count = 0;
        let mut take = |reader: Subscriber| {
            if reader.state != SubscriberState::Active {
                return;
            }
            count += 1;
            let fields = newsroom.publication.list.fields.keys().map(String::as_str);
            for field in fields.chain(["email", "name"]) {
                if most.get(field).is_none_or(|known| said(known, field) < said(&reader, field)) {
                    most.insert(field, reader.clone());
                }
            }
            if barest.as_ref().is_none_or(|known| all_said(&reader) < all_said(known)) {
                barest = Some(reader);
            }
        };
        // A list that cannot be read is told by whoever needs it.
        if let Ok(Some((records, _))) = newsroom.records() {
            let records = records.map_while(Result::ok);
            records
                .filter(|record| record.state == SubscriberState::Active)
                .map(of_record)
                .for_each(&mut take);
        }
        for reader in enrolled(newsroom).await {
            take(reader);
        }
        let mut readers: Vec<Subscriber> = most.into_values().chain(barest).collect();
        readers.dedup();
        Self { readers, count }
    }

    /// Prints the longest copy that a reader of these segments can get; that of a made-up one where the list has none.
    fn print(
        &self,
        press: &Press,
        composed: &Composed,
        segments: &BTreeSet<String>,
    ) -> Result<Vec<u8>, Failure> {
        let readers = self.readers.iter().map(|reader| held(reader, segments));
        let printed = readers.filter_map(|reader| print(press, composed, &reader).ok());
        match printed.max_by_key(Vec::len) {
            Some(longest) => Ok(longest),
            None => print(press, composed, &held(&sample(composed.edition.samples())?, segments)),
        }
    }
}

/// Makes a reader one of these segments and of no other.
fn held(reader: &Subscriber, segments: &BTreeSet<String>) -> Subscriber {
    Subscriber { tags: segments.iter().cloned().collect(), ..reader.clone() }
}

/// Prints a copy as it would be sent.
fn print(press: &Press, composed: &Composed, reader: &Subscriber) -> Result<Vec<u8>, Failure> {
    match press.print(reader, "<check@example.org>", 0, Purpose::Real) {
        Ok(printed) => Ok(printed.bytes),
        Err(why) => {
            let slug = &composed.edition.slug;
            Err(Failure::new(exit::BAD_DATA, format!("no copy of {slug} can be made: {why}")))
        }
    }
}

/// Returns the readers that the ledger knows and no list file names; none where there is no ledger yet.
async fn enrolled(newsroom: &Newsroom) -> Vec<Subscriber> {
    let mut readers = Vec::new();
    if newsroom.publication.list.csv.is_some() || !newsroom.has_ledger().unwrap_or_default() {
        return readers;
    }
    let Ok((ledger, _)) = newsroom.ledger_or_copy() else { return readers };
    let publication = &newsroom.publication.id;
    let mut after: Option<String> = None;
    while let Ok(some) = ledger.subscribers(publication, after.as_deref(), READERS_AT_ONCE).await {
        let Some(last) = some.last() else { break };
        after = Some(last.address.key().clone());
        readers.extend(some);
    }
    readers
}

fn said(reader: &Subscriber, field: &str) -> usize {
    match field {
        "name" => reader.name.len(),
        "email" => reader.address.written().len(),
        _ => reader.fields.get(field).map_or(0, String::len),
    }
}

fn all_said(reader: &Subscriber) -> usize {
    reader.name.len() + reader.fields.values().map(String::len).sum::<usize>()
}
