//! Quantities as people write them: `44.3s`, `1m30s`, `8192 MB`, `1 Gbit/s`, `10 kB`, `0.25`.
//!
//! Every decimal is read and printed exactly, without floating point: what is printed reads back as
//! the same value, and a text that no whole number of the smallest unit matches is refused instead
//! of rounded.

use core::fmt;
use core::str::FromStr;

use tetrarch_core::Span;
use thiserror::Error;

/// Memory in megabytes, as machines are sold with it (Table 1: 8192 MB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Megabytes(pub u64);

/// A transfer rate in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitsPerSecond(pub u64);

/// An amount of data in bytes; its larger units are powers of ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A share in parts per million: one million is the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(u32);

impl Ratio {
    /// Nothing of the whole.
    pub const NONE: Self = Self(0);
    /// All of the whole.
    pub const WHOLE: Self = Self(1_000_000);

    /// A share of `ppm` parts per million.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(ppm)
    }

    /// The share in parts per million.
    #[must_use]
    pub const fn as_ppm(self) -> u32 {
        self.0
    }

    /// Reads a percentage such as `12.5`, without its sign.
    ///
    /// # Errors
    /// When `text` is not a plain decimal, is negative, or has more than four decimals.
    pub fn parse_percent(text: &str) -> Result<Self, QuantityError> {
        Self::from_decimal(text, 10_000)
            .map_err(|flaw| QuantityError::new(text, flaw, "a percentage such as 12.5"))
    }

    /// The share in per cent, as [`Ratio::parse_percent`] reads it.
    #[must_use]
    pub fn percent_text(self) -> String {
        decimal(u64::from(self.0), 10_000)
    }

    fn from_decimal(text: &str, whole_ppm: u64) -> Result<Self, Flaw> {
        let text = text.trim();
        let (number, rest) = split_number(text)?;
        if !rest.is_empty() {
            return Err(Flaw::NotANumber);
        }
        u32::try_from(scaled(number, whole_ppm)?)
            .map(Self)
            .map_err(|_| Flaw::TooLarge)
    }
}

/// A text that is not the quantity it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{found:?} {flaw}; expected {expected}")]
pub struct QuantityError {
    /// The text, shortened when it is long.
    pub found: String,
    /// What is wrong with it.
    pub flaw: Flaw,
    /// What would have been right, with an example.
    pub expected: &'static str,
}

impl QuantityError {
    fn new(text: &str, flaw: Flaw, expected: &'static str) -> Self {
        let found = shortened(text);
        Self {
            found,
            flaw,
            expected,
        }
    }
}

/// What can be wrong with the text of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// There is no text.
    #[error("is empty")]
    Empty,
    /// It has a minus sign.
    #[error("is negative")]
    Negative,
    /// A number is missing, or is not a plain decimal.
    #[error("is not a plain decimal number")]
    NotANumber,
    /// A number stands without its unit.
    #[error("has no unit")]
    NoUnit,
    /// The unit is not one of this quantity.
    #[error("has an unknown unit")]
    UnknownUnit,
    /// Its units do not become smaller from left to right.
    #[error("has its units out of order")]
    Order,
    /// It is more than can be stored.
    #[error("is too large")]
    TooLarge,
    /// It has more decimals than can be stored.
    #[error("has too many decimals")]
    TooFine,
}

