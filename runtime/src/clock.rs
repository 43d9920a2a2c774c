//! The clock of a driver: instants that count the time of a suspended machine, and the one wake-up.

mod alarm;

use core::future::Future;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tetrarch_core::{Span, Time};

pub use alarm::{Alarm, Timer};

/// How late a wake-up may be after the machine was suspended.
const SLICE_MAX: Duration = Duration::from_secs(1);

/// Where a driver gets the present instant from, and how it waits for a later one. A trait, so that
/// tests can run under a clock of their own.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The present instant. It never goes back.
    fn now(&self) -> Time;

    /// How long after the start of the machine `at` is, or was: what other programs on this machine
    /// understand.
    fn since_boot(&self, at: Time) -> Span;

    /// Ends when `at` has come; at once when it has passed.
    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + Send;

    /// A timer of the system that counts by this clock, if there is one.
    fn timer(&self) -> Option<Timer> {
        None
    }
}

/// Linux's `CLOCK_BOOTTIME`: [`Time::ZERO`] is the start of the machine, so the instants of all programs'
/// lives in one boot can be compared.
///
/// It goes on while the machine is suspended, so a server that wakes up knows how long it was away:
/// its waits have passed, and it asks before it acts on old knowledge. Changes of the date do not
/// touch it.
#[derive(Clone, Copy, Debug)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Time {
        Time::ZERO + since_boot()
    }

    fn since_boot(&self, at: Time) -> Span {
        at.since(Time::ZERO)
    }

    async fn sleep_until(&self, at: Time) {
        // The timers of tokio stand still while the machine is suspended, so a long wait is made of
        // short ones: one that passed meanwhile ends within the next of them.
        while self.now() < at {
            let left = Duration::from_nanos(at.since(self.now()).as_nanos());
            tokio::time::sleep(left.min(SLICE_MAX)).await;
        }
    }

    fn timer(&self) -> Option<Timer> {
        Timer::boot_time()
    }
}

/// The calendar's seconds since 1970, as far as they fit: none before that, and the most after 2106.
#[must_use]
pub fn date_s() -> u32 {
    let now = clock_gettime(ClockId::Realtime);
    u32::try_from(now.tv_sec.max(0)).unwrap_or(u32::MAX)
}

/// How long this machine has been on, the time in which it was suspended included.
#[must_use]
pub fn since_boot() -> Span {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, rest) = (time.tv_sec, time.tv_nsec);
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Span::from_nanos(
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::try_from(rest).unwrap_or(0)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeps_until_the_instant_and_not_less() {
        let clock = BootClock;
        let at = clock.now() + Span::from_millis(20);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        // An instant that has passed is no wait at all.
        clock.sleep_until(Time::ZERO).await;
    }
}
