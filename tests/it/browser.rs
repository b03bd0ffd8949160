//! Chromium's word on a page: how wide it really is, and what it looks like. Every call starts a browser of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip::skipped;

/// A page in Chromium at a width, light or dark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The HTML itself. What it names on the network is not there.
    pub(crate) html: &'a str,
    /// The width of the window it is read in, in CSS pixels.
    pub(crate) width: u32,
    /// Whether the reader prefers dark.
    pub(crate) dark: bool,
}

/// How large a page is laid out, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Wider than its view if the reader would have to scroll sideways.
    pub(crate) width: u32,
    /// The full height.
    pub(crate) height: u32,
}

impl View<'_> {
    /// Returns how large the page is laid out, or what Chromium said instead; nothing where there is no Chromium.
    pub(crate) fn size(self) -> Result<Option<Size>, String> {
        let Some(dom) = self.shown(100, &["--dump-dom"])? else { return Ok(None) };
        let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        title
            .and_then(|(title, _)| title.split_once(' '))
            .and_then(|(width, height)| {
                Some(Size { width: width.parse().ok()?, height: height.parse().ok()? })
            })
            .map(Some)
            .ok_or(format!("the page was not measured:\n{dom}"))
    }

    /// Writes a picture of the whole page, as PNG.
    pub(crate) fn picture(self, png: &Path) -> Result<(), String> {
        let Some(Size { height, .. }) = self.size()? else { return Ok(()) };
        let window = format!("--window-size={},{height}", self.width);
        self.shown(height, &[&window, &format!("--screenshot={}", png.display())])?;
        if png.exists() { Ok(()) } else { Err(format!("no picture in `{}`", png.display())) }
    }

    fn shown(self, height: u32, arguments: &[&str]) -> Result<Option<String>, String> {
        if !chromium_is_here() {
            skipped("a page in Chromium, which is not installed");
            return Ok(None);
        }
        let folder = Folder::new();
        let page = folder.0.join("page.html");
        fs::write(&page, self.framed(height)).map_err(|e| e.to_string())?;
        let rig = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig");
        let output = Command::new("sh")
            .arg(rig.join("chromium"))
            .arg(format!("--blink-settings=preferredColorScheme={}", i32::from(!self.dark)))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .output()
            .map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("{}:\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    fn framed(self, height: u32) -> String {
        include_str!("../rig/frame.html")
            .replace("@BASE@", "about:blank")
            .replace("@WIDTH@", &self.width.to_string())
            .replace("@HEIGHT@", &height.to_string())
            .replace("@PAGE@", &self.html.replace('&', "&amp;").replace('"', "&quot;"))
    }
}

/// Panics where a page makes its reader scroll sideways, on a phone, in a pane or at a desk, by day or by night.
pub(crate) fn assert_fits(html: &str) {
    for width in [320, 600, 1200] {
        for dark in [false, true] {
            let size = View { html, width, dark }.size().expect("Chromium measures the page");
            assert!(
                size.is_none_or(|size| size.width <= width),
                "at {width} px (dark: {dark}) the page is {size:?}"
            );
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
    let sizes = [320, 600].map(|width| View { html, width, dark: false }.size().expect("a size"));
    if let [Some(phone), Some(pane)] = sizes {
        assert_eq!((phone.width, pane.width), (400, 600));
    }
}

#[test]
fn a_page_that_bends_fits_everywhere() {
    assert_fits(
        "<!doctype html><style>@media (max-width: 480px) { p { width: 100px } }</style><p style='max-width:100%'>x",
    );
}

#[test]
fn a_page_knows_night_from_day() {
    let html = "<!doctype html><style>body { margin: 0; height: 300px }\
        @media (prefers-color-scheme: dark) { body { height: 700px } }</style>";
    let heights = [false, true].map(|dark| View { html, width: 320, dark }.size().expect("a size"));
    if let [Some(day), Some(night)] = heights {
        assert_eq!((day.height, night.height), (300, 700));
    }
}

#[test]
fn a_picture_shows_the_whole_page() {
    let folder = Folder::new();
    let png = folder.0.join("page.png");
    let html = "<!doctype html><body style='margin:0;height:2345px;background:#7a1f1f'>";
    View { html, width: 320, dark: false }.picture(&png).expect("a picture");
    if chromium_is_here() {
        // PNG: eight bytes of signature, then IHDR's length and name, width and height.
        let bytes = fs::read(&png).expect("the picture was written");
        assert_eq!(bytes[16..24], [0, 0, 1, 64, 0, 0, 9, 41]);
    }
}
