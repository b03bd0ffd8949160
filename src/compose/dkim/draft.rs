//! All of a signature but its two hashes: the same for every copy that has the same fields.

use super::{Algorithm, canonical, folded::Folded};

/// As long as a SHA-256 in base64, and nothing that could stand anywhere else in a signature.
const NO_HASH: &str = "********************************************";

/// The signatures of one message, not yet signed.
#[derive(Debug)]
pub(super) struct Draft {
    /// The fields that are signed, as `h=` names them.
    names: Vec<&'static str>,
    /// One for each key.
    pub(super) blanks: Vec<Blank>,
}

/// One DKIM-Signature field without a body hash and a signature.
#[derive(Debug)]
pub(super) struct Blank {
    field: Folded,
    field_hash: usize,
    relaxed: String,
    relaxed_hash: usize,
}

impl Draft {
    /// Drafts a signature over `names` for each `(selector, algorithm)`; `domain` and `time` are who signs and when.
    pub(super) fn new<'a>(
        names: Vec<&'static str>,
        (domain, time): (&str, i64),
        keys: impl Iterator<Item = (&'a str, Algorithm)>,
    ) -> Self {
        let blank = |(selector, algorithm): (&str, Algorithm)| {
            Blank::of(unsigned_field((domain, selector), algorithm, time, &names))
        };
        let blanks = keys.map(blank).collect();
        Self { names, blanks }
    }

    /// Tells whether it is over these fields.
    pub(super) fn is_over(&self, names: &[&str]) -> bool {
        self.names == names
    }
}

impl Blank {
    fn of(field: Folded) -> Self {
        let mut relaxed = Vec::new();
        canonical::field(field.text().as_bytes(), &mut relaxed);
        let relaxed = String::from_utf8(relaxed).expect("nothing but blanks went");
        let place = |text: &str| text.find(NO_HASH).expect("it stands in every draft");
        let (field_hash, relaxed_hash) = (place(field.text()), place(&relaxed));
        Self { field, field_hash, relaxed, relaxed_hash }
    }

    /// Returns how long what is signed of it is.
    pub(super) fn relaxed_len(&self) -> usize {
        self.relaxed.len()
    }

    /// Appends what is signed of it, its canonical form with the body's hash in.
    pub(super) fn push_relaxed(&self, body_hash: &str, out: &mut Vec<u8>) {
        let (before, after) = (self.relaxed_hash, self.relaxed_hash + NO_HASH.len());
        out.extend_from_slice(&self.relaxed.as_bytes()[..before]);
        out.extend_from_slice(body_hash.as_bytes());
        out.extend_from_slice(&self.relaxed.as_bytes()[after..]);
    }

    /// Returns it signed, with its line end.
    pub(super) fn signed(&self, body_hash: &str, signature: &str) -> String {
        let mut field = self.field.clone();
        field.put(self.field_hash, body_hash);
        field.push_anywhere(signature);
        field.into_line()
    }
}

/// Returns a DKIM-Signature field whose `b=` is still empty, which is what is signed of it.
fn unsigned_field(
    (domain, selector): (&str, &str),
    algorithm: Algorithm,
    time: i64,
    names: &[&str],
) -> Folded {
    let mut field = Folded::new("DKIM-Signature:");
    field.push_word("v=1;");
    field.push_word(&format!("a={algorithm}-sha256;"));
    field.push_word("c=relaxed/relaxed;");
    field.push_word(&format!("d={domain};"));
    field.push_word(&format!("s={selector};"));
    field.push_word(&format!("t={time};"));
    for (at, name) in names.iter().enumerate() {
        match at {
            0 => field.push_word(&format!("h={name}")),
            _ => field.push(&format!(":{name}")),
        }
    }
    field.push(";");
    field.push_word(&format!("bh={NO_HASH};"));
    field.push_word("b=");
    field
}
