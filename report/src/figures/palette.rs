//! Colours that stay apart for the colour-blind and in grey.

/// Red, green and blue.
pub(super) type Rgb = (u8, u8, u8);

/// Lines drawn over a fill, so that two fills differ without their colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hatch {
    None,
    /// Lines that rise to the right.
    Rising,
    /// Lines that fall to the right.
    Falling,
    /// Both.
    Crossed,
}

// Okabe and Ito, "Color Universal Design", 2008; the names are theirs.
pub(super) const ORANGE: Rgb = (0xE6, 0x9F, 0x00);
pub(super) const SKY_BLUE: Rgb = (0x56, 0xB4, 0xE9);
pub(super) const BLUISH_GREEN: Rgb = (0x00, 0x9E, 0x73);
pub(super) const YELLOW: Rgb = (0xF0, 0xE4, 0x42);
pub(super) const BLUE: Rgb = (0x00, 0x72, 0xB2);
pub(super) const VERMILLION: Rgb = (0xD5, 0x5E, 0x00);
pub(super) const REDDISH_PURPLE: Rgb = (0xCC, 0x79, 0xA7);

// Greys for everything that is not data.
pub(super) const WHITE: Rgb = (0xFF, 0xFF, 0xFF);
pub(super) const PALE: Rgb = (0xE4, 0xE4, 0xE4);
pub(super) const GRID: Rgb = (0xD8, 0xD8, 0xD8);
pub(super) const DIM: Rgb = (0x55, 0x55, 0x55);
pub(super) const INK: Rgb = (0x1A, 0x1A, 0x1A);

/// Ink or white, whichever has the higher contrast on `fill`.
pub(super) fn ink_on(fill: Rgb) -> Rgb {
    if contrast(fill, WHITE) > contrast(fill, INK) {
        WHITE
    } else {
        INK
    }
}

/// The contrast ratio of the Web Content Accessibility Guidelines 2.2, from 1 to 21.
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The relative luminance of those guidelines, from 0 to 1.
fn luminance((red, green, blue): Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast((0, 0, 0), WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast(WHITE, WHITE) - 1.0).abs() < 1e-9);
        // The lightest grey on white that the guidelines let pass for text.
        assert!((contrast((0x76, 0x76, 0x76), WHITE) - 4.54).abs() < 0.005);
    }

    #[test]
    fn text_can_be_read_on_every_fill() {
        let fills = [
            ORANGE,
            SKY_BLUE,
            BLUISH_GREEN,
            YELLOW,
            BLUE,
            VERMILLION,
            REDDISH_PURPLE,
            WHITE,
            PALE,
            DIM,
        ];
        for fill in fills {
            let ratio = contrast(fill, ink_on(fill));
            assert!(ratio >= 4.5, "{fill:?}: {ratio}");
        }
    }
}
