//! What stands beside a draft: the other files of its folder, by their path within it.

/// A file beside a draft, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// What it holds.
    Held(Vec<u8>),
    /// The draft does not name it, so nobody read it.
    Unnamed,
    /// A symbolic link, which might lead anywhere.
    Link,
    /// Too large to be read: so many bytes.
    Large(u64),
    /// It cannot be read, and why.
    Unreadable(String),
}

/// Returns a size as people say it.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => {
            let tenths = bytes.div_ceil(100_000);
            format!("{}.{} MB", tenths / 10, tenths % 10)
        }
    }
}
