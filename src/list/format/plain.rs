//! Our own: `email,name,tags,status` and any merge field. Any list that no other tool marks is read so.

use super::{
    Format,
    SubscriberState::{Active, Blocked, Bounced, Complained, Pending, Unsubscribed},
};

pub(super) const FORMAT: Format = Format {
    name: "postrider",
    title: "a plain list",
    marks: &[],
    columns: &[],
    // Where a word leaves room for doubt it is taken as "do not mail". No word is that of a list without the column.
    words: &[
        (Active, &["", "active", "subscribed", "enabled", "confirmed"]),
        (Pending, &["pending", "unconfirmed", "unactivated"]),
        (
            Unsubscribed,
            &["unsubscribed", "inactive", "disabled", "cancelled", "canceled", "removed", "erased"],
        ),
        (Bounced, &["bounced", "cleaned", "undeliverable"]),
        (Complained, &["complained", "complaint"]),
        (Blocked, &["blocked", "blocklisted", "blacklisted"]),
    ],
    base: Active,
    keeps_fields: true,
};
