//! Chromium's word on a page: how wide it really is, what it looks like, and what axe-core finds wrong with it. Every
//! call starts a browser of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip::skipped;

/// A page and the reader's wish for light or dark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'a> {
    /// The HTML itself. What it names on the network is not there.
    pub(crate) html: &'a str,
    /// Whether the reader prefers dark.
    pub(crate) dark: bool,
}

/// How large a page is laid out, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Wider than the window if the reader would have to scroll sideways.
    pub(crate) width: u32,
    /// The full height.
    pub(crate) height: u32,
}

impl Page<'_> {
    /// Returns how large the page is laid out in windows of these widths, or what Chromium said instead; nothing where
    /// there is no Chromium.
    pub(crate) fn sizes(self, widths: &[u32]) -> Result<Option<Vec<Size>>, String> {
        let Some(dom) = self.shown(widths, 100, &["--dump-dom"])? else { return Ok(None) };
        let size = |text: &str| {
            let (width, height) = text.split_once('x')?;
            Some(Size { width: width.parse().ok()?, height: height.parse().ok()? })
        };
        title(&dom)
            .and_then(|title| title.split(' ').map(size).collect::<Option<Vec<Size>>>())
            .filter(|sizes| sizes.len() == widths.len())
            .map(Some)
            .ok_or_else(|| format!("the page was not measured:\n{dom}"))
    }

    /// Writes a picture of the whole page as it is in a window of this width, as PNG.
    pub(crate) fn picture(self, width: u32, png: &Path) -> Result<(), String> {
        let Some(sizes) = self.sizes(&[width])? else { return Ok(()) };
        let height = sizes[0].height;
        let window = format!("--window-size={width},{height}");
        self.shown(&[width], height, &[&window, &format!("--screenshot={}", png.display())])?;
        if png.exists() { Ok(()) } else { Err(format!("no picture in `{}`", png.display())) }
    }

    fn shown(
        self,
        widths: &[u32],
        height: u32,
        arguments: &[&str],
    ) -> Result<Option<String>, String> {
        let frame = framed(include_str!("../rig/frame.html"), widths);
        let frame = frame.replace("@HEIGHT@", &height.to_string());
        browsed(&frame.replace("@PAGE@", &quoted(self.html)), self.dark, arguments)
    }
}

/// Returns a line for everything that axe-core finds wrong with mails, each with its name, in windows of these widths,
/// and for what does not fit there; nothing where there is no Chromium or no axe-core.
///
/// Landmarks are those of the page that a mail is shown in; one of its own would be a second `main` there.
pub(crate) fn faults(
    mails: &[(&str, &str)],
    dark: bool,
    widths: &[u32],
) -> Result<Option<Vec<String>>, String> {
    let rules = r#"{ "landmark-one-main": { enabled: false }, region: { enabled: false } }"#;
    judged(mails, dark, widths, rules)
}

/// Does the same for whole pages, by every rule.
pub(crate) fn faults_of_pages(
    pages: &[(&str, &str)],
    dark: bool,
    widths: &[u32],
) -> Result<Option<Vec<String>>, String> {
    judged(pages, dark, widths, "{}")
}

fn judged(
    pages: &[(&str, &str)],
    dark: bool,
    widths: &[u32],
    rules: &str,
) -> Result<Option<Vec<String>>, String> {
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
    if !axe.exists() {
        skipped("axe-core, which `tests/run` installs");
        return Ok(None);
    }
    let frames = pages.iter().map(|(name, html)| {
        format!("<iframe title=\"{name}\" height=1000 srcdoc=\"{}\"></iframe>\n", quoted(html))
    });
    let frame = framed(include_str!("../rig/axe.html"), widths)
        .replace("@RULES@", rules)
        .replace("@AXE@", &format!("file://{}", axe.display()))
        .replace("@PAGES@", &frames.collect::<String>());
    // Longer than any judgement takes; the clock of the page jumps to what it waits for.
    let arguments = ["--dump-dom", "--virtual-time-budget=600000"];
    let Some(dom) = browsed(&frame, dark, &arguments)? else { return Ok(None) };
    title(&dom)
        .and_then(|title| title.strip_prefix("judged"))
        .map(|faults| Some(faults.lines().skip(1).map(str::to_owned).collect()))
        .ok_or_else(|| format!("the pages were not judged: {:?}", title(&dom)))
}