/// A unit's spelling and its size in the smallest unit, the largest first.
type Units = [(&'static str, u64)];

const DURATION_UNITS: &Units = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];
const MEMORY_UNITS: &Units = &[("MB", 1)];
const RATE_UNITS: &Units = &[
    ("Gbit/s", 1_000_000_000),
    ("Mbit/s", 1_000_000),
    ("kbit/s", 1_000),
    ("bit/s", 1),
];
const DATA_UNITS: &Units = &[
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// What a duration looks like, for messages.
pub const DURATION_EXPECTED: &str = r#"a duration with its unit, such as "44.3s" or "1m30s""#;
/// What an amount of memory looks like, for messages.
pub const MEMORY_EXPECTED: &str = r#"an amount of memory such as "8192 MB""#;
/// What a rate looks like, for messages.
pub const RATE_EXPECTED: &str = r#"a rate such as "1 Gbit/s" or "100 Mbit/s""#;
/// What an amount of data looks like, for messages.
pub const DATA_EXPECTED: &str = r#"an amount of data such as "10 kB""#;
/// What a ratio looks like, for messages.
pub const RATIO_EXPECTED: &str = "a ratio from 0 to 1 such as 0.25";

/// Reads a duration: decimals with units (`d`, `h`, `m`, `s`, `ms`, `us`, `ns`), the largest first.
///
/// # Errors
/// When a number or unit is missing or unknown, units are out of order, or the duration is
/// negative, finer than a nanosecond, or longer than [`Span::MAX`].
pub fn parse_span(text: &str) -> Result<Span, QuantityError> {
    parse_units(text, DURATION_UNITS, true)
        .map(Span::from_nanos)
        .map_err(|flaw| QuantityError::new(text, flaw, DURATION_EXPECTED))
}

/// Prints a duration exactly, so that [`parse_span`] reads it back: in seconds from 0.1 s on.
#[must_use]
pub fn span_text(span: Span) -> String {
    let (unit, size) = match span.as_nanos() {
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("us", 1_000),
        1_000_000..100_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    format!("{}{unit}", decimal(span.as_nanos(), size))
}

macro_rules! single_unit_quantity {
    ($type:ident, $units:ident, $expected:ident) => {
        impl FromStr for $type {
            type Err = QuantityError;

            fn from_str(text: &str) -> Result<Self, QuantityError> {
                parse_units(text, $units, false)
                    .map(Self)
                    .map_err(|flaw| QuantityError::new(text, flaw, $expected))
            }
        }

        /// Exact, in the largest unit that the amount fills.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let fits = |&&(_, size): &&(&str, u64)| size == 1 || self.0 >= size;
                let &(unit, size) = $units.iter().find(fits).unwrap_or(&("", 1));
                write!(f, "{} {unit}", decimal(self.0, size))
            }
        }
    };
}

single_unit_quantity!(Megabytes, MEMORY_UNITS, MEMORY_EXPECTED);
single_unit_quantity!(BitsPerSecond, RATE_UNITS, RATE_EXPECTED);
single_unit_quantity!(Bytes, DATA_UNITS, DATA_EXPECTED);

impl FromStr for Ratio {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::from_decimal(text, 1_000_000)
            .map_err(|flaw| QuantityError::new(text, flaw, RATIO_EXPECTED))
    }
}

/// A plain decimal: `0.25`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(u64::from(self.0), 1_000_000))
    }
}

/// At most 40 characters of `text`, so that a message stays one readable line.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads `<number><unit>` once, or several times when `several` are allowed; returns their sum in
/// the smallest unit.
fn parse_units(text: &str, units: &Units, several: bool) -> Result<u64, Flaw> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(Flaw::Empty);
    }
    let mut total: u64 = 0;
    let mut units_left = units;
    loop {
        let (number, tail) = split_number(rest)?;
        let tail = tail.trim_start();
        let end = tail
            .find(|c: char| !c.is_alphabetic() && c != '/')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() {
            return Err(if tail.is_empty() {
                Flaw::NoUnit
            } else {
                Flaw::NotANumber
            });
        }
        let Some(at) = units_left.iter().position(|&(name, _)| name == unit) else {
            let known = units.iter().any(|&(name, _)| name == unit);
            return Err(if known {
                Flaw::Order
            } else {
                Flaw::UnknownUnit
            });
        };
        let amount = scaled(number, units_left[at].1)?;
        total = total.checked_add(amount).ok_or(Flaw::TooLarge)?;
        rest = tail.trim_start();
        if rest.is_empty() {
            return Ok(total);
        }
        units_left = if several { &units_left[at + 1..] } else { &[] };
    }
}

/// Splits the digits and point at the start of `text` from what follows them.
fn split_number(text: &str) -> Result<(&str, &str), Flaw> {
    if text.starts_with('-') {
        return Err(Flaw::Negative);
    }
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    match text.split_at(end) {
        ("", "") => Err(Flaw::Empty),
        ("", _) => Err(Flaw::NotANumber),
        parts => Ok(parts),
    }
}

