//! Every code a problem of `publication.toml` may bear, with what it means.
//!
//! A code never changes its meaning and is never given out again; new ones go to the end.

/// Lists every code of a configuration with its meaning, in order.
pub const CODES: &[(&str, &str)] = &[
    (NOT_TOML, "publication.toml is not TOML"),
    (UNKNOWN_KEY, "a key of publication.toml is not known"),
    (MISSING_KEY, "publication.toml lacks a key that is needed"),
    (WRONG_VALUE, "a value of publication.toml cannot be used"),
    (UNSAFE_SECRET, "a secret stands in publication.toml, or would cross a connection without TLS"),
    (UNUSABLE_KEY, "a DKIM key that publication.toml names cannot be used"),
];

pub(super) const NOT_TOML: &str = "PR901";
pub(super) const UNKNOWN_KEY: &str = "PR902";
pub(super) const MISSING_KEY: &str = "PR903";
pub(super) const WRONG_VALUE: &str = "PR904";
pub(super) const UNSAFE_SECRET: &str = "PR905";
pub(super) const UNUSABLE_KEY: &str = "PR906";
