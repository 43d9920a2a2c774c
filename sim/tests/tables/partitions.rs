//! Who serves what while a ring of four is cut into sides, and after how long.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use tetrarch_core::{Members, Safety, ServerId, Span, Time};
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::simulation::Simulation;

/// The cycle takes 11 s: an examination of 1 s and the inter-monitoring time.
const PHASES: u64 = 11;
/// Twice the judgement time and more, so that whatever the cut leads to has come about.
const CUT_S: u64 = 400;
const HEALED_S: u64 = 600;
const SIZE: usize = 4;

/// Every way in which a ring of four can fall apart, up to its rotations: the sides, by the
/// servers' numbers.
const PARTITIONS: [&[&[usize]]; 7] = [
    &[&[1, 2, 3, 4]],
    &[&[1], &[2, 3, 4]],
    &[&[1, 2], &[3, 4]],
    &[&[1, 3], &[2, 4]],
    &[&[1, 2], &[3], &[4]],
    &[&[1, 3], &[2], &[4]],
    &[&[1], &[2], &[3], &[4]],
];

/// Everybody, nobody, or one side; of sides that a rotation carries into each other the first.
fn reaching(sides: &[&[usize]]) -> Vec<Vec<usize>> {
    let mut reaching = vec![vec![1, 2, 3, 4]];
    if sides.len() > 1 {
        let mut seen = BTreeSet::new();
        for side in sides {
            let turns = (0..SIZE).filter(|by| turned_all(sides, *by) == turned_all(sides, 0));
            let least = turns.map(|by| turned(side, by)).min().unwrap();
            if seen.insert(least) {
                reaching.push(side.to_vec());
            }
        }
    }
    reaching.push(Vec::new());
    reaching
}

fn turned(side: &[usize], by: usize) -> Vec<usize> {
    let mut turned: Vec<usize> = side.iter().map(|s| (s - 1 + by) % SIZE + 1).collect();
    turned.sort_unstable();
    turned
}

fn turned_all(sides: &[&[usize]], by: usize) -> BTreeSet<Vec<usize>> {
    sides.iter().map(|side| turned(side, by)).collect()
}

fn list(servers: &[usize]) -> String {
    let names: Vec<String> = servers.iter().map(|s| format!("\"s{s}\"")).collect();
    format!("[{}]", names.join(", "))
}

