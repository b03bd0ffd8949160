//! Beehiiv.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Pending, Unsubscribed},
};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "beehiiv",
    title: "Beehiiv",
    marks: &[&["email", "status", "tier"], &["email", "status", "unsubscribedat"]],
    columns: &[
        (Role::Says(Unsubscribed), &["unsubscribedat"]),
        (Role::Evidence(Fact::Joined), &["createdat", "subscriptiondatesubstack"]),
        (Role::LeftOut, &["stripecustomerid"]),
    ],
    // Inactive is who left, and who was taken off for bouncing.
    words: &[(Active, &["active"]), (Pending, &["pending"]), (Unsubscribed, &["inactive"])],
    base: Active,
    keeps_fields: true,
}];
