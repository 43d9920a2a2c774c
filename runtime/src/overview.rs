//! The whole ring at one look: what every server tells of itself, and what follows from that.
//!
//! Nothing is shown as known that nobody who knows it has just said. Who serves a function is known from
//! whoever serves it; what the others believe is shown as what it is, the last that was known.

use serde::{Deserialize, Serialize};
use tetrarch_core::ServerId;

use crate::happened::Kind;
use crate::report::{Activity, Report};

/// How long an overview counts, in seconds. What is older is unknown.
pub const FRESH_S_MAX: f64 = 5.0;

/// What a server does, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its management programs manage.
    Managing,
    /// They run, and have not found their place yet.
    Waiting,
    /// They are stopped.
    Stopped,
    /// It could not be asked.
    Unknown,
}

/// Who serves a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Served {
    /// The server whose function it is.
    Itself,
    /// A virtual server.
    VirtualServer {
        /// The server that it runs on.
        host: String,
    },
    /// Nobody: every server has said so.
    Nobody,
    /// More than one, which must not be.
    Several {
        /// All that say so.
        hosts: Vec<String>,
    },
    /// Nobody of those who could be asked.
    Unknown {
        /// The host by the structure that was last known.
        last_known: Option<String>,
    },
}

/// The last event about a server that anybody remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvent {
    /// What kind of thing.
    pub kind: Kind,
    /// How long ago, in seconds.
    pub age_s: u32,
    /// Who noted it.
    pub noted_by: String,
}

/// One server and its function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The server.
    pub server: String,
    /// What it does.
    pub state: State,
    /// Why it could not be asked.
    pub unasked: Option<String>,
    /// Whether it is in the ring; unknown when nobody who manages could be asked.
    pub in_ring: Option<bool>,
    /// Whether operators have ordered that it is left alone; unknown likewise.
    pub maintenance: Option<bool>,
    /// Whether operators have ordered its function to its virtual server; unknown likewise.
    pub away: Option<bool>,
    /// Who manages it as P1, if anybody who could be asked does.
    pub p1: Option<String>,
    /// Who manages it as P2, likewise.
    pub p2: Option<String>,
    /// Who recovers it at this moment, likewise.
    pub recovered_by: Option<String>,
    /// Who serves its function.
    pub function: Served,
    /// The last event about it.
    pub last_event: Option<LastEvent>,
    /// How long ago the server that answers last heard from it, in seconds.
    pub heard_age_s: Option<f64>,
}

/// The whole ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// What the site is called.
    pub site: String,
    /// The server that asked the others.
    pub asked_from: String,
    /// Whether operators have ordered that nothing moves; unknown when nobody who manages could be asked.
    pub frozen: Option<bool>,
    /// Every server, in ring order.
    pub servers: Vec<Seen>,
    /// Servers that manage and know another ring than the first of them.
    pub disagreeing: Vec<String>,
}

/// A server's report, or why there is none.
pub type Told = Result<Report, String>;

impl Overview {
    /// What follows from what the servers of `ring` told the one at place `me`.
    #[must_use]
    pub fn new(site: &str, ring: &[String], me: ServerId, told: &[Told]) -> Self {
        let reports = Reports { ring, told };
        let asked_from = reports.name(me);
        let reference = reports.reference(me).map(|(_, report)| report);
        let managing = reports.answered().filter(|(_, one)| is_managing(one));
        let disagreeing = managing
            .filter(|(_, one)| Some(one.members) != reference.map(|report| report.members))
            .map(|(server, _)| reports.name(server))
            .collect();
        let servers = ServerId::all(ring.len()).map(|server| reports.seen(me, server));
        Self {
            site: site.to_owned(),
            asked_from,
            frozen: reference.map(|report| report.frozen),
            servers: servers.collect(),
            disagreeing,
        }
    }

    /// Whether everything is known and as it should be: all manage, each serves its own function, nobody
    /// is being recovered, and no order stands by which somebody would not be.
    #[must_use]
    pub fn is_all_well(&self) -> bool {
        let is_well = |one: &Seen| {
            one.state == State::Managing
                && one.in_ring == Some(true)
                && one.maintenance == Some(false)
                && one.recovered_by.is_none()
                && one.function == Served::Itself
        };
        let is_moving = self.frozen == Some(false);
        self.disagreeing.is_empty() && is_moving && self.servers.iter().all(is_well)
    }

