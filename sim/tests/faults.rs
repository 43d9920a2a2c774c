//! What faults do to a group: servers that stand still, clocks that drift, virtual servers that cannot
//! be resumed, a file server that is not reached.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use tetrarch_core::{Deadline, Input, Safety, ServerId, Sighting, Span, Time};
use tetrarch_sim::check::Invariant;
use tetrarch_sim::observer::Observer;
use tetrarch_sim::run::{Run, run};
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::simulation::Simulation;
use tetrarch_sim::world::WorldEvent;

/// A group of four with these faults for ten minutes.
fn scenario_of(safety: Safety, faults: &str) -> Scenario {
    let head = "name = \"n\"\npurpose = \"p\"\ngroup = [\"s1\", \"s2\", \"s3\", \"s4\"]\n\
                duration = \"600s\"\n";
    let text = format!("{head}safety = \"{}\"\n{faults}", safety.name());
    Scenario::parse(&text, "s.toml", Path::new(".")).unwrap()
}

fn run_of(safety: Safety, faults: &str) -> Run {
    run(&scenario_of(safety, faults)).unwrap()
}

fn fault(at_s: u64, name: &str, keys: &str) -> String {
    format!("[[fault]]\nat = \"{at_s}s\"\nfault = \"{name}\"\n{keys}\n")
}

/// `s2` stands still in this way from 20 s to 200 s.
fn standing_still(kind: &str, end: &str) -> String {
    let server = "server = \"s2\"";
    fault(20, kind, server) + &fault(200, end, server)
}

fn two_holders(run: &Run) -> usize {
    let found = run.violations.iter().map(|found| found.invariant);
    found.filter(|one| *one == Invariant::OneHolder).count()
}

/// Everybody at home again at the end.
const WELL: &str = "[[expect]]\nserved = \"s2\"\nby = \"s2\"\n\
                    [[expect]]\nmembers = [\"s1\", \"s2\", \"s3\", \"s4\"]\n";

#[test]
fn a_machine_that_stands_still_and_goes_on_is_taken_over_and_comes_back() {
    let faults = standing_still("pause", "resume") + WELL;
    let guarded = run_of(Safety::Guarded, &faults);
    assert_eq!(guarded.violations, []);
    assert_eq!(guarded.unmet, []);
    // Away from clients while it stood still, but not all the time: another server took over.
    let outage = guarded.outages[1][0];
    let length = outage.to.unwrap() - outage.from;
    assert!(length > Span::from_secs(5), "{length}");
    assert!(length < Span::from_secs(60), "{length}");
    let paper = run_of(Safety::Paper, &faults);
    assert!(two_holders(&paper) > 0, "it went on with its address");
}

#[test]
fn programs_that_stand_still_lose_what_they_held_all_the_same() {
    let faults = standing_still("agent-pause", "agent-resume") + WELL;
    let guarded = run_of(Safety::Guarded, &faults);
    assert_eq!(guarded.violations, []);
    assert_eq!(guarded.unmet, []);
    assert!(!guarded.outages[1].is_empty(), "its lease has ended");
    let paper = run_of(Safety::Paper, &faults);
    assert_eq!(paper.outages[1], [], "its services went on");
}

#[test]
fn who_stands_still_from_the_start_does_not_wake_with_its_address() {
    // Nobody has been granted a lease yet; the address lives on that of the programs before.
    for kind in ["pause", "agent-pause"] {
        let end = kind.replace("pause", "resume");
        let server = "server = \"s2\"";
        let guarded = run_of(
            Safety::Guarded,
            &(fault(0, kind, server) + &fault(200, &end, server) + WELL),
        );
        assert_eq!(guarded.violations, [], "{kind}");
        assert_eq!(guarded.unmet, [], "{kind}");
        assert!(!guarded.outages[1].is_empty(), "{kind}");
    }
}

/// How often a server is told of a rival at one instant.
#[derive(Debug, Default)]
struct Sighted {
    at: Time,
    times: usize,
    most: usize,
    in_all: usize,
}

