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

pub(super) fn name(name: Option<&str>) -> &str {
    name.unwrap_or("-")
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

/// The last event about a server, and how long ago it was.
pub(super) fn last_event(seen: &Seen) -> String {
    seen.last_event.as_ref().map_or_else(
        || "-".to_owned(),
        |last| format!("{} ago, {}", age(last.age_s), last.kind),
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
    use super::age;

    #[test]
    fn ages_are_in_their_largest_unit() {
        let ages = [0, 119, 120, 7_199, 7_200, 172_800].map(age);
        assert_eq!(ages, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]);
    }
}
