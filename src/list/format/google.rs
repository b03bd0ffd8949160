//! Google Contacts, with Labels or, older and in UTF-16, with Group Membership. ` ::: ` stands between values.
//!
//! Being in an address book is no consent, and what else it knows of a person
//! is nobody's business here: all but the company is left out.

use std::borrow::Cow;

use super::{Format, Role, SubscriberState::Pending};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "google",
    title: "Google Contacts",
    marks: &[&["email1value"]],
    columns: &[
        (Role::Address, &["email1value"]),
        (
            Role::OtherAddress,
            &["email2value", "email3value", "email4value", "email5value", "email6value"],
        ),
        (Role::Tags, &["labels", "groupmembership"]),
        (Role::Field(Cow::Borrowed("company")), &["organizationname", "organization1name"]),
    ],
    words: &[],
    base: Pending,
    keeps_fields: false,
}];
