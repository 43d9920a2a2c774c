//! How long starts take that share the file server.

use tetrarch_core::{Action, Input, Outcome, Output, ServerId, Span, Time};

use super::journal::{Journal, What};
use super::part::{Doing, Piece};
use crate::parameters::Parameters;
use crate::world::WorldEvent;

/// How far the file server's whole nanoseconds may add up beside its exact shares.
const ROUNDING: Span = Span::from_nanos(64);

/// One read from the file server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Read {
    from: Time,
    to: Time,
}

/// Every read of a run whose end is known.
#[derive(Clone, Debug)]
pub(super) struct Reads {
    reads: Vec<Read>,
    /// The scenario changes the file server, or a read has no end that is seen.
    meddled: bool,
}

/// What a start is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The whole of it, when nobody else reads and the file server has the links' rate.
    pub(super) whole: Piece,
    /// Its part by itself.
    pub(super) own: Piece,
    /// Its read alone at the file server's rate.
    pub(super) read: Piece,
    /// What the read takes longer because of others; its span is not known beforehand.
    pub(super) shared: Piece,
}

impl Start {
    /// A virtual server's start.
    pub(super) fn of_virtual(parameters: &Parameters, action: Action) -> Self {
        let (span, doing, keys, read_keys): (_, _, &'static [_], &'static [_]) = match action {
            Action::ColdStart { .. } => (
                parameters.virtual_server_start,
                Doing::ColdStart,
                &["virtual_server_start"],
                &["virtual_server_start", "resume_shared", "file_server_rate"],
            ),
            _ => (
                parameters.virtual_server_resume,
                Doing::Resume,
                &["virtual_server_resume"],
                &["virtual_server_resume", "resume_shared", "file_server_rate"],
            ),
        };
        let ppm = u128::from(parameters.resume_shared.as_ppm());
        let shared = nanos(u128::from(span.as_nanos()) * ppm / 1_000_000);
        let own_keys = match doing {
            Doing::ColdStart => &["virtual_server_start", "resume_shared"],
            _ => &["virtual_server_resume", "resume_shared"],
        };
        Self {
            whole: Piece::new(doing, keys, span),
            own: Piece::new(doing, own_keys, span.saturating_sub(shared)),
            read: Piece::new(Doing::ReadImage, read_keys, alone(parameters, shared)),
            shared: Piece::new(Doing::ShareImage, read_keys, Span::ZERO),
        }
    }

    /// A real server's start or restart.
    pub(super) fn of_real(parameters: &Parameters, event: WorldEvent) -> Self {
        let (span, doing, keys, own_keys): (_, _, &'static [_], &'static [_]) = match event {
            WorldEvent::Restarting => (
                // The simulator's restart is a shutdown and a start, whatever they are made of.
                parameters.server_restart.max(parameters.server_start),
                Doing::Restart,
                &["server_restart"],
                &["server_restart", "start_shared"],
            ),
            _ => (
                parameters.server_start,
                Doing::Start,
                &["server_start"],
                &["server_start", "start_shared"],
            ),
        };
        let shared = parameters.start_shared;
        let read_keys: &'static [_] = &["start_shared", "file_server_rate"];
        Self {
            whole: Piece::new(doing, keys, span),
            own: Piece::new(doing, own_keys, span.saturating_sub(shared)),
            read: Piece::new(Doing::ReadBoot, read_keys, alone(parameters, shared)),
            shared: Piece::new(Doing::ShareBoot, read_keys, Span::ZERO),
        }
    }
}

/// A read that takes `shared` at the links' rate, alone at the file server's.
fn alone(parameters: &Parameters, shared: Span) -> Span {
    let rates = (
        u128::from(parameters.link_rate.0),
        u128::from(parameters.file_server_rate.0),
    );
    nanos((u128::from(shared.as_nanos()) * rates.0).div_ceil(rates.1))
}

