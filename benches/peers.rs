//! Monitor rings on Tetrarch's queue and on other simulators, in one run.
//!
//! `README.md` says what the numbers mean. A new implementation is one line in [`IMPLEMENTATIONS`].

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

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tetrarch_benches::Implementation;
use tetrarch_benches::rings::{self, EVENTS_PER_SERVER_HOUR};

const IMPLEMENTATIONS: &[Implementation] = &[
    Implementation {
        name: "tetrarch queue, by group",
        run: rings::by_group,
    },
    Implementation {
        name: "tetrarch queue, at once",
        run: rings::at_once,
    },
    Implementation {
        name: "desque, by group",
        run: rings_desque::by_group,
    },
    Implementation {
        name: "desque, at once",
        run: rings_desque::at_once,
    },
    Implementation {
        name: "nexosim, by group",
        run: rings_nexosim::by_group,
    },
    Implementation {
        name: "nexosim, 1 thread",
        run: rings_nexosim::one_thread,
    },
    Implementation {
        name: "nexosim, 2 threads",
        run: rings_nexosim::two_threads,
    },
];

/// A number of servers and the seconds to simulate, such that one run takes seconds at most.
#[derive(Clone, Copy)]
struct Size {
    servers: usize,
    span_s: u64,
}

const SIZES: &[Size] = &[
    Size {
        servers: 1_000,
        span_s: 600,
    },
    Size {
        servers: 100_000,
        span_s: 60,
    },
    Size {
        servers: 1_000_000,
        span_s: 20,
    },
];

/// For `-- --test`, which only has to show that everything runs.
const SMOKE: &[Size] = &[Size {
    servers: 1_000,
    span_s: 60,
}];

/// When the first run is longer than this, the shortest of three is all: criterion's ten and more
/// would take minutes.
const LONG: Duration = Duration::from_secs(3);

/// Every implementation must process the very same number of events, or the rates compare nothing.
fn assert_equal_counts() {
    for (servers, span_s) in [
        (4, 0),
        (4, 10),
        (4, 100),
        (400, 11),
        (400, 100),
        (2_000, 35),
    ] {
        let expected = (IMPLEMENTATIONS[0].run)(servers, span_s);
        assert_eq!(expected > 0, span_s >= 10, "{servers} servers, {span_s} s");
        for implementation in IMPLEMENTATIONS {
            let events = (implementation.run)(servers, span_s);
            assert_eq!(
                events, expected,
                "{} with {servers} servers, {span_s} s",
                implementation.name
            );
        }
    }
}

/// The shortest of `runs` runs, and the events of each.
fn shortest(implementation: Implementation, size: Size, span_s: u64, runs: u64) -> (Duration, u64) {
    let mut best = Duration::MAX;
    let mut events = 0;
    for _ in 0..runs {
        let start = Instant::now();
        events = (implementation.run)(black_box(size.servers), black_box(span_s));
        best = best.min(start.elapsed());
    }
    (best, events)
}

/// One row of the table: what setting up costs, and the rates without it.
fn print_row(implementation: Implementation, size: Size, best: Duration, events: u64) {
    let (set_up, _) = shortest(implementation, size, 0, 2);
    let run_s = best.saturating_sub(set_up).as_secs_f64();
    let per_s = events as f64 / run_s;
    println!(
        "| {} | {} | {} | {events} | {:.4} | {run_s:.4} | {:.2} | {:.0} |",
        implementation.name,
        size.servers,
        size.span_s,
        set_up.as_secs_f64(),
        per_s / 1e6,
        per_s / EVENTS_PER_SERVER_HOUR as f64,
    );
}

fn measure(criterion: &mut Criterion, implementation: Implementation, size: Size) {
    let (mut best, events) = shortest(implementation, size, size.span_s, 1);
    if best > LONG {
        let (again, _) = shortest(implementation, size, size.span_s, 2);
        print_row(implementation, size, best.min(again), events);
        return;
    }
    let mut group = criterion.benchmark_group("monitor rings");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(events));
    let id = BenchmarkId::new(implementation.name, size.servers);
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|runs| {
            let mut total = Duration::ZERO;
            for _ in 0..runs {
                let (taken, _) = shortest(implementation, size, size.span_s, 1);
                best = best.min(taken);
                total += taken;
            }
            total
        });
    });
    group.finish();
    print_row(implementation, size, best, events);
}

fn main() {
    assert_equal_counts();
    let smoke = std::env::args().any(|argument| argument == "--test");
    let mut criterion = Criterion::default().configure_from_args();
    println!(
        "| implementation | servers | simulated s | events | set-up s | run s | Mevents/s | server-hours/s |"
    );
    for &size in if smoke { SMOKE } else { SIZES } {
        for &implementation in IMPLEMENTATIONS {
            measure(&mut criterion, implementation, size);
        }
    }
    criterion.final_summary();
}
