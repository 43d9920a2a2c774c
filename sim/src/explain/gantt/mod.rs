//! The run as lanes of bars: who did what from when to when.

mod desk;

use tetrarch_core::{Action, Event, Members, Output, ServerId, Span, Time, plan};

use desk::Desk;

use super::journal::{Entry, Journal, Step, What};
use super::story::{Kind, Sentence};
use crate::measure::Measured;
use crate::scenario::{Scenario, Trouble};
use crate::world::{Outage, WorldEvent};

/// The lanes of a run. Its clock starts at the first trouble, or with the run when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gantt {
    /// The instant of the run at which its clock starts.
    pub zero: Time,
    /// Its end on its own clock, later than everything in it.
    pub end: Span,
    /// The lanes from top to bottom: for each function in trouble its clients, its server, its
    /// virtual servers and its managers.
    pub lanes: Vec<Lane>,
}

/// What one of them did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Whose lane it is.
    pub label: String,
    /// What lasted, in the order of its beginning.
    pub bars: Vec<Bar>,
    /// What happened at an instant.
    pub marks: Vec<Mark>,
}

/// Something that lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When it began, on the chart's clock.
    pub from: Span,
    /// When it ended.
    pub to: Span,
    /// What it was.
    pub kind: BarKind,
    /// A few words on it; may be empty.
    pub label: String,
}

/// Something that happened at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When, on the chart's clock.
    pub at: Span,
    /// A few words on it.
    pub label: String,
}

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BarKind {
    /// A manager examines.
    Examining,
    /// Somebody waits.
    Waiting,
    /// A command runs.
    Command,
    /// A virtual server resumes or starts.
    Resuming,
    /// Clients are served.
    Serving,
    /// A server is off, or its services have stopped.
    Down,
    /// A server starts or restarts.
    Restarting,
    /// A virtual server is suspended.
    Suspending,
    /// Clients get no service.
    Outage,
}

/// Seconds as people say them: two decimals.
fn seconds(span: Span) -> String {
    let hundredths = (span.as_nanos() + 5_000_000) / 10_000_000;
    format!("{}.{:02} s", hundredths / 100, hundredths % 100)
}

/// Draws a run.
pub(super) struct Drawer<'a> {
    pub(super) journal: &'a Journal,
    pub(super) scenario: &'a Scenario,
    pub(super) measured: &'a [Measured],
    pub(super) outages: &'a [Vec<Outage>],
}

/// A bar that has begun.
struct Open {
    from: Time,
    kind: BarKind,
    label: String,
}

/// A lane that is being drawn. A new bar ends the one before it.
struct Draft<'a> {
    drawer: &'a Drawer<'a>,
    zero: Time,
    end: Time,
    lane: Lane,
    open: Option<Open>,
}

impl Draft<'_> {
    fn begin(&mut self, at: Time, kind: BarKind, label: impl Into<String>) {
        self.stop(at);
        self.open = Some(Open {
            from: at,
            kind,
            label: label.into(),
        });
    }

    fn stop(&mut self, at: Time) {
        if let Some(open) = self.open.take() {
            let (from, to) = (open.from.max(self.zero), at.min(self.end));
            if from < to || (from == to && open.from == at && at >= self.zero) {
                self.lane.bars.push(Bar {
                    from: from - self.zero,
                    to: to - self.zero,
                    kind: open.kind,
                    label: open.label,
                });
            }
        }
    }

    fn mark(&mut self, at: Time, label: impl Into<String>) {
        if at >= self.zero && at <= self.end {
            self.lane.marks.push(Mark {
                at: at - self.zero,
                label: label.into(),
            });
        }
    }

    fn finish(mut self) -> Option<Lane> {
        self.stop(self.end);
        let is_empty = self.lane.bars.is_empty() && self.lane.marks.is_empty();
        (!is_empty).then_some(self.lane)
    }

    fn name(&self, server: ServerId) -> &str {
        self.drawer.name(server)
    }
}

