//! A net for changes of what nodes decide: many thousands of steps, and the sums of what came out.
//!
//! The sums say nothing of right and wrong; the simulator's checkers and `verify` judge. They say that
//! a change of the core changed no decision, or in which step it did. A change that is meant to is
//! written down with
//!
//! ```sh
//! cargo test -p tetrarch-core --test decisions -- --ignored
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod dice;
mod digest;
#[path = "../common/timing.rs"]
mod timing;
mod unruly;
mod world;

use std::fmt::Write;
use std::path::PathBuf;

use digest::Digest;
use tetrarch_core::Safety;
use unruly::Unruly;
use world::{Plan, Seen, World};

/// A sum is kept after so many steps, and at the end of a run.
const STEPS_EACH: usize = 64;

#[derive(Clone, Copy)]
enum Kind {
    World,
    Unruly,
}

struct Run {
    kind: Kind,
    plan: Plan,
    /// How many steps it takes.
    steps: usize,
}

/// The nodes of guarded groups talk all the time, and of a large one so much that little else would
/// happen.
fn runs() -> Vec<Run> {
    let kinds = [
        (Kind::World, Safety::Paper, 2..=8, 2000),
        (Kind::World, Safety::Guarded, 2..=5, 3000),
        (Kind::Unruly, Safety::Paper, 2..=8, 700),
        (Kind::Unruly, Safety::Guarded, 2..=8, 900),
    ];
    let mut runs = Vec::new();
    for (kind, safety, sizes, steps) in kinds {
        for size in sizes {
            for round in 0..2 {
                let guests_max = [3, 1, 2][(round + size) % 3];
                let seed = (100 * size + round) as u64;
                let plan = Plan {
                    size,
                    guests_max,
                    safety,
                    seed,
                };
                runs.push(Run { kind, plan, steps });
            }
        }
    }
    runs
}

impl Run {
    fn name(&self) -> String {
        let Plan {
            size,
            guests_max,
            safety,
            seed,
        } = self.plan;
        let kind = match self.kind {
            Kind::World => "world",
            Kind::Unruly => "unruly",
        };
        format!("{kind}-{}-{size}-{guests_max}-{seed}", safety.name())
    }

    fn watch(&self, seen: impl FnMut(&Seen<'_>)) {
        match self.kind {
            Kind::World => World::new(self.plan).run(self.steps, seen),
            Kind::Unruly => Unruly::new(self.plan).run(self.steps, seen),
        }
    }

    /// The sums of this run: one after each [`STEPS_EACH`] steps, and the last.
    fn sums(&self) -> Vec<u32> {
        let mut sums = Vec::new();
        let mut digest = Digest::default();
        let mut steps = 0;
        self.watch(|seen| {
            digest.add(seen.node, seen.outputs, seen.deadline);
            steps += 1;
            if steps % STEPS_EACH == 0 {
                sums.push(digest.short());
            }
        });
        sums.push(digest.short());
        sums
    }

    /// The steps after which the sum of this number was taken, for whoever looks for the change.
    fn told(&self, number: usize) -> String {
        let mut told = String::new();
        let mut steps = 0;
        self.watch(|seen| {
            if steps / STEPS_EACH == number {
                let Seen {
                    now,
                    server,
                    input,
                    outputs,
                    deadline,
                    ..
                } = seen;
                writeln!(
                    told,
                    "{now} {server} {input:?}\n    -> {outputs:?}, {deadline:?}"
                )
                .unwrap();
            }
            steps += 1;
        });
        told
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/decisions/sums.txt")
}

fn line(name: &str, sums: &[u32]) -> String {
    let mut line = name.to_owned();
    for sum in sums {
        write!(line, " {sum:08x}").unwrap();
    }
    line
}

#[test]
fn every_decision_is_as_it_was() {
    let known = std::fs::read_to_string(file()).unwrap();
    let runs = runs();
    assert_eq!(
        known.lines().count(),
        runs.len(),
        "a run is missing, or one too many"
    );
    for (run, known) in runs.iter().zip(known.lines()) {
        let (name, known) = known.split_once(' ').unwrap();
        assert_eq!(name, run.name());
        let known: Vec<u32> = known
            .split(' ')
            .map(|sum| u32::from_str_radix(sum, 16).unwrap())
            .collect();
        let sums = run.sums();
        if sums != known {
            let first = (0..)
                .find(|place| sums.get(*place) != known.get(*place))
                .unwrap();
            let [from, to] = [first, first + 1].map(|place| place * STEPS_EACH);
            panic!(
                "{name} decides otherwise in steps {from} to {to}; now these are\n{}",
                run.told(first)
            );
        }
    }
}

#[test]
#[ignore = "rewrites the sums"]
fn write_the_sums() {
    let lines: Vec<String> = runs()
        .iter()
        .map(|run| line(&run.name(), &run.sums()))
        .collect();
    std::fs::write(file(), lines.join("\n") + "\n").unwrap();
}
