//! Jitter: how the physical parameters of repeated runs scatter about their nominal values.
//!
//! Each run draws one factor for each row of [`JITTER`], from a normal distribution about 1 that is
//! cut off at [`CUT`] standard deviations, and multiplies the scenario's value by it. What an operator
//! sets (waits, limits, intervals) and what a machine has (memory, rates) stays exact.

use rand::Rng;

use crate::parameters::{Parameter, ParameterError, Parameters, UnitKind, Value};
use crate::units::Ratio;

/// How one parameter scatters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// The parameter, by its name in [`crate::parameters::TABLE`].
    pub key: &'static str,
    /// The standard deviation of the factor.
    pub sigma: Ratio,
}

/// Factors further from 1 than this many standard deviations are drawn again.
pub const CUT: u32 = 3;

/// Table 1 gives means of measured times; those of one machine in one place scatter little.
const MEASURED: Ratio = Ratio::from_ppm(20_000);
/// What was computed back from the published results, or assumed, is known less well.
const SUPPOSED: Ratio = Ratio::from_ppm(100_000);

const fn row(key: &'static str, sigma: Ratio) -> Jitter {
    Jitter { key, sigma }
}

/// The distributions: a normal about the scenario's value with this relative standard deviation, cut
/// at three of them. Every parameter that is not here stays exact.
pub static JITTER: &[Jitter] = &[
    row("server_start", MEASURED),
    row("server_restart", MEASURED),
    row("virtual_server_start", MEASURED),
    row("virtual_server_resume", MEASURED),
    row("network_examination_normal", MEASURED),
    row("network_examination_abnormal", MEASURED),
    row("remote_command", SUPPOSED),
    row("hand_off", SUPPOSED),
    row("service_ready", SUPPOSED),
    row("resume_shared", SUPPOSED),
    row("start_shared", SUPPOSED),
    row("link_delay", SUPPOSED),
    row("virtual_server_suspend", SUPPOSED),
];

/// The parameters of one run: `nominal` scattered by the next draws of `dice`. `spread` scales every
/// standard deviation, from none at all to that of the table.
///
/// A value never leaves the range that its unit allows. Of two parameters of which one must not be
/// smaller than the other, such as the restart and the start of a server, the smaller one is raised
/// to the other's value where the draws have crossed.
///
/// # Errors
///
/// When the scattered parameters are not valid together, which takes nominal ones that are not.
pub fn scatter(
    nominal: &Parameters,
    spread: Ratio,
    dice: &mut impl Rng,
) -> Result<Parameters, ParameterError> {
    let mut parameters = nominal.clone();
    for jitter in JITTER {
        // Drawn even where it has no effect, so that a run's other draws do not depend on it.
        let deviation = truncated_normal(dice);
        let sigma = f64::from(jitter.sigma.as_ppm()) / 1e6 * f64::from(spread.as_ppm()) / 1e6;
        let row = Parameter::find(jitter.key)?;
        let value = row.get(nominal);
        let amount = (value.amount() as f64 * (1.0 + sigma * deviation)).round();
        if let Some(value) = within_unit(value.unit(), amount as u64) {
            row.set(&mut parameters, value)?;
        }
    }
    let p = &mut parameters;
    p.server_start = p.server_start.max(p.start_shared);
    p.server_restart = p.server_restart.max(p.server_start);
    p.network_examination_abnormal = p
        .network_examination_abnormal
        .max(p.network_examination_normal);
    parameters.validate()?;
    Ok(parameters)
}

/// The value of `amount` smallest units, or the most that the unit allows; none for units that
/// nothing physical is measured in here.
fn within_unit(unit: UnitKind, amount: u64) -> Option<Value> {
    let amount = amount.min(unit.maximum().amount());
    match unit {
        UnitKind::Duration => Some(Value::Duration(tetrarch_core::Span::from_nanos(amount))),
        UnitKind::Ratio => u32::try_from(amount)
            .ok()
            .map(|ppm| Value::Ratio(Ratio::from_ppm(ppm))),
        UnitKind::Memory | UnitKind::Rate | UnitKind::Data => None,
    }
}

/// A standard normal deviate, cut at [`CUT`]: exact, and the same on every machine.
///
/// The usual transformations need logarithms or cosines, whose last bits differ between platforms.
/// So a deviate is drawn evenly from the whole range and kept with the probability that the
/// density gives it.
fn truncated_normal(dice: &mut impl Rng) -> f64 {
    loop {
        let deviate = f64::from(CUT) * (2.0 * unit(dice) - 1.0);
        if survives(dice, deviate * deviate / 2.0) {
            return deviate;
        }
    }
}

