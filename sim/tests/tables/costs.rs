//! What guarding costs: the paper's times under both safety settings.

use std::fmt::Write;

use tetrarch_core::Safety;
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::reproduce::{Simulated, Table, experiments, simulate};

use crate::experiments::{FIG6, FIG7, Published, simulated_s};

fn guarded(table: Table) -> Vec<Simulated> {
    let mut all = Vec::new();
    for mut experiment in experiments(table).unwrap() {
        experiment.scenario.safety = Safety::Guarded;
        let run = experiment.run(&Parameters::paper()).unwrap();
        assert_eq!(run.violations, [], "{:?}", experiment.troubles);
        all.extend(experiment.times(&run));
    }
    all
}

pub fn costs() -> String {
    let mut text = String::from(
        "| trouble | server | time | published, s | paper, s | guarded, s | difference, s |\n\
         |---|---|---|--:|--:|--:|--:|\n",
    );
    let figures: [(Table, &[Published]); 2] = [(Table::Fig6, &FIG6), (Table::Fig7, &FIG7)];
    for (table, cells) in figures {
        let paper = simulate(table, &Parameters::paper()).unwrap();
        let guarded = guarded(table);
        for cell in cells {
            let (trouble, server, metric, published_s) = *cell;
            let paper_s = simulated_s(&paper, *cell).unwrap();
            let guarded_s = simulated_s(&guarded, *cell).unwrap();
            let difference = guarded_s - paper_s;
            let trouble = match table {
                Table::Fig6 => trouble.name().to_owned(),
                _ => format!("{0} + {0}", trouble.name()),
            };
            let metric = metric.name();
            writeln!(
                text,
                "| {trouble} | {server} | {metric} | {published_s:.1} | {paper_s:.2} | \
                 {guarded_s:.2} | {difference:+.2} |"
            )
            .unwrap();
        }
    }
    text
}