    /// The overview once it is too old to count: what it said is the last that was known.
    #[must_use]
    pub fn outdated(mut self) -> Self {
        for one in &mut self.servers {
            let last_known = match &one.function {
                Served::Itself => Some(one.server.clone()),
                Served::VirtualServer { host } => Some(host.clone()),
                Served::Unknown { last_known } => last_known.clone(),
                Served::Several { .. } | Served::Nobody => None,
            };
            one.function = Served::Unknown { last_known };
            one.state = State::Unknown;
            one.unasked = Some("the agent of this server does not answer".to_owned());
            (one.in_ring, one.p1, one.p2, one.recovered_by) = (None, None, None, None);
            (one.maintenance, one.away) = (None, None);
        }
        self.frozen = None;
        self.disagreeing.clear();
        self
    }
}

fn is_managing(report: &Report) -> bool {
    report.activity == Activity::Managing
}

/// What was told, with the names of those who told it.
struct Reports<'a> {
    ring: &'a [String],
    told: &'a [Told],
}

impl Reports<'_> {
    fn name(&self, server: ServerId) -> String {
        let name = self.ring.get(server.index());
        name.map_or_else(|| server.to_string(), Clone::clone)
    }

    fn answered(&self) -> impl Iterator<Item = (ServerId, &Report)> {
        let all = ServerId::all(self.ring.len()).zip(self.told);
        all.filter_map(|(server, told)| Some((server, told.as_ref().ok()?)))
    }

    /// Whose structure counts: that of `me` if it manages, or else of the first who does.
    fn reference(&self, me: ServerId) -> Option<(ServerId, &Report)> {
        let mut managing = self.answered().filter(|(_, one)| is_managing(one));
        let first = managing.next();
        let own = |found: &(ServerId, &Report)| found.0 == me;
        managing.find(own).or(first)
    }

    /// Whoever answers and has `server` in that set of its report.
    fn who(&self, server: ServerId, set: fn(&Report) -> tetrarch_core::Members) -> Option<String> {
        let mut answered = self.answered();
        let found = answered.find(|(_, report)| set(report).contains(server));
        found.map(|(who, _)| self.name(who))
    }

    fn seen(&self, me: ServerId, server: ServerId) -> Seen {
        let told = self.told.get(server.index());
        let (state, unasked) = match told {
            Some(Ok(report)) => (state(report.activity), None),
            Some(Err(why)) => (State::Unknown, Some(why.clone())),
            None => (State::Unknown, None),
        };
        let reference = self.reference(me).map(|(_, report)| report);
        Seen {
            server: self.name(server),
            state,
            unasked,
            in_ring: reference.map(|report| report.members.contains(server)),
            maintenance: reference.map(|report| report.maintained.contains(server)),
            away: reference.map(|report| report.away.contains(server)),
            p1: self.who(server, |report| report.first),
            p2: self.who(server, |report| report.second),
            recovered_by: self.who(server, |report| report.recovering),
            function: self.served(server, reference),
            last_event: self.last_event(server),
            heard_age_s: None,
        }
    }

    fn served(&self, function: ServerId, reference: Option<&Report>) -> Served {
        let serves = |&(server, report): &(ServerId, &Report)| {
            report.serving.contains(function) || (server == function && report.holds_own_address)
        };
        let hosts: Vec<ServerId> = self
            .answered()
            .filter(serves)
            .map(|(server, _)| server)
            .collect();
        match hosts[..] {
            [host] if host == function => Served::Itself,
            [host] => Served::VirtualServer {
                host: self.name(host),
            },
            [] if self.told.iter().all(Result::is_ok) => Served::Nobody,
            [] => {
                let host = reference.and_then(|report| report.hosts[function.index()]);
                Served::Unknown {
                    last_known: host.map(|host| self.name(host)),
                }
            }
            _ => Served::Several {
                hosts: hosts.into_iter().map(|host| self.name(host)).collect(),
            },
        }
    }

    fn last_event(&self, server: ServerId) -> Option<LastEvent> {
        let events = self.answered().filter_map(|(who, report)| {
            let (kind, age_s) = report.events[server.index()]?;
            Some((who, kind, age_s))
        });
        let (who, kind, age_s) = events.min_by_key(|&(_, _, age_s)| age_s)?;
        Some(LastEvent {
            kind,
            age_s,
            noted_by: self.name(who),
        })
    }
}

