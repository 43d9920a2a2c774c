//! The timeline as a chart of the report crate.

use std::path::PathBuf;

use rayon::prelude::*;
use tetrarch_core::{ServerId, Span};
use tetrarch_report::figures::Image;
use tetrarch_report::figures::timeline::{self, Chart};
use tetrarch_sim::explain::{self, BarKind, Explanation, explain_with};
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::reproduce::{Experiment, Table, experiments};
use tetrarch_sim::scenario::{Metric, Scenario, Trouble};

use crate::error::CliError;

/// The timeline of an explained run called `name`.
pub(super) fn chart(name: &str, explanation: &Explanation) -> Chart {
    Chart {
        title: name.to_owned(),
        subtitle: subtitle(explanation),
        end_s: seconds(explanation.gantt.end),
        lanes: explanation.gantt.lanes.iter().map(lane).collect(),
    }
}

/// The timelines of the paper's experiments as files' names and contents: each form in `images` for each trouble of
/// Fig. 6 (`timeline-s1t.svg`) and for each pair of Fig. 7 that the paper has numbers for
/// (`timeline-s2t-s2t.svg`), in a fixed order. `reproduce --out` writes them.
///
/// # Errors
///
/// Only if the core or the drawing library refuses the paper's system.
pub(crate) fn timelines(images: &[Image]) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let mut wanted = experiments(Table::Fig6)?;
    let pairs = experiments(Table::Fig7)?.into_iter();
    // The paper's text has numbers for the pairs of one and the same trouble.
    wanted.extend(pairs.filter(|experiment| {
        let mut troubles = experiment.troubles.iter().map(|(_, trouble)| trouble);
        let first = troubles.next();
        troubles.all(|trouble| Some(trouble) == first)
    }));
    let drawn = wanted
        .par_iter()
        .map(|experiment| pictures(experiment, images))
        .collect::<Result<Vec<_>, CliError>>()?;
    Ok(drawn.concat())
}

/// The timelines of these scenarios, named like their files: each form in `images` for each, in their order.
///
/// # Errors
///
/// When a file does not parse, or the core or the drawing library refuses what is in it.
pub(crate) fn scenario_timelines(
    paths: &[PathBuf],
    images: &[Image],
) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let one = |path: &PathBuf| {
        let scenario = Scenario::load(path)?;
        let explanation = explain::explain(&scenario)?;
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        let stem = stem.to_string_lossy();
        render(&stem, &chart(&scenario.name, &explanation), images)
    };
    let drawn = paths
        .par_iter()
        .map(one)
        .collect::<Result<Vec<_>, CliError>>()?;
    Ok(drawn.concat())
}

/// The chart in each form, as files' names and contents.
fn render(stem: &str, chart: &Chart, images: &[Image]) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let draw = |image: &Image| Ok((format!("{stem}.{}", image.ending()), chart.render(*image)?));
    images.iter().map(draw).collect()
}

fn pictures(experiment: &Experiment, images: &[Image]) -> Result<Vec<(String, Vec<u8>)>, CliError> {
    let explanation = explain_with(&experiment.scenario, &Parameters::paper())?;
    let named = || experiment.troubles.iter();
    let servers: Vec<&str> = named().map(|(server, _)| server.as_str()).collect();
    let name = |trouble: Trouble| trouble.name().to_ascii_lowercase();
    let stem: Vec<String> = named().map(|(_, trouble)| name(*trouble)).collect();
    let title = named().next().map_or_else(String::new, |(_, trouble)| {
        let (name, meaning) = (trouble.name(), trouble.meaning());
        format!("{name} on {}: {meaning}", servers.join(" and "))
    });
    let chart = chart(&title, &explanation);
    let stem = stem.join("-");
    render(&format!("timeline-{stem}"), &chart, images)
}

/// What was measured, in one line.
fn subtitle(explanation: &Explanation) -> String {
    let measured = explanation.measured.iter().zip(&explanation.group);
    let parts: Vec<String> = measured
        .filter(|(measured, _)| {
            Metric::ALL
                .iter()
                .any(|metric| measured.get(*metric).is_some())
        })
        .map(|(measured, server)| {
            let times: Vec<String> = Metric::ALL
                .iter()
                .filter_map(|metric| {
                    let span = measured.get(*metric)?;
                    Some(format!("{} {:.2} s", metric.name(), seconds(span)))
                })
                .collect();
            format!("{server}: {}", times.join(", "))
        })
        .collect();
    if parts.is_empty() {
        "nobody was in trouble".to_owned()
    } else {
        parts.join(" · ")
    }
}

fn lane(lane: &explain::Lane) -> timeline::Lane {
    timeline::Lane {
        label: lane.label.clone(),
        bars: lane.bars.iter().map(bar).collect(),
        marks: lane.marks.iter().map(mark).collect(),
    }
}

fn bar(bar: &explain::Bar) -> timeline::Bar {
    timeline::Bar {
        start_s: seconds(bar.from),
        end_s: seconds(bar.to),
        kind: kind(bar.kind),
        label: bar.label.clone(),
    }
}

/// A kind of bar of the simulator as one of the report, which has its name and its look.
pub(super) const fn kind(kind: BarKind) -> timeline::BarKind {
    match kind {
        BarKind::Examining => timeline::BarKind::Examining,
        BarKind::Waiting => timeline::BarKind::Waiting,
        BarKind::Command => timeline::BarKind::Command,
        BarKind::Resuming => timeline::BarKind::Resuming,
        BarKind::Serving => timeline::BarKind::Serving,
        BarKind::Down => timeline::BarKind::Down,
        BarKind::Restarting => timeline::BarKind::Restarting,
        BarKind::Suspending => timeline::BarKind::Suspending,
        BarKind::Outage => timeline::BarKind::Outage,
    }
}

fn mark(mark: &explain::Mark) -> timeline::Mark {
    timeline::Mark {
        at_s: seconds(mark.at),
        label: mark.label.clone(),
    }
}

fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}

/// The name of a server of an explained run.
pub(super) fn name(explanation: &Explanation, server: ServerId) -> &str {
    let name = explanation.group.get(server.index());
    name.map_or("?", String::as_str)
}
