//! How things stand on one server, for the operator.

use serde::{Deserialize, Serialize};
use tetrarch_core::{Event, Node, Priority, SERVERS_MAX, ServerId, Time, plan};

use crate::happened::{Kind, kind_and_subject};

/// How things stand, as one server knows it. Servers are named by their place in the ring, from 0;
/// ages are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The server that answers.
    pub me: usize,
    /// Seconds since its agent's start.
    pub up_s: f64,
    /// Whether it manages others: its programs run and have found their place.
    pub managing: bool,
    /// Whether it holds its own virtual IP address.
    pub holds_own_address: bool,
    /// Whether operators have ordered that nothing moves in the whole group.
    pub frozen: bool,
    /// Whether its function shall move, and nobody takes it.
    pub finds_no_taker: bool,
    /// The targets of its management programs.
    pub targets: Vec<Target>,
    /// Every server of the group, in ring order.
    pub servers: Vec<ServerStatus>,
    /// Results that came for jobs that nobody waited for any more.
    pub stale_results: u32,
}

/// A target of this server's management programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The server.
    pub server: usize,
    /// This server's priority for it: 1 or 2.
    pub priority: u8,
    /// Whether this server is recovering it at this moment.
    pub recovering: bool,
}

/// What is known of one server and its function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// The server.
    pub server: usize,
    /// Whether it is in the ring.
    pub member: bool,
    /// Its P1.
    pub p1: Option<usize>,
    /// Its P2.
    pub p2: Option<usize>,
    /// The host that the structure has for its function.
    pub host: Option<usize>,
    /// Age of that knowledge.
    pub host_age_s: f64,
    /// Whether operators have ordered that it is left alone.
    pub maintenance: bool,
    /// Whether operators have ordered its function to its virtual server.
    pub away: bool,
    /// Whether a virtual server on the answering server serves its function at this moment.
    pub served_here: bool,
    /// How long ago the last message came from it; none has come without it.
    pub heard_age_s: Option<f64>,
    /// The kind of the last event about it.
    pub kind: Option<Kind>,
    /// That event.
    pub event: Option<String>,
    /// Age of that event.
    pub event_age_s: Option<f64>,
}

/// What a driver remembers beside its node, to tell how old each fact is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    servers: [Fact; SERVERS_MAX],
}

#[derive(Clone, Copy, Debug, Default)]
struct Fact {
    heard: Option<Time>,
    event: Option<(Time, Event)>,
    /// The host that the structure had, and since when.
    host: Option<ServerId>,
    host_since: Time,
}

impl Facts {
    pub(crate) fn heard(&mut self, now: Time, from: ServerId) {
        self.servers[from.index()].heard = Some(now);
    }

    /// Keeps the last event about each server. Orders have fields of their own, and one that is heard of late must
    /// not hide what has come of it.
    pub(crate) fn noted(&mut self, now: Time, event: &Event) {
        if matches!(event, Event::Ordered { .. }) {
            return;
        }
        if let Some(server) = kind_and_subject(event).1 {
            self.servers[server.index()].event = Some((now, *event));
        }
    }

    /// Follows the structure after a step.
    pub(crate) fn stepped(&mut self, now: Time, node: &Node) {
        let structure = node.view().structure();
        for server in ServerId::all(node.config().size()) {
            let (fact, host) = (&mut self.servers[server.index()], structure.host(server));
            if fact.host != host {
                (fact.host, fact.host_since) = (host, now);
            }
        }
    }

    pub(crate) fn status(&self, now: Time, node: &Node) -> Status {
        let view = node.view();
        let (me, size) = (node.config().me(), node.config().size());
        let target = |(server, priority): (ServerId, Priority)| Target {
            server: server.index(),
            priority: match priority {
                Priority::P1 => 1,
                Priority::P2 => 2,
            },
            recovering: view.recovering().contains(server),
        };
        Status {
            me: me.index(),
            up_s: now.as_secs_f64(),
            managing: view.is_managing(),
            holds_own_address: view.holds_own_address(),
            frozen: view.orders().is_frozen(),
            finds_no_taker: view.finds_no_taker(),
            targets: view.managed().map(target).collect(),
            servers: ServerId::all(size)
                .map(|server| self.server(now, node, server))
                .collect(),
            stale_results: view.stale_results(),
        }
    }

    fn server(&self, now: Time, node: &Node, server: ServerId) -> ServerStatus {
        let (view, fact) = (node.view(), &self.servers[server.index()]);
        let (structure, orders) = (view.structure(), view.orders());
        let managers = plan::managers(server, structure.members());
        let place = |server: ServerId| server.index();
        let age = |at: Time| now.since(at).as_secs_f64();
        ServerStatus {
            server: server.index(),
            member: structure.contains(server),
            p1: managers.p1.map(place),
            p2: managers.p2.map(place),
            host: structure.host(server).map(place),
            host_age_s: age(fact.host_since),
            maintenance: orders.maintained().contains(server),
            away: orders.sends_away(server),
            served_here: view.serving().contains(server),
            heard_age_s: fact.heard.map(age),
            kind: fact.event.map(|(_, event)| kind_and_subject(&event).0),
            event: fact.event.map(|(_, event)| format!("{event:?}")),
            event_age_s: fact.event.map(|(at, _)| age(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_core::Config;

    #[test]
    fn an_order_that_is_heard_of_late_does_not_hide_what_has_come_of_it() {
        let timing = tetrarch_sim::parameters::Parameters::paper().timing();
        let [me, server] = [0, 1].map(|place| ServerId::new(place).unwrap());
        let node = Node::new(Config::new(me, 2, 0, timing).unwrap());
        let mut facts = Facts::default();
        let declined = Event::NoRoom { function: server };
        facts.noted(Time::ZERO, &declined);
        let ordered = Event::Ordered {
            server,
            maintenance: false,
            frozen: false,
            away: true,
        };
        facts.noted(Time::ZERO, &ordered);
        let status = facts.status(Time::ZERO, &node);
        assert_eq!(status.servers[1].kind, Some(Kind::NoRoom));
    }
}
