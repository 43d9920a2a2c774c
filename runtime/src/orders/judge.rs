//! What the reports of all servers say about an order.

use tetrarch_core::{Members, ServerId, plan};

use super::Wanted;
use crate::happened::Kind;
use crate::overview::{Overview, Seen, Served, State, Told};
use crate::report::{Activity, Report};

/// Whether something may be ordered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It may.
    Give,
    /// It is so already.
    Already(String),
    /// It makes no sense now; the text says why, and what would help.
    Refused(String),
}

/// What has become of an order that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// What was ordered is so.
    Done(String),
    /// It has come to nothing.
    Failed {
        /// Why.
        why: String,
        /// Whether it still stands, and may take effect at a time when nobody expects it.
        stands: bool,
    },
    /// Not yet, and why.
    Pending(String),
}

/// The whole ring, as its servers tell at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    /// The server that was asked, and at which the order is given.
    pub me: ServerId,
    /// What each server told, in ring order.
    pub told: &'a [Told],
    /// What follows from that.
    pub overview: &'a Overview,
}

const FROZEN: &str = "the group is frozen, so nothing moves; `tetrarch order thaw` ends that";

/// The longest age in seconds of an event that tells why somebody has declined just now. The first who is asked may
/// have tried for as long as a job may take before it was the next one's turn; what is older comes from an earlier order.
const REASON_S_MAX: u32 = 300;

