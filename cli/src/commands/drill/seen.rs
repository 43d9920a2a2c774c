//! What is seen of a drill: whether it may begin, what happens to its server, and when it is over.

use std::time::Duration;

use tetrarch_runtime::happened::Kind;
use tetrarch_runtime::overview::{Overview, Seen, Served, State};

/// Why no trouble may be made; nothing when all is well.
pub(super) fn refusals(overview: &Overview) -> Vec<String> {
    // In a ring of two each server has one manager.
    let managers = if overview.servers.len() > 2 { 2 } else { 1 };
    let servers = overview.servers.iter();
    let mut reasons: Vec<String> = servers.filter_map(|one| refusal(one, managers)).collect();
    if !overview.disagreeing.is_empty() {
        reasons.push(format!(
            "{} knows another ring",
            overview.disagreeing.join(", ")
        ));
    }
    if overview.frozen == Some(true) {
        reasons.push("the group is frozen, so nobody would do anything".to_owned());
    }
    if reasons.is_empty() && !overview.is_all_well() {
        reasons.push("not all is well".to_owned());
    }
    reasons
}

fn refusal(seen: &Seen, managers: usize) -> Option<String> {
    let server = &seen.server;
    if let Some(why) = &seen.unasked {
        return Some(format!("{server} could not be asked: {why}"));
    }
    if let Some(who) = &seen.recovered_by {
        return Some(format!("{who} is recovering {server}"));
    }
    if seen.state != State::Managing {
        return Some(format!("{server} does not manage"));
    }
    if seen.maintenance == Some(true) {
        return Some(format!("{server} is in maintenance"));
    }
    if seen.function != Served::Itself {
        return Some(format!("{server} does not serve its own function"));
    }
    let found = seen.p1.iter().chain(&seen.p2).count();
    (found < managers).then(|| format!("{server} lacks a manager"))
}

/// An event, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenEvent {
    /// Since the trouble was made.
    pub(super) at: Duration,
    pub(super) kind: Kind,
    pub(super) noted_by: String,
}

/// Whether a server only says by it that it has noticed a trouble. Until somebody acts, all still looks well.
const fn is_notice(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::SyncMissed | Kind::Detected | Kind::Confirmed | Kind::StoodIn | Kind::Deferred
    )
}

/// A drill that goes on.
#[derive(Debug, Default)]
pub(super) struct Drill {
    events: Vec<SeenEvent>,
    is_over: bool,
}

impl Drill {
    /// Takes a look at the ring in; tells of a new event about the server that was asked.
    pub(super) fn look(&mut self, now: &Overview, since: Duration) -> Option<String> {
        let mut servers = now.servers.iter();
        let own = servers.find(|one| one.server == now.asked_from)?;
        let last = own.last_event.as_ref();
        // Ages are whole seconds, and what is older than the trouble is not of it.
        let last = last.filter(|last| u64::from(last.age_s) < since.as_secs().max(1));
        let told = last.and_then(|last| {
            let known = self.events.last();
            if known.is_some_and(|known| known.kind == last.kind) {
                return None;
            }
            let at = since.saturating_sub(Duration::from_secs(last.age_s.into()));
            let (kind, noted_by) = (last.kind, last.noted_by.clone());
            let told = format!("{:>8.1} s  {kind}, noted by {noted_by}", at.as_secs_f64());
            self.events.push(SeenEvent { at, kind, noted_by });
            Some(told)
        });
        let is_answered = self.events.last().is_some_and(|one| !is_notice(one.kind));
        self.is_over = is_answered && now.is_all_well();
        told
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn events(&self) -> &[SeenEvent] {
        &self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_runtime::overview::LastEvent;

    fn well() -> Overview {
        let seen = |server: &str| Seen {
            server: server.to_owned(),
            state: State::Managing,
            unasked: None,
            in_ring: Some(true),
            maintenance: Some(false),
            away: Some(false),
            p1: Some("mail".to_owned()),
            p2: Some("web".to_owned()),
            recovered_by: None,
            function: Served::Itself,
            last_event: None,
            heard_age_s: None,
        };
        Overview {
            site: "office".to_owned(),
            asked_from: "web".to_owned(),
            frozen: Some(false),
            servers: ["mail", "web", "ftp"].map(seen).into(),
            disagreeing: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_broken_unless_all_is_well() {
        assert_eq!(refusals(&well()), [""; 0]);
        let spoilt: [fn(&mut Overview); 6] = [
            |seen| seen.servers[2].state = State::Waiting,
            |seen| seen.servers[2].function = Served::Nobody,
            |seen| seen.servers[2].recovered_by = Some("web".to_owned()),
            |seen| seen.servers[2].unasked = Some("gone".to_owned()),
            |seen| seen.servers[2].p2 = None,
            |seen| seen.servers[2].in_ring = None,
        ];
        for spoil in spoilt {
            let mut seen = well();
            spoil(&mut seen);
            assert_eq!(refusals(&seen).len(), 1, "{seen:?}");
        }
    }

    #[test]
    fn a_drill_is_over_when_it_was_noticed_and_all_is_well_again() {
        let at = Duration::from_secs;
        let mut drill = Drill::default();
        let mut now = well();
        let event = |kind, age_s| {
            Some(LastEvent {
                kind,
                age_s,
                noted_by: "mail".to_owned(),
            })
        };
        // An old event is not of this drill, and nobody has noticed it yet.
        now.servers[1].last_event = event(Kind::Recovered, 60);
        assert_eq!(drill.look(&now, at(2)), None);
        assert!(!drill.is_over());
        // Its P2 has seen it, and its P1, who has yet to look, will act.
        now.servers[1].last_event = event(Kind::Confirmed, 0);
        assert!(drill.look(&now, at(4)).is_some());
        assert!(!drill.is_over());
        now.servers[1].last_event = event(Kind::Tried, 1);
        now.servers[1].recovered_by = Some("mail".to_owned());
        assert!(drill.look(&now, at(8)).is_some());
        assert_eq!(drill.look(&now, at(9)), None);
        assert!(!drill.is_over());
        now.servers[1].last_event = event(Kind::Recovered, 0);
        now.servers[1].recovered_by = None;
        drill.look(&now, at(12));
        assert!(drill.is_over());
        let seen: Vec<_> = drill
            .events()
            .iter()
            .map(|one| (one.at, one.kind))
            .collect();
        let expected = [
            (at(4), Kind::Confirmed),
            (at(7), Kind::Tried),
            (at(12), Kind::Recovered),
        ];
        assert_eq!(seen, expected);
    }
}
