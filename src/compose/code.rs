//! Every code a draft's problem may bear, and what is to be said of it: one table.
//!
//! A code never changes its meaning and is never given out again; new ones go to the end.

use crate::model::Severity;

/// A code, and all that `explain` says of it.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// `PR001` and on.
    pub code: &'static str,
    /// How much its problems weigh.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub meaning: &'static str,
    /// Why that does harm.
    pub why: &'static str,
    /// Who says so: a standard, a law, the mail programs it was seen in.
    pub source: &'static str,
    /// How it is mended.
    pub mend: &'static str,
    /// What breaks it.
    pub bad: &'static str,
    /// What is fine.
    pub good: &'static str,
}

macro_rules! codes {
    ($($name:ident $code:literal $severity:ident $meaning:literal {
        $why:literal $source:literal $mend:literal $bad:literal $good:literal
    })*) => {
        /// Lists every code of a draft, in order.
        pub const CODES: &[Code] = &[$(Code {
            code: $code,
            severity: Severity::$severity,
            meaning: $meaning,
            why: $why,
            source: $source,
            mend: $mend,
            bad: $bad,
            good: $good,
        }),*];
        $(pub(super) const $name: &str = $code;)*
    };
}

// Each: name, code, weight and meaning; then why, whose word that is, how to mend it, a bad and a good example.
codes! {
    NO_FRONT_MATTER "PR001" Error "the draft does not begin with front matter between `+++` lines" {
        "The front matter says when the issue is dated and how it shows in an inbox; without it nothing is known but the text."
        "postrider's own form of a draft"
        "begin the draft with `+++`, a line `date = 2003-10-06`, and `+++`"
        "# Kazakhstan Confirms Its Balancing Act {credit=\"TOL 06.x.03\"}\n\nAstana courts Washington, Moscow and Beijing at once."
        "+++\ndate = 2003-10-06\n+++\n\n# Kazakhstan Confirms Its Balancing Act {credit=\"TOL 06.x.03\"}\n\nAstana courts Washington, Moscow and Beijing at once."
    }
    NOT_TOML "PR002" Error "the front matter, or a file of the theme or strings, is not TOML" {
        "A line that cannot be read might have meant anything, so nothing is guessed."
        "TOML 1.0"
        "put texts in straight quotes, dates without, one key a line"
        "subject = Kazakhstan confirms its balancing act"
        "subject = \"Kazakhstan confirms its balancing act\""
    }
    UNKNOWN_KEY "PR003" Error "a key is not known" {
        "A misspelt key would be left out in silence, and the issue would go out without what it says."
        "postrider's own form of a draft"
        "spell it as one of the keys there are"
        "preheder = \"Astana courts Washington, Moscow and Beijing at once.\""
        "preheader = \"Astana courts Washington, Moscow and Beijing at once.\""
    }
    WRONG_VALUE "PR004" Error "a value is not of the kind its key wants" {
        "A date in quotes or a number in words cannot be compared, counted or set in another language."
        "TOML 1.0; BCP 47 for language tags"
        "write dates as 2003-10-06 and numbers as 41, both without quotes"
        "date = \"6 October 2003\""
        "date = 2003-10-06"
    }
    MISSING_KEY "PR005" Error "a key that is needed is missing" {
        "Every issue is dated, and every language and theme has all its words and colours: a gap would be seen by every reader."
        "postrider's own form of drafts, themes and strings"
        "add the key"
        "+++\nnumber = 41\n+++"
        "+++\ndate = 2003-10-06\nnumber = 41\n+++"
    }
    UNKNOWN_FIELD "PR006" Error "a merge field is not declared under [list.fields]" {
        "A field nobody declared is empty for everybody: each reader would be greeted with a gap, or with the braces themselves."
        "seen in the newsletters of other programs, which send the braces"
        "spell it as it is declared, or declare it under [list.fields] in publication.toml"
        "Dear {{ nmae }},"
        "Dear {{ name }},"
    }
    NO_DEFAULT "PR007" Error "an optional merge field has no default, so some readers would see a gap" {
        "Whoever left the field empty would read `Dear ,`."
        "postrider's own rule"
        "give it a default where it stands, or in [list.fields]"
        "You wrote to us from {{ company }}."
        "You wrote to us from {{ company | default: \"your firm\" }}."
    }
    MALFORMED_FIELD "PR008" Error "a merge field cannot be read" {
        "Two braces open a merge field; one that is not closed would swallow the text after it."
        "postrider's own form of a draft"
        "close it with `}}` on its line, or write `{{{{` for two braces"
        "Dear {{ name,"
        "Dear {{ name }},"
    }
    UNKNOWN_FILTER "PR009" Error "a merge field's filter is not known, or its value is wrong" {
        "A filter that is passed over would show a value otherwise than was meant."
        "postrider's own form of a draft"
        "use default, upper, lower or date, with its value in straight quotes"
        "{{ name | defualt: \"Reader\" }}"
        "{{ name | default: \"Reader\" }}"
    }
    MISPLACED_FIELD "PR010" Error "a merge field stands where no reader's data may" {
        "Whoever fills in a form could then decide where everybody's link leads or what is loaded from where."
        "CVE-2021-27910, where a subscriber's own words became markup"
        "let the field be the whole link, or stand after the host"
        "[Your page](https://{{ name }}.example.org/)"
        "[Your page](https://www.example.org/for/{{ name }})"
    }
    FORBIDDEN_CHARACTER "PR011" Error "a control or private-use character" {
        "Nobody sees it, but it can turn the direction of a line, hide words, or be taken for a merge field."
        "Unicode UAX 9 and UTS 39; filters that count hidden characters as a sign of spam"
        "delete it and write what was meant"
        "The price is [U+202E]100[U+202C] dollars."
        "The price is 100 dollars."
    }
    RAW_HTML "PR012" Error "raw HTML" {
        "Mail programs each strip other tags, and the text part has none; what a draft can say in Markdown looks right in all of them."
        "caniemail.com; postrider's own form of a draft"
        "write Markdown or a `:::` directive, and `\\<` for the character itself"
        "<b>Important</b>"
        "**Important**"
    }
    UNKNOWN_DIRECTIVE "PR013" Error "a `:::` directive is not known" {
        "What stands in it would be left out, or shown as plain text."
        "postrider's own form of a draft"
        "spell it as one of the directives there are"
        ":::buton\n[Read on](https://www.example.org/)\n:::"
        ":::button\n[Read on](https://www.example.org/)\n:::"
    }
    OPEN_DIRECTIVE "PR014" Error "a `:::` directive is not closed, or nothing is open" {
        "The rest of the issue would become part of it."
        "postrider's own form of a draft"
        "end it with a line `:::`"
        ":::button\n[Read on](https://www.example.org/)"
        ":::button\n[Read on](https://www.example.org/)\n:::"
    }
    WRONG_CONTENT "PR015" Error "a directive does not hold what it is for" {
        "A button of two paragraphs, or a credit that is a list, has no form that a mail program shows."
        "postrider's own form of a draft"
        "put into it what it is for: a button takes one link, a credit one line"
        ":::button\nRead the report.\n:::"
        ":::button\n[Read the report](https://www.example.org/)\n:::"
    }
    UNKNOWN_ATTRIBUTE "PR016" Error "an attribute in braces is not known" {
        "It would be left out in silence."
        "postrider's own form of a draft"
        "spell it as one of those that this block takes"
        "# Kazakhstan {kredit=\"TOL 06.x.03\"}"
        "# Kazakhstan {credit=\"TOL 06.x.03\"}"
    }
    MALFORMED_ATTRIBUTES "PR017" Error "attributes in braces cannot be read" {
        "The braces would be shown to every reader."
        "postrider's own form of a draft"
        "write each as `key=\"value\"`, with a blank between two"
        "# Kazakhstan {credit=TOL 06.x.03}"
        "# Kazakhstan {credit=\"TOL 06.x.03\"}"
    }
    WRONG_LINK "PR018" Error "a link does not lead to an absolute https, mailto or tel address" {
        "A mail has no page it belongs to: a relative address leads nowhere, plain http is marked unsafe, and javascript: is cut out."
        "RFC 3986, section 4.2; browsers since 2018 mark http as not secure"
        "write the whole address: `https://...`, `mailto:...` or `tel:...`"
        "[Read on](../kazakhstan.html)"
        "[Read on](https://www.example.org/kazakhstan)"
    }
    WRONG_IMAGE "PR019" Error "an image that mail programs would not show" {
        "Outlook on Windows shows neither SVG, WebP nor AVIF, and no program loads an image over plain http without a warning."
        "caniemail.com, image formats"
        "use a png, jpeg or gif"
        "![A chart](https://www.example.org/chart.svg){width=520 height=300}"
        "![A chart](https://www.example.org/chart.png){width=520 height=300}"
    }
    NO_IMAGE_SIZE "PR020" Error "an image without its width and height" {
        "Until it is loaded, and for most readers it never is, the page would jump; Outlook on Windows shows it at its own size, however wide."
        "seen in Outlook 2016 to 2021 on Windows"
        "add both in pixels, at most 600 wide: `{width=520 height=300}`"
        "![A map](https://www.example.org/map.png)"
        "![A map](https://www.example.org/map.png){width=520 height=300}"
    }
    NO_ALT "PR021" Error "an image without words for those who do not see it" {
        "Many programs load no images until they are told to, and some readers cannot see them at all."
        "WCAG 2.2, success criterion 1.1.1"
        "write what it shows between the brackets"
        "![](https://www.example.org/map.png){width=520 height=300}"
        "![The pipeline from Baku to Ceyhan](https://www.example.org/map.png){width=520 height=300}"
    }
    NO_ARTICLE "PR022" Error "the issue has no article" {
        "There is nothing to send."
        "postrider's own form of a draft"
        "begin one with `# Title`"
        "+++\ndate = 2003-10-06\n+++"
        "+++\ndate = 2003-10-06\n+++\n\n# Kazakhstan Confirms Its Balancing Act {credit=\"TOL 06.x.03\"}\n\nAstana courts Washington, Moscow and Beijing at once."
    }
    WRONG_HEADING "PR023" Error "a heading is empty or skips a level" {
        "Whoever listens to a mail goes from heading to heading; a level that is left out sounds like a part that is missing."
        "WCAG 2.2, success criterion 1.3.1; HTML Living Standard, section 4.3.11"
        "`#` is an article, `##` a section of it, `###` a part of a section"
        "# Kazakhstan {credit=\"Own report\"}\n\n### Oil"
        "# Kazakhstan {credit=\"Own report\"}\n\n## Oil"
    }
    NO_ATTRIBUTION "PR024" Warning "a quotation does not say whose words it holds" {
        "A reader cannot weigh words without knowing who said them."
        "the craft of journalism"
        "end it with a line `> — Name, role`"
        "> We have resources that can be invested in."
        "> We have resources that can be invested in.\n> — Kasymzhomart Tokaev, Foreign Minister"
    }
    NO_CREDIT "PR025" Warning "an article does not say where it comes from" {
        "A report that names its sources can be checked, and whose text it is may be a matter of law."
        "Berne Convention, article 10 (3)"
        "write `# Title {credit=\"...\"}`, or `credit = \"...\"` in the front matter for all"
        "# Kazakhstan"
        "# Kazakhstan {credit=\"TOL 06.x.03\"}"
    }
    UNSUPPORTED "PR026" Error "a form of Markdown that an issue does not use" {
        "It has no form that both parts of a mail can show, or other readers of Markdown take it for something else; its marks would stand in the issue as they are."
        "GitHub Flavored Markdown, sections 5.3 and 6.5; CommonMark, section 4.3 on underlined headings"
        "write it in one of the forms of docs/writing.md"
        "- [ ] a task"
        "- a point"
    }
    TOO_DEEP "PR027" Error "blocks nested too deep" {
        "On a phone every level takes a piece of the line, and Outlook on Windows stops setting tables within tables."
        "postrider's own rule"
        "take a level out"
        "- - - - - - - - eight levels"
        "- one level"
    }
    EMPTY "PR028" Error "something is empty that should say something" {
        "A link without words cannot be seen, clicked or read aloud."
        "WCAG 2.2, success criterion 2.4.4"
        "write what it leads to between the brackets"
        "[](https://www.example.org/)"
        "[The report](https://www.example.org/)"
    }
    WRONG_THEME "PR029" Error "a theme file cannot be used" {
        "Half a theme would leave an issue half dressed."
        "postrider's own form of a theme"
        "mend the line, or delete the file to use the theme that comes with the program"
        ".headline { color: $inkk }"
        ".headline { color: $ink }"
    }
    WRONG_STRINGS "PR030" Error "a strings file cannot be used" {
        "The words around an issue are the same in every issue: a gap among them is seen by every reader."
        "postrider's own form of strings"
        "give every key its text, with the names in braces that it needs"
        "reason = \"You asked for this.\""
        "reason = \"You receive this because {address} is subscribed to the {title}.\""
    }
    WRONG_PUBLICATION "PR031" Error "a value of publication.toml cannot be set" {
        "It holds a character that nobody sees or that would be taken for a merge field."
        "postrider's own rule"
        "delete the character"
        "title = \"TT [U+E000] Report\""
        "title = \"TT Report\""
    }
    WRONG_FILE "PR032" Error "a file that the draft names cannot be used" {
        "A picture that is missing, or data that is no table, would leave a gap in every copy."
        "postrider's own form of a draft"
        "put the file beside issue.md, under the name that the draft uses"
        "![The pipeline](piepline.png)"
        "![The pipeline](pipeline.png)"
    }
    UNKNOWN_SEGMENT "PR033" Error "a condition names a segment that the front matter does not declare" {
        "A segment that is misspelt has no readers, and nobody would see what stands in it."
        "postrider's own form of a draft"
        "declare it in the front matter: `segments = [\"paid\"]`"
        ":::if segment=\"payed\"\nThe figures are in your account.\n:::"
        ":::if segment=\"paid\"\nThe figures are in your account.\n:::"
    }
    WRONG_NOTE "PR034" Error "a footnote without its mark, or a mark without its footnote" {
        "The mark would lead nowhere, or the note would be read by nobody."
        "postrider's own form of a draft"
        "write `[^1]` in the text, and a line `[^1]: the note` below"
        "Astana agreed.[^1]"
        "Astana agreed.[^1]\n\n[^1]: By a note of 29 September."
    }
    WRONG_DATA "PR035" Error "a chart's data cannot be drawn" {
        "A column that is no number, or a row that is too short, would be drawn as something it is not."
        "postrider's own form of a draft; RFC 4180 for CSV"
        "begin the file with a line of names; then a label and its numbers in every line"
        "country,barrels\nKazakhstan,many"
        "country,barrels\nKazakhstan,1100"
    }
    TOO_LARGE "PR036" Error "something is larger than any mail should be" {
        "Gmail cuts off what is longer than 102 kB, and a table of forty columns fits no screen; reading such a draft would take minutes."
        "Gmail's clip; postrider's own limits: 500 kB of draft, 600 kB of HTML before its CSS, 40 columns"
        "let the issue lead to the rest on the web, or set several tables"
        "a draft of 2 MB"
        "a draft of 20 kB, and a link to the whole report"
    }
    SPARE_CELL "PR037" Error "a row of a table has more cells than its head" {
        "Readers of Markdown drop what has no column, and nobody would notice."
        "GitHub Flavored Markdown, section 4.10"
        "give the head a cell for every column, or write `\\|` where the character itself is meant"
        "| Route | Status |\n| --- | --- |\n| Baku | open | 2003 |"
        "| Route | Status | Since |\n| --- | --- | --- |\n| Baku | open | 2003 |\n\nTable: Export routes."
    }
    FOREIGN "PR038" Warning "a mark that other readers of Markdown know stands as it is typed" {
        "Who wrote `==word==` or `$x^2$` meant something by it, and every reader would see the marks instead."
        "Pandoc's Markdown, sections on math, citations, definition lists and highlighting; GitHub's emoji names and autolinks"
        "write it in one of the forms of docs/writing.md, or accept the warning where the marks are meant"
        "The ==whole== of it."
        "The **whole** of it."
    }
    LOST_LETTER "PR039" Error "a letter that cannot be read, since the file is not UTF-8 text" {
        "Every reader would see � in its place, and nobody could tell what stood there."
        "Unicode, section 3.9, on U+FFFD; RFC 3629"
        "write it again, and save the file as UTF-8"
        "caf[E9]      an é of Windows-1252"
        "café"
    }
}
