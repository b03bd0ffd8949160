//! Charts: the figures of a CSV file, drawn as a PNG in the theme's colours.
//!
//! Ruled and quiet: labels stand at what they name, a bar says its own number,
//! and nothing moves the eye that is not data. A chart brings its own paper,
//! so it can be read by night too, and is drawn at twice its size, so it is
//! sharp on every screen. The same data give the same bytes.

mod bars;
mod canvas;
mod data;
mod key;
mod lines;

pub(super) use data::Data;
pub(super) use key::Key;

use canvas::{Canvas, Colour, mix};

use super::theme::Theme;

/// The most series: more are not told apart.
pub(super) const SERIES_MAX: usize = 6;

/// The size of letters: a phone shows the picture at little more than half its width, and they are still read.
const SIZE: f32 = 18.0;

/// How far below its middle a line of letters stands.
const LOWER: f32 = 6.3;

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lines over time.
    Line,
    /// Lying bars, each with its number.
    Bar,
}

/// The colours of a chart.
#[derive(Clone, Copy, Debug)]
struct Inks {
    paper: Colour,
    ink: Colour,
    muted: Colour,
    rule: Colour,
    series: [Colour; SERIES_MAX],
}

/// A picture of a chart, and its size on the page.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    pub(super) png: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Draws a chart so wide; its labels can be lettered.
///
/// Bars grow the way the script runs. Lines run from left to right in every script, as scales of time do.
pub(super) fn draw(data: &Data, kind: Kind, theme: &Theme, width: u32, is_rtl: bool) -> Drawing {
    let inks = Inks::of(theme);
    let canvas = match kind {
        Kind::Line => lines::draw(data, &inks, width),
        Kind::Bar => bars::draw(data, &inks, width, is_rtl),
    };
    let height = canvas.height();
    Drawing { png: canvas.into_png(), width, height }
}

impl Inks {
    fn of(theme: &Theme) -> Self {
        let colour = |token| Colour::from_hex(theme.colour(token));
        let paper = colour("paper");
        let (accent, link, muted) = (colour("accent"), colour("link"), colour("muted"));
        Self {
            paper,
            ink: colour("ink"),
            muted,
            rule: colour("rule"),
            series: [
                accent,
                link,
                muted,
                mix(accent, paper, 0.5),
                mix(link, paper, 0.5),
                colour("ink"),
            ],
        }
    }
}

/// Returns round numbers from at most `least` to at least `most`, about `count` steps apart.
fn ticks(least: f64, most: f64, count: f64) -> Vec<f64> {
    let span = if most > least { most - least } else { most.abs().max(1.0) };
    let rough = span / count;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let first = (least / step + 1e-9).floor();
    let mut ticks = vec![first * step];
    let mut at = first;
    while at * step < most - step * 1e-9 && ticks.len() < 20 {
        at += 1.0;
        ticks.push(at * step);
    }
    ticks
}

/// Writes a number of the scale: as many decimals as its step needs, thousands apart.
fn written(number: f64, step: f64) -> String {
    let decimals = (0..=9).find(|decimals| {
        let shifted = step * 10_f64.powi(*decimals);
        shifted > 0.5 && (shifted - shifted.round()).abs() < 1e-6 * shifted
    });
    let decimals = usize::try_from(decimals.unwrap_or(9)).unwrap_or(9);
    let plain = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    let is_below = number < 0.0 && plain.contains(|digit: char| ('1'..='9').contains(&digit));
    format!("{}{grouped}{fraction}", if is_below { "−" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_of_round_numbers_around_the_data() {
        for (least, most, wanted) in [
            (0.0, 100.0, vec![0.0, 25.0, 50.0, 75.0, 100.0]),
            (0.0, 9.3, vec![0.0, 2.5, 5.0, 7.5, 10.0]),
            (-3.0, 4.0, vec![-4.0, -2.0, 0.0, 2.0, 4.0]),
            (5.0, 5.0, vec![4.0, 6.0]),
        ] {
            assert_eq!(ticks(least, most, 4.0), wanted, "{least} to {most}");
        }
        for (least, most) in [(0.0, 1e-9), (0.0, 1e300), (-1e15, 1e15)] {
            let ticks = ticks(least, most, 4.0);
            assert!(ticks.len() > 1 && ticks.len() < 9, "{ticks:?}");
            assert!(ticks[0] <= least && ticks[ticks.len() - 1] >= most * 0.999, "{ticks:?}");
        }
    }

    #[test]
    fn a_number_has_the_decimals_of_its_step() {
        for (number, step, wanted) in [
            (2.5, 2.5, "2.5"),
            (5.0, 2.5, "5.0"),
            (1_250_000.0, 250_000.0, "1\u{202f}250\u{202f}000"),
            (-20.0, 10.0, "−20"),
            (-0.0, 0.25, "0.00"),
            (0.000_000_3, 0.000_000_1, "0.0000003"),
        ] {
            assert_eq!(written(number, step), wanted);
        }
    }
}
