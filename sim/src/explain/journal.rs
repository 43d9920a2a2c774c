//! Everything that happened in a run, with enough of its causes to go back from any of it to what
//! set it off.
//!
//! The trace tells what nodes decided. The journal also keeps what they were told, and when each of
//! their timers was set, so that every wait has a beginning and every job's end has its start.

use tetrarch_core::{Action, ConfigError, Event, Input, JobId, Output, ServerId, Time, Timer};

use crate::observer::Observer;
use crate::parameters::Parameters;
use crate::scenario::Scenario;
use crate::simulation::Simulation;
use crate::trace::Recorder;
use crate::world::{Outage, WorldEvent};

/// One thing that happened: a step of a node, or a change of the simulated system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Time,
    pub(super) server: ServerId,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Step(Step),
    World(WorldEvent),
}

/// What a node was told, what it decided, and which of its timers woke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) input: Input,
    pub(super) outputs: Vec<Output>,
    /// The timers that were due, each with the place of the step that had set it.
    pub(super) fired: Vec<(Timer, usize)>,
}

impl Step {
    pub(super) fn notes(&self) -> impl Iterator<Item = Event> + '_ {
        self.outputs.iter().filter_map(|output| match output {
            Output::Note(event) => Some(*event),
            _ => None,
        })
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = (JobId, Action)> + '_ {
        self.outputs.iter().filter_map(|output| match output {
            Output::Run { job, action } => Some((*job, *action)),
            _ => None,
        })
    }
}

/// The entries of a run in the order in which they happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    pub(super) entries: Vec<Entry>,
}

impl Observer for Journal {
    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        let step = Step {
            input: *input,
            outputs: Vec::new(),
            fired: Vec::new(),
        };
        self.push(now, server, What::Step(step));
    }

    fn output(&mut self, _now: Time, server: ServerId, output: &Output) {
        // What a node wants done may change the system at once, so the step is not always the last.
        let mut latest = self.entries.iter_mut().rev();
        let step = latest.find_map(|entry| match &mut entry.what {
            What::Step(step) if entry.server == server => Some(step),
            _ => None,
        });
        if let Some(step) = step {
            step.outputs.push(*output);
        }
    }

    fn world(&mut self, now: Time, server: ServerId, event: WorldEvent) {
        self.push(now, server, What::World(event));
    }
}

impl Journal {
    fn push(&mut self, at: Time, server: ServerId, what: What) {
        self.entries.push(Entry { at, server, what });
    }

    pub(super) fn step(&self, place: usize) -> Option<&Step> {
        match &self.entries.get(place)?.what {
            What::Step(step) => Some(step),
            What::World(_) => None,
        }
    }

    /// The steps with their places, servers and instants.
    pub(super) fn steps(&self) -> impl Iterator<Item = (usize, &Entry, &Step)> {
        let step = |(place, entry): (usize, &'_ Entry)| match &entry.what {
            What::Step(_) => Some(place),
            What::World(_) => None,
        };
        self.entries
            .iter()
            .enumerate()
            .filter_map(step)
            .filter_map(|place| Some((place, self.entries.get(place)?, self.step(place)?)))
    }

    /// The latest entry before `before` that is `wanted`.
    pub(super) fn latest(
        &self,
        before: usize,
        mut wanted: impl FnMut(&Entry) -> bool,
    ) -> Option<usize> {
        (0..before.min(self.entries.len()))
            .rev()
            .find(|place| wanted(&self.entries[*place]))
    }

    /// The latest entry of the instant `at` and before `before` that is `wanted`.
    pub(super) fn latest_at(
        &self,
        at: Time,
        before: usize,
        mut wanted: impl FnMut(&Entry) -> bool,
    ) -> Option<usize> {
        (0..before.min(self.entries.len()))
            .rev()
            .skip_while(|place| self.entries[*place].at > at)
            .take_while(|place| self.entries[*place].at == at)
            .find(|place| wanted(&self.entries[*place]))
    }

