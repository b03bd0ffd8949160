//! listmonk: the attributes are a JSON object.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Blocked, Unsubscribed},
};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "listmonk",
    title: "listmonk",
    marks: &[&["uuid", "email", "attributes"]],
    columns: &[
        (Role::Attributes, &["attributes"]),
        (Role::Evidence(Fact::Joined), &["createdat"]),
        (Role::LeftOut, &["uuid", "updatedat"]),
    ],
    words: &[
        (Active, &["enabled"]),
        (Unsubscribed, &["disabled"]),
        (Blocked, &["blocklisted", "blacklisted"]),
    ],
    base: Active,
    keeps_fields: true,
}];
