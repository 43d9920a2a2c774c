//! Instants that can be told from those of other programs on this machine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use tetrarch_core::{Span, Time};

/// Gives instants as seconds since 1970. It looks at the clock of the day once and then counts, so
/// that a stepped clock neither lengthens nor shortens an outage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begin: Instant,
    begin_s: f64,
    begin_boot: Time,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            begin: Instant::now(),
            // A machine whose clock stands before 1970 gets times since the start.
            begin_s: since.unwrap_or(Duration::ZERO).as_secs_f64(),
            begin_boot: since_boot(),
        }
    }

    /// The present instant after the machine's start, as the servers' records count.
    pub(crate) fn boot(&self) -> Time {
        let passed = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.begin_boot + Span::from_nanos(passed)
    }

    /// The same of an instant in seconds since 1970; the clock's own begin for an earlier one.
    pub(crate) fn boot_of(&self, at_s: f64) -> Time {
        let passed = Duration::try_from_secs_f64(at_s - self.begin_s).unwrap_or(Duration::ZERO);
        let passed = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
        self.begin_boot + Span::from_nanos(passed)
    }

    /// How long it is until `at` after the machine's start; nothing when that has passed.
    pub(crate) fn until(&self, at: Time) -> Duration {
        let now = self.boot();
        if at > now {
            Duration::from_nanos(at.since(now).as_nanos())
        } else {
            Duration::ZERO
        }
    }

    pub(crate) fn now_s(&self) -> f64 {
        self.begin_s + self.begin.elapsed().as_secs_f64()
    }
}

/// The time since the machine's start, that of its suspension included.
fn since_boot() -> Time {
    // It exists on every Linux since 2.6.39.
    let since = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    let ns = since.map(|since| since.as_nanos()).unwrap_or(0);
    Time::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_axes_go_alike() {
        let clock = Clock::new();
        let (s, boot) = (clock.now_s(), clock.boot());
        let again = clock.boot_of(s);
        let apart = if again > boot {
            again.since(boot)
        } else {
            boot.since(again)
        };
        assert!(apart < Span::from_millis(100), "{apart}");
        assert!(clock.until(boot + Span::from_secs(60)) > Duration::from_secs(50));
        assert_eq!(clock.until(boot), Duration::ZERO);
    }
}