    /// Where a job was begun and what it was, searched back from `before`.
    pub(super) fn begun(
        &self,
        server: ServerId,
        job: JobId,
        before: usize,
    ) -> Option<(usize, Action)> {
        let action = |entry: &Entry| match &entry.what {
            What::Step(step) if entry.server == server => step
                .jobs()
                .find(|(begun, _)| *begun == job)
                .map(|(_, action)| action),
            _ => None,
        };
        let place = self.latest(before, |entry| action(entry).is_some())?;
        Some((place, action(&self.entries[place])?))
    }

    /// Where the result of a job came, searched on from the step that began it.
    pub(super) fn ended(&self, server: ServerId, job: JobId, after: usize) -> Option<usize> {
        let rest = self.entries.iter().enumerate().skip(after);
        rest.filter(|(_, entry)| entry.server == server)
            .find(|(_, entry)| match &entry.what {
                What::Step(step) => {
                    matches!(step.input, Input::Done { job: ended, .. } if ended == job)
                }
                What::World(_) => false,
            })
            .map(|(place, _)| place)
    }
}

/// What a journalled run leaves.
pub(super) struct Journalled {
    pub(super) journal: Journal,
    pub(super) recorder: Recorder,
    pub(super) outages: Vec<Vec<Outage>>,
}

/// Runs `scenario` and keeps its journal.
pub(super) fn run(
    scenario: &Scenario,
    parameters: &Parameters,
    seed: u64,
) -> Result<Journalled, ConfigError> {
    let observer = (Journal::default(), Recorder::default());
    let mut simulation = Simulation::with_parameters(scenario, parameters, seed, observer)?;
    let size = scenario.group.len();
    let mut timers = Timers {
        due: vec![Timer::all().map(|timer| (timer, None)).collect(); size],
        fired: Vec::new(),
    };
    let mut seen = 0;
    loop {
        timers.look(&simulation, seen);
        seen = simulation.observer().0.entries.len();
        if !simulation.advance(scenario.end()) {
            break;
        }
    }
    simulation.run_until(scenario.end());
    let outages = ServerId::all(size)
        .map(|function| simulation.outages(function).to_vec())
        .collect();
    let (mut journal, recorder) = simulation.into_observer();
    for (place, fired) in timers.fired {
        if let Some(What::Step(step)) = journal.entries.get_mut(place).map(|entry| &mut entry.what)
        {
            step.fired = fired;
        }
    }
    Ok(Journalled {
        journal,
        recorder,
        outages,
    })
}

/// When a timer is due, and the place of the step that set it.
type Due = (Timer, Option<(Time, usize)>);

/// Each node's timers after its last step.
struct Timers {
    due: Vec<Vec<Due>>,
    /// The timers that woke a node, by the place of the step in which they did.
    fired: Vec<(usize, Vec<(Timer, usize)>)>,
}

impl Timers {
    /// Looks at the nodes that have stepped since the journal had `seen` entries.
    fn look(&mut self, simulation: &Simulation<(Journal, Recorder)>, seen: usize) {
        let entries = &simulation.observer().0.entries;
        for (place, entry) in entries.iter().enumerate().skip(seen) {
            let What::Step(step) = &entry.what else {
                continue;
            };
            let due = &mut self.due[entry.server.index()];
            if step.input == Input::Deadline {
                let fired = due
                    .iter()
                    .filter_map(|(timer, due)| {
                        due.filter(|(at, _)| *at <= entry.at)
                            .map(|(_, set)| (*timer, set))
                    })
                    .collect();
                self.fired.push((place, fired));
            }
            let view = simulation.nodes()[entry.server.index()].view();
            for (timer, due) in due {
                let now = view.due(*timer);
                if now != due.map(|(at, _)| at) {
                    *due = now.map(|at| (at, place));
                }
            }
        }
    }
}
