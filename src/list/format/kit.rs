//! Kit, once ConvertKit. Its column of the status is called `status` or `state`.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Bounced, Complained, Pending, Unsubscribed},
};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "kit",
    title: "Kit",
    marks: &[
        &["id", "firstname", "email", "status", "createdat"],
        &["id", "firstname", "email", "state", "createdat"],
    ],
    columns: &[
        (Role::Status, &["status", "state"]),
        (Role::Evidence(Fact::Joined), &["createdat"]),
        (Role::LeftOut, &["id"]),
    ],
    words: &[
        (Active, &["active"]),
        // Of a form with double opt-in, and never confirmed.
        (Pending, &["inactive", "unconfirmed"]),
        (Unsubscribed, &["cancelled", "canceled", "unsubscribed"]),
        (Bounced, &["bounced"]),
        (Complained, &["complained"]),
    ],
    base: Active,
    keeps_fields: true,
}];
