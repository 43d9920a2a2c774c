//! After a fault: waits until the group is whole again, and looks in the servers' records for what clients lost.

use std::path::Path;
use std::time::Duration;

use tetrarch_core::{Event, ServerId, Span, Time};
use tetrarch_sim::trace::{Entry, Line};
use tokio::time::{Instant, sleep};

use super::plan::Drill;
use crate::act;
use crate::clock::Clock;
use crate::group::{Function, Group};
use crate::live::{LiveError, nodes};
use crate::outage::Outage;
use crate::probe::Watch;

/// How far a server's event may be from the interruption that it tells of: an examination comes that late.
const APART: Span = Span::from_secs(2);

/// Waits until all of `watched` are at home and, where agents manage, these call the whole group well. Gives the
/// functions that are not home by the end; all when the group is not whole.
pub(super) async fn settle(
    lab: &Path,
    group: &Group,
    drill: &Drill,
    watch: &mut Watch,
    watched: &[Function],
    (calm, wait_max): (Duration, Duration),
) -> Vec<Function> {
    let begin = Instant::now();
    let left = || wait_max.saturating_sub(begin.elapsed());
    let away = watch.home(watched, calm, left()).await;
    if !away.is_empty() || !group.is_managed_by_agents() {
        return away;
    }
    // The one that was struck is asked, which asks all others.
    let command = format!("exec {} tetrarch status --all-well", drill.function);
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    while act::run(lab, words.clone()).await.is_err() {
        if left().is_zero() {
            return watched.to_vec();
        }
        sleep(Duration::from_millis(100)).await;
    }
    watch.home(watched, Duration::ZERO, left()).await
}

/// What clients lost in all runs, as far as servers tell of it.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    interruptions: usize,
    /// Of how many of them no server tells.
    pub(super) untold: usize,
}

impl Aftermath {
    /// Looks for each of the outages in what the servers noted since `from_s`.
    pub(super) fn explain(
        &mut self,
        servers: &Path,
        group: &Group,
        clock: Clock,
        from_s: f64,
        lost: &[Outage],
    ) -> Result<(), LiveError> {
        let lines = nodes::lines(servers, group, clock.boot_of(from_s))?;
        for outage in lost {
            let end_s = outage.begin_s + outage.length_s;
            let during = (clock.boot_of(outage.begin_s), clock.boot_of(end_s));
            self.interruptions += 1;
            if !is_told(&lines, group, outage.function, during) {
                self.untold += 1;
                println!(
                    "no server tells why {} was away for {:.3} s from {:.3}",
                    outage.function, outage.length_s, outage.begin_s
                );
            }
        }
        Ok(())
    }

    pub(super) fn print(&self) {
        if self.interruptions > 0 {
            println!(
                "\n{} interruptions, of which servers tell of {}.",
                self.interruptions,
                self.interruptions - self.untold
            );
        }
    }
}

/// Whether a server noted something about the function from shortly before to shortly after.
fn is_told(lines: &[Line], group: &Group, function: Function, (begin, end): (Time, Time)) -> bool {
    let place = group
        .servers
        .iter()
        .position(|server| server.name == function);
    let id = place.and_then(ServerId::new);
    lines.iter().any(|line| {
        let is_then = line.at + APART >= begin && line.at <= end + APART;
        is_then && id.is_some() && about(line) == id
    })
}

/// The function that an event is about. What a server notes of itself is about its own.
fn about(line: &Line) -> Option<ServerId> {
    let Entry::Note(event) = line.entry else {
        return None;
    };
    match event {
        Event::Detected { target, .. }
        | Event::Confirmed { target, .. }
        | Event::StoodIn { target, .. }
        | Event::Tried { target, .. }
        | Event::Returned { target }
        | Event::Recovered { target } => Some(target),
        Event::VirtualServerStarted { function }
        | Event::Served { function }
        | Event::Released { function } => Some(function),
        Event::LeaseLost { claim } => Some(claim.function()),
        Event::Stopped | Event::Left | Event::Managing => Some(line.server),
        Event::OwnAddressDropped | Event::OwnAddressHeld => Some(line.server),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        let server = |name: &str, n: u8| {
            format!(
                "[[server]]\nname = \"{name}\"\nvip = \"10.77.0.10{n}\"\nmac = \"02:00:00:00:00:0{n}\"\n\
                 virtual_mac = \"02:00:00:00:01:0{n}\"\n"
            )
        };
        let text = format!(
            "manager = \"agent\"\nclient = \"10.77.0.200\"\n{}{}",
            server("mail", 1),
            server("web", 2)
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn an_interruption_is_told_of_by_an_event_about_its_function_at_that_time() {
        let [mail, web] = [0, 1].map(|place| ServerId::new(place).unwrap());
        let at = |s| Time::ZERO + Span::from_secs(s);
        let line = |server, event| Line {
            at: at(10),
            server,
            entry: Entry::Note(event),
        };
        let told =
            |line, begin, end| is_told(&[line], &group(), Function::Web, (at(begin), at(end)));
        let served = line(mail, Event::Served { function: web });
        assert!(told(served, 9, 10));
        assert!(told(served, 12, 13));
        assert!(!told(served, 13, 14));
        assert!(!told(served, 5, 7));
        assert!(!told(line(mail, Event::OwnAddressDropped), 9, 10));
        assert!(told(line(web, Event::OwnAddressDropped), 9, 10));
        assert!(!told(line(mail, Event::SyncMissed { target: web }), 9, 10));
    }
}
