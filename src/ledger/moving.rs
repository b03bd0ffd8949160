//! How everything in a ledger is carried to another one, of either kind.
//!
//! What is carried is told in the words of neither: a row is a list of values,
//! a table a list of columns that both kinds can give and take. What a ledger
//! keeps only for speed (counts, look-ups, where claims begin to look) is made
//! anew by the one that takes it.
//!
//! Nobody may send from both. So the new ledger takes everything in one
//! transaction and stays closed (`Arriving`), while the old one lets nobody
//! write; all of it is read back and compared; then the old one closes for good
//! and says where it went (`Moved`), and the new one opens. Whoever is killed
//! between any two of these leaves one ledger at work at most, and moving
//! again finishes it.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use super::{Ledger, LedgerError};

/// Whether a ledger may be worked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is at work.
    Open,
    /// Another ledger is being carried into it.
    Arriving,
    /// All of it is now in the ledger of this URL.
    Moved(String),
}

impl Standing {
    /// Refuses whoever wants to work with a ledger that is closed; `place` names it.
    ///
    /// # Errors
    ///
    /// `Arriving` and `Moved`.
    pub fn refuse(self, place: &str) -> Result<(), LedgerError> {
        let place = place.to_owned();
        match self {
            Self::Open => Ok(()),
            Self::Arriving => Err(LedgerError::Arriving { place }),
            Self::Moved(to) => Err(LedgerError::Moved { place, to }),
        }
    }

    /// Returns it as a column holds it, NULL where the ledger is open.
    pub(super) fn json(&self) -> Option<String> {
        let json = serde_json::to_string(self).expect("it is always JSON");
        (*self != Self::Open).then_some(json)
    }

    /// Reads it back.
    pub(super) fn read(json: Option<&str>) -> Result<Self, LedgerError> {
        json.map_or(Ok(Self::Open), |json| {
            serde_json::from_str(json)
                .map_err(|_| LedgerError::Damaged(format!("`{json}` is no standing of a ledger")))
        })
    }
}

/// What stands in a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A row, in the order of its table's columns.
pub(super) type Row = Vec<Value>;

/// A table that is carried.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Separated by commas, as SQL has them.
    pub(super) columns: &'static str,
    /// How many rows travel together: all the memory that moving takes.
    pub(super) at_once: usize,
}

const fn table(name: &'static str, columns: &'static str) -> Table {
    Table { name, columns, at_once: 4_000 }
}

/// A table whose rows may be large.
const fn heavy(name: &'static str, columns: &'static str) -> Table {
    Table { name, columns, at_once: 1 }
}

/// All of them; what others refer to comes first.
///
/// `listed` is 0 for who was put on the list by name, 1 for whom the list file
/// has, 2 for whom it has no more. A delivery holds its reader as frozen, and an
/// owner only while it is held. Line 0 of a consent log tells how a list brought
/// the person. Leases are not carried: nobody sends while a ledger moves, and
/// another clock knows nothing of them.
pub(super) const TABLES: [Table; 13] = [
    table("ledger", "id, secret, begins, rollbacks"),
    table(
        "subscribers",
        "id, publication, address_key, address, token_id, name, tags, fields, state, listed, \
         own, paused_until",
    ),
    table("consent", "subscriber, number, at, event, source, detail, state"),
    table(
        "issues",
        "id, publication, slug, state, why, digest, booked_at, booked_shown, booked_late, \
         booked_digest, frozen_at, started_at, ended_at, told, message_stem, message_domain, \
         planned, expire_after, segment, corrects, pruned_at",
    ),
    heavy("editions", "issue, bytes"),
    heavy("orders", "issue, bytes"),
    table("runs", "issue, owner, relay"),
    table(
        "deliveries",
        "issue, slot, subscriber, state, suppressed, fence, owner, begun, tries, first_at, \
         began_at, retry_at, said, at, address_key, address, name, tags, fields",
    ),
    table("attempts", "issue, slot, fence, state, attempt, began_at, ended_at, said, relay"),
    table(
        "reports",
        "number, publication, digest, issue, slot, subscriber, address, at, kind, cause, code, \
         said, did",
    ),
    table("beginnings", "lane, number, at, asked_at"),
    table("brakes", "lane, until, brake"),
    table("workers", "name, seen_at, worker"),
];

/// Where in a delivery the reader as frozen begins: address key, address, name, tags, fields.
pub(super) const READER: usize = 14;

