//! Files that are no lists at all and are brought as one, known by their first bytes: a zip, a workbook, a web page.

/// A kind of file in which no rows can be read.
#[derive(Debug)]
pub(super) struct Foreign {
    /// What each such file begins with, in lower case where it is text.
    begins: &'static [&'static [u8]],
    /// What it is.
    pub(super) what: &'static str,
    /// How to make a list of it.
    pub(super) help: &'static str,
}

const KINDS: [Foreign; 8] = [
    Foreign {
        begins: &[b"pk\x03\x04", b"pk\x05\x06"],
        what: "a zip archive, or a workbook (.xlsx, .ods)",
        help: "unpack an archive and give the files in it; of a workbook save the sheet as CSV",
    },
    Foreign {
        begins: &[b"\xD0\xCF\x11\xE0"],
        what: "a workbook (.xls)",
        help: "open it and save the sheet as CSV",
    },
    Foreign {
        begins: &[b"\x1F\x8B", b"7z\xBC\xAF", b"rar!", b"bzh"],
        what: "a packed file",
        help: "unpack it and give the files in it",
    },
    Foreign {
        begins: &[b"<!doctype html", b"<html"],
        what: "a web page",
        help: "perhaps the page that asks for a password was saved instead of the file: log in and export it again",
    },
    Foreign {
        begins: &[b"begin:vcard"],
        what: "an address book in vCards",
        help: "export the contacts as CSV",
    },
    Foreign { begins: &[b"{\"", b"[{"], what: "JSON", help: "export it as CSV" },
    Foreign {
        begins: &[b"%pdf-", b"\x89png", b"\xFF\xD8\xFF", b"gif8"],
        what: "a document or a picture",
        help: "export the list as CSV",
    },
    Foreign {
        begins: &[b"sqlite format 3"],
        what: "a database",
        help: "export the people in it as CSV",
    },
];

/// Returns what a file is that begins with these bytes, where that is no list.
pub(super) fn of(start: &[u8]) -> Option<&'static Foreign> {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let begins = |first: &&[u8]| {
        start.get(..first.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(first))
    };
    KINDS.iter().find(|kind| kind.begins.iter().any(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_is_known_and_lists_are_not_taken_for_it() {
        for (start, what) in [
            (&b"PK\x03\x04\x14\0"[..], "zip"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1", "xls"),
            (b"\x1F\x8B\x08", "packed"),
            (b"\xEF\xBB\xBF\r\n<!DOCTYPE html><html>", "web page"),
            (b"BEGIN:VCARD\r\nVERSION:3.0", "vCards"),
            (b"[{\"email\":", "JSON"),
            (b"\x89PNG\r\n", "picture"),
        ] {
            let kind = of(start).expect(what);
            assert!(kind.what.contains(what), "{what}: {kind:?}");
        }
        for start in ["", "P", "email,name\n", "pk,email\n", "<ana@example.org>\n", "{tag},email\n"]
        {
            assert!(of(start.as_bytes()).is_none(), "{start}");
        }
    }
}
