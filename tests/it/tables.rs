//! Tables on a phone: numbers stay whole, letters become smaller before words are broken, and what does not fit is told.

use crate::compose::{compose_beside, html, publication, shown};

/// Returns the HTML of a table of these rows, the first of them its head.
fn table(rows: &[&str]) -> String {
    let columns = rows[0].split('|').count();
    let row = |row: &&str| format!("| {row} |\n");
    let rule = format!("|{}\n", "---|".repeat(columns));
    let rows: String =
        rows[..1].iter().map(row).chain([rule]).chain(rows[1..].iter().map(row)).collect();
    let draft = format!(
        "+++\ndate = 2003-10-06\n+++\n\n# Title {{credit=\"Own work\"}}\n\n{rows}\nTable: What it shows.\n"
    );
    let composed = compose_beside(&draft, &[], "letter", &publication());
    let composed = composed.unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let page = html(&composed.edition.html);
    let start = page.find("<caption").expect("it has a caption");
    let start = page[..start].rfind("<table").expect("it stands in a table");
    let end = page[start..].find("</table>").expect("it ends");
    page[start..start + end].to_owned()
}

/// Returns the style of the cell that holds these words.
fn style<'a>(table: &'a str, words: &str) -> &'a str {
    let at = table.find(&format!(">{words}<")).unwrap_or_else(|| panic!("{words}: {table}"));
    let cell = &table[table[..at].rfind("<t").expect("it stands in a cell")..at];
    let style = cell.split("style=\"").nth(1).expect("a cell is dressed");
    style.split('"').next().unwrap_or_default()
}

#[test]
fn a_number_is_never_broken_nor_parted_from_its_unit() {
    let table = table(&[
        "Country | Area | People | Rise",
        "China | 9,596,960 | 1,261,832,482 | 1.234,56 €",
        "Russia | 17,098,242 | 146,001,176 | −1.5",
    ]);
    for number in ["9,596,960", "1,261,832,482", "1.234,56 €", "−1.5"] {
        let style = style(&table, number);
        assert!(style.contains("nowrap") && !style.contains("break-word"), "{number}: {style}");
    }
    assert!(!style(&table, "China").contains("nowrap"), "{table}");
}

#[test]
fn a_table_that_fits_a_phone_is_set_as_any_other_and_one_that_does_not_in_smaller_letters() {
    let small = table(&["Country | Area", "China | 9,596,960"]);
    assert!(small.starts_with("<table class=\"data\""), "{small}");
    let tight = table(&[
        "Country | Area | People | Rise",
        "China | 9,596,960 | 1,261,832,482 | 10.8\\*",
        "Russia | 17,098,242 | 146,001,176 | −1.5",
    ]);
    assert!(tight.starts_with("<table class=\"data tight\""), "{tight}");
    assert!(!tight.contains("break-word"), "{tight}");
}

#[test]
fn the_head_of_numbers_is_broken_rather_than_the_table_refused() {
    let table = table(&[
        "Chef-lieu | Myriamètres | Kilomètres | Lieues anciennes | Jours",
        "Aix-en-Provence | 76,2 | 762,25 | 171,49 | 8",
    ]);
    assert!(style(&table, "Myriamètres").contains("break-word"), "{table}");
    assert!(style(&table, "762,25").contains("nowrap"), "{table}");
    assert!(!style(&table, "Jours").contains("break-word"), "{table}");
}

#[test]
fn words_are_broken_only_where_smaller_letters_do_not_help_and_the_longest_first() {
    let table = table(&[
        "Rechtsschutzversicherungsgesellschaft | Gesetz | Betrag",
        "Lebensversicherungsgesellschaft | Gesetzbuch | 1.261.832.482",
    ]);
    let style = |words| style(&table, words);
    let broken = style("Lebensversicherungsgesellschaft");
    assert!(broken.contains("word-break:break-word;hyphens:auto;min-width:70px"), "{broken}");
    assert!(!style("Gesetzbuch").contains("break-word"), "{table}");
    assert!(style("1.261.832.482").contains("nowrap"), "{table}");
}
