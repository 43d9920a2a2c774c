//! Time without a clock: instants and spans in whole nanoseconds.

use core::cmp::Ordering;
use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// An instant: nanoseconds since the driver's start.
///
/// The core never reads a clock; a driver hands in the present instant with every input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// An instant in two-byte pieces: a message that carries one is no wider for it, and messages fill
/// the queues of a simulated fleet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp([u16; 4]);

impl From<Time> for Stamp {
    fn from(time: Time) -> Self {
        Self([0, 16, 32, 48].map(|bits| (time.0 >> bits) as u16))
    }
}

impl From<Stamp> for Time {
    fn from(stamp: Stamp) -> Self {
        let pieces = stamp.0.iter().rev();
        Self(pieces.fold(0, |ns, piece| ns << 16 | u64::from(*piece)))
    }
}

/// Which life of a server's management programs something comes from: later lives have greater numbers.
///
/// In two-byte pieces for the same reason as [`Stamp`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Life([u16; 2]);

impl Life {
    /// The first life.
    pub const FIRST: Self = Self::new(1);

    /// The life with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self([number as u16, (number >> 16) as u16])
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        (self.0[1] as u32) << 16 | self.0[0] as u32
    }
}

impl Ord for Life {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Life {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "life {}", self.number())
    }
}

/// When one server said something, among all that it says: what it said later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// The life of its programs; none when they speak a version that does not say it.
    pub life: Option<Life>,
    /// The stamp of its last question.
    pub stamp: Stamp,
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |sequence: &Self| (sequence.life, Time::from(sequence.stamp));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Sequence {
    /// The same with `base` in the place of the instant `now`.
    #[must_use]
    pub fn rebased(self, now: Time, base: Time) -> Self {
        Self {
            stamp: Time::from(self.stamp).rebased(now, base).into(),
            ..self
        }
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Time::from(*self), f)
    }
}

impl Time {
    /// The driver's start.
    pub const ZERO: Self = Self(0);
    /// Later than every instant that a run reaches.
    pub const MAX: Self = Self(u64::MAX);

    /// An instant `ns` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for display and statistics only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        Span(self.0).as_secs_f64()
    }

    /// This instant as seen when `now` is called `base`; saturates at either end.
    #[must_use]
    pub const fn rebased(self, now: Self, base: Self) -> Self {
        if self.0 >= now.0 {
            Self(base.0.saturating_add(self.0 - now.0))
        } else {
            Self(base.0.saturating_sub(now.0 - self.0))
        }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `ns` nanoseconds.
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// A span of `ms` milliseconds; saturates.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// A span of `s` seconds; saturates.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// The span in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in seconds, for display and statistics only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        // Splitting first keeps whole seconds exact where a plain division would round them.
        (self.0 / 1_000_000_000) as f64 + (self.0 % 1_000_000_000) as f64 / 1e9
    }

    /// `n` spans one after the other; saturates.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// One of `parts` equal parts of this span, rounded down; `parts` of zero count as one.
    #[must_use]
    pub const fn part(self, parts: u64) -> Self {
        Self(self.0 / if parts == 0 { 1 } else { parts })
    }

    /// This span less `other`; zero when `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        self.since(earlier)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Seconds and milliseconds: `12.345 s`, rounded to the nearest millisecond.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

/// Seconds and milliseconds: `12.345 s`, rounded to the nearest millisecond.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000_000 + u64::from(self.0 % 1_000_000 >= 500_000);
        write!(f, "{}.{:03} s", ms / 1000, ms % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn prints_seconds_with_milliseconds() {
        assert_eq!(Time::from_nanos(12_345_499_999).to_string(), "12.345 s");
        assert_eq!(Span::from_nanos(999_500_000).to_string(), "1.000 s");
        assert_eq!(Span::ZERO.to_string(), "0.000 s");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Time::MAX + Span::from_secs(1), Time::MAX);
        assert_eq!(Time::ZERO - Time::from_nanos(5), Span::ZERO);
        assert_eq!(Span::from_secs(u64::MAX), Span::MAX);
        assert_eq!(Span::MAX.times(3), Span::MAX);
    }

    #[test]
    fn a_stamp_is_the_instant_that_it_was_made_of() {
        for time in [Time::MAX, Time::from_nanos(0x0123_4567_89ab_cdef)] {
            let stamp = Stamp::from(time);
            assert_eq!(Time::from(stamp), time);
            assert_eq!(format!("{stamp:?}"), format!("{time:?}"));
        }
    }

    #[test]
    fn moved_instants_keep_their_distance() {
        let at = |seconds| Time::ZERO + Span::from_secs(seconds);
        for (time, moved) in [(3, 98), (5, 100), (9, 104)] {
            assert_eq!(at(time).rebased(at(5), at(100)), at(moved));
        }
        assert_eq!(at(1).rebased(at(5), at(3)), Time::ZERO);
        assert_eq!(Time::MAX.rebased(at(5), at(6)), Time::MAX);
    }

    #[test]
    fn seconds_are_whole_and_parts() {
        let span = Span::from_millis(12_250);
        assert_eq!(span.as_nanos(), 12_250_000_000);
        assert!((span.as_secs_f64() - 12.25).abs() < 1e-9);
        let time = Time::ZERO + span;
        assert_eq!(time.as_nanos(), 12_250_000_000);
        assert!((time.as_secs_f64() - 12.25).abs() < 1e-9);
    }

    #[test]
    fn a_span_is_parted_and_added_up() {
        let span = Span::from_nanos(11);
        assert_eq!(
            [0, 1, 2, 3].map(|parts| span.part(parts).as_nanos()),
            [11, 11, 5, 3]
        );
        let mut sum = span + span.part(2);
        sum += span;
        assert_eq!(sum, Span::from_nanos(27));
        let mut time = Time::from_nanos(5);
        time += sum;
        assert_eq!(
            (time, time - Time::from_nanos(2)),
            (Time::from_nanos(32), Span::from_nanos(30))
        );
    }
}
