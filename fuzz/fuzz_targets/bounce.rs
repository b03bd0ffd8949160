#![no_main]
//! Any bytes as a message that came back, and as what a provider posts.

use libfuzzer_sys::fuzz_target;
use postrider::bounce::{
    self,
    webhook::{ses, sns::Envelope},
};

fuzz_target!(|bytes: &[u8]| {
    let report = bounce::read(bytes);
    assert!(report.diagnostic.len() <= 500);
    assert!(!report.diagnostic.chars().any(char::is_control));
    let _ = ses::read(bytes);
    if let Ok(envelope) = Envelope::read(bytes) {
        assert!(envelope.verified(bytes).is_err());
    }
});
