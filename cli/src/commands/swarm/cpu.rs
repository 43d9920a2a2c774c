//! How much time of processors a piece of work took.

use std::time::Instant;

/// What a piece of work took, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    /// By the clock on the wall.
    pub(super) wall_s: f64,
    /// Of processors, over all threads; none where the system does not tell.
    pub(super) cpu_s: Option<f64>,
}

/// Begins when the work begins.
#[derive(Debug)]
pub(super) struct Clock {
    begun: Instant,
    cpu_s: Option<f64>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            begun: Instant::now(),
            cpu_s: process_s(),
        }
    }

    pub(super) fn stop(&self) -> Took {
        let cpu_s = process_s()
            .zip(self.cpu_s)
            .map(|(now, before)| now - before);
        Took {
            wall_s: self.begun.elapsed().as_secs_f64(),
            cpu_s,
        }
    }
}

/// Linux counts a process's time, threads that have ended included, in ticks of 10 ms.
fn process_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in brackets and may hold anything; 11 fields follow before the two times.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / 100.0)
}
