//! Back from something that happened to what set it off.

use core::iter;

use tetrarch_core::{
    Action, Event, Input, JobId, Message, Outcome, Output, Owner, ServerId, Span, Time, Timer,
};

use super::journal::{Entry, Journal, Step, What};
use super::part::{Doing, Part, Piece, Stretch};
use super::reads::{Reads, Start};
use super::waits;
use crate::parameters::Parameters;
use crate::scenario::Trouble;
use crate::world::WorldEvent;

/// Goes back through a journal.
pub(super) struct Tracer<'a> {
    pub(super) journal: &'a Journal,
    pub(super) parameters: &'a Parameters,
    pub(super) reads: &'a Reads,
}

/// What an output of a step is about, so that of several timers of one step the right one is
/// followed.
type Focus = (Option<Owner>, ServerId);

/// One step back.
struct Cause {
    place: usize,
    focus: Focus,
    parts: Vec<Part>,
}

impl Tracer<'_> {
    /// The parts from `start` to the entry at `end`, in order; they fill that time without a gap.
    pub(super) fn path(&self, end: usize, about: ServerId, start: Time) -> Vec<Part> {
        let mut place = end;
        let mut focus = (None, about);
        let mut links: Vec<Vec<Part>> = Vec::new();
        while let Some(entry) = self.entry(place).filter(|entry| entry.at > start) {
            let Some(cause) = self.cause(place, entry, focus) else {
                links.push(vec![beginning(entry, start, about)]);
                break;
            };
            links.push(cause.parts);
            place = cause.place;
            focus = cause.focus;
        }
        let parts = links.into_iter().rev().flatten();
        parts
            .filter(|part| part.to > start)
            .map(|part| Part {
                from: part.from.max(start),
                ..part
            })
            .collect()
    }

    /// The host that serves the function whose return is at `place`.
    pub(super) fn host_from(&self, place: usize) -> Option<ServerId> {
        let cause = self.function_back(place, self.entry(place)?)?;
        Some(self.entry(cause.place)?.server)
    }

    fn entry(&self, place: usize) -> Option<&Entry> {
        self.journal.entries.get(place)
    }

    fn cause(&self, place: usize, entry: &Entry, focus: Focus) -> Option<Cause> {
        match &entry.what {
            What::Step(step) => match step.input {
                Input::Start { .. } => self.at_once(place, entry, |other| {
                    other.server == entry.server
                        && matches!(
                            other.what,
                            What::World(
                                WorldEvent::ServicesReady
                                    | WorldEvent::Fault(_)
                                    | WorldEvent::SystemFault(_)
                            )
                        )
                }),
                Input::Message { from, message } => self.message(place, entry, from, message),
                Input::Done { job, outcome } => self.job(place, entry, job, outcome),
                Input::Deadline => self.wait(entry, step, focus),
                // What a server sees has begun a moment before, and is not told of by anybody.
                Input::Seen(_) => None,
                Input::Command(_) | Input::Speaks { .. } => self.at_once(place, entry, |other| {
                    matches!(
                        other.what,
                        What::World(WorldEvent::Fault(_) | WorldEvent::SystemFault(_))
                    )
                }),
            },
            What::World(event) => self.world(place, entry, *event),
        }
    }

    /// A cause of the same instant.
    fn at_once(
        &self,
        place: usize,
        entry: &Entry,
        wanted: impl FnMut(&Entry) -> bool,
    ) -> Option<Cause> {
        let place = self.journal.latest_at(entry.at, place, wanted)?;
        Some(Cause {
            place,
            focus: (None, entry.server),
            parts: Vec::new(),
        })
    }

    fn message(
        &self,
        place: usize,
        entry: &Entry,
        from: ServerId,
        message: Message,
    ) -> Option<Cause> {
        let delay = self.parameters.link_delay;
        let sent = Output::Send {
            to: entry.server,
            message,
        };
        let at = before(entry.at, delay);
        let place = self.journal.latest_at(at, place, |other| {
            other.server == from
                && matches!(&other.what, What::Step(step) if step.outputs.contains(&sent))
        })?;
        let about = match message {
            Message::Sync { target, .. }
            | Message::Up { target }
            | Message::Down { target, .. }
            | Message::Progress { target, .. } => target,
            Message::Take { function } => function,
            _ => entry.server,
        };
        let stretch = Stretch {
            from: at,
            to: entry.at,
            actor: from,
            about,
        };
        Some(Cause {
            place,
            focus: (None, about),
            parts: stretch.filled(&[Piece::new(Doing::Message, &["link_delay"], delay)]),
        })
    }

    /// The step that began the job whose result came.
    fn job(&self, place: usize, entry: &Entry, job: JobId, outcome: Outcome) -> Option<Cause> {
        let (place, action) = self.journal.begun(entry.server, job, place)?;
        let from = self.entry(place)?.at;
        let stretch = Stretch {
            from,
            to: entry.at,
            actor: entry.server,
            about: about(action, job.subject),
        };
        Some(Cause {
            place,
            focus: (Some(job.owner), job.subject),
            parts: stretch.filled(&self.job_pieces(action, outcome, from, entry.at)),
        })
    }

    fn claim_piece(&self) -> Piece {
        Piece::new(
            Doing::Claim,
            &["address_claim"],
            self.parameters.address_claim,
        )
    }

    fn job_pieces(&self, action: Action, outcome: Outcome, from: Time, to: Time) -> Vec<Piece> {
        let p = self.parameters;
        let command = |doing| {
            vec![
                Piece::new(doing, &["remote_command"], p.remote_command),
                Piece::new(Doing::FindEnd, &["hand_off"], p.hand_off),
            ]
        };
        let own = |doing, keys, span| vec![Piece::new(doing, keys, span)];
        match action {
            Action::ExamineNetwork { .. } | Action::ExamineServices { .. } => {
                self.examination_pieces(action, outcome)
            }
            Action::RestartServices { .. } => command(Doing::RestartServices),
            Action::RestartServer { .. } => command(Doing::CommandRestart),
            Action::Assign { .. } => {
                let assigned = command(Doing::Assign);
                iter::once(self.claim_piece()).chain(assigned).collect()
            }
            Action::Release { .. } => command(Doing::Release),
            Action::PowerOn { .. } => own(Doing::CommandPowerOn, &["link_delay"], p.link_delay),
            Action::Fence { .. } => own(Doing::Fence, &["fence"], p.fence),
            Action::Suspend { .. } => own(
                Doing::Suspend,
                &["virtual_server_suspend"],
                p.virtual_server_suspend,
            ),
            Action::Vote { .. } => own(Doing::AskWitness, &["link_delay"], p.link_delay.times(2)),
            Action::AssignOwn | Action::ReleaseOwn => {
                own(Doing::OwnAddress, &["hand_off"], p.hand_off)
            }
            Action::Resume { .. } | Action::ColdStart { .. } => {
                let start = Start::of_virtual(p, action);
                if outcome == Outcome::Failed {
                    vec![start.whole]
                } else {
                    self.reads.pieces(&start, from, to, false)
                }
            }
        }
    }

    fn examination_pieces(&self, action: Action, outcome: Outcome) -> Vec<Piece> {
        let p = self.parameters;
        let failed = outcome == Outcome::Failed;
        let abnormal = |span| {
            Piece::new(
                Doing::NetworkSilent,
                &["network_examination_abnormal"],
                span,
            )
        };
        match action {
            Action::ExamineServices { .. } => {
                let asked = Piece::new(
                    Doing::ExamineServices,
                    &["link_delay"],
                    p.link_delay.times(2),
                );
                if failed {
                    vec![asked, abnormal(p.network_examination_abnormal)]
                } else {
                    vec![asked]
                }
            }
            // The simulator looks for an answer after the normal time before it goes on waiting.
            _ if failed => vec![abnormal(
                p.network_examination_abnormal
                    .max(p.network_examination_normal),
            )],
            _ => vec![Piece::new(
                Doing::NetworkAnswers,
                &["network_examination_normal"],
                p.network_examination_normal,
            )],
        }
    }

    /// The step that set the timer whose wait is over.
    fn wait(&self, entry: &Entry, step: &Step, focus: Focus) -> Option<Cause> {
        let rank = |timer: Timer| {
            let same_subject = waits::subject(timer, entry.server) == focus.1;
            let same_owner = focus.0.is_some() && waits::owner(timer) == focus.0;
            let of_recovery = waits::owner(timer) == Some(Owner::Recovery);
            (same_subject, same_owner, of_recovery)
        };
        let (timer, set) = step
            .fired
            .iter()
            .copied()
            .max_by_key(|(timer, _)| rank(*timer))?;
        let subject = waits::subject(timer, entry.server);
        let focus = (waits::owner(timer), subject);
        let stretch = Stretch {
            from: self.entry(set)?.at,
            to: entry.at,
            actor: entry.server,
            about: subject,
        };
        let span = stretch.to - stretch.from;
        let found = waits::piece(self.parameters, timer, span, self.journal.step(set)?, step);
        if let Timer::Recovery(target) = timer
            && found.is_none_or(|piece| piece.doing == Doing::Pause)
            && let Some(place) = self.judged_since(entry, target)
        {
            let span = self.parameters.judgement_max;
            let stretch = Stretch {
                from: before(entry.at, span),
                ..stretch
            };
            let piece = Piece::new(Doing::AwaitReturn, &["judgement_max"], span);
            return Some(Cause {
                place,
                focus,
                parts: stretch.filled(&[piece]),
            });
        }
        Some(Cause {
            place: set,
            focus,
            parts: stretch.filled(found.as_slice()),
        })
    }

    /// Where the wait for `target` began, when exactly its longest time is over at `entry`. The
    /// examinations meanwhile do not make it longer.
    fn judged_since(&self, entry: &Entry, target: ServerId) -> Option<usize> {
        let at = before(entry.at, self.parameters.judgement_max);
        let place = self.journal.latest_at(at, usize::MAX, |other| {
            let What::Step(step) = &other.what else {
                return false;
            };
            let ended = matches!(
                step.input,
                Input::Done { job, .. } if job.owner == Owner::Recovery && job.subject == target
            );
            let began = step.notes().any(|event| begins(event, target));
            other.server == entry.server && (ended || began)
        });
        place.or_else(|| {
            // Or a job was launched there without a word.
            let timer = Timer::Recovery(target);
            let mut set = self.journal.steps().filter_map(|(_, other, step)| {
                let (_, set) = step.fired.iter().find(|(fired, _)| *fired == timer)?;
                (other.server == entry.server).then_some(*set)
            });
            set.find(|set| self.entry(*set).is_some_and(|begun| begun.at == at))
        })
    }

    fn world(&self, place: usize, entry: &Entry, event: WorldEvent) -> Option<Cause> {
        let server = entry.server;
        match event {
            WorldEvent::Trouble(_)
            | WorldEvent::ServicesRestarting
            | WorldEvent::StandsStill
            | WorldEvent::GoesOn
            | WorldEvent::Fault(_)
            | WorldEvent::FencedInReach
            | WorldEvent::SystemFault(_) => None,
            WorldEvent::PowerLost | WorldEvent::Repaired | WorldEvent::FunctionLost => self
                .at_once(place, entry, |other| match &other.what {
                    What::World(
                        WorldEvent::Fault(_) | WorldEvent::SystemFault(_) | WorldEvent::Trouble(_),
                    ) => true,
                    What::World(WorldEvent::PowerLost | WorldEvent::Restarting) => {
                        event == WorldEvent::FunctionLost && other.server == server
                    }
                    _ => false,
                }),
            WorldEvent::Restarting => self.at_once(place, entry, |other| match &other.what {
                What::World(WorldEvent::Trouble(Trouble::N1t)) => other.server == server,
                What::World(_) => false,
                What::Step(step) => runs(step, Action::RestartServer { target: server }),
            }),
            WorldEvent::Starting => self.at_once(place, entry, |other| match &other.what {
                What::World(WorldEvent::Repaired) => other.server == server,
                What::World(_) => false,
                What::Step(step) => runs(step, Action::PowerOn { target: server }),
            }),
            WorldEvent::Answers => self.came_up(place, entry),
            WorldEvent::ServicesReady => self.services_ready(place, entry),
            WorldEvent::FunctionBack => self.function_back(place, entry),
        }
    }

    fn came_up(&self, place: usize, entry: &Entry) -> Option<Cause> {
        let place = self.journal.latest(place, |other| {
            let starts = [WorldEvent::Restarting, WorldEvent::Starting];
            let starts = starts.map(What::World);
            other.server == entry.server && starts.contains(&other.what)
        })?;
        let begun = self.entry(place)?;
        let What::World(event) = begun.what else {
            return None;
        };
        let stretch = Stretch {
            from: begun.at,
            to: entry.at,
            actor: entry.server,
            about: entry.server,
        };
        let start = Start::of_real(self.parameters, event);
        let pieces = self.reads.pieces(&start, begun.at, entry.at, true);
        Some(Cause {
            place,
            focus: (Some(Owner::Recovery), entry.server),
            parts: stretch.filled(&pieces),
        })
    }

    /// Services become ready after their server's start or after a command.
    fn services_ready(&self, place: usize, entry: &Entry) -> Option<Cause> {
        let server = entry.server;
        let p = self.parameters;
        let ready = Piece::new(Doing::ServicesStart, &["service_ready"], p.service_ready);
        let started = before(entry.at, p.service_ready);
        let answered = self.journal.latest_at(started, place, |other| {
            other.server == server && other.what == What::World(WorldEvent::Answers)
        });
        let stretch = |from, actor| Stretch {
            from,
            to: entry.at,
            actor,
            about: server,
        };
        if let Some(place) = answered {
            return Some(Cause {
                place,
                focus: (None, server),
                parts: stretch(started, server).filled(&[ready]),
            });
        }
        let wanted =
            |action| matches!(action, Action::RestartServices { target, .. } if target == server);
        let commanded = before(started, p.remote_command);
        let place = self.begun_at(commanded, place, wanted)?;
        let command = Piece::new(
            Doing::RestartServices,
            &["remote_command"],
            p.remote_command,
        );
        Some(Cause {
            place,
            focus: (Some(Owner::Recovery), server),
            parts: stretch(commanded, self.entry(place)?.server).filled(&[command, ready]),
        })
    }

    /// Clients are served again when the services are ready, or when somebody takes the address.
    fn function_back(&self, place: usize, entry: &Entry) -> Option<Cause> {
        let function = entry.server;
        let ready = self.at_once(place, entry, |other| {
            other.server == function && other.what == What::World(WorldEvent::ServicesReady)
        });
        if ready.is_some() {
            return ready;
        }
        let command = self.parameters.remote_command;
        let commanded = before(entry.at, self.parameters.address_claim + command);
        let assign = |action| action == Action::Assign { function };
        if let Some(place) = self.begun_at(commanded, place, assign) {
            let stretch = Stretch {
                from: commanded,
                to: entry.at,
                actor: self.entry(place)?.server,
                about: function,
            };
            return Some(Cause {
                place,
                focus: (Some(Owner::Standby), function),
                parts: stretch.filled(&[
                    self.claim_piece(),
                    Piece::new(Doing::Assign, &["remote_command"], command),
                ]),
            });
        }
        self.at_once(place, entry, |other| {
            other.server == function
                && matches!(&other.what, What::Step(step) if runs(step, Action::AssignOwn))
        })
    }

    fn begun_at(&self, at: Time, place: usize, wanted: impl Fn(Action) -> bool) -> Option<usize> {
        self.journal.latest_at(at, place, |other| {
            matches!(&other.what, What::Step(step) if step.jobs().any(|(_, action)| wanted(action)))
        })
    }
}

fn before(at: Time, span: Span) -> Time {
    Time::ZERO + (at - Time::ZERO).saturating_sub(span)
}

/// Whether a manager acts for `target` from here on.
fn begins(event: Event, target: ServerId) -> bool {
    match event {
        Event::Confirmed { target: of, .. } | Event::StoodIn { target: of, .. } => of == target,
        _ => false,
    }
}

fn runs(step: &Step, wanted: Action) -> bool {
    step.jobs().any(|(_, action)| action == wanted)
}

/// The server that a job is about, as its step's owner knows it.
const fn about(action: Action, subject: ServerId) -> ServerId {
    match action {
        Action::ExamineNetwork { target } | Action::ExamineServices { target } => target,
        _ => subject,
    }
}

/// Where the way back ends: at a fault, which the scenario had come when it did, or in the dark.
fn beginning(entry: &Entry, start: Time, about: ServerId) -> Part {
    let stretch = Stretch {
        from: start,
        to: entry.at,
        actor: entry.server,
        about,
    };
    match entry.what {
        What::World(WorldEvent::Trouble(_) | WorldEvent::Fault(_) | WorldEvent::SystemFault(_)) => {
            stretch.scenario()
        }
        _ => stretch.unexplained(),
    }
}
