//! The run as sentences in the order of time.

use tetrarch_core::{
    Action, Event, Input, Members, Message, Outcome, Output, Owner, SERVERS_MAX, ServerId,
    ServiceSet, Span, Time,
};

use super::cause::Tracer;
use super::journal::{Entry, Step, What};
use super::words::Words;
use crate::measure::Measured;
use crate::scenario::{FaultAction, Metric, Scenario};
use crate::world::WorldEvent;

/// One thing that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// When; for what repeats itself, the first time.
    pub at: Time,
    /// How long after the trouble of the server that it is about; of the first trouble, when that
    /// server has none. None before it.
    pub since_trouble: Option<Span>,
    /// The same since a manager's log first had that trouble.
    pub since_detection: Option<Span>,
    /// Who did it, or where it happened.
    pub server: ServerId,
    /// The server or function that it is about.
    pub about: ServerId,
    /// What sort of sentence it is.
    pub kind: Kind,
    /// What happened.
    pub text: String,
    /// The measured time of `about` that ends here.
    pub reached: Option<Metric>,
}

/// The sort of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The scenario did it.
    Fault,
    /// A manager decided or found out.
    Manager,
    /// The system changed without a manager knowing.
    System,
    /// Clients noticed it.
    Clients,
    /// Nothing worth a sentence of its own happened, several times.
    Repeated,
}

impl Kind {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Manager => "manager",
            Self::System => "system",
            Self::Clients => "clients",
            Self::Repeated => "repeated",
        }
    }
}

/// Something that happened several times.
#[derive(Clone, Copy, Debug)]
struct Repeated {
    count: u32,
    server: ServerId,
    from: Time,
    to: Time,
}

impl Repeated {
    fn count(slot: &mut Option<Self>, server: ServerId, at: Time) {
        let fresh = Self {
            count: 0,
            server,
            from: at,
            to: at,
        };
        let repeated = slot.get_or_insert(fresh);
        repeated.count += 1;
        repeated.to = at;
    }
}

/// Tells a run.
struct Teller<'a> {
    tracer: &'a Tracer<'a>,
    measured: &'a [Measured],
    group: &'a [String],
    faults: Vec<FaultAction>,
    members: Members,
    sentences: Vec<Sentence>,
    /// Examinations that found everything healthy since the last sentence.
    quiet: Option<Repeated>,
    /// Vain examinations of each server that is expected back.
    polls: [Option<Repeated>; SERVERS_MAX],
}

/// The sentences of a run.
pub(super) fn tell(
    tracer: &Tracer<'_>,
    scenario: &Scenario,
    measured: &[Measured],
) -> Vec<Sentence> {
    let members = Members::first(scenario.group.len());
    let mut teller = Teller {
        tracer,
        measured,
        group: &scenario.group,
        faults: scenario
            .faults
            .iter()
            .map(|fault| fault.action.clone())
            .collect(),
        members,
        sentences: Vec::new(),
        quiet: None,
        polls: [None; SERVERS_MAX],
    };
    teller.open();
    for (place, entry) in tracer.journal.entries.iter().enumerate() {
        match &entry.what {
            What::World(event) => teller.world(place, entry, *event),
            What::Step(step) => teller.step(place, entry, step),
        }
    }
    teller.flush_quiet(scenario.end());
    for server in ServerId::all(scenario.group.len()) {
        teller.flush_polls(server);
    }
    teller.sentences.sort_by_key(|sentence| sentence.at);
    teller.sentences
}