const fn state(activity: Activity) -> State {
    match activity {
        Activity::Stopped => State::Stopped,
        Activity::Waiting => State::Waiting,
        Activity::Managing => State::Managing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_core::Members;

    const NAMES: [&str; 4] = ["mail", "web", "ftp", "proxy"];

    fn server(place: usize) -> ServerId {
        ServerId::new(place).unwrap()
    }

    fn well(place: usize) -> Report {
        let one = |place: usize| Members::NONE.with(server(place % 4));
        let mut report = Report {
            activity: Activity::Managing,
            holds_own_address: true,
            members: Members::first(4),
            first: one(place + 1),
            second: one(place + 3),
            ..Report::STOPPED
        };
        for place in 0..4 {
            report.hosts[place] = Some(server(place));
        }
        report
    }

    fn overview(told: &[Told]) -> Overview {
        let ring = NAMES.map(str::to_owned);
        Overview::new("office", &ring, server(0), told)
    }

    fn all_well() -> [Told; 4] {
        [0, 1, 2, 3].map(|place| Ok(well(place)))
    }

    #[test]
    fn a_ring_that_is_well_is_well() {
        let seen = overview(&all_well());
        assert!(seen.is_all_well(), "{seen:?}");
        let web = &seen.servers[1];
        assert_eq!(web.p1.as_deref(), Some("mail"));
        assert_eq!(web.p2.as_deref(), Some("ftp"));
    }

    #[test]
    fn what_nobody_can_say_is_unknown_and_not_well() {
        let mut told = all_well();
        told[1] = Err("web cannot be reached".to_owned());
        let seen = overview(&told);
        let last_known = Some("web".to_owned());
        assert_eq!(seen.servers[1].function, Served::Unknown { last_known });
        assert_eq!(seen.servers[1].state, State::Unknown);
        // Web manages ftp, and cannot say so.
        assert_eq!(seen.servers[2].p1, None);
        assert!(!seen.is_all_well());
    }

    #[test]
    fn a_virtual_server_is_known_by_its_host_and_two_hosts_are_told_apart() {
        let mut told = all_well();
        told[1] = Err("web cannot be reached".to_owned());
        let mut mail = well(0);
        mail.serving = Members::NONE.with(server(1));
        mail.recovering = mail.serving;
        mail.events[1] = Some((Kind::Served, 4));
        told[0] = Ok(mail);
        let host = "mail".to_owned();
        let web = overview(&told).servers[1].clone();
        assert_eq!(web.function, Served::VirtualServer { host });
        assert_eq!(web.recovered_by.as_deref(), Some("mail"));
        assert_eq!(web.last_event.map(|last| last.kind), Some(Kind::Served));
        told[1] = Ok(well(1));
        let hosts = vec!["mail".to_owned(), "web".to_owned()];
        let both = overview(&told);
        assert_eq!(both.servers[1].function, Served::Several { hosts });
        assert!(!both.is_all_well());
    }

    #[test]
    fn nobody_serves_only_when_all_have_said_so() {
        let mut told = all_well();
        let mut web = well(1);
        web.holds_own_address = false;
        told[1] = Ok(web);
        assert_eq!(overview(&told).servers[1].function, Served::Nobody);
    }

    #[test]
    fn servers_that_know_another_ring_are_named() {
        let mut told = all_well();
        let mut proxy = well(3);
        proxy.members = Members::first(4).without(server(1));
        told[3] = Ok(proxy);
        let seen = overview(&told);
        assert_eq!(seen.disagreeing, ["proxy"]);
        assert!(!seen.is_all_well());
    }

    #[test]
    fn an_outdated_overview_says_only_what_was_last_known() {
        let seen = overview(&all_well()).outdated();
        for one in &seen.servers {
            let last_known = Some(one.server.clone());
            assert_eq!(one.function, Served::Unknown { last_known });
            assert_eq!((one.state, one.in_ring), (State::Unknown, None));
        }
        assert!(!seen.is_all_well());
    }
}
