//! An explained run as text.

use std::fmt::Write as _;

use tetrarch_core::{Span, Time};
use tetrarch_report::figures::timeline::Chart;
use tetrarch_sim::explain::{Breakdown, Explanation};
use tetrarch_sim::scenario::{Metric, Scenario};

use super::chart::name;
use crate::error::CliError;

/// The most columns of the timeline: what a page of paper holds.
const COLUMNS_MAX: usize = 100;
/// The fewest, in which the timeline of any group still says something.
const COLUMNS_MIN: usize = 60;

/// Story, timeline and sums, the timeline for a terminal of so many columns if it goes to one.
pub(super) fn text(
    scenario: &Scenario,
    explanation: &Explanation,
    chart: &Chart,
    columns: Option<usize>,
) -> Result<String, CliError> {
    let mut text = format!("{}\n", scenario.name);
    for line in scenario.purpose.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str(
        "\nWhat happened (s; the second time counts from the detection of that trouble)\n\n",
    );
    text.push_str(&story(explanation));
    text.push_str("\nTimeline (its clock starts at the first trouble)\n\n");
    let columns = columns.map_or(COLUMNS_MAX, |columns| {
        columns.clamp(COLUMNS_MIN, COLUMNS_MAX)
    });
    text.push_str(&chart.render_text(columns)?);
    for breakdown in &explanation.breakdowns {
        text.push('\n');
        text.push_str(&sum(explanation, breakdown));
    }
    Ok(text)
}

/// The sentences, one a line.
fn story(explanation: &Explanation) -> String {
    let mut text = String::new();
    for sentence in &explanation.story {
        let since = sentence
            .since_detection
            .map(|span| format!("+{}", seconds(span)));
        let at = seconds(sentence.at - Time::ZERO);
        let _ = write!(
            text,
            "{at:>9} {:>9}  {}",
            since.unwrap_or_default(),
            sentence.text
        );
        let measured = sentence.reached.and_then(|metric| {
            let measured = explanation.measured.get(sentence.about.index())?;
            Some((metric, measured.get(metric)?))
        });
        if let Some((metric, span)) = measured {
            let _ = write!(text, "  <== {} {span}", metric.name());
        }
        text.push('\n');
    }
    text
}

/// One measured time as a sum.
fn sum(explanation: &Explanation, breakdown: &Breakdown) -> String {
    let until = match breakdown.metric {
        Metric::Function => "from detection until its virtual server has the VIP",
        Metric::Target => "from detection until it is normal again",
        Metric::Disconnection => "from the trouble until the mean client is served again",
    };
    let server = name(explanation, breakdown.server);
    let metric = breakdown.metric.name();
    let mut text = format!("{server}, {metric}: {until}\n\n");
    let keys: Vec<String> = breakdown
        .parts
        .iter()
        .map(|part| part.explanation())
        .collect();
    let width = keys.iter().map(String::len).max().unwrap_or(0);
    for (part, key) in breakdown.parts.iter().zip(&keys) {
        let (span, what) = (exact(part.span()), part.text(&explanation.group));
        let _ = writeln!(text, "  {span:>12}  {key:<width$}  {what}");
    }
    let _ = writeln!(text, "  {:>12}  in all", exact(breakdown.measured));
    text
}

fn seconds(span: Span) -> String {
    // A span prints with its unit, which the heading has said once.
    span.to_string().trim_end_matches(" s").to_owned()
}

/// Seconds with as many decimals as they have, at least one: sums must be seen to add up.
pub(super) fn exact(span: Span) -> String {
    let ns = span.as_nanos();
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') {
        format!("{short}0")
    } else {
        short.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_the_decimals_that_they_need() {
        assert_eq!(exact(Span::ZERO), "0.0");
        assert_eq!(exact(Span::from_secs(10)), "10.0");
        assert_eq!(exact(Span::from_nanos(650_000_001)), "0.650000001");
        assert_eq!(exact(Span::from_millis(9300)), "9.3");
    }
}
