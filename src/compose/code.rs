//! Every code a draft's problem may bear, with what it means: one table, one line each.
//!
//! A code never changes its meaning and is never given out again; new ones go to the end.

macro_rules! codes {
    ($($name:ident $code:literal $meaning:literal;)*) => {
        /// Lists every code of a draft with its meaning, in order.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
        $(pub(super) const $name: &str = $code;)*
    };
}

codes! {
    NO_FRONT_MATTER "PR001" "the draft does not begin with front matter between `+++` lines";
    NOT_TOML "PR002" "the front matter, or a file of the theme or strings, is not TOML";
    UNKNOWN_KEY "PR003" "a key is not known";
    WRONG_VALUE "PR004" "a value is not of the kind its key wants";
    MISSING_KEY "PR005" "a key that is needed is missing";
    UNKNOWN_FIELD "PR006" "a merge field is not declared under [list.fields]";
    NO_DEFAULT "PR007" "an optional merge field has no default, so some readers would see a gap";
    MALFORMED_FIELD "PR008" "a merge field cannot be read";
    UNKNOWN_FILTER "PR009" "a merge field's filter is not known, or its value is wrong";
    MISPLACED_FIELD "PR010" "a merge field stands where no reader's data may";
    FORBIDDEN_CHARACTER "PR011" "a control or private-use character";
    RAW_HTML "PR012" "raw HTML";
    UNKNOWN_DIRECTIVE "PR013" "a `:::` directive is not known";
    OPEN_DIRECTIVE "PR014" "a `:::` directive is not closed, or nothing is open";
    WRONG_CONTENT "PR015" "a directive does not hold what it is for";
    UNKNOWN_ATTRIBUTE "PR016" "an attribute in braces is not known";
    MALFORMED_ATTRIBUTES "PR017" "attributes in braces cannot be read";
    WRONG_LINK "PR018" "a link does not lead to an absolute https, mailto or tel address";
    WRONG_IMAGE "PR019" "an image that mail programs would not show";
    NO_IMAGE_SIZE "PR020" "an image without its width and height";
    NO_ALT "PR021" "an image without words for those who do not see it";
    NO_ARTICLE "PR022" "the issue has no article";
    WRONG_HEADING "PR023" "a heading is empty or skips a level";
    NO_ATTRIBUTION "PR024" "a quotation does not say whose words it holds";
    NO_CREDIT "PR025" "an article does not say where it comes from";
    UNSUPPORTED "PR026" "a form of Markdown that an issue does not use";
    TOO_DEEP "PR027" "blocks nested too deep";
    EMPTY "PR028" "something is empty that should say something";
    WRONG_THEME "PR029" "a theme file cannot be used";
    WRONG_STRINGS "PR030" "a strings file cannot be used";
    WRONG_PUBLICATION "PR031" "a value of publication.toml cannot be set";
    WRONG_FILE "PR032" "a file that the draft names cannot be used";
    UNKNOWN_SEGMENT "PR033" "a condition names a segment that the front matter does not declare";
    WRONG_NOTE "PR034" "a footnote without its mark, or a mark without its footnote";
    WRONG_DATA "PR035" "a chart's data cannot be drawn";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_numbered_in_order_without_a_gap() {
        for (at, (code, _)) in CODES.iter().enumerate() {
            assert_eq!(*code, format!("PR{:03}", at + 1));
        }
    }
}
