//! What the columns of a list mean: every name they go by, in one table.

use std::fmt::Write;

use super::formula::unguarded;
use crate::model::{Address, is_control};

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Address,
    Name,
    FirstName,
    LastName,
    Tags,
    Status,
    /// Written by [`super::rejects`], so that a mended file of rejects can be read as a list.
    Rejected,
    /// A merge field, by its header in lower case.
    Field(String),
    /// No header: its cells must be empty.
    Unnamed,
}

/// The names of the columns that are more than a merge field, in lower case, without spaces and punctuation.
const ALIASES: [(Role, &[&str]); 7] = [
    (Role::Address, &["email", "emailaddress", "mail", "mailaddress", "subscriberemail"]),
    (Role::Name, &["name", "fullname", "displayname", "subscribername"]),
    (Role::FirstName, &["firstname", "givenname", "forename", "fname"]),
    (Role::LastName, &["lastname", "surname", "familyname", "lname"]),
    (Role::Tags, &["tags", "tag", "labels"]),
    (Role::Status, &["status", "subscriptionstatus", "subscriberstatus"]),
    (Role::Rejected, &["rejectedfile", "rejectedline", "rejectedrecord", "rejectedreason"]),
];

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
    /// Understands the cells of the first record.
    pub(super) fn of(names: Vec<String>) -> Result<Self, Unclear> {
        let roles: Vec<Role> = names.iter().map(|name| role(name)).collect();
        if !roles.contains(&Role::Address) {
            return Err(no_address(&names));
        }
        for (at, role) in roles.iter().enumerate() {
            let twin = roles[..at].iter().position(|other| other == role);
            if let (Some(twin), false) = (twin, matches!(role, Role::Unnamed | Role::Rejected)) {
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
        Ok(Self { names, roles })
    }
}

/// Makes a header's cell fit to be shown and compared.
pub(super) fn column_name(cell: &[u8]) -> String {
    let name = String::from_utf8_lossy(cell);
    unguarded(&name).chars().filter(|c| !is_control(*c)).collect::<String>().trim().to_owned()
}

fn role(name: &str) -> Role {
    if name.is_empty() {
        return Role::Unnamed;
    }
    let lower = name.to_lowercase();
    let bare: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    ALIASES
        .iter()
        .find(|(_, names)| names.contains(&bare.as_str()))
        .map_or(Role::Field(lower), |(role, _)| role.clone())
}

fn no_address(names: &[String]) -> Unclear {
    if names.iter().any(|name| name.parse::<Address>().is_ok()) {
        return Unclear {
            code: "PR803",
            message: "the first line holds an address, not the names of the columns".to_owned(),
            help: "add a line above it that names them, such as `email,name`",
        };
    }
    let mut message = "no column holds the address".to_owned();
    for (at, name) in names.iter().take(12).enumerate() {
        let short: String = name.chars().take(40).collect();
        let lead = if at == 0 { "; there is" } else { "," };
        write!(message, "{lead} `{short}`").expect("a String takes everything");
    }
    if names.len() > 12 {
        write!(message, " and {} more", names.len() - 12).expect("a String takes everything");
    }
    Unclear { code: "PR803", message, help: "call the column with the addresses `email`" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(line: &str) -> Vec<Role> {
        let names = line.split(',').map(|cell| column_name(cell.as_bytes())).collect();
        Header::of(names).map(|header| header.roles).unwrap_or_default()
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
                Role::Field("company no.".to_owned()),
            ]
        );
    }

    fn complaint(line: &str) -> String {
        let names = line.split(',').map(|cell| column_name(cell.as_bytes())).collect();
        Header::of(names).map_err(|unclear| unclear.message).expect_err("it is unclear")
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
            assert_eq!(complaint(line), message);
        }
    }
}
