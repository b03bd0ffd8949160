//! Reading a list on a thread of its own: while rows are parsed, those before them are written.

use std::{
    sync::mpsc::{self, IntoIter},
    thread::{self, JoinHandle},
};

use crate::ledger::{Record, Records};

/// How many records are handed over at once, and how many such heaps may wait.
const HEAP: usize = 512;
const WAITING: usize = 4;

type Item = Result<Record, String>;

/// Returns the same records in the same order; a panic of theirs too.
pub(super) fn ahead(records: Records) -> impl Iterator<Item = Item> {
    let (give, heaps) = mpsc::sync_channel(WAITING);
    let reader = thread::spawn(move || {
        let mut records = records.peekable();
        while records.peek().is_some() {
            let heap: Vec<Item> = records.by_ref().take(HEAP).collect();
            // Whoever stopped listening needs no more.
            if give.send(heap).is_err() {
                break;
            }
        }
    });
    Ahead { heaps: heaps.into_iter(), heap: Vec::new().into_iter(), reader: Some(reader) }
}

struct Ahead {
    heaps: IntoIter<Vec<Item>>,
    heap: std::vec::IntoIter<Item>,
    reader: Option<JoinHandle<()>>,
}

impl Iterator for Ahead {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(record) = self.heap.next() {
                return Some(record);
            }
            match self.heaps.next() {
                Some(heap) => self.heap = heap.into_iter(),
                None => {
                    if let Err(panic) = self.reader.take()?.join() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
    }
}
