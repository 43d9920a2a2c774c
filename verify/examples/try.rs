#![allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr
)]
use std::time::Duration;
use tetrarch_verify::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let ring: usize = a[1].parse().unwrap();
    let k: u8 = a[2].parse().unwrap();
    let t: u64 = a[3].parse().unwrap();
    let preset = if a[4] == "paper" {
        Preset::Paper
    } else {
        Preset::Whole
    };
    let kinds: Vec<Kind> = a[5]
        .split(',')
        .filter(|s| !s.is_empty())
        .map(|s| s.parse().unwrap())
        .collect();
    let mut b = Bounds::new(ring, preset, &kinds).unwrap();
    if a.len() > 6 {
        b = b.rotated();
    }
    let rs = check(&b, k, Duration::from_secs(t), 2, |_| {});
    for r in &rs {
        println!(
            "faults {} states {} tails {} steps {} depth {} dark {} exhausted {} unexp {} took {:?}",
            r.faults,
            r.states,
            r.tails,
            r.steps,
            r.depth,
            r.dark,
            r.is_exhausted,
            r.unexplored,
            r.took
        );
        for f in &r.findings {
            println!(
                "  !! {} {:?} states {} depth {}",
                f.property, f.subject, f.states, f.depth
            );
            let n = f.lines.len();
            if std::env::var("LINES").is_ok() {
                for l in &f.lines {
                    if !l.text.contains("Sync") {
                        println!("   {l}");
                    }
                }
            } else {
                for l in f.lines.iter().filter(|l| l.text.contains("FAULT")) {
                    println!("   {l}");
                }
                println!("   ... {} lines, last {}", n, f.lines.last().unwrap());
            }
            match scenario_of(&b, f) {
                Ok(s) => {
                    if std::env::var("TOML").is_ok() {
                        println!("{s}")
                    }
                }
                Err(e) => println!("   {e}"),
            }
        }
    }
}
