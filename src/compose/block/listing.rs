//! A listing: lines set as they are, between fences or indented by four.

use comrak::nodes::NodeCodeBlock;
use maud::{Markup, html};

use super::Block;
use crate::compose::{layout::Page, sheet::Sheet};

#[derive(Debug)]
struct Listing(String);

pub(super) fn read(code: &NodeCodeBlock) -> Box<dyn Block> {
    Box::new(Listing(code.literal.trim_end().to_owned()))
}

impl Block for Listing {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! { pre.listing { (self.0) } }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.indented("    ", "    ", |sheet| self.0.lines().for_each(|line| sheet.line(line)));
    }
}
