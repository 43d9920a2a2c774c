//! What many runs share: a stream of dice for each of them, and threads to run them on.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The dice of run or group `number` among those that start from `seed`.
///
/// The streams of one seed do not overlap, and a run's dice do not depend on the runs before it; so
/// any run can be repeated alone, and on any thread.
pub(crate) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(number);
    dice
}

/// As many `threads` as asked for, or one for each core.
pub(crate) fn pool(threads: Option<usize>) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn streams_are_their_own_and_come_again() {
        let first = stream(1, 0).next_u64();
        assert_eq!(first, stream(1, 0).next_u64());
        assert_ne!(first, stream(1, 1).next_u64());
        assert_ne!(first, stream(2, 0).next_u64());
    }
}
