//! The blocks that need more than a line of Markdown: pictures, conditions, notes.

use mail_parser::{MessageParser, MimeHeaders};
use postrider::{
    compose::{Beside, Composed, KeyRing, Press, Printed, Purpose},
    model::{Subscriber, SubscriberState},
};

use crate::compose::{beside, compose_beside, html, publication, shown, text};

const HEAD: &str = "+++\ndate = 2003-10-06\n+++\n\n# Title {credit=\"Own work\"}\n\n";

/// Returns a GIF of this size, as far as its header.
fn gif(width: u16, height: u16) -> Vec<u8> {
    [b"GIF89a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes(), &[0; 20]].concat()
}

fn composed(body: &str, files: &[(&str, Beside)]) -> Composed {
    compose_beside(&format!("{HEAD}{body}"), files, "broadsheet", &publication())
        .unwrap_or_else(|problems| panic!("it does not compose:\n{}", shown(&problems)))
}

/// Returns what is wrong with a draft, as a compiler would show it.
fn refused(body: &str, files: &[(&str, Beside)]) -> String {
    let composed = compose_beside(&format!("{HEAD}{body}"), files, "broadsheet", &publication());
    shown(&composed.expect_err("it has mistakes"))
}

fn reader(tags: &[&str]) -> Subscriber {
    Subscriber {
        id: 1,
        token_id: "mfrggzdfmztwq".to_owned(),
        address: "anna@example.org".parse().expect("an address"),
        name: "Anna".to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        fields: [("account".to_owned(), "12".to_owned())].into(),
        state: SubscriberState::Active,
    }
}

fn press(composed: &Composed) -> Press {
    let date = "2003-10-06T06:00:00Z".parse().expect("a date");
    Press::new(&composed.edition, 41, date, KeyRing::fresh(&[7; 32])).expect("it can be printed")
}

fn print(composed: &Composed, tags: &[&str]) -> Printed {
    press(composed).print(&reader(tags), "<41.7@example.org>", 7, Purpose::Real).expect("it prints")
}

#[test]
fn a_picture_beside_the_draft_travels_with_the_mail_once_and_its_file_says_its_size() {
    let body = "![A map](maps/map.gif \"The map\"){width=300}\n\n![The map again](maps/map.gif)";
    let composed = composed(body, &[("maps/map.gif", Beside::Held(gif(1040, 600)))]);
    let page = html(&composed.edition.html);
    let [enclosure] = &composed.edition.enclosures[..] else { panic!("there is one picture") };
    assert_eq!(page.matches(&format!("src=\"{}\"", enclosure.url())).count(), 2);
    assert!(page.contains("width=\"300\" height=\"173\""), "{page}");
    assert!(page.contains("width=\"528\" height=\"305\""), "{page}");
    assert!(text(&composed.edition.text).contains("[Image: A map]\nThe map\n"));

    let printed = print(&composed, &[]);
    let mail = MessageParser::default().parse(&printed.bytes).expect("it is a mail");
    let kinds: Vec<String> = mail
        .parts
        .iter()
        .map(|part| {
            let kind = part.content_type().expect("every part says what it is");
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
        })
        .collect();
    let wanted =
        ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/gif"];
    assert_eq!(kinds, wanted);
    let related = mail.parts[2].content_type().and_then(|kind| kind.attribute("type"));
    assert_eq!(related, Some("text/html"));
    let picture = &mail.parts[4];
    assert_eq!(picture.content_id(), Some(enclosure.id.as_str()));
    assert_eq!(picture.attachment_name(), Some("map.gif"));
    assert_eq!(picture.contents(), gif(1040, 600));
    assert!(printed.bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
}

#[test]
fn a_publication_with_a_place_for_pictures_names_them_there_and_sends_none_along() {
    let mut publication = publication();
    publication.links.images = Some("https://www.example.org/pictures".to_owned());
    let draft = format!("{HEAD}![A map](<the map.gif>)");
    let files = [("the map.gif", Beside::Held(gif(520, 300)))];
    let composed = compose_beside(&draft, &files, "broadsheet", &publication);
    let composed = composed.expect("it composes");
    let wanted = "src=\"https://www.example.org/pictures/2003-10-06-kazakhstan/the%20map.gif\" alt=\"A map\" width=\"520\" height=\"300\"";
    assert!(html(&composed.edition.html).contains(wanted), "{}", html(&composed.edition.html));
    assert_eq!(composed.edition.enclosures, []);
}

#[test]
fn numbers_of_three_digits_and_more_have_room_to_hang_in() {
    let margin = |body: &str| html(&composed(body, &[]).edition.html).contains("margin-left:52px");
    for (body, has_room) in
        [("99. one", false), ("99. one\n1. two", true), ("2003. A year.", true), ("- one", false)]
    {
        assert_eq!(margin(body), has_room, "{body}");
    }
}

#[test]
fn a_decoration_says_nothing_and_is_not_in_the_text() {
    let composed = composed("![](line.gif){.decorative}", &[("line.gif", Beside::Held(gif(9, 9)))]);
    assert!(html(&composed.edition.html).contains("alt=\"\" width=\"9\" height=\"9\""));
    assert!(!text(&composed.edition.text).contains("Image"));
}

#[test]
fn a_picture_that_cannot_go_is_told_where_the_draft_names_it() {
    let large = [gif(100, 100), vec![0; 400_000]].concat();
    let files = [
        ("map.gif", Beside::Held(gif(520, 300))),
        ("100-megapixels.gif", Beside::Held(gif(10_000, 10_000))),
        ("large.gif", Beside::Held(large)),
        ("huge.png", Beside::Large(12_000_000)),
        ("link.png", Beside::Link),
        ("locked.png", Beside::Unreadable("permission denied".to_owned())),
        ("no-picture.png", Beside::Held(b"<svg></svg>".to_vec())),
        ("webp.png", Beside::Held(b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\0\0\0\0".to_vec())),
        ("cut.png", Beside::Held(b"\x89PNG\r\n\x1a\n\0\0".to_vec())),
    ];
    let named = [
        "mapp.gif",
        "../map.gif",
        "/etc/passwd",
        "a/../map.gif",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "100-megapixels.gif",
        "large.gif",
        "huge.png",
        "link.png",
        "locked.png",
        "no-picture.png",
        "webp.png",
        "cut.png",
        "map.avif",
    ];
    let images = named.map(|name| format!("![A map]({name})"));
    let sizes =
        ["{width=900}", "{width=100 height=100}", "{width=0}", "{height=5}", "{width=wide}"]
            .map(|size| format!("![A map](map.gif){size}"));
    let body = [images.join("\n\n"), sizes.join("\n\n")].join("\n\n");
    insta::assert_snapshot!(refused(&body, &files));
}

/// A draft that says something else to each of four kinds of readers.
const FOUR: &str = r#"+++
date = 2003-10-06
segments = ["paid", "London"]
+++

::::if segment="paid"
# For those who pay {credit="Own work"}

Paid words. [A link](https://www.example.org/paid)

:::if segment="london"
![A map](map.gif)
:::
::::

# For all {credit="Own work"}

- an item
- :::if segment="paid"
  paid item
  :::else
  free item
  :::

> Before.
>
> :::if segment="london"
> London's words.
> :::else
> Others' words.
> :::
> — Somebody

[Another link](https://www.example.org/all) and [the end](https://www.example.org/end).
"#;

#[test]
fn readers_of_each_set_of_segments_get_a_version_of_their_own() {
    let files = [("map.gif", Beside::Held(gif(520, 300)))];
    let composed = compose_beside(FOUR, &files, "broadsheet", &publication())
        .unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let press = press(&composed);
    for (tags, has, lacks) in [
        (vec![], "free item Others' words.", "Paid London's"),
        (vec!["else"], "free item Others' words.", "Paid London's"),
        (vec!["paid"], "Paid words. paid item Others' words.", "free London's"),
        (vec!["vip", "LONDON"], "free item London's words.", "Paid Others'"),
        (vec!["London", " Paid "], "Paid words. paid item London's words.", "free Others'"),
    ] {
        let reader = reader(&tags);
        let html = press.part_html(&reader, Purpose::Real).expect("it prints");
        let text = press.part_text(&reader, Purpose::Real).expect("it prints");
        for part in [&html, &text] {
            for word in has.split(' ') {
                assert!(part.contains(word), "{tags:?}: {word}: {part}");
            }
            for word in lacks.split(' ') {
                assert!(!part.contains(word), "{tags:?}: {word}: {part}");
            }
        }
        let is_paid = has.contains("Paid");
        let subject = if is_paid { "For those who pay" } else { "For all" };
        assert_eq!(press.subject(&reader, Purpose::Real).expect("it prints"), subject);
        assert_eq!(text.contains("[1] https://www.example.org/paid"), is_paid, "{text}");
        assert!(text.contains("[1] https://www.example.org/all"), "{text}");
        let printed = press.print(&reader, "<41.7@example.org>", 7, Purpose::Real).expect("prints");
        let mail = String::from_utf8(printed.bytes).expect("it is ASCII");
        assert_eq!(mail.contains("image/gif"), text.contains("A map"), "{tags:?}");
    }
}

#[test]
fn the_digest_is_of_every_version() {
    let files = [("map.gif", Beside::Held(gif(520, 300)))];
    let digest = |draft: &str| {
        let composed = compose_beside(draft, &files, "broadsheet", &publication());
        composed.expect("it composes").edition.digest()
    };
    let changed = FOUR.replace("Paid words", "Other words");
    assert_ne!(digest(FOUR), digest(&changed));
    assert_eq!(digest(FOUR), digest(FOUR));
}

#[test]
fn a_condition_that_cannot_be_meant_is_told_where_it_stands() {
    let draft = r#"+++
date = 2003-10-06
segments = ["paid", "london"]
+++

:::if segment="payd"
# One {credit="a"}
Dear {{ nmae }},
:::else
# Two {credit="a"}
Dear {{ naem }},
:::

:::if paid
Words.
:::

:::if tag="paid"
Words.
:::

:::else
Words.
:::

:::if segment="paid"
Words.
:::else if segment="london"
Words.
:::

::::if segment="paid"
Words.
:::else
Words.
:::
More words.
::::

::::if segment="paid"
Words.
:::else
Words.
:::else
Words.
::::

:::iff segment="paid"
:::

:::if segment="paid"
Words.
"#;
    let problems = compose_beside(draft, &[], "broadsheet", &publication());
    insta::assert_snapshot!(shown(&problems.expect_err("it has mistakes")));
}

#[test]
fn an_issue_that_has_nothing_for_some_readers_and_a_list_of_too_many_segments_are_refused() {
    let draft = "+++\ndate = 2003-10-06\nsegments = [\"paid\", \"vip\"]\n+++\n\n:::if segment=\"paid\"\n# T {credit=\"a\"}\n:::\n";
    let problems = compose_beside(draft, &[], "broadsheet", &publication());
    let told = shown(&problems.expect_err("it has mistakes"));
    assert!(told.contains("the issue has no article for readers without `paid`"), "{told}");
    for (segments, wrong) in [
        ("[\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\"]", "there are 7 segments, more than 6"),
        ("[\"a,b\"]", "`a,b` is not a tag of readers"),
        ("[\" \"]", "`` is not a tag of readers"),
        ("\"paid\"", "`segments` is to be a list of texts in quotes"),
    ] {
        let draft =
            format!("+++\ndate = 2003-10-06\nsegments = {segments}\n+++\n\n# T {{credit=\"a\"}}\n");
        let problems = compose_beside(&draft, &[], "broadsheet", &publication());
        let told = shown(&problems.expect_err("it has mistakes"));
        assert!(told.contains(wrong), "{told}");
    }
}

#[test]
fn notes_are_numbered_in_each_article_and_each_version() {
    let draft = r#"+++
date = 2003-10-06
segments = ["paid"]
+++

Before the first article.[^a]

# One {credit="a"}

:::if segment="paid"
Paid.[^paid]
:::

All.[^a] More.[^b]

[^a]: A, and more of it.[^c]
[^b]: B.
[^c]: C.
[^paid]: For those who pay.

# Two {credit="a"}

| a | b |
|---|---|
| c[^b] | d |
"#;
    let composed = compose_beside(draft, &[], "broadsheet", &publication())
        .unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let press = press(&composed);
    let lines = |tags: &[&str]| {
        let text = press.part_text(&reader(tags), Purpose::Real).expect("it prints");
        let is_noted = |line: &&str| line.contains(['¹', '²', '³', '⁴']);
        text.lines().filter(is_noted).collect::<Vec<_>>().join("\n")
    };
    let free = "Before the first article.¹\n¹ A, and more of it.²\n² C.\nAll.¹ More.²\n¹ A, and more of it.³\n² B.\n³ C.\nc¹  d\n¹ B.";
    assert_eq!(lines(&[]), free);
    assert!(lines(&["paid"]).contains("Paid.¹\nAll.² More.³\n¹ For those who pay.\n² A"));
    let page = press.part_html(&reader(&[]), Purpose::Real).expect("it prints");
    assert!(page.contains(">¹ A, and more of it.²</p>"), "{page}");
    assert!(!page.contains("href=\"#"), "{page}");
}

#[test]
fn a_mark_without_its_note_and_a_note_without_its_mark_are_told() {
    let body = r"Words[^nowhere] and[^4] \[^escaped] and [^ no label].

## A heading[^1]

A [link[^1]](https://www.example.org/).

[^1]: A note.

[^2]: Nobody marks it.

[^4]: Twice.

[^4]: Twice.

[^3]: It marks only itself.[^3]

> [^1]: The same name again.
> — Somebody

:::pullquote
- a list
:::
";
    insta::assert_snapshot!(refused(body, &[]));
}

#[test]
fn a_chart_is_a_picture_of_its_data_and_a_table_in_the_text() {
    let draft = format!(
        "{HEAD}:::chart oil.csv {{title=\"Oil, million tonnes a year\"}}\nSource: the *ministries*.\n:::\n\n:::chart routes.csv {{type=bar}}\n:::\n"
    );
    let files = beside();
    let files: Vec<_> = files.iter().map(|(name, file)| (name.as_str(), file.clone())).collect();
    let compose = || compose_beside(&draft, &files, "broadsheet", &publication());
    let composed = compose().unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let enclosures = &composed.edition.enclosures;
    assert_eq!(enclosures.len(), 2);
    for enclosure in enclosures {
        assert!(enclosure.bytes.len() < 60_000, "{}: {}", enclosure.name, enclosure.bytes.len());
    }
    assert_eq!(enclosures, &compose().expect("it composes").edition.enclosures);
    insta::assert_snapshot!(text(&composed.edition.text));
}

#[test]
fn data_that_cannot_be_drawn_are_told_at_their_own_line() {
    let many = |rows: usize| {
        let rows: Vec<String> = (0..rows).map(|row| format!("{row},1")).collect();
        format!("a,b\n{}", rows.join("\n"))
    };
    let wide = format!("a{}\nx{}\n", ",b".repeat(7), ",1".repeat(7));
    let large = format!("a,b\n{}", "x,1\n".repeat(30_000));
    let files = [
        ("empty.csv", ""),
        ("blank.csv", "\n\n ,\n"),
        ("header.csv", "Year,Oil\n"),
        ("ragged.csv", "Year,Oil\n1999,1\n2000,1,2\n2001\n"),
        ("words.csv", "Year,Oil\n1999,much\n2000,more\n"),
        ("mixed.csv", "Year,Oil\r\n1999,1\r\n2000,n/a\r\n"),
        ("nameless.csv", "Year,\n1999,1\n"),
        ("label.csv", "Year,Oil\n,1\n"),
        (
            "long.csv",
            "Year,Oil\n1999999999999999999999999999999999999999999999999999999999999999,1\n",
        ),
        ("chinese.csv", &format!("Land,Oil\n{}", "中国,340\n".repeat(47))),
        ("wide.csv", &wide),
        ("many.csv", &many(201)),
        ("bars.csv", &many(41)),
        ("large.csv", &large),
        ("quoted.csv", "Year,\"Oil\n1999,1\n"),
        ("fine.csv", "Year,Oil\n1999,1\n"),
    ];
    let files = files.map(|(name, text)| (name, Beside::Held(text.as_bytes().to_vec())));
    let latin = ("latin.csv", Beside::Held(b"Land,Oil\n\xc4gypten,1\n".to_vec()));
    let files: Vec<_> = files.into_iter().chain([latin]).collect();
    let named = files.iter().filter(|(name, _)| *name != "fine.csv");
    let charts = named.map(|(name, _)| match *name {
        "bars.csv" => ":::chart bars.csv {type=bar}\n:::\n".to_owned(),
        "chinese.csv" => ":::chart chinese.csv {type=line}\n:::\n".to_owned(),
        name => format!(":::chart {name}\n:::\n"),
    });
    let mut body = charts.collect::<Vec<_>>().join("\n");
    body.push_str(
        r#"
:::chart fine.cvs
:::

:::chart
:::

:::chart fine.csv {title="Oil" type="pie"}
:::

:::chart fine.csv {titel="Oil"}
:::

:::chart fine.csv {title=Oil prices}
:::

:::chart fine.csv {title="For {{ name }}"}
:::

:::chart fine.csv
# Heading
:::
"#,
    );
    insta::assert_snapshot!(refused(&body, &files));
}

#[test]
fn a_chart_of_any_sound_data_is_drawn() {
    for (name, text) in [
        ("one.csv", "a,b\nx,0\n".to_owned()),
        ("gaps.csv", "a,b,c\n1,1,\n2,,\n3,3,4\n".to_owned()),
        ("negative.csv", "a,b\n1,-1\n2,-5\n3,-3\n".to_owned()),
        ("flat.csv", "a,b\n1,7\n2,7\n3,7\n".to_owned()),
        ("huge.csv", "a,b\n1,999999999999999\n2,-999999999999999\n3,1\n".to_owned()),
        ("tiny.csv", "a,b\n1,0.0000001\n2,0.0000002\n3,0.0000003\n".to_owned()),
        ("long.csv", format!("a,{}\n1,1\n2,2\n3,3\n", "m".repeat(60))),
        ("six.csv", "a,b,c,d,e,f,g\n1,1,2,3,4,5,6\n2,2,2,2,2,2,2\n3,1,1,1,1,1,1\n".to_owned()),
        ("rows.csv", format!("a,b{}", "\n9,7\n8,5".repeat(100))),
    ] {
        for kind in ["line", "bar"] {
            let is_much = kind == "bar" && name == "rows.csv";
            if is_much {
                continue;
            }
            let body = format!(":::chart {name} {{type={kind}}}\n:::\n");
            let composed = composed(&body, &[(name, Beside::Held(text.clone().into_bytes()))]);
            let picture = &composed.edition.enclosures[0];
            assert!(picture.bytes.starts_with(b"\x89PNG"), "{name}");
            assert!(picture.bytes.len() < 300_000, "{name}: {}", picture.bytes.len());
        }
    }
}

#[test]
fn a_chart_in_any_script_has_a_key_for_those_who_see_it() {
    let csv = "Land,石油,ガス\nカザフスタン,52.4,14\nアゼルバイジャン,15.5,5\n";
    let files = [("oil.csv", Beside::Held(csv.as_bytes().to_vec()))];
    let composed = composed(":::chart oil.csv\nFrom the ministries.\n:::\n", &files);
    let page = html(&composed.edition.html);
    let key = "<span aria-hidden=\"true\">A&nbsp;<span dir=\"auto\">石油</span> · B&nbsp;<span dir=\"auto\">ガス</span> · \
        1&nbsp;<span dir=\"auto\">カザフスタン</span> · 2&nbsp;<span dir=\"auto\">アゼルバイジャン</span></span>";
    assert!(page.contains(&format!("{key}<br>From the ministries.</p>")), "{page}");
    let text = text(&composed.edition.text);
    assert!(!text.contains('·') && text.contains("カザフスタン"), "{text}");
}

#[test]
fn bars_grow_the_way_the_script_of_the_issue_runs() {
    let files = [("oil.csv", Beside::Held(b"Land,Oil\nA,10\nB,400\n".to_vec()))];
    let middle = |language: &str| {
        let draft = format!(
            "+++\ndate = 2003-10-06\nlang = \"{language}\"\n+++\n\n# Title {{credit=\"x\"}}\n\n:::chart oil.csv\n:::\n"
        );
        let composed = compose_beside(&draft, &files, "broadsheet", &publication());
        let composed = composed.unwrap_or_else(|problems| panic!("{}", shown(&problems)));
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(&composed.edition.enclosures[0].bytes))
                .read_info()
                .expect("it is a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
        let width = reader.next_frame(&mut pixels).expect("it is whole").width as usize;
        let is_of_bar = |pixel: &[u8]| pixel == [0x7a, 0x1f, 0x1f];
        let bars: Vec<usize> = pixels
            .chunks_exact(3)
            .enumerate()
            .filter(|(_, pixel)| is_of_bar(pixel))
            .map(|(at, _)| at % width)
            .collect();
        let at_left = bars.iter().filter(|x| **x < width / 4).count();
        let at_right = bars.iter().filter(|x| **x >= width - width / 4).count();
        (at_left, at_right)
    };
    let ((left, right), (rtl_left, rtl_right)) = (middle("en"), middle("ar"));
    // The long bar reaches both quarters; the short one only that where bars begin.
    assert!(left > right && rtl_right > rtl_left, "{left} {right}, {rtl_left} {rtl_right}");
}

#[test]
fn words_that_run_against_the_script_of_the_issue_are_set_their_own_way() {
    let page =
        html(&composed("خرگوشی بود که تند می‌دوید.\n\nWords of it: خرگوش.\n", &[]).edition.html);
    let turned: Vec<&str> = page.split("<p ").filter(|rest| rest.contains("dir=\"rtl\"")).collect();
    let [turned] = turned[..] else { panic!("one paragraph is turned: {page}") };
    assert!(turned.contains("text-align:right") && turned.contains("خرگوشی"), "{turned}");
}

#[test]
fn a_quotation_may_hold_a_list_before_it_says_whose_words_it_holds() {
    let composed = composed("> He said:\n>\n> - one\n> - two\n>\n> — Somebody, Role\n", &[]);
    assert_eq!(composed.warnings, []);
    assert!(html(&composed.edition.html).contains("class=\"attribution\""));
    assert!(text(&composed.edition.text).contains("\n        — Somebody, Role\n"));
}

#[test]
fn a_mailbox_in_angle_brackets_is_shown_without_its_scheme_in_both_parts() {
    let composed = composed("Write to <mailto:me@example.org> or <tel:+4412345>.\n", &[]);
    let page = html(&composed.edition.html);
    assert!(page.contains(">me@example.org</a>") && page.contains(">+4412345</a>"), "{page}");
    assert!(text(&composed.edition.text).contains("Write to me@example.org or +4412345."));
}

#[test]
fn a_text_file_says_what_the_text_part_says_within_the_same_frame() {
    let draft = r#"+++
date = 2003-10-06
segments = ["paid"]
+++

# Oil {credit="Own work"}

Words of the HTML. [A link](https://www.example.org/html)
"#;
    let words = r#"
# Oil, for those who read {credit="Own work"}

Dear {{ name }}, these are words of the text, see [here it is](https://www.example.org/text).

:::if segment="paid"
And some for those who pay.[^1]
:::

[^1]: A note.

![A map](map.gif)
"#;
    let words = format!("\u{feff}{words}");
    let files =
        [("text.md", Beside::Held(words.into_bytes())), ("map.gif", Beside::Held(gif(9, 9)))];
    let composed = compose_beside(draft, &files, "broadsheet", &publication())
        .unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let press = press(&composed);
    let page = press.part_html(&reader(&[]), Purpose::Real).expect("it prints");
    assert!(page.contains("Words of the HTML.") && !page.contains("words of the text"), "{page}");
    assert!(!page.contains("cid:"), "{page}");
    let paid = press.part_text(&reader(&["paid"]), Purpose::Real).expect("it prints");
    assert!(paid.contains("And some for those who pay.¹"), "{paid}");
    let text = press.part_text(&reader(&[]), Purpose::Real).expect("it prints");
    assert!(!text.contains("who pay"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_text_file_that_cannot_be_used_is_told_at_its_own_line() {
    let told = |file: Beside| {
        let told = refused("Words.\n", &[("text.md", file)]);
        told.lines().next().unwrap_or_default().to_owned()
    };
    let held = |text: &[u8]| told(Beside::Held(text.to_vec()));
    let lines = [
        held(b""),
        held(b"\xef\xbb\xbf \n"),
        held(b"One\nTwo\n\xff\n"),
        held(b"+++\ndate = 2003-10-06\n+++\n\nWords\n"),
        held(b"One\n\n# Title\n\nDear {{ nmae }}\n"),
        held(b"One\n\n<b>bold</b>\n"),
        held(b"One\n\nA\0B\n"),
        held(b"One[^1]\n"),
        held(b":::if segment=\"paid\"\nOne\n:::\n"),
        told(Beside::Link),
        told(Beside::Large(20_000_000)),
        told(Beside::Unreadable("permission denied".to_owned())),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}
