#![no_main]
//! Any text as a token that comes back to us: none but our own is taken.

use libfuzzer_sys::fuzz_target;
use postrider::compose::{KeyRing, read_return_path, read_unsubscribe_token};

fuzz_target!(|text: &str| {
    let keys = KeyRing::fresh(&[7; 32]);
    assert!(read_unsubscribe_token(&keys, text).is_err(), "a token was forged");
    assert!(read_return_path(&keys, text).is_err(), "a return path was forged");
    if let Ok(ring) = text.parse::<KeyRing>() {
        assert!(ring.to_lines().parse::<KeyRing>().is_ok(), "a key ring does not read itself");
    }
});
