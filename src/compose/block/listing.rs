//! A listing: lines set as they are, between fences or indented by four.

use comrak::nodes::NodeCodeBlock;
use maud::{Markup, html};

use super::Block;
use crate::compose::{
    layout::{Page, SPACE},
    sheet::Sheet,
};

#[derive(Debug)]
struct Listing(String);

pub(super) fn read(code: &NodeCodeBlock) -> Box<dyn Block> {
    Box::new(Listing(code.literal.trim_end().to_owned()))
}

impl Block for Listing {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                // Code runs from left to right in every script.
                tr { td.listed { pre.listing dir="ltr" { (self.0) } } }
                tr { td.after { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.indented("    ", "    ", |sheet| self.0.lines().for_each(|line| sheet.line(line)));
    }
}
