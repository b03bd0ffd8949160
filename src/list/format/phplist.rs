//! phpList: tabs between the cells although the file is called .csv, and words in the language of whoever exported it.
//!
//! So the two columns that say whom not to mail are found by a part of their
//! name, in the languages phpList is mostly used in.

use super::{
    Fact, Format, Role,
    SubscriberState::{Active, Blocked, Pending, Unsubscribed},
};

/// Tells whether a cell of lists says that there is none; phpList does not translate it.
pub(in crate::list) fn is_on_none(cell: &str) -> bool {
    cell.trim().eq_ignore_ascii_case("no lists")
}

pub(super) const FORMATS: &[Format] = &[Format {
    name: "phplist",
    title: "phpList",
    marks: &[
        &["id", "~mail", "~confirmed", "~blacklisted"],
        &["id", "~mail", "~bestätigt", "~blacklist"],
        &["id", "~mail", "~bestätigt", "~schwarze"],
        &["id", "~mail", "~confirmé", "~noire"],
        &["id", "~mail", "~confirmé", "~blacklist"],
        &["id", "~correo", "~confirmado", "~negra"],
        &["id", "~mail", "~confirmado", "~negra"],
        &["id", "~mail", "~confermat", "~nera"],
        &["id", "~mail", "~confermat", "~blacklist"],
        &["id", "~mail", "~bevestigd", "~zwarte"],
        &["id", "~mail", "~bevestigd", "~blacklist"],
        &["id", "~mail", "~подтвержд", "~черн"],
    ],
    columns: &[
        (
            Role::LeftOut,
            &[
                "id",
                "~manuallyconfirm",
                "~numberofbounces",
                "~lastmodified",
                "uuid",
                "~uniqueid",
                "~uniqid",
                "~htmlemails",
                "~whichpage",
                "~password",
                "~rssfrequency",
                "~foreignkey",
                "~additionaldata",
            ],
        ),
        (
            Role::Lacks(Pending),
            &[
                "~subscriberconfirmed",
                "~userconfirmed",
                "~bestätigt",
                "~confirmé",
                "~confirmado",
                "~confermat",
                "~bevestigd",
                "~подтвержд",
            ],
        ),
        (
            Role::Says(Blocked),
            &[
                "~blacklist",
                "~schwarze",
                "~listenoire",
                "~listanegra",
                "~listanera",
                "~zwarte",
                "~черн",
            ],
        ),
        (Role::Says(Unsubscribed), &["~accountdisabled", "~userdisabled", "disabled"]),
        (Role::Evidence(Fact::Joined), &["entered"]),
        (Role::Lists, &["listmembership"]),
        (Role::Address, &["~correo"]),
    ],
    words: &[],
    base: Active,
    keeps_fields: true,
}];
