//! The post: where a mail that asks for confirmation is put, to be composed and sent by whoever serves the site.

use crate::model::Subscriber;

/// Somebody to be asked whether they want to read.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whom.
    pub reader: Subscriber,
    /// The link with the button.
    pub url: String,
}

/// Takes what is to be sent.
pub trait Post: Send + Sync {
    /// Takes one, without waiting; `false` where too many wait already.
    fn take(&self, asked: Asked) -> bool;
}
