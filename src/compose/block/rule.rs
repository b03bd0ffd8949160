//! A rule: `---`.

use maud::{Markup, html};

use super::Block;
use crate::compose::{
    layout::{Page, SPACE},
    sheet::Sheet,
};

#[derive(Debug)]
struct Rule;

pub(super) fn read() -> Box<dyn Block> {
    Box::new(Rule)
}

impl Block for Rule {
    fn html(&self, _: &Page<'_>) -> Markup {
        html! {
            table.wide role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%" {
                tr { td.gap { (SPACE) } }
                tr { td.line { (SPACE) } }
                tr { td.gap { (SPACE) } }
            }
        }
    }

    fn text(&self, sheet: &mut Sheet<'_>) {
        sheet.centred("*  *  *");
    }
}
