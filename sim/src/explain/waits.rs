//! Which parameter a node's wait comes from.

use tetrarch_core::{Action, Event, JobId, Owner, ServerId, Span, Timer};

use super::journal::Step;
use super::part::{Doing, Piece};
use crate::parameters::Parameters;

/// The server or function that a timer is about; its own server when it is about no other.
pub(super) const fn subject(timer: Timer, own: ServerId) -> ServerId {
    match timer {
        Timer::Watch(server) | Timer::Recovery(server) | Timer::Standby(server) => server,
        Timer::Beat | Timer::Join | Timer::Own | Timer::Lease | Timer::Vote | Timer::Seen => own,
    }
}

/// The part of a node that a timer wakes.
pub(super) const fn owner(timer: Timer) -> Option<Owner> {
    match timer {
        Timer::Watch(_) => Some(Owner::Watch),
        Timer::Recovery(_) => Some(Owner::Recovery),
        Timer::Standby(_) => Some(Owner::Standby),
        Timer::Own => Some(Owner::Own),
        Timer::Vote => Some(Owner::Vote),
        Timer::Beat | Timer::Join | Timer::Lease | Timer::Seen => None,
    }
}

/// What a wait of `span` for `timer` was, set in the step `set` and over in the step `fired`.
///
/// The steps tell what the node was about, and so which waits are possible; the span tells which of
/// these it was. None when no parameter has this span.
pub(super) fn piece(
    parameters: &Parameters,
    timer: Timer,
    span: Span,
    set: &Step,
    fired: &Step,
) -> Option<Piece> {
    possible(parameters, timer, set, fired)
        .into_iter()
        .find(|piece| piece.span == span)
}

fn possible(p: &Parameters, timer: Timer, set: &Step, fired: &Step) -> Vec<Piece> {
    let overdue = [
        Piece::new(Doing::Overdue, &["examination_max"], p.examination_max),
        Piece::new(Doing::Overdue, &["job_max"], p.job_max),
    ];
    let waits_for =
        |job: JobId| Some(job.owner) == owner(timer) && job.subject == subject(timer, job.subject);
    if set.jobs().any(|(job, _)| waits_for(job)) {
        return overdue.to_vec();
    }
    match timer {
        Timer::Watch(_) => {
            let sign = p.inter_monitoring + p.sync_grace;
            let cycle = &["inter_monitoring"];
            let keys = &["inter_monitoring", "sync_grace"];
            vec![
                Piece::new(Doing::AwaitCycle, cycle, p.inter_monitoring),
                Piece::new(Doing::AwaitSign, keys, sign),
                Piece::new(Doing::AwaitSign, &["sync_grace"], p.sync_grace),
            ]
        }
        Timer::Recovery(target) => recovery(p, target, fired),
        Timer::Standby(_) => vec![
            Piece::new(Doing::Call, &["hand_off"], p.hand_off),
            Piece::new(Doing::Overdue, &["examination_max"], p.examination_max),
        ],
        Timer::Beat => vec![Piece::new(
            Doing::AwaitCycle,
            &["inter_monitoring"],
            p.inter_monitoring,
        )],
        Timer::Seen => vec![Piece::new(Doing::Pause, &["poll_pause"], p.poll_pause)],
        Timer::Join => vec![
            Piece::new(Doing::Join, &["join_wait"], p.join_wait),
            Piece::new(Doing::Join, &["inter_monitoring"], p.inter_monitoring),
            Piece::new(Doing::Join, &["judgement_max"], p.judgement_max),
        ],
        Timer::Own => overdue.to_vec(),
        Timer::Lease => [p.lease_term.part(12), p.lease_term.part(3)]
            .map(|span| Piece::new(Doing::AwaitLease, &["lease_term"], span))
            .to_vec(),
        Timer::Vote => vec![Piece::new(Doing::Overdue, &["lease_term"], p.lease_term)],
    }
}

fn recovery(p: &Parameters, target: ServerId, fired: &Step) -> Vec<Piece> {
    let settle = Piece::new(Doing::Settle, &["reexamination_wait"], p.reexamination_wait);
    let pause = Piece::new(Doing::Pause, &["poll_pause"], p.poll_pause);
    let runs = |wanted: Action| {
        fired
            .jobs()
            .any(|(job, action)| job.owner == Owner::Recovery && action == wanted)
    };
    let launch = Piece::new(Doing::Launch, &["hand_off"], p.hand_off);
    let tries = |event: Event| matches!(event, Event::Tried { target: of, .. } if of == target);
    let reported =
        |event: Event| event == Event::Recovered { target } || event == (Event::GivenUp { target });
    if runs(Action::ExamineServices { target }) {
        vec![settle, pause]
    } else if fired.notes().any(tries) {
        vec![launch, pause]
    } else if runs(Action::ExamineNetwork { target }) {
        vec![pause]
    } else if fired.notes().any(reported) {
        vec![Piece::new(Doing::Report, &["hand_off"], p.hand_off)]
    } else {
        vec![launch, pause]
    }
}
