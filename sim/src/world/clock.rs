//! A server's own clock, which may run faster or slower than true time.

use tetrarch_core::{Span, Time};

const MILLION: u128 = 1_000_000;

/// A clock that never goes back. It is right until it is told to drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// A true instant, and what the clock showed at it.
    since: Time,
    shown: Time,
    /// Millionths of a second that it goes on in each true second.
    rate: u32,
}

impl Clock {
    pub(super) const RIGHT: Self = Self {
        since: Time::ZERO,
        shown: Time::ZERO,
        rate: 1_000_000,
    };

    /// Runs so many millionths faster than true time from now on, or slower.
    pub(super) fn drift(&mut self, now: Time, ppm: i32) {
        *self = Self {
            since: now,
            shown: self.at(now),
            rate: 1_000_000_u32.saturating_add_signed(ppm).max(1),
        };
    }

    /// What it shows at the true instant `now`.
    pub(super) fn at(self, now: Time) -> Time {
        if self.rate == 1_000_000 {
            return self.shown + (now - self.since);
        }
        self.shown
            + whole(u128::from((now - self.since).as_nanos()) * u128::from(self.rate) / MILLION)
    }

    /// The first true instant at which it shows `local` or more, if that is not past.
    pub(super) fn when(self, local: Time) -> Time {
        if local == Time::MAX {
            return Time::MAX;
        }
        let left = u128::from((local - self.shown).as_nanos());
        self.since + whole((left * MILLION).div_ceil(u128::from(self.rate)))
    }
}

fn whole(ns: u128) -> Span {
    Span::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wake_up_comes_when_the_clock_shows_its_time_and_not_before(
            drifts in proptest::collection::vec((0..2_000_000_000_u64, -500_000..500_000_i32), 0..4),
            wait in 0..9_000_000_000_000_u64,
        ) {
            let mut clock = Clock::RIGHT;
            let mut now = Time::ZERO;
            for (later, ppm) in drifts {
                now += Span::from_nanos(later);
                let shown = clock.at(now);
                clock.drift(now, ppm);
                prop_assert_eq!(clock.at(now), shown, "it jumped");
            }
            let local = clock.at(now) + Span::from_nanos(wait);
            let at = clock.when(local);
            prop_assert!(clock.at(at) >= local);
            if at > now {
                prop_assert!(clock.at(Time::from_nanos(at.as_nanos() - 1)) < local);
            }
        }
    }

    #[test]
    fn a_clock_that_is_five_per_cent_fast_shows_105_s_after_100_s() {
        let mut clock = Clock::RIGHT;
        clock.drift(Time::ZERO, 50_000);
        let s = |s| Time::ZERO + Span::from_secs(s);
        assert_eq!(clock.at(s(100)), s(105));
        assert_eq!(clock.when(s(105)), s(100));
    }
}
