//! Watches the files that a page is made from, and counts the saves.
//!
//! An editor's save is several events: a file is cut, written, renamed over another. They are gathered until it is quiet
//! for a moment. That a file was read is no change, or a page that is made would ask for the next.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer,
    notify::{
        EventKind, RecommendedWatcher, RecursiveMode,
        event::{MetadataKind, ModifyKind},
    },
};
use tokio::sync::watch;

use super::newsroom::{Newsroom, Watched};
use crate::web::token::Token;

/// How long it has to be quiet after a save.
const QUIET: Duration = Duration::from_millis(80);

/// The count of the saves.
pub(super) struct Watch {
    run: String,
    saves: watch::Receiver<u64>,
    /// Holds the watcher, which ends with it; `None` where the system has none for us.
    watcher: Arc<Mutex<Option<Watcher>>>,
}

type Watcher = Debouncer<RecommendedWatcher, RecommendedCache>;

impl Watch {
    /// Begins to watch. `run` tells one run of the program from the next.
    pub(super) fn start(newsroom: &Arc<dyn Newsroom>, run: &Token) -> Self {
        let (count, saves) = watch::channel(0);
        let watcher = Arc::new(Mutex::new(None));
        let handler = {
            let (newsroom, watcher) = (Arc::clone(newsroom), Arc::downgrade(&watcher));
            move |result: DebounceEventResult| {
                let watched = newsroom.watched();
                let Ok(events) = result else { return };
                let changed = events.iter().filter(|event| is_change(event.kind));
                if changed.flat_map(|event| &event.paths).any(|path| watched.names(path)) {
                    // A folder may be new, and a list may be another file now.
                    if let Some(watcher) = watcher.upgrade() {
                        look_at(&watcher, &watched);
                    }
                    count.send_modify(|saves| *saves += 1);
                }
            }
        };
        let made = new_debouncer(QUIET, None, handler).ok();
        *watcher.lock().unwrap_or_else(PoisonError::into_inner) = made;
        look_at(&watcher, &newsroom.watched());
        Self { run: run.shown().to_owned(), saves, watcher }
    }

    /// Tells whether saves are noticed at all.
    pub(super) fn is_live(&self) -> bool {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns a word for what the files are now; another one after each save, and in another run.
    pub(super) fn version(&self) -> String {
        format!("{}-{}", self.run, *self.saves.borrow())
    }

    /// Waits until the files are another version than this.
    pub(super) async fn other_than(&self, version: &str) -> String {
        let mut saves = self.saves.clone();
        loop {
            saves.borrow_and_update();
            let now = self.version();
            if now != version {
                return now;
            }
            if saves.changed().await.is_err() {
                // Nothing is watched; so nothing ever changes.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Watches everything that is there; what is watched already stays so.
fn look_at(watcher: &Mutex<Option<Watcher>>, watched: &Watched) {
    let mut watcher = watcher.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(watcher) = watcher.as_mut() else { return };
    for folder in watched.folders.iter().filter(|folder| folder.is_dir()) {
        let _ = watcher.watch(folder, RecursiveMode::Recursive);
    }
    // A file by its folder: an editor that saves puts another file in its place.
    for folder in watched.files.iter().filter_map(|file| file.parent()) {
        let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
    }
}

fn is_change(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime))
    )
}

impl Watched {
    /// Tells whether a page is made from this path: not from an editor's own files, nor from what `render` wrote.
    fn names(&self, path: &Path) -> bool {
        let is_own = |part: &std::ffi::OsStr| {
            let part = part.to_string_lossy();
            part.starts_with(['.', '#']) || part.ends_with('~') || part == "rendered"
        };
        let below =
            |folder: &PathBuf| path.strip_prefix(folder).is_ok_and(|rest| !rest.iter().any(is_own));
        self.files.iter().any(|file| file == path) || self.folders.iter().any(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_is_made_from_is_told_from_what_an_editor_leaves() {
        let watched = Watched {
            folders: vec!["/tt/issues".into(), "/tt/templates".into()],
            files: vec!["/tt/publication.toml".into(), "/lists/a.csv".into()],
        };
        for (path, is_named) in [
            ("/tt/issues/a/issue.md", true),
            ("/tt/issues/a/picture.png", true),
            ("/tt/issues", true),
            ("/tt/templates/strings/kk.toml", true),
            ("/tt/publication.toml", true),
            ("/lists/a.csv", true),
            ("/tt/issues/a/.issue.md.swp", false),
            ("/tt/issues/a/issue.md~", false),
            ("/tt/issues/a/#issue.md#", false),
            ("/tt/issues/a/rendered/issue.html", false),
            ("/tt/outbox/new/1", false),
            ("/tt/.postrider/ledger.sqlite", false),
            ("/lists/b.csv", false),
        ] {
            assert_eq!(watched.names(Path::new(path)), is_named, "{path}");
        }
    }

    #[test]
    fn a_file_that_is_read_is_not_changed() {
        use notify_debouncer_full::notify::event::{AccessKind, CreateKind};
        assert!(!is_change(EventKind::Access(AccessKind::Read)));
        assert!(is_change(EventKind::Create(CreateKind::File)));
    }
}
