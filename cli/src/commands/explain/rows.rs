//! An explained run as rows for programs.

use tetrarch_core::{Span, Time};
use tetrarch_report::{Table, Value};
use tetrarch_sim::explain::Explanation;

use super::chart::{kind, name};
use crate::error::CliError;

const HEADER: [&str; 8] = [
    "row",
    "who",
    "about",
    "kind",
    "begin_ns",
    "span_ns",
    "parameters",
    "text",
];

/// Events, parts and bars.
pub(super) fn table(explanation: &Explanation) -> Result<Table, CliError> {
    let mut table = Table::new(&HEADER)?;
    let mut push = |words: [&str; 4], begin: Time, span: Span, parameters: &str, text: &str| {
        let [row, who, about, kind] = words;
        let parameters = if parameters.is_empty() {
            Value::Missing
        } else {
            parameters.into()
        };
        table.push(vec![
            row.into(),
            who.into(),
            about.into(),
            kind.into(),
            Value::Count(begin.as_nanos()),
            Value::Count(span.as_nanos()),
            parameters,
            text.into(),
        ])
    };
    for event in &explanation.story {
        let (who, about) = (
            name(explanation, event.server),
            name(explanation, event.about),
        );
        let words = ["event", who, about, event.kind.name()];
        push(words, event.at, Span::ZERO, "", &event.text)?;
    }
    for breakdown in &explanation.breakdowns {
        for part in &breakdown.parts {
            let (who, about) = (
                name(explanation, part.actor),
                name(explanation, breakdown.server),
            );
            let words = ["part", who, about, breakdown.metric.name()];
            let text = part.text(&explanation.group);
            push(words, part.from, part.span(), &part.explanation(), &text)?;
        }
    }
    let gantt = &explanation.gantt;
    for lane in &gantt.lanes {
        for bar in &lane.bars {
            let words = ["bar", lane.label.as_str(), "", kind(bar.kind).name()];
            let span = bar.to.saturating_sub(bar.from);
            push(words, gantt.zero + bar.from, span, "", &bar.label)?;
        }
    }
    Ok(table)
}
