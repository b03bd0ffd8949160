//! Ghost's members. Cells that a spreadsheet would run begin with an apostrophe.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Unsubscribed},
};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "ghost",
    title: "Ghost",
    marks: &[&["email", "subscribedtoemails"]],
    columns: &[
        (Role::Lacks(Unsubscribed), &["subscribedtoemails"]),
        (Role::Says(Unsubscribed), &["deletedat"]),
        (Role::Evidence(Fact::Joined), &["createdat"]),
        (Role::Tags, &["labels"]),
        (Role::LeftOut, &["id", "stripecustomerid"]),
    ],
    words: &[],
    base: Active,
    keeps_fields: true,
}];
