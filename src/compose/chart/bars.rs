//! Lying bars: labels where lines begin, at the right in a script from right to left, each bar with its own number, so no
//! grid is needed.

use super::{Canvas, Data, Inks, LOWER, SIZE, canvas::Anchor};

const MARGIN: f32 = 16.0;
const BAR: f32 = 24.0;

/// The bars of a group are thinner.
const THIN_BAR: f32 = 21.0;

/// Between two bars of a group, and between two groups.
const GAP: f32 = 2.0;
const GROUP_GAP: f32 = 12.0;

/// How high the names of the series are, where there are several.
const LEGEND: f32 = 34.0;

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn draw(data: &Data, inks: &Inks, width: u32, is_rtl: bool) -> Canvas {
    let several = data.series.len() > 1;
    let bar = if several { THIN_BAR } else { BAR };
    let group = data.series.len() as f32 * (bar + GAP) - GAP + GROUP_GAP;
    let legend = if several { LEGEND } else { 0.0 };
    let height = 2.0 * MARGIN + legend + data.labels.len() as f32 * group - GROUP_GAP;
    let canvas = Canvas::new(width, height.ceil() as u32, inks.paper);
    let mut canvas = canvas.mirrored(is_rtl);
    let width = width as f32;
    let labels = data.labels.iter().map(|label| canvas.text_width(label, SIZE));
    let labels = labels.fold(0.0, f32::max).min(width * 0.5);
    let numbers = data.series.iter().flat_map(|series| &series.written);
    let numbers = numbers.map(|number| canvas.text_width(number, SIZE)).fold(0.0, f32::max);
    let least = data.numbers().fold(0.0, f64::min);
    let most = data.numbers().fold(0.0, f64::max);
    let left = MARGIN + labels + 12.0 + if least < 0.0 { numbers + 8.0 } else { 0.0 };
    let right = width - MARGIN - if most > 0.0 { numbers + 8.0 } else { 0.0 };
    let unit =
        if most > least { f64::from((right - left).max(10.0)) / (most - least) } else { 0.0 };
    let x = |value: f64| left + ((value - least) * unit) as f32;
    if several {
        draw_legend(&mut canvas, data, inks, width);
    }
    for (row, label) in data.labels.iter().enumerate() {
        let top = MARGIN + legend + row as f32 * group;
        let middle = top + (group - GROUP_GAP) / 2.0;
        let label = fitted(&canvas, label, labels);
        canvas.text(&label, (MARGIN + labels, middle + LOWER), SIZE, Anchor::End, inks.ink);
        for (index, series) in data.series.iter().enumerate() {
            let Some(value) = series.values[row] else { continue };
            let top = top + index as f32 * (bar + GAP);
            let (from, to) = (x(value.min(0.0)), x(value.max(0.0)));
            if to > from {
                canvas.rectangle(from, top, (to - from).max(1.0), bar, inks.series[index]);
            }
            let baseline = top + bar / 2.0 + LOWER;
            let (place, anchor) = if value < 0.0 {
                ((from - 6.0, baseline), Anchor::End)
            } else {
                ((to + 6.0, baseline), Anchor::Start)
            };
            canvas.text(&series.written[row], place, SIZE, anchor, inks.muted);
        }
    }
    let (top, bottom) = (MARGIN + legend - 4.0, height - MARGIN + 4.0);
    canvas.rectangle(x(0.0).round() - 0.5, top, 1.0, bottom - top, inks.ink);
    canvas
}

/// Names the series above the bars, each beside its colour.
fn draw_legend(canvas: &mut Canvas, data: &Data, inks: &Inks, width: f32) {
    let mut x = MARGIN;
    for (index, series) in data.series.iter().enumerate() {
        let name = fitted(canvas, &series.name, width - x - MARGIN - 18.0);
        if name.is_empty() {
            return;
        }
        canvas.rectangle(x, MARGIN + 1.0, 12.0, 12.0, inks.series[index]);
        canvas.text(&name, (x + 18.0, MARGIN + 7.0 + LOWER), SIZE, Anchor::Start, inks.ink);
        x += 18.0 + canvas.text_width(&name, SIZE) + 20.0;
    }
}

/// Returns a text, cut with an ellipsis where it is wider than its room.
fn fitted(canvas: &Canvas, text: &str, room: f32) -> String {
    if canvas.text_width(text, SIZE) <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        cut.push(letter);
        if canvas.text_width(&cut, SIZE) + canvas.text_width("…", SIZE) > room {
            cut.pop();
            break;
        }
    }
    if cut.is_empty() { cut } else { cut.trim_end().to_owned() + "…" }
}
