//! Buttondown, in its present form and the older one of few columns. Tags are JSON or have semicolons between, metadata is JSON or as Python writes it.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Blocked, Bounced, Complained, Pending, Unsubscribed},
};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "buttondown",
    title: "Buttondown",
    marks: &[&["emailaddress", "type", "creationdate"], &["email", "subscribertype"]],
    columns: &[
        (Role::Status, &["type", "subscribertype"]),
        (Role::Says(Unsubscribed), &["unsubscriptiondate"]),
        (Role::Attributes, &["metadata"]),
        (Role::Evidence(Fact::Joined), &["creationdate"]),
        (Role::Evidence(Fact::OptedIn), &["subscriptiondate"]),
        (Role::Evidence(Fact::JoinedFrom), &["ipaddress"]),
        (Role::Evidence(Fact::By), &["source"]),
        (Role::Evidence(Fact::Because), &["unsubscriptionreason"]),
        (
            Role::LeftOut,
            &[
                "id",
                "secondaryid",
                "stripecustomerid",
                "stripecustomer",
                "lastopendate",
                "lastclickdate",
                "avatarurl",
            ],
        ),
    ],
    words: &[
        (Active, &["regular", "premium", "gifted", "trialed"]),
        (Pending, &["unactivated"]),
        (Unsubscribed, &["unsubscribed", "removed", "paused"]),
        (Bounced, &["undeliverable"]),
        (Complained, &["complained"]),
        (Blocked, &["blocked", "spammy", "malicious"]),
    ],
    base: Active,
    keeps_fields: true,
}];
