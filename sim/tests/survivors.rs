//! What three and four failing servers leave behind, and who gets room that is short, as
//! `docs/protocol.md` states it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use tetrarch_core::{Event, Span, Time};
use tetrarch_sim::run::{Run, run};
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::trace::Entry;

const GROUP: [&str; 4] = ["mail", "web", "ftp", "proxy"];

fn fault(at_s: u64, verb: &str, server: &str) -> String {
    format!("[[fault]]\nat = \"{at_s}s\"\nfault = \"{verb}\"\nserver = \"{server}\"\n")
}

fn simulate(timing: &str, faults: &str) -> Run {
    simulate_group(&GROUP, timing, faults)
}

fn simulate_group(group: &[&str], timing: &str, faults: &str) -> Run {
    let text = format!(
        "name = \"several\"\npurpose = \"Several servers fail.\"\ngroup = {group:?}\n\
         duration = \"900s\"\ntiming = {{ {timing} }}\n{faults}"
    );
    run(&Scenario::parse(&text, "several.toml", Path::new(".")).unwrap()).unwrap()
}

/// When the first outage of a function ended, in milliseconds.
fn back_ms(run: &Run, server: &str) -> Option<u64> {
    let place = GROUP.iter().position(|name| *name == server).unwrap();
    let back = run.outages[place].first().unwrap().to?;
    Some((back - Time::ZERO).as_nanos() / 1_000_000)
}

/// The functions that found no room, in the order in which they asked.
fn without_room(run: &Run) -> Vec<&'static str> {
    let notes = run.lines.iter().filter_map(|line| match line.entry {
        Entry::Note(Event::NoRoom { function }) => Some(GROUP[function.index()]),
        _ => None,
    });
    notes.collect()
}

fn three_destroyed() -> String {
    GROUP[1..]
        .iter()
        .map(|server| fault(6, "destroy", server))
        .collect()
}

#[test]
fn a_lone_survivor_serves_its_own_targets_first() {
    let run = simulate("", &three_destroyed());
    assert_eq!(back_ms(&run, "web"), Some(21_050));
    assert_eq!(back_ms(&run, "proxy"), Some(26_050));
    assert_eq!(back_ms(&run, "ftp"), Some(28_050));
    assert_eq!(without_room(&run), [""; 0]);
    assert_eq!(run.violations, []);
}

#[test]
fn memory_for_one_virtual_server_serves_the_first_and_reports_the_rest() {
    let run = simulate("host_memory = \"4096 MB\"", &three_destroyed());
    assert_eq!(back_ms(&run, "web"), Some(21_050));
    assert_eq!(back_ms(&run, "proxy"), None);
    assert_eq!(back_ms(&run, "ftp"), None);
    assert_eq!(without_room(&run)[..2], ["proxy", "ftp"]);
    assert_eq!(run.violations, []);
}

#[test]
fn all_four_return_without_an_operator_once_they_have_power() {
    let faults: String = GROUP
        .iter()
        .map(|server| fault(6, "crash", server) + &fault(100, "repair", server))
        .collect();
    let run = simulate("", &faults);
    for server in GROUP {
        assert_eq!(back_ms(&run, server), Some(148_300), "{server}");
    }
    assert_eq!(run.violations, []);
    assert!(run.lines.last().unwrap().at > Time::ZERO + Span::from_secs(800));
}

#[test]
fn room_that_becomes_free_is_not_used_for_what_the_other_manager_serves() {
    // Mail, which serves web, has no room for ftp and asks proxy. Then web comes back.
    let faults = fault(6, "destroy", "web") + &fault(400, "destroy", "ftp");
    let run = simulate(
        "host_memory = \"4096 MB\"",
        &(faults + &fault(420, "repair", "web")),
    );
    assert_eq!(without_room(&run), ["ftp"]);
    assert_eq!(run.outages[2].len(), 1, "{:?}", run.outages[2]);
    assert_eq!(run.violations, []);
}

#[test]
fn room_that_becomes_free_is_not_used_for_a_function_that_is_back() {
    // A serves b and d serves e. Neither has room for c, which comes back by itself; then e does.
    let faults = fault(6, "destroy", "b") + &fault(6, "destroy", "e");
    let faults = faults + &fault(400, "crash", "c") + &fault(700, "repair", "e");
    let group = ["a", "b", "c", "d", "e"];
    let run = simulate_group(&group, "host_memory = \"4096 MB\"", &faults);
    assert!(without_room(&run).len() >= 2);
    assert_eq!(run.outages[2].len(), 1, "{:?}", run.outages[2]);
    assert_eq!(run.violations, []);
}
