//! Instants that can be told from those of other programs on this machine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Gives instants as seconds since 1970. It looks at the clock of the day once and then counts, so
/// that a stepped clock neither lengthens nor shortens an outage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begin: Instant,
    begin_s: f64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            begin: Instant::now(),
            // A machine whose clock stands before 1970 gets times since the start.
            begin_s: since.unwrap_or(Duration::ZERO).as_secs_f64(),
        }
    }

    pub(crate) fn now_s(&self) -> f64 {
        self.begin_s + self.begin.elapsed().as_secs_f64()
    }
}
