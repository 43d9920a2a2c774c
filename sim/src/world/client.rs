//! The clients: one function's availability as those who use it see it.
//!
//! A client connects at fixed ticks. What it finds at a tick depends only on whether the function is
//! available then, so its accesses are worked out from the changes of availability instead of being
//! simulated one by one; the result is the same.

use tetrarch_core::{Span, Time};

use crate::parameters::Parameters;

/// A time during which nobody answered at a function's virtual IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When it began.
    pub from: Time,
    /// When it ended; none while it lasts.
    pub to: Option<Time>,
}

/// How the clients of every function connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHabit {
    interval: Span,
    access: Span,
}

/// The paper gives means of repeated experiments, in which the client's ticks and the trouble were
/// not aligned. So the disconnection is the mean over this many clients, whose ticks are spread
/// evenly over the interval.
pub const PHASES: u64 = 10;

impl ClientHabit {
    /// Clients that connect as `parameters` say, through the slower client side.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let bits = u128::from(parameters.client_access.0) * 8;
        let transfer = bits * 1_000_000_000 / u128::from(parameters.client_rate.0);
        let transfer = Span::from_nanos(u64::try_from(transfer).unwrap_or(u64::MAX));
        let access = transfer + parameters.link_delay.times(2);
        Self {
            interval: parameters.client_interval,
            access,
        }
    }

    /// How long one access takes that is answered: the transfer and a link's delay each way.
    #[must_use]
    pub const fn access(&self) -> Span {
        self.access
    }

    /// From the trouble until a client's access succeeded again, as the mean over the clients that
    /// failed at least once; none when no client noticed or the function never came back.
    #[must_use]
    pub fn disconnection(&self, trouble: Time, outages: &[Outage]) -> Option<Span> {
        let outage = outages.iter().find(|outage| outage.from >= trouble)?;
        let back = outage.to?;
        let mut total = 0_u128;
        let mut noticed = 0_u128;
        for phase in 0..PHASES {
            let first_failed = self.tick(phase, outage.from);
            if first_failed < back {
                let succeeded = self.tick(phase, back) + self.access;
                total += u128::from((succeeded - trouble).as_nanos());
                noticed += 1;
            }
        }
        let mean = total.checked_div(noticed)?;
        Some(Span::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX)))
    }

    /// The first tick, at `from` or later, of the client with this phase.
    fn tick(&self, phase: u64, from: Time) -> Time {
        let interval = self.interval.as_nanos();
        // Half a step in, so that the mean wait for a tick is half an interval.
        let offset = interval * (2 * phase + 1) / (2 * PHASES);
        let passed = from.as_nanos().saturating_sub(offset).div_ceil(interval);
        Time::from_nanos(offset.saturating_add(passed.saturating_mul(interval)))
    }
}

/// What one function's availability has been so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Availability {
    outages: Vec<Outage>,
}

impl Availability {
    /// Notes whether the function is available from `now` on; tells whether that is a change.
    pub(crate) fn observe(&mut self, now: Time, available: bool) -> bool {
        let last = self.outages.last_mut().filter(|outage| outage.to.is_none());
        match (last, available) {
            (Some(outage), true) => outage.to = Some(now),
            (None, false) => self.outages.push(Outage {
                from: now,
                to: None,
            }),
            (Some(_), false) | (None, true) => return false,
        }
        true
    }

    /// Begins a new run, in which nothing has been observed yet.
    pub(crate) fn forget(&mut self) {
        self.outages.clear();
    }

    pub(crate) fn outages(&self) -> &[Outage] {
        &self.outages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn the_mean_client_waits_half_an_interval_after_the_return() {
        let habit = ClientHabit::new(&Parameters::paper());
        let outages = [Outage {
            from: at(6000),
            to: Some(at(16_000)),
        }];
        let measured = habit.disconnection(at(6000), &outages).unwrap();
        assert_eq!(measured, Span::from_millis(10_500) + habit.access);
    }

    #[test]
    fn an_outage_between_two_ticks_is_not_noticed() {
        let mut parameters = Parameters::paper();
        parameters.client_interval = Span::from_secs(100);
        let habit = ClientHabit::new(&parameters);
        let outages = [Outage {
            from: at(6000),
            to: Some(at(6500)),
        }];
        assert_eq!(habit.disconnection(at(6000), &outages), None);
    }

    #[test]
    fn an_outage_that_lasts_or_came_before_gives_no_figure() {
        let habit = ClientHabit::new(&Parameters::paper());
        assert_eq!(
            habit.disconnection(
                at(1),
                &[Outage {
                    from: at(5),
                    to: None
                }]
            ),
            None
        );
        let before = [Outage {
            from: at(5),
            to: Some(at(99_000)),
        }];
        assert_eq!(habit.disconnection(at(6), &before), None);
    }

    #[test]
    fn ticks_come_at_or_after_the_instant_asked_for() {
        let habit = ClientHabit::new(&Parameters::paper());
        for phase in 0..PHASES {
            for ns in [0, 1, 49_999_999, 50_000_000, 6_000_000_000] {
                let tick = habit.tick(phase, Time::from_nanos(ns));
                assert!(tick.as_nanos() >= ns && tick.as_nanos() < ns + 1_000_000_000);
            }
        }
    }
}
