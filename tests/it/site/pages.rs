//! Every page of the site in a real Chromium: in both themes, from left to right and from right to left, on a phone, in a
//! pane and at a desk, by day and by night.

use std::path::Path;

use super::{Site, publication};
use crate::browser::{Page, faults_of_pages};

const ANNA: &str = "anna@example.org";

/// A page by its name, as a browser has it.
type Shown = (String, String);

/// Serves a publication and collects every kind of page that it shows.
fn collect(theme: &str, language: &str) -> Vec<Shown> {
    let env = publication();
    let text = env.read("publication.toml");
    let text = text.replace("theme = \"broadsheet\"", &format!("theme = \"{theme}\""));
    let text = text.replace("language = \"en-GB\"", &format!("language = \"{language}\""));
    env.write("publication.toml", &format!("{text}languages = [\"en\", \"ar\", \"ru\"]\n"));
    env.write("pages/privacy.md", "# Privacy\n\nWe keep *little*: an [address](https://example.org/), and when it came.\n\n- what\n- since when\n");
    env.postrider("send kazakhstan --yes").code(0);
    env.postrider("draft next --like kazakhstan --date 2026-12-07").code(0);
    env.postrider("send 2026-12-07-next --yes").code(0);
    env.write(
        "other/publication.toml",
        &env.read("publication.toml").replace("id = \"tt-report\"", "id = \"weekly\"").replace(
            "[publication]",
            "[ledger]\nurl = \"sqlite:../.postrider/ledger.sqlite\"\n\n[publication]",
        ),
    );
    env.postrider("-C other subscribers add anna@example.org").code(0);
    let site = Site::of(env);
    let css = site.page("/site.css");
    let mut pages = Vec::new();
    let mut show = |name: &str, status: u16, answer: crate::http::Answer| -> String {
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let link = "<link rel=\"stylesheet\" href=\"/site.css\">";
        assert!(answer.body.contains(link), "{name}");
        let html = answer.body.replace(link, &format!("<style>{css}</style>"));
        pages.push((format!("{theme}-{language}-{name}"), html));
        answer.body
    };
    show("home", 200, site.get("/"));
    show("issues", 200, site.get("/issues"));
    show("privacy", 200, site.get("/privacy"));
    show("nowhere", 404, site.get("/nowhere"));
    show("not-so", 405, site.send("/", ""));
    show("mistyped", 422, site.send("/subscribe", "address=x"));
    show("asked", 200, site.send("/subscribe", "address=new%40example.org"));
    let confirm = site.link("new@example.org", "/confirm/");
    show("confirm", 200, site.get(&confirm));
    show("confirmed", 200, site.send(&confirm, "confirm=1"));
    show("not-ours", 404, site.get("/u/x"));
    let leave = site.link(ANNA, "/u/");
    let page = show("leave", 200, site.get(&leave));
    let (_, rest) = page.split_once("href=\"/p/").expect("a link to the preferences");
    let preferences = format!("/p/{}", rest.split('"').next().expect("its end"));
    show("saved", 200, site.send(&preferences, "name=Anna&language=ar&pause=3-months"));
    show("preferences", 200, site.get(&preferences));
    show("left", 200, site.send(&leave, "leave=1"));
    show("back", 200, site.send(&leave, "undo=1"));
    show("left-all", 200, site.send(&leave, "leave=all"));
    pages
}

#[test]
fn axe_finds_nothing_wrong_with_any_page_in_any_theme_script_width_or_light() {
    let mut pages = Vec::new();
    for (theme, language) in
        [("broadsheet", "en-GB"), ("broadsheet", "ar"), ("letter", "en-GB"), ("letter", "ar")]
    {
        pages.extend(collect(theme, language));
    }
    if let Some(folder) = std::env::var_os("POSTRIDER_PICTURES") {
        look(&pages, Path::new(&folder));
    }
    let pages: Vec<(&str, &str)> =
        pages.iter().map(|(name, html)| (name.as_str(), html.as_str())).collect();
    for dark in [false, true] {
        let faults = faults_of_pages(&pages, dark, &[320, 600, 1200]).expect("axe-core judges");
        let faults = faults.unwrap_or_default();
        assert!(faults.is_empty(), "dark: {dark}\n{}", faults.join("\n"));
    }
}

/// Takes pictures, for whoever wants to look at the pages.
fn look(pages: &[Shown], folder: &Path) {
    for (name, html) in pages {
        for (dark, width) in [(false, 320), (true, 600), (false, 1200)] {
            let light = if dark { "dark" } else { "light" };
            let png = folder.join(format!("{name}-{width}-{light}.png"));
            Page { html, dark }.picture(width, &png).expect("a picture");
        }
    }
}