/// The scenario in which the sides come apart at `at_s`, and only `reaching` reach the shared area.
fn scenario(sides: &[&[usize]], reaching: &[usize], at_s: u64, safety: Safety) -> Scenario {
    let heal_s = at_s + CUT_S;
    let mut text = format!(
        "name = \"cut\"\npurpose = \"A line of a table.\"\ngroup = {}\nsafety = \"{}\"\n\
         duration = \"{}s\"\n[[fault]]\nat = \"{heal_s}s\"\nfault = \"heal\"\n",
        list(&[1, 2, 3, 4]),
        safety.name(),
        heal_s + HEALED_S,
    );
    if sides.len() > 1 {
        let sides: Vec<String> = sides.iter().map(|side| list(side)).collect();
        writeln!(
            text,
            "[[fault]]\nat = \"{at_s}s\"\nfault = \"partition\"\nsides = [{}]",
            sides.join(", ")
        )
        .unwrap();
    }
    for server in (1..=SIZE).filter(|server| !reaching.contains(server)) {
        writeln!(
            text,
            "[[fault]]\nat = \"{at_s}s\"\nfault = \"file-server-cut\"\nserver = \"s{server}\""
        )
        .unwrap();
    }
    Scenario::parse(&text, "a line of a table", Path::new(".")).unwrap()
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

/// What became of each function, and of the group after the healing, in one phase or in several.
#[derive(Default)]
struct Found {
    /// For each function the hosts that served it in the end, 0 for nobody.
    hosts: [BTreeSet<usize>; SIZE],
    /// For each function how long after the cut the service came back for good, where it was away.
    back_s: [Vec<f64>; SIZE],
    /// The functions that ever had two holders.
    doubled: BTreeSet<usize>,
    /// How long after the healing all was as before.
    whole_s: Vec<f64>,
    /// The runs in which it never was.
    never_whole: usize,
}

impl Found {
    fn look(&mut self, sides: &[&[usize]], reaching: &[usize], at_s: u64, safety: Safety) {
        let scenario = scenario(sides, reaching, at_s, safety);
        let mut simulation = Simulation::new(&scenario, ()).unwrap();
        let (cut, healed) = (at(at_s), at(at_s + CUT_S));
        let before_healing = Time::from_nanos(healed.as_nanos() - 1);
        while simulation.advance(before_healing) {
            for function in ServerId::all(SIZE) {
                if simulation.holders(function).len() > 1 {
                    self.doubled.insert(function.index() + 1);
                }
            }
        }
        for function in ServerId::all(SIZE) {
            let place = function.index();
            let host = simulation.served_by(function);
            self.hosts[place].insert(host.map_or(0, |host| host.index() + 1));
            let mut outages = simulation.outages(function).iter();
            let last = outages.rfind(|outage| outage.from >= cut);
            if let Some(back) = last.and_then(|outage| outage.to) {
                self.back_s[place].push((back - cut).as_secs_f64());
            }
        }
        for second in 0..HEALED_S {
            simulation.run_until(healed + Span::from_secs(second));
            if is_whole(&simulation) {
                return self.whole_s.push(second as f64);
            }
        }
        self.never_whole += 1;
    }

    fn of(sides: &[&[usize]], reaching: &[usize], safety: Safety) -> Self {
        let mut found = Self::default();
        for phase in 0..PHASES {
            found.look(sides, reaching, 20 + phase, safety);
        }
        found
    }

    /// Who serves `function`, and since when where it was away.
    fn service(&self, place: usize) -> String {
        let names = self.hosts[place].iter().map(|host| match host {
            0 => "nobody".to_owned(),
            host => format!("s{host}"),
        });
        let mut text = names.collect::<Vec<_>>().join(" or ");
        if self.hosts[place].iter().any(|host| *host > 0) && !self.back_s[place].is_empty() {
            write!(text, ", {}", median_and_worst(&self.back_s[place])).unwrap();
        }
        text
    }

    fn doubled(&self) -> String {
        if self.doubled.is_empty() {
            return "none".to_owned();
        }
        let names: Vec<String> = self.doubled.iter().map(|s| format!("s{s}")).collect();
        names.join(" ")
    }

    fn whole(&self) -> String {
        match self.never_whole {
            0 => median_and_worst(&self.whole_s),
            runs => format!("not within {HEALED_S} in {runs} of {PHASES}"),
        }
    }
}

fn is_whole(simulation: &Simulation<()>) -> bool {
    ServerId::all(SIZE).all(|server| {
        let members = simulation.nodes()[server.index()].view().structure();
        simulation.served_by(server) == Some(server)
            && simulation.holders(server).len() == 1
            && members.members() == Members::first(SIZE)
    })
}

fn median_and_worst(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let worst = sorted[sorted.len() - 1];
    format!("{:.1} / {worst:.1}", sorted[sorted.len() / 2])
}

fn shown(servers: &[usize]) -> String {
    match servers.len() {
        0 => "nobody".to_owned(),
        SIZE => "all".to_owned(),
        _ => {
            let names: Vec<String> = servers.iter().map(|s| format!("s{s}")).collect();
            names.join(" ")
        }
    }
}

pub fn partitions() -> String {
    let mut text = String::from(
        "| sides | shared area reached by | s1 | s2 | s3 | s4 | whole again | paper: two holders \
         | paper: whole again |\n|---|---|---|---|---|---|--:|---|--:|\n",
    );
    for sides in PARTITIONS {
        for reaching in reaching(sides) {
            let guarded = Found::of(sides, &reaching, Safety::Guarded);
            assert!(guarded.doubled.is_empty(), "{sides:?} {reaching:?}");
            let paper = Found::of(sides, &reaching, Safety::Paper);
            let apart: Vec<String> = sides
                .iter()
                .map(|side| match side.len() {
                    SIZE => "whole".to_owned(),
                    _ => shown(side),
                })
                .collect();
            let services: Vec<String> = (0..SIZE).map(|place| guarded.service(place)).collect();
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                apart.join(" \\| "),
                shown(&reaching),
                services.join(" | "),
                guarded.whole(),
                paper.doubled(),
                paper.whole()
            )
            .unwrap();
        }
    }
    text
}
