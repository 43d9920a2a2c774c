//! The faults of links.

use tetrarch_core::Span;

use super::FaultAction;
use crate::scenario::error::ScenarioError;
use crate::scenario::group::{ServerIndex, read_server, read_servers};
use crate::scenario::reader::Section;
use crate::units::{DURATION_EXPECTED, Ratio};

/// The keys `from` and `to`: two servers of the group.
fn read_way(
    section: &Section<'_>,
    group: &[String],
) -> Result<(ServerIndex, ServerIndex), ScenarioError> {
    const EXPECTED: &str = "a server of the group";
    let from = read_server(section.need("from", EXPECTED)?, group)?;
    let item = section.need("to", EXPECTED)?;
    let to = read_server(item, group)?;
    if from == to {
        return Err(item.refuse("another server than \"from\""));
    }
    Ok((from, to))
}

/// The key `percent`: a share of something.
pub(super) fn read_share(section: &Section<'_>) -> Result<Ratio, ScenarioError> {
    const EXPECTED: &str = "a percentage from 0 to 100 with at most four decimals";
    let item = section.need("percent", EXPECTED)?;
    item.decimal()
        .and_then(|number| Ratio::parse_percent(&number).ok())
        .filter(|&share| share <= Ratio::WHOLE)
        .ok_or_else(|| item.refuse(EXPECTED))
}

/// A duration of up to a day: what takes longer is a cut.
fn read_span(section: &Section<'_>, key: &str, least: Span) -> Result<Span, ScenarioError> {
    const DAY: Span = Span::from_secs(86_400);
    let item = section.need(key, DURATION_EXPECTED)?;
    let span = item.span()?;
    if span < least || span > DAY {
        let least = crate::units::span_text(least);
        return Err(item.refuse(format!("a duration from {least:?} to \"1d\"")));
    }
    Ok(span)
}

pub(super) fn read_cut(
    section: &Section<'_>,
    group: &[String],
) -> Result<FaultAction, ScenarioError> {
    let (from, to) = read_way(section, group)?;
    Ok(FaultAction::Cut { from, to })
}

pub(super) fn read_partition(
    section: &Section<'_>,
    group: &[String],
) -> Result<FaultAction, ScenarioError> {
    const EXPECTED: &str = "at least two lists of servers, with every server in exactly one";
    let item = section.need("sides", EXPECTED)?;
    let mut sides: Vec<Vec<ServerIndex>> = Vec::new();
    for side in item.list(EXPECTED)? {
        let servers = read_servers(side, group)?;
        let repeated = servers
            .iter()
            .any(|server| sides.iter().flatten().any(|s| s == server));
        if servers.is_empty() || repeated {
            return Err(side.refuse(EXPECTED));
        }
        sides.push(servers);
    }
    if sides.len() < 2 || sides.iter().flatten().count() < group.len() {
        return Err(item.refuse(EXPECTED));
    }
    Ok(FaultAction::Partition(sides))
}

pub(super) fn read_flap(
    section: &Section<'_>,
    group: &[String],
) -> Result<FaultAction, ScenarioError> {
    const LEAST: Span = Span::from_millis(1);
    let (from, to) = read_way(section, group)?;
    Ok(FaultAction::Flap {
        from,
        to,
        down: read_span(section, "down", LEAST)?,
        up: read_span(section, "up", LEAST)?,
    })
}

pub(super) fn read_link_loss(
    section: &Section<'_>,
    group: &[String],
) -> Result<FaultAction, ScenarioError> {
    let (from, to) = read_way(section, group)?;
    let percent = read_share(section)?;
    Ok(FaultAction::LinkLoss { from, to, percent })
}

pub(super) fn read_link_delay(
    section: &Section<'_>,
    group: &[String],
) -> Result<FaultAction, ScenarioError> {
    let (from, to) = read_way(section, group)?;
    let by = read_span(section, "by", Span::ZERO)?;
    Ok(FaultAction::LinkDelay { from, to, by })
}

pub(super) fn read_late(section: &Section<'_>, _: &[String]) -> Result<FaultAction, ScenarioError> {
    Ok(FaultAction::Late {
        percent: read_share(section)?,
        by: read_span(section, "by", Span::ZERO)?,
    })
}