fn nanos(ns: u128) -> Span {
    Span::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

impl Reads {
    pub(super) fn new(journal: &Journal, parameters: &Parameters, meddled: bool) -> Self {
        let mut reads = Vec::new();
        let mut meddled = meddled;
        for (place, entry) in journal.entries.iter().enumerate() {
            match &entry.what {
                What::World(event @ (WorldEvent::Restarting | WorldEvent::Starting)) => {
                    let start = Start::of_real(parameters, *event);
                    let from = entry.at + start.own.span;
                    match came_up(journal, place, entry.server) {
                        Some(to) => reads.push(Read { from, to }),
                        // A read whose reader went away goes on for a while, unseen.
                        None => meddled = true,
                    }
                }
                What::Step(step) => {
                    for output in &step.outputs {
                        let Output::Run { job, action } = *output else {
                            continue;
                        };
                        let (Action::Resume { .. } | Action::ColdStart { .. }) = action else {
                            continue;
                        };
                        let start = Start::of_virtual(parameters, action);
                        match journal.ended(entry.server, job, place) {
                            Some(ended) if succeeded(journal, ended) => {
                                let to = journal.entries[ended].at - Time::ZERO;
                                let to = Time::ZERO + to.saturating_sub(start.own.span);
                                reads.push(Read { from: entry.at, to });
                            }
                            Some(_) => {}
                            None => meddled = true,
                        }
                    }
                }
                What::World(_) => {}
            }
        }
        Self { reads, meddled }
    }

    /// The pieces of a start that took from `from` to `to`; `own_first` tells whether its read comes
    /// last.
    pub(super) fn pieces(
        &self,
        start: &Start,
        from: Time,
        to: Time,
        own_first: bool,
    ) -> Vec<Piece> {
        let is_reference = start.own.span + start.read.span == start.whole.span;
        if is_reference && to - from == start.whole.span {
            return vec![start.whole];
        }
        let lead = if own_first {
            start.own.span
        } else {
            Span::ZERO
        };
        let tail = start.own.span.saturating_sub(lead);
        let read = Read {
            from: from + lead,
            to: Time::ZERO + (to - Time::ZERO).saturating_sub(tail),
        };
        // Without a file server a real server starts from its own disk.
        if read.to <= read.from {
            return vec![start.own];
        }
        let whole = read.to - read.from;
        let extra = whole.saturating_sub(start.read.span);
        let explained = self.meddled || near(extra, self.lost_to_others(read));
        let mut alone = start.read;
        let mut shared = start.shared;
        // A few nanoseconds of rounding belong to the read, and are no sharing.
        if extra <= ROUNDING {
            alone.span = whole;
        } else if explained {
            shared.span = extra;
        }
        if own_first {
            vec![start.own, alone, shared]
        } else {
            vec![alone, shared, start.own]
        }
    }

    /// How much of the time of `read` went to others who read at the same time.
    fn lost_to_others(&self, read: Read) -> Span {
        let mut cuts: Vec<Time> = self
            .reads
            .iter()
            .flat_map(|other| [other.from, other.to])
            .chain([read.from, read.to])
            .filter(|at| *at >= read.from && *at <= read.to)
            .collect();
        cuts.sort_unstable();
        let mut lost = 0_u128;
        for pair in cuts.windows(2) {
            let &[from, to] = pair else { continue };
            let readers = self
                .reads
                .iter()
                .filter(|other| other.from <= from && other.to >= to)
                .count();
            let readers = readers.max(1) as u128;
            lost += u128::from((to - from).as_nanos()) * (readers - 1) / readers;
        }
        nanos(lost)
    }
}

fn near(a: Span, b: Span) -> bool {
    a.saturating_sub(b) <= ROUNDING && b.saturating_sub(a) <= ROUNDING
}

fn succeeded(journal: &Journal, place: usize) -> bool {
    journal.step(place).is_some_and(|step| {
        matches!(
            step.input,
            Input::Done {
                outcome: Outcome::Ok,
                ..
            }
        )
    })
}

/// When the start that began at `place` was over: never, when the run ended first; none, when it was
/// cut short.
fn came_up(journal: &Journal, place: usize, server: ServerId) -> Option<Time> {
    let later = journal.entries.iter().skip(place + 1);
    let mut next = later
        .filter(|entry| entry.server == server)
        .filter(|entry| {
            matches!(
                entry.what,
                What::World(
                    WorldEvent::Answers
                        | WorldEvent::Restarting
                        | WorldEvent::Starting
                        | WorldEvent::PowerLost
                )
            )
        });
    match next.next() {
        None => Some(Time::MAX),
        Some(next) => (next.what == What::World(WorldEvent::Answers)).then_some(next.at),
    }
}
