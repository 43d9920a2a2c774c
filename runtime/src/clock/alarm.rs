//! The wake-up of somebody who waits again and again, by a timer of the system.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tetrarch_core::Time;
use tokio::io::unix::AsyncFd;
use tracing::warn;

use super::Clock;
use crate::ready;

/// A timer of the system by `CLOCK_BOOTTIME`, which wakes once and in time, also just after the machine was
/// suspended.
#[derive(Debug)]
pub struct Timer {
    timer: AsyncFd<OwnedFd>,
    set_for: Option<Time>,
}

impl Timer {
    /// A timer, unless the system gives none. It must be called within a tokio runtime.
    #[must_use]
    pub fn boot_time() -> Option<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let made = timerfd_create(TimerfdClockId::Boottime, flags).map_err(io::Error::from);
        let made = made.and_then(ready::on);
        made.inspect_err(|why| warn!(%why, "no timer; the waits are made of short ones"))
            .ok()
            .map(|timer| Self {
                timer,
                set_for: None,
            })
    }

    /// Ends at `at` by the system's clock, or a little earlier.
    async fn wait(&mut self, at: Time) -> io::Result<()> {
        if self.set_for != Some(at) {
            let after = at.since(Time::ZERO).as_nanos();
            let (seconds, rest) = (after / 1_000_000_000, after % 1_000_000_000);
            let never = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let once = Itimerspec {
                it_interval: never,
                it_value: Timespec {
                    tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX),
                    // Nothing at all would switch the timer off.
                    tv_nsec: i64::try_from(rest.max(1)).unwrap_or(1),
                },
            };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
            self.set_for = Some(at);
        }
        // Setting it takes back what it has told, so it need not be read.
        self.timer.readable().await?.clear_ready();
        Ok(())
    }
}

/// A wake-up that is set again and again.
///
/// A wait costs nothing while it goes on, and one that is begun again for the same instant costs nothing at
/// all: whoever waits between many inputs for the same deadline sets the timer once.
#[derive(Debug)]
pub struct Alarm<C> {
    clock: C,
    timer: Option<Timer>,
}

impl<C: Clock> Alarm<C> {
    /// A wake-up by `clock`. It must be called within a tokio runtime.
    pub fn new(clock: C) -> Self {
        let timer = clock.timer();
        Self { clock, timer }
    }

    /// Ends when `at` has come; at once when it has passed. It may be dropped and begun again.
    pub async fn wait(&mut self, at: Time) {
        while let Some(timer) = &mut self.timer {
            if self.clock.now() >= at {
                return;
            }
            if let Err(why) = timer.wait(at).await {
                warn!(%why, "the timer fails; the waits are made of short ones");
                self.timer = None;
            }
        }
        // Whether it has passed already is for the clock to say, too: a test's keeps an order at one instant.
        self.clock.sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::BootClock;
    use tetrarch_core::Span;

    #[tokio::test]
    async fn rings_at_each_instant_and_not_before() {
        let (clock, mut alarm) = (BootClock, Alarm::new(BootClock));
        assert!(alarm.timer.is_some());
        for _ in 0..3 {
            let at = clock.now() + Span::from_millis(20);
            alarm.wait(at).await;
            assert!(clock.now() >= at);
        }
        alarm.wait(Time::ZERO).await;
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_for_a_nearer_or_a_later_one_rings_for_that_one() {
        let (clock, mut alarm) = (BootClock, Alarm::new(BootClock));
        let far = clock.now() + Span::from_secs(3600);
        let near = clock.now() + Span::from_millis(30);
        let later = near + Span::from_millis(60);
        for _ in 0..2 {
            tokio::select! {
                biased;
                () = alarm.wait(far) => panic!("an hour has not passed"),
                () = tokio::task::yield_now() => {}
            }
        }
        tokio::select! {
            biased;
            () = alarm.wait(near) => {}
            () = clock.sleep_until(far) => panic!("it did not ring"),
        }
        // The ring of an instant that has been given up is not taken for that of a later one.
        alarm.wait(later).await;
        assert!(clock.now() >= later);
    }

    #[tokio::test]
    async fn without_a_timer_the_clock_is_slept_by() {
        let (clock, mut alarm) = (BootClock, Alarm::new(BootClock));
        alarm.timer = None;
        let at = clock.now() + Span::from_millis(5);
        alarm.wait(at).await;
        assert!(clock.now() >= at);
    }
}
