//! The run: claim, begin, hand over, record.

pub mod policy;
pub mod throttle;
