//! Outlook's contacts, in the code page of the machine that exported them and the language of its Outlook. An address within Exchange (`/o=...`, of type EX) is none on the internet.
//!
//! As with any address book, being in it is no consent.

use std::borrow::Cow;

use super::{Format, Role, SubscriberState::Pending};

pub(super) const FORMATS: &[Format] = &[Format {
    name: "outlook",
    title: "Outlook's contacts",
    marks: &[
        &["emailaddress", "emailtype"],
        &["emailaddress", "emaildisplayname"],
        &["emailadresse", "emailtyp"],
        &["emailadresse", "emailangezeigtername"],
        &["adressedemessagerie", "typedemessagerie"],
    ],
    columns: &[
        (Role::Address, &["emailaddress", "emailadresse", "adressedemessagerie"]),
        (
            Role::OtherAddress,
            &[
                "email2address",
                "email3address",
                "email2adresse",
                "email3adresse",
                "adressedemessagerie2",
                "adressedemessagerie3",
            ],
        ),
        (Role::Field(Cow::Borrowed("company")), &["company", "firma", "société"]),
        (Role::Tags, &["categories", "kategorien", "catégories"]),
    ],
    words: &[],
    base: Pending,
    keeps_fields: false,
}];
