//! How long the HTML part is, against where Gmail clips it.

use maud::{Markup, html};

use crate::compose::Printed;

/// From here on a warning; later saves make a mail longer, hardly ever shorter.
const WARNED: usize = 80_000;

/// Where Gmail clips what follows.
const CLIPPED: usize = 102_000;

/// What the whole gauge stands for.
const WHOLE: usize = 120_000;

/// Sets the panel.
pub(super) fn panel(printed: &Printed) -> Markup {
    let bytes = printed.html_bytes;
    let (class, verdict) = match bytes {
        CLIPPED.. => {
            ("over", "Gmail clips it: what stands at its end, the way out too, is hidden.")
        }
        WARNED.. => ("near", "Gmail clips at 102 kB: this is near."),
        _ => ("under", "Gmail clips at 102 kB."),
    };
    html! {
        section.panel.size aria-labelledby="size-title" {
            h2 #size-title { "Size" }
            svg.gauge.(class) viewBox="0 0 1200 60" preserveAspectRatio="none" aria-hidden="true" {
                rect.room width="1200" height="60" {}
                rect.used width=(bytes.min(WHOLE) / 100) height="60" {}
                rect.mark x=(WARNED / 100) width="4" height="60" {}
                rect.mark x=(CLIPPED / 100) width="8" height="60" {}
            }
            p { strong.(class) { (kilobytes(bytes)) } " of HTML. " (verdict) }
            p.fine { "The whole message is " (kilobytes(printed.bytes.len())) "." }
        }
    }
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100)
}
