//! Header fields, in groups with a blank line between: the form of a message's head, a delivery status and a feedback report.
//!
//! More forgiving than a mail parser (any line end, lines that are no field) and
//! with bounds, because whoever made these bytes may wish us ill.

/// Fields of one group, in order; names in lower case, values unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

/// How many groups are read: a status names a recipient in each.
const GROUPS_MAX: usize = 64;
/// How many fields of a group are read.
const FIELDS_MAX: usize = 256;
/// How long a value may be, in bytes.
const VALUE_MAX: usize = 4_096;

impl Fields {
    /// Reads the groups of a body.
    pub(super) fn groups(bytes: &[u8]) -> Vec<Self> {
        let mut groups = vec![Self::default()];
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let group = groups.last_mut().expect("there is always one");
            if line.trim_ascii().is_empty() {
                if !group.0.is_empty() {
                    if groups.len() == GROUPS_MAX {
                        break;
                    }
                    groups.push(Self::default());
                }
                continue;
            }
            group.take(line);
        }
        groups.retain(|group| !group.0.is_empty());
        groups
    }

    /// Reads the first group alone.
    pub(super) fn head(bytes: &[u8]) -> Self {
        Self::groups(bytes).into_iter().next().unwrap_or_default()
    }

    /// Returns the first value of a field; `name` is in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns every value of a field, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Joins another group's fields to these.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn take(&mut self, line: &[u8]) {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some((_, value)) = self.0.last_mut() {
                value.push(' ');
                append(value, line);
            }
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (line[..colon].trim_ascii(), &line[colon + 1..]);
        if self.0.len() == FIELDS_MAX || !is_name(name) {
            return;
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let mut text = String::new();
        append(&mut text, value);
        self.0.push((name, text));
    }
}

/// Tells whether it may be a field's name (RFC 5322 section 2.2).
pub(super) fn is_name(name: &[u8]) -> bool {
    (1..=64).contains(&name.len()) && name.iter().all(|byte| (33..=126).contains(byte))
}

/// Appends what of a line the bound leaves room for.
fn append(value: &mut String, line: &[u8]) {
    let room = VALUE_MAX.saturating_sub(value.len());
    let line = line.trim_ascii();
    value.push_str(&String::from_utf8_lossy(&line[..line.len().min(room)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_groups_told_apart_by_blank_lines() {
        let groups = Fields::groups(
            b"\r\nReporting-MTA: dns; a\r\n\r\n \nFinal-Recipient: rfc822; b@c\n\
              Diagnostic-Code: smtp;\n 550 no\r\n\tsuch user\nnot a field\n",
        );
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].get("reporting-mta"), Some("dns; a"));
        assert_eq!(groups[1].get("diagnostic-code"), Some("smtp; 550 no such user"));
        assert_eq!(groups[1].get("not a field"), None);
    }

    #[test]
    fn nothing_grows_without_a_bound() {
        let long = [b"a: ".to_vec(), vec![0xff; 1_000_000]].concat();
        let value = Fields::head(&long);
        assert!(value.get("a").is_some_and(|value| value.len() <= 3 * VALUE_MAX));
        assert_eq!(Fields::groups(&b"a: b\n\n".repeat(1_000)).len(), GROUPS_MAX);
        assert_eq!(Fields::groups(&b"a: b\n".repeat(1_000))[0].all("a").count(), FIELDS_MAX);
    }
}