fn browsed(frame: &str, dark: bool, arguments: &[&str]) -> Result<Option<String>, String> {
    if !chromium_is_here() {
        skipped("a page in Chromium, which is not installed");
        return Ok(None);
    }
    let folder = Folder::new();
    let page = folder.0.join("page.html");
    fs::write(&page, frame).map_err(|e| e.to_string())?;
    let rig = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig");
    let output = Command::new("sh")
        .arg(rig.join("chromium"))
        .arg(format!("--blink-settings=preferredColorScheme={}", i32::from(!dark)))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(format!("{}:\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn framed(frame: &str, widths: &[u32]) -> String {
    let widths: Vec<String> = widths.iter().map(u32::to_string).collect();
    frame.replace("@BASE@", "about:blank").replace("@WIDTHS@", &widths.join(","))
}

fn quoted(html: &str) -> String {
    html.replace('&', "&amp;").replace('"', "&quot;")
}

/// Where `tests/run` puts it, seen from the repository.
const AXE: &str = "target/judges/node_modules/axe-core/axe.min.js";

fn title(dom: &str) -> Option<&str> {
    let (_, rest) = dom.split_once("<title>")?;
    rest.split_once("</title>").map(|(title, _)| title)
}

/// Panics where one of the pages, each with its name, keeps somebody from reading it, or does not fit, on a phone, in a
/// pane or at a desk.
#[track_caller]
pub(crate) fn assert_accessible(pages: &[(&str, &str)], dark: bool) {
    let faults = faults(pages, dark, &[320, 600, 1200]).expect("axe-core judges the pages");
    let faults = faults.unwrap_or_default();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Panics where a page makes its reader scroll sideways, on a phone, in a pane or at a desk, by day or by night.
#[track_caller]
pub(crate) fn assert_fits(html: &str) {
    let windows = [320, 600, 1200];
    for dark in [false, true] {
        let sizes = Page { html, dark }.sizes(&windows).expect("Chromium measures the page");
        for (window, size) in windows.into_iter().zip(sizes.into_iter().flatten()) {
            assert!(size.width <= window, "at {window} px (dark: {dark}) the page is {size:?}");
        }
    }
}

fn chromium_is_here() -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|bin| bin.join("chromium").exists()))
}

/// A folder of one's own that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "postrider-browser-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("the name is ours alone");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind in the temporary one harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_page_wider_than_its_window_is_found() {
    let html = "<!doctype html><body style='margin:0'><p style='width:400px;height:50px;margin:0'>\"wide\" &amp; low";
    let sizes = Page { html, dark: false }.sizes(&[320, 600]).expect("it is measured");
    if let Some(sizes) = sizes {
        assert_eq!(sizes.iter().map(|size| size.width).collect::<Vec<_>>(), [400, 600]);
    }
}

#[test]
fn a_page_that_bends_fits_everywhere() {
    assert_fits(
        "<!doctype html><style>p { width: 580px } @media (max-width: 599px) { p { width: auto } }</style><p>x",
    );
}

#[test]
fn a_page_knows_night_from_day() {
    let html = "<!doctype html><style>body { margin: 0; height: 300px }\
        @media (prefers-color-scheme: dark) { body { height: 700px } }</style>";
    for (dark, height) in [(false, 300), (true, 700)] {
        let sizes = Page { html, dark }.sizes(&[320]).expect("it is measured");
        assert!(sizes.is_none_or(|sizes| sizes == [Size { width: 320, height }]));
    }
}

#[test]
fn what_some_cannot_read_is_found() {
    let html = "<!doctype html><html lang=en><title>x</title><main><h1>Grey</h1>\
        <p style='background:#fff;color:#bbb'>pale</p><p>fine</p><img src=x><p style='width:400px'>wide</p></main>";
    if let Some(faults) = faults(&[("x", html)], false, &[320]).expect("it is judged") {
        let rules: Vec<&str> = faults.iter().filter_map(|fault| fault.split(' ').nth(4)).collect();
        assert_eq!(rules, ["overflow", "color-contrast", "image-alt"], "{faults:?}");
    }
}

#[test]
fn a_picture_shows_the_whole_page() {
    let folder = Folder::new();
    let png = folder.0.join("page.png");
    let html = "<!doctype html><body style='margin:0;height:2345px;background:#7a1f1f'>";
    Page { html, dark: false }.picture(320, &png).expect("a picture");
    if chromium_is_here() {
        // PNG: eight bytes of signature, then IHDR's length and name, width and height.
        let bytes = fs::read(&png).expect("the picture was written");
        assert_eq!(bytes[16..24], [0, 0, 1, 64, 0, 0, 9, 41]);
    }
}
