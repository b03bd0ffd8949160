//! What a server can do, as it says in its answer to EHLO (RFC 5321 section 4.1.1.1).

use std::collections::BTreeMap;

use super::reply::{Spoken, printable};

/// The service extensions a relay offers. Empty after HELO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    name: String,
    keywords: BTreeMap<String, String>,
}

impl Capabilities {
    /// Returns what the relay calls itself, in lower case; empty after HELO.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether `keyword`, in upper case, is offered (`PIPELINING`, `DSN`...).
    pub fn offers(&self, keyword: &str) -> bool {
        self.keywords.contains_key(keyword)
    }

    /// Returns the most bytes a message may have (RFC 1870), or `None` where the relay names no limit.
    pub fn size(&self) -> Option<u64> {
        self.keywords.get("SIZE")?.parse().ok().filter(|&limit| limit > 0)
    }

    /// Tells whether AUTH offers `mechanism`, in upper case (RFC 4954).
    pub(super) fn authenticates(&self, mechanism: &str) -> bool {
        let offered = self.keywords.get("AUTH");
        offered.is_some_and(|offered| offered.split_ascii_whitespace().any(|one| one == mechanism))
    }

    /// Offers what a test names.
    #[cfg(test)]
    pub(super) fn offering(keywords: &[&str]) -> Self {
        let keywords = keywords.iter().map(|keyword| ((*keyword).to_owned(), String::new()));
        Self { name: String::new(), keywords: keywords.collect() }
    }

    /// Reads the lines after the greeting's, without regard to case.
    pub(super) fn of(spoken: &Spoken) -> Self {
        let greeting = spoken.lines().next().map(printable).unwrap_or_default();
        let name = greeting.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let mut keywords = BTreeMap::new();
        for line in spoken.lines().skip(1) {
            let line = printable(line).trim().to_ascii_uppercase();
            // `AUTH=LOGIN` is how servers older than RFC 2554 say it; some still do beside the new form.
            let end = line.find([' ', '=']).unwrap_or(line.len());
            let parameters: &mut String = keywords.entry(line[..end].to_owned()).or_default();
            parameters.push_str(line[end..].strip_prefix('=').unwrap_or(&line[end..]).trim());
            parameters.push(' ');
        }
        keywords.remove("");
        for parameters in keywords.values_mut() {
            parameters.truncate(parameters.trim_end().len());
        }
        Self { name, keywords }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::reply::ReplyReader;

    fn capabilities(lines: &str) -> Capabilities {
        let (_, spoken) = ReplyReader::default().feed(lines.as_bytes());
        Capabilities::of(&spoken.expect("it is whole").expect("it is a reply"))
    }

    #[test]
    fn keywords_are_read_without_regard_to_case() {
        let found = capabilities(
            "250-relay.example.org PIPELINING\r\n250-Size 1000\r\n250-auth login Plain\r\n250-AUTH=XOAUTH2\r\n250 \
             smtpUTF8\r\n",
        );
        assert!(!found.offers("PIPELINING"), "the first line is the server's name");
        assert_eq!(found.name(), "relay.example.org");
        assert!(found.offers("SMTPUTF8"));
        assert_eq!(found.size(), Some(1000));
        for (mechanism, offered) in [
            ("PLAIN", true),
            ("LOGIN", true),
            ("XOAUTH2", true),
            ("CRAM-MD5", false),
            ("LOG", false),
        ] {
            assert_eq!(found.authenticates(mechanism), offered, "{mechanism}");
        }
    }

    #[test]
    fn no_size_is_no_limit() {
        for lines in [
            "250 x\r\n",
            "250-x\r\n250 SIZE\r\n",
            "250-x\r\n250 SIZE 0\r\n",
            "250-x\r\n250 SIZE many\r\n",
        ] {
            assert_eq!(capabilities(lines).size(), None, "{lines:?}");
        }
    }
}