impl Observer for Sighted {
    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        if let (1, Input::Seen(Sighting::Rival { .. })) = (server.index(), input) {
            if now != self.at {
                (self.at, self.times) = (now, 0);
            }
            self.times += 1;
            self.in_all += 1;
            self.most = self.most.max(self.times);
        }
    }
}

#[test]
fn programs_that_stand_still_see_nothing_meanwhile() {
    // Each holds the other's address when the cut ends, and the first goes on looking.
    let sides = "sides = [[\"s1\", \"s3\", \"s4\"], [\"s2\"]]";
    let server = "server = \"s2\"";
    let faults = "sightings = [\"rivals\"]\n".to_owned()
        + &fault(6, "partition", sides)
        + &fault(60, "agent-pause", server)
        + &fault(61, "heal", "")
        + &fault(500, "agent-resume", server);
    let scenario = scenario_of(Safety::Paper, &faults);
    let mut simulation = Simulation::new(&scenario, Sighted::default()).unwrap();
    simulation.run_until(scenario.end());
    let seen = simulation.observer();
    assert!(seen.in_all > 0, "it had no rival");
    assert!(seen.most <= 4, "{} at one instant", seen.most);
}

/// How many messages of each sender a server is told at one instant.
#[derive(Debug, Default)]
struct Told {
    at: Time,
    of: [usize; 4],
    most: usize,
}

impl Observer for Told {
    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        if let (1, Input::Message { from, .. }) = (server.index(), input) {
            if now != self.at {
                (self.at, self.of) = (now, [0; 4]);
            }
            self.of[from.index()] += 1;
            self.most = self.most.max(self.of[from.index()]);
        }
    }
}

#[test]
fn of_each_sender_as_many_messages_wait_as_a_connection_takes() {
    for (kind, end) in [("pause", "resume"), ("agent-pause", "agent-resume")] {
        let server = "server = \"s2\"";
        let faults = fault(20, kind, server) + &fault(590, end, server);
        let scenario = scenario_of(Safety::Guarded, &faults);
        let mut simulation = Simulation::new(&scenario, Told::default()).unwrap();
        simulation.run_until(scenario.end());
        // A question every two seconds and others besides would be more.
        assert_eq!(simulation.observer().most, 256, "{kind}");
    }
}

/// The last instant that anybody was told of, the instants that came after a later one, and how many
/// wake-ups were overdue when they were asked for.
#[derive(Debug, Default)]
struct Instants {
    last: Time,
    went_back: Vec<(Time, Time)>,
    overdue: usize,
}

impl Instants {
    fn see(&mut self, now: Time) {
        if now < self.last {
            self.went_back.push((self.last, now));
        }
        self.last = now;
    }
}

impl Observer for Instants {
    fn input(&mut self, now: Time, _: ServerId, _: &Input) {
        self.see(now);
    }

    fn decided(&mut self, now: Time, _: ServerId, deadline: Option<Deadline>) {
        self.see(now);
        self.overdue += usize::from(deadline.is_some_and(|deadline| deadline.at < now));
    }

    fn world(&mut self, now: Time, _: ServerId, _: WorldEvent) {
        self.see(now);
    }
}

#[test]
fn time_never_goes_back_for_who_stood_still() {
    // It stands still just before the answers to its questions come, and an examination's result. When it goes on,
    // these are the first that it is told of, and by then its timers are overdue.
    for safety in [Safety::Paper, Safety::Guarded] {
        for (kind, end) in [("pause", "resume"), ("agent-pause", "agent-resume")] {
            let begin = fault(11, kind, "server = \"s2\"").replace("\"11s\"", "\"12.0001s\"");
            let faults = begin + &fault(200, end, "server = \"s2\"");
            let scenario = scenario_of(safety, &faults);
            let mut simulation = Simulation::new(&scenario, Instants::default()).unwrap();
            simulation.run_until(scenario.end());
            let seen = simulation.observer();
            assert!(seen.overdue > 0, "{safety:?} {kind}: no timer was overdue");
            assert_eq!(seen.went_back, [], "{safety:?} {kind}");
        }
    }
}

