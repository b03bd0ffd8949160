//! What the columns of a list mean: every name they go by, in one table, and what the list's format says of its own.

use std::fmt::Write;

use super::{
    evidence::Fact,
    format::{Format, Role},
    formula::unguarded,
};
use crate::model::{Address, SubscriberState, is_control};

/// The bare names of the columns that are more than a merge field in any list.
const ALIASES: [(Role, &[&str]); 11] = [
    (
        Role::Address,
        &["email", "emailaddress", "mail", "mailaddress", "subscriberemail", "emailadresse"],
    ),
    (Role::Mailbox, &["mailbox"]),
    (Role::Name, &["name", "fullname", "displayname", "subscribername"]),
    (Role::FirstName, &["firstname", "givenname", "forename", "fname", "vorname", "prénom"]),
    (Role::LastName, &["lastname", "surname", "familyname", "lname", "nachname", "nom"]),
    (Role::Tags, &["tags", "tag", "labels"]),
    (Role::Status, &["status", "subscriptionstatus", "subscriberstatus"]),
    (Role::Evidence(Fact::OptedIn), &["optintime"]),
    (Role::Evidence(Fact::OptedInFrom), &["optinip"]),
    (Role::Evidence(Fact::Confirmed), &["confirmtime"]),
    (Role::Rejected, &["rejectedfile", "rejectedline", "rejectedrecord", "rejectedreason"]),
];

/// What `--map` can call a column besides the names of `ALIASES`: that it says of somebody that they are in a state.
const STATES: [SubscriberState; 5] = [
    SubscriberState::Pending,
    SubscriberState::Unsubscribed,
    SubscriberState::Bounced,
    SubscriberState::Complained,
    SubscriberState::Blocked,
];

/// Parts of names of columns that may say whom not to mail.
const HINTS: [&str; 17] = [
    "unsub",
    "optout",
    "optedout",
    "blacklist",
    "blocklist",
    "bounce",
    "suppress",
    "donotmail",
    "donotemail",
    "donotcontact",
    "complain",
    "disabled",
    "abgemeldet",
    "désabonn",
    "désinscri",
    "disiscri",
    "отпис",
];

/// What names of files have besides, in which nobody is to be mailed.
const BAD_NAMES: [&str; 4] = ["cleaned", "inactive", "undeliverable", "abmeldung"];

/// Tells whether a file is called as if nobody in it were to be mailed.
pub(super) fn is_warning(file_name: &str) -> bool {
    let name = bare(file_name.rsplit('/').next().unwrap_or_default());
    HINTS.iter().chain(&BAD_NAMES).any(|hint| name.contains(hint))
}

/// The columns of a list.
#[derive(Debug)]
pub(super) struct Header {
    /// As written, but for control characters.
    pub(super) names: Vec<String>,
    pub(super) roles: Vec<Role>,
}

/// Why a first line is no header: what is wrong, how to mend it.
pub(super) struct Unclear {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl Header {
    /// Understands the cells of the first record, some of which `map` says the meaning of.
    pub(super) fn of(
        names: Vec<String>,
        map: &[(String, String)],
    ) -> Result<(Self, &'static Format), Unclear> {
        let bare_names: Vec<String> = names.iter().map(|name| bare(name)).collect();
        let format = Format::of(&bare_names);
        let mut roles: Vec<Role> = names.iter().map(|name| role(format, name)).collect();
        for (wanted, column) in map {
            let at = find(&names, column).ok_or_else(|| no_column(column, &names))?;
            let wanted = mapped(wanted);
            // What the column was said to be, no other one is.
            if !wanted.may_repeat() {
                for (role, name) in
                    roles.iter_mut().zip(&names).filter(|(role, _)| **role == wanted)
                {
                    *role = Role::Field(name.to_lowercase().into());
                }
            }
            roles[at] = wanted;
        }
        if format.name == "mailchimp" && !roles.contains(&Role::Address) {
            // Each list calls it as it likes, and always has it first.
            roles[0] = Role::Address;
        }
        if !roles.iter().any(Role::holds_address) {
            return Err(no_address(&names));
        }
        for (at, role) in roles.iter().enumerate().filter(|(_, role)| !role.may_repeat()) {
            if let Some(twin) = roles[..at].iter().position(|other| other == role) {
                return Err(Unclear {
                    code: "PR804",
                    message: format!(
                        "columns {} and {} hold the same: `{}` and `{}`",
                        twin + 1,
                        at + 1,
                        names[twin],
                        names[at]
                    ),
                    help: "rename one of them in the first line, or take it out",
                });
            }
        }
        Ok((Self { names, roles }, format))
    }

    /// Makes the header of a roster, which has none.
    pub(super) fn of_roster() -> Self {
        Self { names: vec!["mailbox".to_owned()], roles: vec![Role::Mailbox] }
    }

    /// Tells whether a column says of each whether they are to be mailed.
    pub(super) fn tells_state(&self) -> bool {
        self.roles.iter().any(Role::tells_state)
    }

    /// Returns a column that may say whom not to mail, and that only became a merge field.
    pub(super) fn doubtful(&self) -> Option<&str> {
        let is_doubtful = |role: &Role, name: &str| {
            matches!(role, Role::Field(_)) && HINTS.iter().any(|hint| bare(name).contains(hint))
        };
        let columns = self.roles.iter().zip(&self.names);
        columns
            .into_iter()
            .find(|(role, name)| is_doubtful(role, name))
            .map(|(_, name)| name.as_str())
    }

