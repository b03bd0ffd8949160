//! Colours, and how well one is read on another (WCAG 2.2, success criterion 1.4.3).

use std::fmt;

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The names a theme is likely to use (CSS Color 4); any other colour cannot be judged.
const NAMES: [(&str, [u8; 3]); 12] = [
    ("black", [0, 0, 0]),
    ("white", [255, 255, 255]),
    ("red", [255, 0, 0]),
    ("green", [0, 128, 0]),
    ("blue", [0, 0, 255]),
    ("navy", [0, 0, 128]),
    ("maroon", [128, 0, 0]),
    ("yellow", [255, 255, 0]),
    ("orange", [255, 165, 0]),
    ("gray", [128, 128, 128]),
    ("grey", [128, 128, 128]),
    ("silver", [192, 192, 192]),
];

impl Colour {
    /// Reads the colour in a value such as `#7a1f1f`, `#fff`, `rgb(0, 0, 0)` or `1px solid red`.
    pub(super) fn read(value: &str) -> Option<Self> {
        if let Some(parts) = value.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
            let parts: Option<Vec<u8>> =
                parts.split(',').map(|part| part.trim().parse().ok()).collect();
            return parts?.try_into().ok().map(Self);
        }
        value.split_whitespace().find_map(|word| {
            if let Some(digits) = word.strip_prefix('#') {
                return hexadecimal(digits);
            }
            let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            known.map(|(_, colour)| Self(*colour))
        })
    }

    /// Returns how much lighter the lighter of two is, from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Tells whether it counts as light.
    pub(super) fn is_light(self) -> bool {
        self.lightness() > 0.5
    }

    /// Returns the colour of the same hue that is as dark as this one is light.
    pub(super) fn inverted(self) -> Self {
        let [red, green, blue] = self.0.map(u16::from);
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        // The hue stays where every part moves by as much; none leaves its range, as none lies outside of the two.
        let turn = |part: u16| u8::try_from(part + 255 - least - most).unwrap_or(u8::MAX);
        Self([turn(red), turn(green), turn(blue)])
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn lightness(self) -> f64 {
        let most = self.0.iter().max().copied().unwrap_or_default();
        let least = self.0.iter().min().copied().unwrap_or_default();
        (f64::from(most) + f64::from(least)) / 510.0
    }
}

fn hexadecimal(digits: &str) -> Option<Colour> {
    let part = |text: &str| u8::from_str_radix(text, 16).ok();
    let parts: Option<Vec<u8>> = match digits.len() {
        3 => (0..3).map(|at| digits.get(at..=at).and_then(part).map(|part| part * 17)).collect(),
        6 => (0..3).map(|at| digits.get(2 * at..2 * at + 2).and_then(part)).collect(),
        _ => None,
    };
    parts?.try_into().ok().map(Colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_compared_as_wcag_does() {
        let read = |text| Colour::read(text).expect("it is a colour");
        assert_eq!(read("1px solid #FFF"), read("white"));
        assert_eq!(read("rgb(122, 31, 31)"), read("#7a1f1f"));
        assert_eq!(Colour::read("inherit"), None);
        assert!((read("black").contrast(read("white")) - 21.0).abs() < 0.001);
        assert!((read("#777777").contrast(read("white")) - 4.48).abs() < 0.01);
    }

    #[test]
    fn an_inverted_colour_keeps_its_hue() {
        let read = |text| Colour::read(text).expect("it is a colour");
        for (colour, inverted) in [
            ("#ffffff", "#000000"),
            ("#000000", "#ffffff"),
            ("#7a1f1f", "#e08585"),
            ("#1b1a18", "#e7e6e4"),
        ] {
            assert_eq!(read(colour).inverted(), read(inverted), "{colour}");
        }
    }
}