impl Teller<'_> {
    fn words(&self) -> Words<'_> {
        Words {
            group: self.group,
            members: self.members,
        }
    }

    fn open(&mut self) {
        let ring = self.words().list(self.members);
        let managers = if self.members.len() > 2 {
            "each server is P1 of the next one and P2 of the one before it"
        } else {
            "each server is P1 of the other"
        };
        let text = format!("the ring is {ring}: {managers}");
        let first = ServerId::all(1).next();
        if let Some(first) = first {
            self.push(Time::ZERO, first, first, Kind::Manager, text);
        }
    }

    fn push(&mut self, at: Time, server: ServerId, about: ServerId, kind: Kind, text: String) {
        let own = self.measured.get(about.index());
        let first = self
            .measured
            .iter()
            .filter(|measured| measured.struck.is_some())
            .min_by_key(|measured| measured.struck);
        let clock = own.filter(|own| own.struck.is_some()).or(first);
        let since = |from: Option<Time>| from.filter(|from| *from <= at).map(|from| at - from);
        self.sentences.push(Sentence {
            at,
            since_trouble: since(clock.and_then(|clock| clock.struck)),
            since_detection: since(clock.and_then(|clock| clock.detected)),
            server,
            about,
            kind,
            text,
            reached: None,
        });
    }

    fn say(&mut self, entry: &Entry, about: ServerId, kind: Kind, text: String) {
        self.flush_quiet(entry.at);
        self.push(entry.at, entry.server, about, kind, text);
    }

    fn reach(&mut self, server: ServerId, metric: Metric) {
        let is_new =
            |sentence: &Sentence| (sentence.about, sentence.reached) != (server, Some(metric));
        let Some(measured) = self.measured.get(server.index()) else {
            return;
        };
        let start = match metric {
            Metric::Function | Metric::Target => measured.detected,
            Metric::Disconnection => measured.struck,
        };
        if measured.get(metric).is_some()
            && self.sentences.iter().all(is_new)
            && let Some(last) = self.sentences.last_mut()
            && start.is_some_and(|start| last.at >= start)
        {
            last.reached = Some(metric);
        }
    }

    /// Examinations that find everything healthy are worth a sentence only when nothing else
    /// happens for more than two cycles.
    fn flush_quiet(&mut self, now: Time) {
        let cycles = self.tracer.parameters.inter_monitoring.times(2);
        let last = self.sentences.last().map_or(Time::ZERO, |last| last.at);
        let Some(quiet) = self.quiet.take() else {
            return;
        };
        if now - last > cycles || last == Time::ZERO {
            let Repeated {
                count,
                server,
                from,
                to,
            } = quiet;
            let found = match count {
                1 => "an examination finds its target healthy".to_owned(),
                _ => format!("{count} examinations find their targets healthy"),
            };
            let text = format!("quiet until {to}: {found}");
            self.push(from, server, server, Kind::Repeated, text);
        }
    }

    fn flush_polls(&mut self, target: ServerId) {
        if let Some(polls) = self.polls[target.index()].take() {
            let words = self.words();
            let (me, it) = (words.name(polls.server), words.name(target));
            let times = match polls.count {
                1 => "once".to_owned(),
                count => format!("{count} times until {}", polls.to),
            };
            let text = format!("{me} examines {it}'s network {times}: no answer");
            self.push(polls.from, polls.server, target, Kind::Repeated, text);
        }
    }

    fn world(&mut self, place: usize, entry: &Entry, event: WorldEvent) {
        let (server, kind) = match event {
            WorldEvent::Trouble(_) | WorldEvent::Fault(_) | WorldEvent::SystemFault(_) => {
                (entry.server, Kind::Fault)
            }
            WorldEvent::FunctionLost | WorldEvent::FunctionBack => (entry.server, Kind::Clients),
            _ => (entry.server, Kind::System),
        };
        let host = (event == WorldEvent::FunctionBack)
            .then(|| self.tracer.host_from(place))
            .flatten();
        let text = self.words().world(server, event, host, &self.faults);
        self.say(entry, server, kind, text);
        if event == WorldEvent::FunctionBack {
            self.reach(server, Metric::Disconnection);
        }
    }

    fn step(&mut self, place: usize, entry: &Entry, step: &Step) {
        self.count(place, entry, step);
        for (order, output) in step.outputs.iter().enumerate() {
            let said = match *output {
                Output::Note(event) => self.note(entry, event),
                Output::Send { message, .. } => receivers(step, order, message)
                    .and_then(|to| self.words().send(entry.server, to, message)),
                Output::Run { action, .. } => self.words().run(entry.server, action),
                Output::Cancel { .. } | Output::Hold { .. } | Output::Announce { .. } => None,
            };
            if let Some((about, text)) = said {
                self.say(entry, about, Kind::Manager, text);
            }
            match *output {
                Output::Note(Event::Served { function }) => self.reach(function, Metric::Function),
                Output::Note(Event::Recovered { target }) => self.reach(target, Metric::Target),
                _ => {}
            }
        }
    }

    fn note(&mut self, entry: &Entry, event: Event) -> Option<(ServerId, String)> {
        match event {
            // The opening sentence says it.
            Event::Managing if entry.at == Time::ZERO => return None,
            Event::StructureChanged { members } if members == self.members => return None,
            Event::StructureChanged { members } => {
                self.members = members;
                let ring = self.words().list(members);
                return Some((entry.server, format!("the ring is now {ring}")));
            }
            Event::Tried { target, .. } | Event::Returned { target } => self.flush_polls(target),
            _ => {}
        }
        self.words().note(entry.server, event)
    }

    /// Counts what is not worth a sentence of its own.
    fn count(&mut self, place: usize, entry: &Entry, step: &Step) {
        let Input::Done { job, outcome } = step.input else {
            return;
        };
        match (job.owner, outcome) {
            (Owner::Watch, Outcome::Services(ServiceSet::NONE)) => {
                Repeated::count(&mut self.quiet, entry.server, entry.at);
            }
            (Owner::Recovery, Outcome::Failed) => {
                let begun = self.tracer.journal.begun(entry.server, job, place);
                if let Some((_, Action::ExamineNetwork { target })) = begun {
                    Repeated::count(&mut self.polls[target.index()], entry.server, entry.at);
                }
            }
            _ => {}
        }
    }
}

/// Everybody that a step sends `message` to, when the output at `order` is the first of these.
fn receivers(step: &Step, order: usize, message: Message) -> Option<Members> {
    let to = |output: &Output| match *output {
        Output::Send { to, message: sent } if sent == message => Some(to),
        _ => None,
    };
    let is_first = step
        .outputs
        .iter()
        .take(order)
        .all(|output| to(output).is_none());
    let all = step.outputs.iter().filter_map(to);
    is_first.then(|| all.fold(Members::NONE, Members::with))
}
