//! The cost of one step of a node, and of the paper's tables.
//!
//! `--once N` replays the quiet hour N times and does nothing else, for counting instructions:
//! `README.md` has the command.

// A benchmark that cannot set its model up has no result to give, so it may as well stop.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use tetrarch_benches::quiet::{self, Replay};
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::reproduce::{Table, simulate};

/// All that `reproduce` simulates.
const ALL: &[Table] = &[Table::Fig6, Table::Fig7, Table::Pairs];
/// What all of it may take of a core, in nanoseconds.
const REPRODUCE_MAX_NS: u64 = 50_000_000;

fn replay(span_s: u64) -> Replay {
    let scenario = quiet::scenario(span_s).expect("the scenario is valid");
    Replay::record(&scenario).expect("the core takes the scenario")
}

fn measure(criterion: &mut Criterion) {
    let mut replay = replay(3600);
    let mut group = criterion.benchmark_group("node");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Elements(replay.inputs() as u64));
    group.bench_function("steps of a quiet hour", |bencher| {
        bencher.iter(|| replay.run());
    });
    group.finish();

    let parameters = Parameters::paper();
    let mut group = criterion.benchmark_group("reproduce without pictures");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(3));
    let tables = [
        ("fig6", &[Table::Fig6][..]),
        ("fig7", &[Table::Fig7]),
        ("pairs", &[Table::Pairs]),
        ("all", ALL),
    ];
    for (name, tables) in tables {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for table in tables {
                    black_box(simulate(*table, &parameters).expect("the parameters are valid"));
                }
            });
        });
    }
    group.finish();
}

/// How long this thread has run on a core so far, in nanoseconds, where the system tells.
fn cpu_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Fails when the paper's tables take more than [`REPRODUCE_MAX_NS`] of a core, however busy it is.
fn check_reproduce() {
    let mut least = u64::MAX;
    for _ in 0..5 {
        let Some(start) = cpu_ns() else { return };
        for table in ALL {
            black_box(simulate(*table, &Parameters::paper()).expect("the parameters are valid"));
        }
        least = least.min(cpu_ns().unwrap_or(start).saturating_sub(start));
    }
    let ms = least as f64 / 1e6;
    println!("reproduce without pictures: {ms:.1} ms of CPU");
    assert!(
        least < REPRODUCE_MAX_NS,
        "the tables took {ms:.1} ms of CPU"
    );
}

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--once");
    if arguments.next().is_some() {
        let times = arguments
            .next()
            .and_then(|times| times.parse().ok())
            .unwrap_or(1);
        let mut replay = replay(3600);
        for _ in 0..times {
            black_box(replay.run());
        }
        println!("{} inputs in each of {times} replays", replay.inputs());
        return;
    }
    check_reproduce();
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
}