impl Drawer<'_> {
    /// The lanes, up to a little after the story's last event.
    pub(super) fn draw(&self, story: &[Sentence]) -> Gantt {
        let struck = self.measured.iter().filter_map(|measured| measured.struck);
        let zero = struck.min().unwrap_or(Time::ZERO);
        let events = story.iter().filter(|s| s.kind != Kind::Repeated);
        let last = events.map(|sentence| sentence.at).max();
        let last = last.unwrap_or(zero).max(zero + Span::from_secs(1));
        // A little room after the last event shows what state it left.
        let room = Span::from_nanos((last - zero).as_nanos() / 25);
        let end = (last + room).min(self.scenario.end().max(last));
        let mut lanes = Vec::new();
        for function in ServerId::all(self.scenario.group.len()) {
            let place = function.index();
            // A fault of the file server or of the links is nobody's trouble by itself.
            let is_troubled = self.measured[place].detected.is_some();
            if is_troubled || !self.outages[place].is_empty() {
                self.draw_function(function, zero, end, &mut lanes);
            }
        }
        if lanes.is_empty() {
            for function in ServerId::all(self.scenario.group.len()) {
                lanes.extend(self.clients(function, zero, end));
            }
        }
        Gantt {
            zero,
            end: end - zero,
            lanes,
        }
    }

    fn name(&self, server: ServerId) -> &str {
        let name = self.scenario.group.get(server.index());
        name.map_or("?", String::as_str)
    }

    fn draft(&self, zero: Time, end: Time, label: String) -> Draft<'_> {
        Draft {
            drawer: self,
            zero,
            end,
            lane: Lane {
                label,
                bars: Vec::new(),
                marks: Vec::new(),
            },
            open: None,
        }
    }

    fn draw_function(&self, function: ServerId, zero: Time, end: Time, lanes: &mut Vec<Lane>) {
        let size = self.scenario.group.len();
        lanes.extend(self.clients(function, zero, end));
        lanes.extend(self.real_server(function, zero, end));
        for host in ServerId::all(size).filter(|host| *host != function) {
            lanes.extend(self.virtual_server(function, host, zero, end));
        }
        for manager in function.before(size) {
            lanes.extend(self.manager(function, manager, zero, end));
        }
    }

    fn clients(&self, function: ServerId, zero: Time, end: Time) -> Option<Lane> {
        let mut draft = self.draft(zero, end, format!("clients of {}", self.name(function)));
        draft.begin(Time::ZERO, BarKind::Serving, "served");
        for outage in &self.outages[function.index()] {
            let lasted = outage.to.unwrap_or(end) - outage.from;
            let label = format!("out {}", seconds(lasted));
            draft.begin(outage.from, BarKind::Outage, label);
            if let Some(back) = outage.to {
                draft.begin(back, BarKind::Serving, "served");
            }
        }
        draft.finish()
    }

    fn real_server(&self, server: ServerId, zero: Time, end: Time) -> Option<Lane> {
        let mut draft = self.draft(zero, end, self.name(server).to_owned());
        draft.begin(Time::ZERO, BarKind::Serving, "serves");
        let mut holds = true;
        for entry in &self.journal.entries {
            match &entry.what {
                What::World(event) if entry.server == server => {
                    draft.real_event(entry.at, *event, &mut holds);
                }
                What::Step(step) => {
                    for event in step.notes() {
                        draft.real_note(entry, server, event, &mut holds);
                    }
                }
                What::World(_) => {}
            }
        }
        draft.finish()
    }

    fn virtual_server(
        &self,
        function: ServerId,
        host: ServerId,
        zero: Time,
        end: Time,
    ) -> Option<Lane> {
        let label = format!("{}b on {}", self.name(function), self.name(host));
        let mut draft = self.draft(zero, end, label);
        for entry in self.journal.entries.iter().filter(|e| e.server == host) {
            match &entry.what {
                What::World(WorldEvent::PowerLost | WorldEvent::Restarting) => draft.stop(entry.at),
                What::World(_) => {}
                What::Step(step) => draft.virtual_step(entry.at, step, function),
            }
        }
        draft.finish()
    }

    /// The ring as `manager` knew it when it first found trouble of `target`.
    fn ring_when_troubled(&self, manager: ServerId, target: ServerId) -> Members {
        let mut ring = Members::first(self.scenario.group.len());
        let steps = self.journal.steps();
        for (_, _, step) in steps.filter(|(_, entry, _)| entry.server == manager) {
            for event in step.notes() {
                match event {
                    Event::StructureChanged { members } => ring = members,
                    Event::Detected { target: of, .. } if of == target => return ring,
                    _ => {}
                }
            }
        }
        ring
    }

    fn manager(&self, target: ServerId, manager: ServerId, zero: Time, end: Time) -> Option<Lane> {
        let ring = self.ring_when_troubled(manager, target);
        let label = match plan::managers(target, ring).priority(manager) {
            Some(priority) => {
                format!(
                    "{}, {priority} of {}",
                    self.name(manager),
                    self.name(target)
                )
            }
            None => format!("{}, for {}", self.name(manager), self.name(target)),
        };
        let mut draft = self.draft(zero, end, label);
        let leads = plan::managers(target, ring).p1 == Some(manager);
        let mut desk = Desk::new(target, leads, zero);
        for (place, entry) in self.journal.entries.iter().enumerate() {
            match &entry.what {
                What::Step(step) if entry.server == manager => {
                    desk.step(&mut draft, place, entry, step);
                }
                What::World(WorldEvent::PowerLost | WorldEvent::Restarting)
                    if entry.server == manager =>
                {
                    draft.stop(entry.at);
                    desk = Desk::new(target, leads, zero);
                }
                _ => {}
            }
        }
        draft.finish()
    }
}

