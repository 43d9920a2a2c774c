//! The event queue alone: hold models with few and with many pending events.
//!
//! `README.md` says what the numbers mean.

// A benchmark that cannot set its model up has no result to give, so it may as well stop.
#![allow(clippy::expect_used, missing_docs)]

mod queue_desque;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use queue_desque::Desque;
use tetrarch_benches::phold::{Hold, Mix, Own, Standard};

/// Measures `count` replacements among `pending` events.
fn measure<H: Hold>(
    criterion: &mut Criterion,
    (suite, mix): (&str, Mix),
    name: &str,
    pending: usize,
    count: u64,
) {
    let mut queue = None;
    let mut group = criterion.benchmark_group(suite);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Elements(count));
    group.bench_function(BenchmarkId::new(name, pending), |bencher| {
        // Filled in here, so that a filtered-out benchmark costs nothing, and only once. Every event
        // is replaced once before the measurement, which brings the queue into its steady state.
        let queue = queue.get_or_insert_with(|| {
            let mut queue = H::fill(pending, mix);
            queue.hold(pending as u64);
            queue
        });
        bencher.iter(|| queue.hold(count));
    });
    group.finish();
}

fn measure_all(criterion: &mut Criterion, load: (&str, Mix), pending: usize, count: u64) {
    measure::<Own>(criterion, load, "tetrarch queue", pending, count);
    measure::<Standard>(criterion, load, "std BinaryHeap", pending, count);
    measure::<Desque>(criterion, load, "desque", pending, count);
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let mut criterion = Criterion::default().configure_from_args();
    for pending in [5, 12, 24, 40] {
        measure_all(&mut criterion, ("group", Mix::Group), pending, 100_000);
    }
    let many = if smoke { 10_000 } else { 1_000_000 };
    for pending in [1_000, many] {
        measure_all(
            &mut criterion,
            ("phold", Mix::Exponential),
            pending,
            200_000,
        );
    }
    criterion.final_summary();
}
