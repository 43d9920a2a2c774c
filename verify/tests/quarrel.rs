//! Two servers never have the same thing, however much they quarrel.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/quarrel.rs"]
mod quarrel;

use std::ops::RangeInclusive;

use quarrel::Quarrel;
use tetrarch_core::Span;
use tetrarch_sim::parameters::Parameters;

/// Those at the end had two holders of an address before a virtual server that is suspended with its address kept the
/// votes for it.
const SEEDS: [RangeInclusive<u64>; 4] = [0..=400, 2232..=2232, 4179..=4179, 11_840..=11_840];

#[test]
fn nobody_has_what_another_has() {
    let timing = Parameters::paper().timing();
    let mut moves = 0;
    for seed in SEEDS.into_iter().flatten() {
        let mut quarrel = Quarrel::new(seed, timing, None);
        assert_eq!(quarrel.run(Span::from_secs(600)), None, "seed {seed}");
        moves += quarrel.moves;
    }
    assert!(moves > 4000, "addresses moved {moves} times only");
}
