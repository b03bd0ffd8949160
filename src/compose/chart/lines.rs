//! Lines over time: a quiet grid, and each line named where it ends.

use super::{Canvas, Data, Inks, LOWER, SIZE, canvas::Anchor, data::Series, ticks, written};

const HEIGHT: u32 = 340;
const MARGIN: f32 = 16.0;

/// How far apart two names at the lines' ends stand at least.
const NAME_STEP: f32 = 24.0;

/// How many rows apart labels may stand.
const STEPS: [usize; 15] = [1, 2, 3, 4, 5, 6, 7, 10, 12, 15, 20, 25, 30, 50, 100];

/// Where the data stand.
struct Plot {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    least: f64,
    most: f64,
    rows: usize,
}

pub(super) fn draw(data: &Data, inks: &Inks, width: u32) -> Canvas {
    let mut canvas = Canvas::new(width, HEIGHT, inks.paper);
    let (least, most) = range(data);
    let scale = ticks(least, most, 4.0);
    let step = scale.get(1).map_or(1.0, |second| second - scale[0]);
    let numbers: Vec<String> = scale.iter().map(|tick| written(*tick, step)).collect();
    let widest = |canvas: &Canvas, texts: &[String]| {
        texts.iter().map(|text| canvas.text_width(text, SIZE)).fold(0.0, f32::max)
    };
    let names: Vec<String> = data.series.iter().map(|series| name(data, series)).collect();
    let names_width = widest(&canvas, &names);
    #[allow(clippy::cast_precision_loss)]
    let (width, height) = (width as f32, HEIGHT as f32);
    // Names that would take half of the page are set above the lines they end.
    let room = if names_width > width * 0.4 { MARGIN } else { names_width + MARGIN + 10.0 };
    let plot = Plot {
        left: MARGIN + widest(&canvas, &numbers) + 10.0,
        right: width - room,
        top: MARGIN + 8.0,
        bottom: height - MARGIN - 26.0,
        least: scale[0],
        most: scale[scale.len() - 1],
        rows: data.labels.len(),
    };
    for (tick, number) in scale.iter().zip(&numbers) {
        let y = plot.y(*tick);
        let is_base = tick.abs() < step * 1e-9 || tick <= &scale[0] && scale[0] > 0.0;
        let colour = if is_base { inks.ink } else { inks.rule };
        canvas.rectangle(plot.left, y.round() - 0.5, plot.right - plot.left, 1.0, colour);
        canvas.text(number, (plot.left - 10.0, y + LOWER), SIZE, Anchor::End, inks.muted);
    }
    label_rows(&mut canvas, data, inks, &plot);
    // The first series is the chart's subject, so it lies on top.
    for (index, series) in data.series.iter().enumerate().rev() {
        draw_series(&mut canvas, series, inks, &plot, index);
    }
    name_ends(&mut canvas, data, &names, inks, &plot);
    canvas
}

/// Returns the least and the most of the data; zero is shown where it is near.
fn range(data: &Data) -> (f64, f64) {
    let least = data.numbers().fold(f64::INFINITY, f64::min);
    let most = data.numbers().fold(f64::NEG_INFINITY, f64::max);
    if least >= 0.0 && (least < most * 0.6 || least >= most) {
        return (0.0, most);
    }
    if most <= 0.0 && most > least * 0.6 { (least, 0.0) } else { (least, most) }
}

/// Returns what stands at a line's end: its name, unless it is alone, and its last number.
fn name(data: &Data, series: &Series) -> String {
    let last = series.values.iter().rposition(Option::is_some);
    let last = last.map_or("", |at| series.written[at].as_str());
    if data.series.len() == 1 { last.to_owned() } else { format!("{} {last}", series.name) }
}

impl Plot {
    #[allow(clippy::cast_possible_truncation)]
    fn y(&self, value: f64) -> f32 {
        let share = if self.most > self.least {
            (value - self.least) / (self.most - self.least)
        } else {
            0.5
        };
        self.bottom - (self.bottom - self.top) * share as f32
    }

