//! Composes: a draft that was read, a theme and a language's words become an Edition.

use std::collections::BTreeSet;

use css_inline::{CSSInliner, InlineOptions};

use crate::model::{Place, Problem, Publication};

use super::{
    code::{UNKNOWN_FIELD, WRONG_PUBLICATION, WRONG_THEME},
    cut::{cut_header, cut_html},
    edition::{Edition, Headers, Source},
    field::{Marks, is_mark},
    issue::{Draft, Issue, Reading},
    layout::{self, Frame, Page},
    sheet::Sheet,
    strings::Strings,
    text,
    theme::Theme,
};