impl Ring<'_> {
    /// Whether `wanted` may be ordered now.
    #[must_use]
    pub fn check(&self, wanted: &Wanted<ServerId>) -> Check {
        self.checked(wanted).unwrap_or_else(Check::Refused)
    }

    /// The same; why it is refused is an error.
    fn checked(&self, wanted: &Wanted<ServerId>) -> Result<Check, String> {
        let own = self.own()?;
        match *wanted {
            Wanted::Maintenance { server, on } => {
                let is_so = self.is_maintained(own, server, on);
                Ok(give_unless(is_so, || self.maintenance_text(server, on)))
            }
            Wanted::Freeze { on } => {
                Ok(give_unless(own.frozen == on, || freeze_text(on).to_owned()))
            }
            _ if own.frozen => Err(FROZEN.to_owned()),
            Wanted::HandOver { server, to } => self.check_hand_over(own, server, to),
            Wanted::HandBack { server } => {
                let is_so = self.is_home(own, server);
                Ok(give_unless(is_so, || self.home_text(server)))
            }
            Wanted::Rejoin { server } => self.check_rejoin(server),
        }
    }

    /// What has become of `wanted`, which was ordered.
    #[must_use]
    pub fn progress(&self, wanted: &Wanted<ServerId>) -> Progress {
        let own = match self.own() {
            Ok(own) => own,
            Err(why) => return Progress::Pending(why),
        };
        match *wanted {
            Wanted::Maintenance { server, on } => {
                let knows = |report: &Report| self.is_maintained(report, server, on);
                self.heard(knows(own), knows, self.maintenance_text(server, on))
            }
            Wanted::Freeze { on } => {
                let knows = |report: &Report| report.frozen == on;
                self.heard(knows(own), knows, freeze_text(on).to_owned())
            }
            Wanted::HandOver { server, to } => self.hand_over(own, server, to),
            Wanted::HandBack { server } | Wanted::Rejoin { server } => {
                if self.is_home(own, server) {
                    Progress::Done(self.home_text(server))
                } else {
                    Progress::Pending(self.not_home_text(server))
                }
            }
        }
    }

    /// The server whose management programs have to be started for `wanted`, if they are stopped.
    #[must_use]
    pub fn to_start(&self, wanted: &Wanted<ServerId>) -> Option<ServerId> {
        let Wanted::Rejoin { server } = *wanted else {
            return None;
        };
        let is_stopped = self.seen(server)?.state == State::Stopped;
        is_stopped.then_some(server)
    }

    /// The report of the server that was asked, if orders can be given there.
    fn own(&self) -> Result<&Report, String> {
        let me = self.name(self.me);
        match self.told.get(self.me.index()) {
            Some(Ok(report)) => match report.activity {
                Activity::Managing => Ok(report),
                Activity::Stopped => Err(format!(
                    "the management programs of {me} are stopped; start them with \
                     `tetrarch manage start`, or order it at another server"
                )),
                Activity::Waiting => Err(format!(
                    "{me} has not found its place in the ring yet; try again in some seconds, or at \
                     another server"
                )),
            },
            Some(Err(why)) => Err(format!("{me} cannot be asked: {why}")),
            None => Err(format!("{me} is no server of the ring")),
        }
    }

    fn seen(&self, server: ServerId) -> Option<&Seen> {
        self.overview.servers.get(server.index())
    }

    /// The same, or what to say of a server that is none of the ring.
    fn known(&self, server: ServerId) -> Result<&Seen, String> {
        let name = || format!("{} is no server of the ring", self.name(server));
        self.seen(server).ok_or_else(name)
    }

    fn name(&self, server: ServerId) -> String {
        let seen = self.seen(server);
        seen.map_or_else(|| server.to_string(), |seen| seen.server.clone())
    }

    fn names(&self, servers: impl Iterator<Item = ServerId>) -> Option<String> {
        let names: Vec<String> = servers.map(|server| self.name(server)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn all(&self) -> impl Iterator<Item = (ServerId, &Told)> {
        ServerId::all(self.told.len()).zip(self.told)
    }

    fn report(&self, server: ServerId) -> Option<&Report> {
        self.told.get(server.index())?.as_ref().ok()
    }

    fn is_managing(&self, server: ServerId) -> bool {
        let report = self.report(server);
        report.is_some_and(|report| report.activity == Activity::Managing)
    }

    fn is_maintained(&self, report: &Report, server: Option<ServerId>, on: bool) -> bool {
        let all = Members::first(self.told.len());
        match server {
            Some(server) => report.maintained.contains(server) == on,
            None if on => report.maintained == all,
            None => report.maintained.is_empty(),
        }
    }

    fn maintenance_text(&self, server: Option<ServerId>, on: bool) -> String {
        match (server.map(|server| self.name(server)), on) {
            (Some(server), true) => {
                format!("{server} is in maintenance: nobody recovers it or takes its function over")
            }
            (Some(server), false) => format!("{server} is not in maintenance"),
            (None, true) => {
                "all servers are in maintenance: nobody recovers any or takes a function over"
                    .to_owned()
            }
            (None, false) => "no server is in maintenance".to_owned(),
        }
    }

    /// Whether all that manage have heard of an order, of which `knows` tells.
    fn heard(&self, stands: bool, knows: impl Fn(&Report) -> bool, text: String) -> Progress {
        if !stands {
            return Progress::Failed {
                why: "another order has replaced this one".to_owned(),
                stands: false,
            };
        }
        let is_unaware = |report: &Report| report.activity == Activity::Managing && !knows(report);
        let unaware = self.all().filter_map(|(server, told)| {
            let report = told.as_ref().ok()?;
            is_unaware(report).then_some(server)
        });
        if let Some(names) = self.names(unaware) {
            return Progress::Pending(format!("not heard of yet by {names}"));
        }
        let silent = self.all().filter(|(_, told)| told.is_err());
        Progress::Done(match self.names(silent.map(|(server, _)| server)) {
            None => text,
            Some(names) => {
                format!("{text}; {names} could not be asked, and will hear of it from the others")
            }
        })
    }

    /// The managers that may take the function of `server`, in the order in which they are asked.
    fn takers(&self, own: &Report, server: ServerId) -> impl Iterator<Item = ServerId> {
        let managers = plan::managers(server, own.members);
        [managers.p1, managers.p2].into_iter().flatten()
    }

    fn check_hand_over(
        &self,
        own: &Report,
        server: ServerId,
        to: Option<ServerId>,
    ) -> Result<Check, String> {
        let (name, seen) = (self.name(server), self.known(server)?);
        match &seen.function {
            Served::Itself => {}
            Served::VirtualServer { host } => {
                if to.is_some_and(|to| self.name(to) != *host) {
                    return Err(format!(
                        "the function of {name} is with the virtual server on {host} already"
                    ));
                }
                let is_so = own.away.contains(server);
                return Ok(give_unless(is_so, || away_text(&name, host)));
            }
            Served::Nobody => return Err(format!("nobody serves the function of {name}")),
            Served::Several { hosts } => {
                let hosts = hosts.join(" and ");
                return Err(format!("{hosts} all serve the function of {name}"));
            }
            Served::Unknown { .. } => {
                let why = seen.unasked.as_deref().unwrap_or("some could not be asked");
                return Err(format!(
                    "who serves the function of {name} is not known: {why}"
                ));
            }
        }
        if let Some(who) = &seen.recovered_by {
            return Err(format!("{who} is recovering {name}; wait until it has"));
        }
        let mut takers = self.takers(own, server);
        let taker = takers
            .find(|taker| self.is_managing(*taker))
            .ok_or_else(|| format!("no manager of {name} manages at this moment"))?;
        match to {
            Some(to) if to != taker => {
                let (taker, to) = (self.name(taker), self.name(to));
                Err(format!(
                    "the function of {name} goes to {taker}, by its place in the ring, and not to {to}"
                ))
            }
            _ => Ok(Check::Give),
        }
    }

    fn hand_over(&self, own: &Report, server: ServerId, to: Option<ServerId>) -> Progress {
        let name = self.name(server);
        if !own.away.contains(server) {
            return Progress::Failed {
                why: format!("another order about {name} has replaced this one"),
                stands: false,
            };
        }
        match self.seen(server).map(|seen| &seen.function) {
            Some(Served::VirtualServer { host }) => match to.map(|to| self.name(to)) {
                Some(to) if to != *host => Progress::Failed {
                    why: format!("{to} has declined; {}", away_text(&name, host)),
                    stands: false,
                },
                _ => Progress::Done(away_text(&name, host)),
            },
            _ if self
                .report(server)
                .is_some_and(|report| report.finds_no_taker) =>
            {
                let reasons = self
                    .takers(own, server)
                    .map(|taker| self.declined(taker, server));
                let reasons: Vec<String> = reasons.collect();
                let reasons = reasons.join(", and ");
                Progress::Failed {
                    why: format!("nobody takes the function of {name}: {reasons}"),
                    stands: true,
                }
            }
            _ => Progress::Pending(format!("the function of {name} has not moved yet")),
        }
    }

    /// Why `taker` does not take the function of `server`.
    fn declined(&self, taker: ServerId, server: ServerId) -> String {
        let name = self.name(taker);
        let Some(report) = self.report(taker) else {
            return format!("{name} cannot be asked");
        };
        let event = report.events[server.index()];
        match event.filter(|(_, age_s)| *age_s <= REASON_S_MAX) {
            Some((Kind::NoRoom, _)) => format!("{name} has no room for its virtual server"),
            Some((Kind::VirtualServerFailed, _)) => {
                format!("the virtual server cannot be started on {name}")
            }
            // Something later has happened, or nothing that is noted.
            _ => format!("{name} has declined or failed"),
        }
    }

    fn check_rejoin(&self, server: ServerId) -> Result<Check, String> {
        let (name, seen) = (self.name(server), self.known(server)?);
        match (&seen.unasked, seen.in_ring, seen.state, &seen.function) {
            (Some(why), ..) => Err(format!(
                "{name} cannot be asked: {why}; see to it that its agent runs"
            )),
            (None, Some(true), State::Managing, Served::Itself) => {
                Ok(Check::Already(self.home_text(server)))
            }
            (None, Some(true), State::Managing, _) => Ok(Check::Already(format!(
                "{name} is in the ring; `tetrarch order hand-back {name}` gives it its function back"
            ))),
            _ => Ok(Check::Give),
        }
    }

    fn is_home(&self, own: &Report, server: ServerId) -> bool {
        let is_home = |seen: &Seen| {
            seen.in_ring == Some(true)
                && seen.state == State::Managing
                && seen.function == Served::Itself
        };
        !own.away.contains(server) && self.seen(server).is_some_and(is_home)
    }

    fn home_text(&self, server: ServerId) -> String {
        let name = self.name(server);
        format!("{name} is in the ring and serves its own function")
    }

    fn not_home_text(&self, server: ServerId) -> String {
        let name = self.name(server);
        let seen = match self.known(server) {
            Ok(seen) => seen,
            Err(why) => return why,
        };
        let why = match (&seen.unasked, seen.state, &seen.recovered_by) {
            (Some(why), ..) => format!("it cannot be asked: {why}"),
            (None, State::Stopped, _) => "its management programs are stopped".to_owned(),
            (None, _, Some(who)) => format!("{who} has not found it healthy yet"),
            _ => "it has not taken its address yet".to_owned(),
        };
        format!("the function of {name} is not back with it: {why}")
    }
}

fn give_unless(is_so: bool, text: impl FnOnce() -> String) -> Check {
    if is_so {
        Check::Already(text())
    } else {
        Check::Give
    }
}

fn away_text(server: &str, host: &str) -> String {
    format!(
        "the function of {server} is with the virtual server on {host}, and stays there until \
         `tetrarch order hand-back {server}`"
    )
}

const fn freeze_text(on: bool) -> &'static str {
    if on {
        "the group is frozen: nothing moves until `tetrarch order thaw`"
    } else {
        "the group is not frozen"
    }
}
