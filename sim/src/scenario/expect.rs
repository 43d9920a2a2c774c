//! `[[expect]]`: what must be true of a run.

use tetrarch_core::{Span, Time};

use super::error::ScenarioError;
use super::fault::read_time;
use super::group::{NOBODY, ServerIndex, read_server, read_servers};
use super::reader::{Item, Section};
use super::value::quoted;
use super::write::Writer;
use crate::check::Invariant;
use crate::units::{DURATION_EXPECTED, span_text};

/// Something that must be true of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// What must be true.
    pub check: Check,
    /// The line of its `[[expect]]` in the scenario file, from 1; 0 when it comes from no file.
    pub line: u32,
}

/// The times that the paper measures for each server in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// From detection until the virtual server has the function.
    Function,
    /// From detection until the real server is normal again.
    Target,
    /// How long the client finds the function unreachable.
    Disconnection,
}

impl Metric {
    /// Every metric, in the paper's order.
    pub const ALL: &[Self] = &[Self::Function, Self::Target, Self::Disconnection];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Target => "target",
            Self::Disconnection => "disconnection",
        }
    }
}

/// What a measured time must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// There is no such time: what it measures never happened.
    Absent,
    /// It was measured and lies between these, which belong to it; at least one of them is there.
    Within {
        /// The least that it may be.
        at_least: Option<Span>,
        /// The most that it may be.
        at_most: Option<Span>,
    },
}

/// What an [`Expect`] checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A measured time of one server.
    Metric {
        /// The server.
        server: ServerIndex,
        /// The time that is measured.
        metric: Metric,
        /// What it must be.
        bounds: Bounds,
    },
    /// Which host serves a server's function.
    Served {
        /// The server whose function it is.
        function: ServerIndex,
        /// The host that serves it, itself or by the virtual server; `None` when nobody does.
        by: Option<ServerIndex>,
        /// When this must be so.
        at: Time,
    },
    /// An invariant is broken. A file that names any demands exactly those that it names.
    Violation {
        /// The invariant.
        invariant: Invariant,
        /// The function or server that it is about; any when there is none.
        subject: Option<ServerIndex>,
    },
    /// How long clients missed a server's function at most, at a stretch.
    Outage {
        /// The server whose function it is.
        function: ServerIndex,
        /// The longest that any outage may have taken.
        at_most: Span,
        /// The outages up to then.
        at: Time,
    },
    /// Who the members of the group are.
    Members {
        /// The members, in the file's order; each server at most once.
        members: Vec<ServerIndex>,
        /// When this must be so.
        at: Time,
    },
}

impl Check {
    /// When it looks at the run; none for what is told from the whole of it.
    #[must_use]
    pub const fn at(&self) -> Option<Time> {
        match self {
            Self::Metric { .. } | Self::Violation { .. } => None,
            Self::Served { at, .. } | Self::Outage { at, .. } | Self::Members { at, .. } => {
                Some(*at)
            }
        }
    }

    /// What it checks in words, with the servers' own names.
    #[must_use]
    pub fn named(&self, group: &[String]) -> String {
        let name = |server: &ServerIndex| group.get(server.index()).map_or("?", String::as_str);
        match self {
            Self::Metric {
                server,
                metric,
                bounds,
            } => {
                let (server, metric) = (name(server), metric.name());
                match bounds {
                    Bounds::Absent => format!("no {metric} time of {server}"),
                    Bounds::Within { at_least, at_most } => {
                        let least = at_least.map(|span| format!(" at least {}", span_text(span)));
                        let most = at_most.map(|span| format!(" at most {}", span_text(span)));
                        let bounds: Vec<String> = least.into_iter().chain(most).collect();
                        format!("a {metric} time of {server} of{}", bounds.join(" and"))
                    }
                }
            }
            Self::Served { function, by, at } => {
                let by = by.as_ref().map_or(NOBODY, name);
                format!("{} served by {by} at {at}", name(function))
            }
            Self::Outage {
                function,
                at_most,
                at,
            } => {
                let (it, most) = (name(function), span_text(*at_most));
                format!("no outage of {it} longer than {most} up to {at}")
            }
            Self::Violation { invariant, subject } => match subject {
                Some(subject) => format!("for {}: {invariant}", name(subject)),
                None => invariant.to_string(),
            },
            Self::Members { members, at } => {
                let members: Vec<&str> = members.iter().map(name).collect();
                format!("the members {} at {at}", members.join(" "))
            }
        }
    }

    /// Moves what looks at the run at `old`, its end so far, to its new end.
    pub(super) fn move_end(&mut self, old: Time, new: Time) {
        match self {
            Self::Served { at, .. } | Self::Outage { at, .. } | Self::Members { at, .. }
                if *at == old =>
            {
                *at = new;
            }
            Self::Metric { .. }
            | Self::Violation { .. }
            | Self::Served { .. }
            | Self::Outage { .. }
            | Self::Members { .. } => {}
        }
    }
}

