//! What an overview says, in words.

use tetrarch_runtime::overview::{Overview, Seen, Served, State};

pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Managing => "managing",
        State::Waiting => "waiting",
        State::Stopped => "stopped",
        State::Unknown => "unknown",
    }
}

pub(super) const fn in_ring(is_in: Option<bool>) -> &'static str {
    match is_in {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

/// The manager of that name. Whether there is none is known only when everybody has answered.
pub(super) fn manager<'a>(overview: &Overview, name: Option<&'a str>) -> &'a str {
    let is_known = overview.servers.iter().all(|one| one.unasked.is_none());
    name.unwrap_or(if is_known { "-" } else { "unknown" })
}

pub(super) fn served(served: &Served) -> String {
    match served {
        Served::Itself => "itself".to_owned(),
        Served::VirtualServer { host } => format!("virtual, on {host}"),
        Served::Nobody => "NOBODY".to_owned(),
        Served::Several { hosts } => format!("SEVERAL: {}", hosts.join(", ")),
        Served::Unknown {
            last_known: Some(host),
        } => format!("unknown, last {host}"),
        Served::Unknown { last_known: None } => "unknown".to_owned(),
    }
}

/// How long ago the last event about a server was, and which.
pub(super) fn last_event(seen: &Seen) -> String {
    seen.last_event.as_ref().map_or_else(
        || "-".to_owned(),
        |last| format!("{} {}", age(last.age_s), last.kind),
    )
}

/// A length of time in its largest unit, as nobody reads the seconds of a week.
pub(super) fn age(age_s: u32) -> String {
    match age_s {
        0..120 => format!("{age_s} s"),
        120..7_200 => format!("{} min", age_s / 60),
        7_200..172_800 => format!("{} h", age_s / 3_600),
        _ => format!("{} d", age_s / 86_400),
    }
}

/// What is not as it should be, a sentence each.
pub(super) fn remarks(overview: &Overview) -> Vec<String> {
    let mut remarks = Vec::new();
    if overview.frozen == Some(true) {
        remarks.push("the group is frozen: nothing moves until `tetrarch order thaw`".to_owned());
    }
    for seen in &overview.servers {
        let server = &seen.server;
        if let Some(why) = &seen.unasked {
            let heard = seen
                .heard_age_s
                .map(|age_s| format!("; last heard {} ago", age(age_s as u32)));
            let heard = heard.unwrap_or_default();
            remarks.push(format!("{server} could not be asked: {why}{heard}"));
        }
        if let Some(who) = &seen.recovered_by {
            remarks.push(format!("{who} is recovering {server}"));
        }
        if seen.maintenance == Some(true) {
            remarks.push(format!(
                "{server} is in maintenance: nobody recovers it or takes its function over"
            ));
        }
        if seen.away == Some(true) {
            remarks.push(format!(
                "the function of {server} shall stay with its virtual server until \
                 `tetrarch order hand-back {server}`"
            ));
        }
        if let Served::Several { hosts } = &seen.function {
            let hosts = hosts.join(" and ");
            remarks.push(format!(
                "the address of {server} has more than one holder: {hosts}"
            ));
        }
    }
    if !overview.disagreeing.is_empty() {
        let names = overview.disagreeing.join(", ");
        remarks.push(format!("another ring than the others' is known to {names}"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_in_their_largest_unit() {
        let ages = [0, 119, 120, 7_199, 7_200, 172_800].map(age);
        assert_eq!(ages, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]);
    }

    #[test]
    fn that_there_is_no_manager_is_known_only_when_all_have_answered() {
        let mut overview = Overview {
            site: "office".to_owned(),
            asked_from: "mail".to_owned(),
            frozen: Some(false),
            servers: vec![seen()],
            disagreeing: Vec::new(),
        };
        assert_eq!(manager(&overview, Some("web")), "web");
        assert_eq!(manager(&overview, None), "-");
        overview.servers[0].unasked = Some("it cannot be reached".to_owned());
        assert_eq!(manager(&overview, None), "unknown");
    }

    fn seen() -> Seen {
        Seen {
            server: "mail".to_owned(),
            state: State::Managing,
            unasked: None,
            in_ring: Some(true),
            maintenance: Some(false),
            away: Some(false),
            p1: None,
            p2: None,
            recovered_by: None,
            function: Served::Itself,
            last_event: None,
            heard_age_s: None,
        }
    }
}
