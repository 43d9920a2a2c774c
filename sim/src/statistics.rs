//! What repeated measurements of one time say.

use tetrarch_core::Span;

/// A sample of times, summed up. All but the counts are times, in whole nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// The arithmetic mean.
    pub mean: Span,
    /// The standard deviation, with n - 1 below the fraction line; none for a single time.
    pub deviation: Option<Span>,
    /// Half the width of the 95 % confidence interval of the mean, after Student; none for a
    /// single time. The interval is `mean` - `margin` to `mean` + `margin`.
    pub margin: Option<Span>,
    /// The shortest time.
    pub min: Span,
    /// The 5th percentile. Percentiles are by nearest rank, so each is a time that occurred.
    pub p5: Span,
    /// The median, by nearest rank.
    pub p50: Span,
    /// The 95th percentile.
    pub p95: Span,
    /// The 99th percentile.
    pub p99: Span,
    /// The longest time.
    pub max: Span,
}

impl Statistics {
    /// Sums up `times`; none when there are none. The same times in the same order give the same
    /// result to the last bit.
    #[must_use]
    pub fn of(times: &[Span]) -> Option<Self> {
        let count = times.len();
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let sum: u128 = times.iter().map(|time| u128::from(time.as_nanos())).sum();
        let mean = sum as f64 / count as f64;
        let squares: f64 = times
            .iter()
            .map(|time| (time.as_nanos() as f64 - mean).powi(2))
            .sum();
        let freedom = count - 1;
        let deviation = (freedom > 0).then(|| (squares / freedom as f64).sqrt());
        let margin = deviation.map(|sd| student_975(freedom) * sd / (count as f64).sqrt());
        let rank = |percent: usize| sorted[(percent * count).div_ceil(100).max(1) - 1];
        Some(Self {
            mean: rounded(mean),
            deviation: deviation.map(rounded),
            margin: margin.map(rounded),
            min,
            p5: rank(5),
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max,
        })
    }
}

fn rounded(ns: f64) -> Span {
    Span::from_nanos(ns.round() as u64)
}

/// The 97.5 % quantile of Student's distribution for 1 to 30 degrees of freedom.
const STUDENT_975: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004,
    2.262_157, 2.228_139, 2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905,
    2.109_816, 2.100_922, 2.093_024, 2.085_963, 2.079_614, 2.073_873, 2.068_658, 2.063_899,
    2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

/// The 97.5 % quantile of Student's distribution, to five places: from the table, and beyond it by
/// the first terms of its expansion about the normal one (Abramowitz and Stegun, 26.7.5).
fn student_975(freedom: usize) -> f64 {
    if let Some(quantile) = freedom.checked_sub(1).and_then(|at| STUDENT_975.get(at)) {
        return *quantile;
    }
    const Z: f64 = 1.959_963_985;
    let n = freedom as f64;
    let (z3, z5) = (Z * Z * Z, Z * Z * Z * Z * Z);
    Z + (z3 + Z) / (4.0 * n) + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * n * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(times: &[u64]) -> Vec<Span> {
        times.iter().copied().map(Span::from_millis).collect()
    }

    #[test]
    fn a_small_sample_by_hand() {
        let found = Statistics::of(&ms(&[2000, 4000, 4000, 4000, 5000, 5000, 7000, 9000])).unwrap();
        assert_eq!(found.mean, Span::from_millis(5000));
        // Squares of 9, 1, 1, 1, 0, 0, 4 and 16 over 7.
        assert_eq!(found.deviation, Some(Span::from_nanos(2_138_089_935)));
        // 2.364624 × 2.138089935 / √8.
        let margin = found.margin.unwrap().as_secs_f64();
        assert!((margin - 1.787_487).abs() < 1e-5, "{margin}");
        assert_eq!(
            (found.min, found.max),
            (Span::from_secs(2), Span::from_secs(9))
        );
        assert_eq!(found.p5, Span::from_secs(2));
        assert_eq!(found.p50, Span::from_secs(4));
        assert_eq!(found.p95, Span::from_secs(9));
    }

    #[test]
    fn percentiles_are_by_nearest_rank_whatever_the_order() {
        let mut times: Vec<u64> = (1..=200).collect();
        times.reverse();
        let found = Statistics::of(&ms(&times)).unwrap();
        assert_eq!(found.p5, Span::from_millis(10));
        assert_eq!(found.p50, Span::from_millis(100));
        assert_eq!(found.p95, Span::from_millis(190));
        assert_eq!(found.p99, Span::from_millis(198));
    }

    #[test]
    fn one_time_has_no_spread_and_none_has_nothing() {
        let one = Statistics::of(&ms(&[7])).unwrap();
        assert_eq!((one.mean, one.p99), (one.min, one.max));
        assert_eq!((one.deviation, one.margin), (None, None));
        assert_eq!(Statistics::of(&[]), None);
    }

    #[test]
    fn equal_times_have_no_deviation() {
        let found = Statistics::of(&ms(&[3; 50])).unwrap();
        assert_eq!(found.deviation, Some(Span::ZERO));
        assert_eq!(found.margin, Some(Span::ZERO));
        assert_eq!(found.mean, Span::from_millis(3));
    }

    #[test]
    fn quantiles_agree_with_published_tables() {
        for (freedom, quantile) in [(1, 12.7062), (30, 2.0423), (31, 2.0395), (40, 2.0211)] {
            assert!((student_975(freedom) - quantile).abs() < 1e-4, "{freedom}");
        }
        for (freedom, quantile) in [(60, 2.0003), (120, 1.9799), (100_000, 1.95999)] {
            assert!((student_975(freedom) - quantile).abs() < 1e-4, "{freedom}");
        }
    }
}
