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

/// Black or white, whichever is read more easily on `fill`.
pub(super) fn ink_on(fill: Rgb) -> Rgb {
    let (red, green, blue) = fill;
    // The weights of ITU-R BT.601, in thousandths.
    let luma = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    if luma < 120_000 { WHITE } else { INK }
}
