//! How long a group may take until all is well, once everything has been repaired.

use tetrarch_core::Span;

use crate::parameters::Parameters;

/// How many rounds the bound allows: the recovery that was under way when all was repaired, the one
/// for what it left behind (it may have restarted a server that was repaired already), and one more
/// for a server that both of these have cut out and that is taken back after them.
const ROUNDS: u64 = 3;

/// The longest that a group of `size` servers may take from the instant at which everything is
/// repaired until every function is served by its own server, all servers are members, and all
/// views of the group are equal.
///
/// It is made of rounds, of which [`BOUND_TEXT`] gives the parts. In each, a command that got lost is
/// waited for until it counts as failed, the judgement time passes before and after the power-on,
/// the server restarts while all others start from the same file server, four examinations stay
/// without a result, and every manager finds out two cycles later.
#[must_use]
pub fn progress_bound(parameters: &Parameters, size: usize) -> Span {
    let p = parameters;
    let boot = p.server_restart + p.start_shared.times(size as u64) + p.service_ready;
    let cycle = p.inter_monitoring + p.sync_grace + p.join_wait;
    let round =
        p.job_max + p.judgement_max.times(2) + boot + p.examination_max.times(4) + cycle.times(2);
    round.times(ROUNDS)
}

/// How [`progress_bound`] comes about, for reports and help.
pub const BOUND_TEXT: &str = "3 rounds of: job_max + 2 judgement_max + (server_restart + servers x start_shared + \
service_ready) + 4 examination_max + 2 (inter_monitoring + sync_grace + join_wait)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_s_ring_of_four_has_this_bound() {
        // 120 + 2 x 105 + (56.4 + 4 x 0.4 + 1.8) + 4 x 10 + 2 (10 + 3 + 1) = 457.8, three times.
        let bound = progress_bound(&Parameters::paper(), 4);
        assert_eq!(bound, Span::from_millis(1_373_400));
    }
}
