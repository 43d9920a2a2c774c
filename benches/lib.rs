//! Shared pieces of the benchmark suites: the workloads, and their form on Tetrarch's own code.
//!
//! The forms on other simulators are in the suites themselves, because those simulators are
//! dev-dependencies and no part of this library.

pub mod phold;
pub mod quiet;
pub mod rings;

/// One way to run a workload of servers.
#[derive(Clone, Copy, Debug)]
pub struct Implementation {
    /// What the reports call it.
    pub name: &'static str,
    /// Simulates so many servers for so many seconds, from nothing to the last clean-up, and returns
    /// the number of events processed at or before the end.
    pub run: fn(servers: usize, span_s: u64) -> u64,
}