/// `s2` cannot be heard by anybody from 20 s on, with its clock fast or slow by so much, and those of
/// its voters wrong by as much in the other direction. Leases last far longer than a take-over takes,
/// with the usual tenth of margin.
fn cut_off_with_drift(ppm: i32) -> Run {
    let drift = |server: &str, ppm: i32| {
        let keys = format!("server = \"{server}\"\nppm = {ppm}");
        fault(1, "clock-drift", &keys)
    };
    let timing = "[timing]\nlease_term = \"60s\"\nlease_margin = \"6s\"\n";
    let mut faults = timing.to_owned() + &drift("s2", ppm);
    for voter in ["s1", "s3", "s4"] {
        faults += &drift(voter, -ppm);
    }
    let sides = "sides = [[\"s2\"], [\"s1\", \"s3\", \"s4\"]]";
    faults += &fault(20, "partition", sides);
    run_of(Safety::Guarded, &faults)
}

#[test]
fn clocks_within_the_margin_never_give_an_address_two_holders() {
    // A margin of a tenth of the term is twice the share by which each of two clocks may be wrong.
    for ppm in [-50_000, -200, 200, 50_000] {
        let run = cut_off_with_drift(ppm);
        assert_eq!(run.violations, [], "{ppm}");
        assert!(run.outages[1][0].to.is_some(), "{ppm}: nobody took it over");
    }
}

#[test]
fn clocks_beyond_the_margin_do() {
    // So the test of clocks within it would notice a margin that is too small.
    assert!(two_holders(&cut_off_with_drift(-200_000)) > 0);
}

#[test]
fn a_virtual_server_that_cannot_be_resumed_is_started() {
    let faults =
        fault(1, "resume-fails", "server = \"s2\"") + &fault(20, "destroy", "server = \"s2\"");
    let run = run_of(Safety::Paper, &faults);
    let length = run.outages[1][0].to.unwrap() - run.outages[1][0].from;
    // A start takes 27.4 s, a resumption 5.2 s.
    assert!(length > Span::from_secs(27), "{length}");
    assert!(length < Span::from_secs(60), "{length}");
}

/// From the loss of `s2` at 20 s until clients have it back.
fn without_s2(faults: &str) -> Option<Span> {
    let run = run_of(
        Safety::Paper,
        &(fault(20, "destroy", "server = \"s2\"") + faults),
    );
    let outage = run.outages[1][0];
    outage.to.map(|back| back - outage.from)
}

#[test]
fn a_manager_that_does_not_reach_the_file_server_waits_for_it() {
    let cut = |server: &str| fault(1, "file-server-cut", &format!("server = \"{server}\""));
    let usual = without_s2("").unwrap();
    assert_eq!(without_s2(&cut("s3")), Some(usual), "it concerns s3 alone");
    let healed = without_s2(&(cut("s1") + &fault(90, "heal", ""))).unwrap();
    // The read of its image goes on 70 s after the loss.
    let (least, most) = (Span::from_secs(70), Span::from_secs(77));
    assert!(
        usual < Span::from_secs(30) && least < healed && healed < most,
        "{usual} {healed}"
    );
}

#[test]
fn who_does_not_reach_the_file_server_has_no_vote_of_the_witness() {
    let halves = "sides = [[\"s1\", \"s2\"], [\"s3\", \"s4\"]]";
    let mut faults = fault(20, "partition", halves);
    for server in ["s1", "s2"] {
        faults += &fault(20, "file-server-cut", &format!("server = \"{server}\""));
    }
    for (function, by) in [("s1", "s4"), ("s2", "s3"), ("s3", "s3"), ("s4", "s4")] {
        faults += &format!("[[expect]]\nserved = \"{function}\"\nby = \"{by}\"\n");
    }
    let run = run_of(Safety::Guarded, &faults);
    assert_eq!(run.violations, []);
    assert_eq!(run.unmet, []);
}