/// The decimal `number` times `size`, when that is a whole number.
fn scaled(number: &str, size: u64) -> Result<u64, Flaw> {
    /// More decimals than this would not fit the arithmetic, and no unit is that fine.
    const DECIMALS_MAX: usize = 18;

    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(Flaw::NotANumber),
        None => (number, ""),
    };
    let digits = |text: &str| !text.contains('.');
    if whole.is_empty() || !digits(fraction) {
        return Err(Flaw::NotANumber);
    }
    let whole: u64 = whole.parse().map_err(|_| Flaw::TooLarge)?;
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS_MAX {
        return Err(Flaw::TooFine);
    }
    let part: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().map_err(|_| Flaw::NotANumber)?
    };
    let divisor = 10u128.pow(u32::try_from(fraction.len()).map_err(|_| Flaw::TooFine)?);
    let part = part * u128::from(size);
    if !part.is_multiple_of(divisor) {
        return Err(Flaw::TooFine);
    }
    let total = u128::from(whole) * u128::from(size) + part / divisor;
    u64::try_from(total).map_err(|_| Flaw::TooLarge)
}

/// `amount / size` as an exact decimal; `size` is a power of ten.
fn decimal(amount: u64, size: u64) -> String {
    let (whole, part) = (amount / size, amount % size);
    if part == 0 {
        return whole.to_string();
    }
    let width = size.ilog10() as usize;
    let digits = format!("{part:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nanos(text: &str) -> u64 {
        parse_span(text).unwrap().as_nanos()
    }

    #[test]
    fn reads_durations() {
        assert_eq!(nanos("10s"), 10_000_000_000);
        assert_eq!(nanos("5200ms"), 5_200_000_000);
        assert_eq!(nanos("100us"), 100_000);
        assert_eq!(nanos("1m30s"), 90_000_000_000);
        assert_eq!(nanos(" 1 d 1h "), 90_000_000_000_000);
        assert_eq!(nanos("44.3s"), 44_300_000_000);
        assert_eq!(nanos("0.000000001s"), 1);
        assert_eq!(nanos("1.50000000000000000000000000s"), 1_500_000_000);
        assert_eq!(nanos("18446744073709551615ns"), u64::MAX);
    }

    #[test]
    fn refuses_what_is_no_duration() {
        let flaw = |text| parse_span(text).unwrap_err().flaw;
        assert_eq!(flaw(""), Flaw::Empty);
        assert_eq!(flaw("   "), Flaw::Empty);
        assert_eq!(flaw("10"), Flaw::NoUnit);
        assert_eq!(flaw("1m30"), Flaw::NoUnit);
        assert_eq!(flaw("-1s"), Flaw::Negative);
        assert_eq!(flaw("1s-1ms"), Flaw::Negative);
        assert_eq!(flaw("s"), Flaw::NotANumber);
        assert_eq!(flaw("1..5s"), Flaw::NotANumber);
        assert_eq!(flaw(".5s"), Flaw::NotANumber);
        assert_eq!(flaw("5.s"), Flaw::NotANumber);
        assert_eq!(flaw("1.2.3s"), Flaw::NotANumber);
        assert_eq!(flaw("1e3s"), Flaw::UnknownUnit);
        assert_eq!(flaw("1 fortnight"), Flaw::UnknownUnit);
        assert_eq!(flaw("1S"), Flaw::UnknownUnit);
        assert_eq!(flaw("30s1m"), Flaw::Order);
        assert_eq!(flaw("1s1s"), Flaw::Order);
        assert_eq!(flaw("18446744073709551616ns"), Flaw::TooLarge);
        assert_eq!(flaw("999999999999999999999999999d"), Flaw::TooLarge);
        assert_eq!(flaw("213504d"), Flaw::TooLarge);
        assert_eq!(flaw("0.5ns"), Flaw::TooFine);
        assert_eq!(flaw("1.0000000000000000001s"), Flaw::TooFine);
    }

    #[test]
    fn errors_say_what_was_found_and_expected_and_stay_short() {
        let error = parse_span("ten seconds").unwrap_err().to_string();
        assert_eq!(
            error,
            r#""ten seconds" is not a plain decimal number; expected a duration with its unit, such as "44.3s" or "1m30s""#
        );
        let error = parse_span(&"9\n".repeat(100_000)).unwrap_err().to_string();
        assert!(error.len() < 250 && !error.contains('\n'), "{error}");
    }

    #[test]
    fn reads_and_prints_the_other_quantities() {
        assert_eq!("8192 MB".parse(), Ok(Megabytes(8192)));
        assert_eq!("1Gbit/s".parse(), Ok(BitsPerSecond(1_000_000_000)));
        assert_eq!("2.5 Gbit/s".parse(), Ok(BitsPerSecond(2_500_000_000)));
        assert_eq!("10 kB".parse(), Ok(Bytes(10_000)));
        assert_eq!("0.25".parse(), Ok(Ratio::from_ppm(250_000)));
        assert_eq!(Ratio::parse_percent("12.5"), Ok(Ratio::from_ppm(125_000)));
        assert_eq!(BitsPerSecond(100_000_000).to_string(), "100 Mbit/s");
        assert_eq!(BitsPerSecond(0).to_string(), "0 bit/s");
        assert_eq!(Bytes(999).to_string(), "999 B");
        assert_eq!(Bytes(10_500).to_string(), "10.5 kB");
        assert_eq!(Megabytes(2048).to_string(), "2048 MB");
        assert_eq!(Ratio::WHOLE.to_string(), "1");
        assert_eq!(span_text(Span::ZERO), "0s");
        assert_eq!(span_text(Span::from_millis(650)), "0.65s");
        assert_eq!(span_text(Span::from_nanos(100_000)), "100us");
        assert_eq!(span_text(Span::from_nanos(99_999_999)), "99.999999ms");
    }

    #[test]
    fn refuses_wrong_units_of_the_other_quantities() {
        assert_eq!(
            "1.5 MB".parse::<Megabytes>().unwrap_err().flaw,
            Flaw::TooFine
        );
        assert_eq!(
            "8 GB".parse::<Megabytes>().unwrap_err().flaw,
            Flaw::UnknownUnit
        );
        assert_eq!(
            "1 Gb".parse::<BitsPerSecond>().unwrap_err().flaw,
            Flaw::UnknownUnit
        );
        assert_eq!("1 MB 2 kB".parse::<Bytes>().unwrap_err().flaw, Flaw::Order);
        assert_eq!("0.25s".parse::<Ratio>().unwrap_err().flaw, Flaw::NotANumber);
        assert_eq!(
            "0.0000001".parse::<Ratio>().unwrap_err().flaw,
            Flaw::TooFine
        );
        assert_eq!("5000".parse::<Ratio>().unwrap_err().flaw, Flaw::TooLarge);
        assert_eq!(Ratio::parse_percent("-1").unwrap_err().flaw, Flaw::Negative);
        assert_eq!(Ratio::parse_percent("").unwrap_err().flaw, Flaw::Empty);
    }

    proptest! {
        #[test]
        fn every_value_reads_back_as_it_was_printed(n in any::<u64>(), shift in 0u32..64, ppm in any::<u32>()) {
            let n = n >> shift;
            prop_assert_eq!(parse_span(&span_text(Span::from_nanos(n))), Ok(Span::from_nanos(n)));
            prop_assert_eq!(Megabytes(n).to_string().parse(), Ok(Megabytes(n)));
            prop_assert_eq!(BitsPerSecond(n).to_string().parse(), Ok(BitsPerSecond(n)));
            prop_assert_eq!(Bytes(n).to_string().parse(), Ok(Bytes(n)));
            prop_assert_eq!(Ratio(ppm).to_string().parse(), Ok(Ratio(ppm)));
            prop_assert_eq!(Ratio::parse_percent(&Ratio(ppm).percent_text()), Ok(Ratio(ppm)));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>(), near in "[-0-9. a-zA-Zµ/]{0,40}") {
            for text in [text.as_str(), near.as_str()] {
                let _ = parse_span(text);
                let _ = text.parse::<BitsPerSecond>();
                let _ = text.parse::<Ratio>();
            }
        }
    }
}