impl Draft<'_> {
    fn real_event(&mut self, at: Time, event: WorldEvent, holds: &mut bool) {
        match event {
            WorldEvent::Trouble(trouble) => {
                self.mark(at, trouble.name());
                if matches!(trouble, Trouble::S1t | Trouble::S2t) {
                    self.begin(at, BarKind::Down, "services stopped");
                }
            }
            WorldEvent::PowerLost => {
                *holds = false;
                self.begin(at, BarKind::Down, "off");
            }
            WorldEvent::Restarting => {
                *holds = false;
                self.begin(at, BarKind::Restarting, "restarts");
            }
            WorldEvent::Starting => self.begin(at, BarKind::Restarting, "starts"),
            WorldEvent::Answers => self.begin(at, BarKind::Command, "starts services"),
            WorldEvent::ServicesReady if *holds => self.begin(at, BarKind::Serving, "serves"),
            WorldEvent::ServicesReady => self.begin(at, BarKind::Waiting, "ready, without VIP"),
            WorldEvent::Repaired
            | WorldEvent::FencedInReach
            | WorldEvent::ServicesRestarting
            | WorldEvent::FunctionLost
            | WorldEvent::FunctionBack
            | WorldEvent::StandsStill
            | WorldEvent::GoesOn
            | WorldEvent::Fault(_)
            | WorldEvent::SystemFault(_) => {}
        }
    }

    fn real_note(&mut self, entry: &Entry, server: ServerId, event: Event, holds: &mut bool) {
        match event {
            Event::OwnAddressHeld if entry.server == server => {
                *holds = true;
                self.begin(entry.at, BarKind::Serving, "serves");
            }
            Event::OwnAddressDropped if entry.server == server => *holds = false,
            Event::Recovered { target } if target == server => {
                self.milestone(entry.at, server, "normal again", |m| m.target);
            }
            Event::GivenUp { target } if target == server => self.mark(entry.at, "cut out"),
            _ => {}
        }
    }

    /// A mark with the measured time that ends there.
    fn milestone(
        &mut self,
        at: Time,
        server: ServerId,
        words: &str,
        metric: impl Fn(&Measured) -> Option<Span>,
    ) {
        let measured = self.drawer.measured[server.index()];
        let span = measured.detected.and(metric(&measured));
        let ends = |span: &Span| measured.detected.is_some_and(|start| start + *span == at);
        match span.filter(ends) {
            Some(span) => self.mark(at, format!("{words}: {} after detection", seconds(span))),
            None => self.mark(at, words),
        }
    }

    fn virtual_step(&mut self, at: Time, step: &Step, function: ServerId) {
        for output in &step.outputs {
            match *output {
                Output::Run { action, .. } => match action {
                    Action::Resume { function: of } if of == function => {
                        self.begin(at, BarKind::Resuming, "resumes");
                    }
                    Action::ColdStart { function: of } if of == function => {
                        self.begin(at, BarKind::Resuming, "starts cold");
                    }
                    Action::Assign { function: of } if of == function => {
                        self.begin(at, BarKind::Command, "gets VIP");
                    }
                    Action::Release { function: of } if of == function => {
                        self.begin(at, BarKind::Command, "drops VIP");
                    }
                    Action::Suspend { function: of } if of == function => {
                        self.begin(at, BarKind::Suspending, "is suspended");
                    }
                    _ => {}
                },
                Output::Note(Event::Served { function: of }) if of == function => {
                    self.begin(at, BarKind::Serving, "serves");
                    self.milestone(at, function, "function back", |m| m.function);
                }
                Output::Note(Event::Released { function: of }) if of == function => {
                    self.begin(at, BarKind::Waiting, "");
                }
                Output::Note(
                    Event::Suspended { function: of } | Event::VirtualServerFailed { function: of },
                ) if of == function => self.stop(at),
                _ => {}
            }
        }
    }
}
