//! What one run was for one function.

use super::plan::Drill;
use super::table::Row;
use crate::group::{Function, Group};
use crate::outage::{conflicts, outages};
use crate::probe::Seen;

/// The line of a run that began and was mended at these times.
pub(super) fn judge(
    group: &Group,
    drill: &Drill,
    run: u32,
    function: Function,
    (broken_s, mended_s): (f64, f64),
    seen: &Seen,
) -> Row {
    let away: Vec<_> = outages(function, &seen.accesses)
        .into_iter()
        .filter(|outage| outage.begin_s >= broken_s)
        .collect();
    let own = function.to_string();
    let own_accesses = || seen.accesses.iter().filter(|a| a.function == function);
    let home_s = own_accesses()
        .filter(|a| a.at_s >= mended_s && a.outcome.as_ref().ok() == Some(&own))
        .map(|a| a.at_s - mended_s)
        .min_by(f64::total_cmp);
    let accesses = || own_accesses().filter(|a| a.at_s >= broken_s);
    Row {
        manager: group.manager.clone(),
        drill: drill.name.clone(),
        server: drill.function,
        function,
        run,
        outage_s: away.first().map_or(0.0, |outage| outage.length_s),
        served_by: away.first().map_or(String::new(), |o| o.after.clone()),
        further_outages: away.len().saturating_sub(1),
        further_s: sum(away.iter().skip(1).map(|outage| outage.length_s)),
        two_holders_s: sum(conflicts(function, &seen.samples)
            .iter()
            .map(|conflict| conflict.length_s)),
        home_s,
        accesses: accesses().count(),
        failed: accesses().filter(|a| a.outcome.is_err()).count(),
        late_s_max: seen.late_s_max,
    }
}

/// The sum of durations. That of the standard library is -0.0 for none.
fn sum(durations_s: impl Iterator<Item = f64>) -> f64 {
    durations_s.fold(0.0, |sum, duration_s| sum + duration_s)
}
