#![no_main]
//! Any bytes as a message that the doctor reads, and as the record of its key.

use libfuzzer_sys::fuzz_target;
use postrider::doctor::{self, KeyRecord, Policy, Seal, SpfRecord};

fuzz_target!(|bytes: &[u8]| {
    let now = "2026-11-26T12:00:00Z".parse().expect("a time");
    for finding in doctor::glance(bytes, now) {
        assert!(finding.why.len() < 2_000, "{finding:?}");
    }
    let record = String::from_utf8_lossy(bytes);
    let _ = (KeyRecord::read(&record), Policy::read("example.org", &record), SpfRecord::read(&record));
    let records = ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", &record];
    for seal in Seal::all(bytes).into_iter().flatten() {
        for record in records {
            // Nobody signs by chance.
            assert!(seal.verify(bytes, record, now).is_err(), "{seal:?}");
        }
    }
});
