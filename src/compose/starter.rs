//! A new draft's text: its front matter made up, or another issue's brought up to date.

use jiff::civil::Date;

use super::{front::FrontMatter, proof::Proof};

/// Returns the text of a new draft: front matter, and `body` with the slug's words as its `HEADLINE`.
pub fn starter(slug: &str, date: Date, number: u32, body: &str) -> String {
    let words = slug.replace('-', " ");
    let mut letters = words.chars();
    let headline: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let body = body.replace("HEADLINE", &headline);
    format!(
        "+++\ndate = {date}\nnumber = {number}\n{}",
        body.strip_prefix("+++\n").unwrap_or(&body)
    )
}

/// Returns a draft's text with another date and number, every other line as it was.
pub fn renumbered(text: &str, date: Date, number: u32) -> String {
    let mut renumbered = String::new();
    let mut fences = 0;
    for line in text.split_inclusive('\n') {
        let key = line.split('=').next().unwrap_or_default().trim();
        match (fences, key) {
            (1, "date" | "number") => {}
            (0, "+++") => {
                fences += 1;
                let numbers = format!("date = {date}\nnumber = {number}\n");
                renumbered.extend([line, &numbers]);
            }
            _ => {
                fences += usize::from(key == "+++");
                renumbered.push_str(line);
            }
        }
    }
    renumbered
}

/// Returns the number a draft gives itself.
pub fn number(text: &str) -> Option<u32> {
    FrontMatter::read(&mut Proof::new("", text)).0.number
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAFT: &str =
        "+++\ndate = 2003-10-06\nkicker = \"Asia\"\nnumber = 41\n+++\n\nnumber = 7\n";

    #[test]
    fn another_date_and_number_leave_the_rest_as_it_was() {
        let date = jiff::civil::date(2003, 10, 13);
        let wanted = "+++\ndate = 2003-10-13\nnumber = 42\nkicker = \"Asia\"\n+++\n\nnumber = 7\n";
        assert_eq!(renumbered(DRAFT, date, 42), wanted);
        assert_eq!(number(wanted), Some(42));
    }

    #[test]
    fn a_new_draft_is_headed_by_its_slug() {
        let date = jiff::civil::date(2003, 10, 13);
        assert_eq!(
            starter("debt-recovery", date, 42, "+++\n+++\n\n# HEADLINE\n"),
            "+++\ndate = 2003-10-13\nnumber = 42\n+++\n\n# Debt recovery\n"
        );
    }
}
