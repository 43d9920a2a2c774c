//! Fleets of real nodes, beside the bare model of monitor rings on other simulators, in one run.
//!
//! `README.md` says what the numbers mean.

// A benchmark that cannot set its model up has no result to give, so it may as well stop; its table
// is its output, and reading the clock is its purpose.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

mod rings_desque;
mod rings_nexosim;

use std::hint::black_box;
use std::time::{Duration, Instant};

use tetrarch_benches::rings::EVENTS_PER_SERVER_HOUR;
use tetrarch_benches::{Implementation, quiet, rings};

/// What the memory of a fleet must stay below, whatever its size.
const MEMORY_MAX_KIB: u64 = 64 * 1024;

/// The bare models. They hold no state but counts and decide nothing.
const BARE: &[Implementation] = &[
    Implementation {
        name: "bare, tetrarch queue by group",
        run: rings::by_group,
    },
    Implementation {
        name: "bare, desque by group",
        run: rings_desque::by_group,
    },
    Implementation {
        name: "bare, desque at once",
        run: rings_desque::at_once,
    },
    Implementation {
        name: "bare, nexosim by group",
        run: rings_nexosim::by_group,
    },
    Implementation {
        name: "bare, nexosim 1 thread",
        run: rings_nexosim::one_thread,
    },
    Implementation {
        name: "bare, nexosim 2 threads",
        run: rings_nexosim::two_threads,
    },
];

/// A number of servers, and the seconds to simulate of the real nodes and of the bare models.
#[derive(Clone, Copy)]
struct Size {
    servers: usize,
    real_s: u64,
    bare_s: u64,
}

const SIZES: &[Size] = &[
    Size {
        servers: 1_000,
        real_s: 3600,
        bare_s: 600,
    },
    Size {
        servers: 100_000,
        real_s: 3600,
        bare_s: 60,
    },
    Size {
        servers: 1_000_000,
        real_s: 3600,
        bare_s: 20,
    },
];

/// For `-- --test`, which only has to show that everything runs.
const SMOKE: &[Size] = &[Size {
    servers: 1_000,
    real_s: 60,
    bare_s: 60,
}];

/// A run shorter than this is repeated, and the shortest of five counts.
const SHORT: Duration = Duration::from_secs(3);

/// The shortest of several runs, or the only one when it is long.
fn shortest(mut run: impl FnMut() -> u64) -> (Duration, u64) {
    let mut timed = || {
        let start = Instant::now();
        let events = black_box(run());
        (start.elapsed(), events)
    };
    let mut best = timed();
    if best.0 < SHORT {
        for _ in 0..4 {
            best = best.min(timed());
        }
    }
    best
}

/// The largest resident memory of this process so far, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

struct Row<'a> {
    name: &'a str,
    servers: usize,
    span_s: u64,
    events: u64,
    taken: Duration,
    server_hours: f64,
    peak_kib: Option<u64>,
}

fn print_row(row: &Row<'_>) {
    let taken = row.taken.as_secs_f64();
    let peak = row
        .peak_kib
        .map_or(String::new(), |kib| format!("{:.1}", kib as f64 / 1024.0));
    println!(
        "| {} | {} | {} | {} | {taken:.4} | {:.2} | {:.0} | {peak} |",
        row.name,
        row.servers,
        row.span_s,
        row.events,
        row.events as f64 / taken / 1e6,
        row.server_hours / taken,
    );
}

/// The real nodes of the paper's protocol, on one thread and on all cores, set-up included.
fn measure_real(size: Size) {
    let scenario = quiet::scenario(size.real_s).expect("the scenario is valid");
    for (name, threads) in [
        ("real nodes, 1 thread", Some(1)),
        ("real nodes, all cores", None),
    ] {
        let mut hours = 0.0;
        let (taken, events) = shortest(|| {
            let fleet = quiet::run(&scenario, size.servers, threads).expect("the fleet runs");
            hours = fleet.server_hours();
            fleet.totals.inputs
        });
        let peak_kib = peak_kib();
        assert!(
            peak_kib.is_none_or(|kib| kib < MEMORY_MAX_KIB),
            "{name}: {} servers took {peak_kib:?} KiB",
            size.servers
        );
        print_row(&Row {
            name,
            servers: size.servers,
            span_s: size.real_s,
            events,
            taken,
            server_hours: hours,
            peak_kib,
        });
    }
}

/// A bare model. Its set-up, a run of zero seconds, is taken off, as in the suite `peers`.
fn measure_bare(implementation: Implementation, size: Size) {
    let (set_up, _) = shortest(|| (implementation.run)(black_box(size.servers), 0));
    let (taken, events) = shortest(|| (implementation.run)(black_box(size.servers), size.bare_s));
    print_row(&Row {
        name: implementation.name,
        servers: size.servers,
        span_s: size.bare_s,
        events,
        taken: taken.saturating_sub(set_up),
        server_hours: events as f64 / EVENTS_PER_SERVER_HOUR as f64,
        peak_kib: None,
    });
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let sizes = if smoke { SMOKE } else { SIZES };
    println!(
        "| implementation | servers | simulated s | events | run s | Mevents/s | server-hours/s | peak MiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    // Before the others, whose memory would hide theirs.
    for &size in sizes {
        measure_real(size);
    }
    for &size in sizes {
        for &implementation in BARE {
            measure_bare(implementation, size);
        }
    }
}
