//! What a measured time is made of.

use tetrarch_core::{Event, ServerId, Span, Time};

use super::cause::Tracer;
use super::journal::What;
use super::part::{Doing, Part, Reason};
use crate::measure::Measured;
use crate::scenario::Metric;
use crate::world::{ClientHabit, Outage, WorldEvent};

/// A measured time and its parts, whose spans add up to exactly that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// The server that was in trouble.
    pub server: ServerId,
    /// Which of its times.
    pub metric: Metric,
    /// When the measured time began: at detection, or for the clients at the trouble.
    pub from: Time,
    /// The measured time.
    pub measured: Span,
    /// Its parts in order, without gaps.
    pub parts: Vec<Part>,
}

impl Breakdown {
    /// What the parts add up to.
    #[must_use]
    pub fn sum(&self) -> Span {
        let spans = self.parts.iter().map(Part::span);
        spans.fold(Span::ZERO, |sum, span| sum + span)
    }

    /// How much of it no parameter and no fault of the scenario explains.
    #[must_use]
    pub fn unexplained(&self) -> Span {
        let unexplained = self
            .parts
            .iter()
            .filter(|part| part.reason == Reason::Unexplained);
        unexplained.fold(Span::ZERO, |sum, part| sum + part.span())
    }
}

/// The breakdowns of every measured time of `server`.
pub(super) fn of_server(
    tracer: &Tracer<'_>,
    server: ServerId,
    measured: &Measured,
    outages: &[Outage],
    habit: &ClientHabit,
) -> Vec<Breakdown> {
    let mut breakdowns = Vec::new();
    for metric in Metric::ALL {
        let (Some(total), Some(struck)) = (measured.get(*metric), measured.struck) else {
            continue;
        };
        let log = |event: Event| {
            let from = measured.detected?;
            Some((from, tracer.path(noted(tracer, from, event)?, server, from)))
        };
        let found = match metric {
            Metric::Function => log(Event::Served { function: server }),
            Metric::Target => log(Event::Recovered { target: server }),
            Metric::Disconnection => {
                clients_path(tracer, server, struck, total, outages, habit).map(|p| (struck, p))
            }
        };
        if let Some((from, parts)) = found {
            breakdowns.push(Breakdown {
                server,
                metric: *metric,
                from,
                measured: total,
                parts,
            });
        }
    }
    breakdowns
}

/// The first step, at `from` or later, that noted `event`.
fn noted(tracer: &Tracer<'_>, from: Time, event: Event) -> Option<usize> {
    let mut steps = tracer.journal.steps();
    let found = steps
        .find(|(_, entry, step)| entry.at >= from && step.notes().any(|noted| noted == event))?;
    Some(found.0)
}

fn clients_path(
    tracer: &Tracer<'_>,
    server: ServerId,
    struck: Time,
    total: Span,
    outages: &[Outage],
    habit: &ClientHabit,
) -> Option<Vec<Part>> {
    let outage = outages.iter().find(|outage| outage.from >= struck)?;
    let back = outage.to?;
    let end = tracer.journal.latest_at(back, usize::MAX, |entry| {
        entry.server == server && entry.what == What::World(WorldEvent::FunctionBack)
    })?;
    let mut parts = tracer.path(end, server, struck);
    let answered = struck + total;
    let asked = back + (total.saturating_sub(back - struck)).saturating_sub(habit.access());
    let client = |from, to, doing, keys| Part {
        from,
        to,
        actor: server,
        about: server,
        doing,
        reason: Reason::Parameters {
            keys,
            whole: to - from,
        },
    };
    parts.push(client(back, asked, Doing::ClientWait, &["client_interval"]));
    let keys: &'static [_] = &["client_access", "client_rate", "link_delay"];
    parts.push(client(asked, answered, Doing::ClientAccess, keys));
    Some(parts)
}
