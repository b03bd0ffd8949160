//! Substack: a file of everybody, and one of who pays. What matters is `email_disabled`, not `active_subscription`, which is about money.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Unsubscribed},
};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "substack",
    title: "Substack",
    marks: &[&["email", "emaildisabled"]],
    columns: &[
        (Role::Says(Unsubscribed), &["emaildisabled"]),
        (Role::Evidence(Fact::Joined), &["createdat"]),
        (Role::LeftOut, &["stripeconnectedcustomerid", "preferdigests"]),
    ],
    words: &[],
    base: Active,
    keeps_fields: true,
}];