    /// Returns the columns that are left out.
    pub(super) fn left_out(&self) -> Vec<&str> {
        let columns = self.roles.iter().zip(&self.names);
        columns.filter(|(role, _)| **role == Role::LeftOut).map(|(_, name)| name.as_str()).collect()
    }
}

/// Makes a header's cell fit to be shown and compared.
pub(super) fn column_name(cell: &[u8]) -> String {
    let name = String::from_utf8_lossy(cell);
    unguarded(&name).chars().filter(|c| !is_control(*c)).collect::<String>().trim().to_owned()
}

/// Returns a name without capitals, spaces and punctuation.
fn bare(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

fn alias(bare: &str) -> Option<Role> {
    ALIASES.iter().find(|(_, names)| names.contains(&bare)).map(|(role, _)| role.clone())
}

fn role(format: &Format, name: &str) -> Role {
    if name.is_empty() {
        return Role::Unnamed;
    }
    let bare = bare(name);
    format.role(&bare).or_else(|| alias(&bare)).unwrap_or_else(|| {
        if format.keeps_fields { Role::Field(name.to_lowercase().into()) } else { Role::LeftOut }
    })
}

/// Returns what somebody calls a column by the left side of `--map`.
fn mapped(wanted: &str) -> Role {
    let bare = bare(wanted);
    let state = STATES.into_iter().find(|state| state.word() == bare);
    state
        .map(Role::Says)
        .or_else(|| alias(&bare))
        .unwrap_or_else(|| Role::Field(wanted.trim().to_lowercase().into()))
}

/// Finds a column by its name, as written or bare.
fn find(names: &[String], column: &str) -> Option<usize> {
    let exact = names.iter().position(|name| name == column.trim());
    exact.or_else(|| names.iter().position(|name| bare(name) == bare(column)))
}

fn no_column(column: &str, names: &[String]) -> Unclear {
    Unclear {
        code: "PR806",
        message: format!("no column is called `{column}`{}", listed(names)),
        help: "write `--map email=Column` with a column of the first line",
    }
}

fn no_address(names: &[String]) -> Unclear {
    if names.iter().any(|name| name.parse::<Address>().is_ok()) {
        return Unclear {
            code: "PR803",
            message: "the first line holds an address, not the names of the columns".to_owned(),
            help: "add a line above it that names them, such as `email,name`",
        };
    }
    Unclear {
        code: "PR803",
        message: format!("no column holds the address{}", listed(names)),
        help: "call the column with the addresses `email`, or say which it is: `--map email=Column`",
    }
}

/// Lists the columns there are.
fn listed(names: &[String]) -> String {
    let mut listed = String::new();
    for (at, name) in names.iter().take(12).enumerate() {
        let short: String = name.chars().take(40).collect();
        let lead = if at == 0 { "; there is" } else { "," };
        write!(listed, "{lead} `{short}`").expect("a String takes everything");
    }
    if names.len() > 12 {
        write!(listed, " and {} more", names.len() - 12).expect("a String takes everything");
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str, map: &[(&str, &str)]) -> Result<(Header, &'static Format), String> {
        let names = line.split(',').map(|cell| column_name(cell.as_bytes())).collect();
        let map: Vec<(String, String)> =
            map.iter().map(|(to, from)| ((*to).to_owned(), (*from).to_owned())).collect();
        Header::of(names, &map).map_err(|unclear| unclear.message)
    }

    fn roles(line: &str) -> Vec<Role> {
        header(line, &[]).map(|(header, _)| header.roles).unwrap_or_default()
    }

    fn field(name: &str) -> Role {
        Role::Field(name.to_owned().into())
    }

    #[test]
    fn a_column_is_known_by_any_of_its_names() {
        for name in ["email", "E-Mail", "e_mail", "Email Address", " EMAIL ", "mail"] {
            assert_eq!(roles(name), [Role::Address], "{name}");
        }
        assert_eq!(
            roles("First Name,surname,Email,TAGS,Status,Company No."),
            [
                Role::FirstName,
                Role::LastName,
                Role::Address,
                Role::Tags,
                Role::Status,
                field("company no."),
            ]
        );
    }

    #[test]
    fn what_somebody_says_of_a_column_comes_first() {
        let map = [("email", "Kontakt"), ("company", "Firma"), ("unsubscribed", "Weg")];
        let (header, _) = header("E-Mail,Kontakt,firma,Weg", &map).expect("it is a header");
        assert_eq!(
            header.roles,
            [
                field("e-mail"),
                Role::Address,
                field("company"),
                Role::Says(SubscriberState::Unsubscribed)
            ]
        );
    }

    #[test]
    fn a_header_that_cannot_be_understood_is_named() {
        for (line, message) in [
            ("name,town", "no column holds the address; there is `name`, `town`"),
            (
                "anna@example.org,Anna",
                "the first line holds an address, not the names of the columns",
            ),
            ("email,town,E-Mail", "columns 1 and 3 hold the same: `email` and `E-Mail`"),
            ("email,Town,town", "columns 2 and 3 hold the same: `Town` and `town`"),
        ] {
            assert_eq!(header(line, &[]).map(|_| ()), Err(message.to_owned()));
        }
        let missing = header("email,town", &[("name", "Nombre")]).map(|_| ());
        assert_eq!(
            missing,
            Err("no column is called `Nombre`; there is `email`, `town`".to_owned())
        );
    }

    #[test]
    fn a_column_that_may_say_whom_not_to_mail_is_doubtful() {
        for (line, doubtful) in [
            ("email,Opted Out,town", Some("Opted Out")),
            ("email,Unsubscribed?", Some("Unsubscribed?")),
            ("email,status,town", None),
        ] {
            let (header, _) = header(line, &[]).expect("it is a header");
            assert_eq!(header.doubtful(), doubtful);
        }
    }
}
