//! The paper's three times, taken as the paper takes them.

use tetrarch_core::{Event, ServerId, Span, Time};

use crate::scenario::{Metric, Scenario};
use crate::trace::{Entry, Line};
use crate::world::{ClientHabit, Outage, WorldEvent};

/// The times of one server that was in trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// When trouble struck it.
    pub struck: Option<Time>,
    /// When a manager's log first has it; the two recovery times count from here.
    pub detected: Option<Time>,
    /// Until its virtual server held its virtual IP address.
    pub function: Option<Span>,
    /// Until the real server was normal again.
    pub target: Option<Span>,
    /// From the trouble until a client was served again.
    pub disconnection: Option<Span>,
}

impl Measured {
    /// The time called `metric`.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Option<Span> {
        match metric {
            Metric::Function => self.function,
            Metric::Target => self.target,
            Metric::Disconnection => self.disconnection,
        }
    }
}

/// The times of `server`, from the managers' log and its function's outages, for its first trouble.
#[must_use]
pub fn measure(
    server: ServerId,
    lines: &[Line],
    outages: &[Outage],
    habit: &ClientHabit,
) -> Measured {
    let struck = first(lines, Time::ZERO, |line| {
        let fault = matches!(line.entry, Entry::World(event) if is_fault(event));
        line.server == server && fault
    });
    let Some(from) = struck else {
        return Measured::default();
    };
    let detected = first(
        lines,
        from,
        |line| matches!(line.entry, Entry::Note(Event::Detected { target, .. }) if target == server),
    );
    let since = |wanted: Event| {
        let start = detected?;
        first(lines, start, |line| line.entry == Entry::Note(wanted)).map(|at| at - start)
    };
    Measured {
        struck,
        detected,
        function: since(Event::Served { function: server }),
        target: since(Event::Recovered { target: server }),
        disconnection: habit.disconnection(from, outages),
    }
}

/// The times of every server of the group, in ring order.
#[must_use]
pub fn measure_all<'a>(
    scenario: &Scenario,
    lines: &[Line],
    outages: impl Fn(ServerId) -> &'a [Outage],
    habit: &ClientHabit,
) -> Vec<Measured> {
    ServerId::all(scenario.group.len())
        .map(|server| measure(server, lines, outages(server), habit))
        .collect()
}

fn first(lines: &[Line], from: Time, wanted: impl Fn(&Line) -> bool) -> Option<Time> {
    lines
        .iter()
        .find(|line| line.at >= from && wanted(line))
        .map(|line| line.at)
}

const fn is_fault(event: WorldEvent) -> bool {
    matches!(event, WorldEvent::Trouble(_) | WorldEvent::Fault(_))
}