/// Some rows of a table on their way, or the word that there are no more.
#[derive(Debug)]
pub struct Parcel(pub(super) Option<(&'static Table, Vec<Row>)>);

impl Parcel {
    /// Returns the table's name and how many rows there are; `None` for the word that there are no more.
    pub fn rows(&self) -> Option<(&'static str, usize)> {
        self.0.as_ref().map(|(table, rows)| (table.name, rows.len()))
    }
}

/// What a table held, so that two can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all of them in their order, in hexadecimal.
    pub sha256: String,
}

/// What every table held, by name.
pub type Manifest = BTreeMap<&'static str, Held>;

/// Adds up what passes.
struct Scale(BTreeMap<&'static str, (u64, Sha256)>);

impl Scale {
    fn new() -> Self {
        Self(TABLES.iter().map(|table| (table.name, (0, Sha256::new()))).collect())
    }

    fn weigh(&mut self, parcel: &Parcel) {
        let Some((table, rows)) = &parcel.0 else { return };
        let (count, digest) = self.0.entry(table.name).or_default();
        *count += rows.len() as u64;
        for value in rows.iter().flatten() {
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Number(number) => (1, &number.to_be_bytes()),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Bytes(bytes) => (3, bytes),
            };
            digest.update([kind]);
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        }
    }

    fn read(self) -> Manifest {
        let held = |(name, (rows, digest)): (_, (u64, Sha256))| {
            (name, Held { rows, sha256: HEXLOWER.encode(&digest.finalize()) })
        };
        self.0.into_iter().map(held).collect()
    }
}

/// How many parcels wait on their way.
const ON_THE_WAY: usize = 2;

/// Moves a ledger into an empty one, which is named `address` for people. Tells `watch` what passes. Returns what was carried.
///
/// # Errors
///
/// `Refused` where the new one is not empty or somebody sends, `Damaged` where what arrived is not what left. The old
/// one stays as it is then.
pub async fn move_to(
    from: &dyn Ledger,
    to: &dyn Ledger,
    address: &str,
    watch: impl FnMut(&'static str, usize),
) -> Result<Manifest, LedgerError> {
    let (out, passing) = mpsc::channel(ON_THE_WAY);
    let (go, leave) = oneshot::channel();
    let arrive = async {
        let carried = take(passing, to, watch).await?;
        compare(&carried, &manifest(to).await?)?;
        // Where the old one does not listen any more, it says why.
        let _ = go.send(address.to_owned());
        Ok(carried)
    };
    let (left, arrived) = tokio::join!(from.carry_out(out, Some(leave)), arrive);
    let carried = first_cause(left, arrived)?;
    to.settle_in().await?;
    Ok(carried)
}

/// Copies a ledger as it is at one moment into an empty one, beside whoever works with it.
///
/// # Errors
///
/// `Refused` where the new one is not empty, and those of both.
pub async fn copy_to(from: &dyn Ledger, to: &dyn Ledger) -> Result<Manifest, LedgerError> {
    let (out, passing) = mpsc::channel(ON_THE_WAY);
    let (left, arrived) = tokio::join!(from.carry_out(out, None), take(passing, to, |_, _| ()));
    let carried = first_cause(left, arrived)?;
    to.settle_in().await?;
    Ok(carried)
}

/// Returns what every table of a ledger holds.
///
/// # Errors
///
/// Those of the ledger.
pub async fn manifest(of: &dyn Ledger) -> Result<Manifest, LedgerError> {
    let (out, mut passing) = mpsc::channel(ON_THE_WAY);
    let weigh = async {
        let mut scale = Scale::new();
        while let Some(parcel) = passing.recv().await {
            scale.weigh(&parcel);
        }
        scale.read()
    };
    let (left, held) = tokio::join!(of.carry_out(out, None), weigh);
    left.map(|()| held)
}

/// Hands on what comes, and weighs it.
async fn take(
    mut passing: mpsc::Receiver<Parcel>,
    to: &dyn Ledger,
    mut watch: impl FnMut(&'static str, usize),
) -> Result<Manifest, LedgerError> {
    let (onward, arriving) = mpsc::channel(ON_THE_WAY);
    let weigh = async move {
        let mut scale = Scale::new();
        while let Some(parcel) = passing.recv().await {
            scale.weigh(&parcel);
            if let Some((name, rows)) = parcel.rows() {
                watch(name, rows);
            }
            if onward.send(parcel).await.is_err() {
                break;
            }
        }
        scale.read()
    };
    let (taken, carried) = tokio::join!(to.carry_in(arriving), weigh);
    taken.map(|()| carried)
}

/// Of two that failed together, one only because the other did, returns the reason.
fn first_cause(
    left: Result<(), LedgerError>,
    arrived: Result<Manifest, LedgerError>,
) -> Result<Manifest, LedgerError> {
    match (left, arrived) {
        (Err(LedgerError::Refused(why)), Err(error)) if why == NOBODY_TAKES_IT => Err(error),
        (Err(error), _) => Err(error),
        (Ok(()), arrived) => arrived,
    }
}

const NOBODY_TAKES_IT: &str = "nobody takes what is carried out of the ledger";

/// Says to whoever carries out that nobody takes it.
pub(super) fn nobody_takes_it() -> LedgerError {
    LedgerError::Refused(NOBODY_TAKES_IT.to_owned())
}

/// Says to whoever takes in that there was to be more.
pub(super) fn broke_off() -> LedgerError {
    LedgerError::Refused("what was carried into the ledger broke off".to_owned())
}

/// Says that a ledger holds something already.
pub(super) fn not_empty(place: &str) -> LedgerError {
    LedgerError::Refused(format!("the ledger {place} is not empty: name a new one"))
}

fn compare(left: &Manifest, arrived: &Manifest) -> Result<(), LedgerError> {
    let other = left.iter().find(|(name, held)| arrived.get(*name) != Some(held));
    other.map_or(Ok(()), |(name, _)| {
        Err(LedgerError::Damaged(format!(
            "what arrived of `{name}` is not what left: the old ledger stays in use"
        )))
    })
}