/// Reads one `[[expect]]`; the first of its keys tells the kind.
pub(super) fn read_expect(
    item: Item<'_>,
    group: &[String],
    end: Time,
) -> Result<Expect, ScenarioError> {
    const METRIC_KEYS: &[&str] = &["server", "metric", "at_least", "at_most", "absent"];
    const SERVED_KEYS: &[&str] = &["served", "by", "at"];
    const MEMBERS_KEYS: &[&str] = &["members", "at"];
    const VIOLATION_KEYS: &[&str] = &["violation", "server"];

    let section = item.section("[[expect]]", "a table")?;
    let at = |section: &Section<'_>| read_at(section, end);
    let check = if let Some(metric) = section.get("metric") {
        section.refuse_unknown(METRIC_KEYS)?;
        let server = section.need("server", "a server of the group")?;
        Check::Metric {
            server: read_server(server, group)?,
            metric: metric.choice(Metric::ALL, Metric::name)?,
            bounds: read_bounds(&section)?,
        }
    } else if let Some(violation) = section.get("violation") {
        section.refuse_unknown(VIOLATION_KEYS)?;
        let server = section.get("server");
        Check::Violation {
            invariant: violation.choice(Invariant::ALL, Invariant::name)?,
            subject: server.map(|item| read_server(item, group)).transpose()?,
        }
    } else if let Some(served) = section.get("served") {
        section.refuse_unknown(SERVED_KEYS)?;
        Check::Served {
            function: read_server(served, group)?,
            by: read_host(&section, group)?,
            at: at(&section)?,
        }
    } else if let Some(outage) = section.get("outage") {
        read_outage(outage, &section, group, end)?
    } else if let Some(members) = section.get("members") {
        section.refuse_unknown(MEMBERS_KEYS)?;
        Check::Members {
            members: read_servers(members, group)?,
            at: at(&section)?,
        }
    } else {
        let all = [
            METRIC_KEYS,
            SERVED_KEYS,
            OUTAGE_KEYS,
            MEMBERS_KEYS,
            VIOLATION_KEYS,
        ];
        let keys = all.concat();
        section.refuse_unknown(&keys)?;
        let kinds = "one of \"metric\", \"served\", \"outage\", \"members\" and \"violation\"";
        return Err(section.lacks("metric", kinds));
    };
    Ok(Expect {
        check,
        line: section.line(),
    })
}

const OUTAGE_KEYS: &[&str] = &["outage", "at_most", "at"];

fn read_outage(
    outage: Item<'_>,
    section: &Section<'_>,
    group: &[String],
    end: Time,
) -> Result<Check, ScenarioError> {
    section.refuse_unknown(OUTAGE_KEYS)?;
    Ok(Check::Outage {
        function: read_server(outage, group)?,
        at_most: section.need("at_most", DURATION_EXPECTED)?.span()?,
        at: read_at(section, end)?,
    })
}

/// When a check looks at the run: at its end, unless it says otherwise.
fn read_at(section: &Section<'_>, end: Time) -> Result<Time, ScenarioError> {
    section
        .get("at")
        .map_or(Ok(end), |item| read_time(item, end))
}

fn read_bounds(section: &Section<'_>) -> Result<Bounds, ScenarioError> {
    let at_least = section.get("at_least");
    let at_most = section.get("at_most");
    if let Some(absent) = section.get("absent") {
        if !absent.is_true() {
            return Err(absent.refuse("true, or no such key"));
        }
        return match at_least.or(at_most) {
            Some(bound) => Err(bound.refuse("no bound beside \"absent\"")),
            None => Ok(Bounds::Absent),
        };
    }
    let read = |item: Option<Item<'_>>| item.map(Item::span).transpose();
    let (least, most) = (read(at_least)?, read(at_most)?);
    match (at_most, least, most) {
        (_, None, None) => {
            Err(section.lacks("at_most", "\"at_least\", \"at_most\" or \"absent = true\""))
        }
        (Some(item), Some(least), Some(most)) if most < least => {
            Err(item.refuse("no less than \"at_least\""))
        }
        _ => Ok(Bounds::Within {
            at_least: least,
            at_most: most,
        }),
    }
}

fn read_host(
    section: &Section<'_>,
    group: &[String],
) -> Result<Option<ServerIndex>, ScenarioError> {
    let names = quoted(group.iter().map(String::as_str).chain([NOBODY]));
    let expected = format!("one of {names}");
    let item = section.need("by", &expected)?;
    if item.text(&expected)? == NOBODY {
        return Ok(None);
    }
    match read_server(item, group) {
        Ok(server) => Ok(Some(server)),
        Err(_) => Err(item.refuse(expected)),
    }
}

/// Writes one `[[expect]]` as [`read_expect`] reads it.
pub(super) fn write_expect(expect: &Expect, end: Time, out: &mut Writer<'_>) {
    out.header("[[expect]]");
    let at = match &expect.check {
        Check::Metric {
            server,
            metric,
            bounds,
        } => {
            out.server("server", *server);
            out.text("metric", metric.name());
            write_bounds(*bounds, out);
            return;
        }
        Check::Violation { invariant, subject } => {
            out.text("violation", invariant.name());
            if let Some(subject) = subject {
                out.server("server", *subject);
            }
            return;
        }
        Check::Served { function, by, at } => {
            out.server("served", *function);
            match by {
                Some(host) => out.server("by", *host),
                None => out.text("by", NOBODY),
            }
            *at
        }
        Check::Outage {
            function,
            at_most,
            at,
        } => {
            out.server("outage", *function);
            out.span("at_most", *at_most);
            *at
        }
        Check::Members { members, at } => {
            out.bare("members", out.server_list(members));
            *at
        }
    };
    if at != end {
        out.time("at", at);
    }
}

fn write_bounds(bounds: Bounds, out: &mut Writer<'_>) {
    match bounds {
        Bounds::Absent => out.bare("absent", true),
        Bounds::Within { at_least, at_most } => {
            for (key, bound) in [("at_least", at_least), ("at_most", at_most)] {
                if let Some(bound) = bound {
                    out.span(key, bound);
                }
            }
        }
    }
}
