//! Mailchimp's audience, which comes as three files: members, unsubscribed, cleaned; which, the columns tell that only one of them has.
//!
//! Contacts who bought something and asked for no letter come in a file like
//! that of members, and so does one whose telling columns somebody took out.
//! A file may be called anything; so whoever opted in at no time is pending.
//!
//! The first columns are called as their list calls them, in any language, and
//! the address is always the first. A cell of TAGS is CSV itself.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Bounced, Pending, Unsubscribed},
};

/// What the name of a file of contacts who bought something and asked for no letter has in it; its header is that of members.
const NON_SUBSCRIBED: &str = "nonsubscribed";

const OTHERS: Format =
    Format { title: "Mailchimp's non-subscribed contacts", base: Pending, ..MEMBERS };

/// Returns the format of a file of members, by its name: `nonsubscribed_members_export_1.csv` holds none.
pub(super) fn by_name(file: &str) -> Option<&'static Format> {
    let file = file.rsplit('/').next().unwrap_or_default();
    let letters = file.chars().filter(|letter| letter.is_alphanumeric());
    let name: String = letters.flat_map(char::to_lowercase).collect();
    name.contains(NON_SUBSCRIBED).then_some(&OTHERS)
}

/// Tells whether somebody opted in, by what their row tells.
pub(super) fn is_proven(facts: &[(Fact, String)]) -> bool {
    facts.iter().any(|(fact, _)| matches!(fact, Fact::OptedIn | Fact::Confirmed))
}

pub(super) const FORMATS: &[Format] = &[
    Format {
        title: "Mailchimp's unsubscribed",
        marks: &[
            &["leid", "euid", "unsubtime"],
            &["leid", "euid", "unsubreason"],
            &["leid", "euid", "unsubcampaignid"],
            &["memberrating", "optintime", "unsubtime"],
        ],
        base: Unsubscribed,
        ..MEMBERS
    },
    Format {
        title: "Mailchimp's cleaned",
        marks: &[
            &["leid", "euid", "cleantime"],
            &["leid", "euid", "cleancampaignid"],
            &["memberrating", "optintime", "cleantime"],
        ],
        base: Bounced,
        ..MEMBERS
    },
    MEMBERS,
    Format {
        title: "contacts of Mailchimp's, of which kind is not said",
        marks: &[&["leid", "euid"], &["memberrating", "optintime"]],
        base: Pending,
        ..MEMBERS
    },
];

const MEMBERS: Format = Format {
    name: "mailchimp",
    title: "Mailchimp's members",
    marks: &[&["leid", "euid", "lastchanged"], &["memberrating", "optintime", "lastchanged"]],
    columns: &[
        (Role::Tags, &["tags"]),
        (Role::Evidence(Fact::OptedIn), &["optintime"]),
        (Role::Evidence(Fact::OptedInFrom), &["optinip"]),
        (Role::Evidence(Fact::Confirmed), &["confirmtime"]),
        (Role::Evidence(Fact::ConfirmedFrom), &["confirmip"]),
        (Role::Evidence(Fact::Left), &["unsubtime"]),
        (Role::Evidence(Fact::LeftAt), &["unsubcampaigntitle"]),
        (Role::Evidence(Fact::Because), &["unsubreason", "unsubreasonother"]),
        (Role::Evidence(Fact::Bounced), &["cleantime"]),
        (Role::Evidence(Fact::LeftAt), &["cleancampaigntitle"]),
        (
            Role::LeftOut,
            &[
                "memberrating",
                "latitude",
                "longitude",
                "gmtoff",
                "dstoff",
                "timezone",
                "cc",
                "region",
                "lastchanged",
                "leid",
                "euid",
                "unsubcampaignid",
                "cleancampaignid",
            ],
        ),
    ],
    words: &[],
    base: Active,
    keeps_fields: true,
};
