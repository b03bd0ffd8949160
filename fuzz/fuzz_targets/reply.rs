#![no_main]
//! Any bytes as the replies of a server: in one piece or in many, they say the same.

use postrider::model;

// The program shows nobody its reader of replies, so it is read here from its source.
#[allow(dead_code)]
#[path = "../../src/smtp"]
mod smtp {
    mod reply;

    use reply::ReplyReader;

    /// Returns what is said in bytes that come in pieces of so many.
    pub fn replies(bytes: &[u8], piece: usize) -> Vec<String> {
        let mut reader = ReplyReader::default();
        let mut said = Vec::new();
        for mut piece in bytes.chunks(piece.max(1)) {
            while !piece.is_empty() {
                let (taken, reply) = reader.feed(piece);
                assert!(taken > 0 || reply.is_some(), "nothing is taken of {piece:?}");
                piece = &piece[taken..];
                match reply {
                    Some(Ok(reply)) => {
                        said.push(format!("{} {}", reply.code, reply.reply().text));
                    }
                    // Where the next reply begins is not known.
                    Some(Err(_)) => return said,
                    None => {}
                }
            }
        }
        said
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = smtp::replies(bytes, bytes.len());
    for piece in [1, 7] {
        assert_eq!(smtp::replies(bytes, piece), whole, "in pieces of {piece}");
    }
});
