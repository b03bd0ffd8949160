#![no_main]
//! Any bytes as a list of people.

use libfuzzer_sys::fuzz_target;
use postrider::list::{Row, Wish, read_as, rejects};

fuzz_target!(|bytes: &[u8]| {
    let wish = Wish { is_wary: bytes.len() % 2 == 0, ..Wish::default() };
    let Ok(list) = read_as(bytes, "subscribers.csv", &wish) else { return };
    let columns = list.columns().to_vec();
    let mut refused = rejects(Vec::new(), &columns).expect("a vector takes it");
    let mut line = 0;
    for row in list {
        let at = match &row {
            Row::Good(entry) => entry.line,
            Row::Bad(skipped) => skipped.line,
        };
        assert!(at > line, "a record begins on line {at}, after one of line {line}");
        line = at;
        if let Row::Bad(skipped) = row {
            refused.write("subscribers.csv", &skipped).expect("a vector takes it");
        }
    }
    refused.finish().expect("a vector takes it");
});
