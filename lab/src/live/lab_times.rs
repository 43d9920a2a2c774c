//! The lab's own times, as parameters of the simulator.

use tetrarch_core::{Action, Outcome, ServerId, Span};
use tetrarch_sim::parameters::{Parameter, Parameters};
use tetrarch_sim::trace::{Entry, Line};
use tetrarch_sim::world::WorldEvent;

use super::nodes::{Job, Told};

/// Every measurement of each parameter, by its key.
pub(super) type Samples = Vec<(&'static str, Vec<Span>)>;

/// What the servers' records say of the parameters. `lines` are all servers' with the faults.
pub(super) fn samples(told: &[Told], lines: &[Line]) -> Samples {
    let jobs = || told.iter().flat_map(|one| &one.jobs);
    let lasted = |wanted: &dyn Fn(&Job) -> bool| -> Vec<Span> {
        let found = jobs().filter(|job| wanted(job));
        found.map(|job| job.end.since(job.begin)).collect()
    };
    let is_ok = |job: &Job| job.outcome == Outcome::Ok;
    // A simulated command is through when its end is found, which the parameters count apart.
    let hand_off = Parameters::paper().hand_off;
    let less = |spans: Vec<Span>, part: Span| -> Vec<Span> {
        spans.iter().map(|span| span.saturating_sub(part)).collect()
    };
    let command = less(
        lasted(&|job| is_ok(job) && is_plain_command(job.action)),
        hand_off,
    );
    let claim = less(
        lasted(&|job| is_ok(job) && matches!(job.action, Action::Assign { .. })),
        hand_off + middle(&command).unwrap_or(Span::ZERO),
    );
    vec![
        (
            "network_examination_normal",
            lasted(&|job| is_ok(job) && matches!(job.action, Action::ExamineNetwork { .. })),
        ),
        (
            "network_examination_abnormal",
            lasted(&|job| !is_ok(job) && matches!(job.action, Action::ExamineNetwork { .. })),
        ),
        (REMOTE_COMMAND, command),
        ("address_claim", claim),
        (
            "virtual_server_resume",
            lasted(&|job| is_ok(job) && matches!(job.action, Action::Resume { .. })),
        ),
        (
            "virtual_server_start",
            lasted(&|job| is_ok(job) && matches!(job.action, Action::ColdStart { .. })),
        ),
        (
            "virtual_server_suspend",
            lasted(&|job| is_ok(job) && matches!(job.action, Action::Suspend { .. })),
        ),
        ("server_restart", returns(told, lines, &is_restart)),
        ("server_start", returns(told, lines, &is_start)),
        // systemd says that a service has been restarted when it is ready, and a restart of a server is
        // counted here until its executer runs.
        ("service_ready", vec![Span::ZERO]),
    ]
}

/// A command to another machine, real or virtual, that does nothing else.
const fn is_plain_command(action: Action) -> bool {
    matches!(
        action,
        Action::RestartServices { .. } | Action::RestartServer { .. } | Action::Release { .. }
    )
}

fn middle(spans: &[Span]) -> Option<Span> {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied()
}

/// What begins a restart of the server: the fault itself, or a manager's order.
fn is_restart(line: &Line) -> Option<ServerId> {
    use tetrarch_sim::scenario::Trouble;
    match line.entry {
        Entry::World(WorldEvent::Trouble(Trouble::N1t)) => Some(line.server),
        Entry::Run(Action::RestartServer { target }) => Some(target),
        _ => None,
    }
}

const fn is_start(line: &Line) -> Option<ServerId> {
    match line.entry {
        Entry::Run(Action::PowerOn { target }) => Some(target),
        _ => None,
    }
}

/// From each begin until the server's executer had started its management programs.
fn returns(told: &[Told], lines: &[Line], begins: &dyn Fn(&Line) -> Option<ServerId>) -> Vec<Span> {
    let begun = lines
        .iter()
        .filter_map(|line| Some((begins(line)?, line.at)));
    begun
        .filter_map(|(server, from)| {
            let starts = &told.get(server.index())?.starts;
            let start = starts.iter().find(|&&start| start > from)?;
            Some(start.since(from))
        })
        .collect()
}

/// What the lab does not have, whatever was measured: its shared area is a folder in this machine's memory,
/// not a file server whose readers wait for each other. What two resumes cost each other in processor time is in
/// the resumes that were measured.
const ABSENT: [(&str, &str); 2] = [("resume_shared", "0"), ("start_shared", "0 s")];

const REMOTE_COMMAND: &str = "remote_command";

/// A parameter that is not the paper's in the lab.
pub(super) struct Changed {
    pub(super) parameter: &'static Parameter,
    /// As a timing file has it.
    pub(super) text: String,
    /// How many measurements it is the median of; none when it is the lab's by its making.
    pub(super) count: Option<usize>,
}

/// The paper's parameters with the medians of what was measured in their places.
pub(super) fn parameters(samples: &Samples) -> (Parameters, Vec<Changed>) {
    let medians = samples.iter().filter_map(|(key, spans)| {
        // Milliseconds are as fine as a noisy machine deserves.
        let median = match middle(spans) {
            // Where nothing but claims was commanded, a claim's time is that of the command too.
            None if *key == REMOTE_COMMAND => Span::ZERO,
            median => median?,
        };
        let median = Span::from_millis(median.as_nanos().div_ceil(1_000_000));
        Some((*key, median.to_string(), Some(spans.len())))
    });
    let absent = ABSENT.map(|(key, text)| (key, text.to_owned(), None));
    let mut parameters = Parameters::paper();
    let mut changed = Vec::new();
    for (key, text, count) in medians.chain(absent) {
        if parameters.set_text(key, &text).is_ok()
            && let Ok(parameter) = Parameter::find(key)
        {
            changed.push(Changed {
                parameter,
                text,
                count,
            });
        }
    }
    (parameters, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_only_claims_had_is_part_of_them() {
        let claim = Span::from_millis(66);
        let text = |samples: Samples| {
            let (_, changed) = parameters(&samples);
            let about = changed
                .into_iter()
                .find(|one| one.parameter.key == REMOTE_COMMAND);
            about.map(|one| (one.text, one.count))
        };
        let only_claims = vec![(REMOTE_COMMAND, vec![]), ("address_claim", vec![claim])];
        assert_eq!(text(only_claims), Some((Span::ZERO.to_string(), Some(0))));
        let both = vec![
            (REMOTE_COMMAND, vec![claim]),
            ("address_claim", vec![claim]),
        ];
        assert_eq!(text(both), Some((claim.to_string(), Some(1))));
    }
}