    #[allow(clippy::cast_precision_loss)]
    fn x(&self, row: usize) -> f32 {
        if self.rows < 2 {
            return f32::midpoint(self.left, self.right);
        }
        // The first and the last point stand a little within, so that their labels do.
        let (left, right) = (self.left + 14.0, self.right - 4.0);
        left + (right - left) * row as f32 / (self.rows - 1) as f32
    }
}

/// Labels the rows below: the first and the last, and as many between as fit.
fn label_rows(canvas: &mut Canvas, data: &Data, inks: &Inks, plot: &Plot) {
    let widths: Vec<f32> = data.labels.iter().map(|label| canvas.text_width(label, SIZE)).collect();
    let last = plot.rows - 1;
    let fits = |step: usize| {
        let shown: Vec<usize> = (0..=last).step_by(step).collect();
        shown.windows(2).all(|pair| {
            let apart = plot.x(pair[1]) - plot.x(pair[0]);
            apart > f32::midpoint(widths[pair[0]], widths[pair[1]]) + 12.0
        })
    };
    let nearest = STEPS.into_iter().find(|step| fits(*step)).unwrap_or(last.max(1));
    // A step that ends at the last label is the better one.
    let ends = |step: &usize| (nearest..=2 * nearest).contains(step) && last.is_multiple_of(*step);
    let step = STEPS.into_iter().find(ends).unwrap_or(nearest);
    for row in (0..=last).step_by(step) {
        let x = plot.x(row);
        canvas.rectangle(x - 0.5, plot.bottom, 1.0, 5.0, inks.muted);
        canvas.text(&data.labels[row], (x, plot.bottom + 24.0), SIZE, Anchor::Middle, inks.muted);
    }
}

/// Draws a line, broken where a number is missing.
fn draw_series(canvas: &mut Canvas, series: &Series, inks: &Inks, plot: &Plot, index: usize) {
    let colour = inks.series[index];
    let points: Vec<Option<(f32, f32)>> = series
        .values
        .iter()
        .enumerate()
        .map(|(row, value)| value.map(|value| (plot.x(row), plot.y(value))))
        .collect();
    for part in points.split(Option::is_none).filter(|part| !part.is_empty()) {
        let part: Vec<(f32, f32)> = part.iter().copied().flatten().collect();
        match part[..] {
            [(x, y)] => canvas.dot(x, y, 2.5, colour),
            _ => canvas.line(&part, 2.5, colour),
        }
    }
    if let Some((x, y)) = points.into_iter().flatten().last() {
        canvas.dot(x, y, 4.0, colour);
    }
}

/// Writes each line's name at its end, pushed apart where two would touch.
fn name_ends(canvas: &mut Canvas, data: &Data, names: &[String], inks: &Inks, plot: &Plot) {
    let mut ends: Vec<(f32, f32, usize)> = data
        .series
        .iter()
        .enumerate()
        .filter_map(|(index, series)| {
            let row = series.values.iter().rposition(Option::is_some)?;
            Some((plot.y(series.values[row]?), plot.x(row), index))
        })
        .collect();
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let beside = plot.right + 6.0;
    let mut places: Vec<f32> = Vec::new();
    for (y, ..) in &ends {
        let least = places.last().map_or(plot.top, |above| above + NAME_STEP);
        places.push(y.max(least));
    }
    // What was pushed below the plot is pushed back, and pushes what stands above.
    let mut most = plot.bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - NAME_STEP;
    }
    for ((_, x, index), y) in ends.iter().zip(places) {
        let is_within = canvas.text_width(&names[*index], SIZE) > plot_room(canvas, plot);
        let (place, anchor) = if is_within {
            ((*x - 8.0, y - 8.0), Anchor::End)
        } else {
            ((beside, y + LOWER), Anchor::Start)
        };
        // A pale line has a name in ink: words need more contrast than a line does.
        let colour = if *index < 3 { inks.series[*index] } else { inks.ink };
        canvas.text(&names[*index], place, SIZE, anchor, colour);
    }
}

/// Returns how much room there is beside the plot.
fn plot_room(canvas: &Canvas, plot: &Plot) -> f32 {
    canvas.width() - plot.right - 10.0
}
