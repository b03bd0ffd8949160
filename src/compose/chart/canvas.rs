//! What charts are drawn on: lines, boxes and letters, in pixels of the page, kept at twice as many.
//!
//! The letters are Inter's (`templates/fonts/`), so that a chart is the same on
//! every machine: Latin, Greek and Cyrillic. For what they lack there is a key.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};
use ttf_parser::{Face, OutlineBuilder};

const FONT: &[u8] = include_bytes!("../../../templates/fonts/inter-medium.otf");

/// How many pixels of the picture one of the page is.
const SCALE: f32 = 2.0;

/// The most a picture may be, in pixels of the page; what is drawn is bounded by its data long before.
const SIDE_MAX: u32 = 4_000;

/// A colour without transparency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

/// Where a text stands to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture while it is drawn.
pub(super) struct Canvas {
    pixels: Pixmap,
    face: Face<'static>,
    height: u32,
    /// Whether what is drawn at the left stands at the right; letters run as ever.
    is_mirrored: bool,
}

impl Colour {
    /// Reads `#rrggbb`; a theme holds no other.
    pub(super) fn from_hex(hex: &str) -> Self {
        let part = |at: usize| {
            hex.get(at..at + 2).and_then(|part| u8::from_str_radix(part, 16).ok()).unwrap_or(0)
        };
        Self([part(1), part(3), part(5)])
    }

    fn paint(self) -> Paint<'static> {
        let [red, green, blue] = self.0;
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color_rgba8(red, green, blue, 255);
        paint
    }
}

/// Returns a colour between two; `share` is the second's.
pub(super) fn mix(one: Colour, other: Colour, share: f32) -> Colour {
    let part = |at: usize| {
        let (one, other) = (f32::from(one.0[at]), f32::from(other.0[at]));
        // Between two bytes there is no other.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let part = (one + (other - one) * share).round() as u8;
        part
    };
    Colour([part(0), part(1), part(2)])
}

/// Returns the first letter of a text that charts cannot be lettered with.
pub(super) fn missing_letter(text: &str) -> Option<char> {
    let face = face();
    text.chars().find(|letter| face.glyph_index(*letter).is_none())
}

fn face() -> Face<'static> {
    Face::parse(FONT, 0).expect("the font comes with the program")
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, paper: Colour) -> Self {
        let height = height.clamp(1, SIDE_MAX);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let scale = SCALE as u32;
        let width = width.clamp(1, SIDE_MAX);
        let mut pixels =
            Pixmap::new(width * scale, height * scale).expect("both sides are bounded");
        let [red, green, blue] = paper.0;
        pixels.fill(tiny_skia::Color::from_rgba8(red, green, blue, 255));
        Self { pixels, face: face(), height, is_mirrored: false }
    }

    /// Turns the sides around, for a script that runs from right to left.
    pub(super) fn mirrored(self, is_mirrored: bool) -> Self {
        Self { is_mirrored, ..self }
    }

    /// Returns how high it is on the page.
    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// Returns how wide it is on the page.
    pub(super) fn width(&self) -> f32 {
        // At most twice `SIDE_MAX`, which an f32 holds exactly.
        #[allow(clippy::cast_precision_loss)]
        let pixels = self.pixels.width() as f32;
        pixels / SCALE
    }

    /// Returns how wide a text is.
    pub(super) fn text_width(&self, text: &str, size: f32) -> f32 {
        let units: u32 = text
            .chars()
            .filter_map(|letter| self.face.glyph_index(letter))
            .filter_map(|glyph| self.face.glyph_hor_advance(glyph))
            .map(u32::from)
            .sum();
        // A label is short, so its width is exact in an f32.
        #[allow(clippy::cast_precision_loss)]
        let units = units as f32;
        units * size / f32::from(self.face.units_per_em())
    }

    /// Writes a text on its baseline.
    pub(super) fn text(
        &mut self,
        text: &str,
        (x, y): (f32, f32),
        size: f32,
        anchor: Anchor,
        colour: Colour,
    ) {
        let width = self.text_width(text, size);
        let mut x = match anchor {
            Anchor::Start => self.side(x, width),
            Anchor::Middle => self.side(x - width / 2.0, width),
            Anchor::End => self.side(x - width, width),
        };
        let unit = size / f32::from(self.face.units_per_em());
        let mut outline = Outline::default();
        for glyph in text.chars().filter_map(|letter| self.face.glyph_index(letter)) {
            outline.at(x, y, unit);
            self.face.outline_glyph(glyph, &mut outline);
            x += f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * unit;
        }
        if let Some(path) = outline.path.finish() {
            self.fill(&path, colour);
        }
    }

    /// Fills a box.
    pub(super) fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        if let Some(rectangle) = Rect::from_xywh(self.side(x, width), y, width, height) {
            self.fill(&PathBuilder::from_rect(rectangle), colour);
        }
    }

    /// Fills a dot.
    pub(super) fn dot(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        if let Some(path) = PathBuilder::from_circle(self.side(x, 0.0), y, radius) {
            self.fill(&path, colour);
        }
    }

    /// Draws a line through points.
    pub(super) fn line(&mut self, points: &[(f32, f32)], width: f32, colour: Colour) {
        let mut path = PathBuilder::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let x = self.side(*x, 0.0);
            if at == 0 { path.move_to(x, *y) } else { path.line_to(x, *y) }
        }
        let stroke = Stroke {
            width,
            line_cap: tiny_skia::LineCap::Round,
            line_join: tiny_skia::LineJoin::Round,
            ..Stroke::default()
        };
        if let Some(path) = path.finish() {
            let scale = Transform::from_scale(SCALE, SCALE);
            self.pixels.stroke_path(&path, &colour.paint(), &stroke, scale, None);
        }
    }

    /// Returns the picture as a PNG.
    pub(super) fn into_png(self) -> Vec<u8> {
        let opaque: Vec<u8> =
            self.pixels.data().chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, self.pixels.width(), self.pixels.height());
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::High);
        encoder.set_filter(Filter::Adaptive);
        let mut writer = encoder.write_header().expect("memory takes any header");
        writer.write_image_data(&opaque).expect("memory takes any picture of this size");
        writer.finish().expect("memory takes any end");
        out
    }

    /// Returns where something begins that is so wide and was to begin at `x`.
    fn side(&self, x: f32, width: f32) -> f32 {
        if self.is_mirrored { self.width() - x - width } else { x }
    }

    fn fill(&mut self, path: &Path, colour: Colour) {
        let scale = Transform::from_scale(SCALE, SCALE);
        self.pixels.fill_path(path, &colour.paint(), FillRule::Winding, scale, None);
    }
}

/// Letters on their way from the font's units, which grow upwards, to the page's.
struct Outline {
    path: PathBuilder,
    x: f32,
    y: f32,
    unit: f32,
}

impl Default for Outline {
    fn default() -> Self {
        Self { path: PathBuilder::new(), x: 0.0, y: 0.0, unit: 1.0 }
    }
}

impl Outline {
    fn at(&mut self, x: f32, y: f32, unit: f32) {
        (self.x, self.y, self.unit) = (x, y, unit);
    }

    fn point(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.unit, self.y - y * self.unit)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.point(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.point(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.point(x1, y1), self.point(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) =
            (self.point(x1, y1), self.point(x2, y2), self.point(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