/// True with the probability exp(-`x`), from comparisons of even draws only.
///
/// The chance that n even draws come in descending order below `x` is x^n / n!. So the number of
/// draws before the order breaks is even with the probability 1 - x + x²/2! - ..., which is exp(-x)
/// (von Neumann 1951). It holds for `x` up to 1, so a larger one is taken in equal parts.
fn survives(dice: &mut impl Rng, x: f64) -> bool {
    let parts = x.ceil().max(1.0);
    (0..parts as u32).all(|_| {
        let mut last = x / parts;
        let mut descending = true;
        loop {
            let next = unit(dice);
            if next >= last {
                return descending;
            }
            last = next;
            descending = !descending;
        }
    })
}

/// An even draw from 0 up to but not including 1.
pub(crate) fn unit(dice: &mut impl Rng) -> f64 {
    // 53 bits are what a float holds exactly.
    (dice.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::TABLE;
    use crate::streams::stream;

    /// Settings and what a machine has. A new parameter must be put here or in the table above.
    const EXACT: &[&str] = &[
        "inter_monitoring",
        "reexamination_wait",
        "judgement_max",
        "host_memory",
        "virtual_memory",
        "client_interval",
        "link_rate",
        "file_server_rate",
        "client_rate",
        "sighting_delay",
        "report_delay",
        "fence",
        "address_claim",
        "poll_pause",
        "sync_grace",
        "join_wait",
        "examination_max",
        "job_max",
        "lease_term",
        "lease_margin",
        "host_reserved",
        "client_access",
    ];

    #[test]
    fn every_parameter_is_either_exact_or_scattered() {
        for row in TABLE {
            let scattered = JITTER.iter().filter(|jitter| jitter.key == row.key).count();
            let exact = EXACT.iter().filter(|key| **key == row.key).count();
            assert_eq!(scattered + exact, 1, "{}", row.key);
        }
        assert_eq!(JITTER.len() + EXACT.len(), TABLE.len());
    }

    #[test]
    fn no_spread_leaves_everything_as_it_is() {
        let nominal = Parameters::paper();
        let scattered = scatter(&nominal, Ratio::NONE, &mut stream(1, 1)).unwrap();
        assert_eq!(scattered, nominal);
    }

    #[test]
    fn the_table_and_nothing_else_scatters_within_its_cut() {
        let nominal = Parameters::paper();
        for number in 0..200 {
            let scattered = scatter(&nominal, Ratio::WHOLE, &mut stream(1, number)).unwrap();
            for row in scattered.changes() {
                let jitter = JITTER.iter().find(|jitter| jitter.key == row.key).unwrap();
                let (was, is) = (row.get(&nominal).amount(), row.get(&scattered).amount());
                let most = was as f64 * f64::from(CUT * jitter.sigma.as_ppm()) / 1e6;
                assert!(was.abs_diff(is) as f64 <= most + 1.0, "{}", row.key);
            }
            assert!(scattered.changes().count() >= JITTER.len() - 1);
        }
    }

    #[test]
    fn values_at_their_limits_stay_valid() {
        let mut nominal = Parameters::paper();
        nominal.server_start = tetrarch_core::Span::from_secs(86_400);
        nominal.server_restart = nominal.server_start;
        nominal.network_examination_normal = nominal.network_examination_abnormal;
        nominal.start_shared = nominal.server_start;
        nominal.resume_shared = Ratio::WHOLE;
        nominal.link_delay = tetrarch_core::Span::ZERO;
        nominal.validate().unwrap();
        for number in 0..200 {
            let scattered = scatter(&nominal, Ratio::WHOLE, &mut stream(3, number)).unwrap();
            assert_eq!(scattered.link_delay, tetrarch_core::Span::ZERO);
        }
    }

    #[test]
    fn deviates_are_those_of_the_cut_normal_distribution() {
        let mut dice = stream(5, 0);
        let deviates: Vec<f64> = (0..100_000).map(|_| truncated_normal(&mut dice)).collect();
        let mean = deviates.iter().sum::<f64>() / 1e5;
        let variance = deviates.iter().map(|z| z * z).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015, "{mean}");
        // Cut at three standard deviations the variance is 1 - 6 φ(3) / (2 Φ(3) - 1) = 0.9733.
        assert!((variance - 0.9733).abs() < 0.015, "{variance}");
        let within = |limit: f64| deviates.iter().filter(|z| z.abs() < limit).count() as f64 / 1e5;
        assert!((within(1.0) - 0.6827 / 0.9973).abs() < 0.006);
        assert!((within(2.0) - 0.9545 / 0.9973).abs() < 0.003);
        assert!(within(3.0) == 1.0);
    }

    #[test]
    fn survival_follows_the_exponential() {
        let mut dice = stream(6, 0);
        for x in [0.0, 0.3, 1.0, 2.5, 4.5_f64] {
            let kept = (0..100_000).filter(|_| survives(&mut dice, x)).count() as f64 / 1e5;
            assert!((kept - (-x).exp()).abs() < 0.006, "{x}: {kept}");
        }
    }
}
