//! `[[fault]]`: what goes wrong, or is put right, and when.

mod links;
mod servers;

use tetrarch_core::{Span, Time, Version};

use super::equipment::read_version;
use super::error::ScenarioError;
use super::group::{ServerIndex, read_server};
use super::operation::Operation;
use super::reader::{Item, Section};
use super::value::quoted;
use super::write::Writer;
use crate::units::Ratio;

/// Something that happens to the simulated system at a given time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it happens.
    pub at: Time,
    /// What happens.
    pub action: FaultAction,
    /// The line of its `[[fault]]` in the scenario file, from 1; 0 when it comes from no file.
    pub line: u32,
}

/// The four kinds of trouble that the paper's experiments cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The services stop, and a restart of the services repairs them.
    S1t,
    /// The services stop, and only a restart of the server repairs them.
    S2t,
    /// The server is restarted on purpose.
    N1t,
    /// The server is shut down.
    N2t,
}

impl Trouble {
    /// Every kind, in the paper's order.
    pub const ALL: &[Self] = &[Self::S1t, Self::S2t, Self::N1t, Self::N2t];

    /// The paper's name, as scenario files use it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::S1t => "S1t",
            Self::S2t => "S2t",
            Self::N1t => "N1t",
            Self::N2t => "N2t",
        }
    }

    /// What it does to the server that it strikes, in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::S1t => "the services stop, and restarting them helps",
            Self::S2t => "the services stop, and only a restart of the server helps",
            Self::N1t => "the server is restarted",
            Self::N2t => "the server is shut down",
        }
    }
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// One of the paper's troubles strikes a server.
    Trouble {
        /// Which one.
        trouble: Trouble,
        /// The server that it strikes.
        server: ServerIndex,
    },
    /// `crash`: the server loses power; it can be powered on again.
    Crash(ServerIndex),
    /// `destroy`: the server loses power and cannot be powered on until it is repaired.
    Destroy(ServerIndex),
    /// `repair`: the operator repairs the server and powers it on.
    Repair(ServerIndex),
    /// `agent-stop`: the flag file is deleted, so the server's executer ends its managers.
    AgentStop(ServerIndex),
    /// `agent-start`: the flag file is created, so the server's executer starts its managers.
    AgentStart(ServerIndex),
    /// `agent-pause`: the server's management programs stand still; what they are told waits.
    AgentPause(ServerIndex),
    /// `agent-resume`: they go on.
    AgentResume(ServerIndex),
    /// `pause`: the server's machine stands still; it does not answer, and what it is sent waits.
    Pause(ServerIndex),
    /// `resume`: it goes on.
    Resume(ServerIndex),
    /// `clock-drift`: from now on the server's clock runs faster than true time, or slower.
    ClockDrift {
        /// Whose clock.
        server: ServerIndex,
        /// By how many millionths, from -500 000 to 500 000; 0 ends the drift.
        ppm: i32,
    },
    /// `resume-fails`: from now on this server's virtual server cannot be resumed on any host, but
    /// started.
    ResumeFails(ServerIndex),
    /// `fence-fails`: from now on the device that would switch this server off does nothing, and says
    /// so.
    FenceFails(ServerIndex),
    /// `upgrade`: the programs on the server's disk are replaced by those of this version, newer or
    /// older; it is theirs from their next start on.
    Upgrade {
        /// The server.
        server: ServerIndex,
        /// The version of the programs that it gets.
        version: Version,
    },
    /// `virtual-server-fails`: from now on this server's virtual server can neither be resumed nor
    /// started, on any host.
    VirtualServerFails(ServerIndex),
    /// `cut`: messages of one server no longer reach another; the opposite direction still works.
    Cut {
        /// The server whose messages are lost.
        from: ServerIndex,
        /// The server that they no longer reach.
        to: ServerIndex,
    },
    /// `partition`: servers on different sides no longer reach each other. Every server is on
    /// exactly one side.
    Partition(Vec<Vec<ServerIndex>>),
    /// `file-server-cut`: the server no longer reaches the file server: it reads nothing there, and
    /// the witness does not hear it.
    FileServerCut(ServerIndex),
    /// `flap`: messages of one server do not reach another for some time, reach it for some time, and
    /// so on.
    Flap {
        /// The server whose messages are lost.
        from: ServerIndex,
        /// The server that they do not always reach.
        to: ServerIndex,
        /// How long each time they do not.
        down: Span,
        /// How long each time they do.
        up: Span,
    },
    /// `link-loss`: from now on this share of one server's messages to another is lost.
    LinkLoss {
        /// The sender.
        from: ServerIndex,
        /// The receiver.
        to: ServerIndex,
        /// How much of them.
        percent: Ratio,
    },
    /// `link-delay`: from now on one server's messages to another take so much longer, in their order.
    LinkDelay {
        /// The sender.
        from: ServerIndex,
        /// The receiver.
        to: ServerIndex,
        /// How much longer.
        by: Span,
    },
    /// `late`: from now on this share of all messages is late, whatever is sent after them.
    Late {
        /// How much of them.
        percent: Ratio,
        /// By how much at most.
        by: Span,
    },
    /// `doubled`: from now on this share of all messages arrives twice.
    Doubled(Ratio),
    /// `heal`: all links are whole again; ends every cut, partition, loss and delay.
    Heal,
    /// `loss`: from now on this share of all messages is lost.
    Loss(Ratio),
    /// `file-server-down`: the file server no longer answers.
    FileServerDown,
    /// `file-server-up`: the file server answers again.
    FileServerUp,
    /// `file-server-slow`: the file server's rate is divided by this factor, 1 to 1000; 1 gives it
    /// its full rate again.
    FileServerSlow(u32),
    /// What an operator does on purpose.
    Operation(Operation),
}

type Reader = fn(&Section<'_>, &[String]) -> Result<FaultAction, ScenarioError>;

/// A value of the key `fault`, the further keys that it needs, and how they are read.
struct Kind {
    name: &'static str,
    keys: &'static [&'static str],
    read: Reader,
}

macro_rules! of_server {
    ($name:literal, $action:ident) => {
        Kind {
            name: $name,
            keys: &["server"],
            read: |section, group| Ok(FaultAction::$action(server(section, "server", group)?)),
        }
    };
}

macro_rules! bare {
    ($name:literal, $action:ident) => {
        Kind {
            name: $name,
            keys: &[],
            read: |_, _| Ok(FaultAction::$action),
        }
    };
}

/// Every value of the key `fault`.
const KINDS: &[Kind] = &[
    of_server!("crash", Crash),
    of_server!("destroy", Destroy),
    of_server!("repair", Repair),
    of_server!("agent-stop", AgentStop),
    of_server!("agent-start", AgentStart),
    of_server!("agent-pause", AgentPause),
    of_server!("agent-resume", AgentResume),
    of_server!("pause", Pause),
    of_server!("resume", Resume),
    Kind {
        name: "clock-drift",
        keys: &["server", "ppm"],
        read: read_drift,
    },
    of_server!("resume-fails", ResumeFails),
    Kind {
        name: "upgrade",
        keys: &["server", "version"],
        read: read_upgrade,
    },
    of_server!("virtual-server-fails", VirtualServerFails),
    of_server!("fence-fails", FenceFails),
    of_server!("file-server-cut", FileServerCut),
    Kind {
        name: "cut",
        keys: &["from", "to"],
        read: links::read_cut,
    },
    Kind {
        name: "partition",
        keys: &["sides"],
        read: links::read_partition,
    },
    Kind {
        name: "flap",
        keys: &["from", "to", "down", "up"],
        read: links::read_flap,
    },
    Kind {
        name: "link-loss",
        keys: &["from", "to", "percent"],
        read: links::read_link_loss,
    },
    Kind {
        name: "link-delay",
        keys: &["from", "to", "by"],
        read: links::read_link_delay,
    },
    Kind {
        name: "late",
        keys: &["percent", "by"],
        read: links::read_late,
    },
    Kind {
        name: "doubled",
        keys: &["percent"],
        read: |section, _| Ok(FaultAction::Doubled(links::read_share(section)?)),
    },
    bare!("heal", Heal),
    Kind {
        name: "loss",
        keys: &["percent"],
        read: |section, _| Ok(FaultAction::Loss(links::read_share(section)?)),
    },
    bare!("file-server-down", FileServerDown),
    bare!("file-server-up", FileServerUp),
    Kind {
        name: "file-server-slow",
        keys: &["factor"],
        read: read_slow,
    },
];

/// Reads one `[[fault]]`.
pub(super) fn read_fault(
    item: Item<'_>,
    group: &[String],
    end: Time,
) -> Result<Fault, ScenarioError> {
    let section = item.section("[[fault]]", "a table")?;
    let line = section.line();
    let action = match (section.get("trouble"), section.get("fault")) {
        (Some(trouble), None) => {
            section.refuse_unknown(&["at", "trouble", "server"])?;
            FaultAction::Trouble {
                trouble: trouble.choice(Trouble::ALL, Trouble::name)?,
                server: server(&section, "server", group)?,
            }
        }
        (None, Some(kind)) => read_kind(kind, &section, group)?,
        (Some(_), Some(kind)) => {
            return Err(kind.refuse("only one of the keys \"trouble\" and \"fault\""));
        }
        (None, None) => {
            // A misspelt key explains more than the key that is missing because of it.
            let all = KINDS.iter().flat_map(|kind| kind.keys).copied();
            let keys: Vec<&str> = ["at", "trouble", "fault"].into_iter().chain(all).collect();
            section.refuse_unknown(&keys)?;
            return Err(section.lacks("fault", "either \"trouble\" or \"fault\""));
        }
    };
    let at = section.need("at", crate::units::DURATION_EXPECTED)?;
    Ok(Fault {
        at: read_time(at, end)?,
        action,
        line,
    })
}

fn read_kind(
    item: Item<'_>,
    section: &Section<'_>,
    group: &[String],
) -> Result<FaultAction, ScenarioError> {
    let kinds = KINDS.iter().map(|kind| kind.name);
    let all = kinds.chain(Operation::names().map(|(name, _)| name));
    let names = || format!("one of {}", quoted(all.clone()));
    let name = item.text(&names())?;
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let of_kind = kind.map(|kind| kind.keys);
    let operation = Operation::names().find(|(known, _)| *known == name);
    let needed = of_kind.or(operation.map(|(_, keys)| keys));
    let needed = needed.ok_or_else(|| item.refuse(names()))?;
    let keys: Vec<&str> = ["at", "fault"].iter().chain(needed).copied().collect();
    section.refuse_unknown(&keys)?;
    match kind {
        Some(kind) => (kind.read)(section, group),
        None => Operation::read(name, section, group)
            .ok_or_else(|| item.refuse(names()))?
            .map(FaultAction::Operation),
    }
}

/// Reads an instant of the run, from its start to `end`.
pub(super) fn read_time(item: Item<'_>, end: Time) -> Result<Time, ScenarioError> {
    let at = Time::ZERO + item.span()?;
    if at > end {
        let end = crate::units::span_text(end - Time::ZERO);
        return Err(item.refuse(format!("a time up to the end at {end:?}")));
    }
    Ok(at)
}

fn server(
    section: &Section<'_>,
    key: &str,
    group: &[String],
) -> Result<ServerIndex, ScenarioError> {
    read_server(section.need(key, "a server of the group")?, group)
}

fn read_drift(section: &Section<'_>, group: &[String]) -> Result<FaultAction, ScenarioError> {
    let ppm = section.need("ppm", "a whole number from -500000 to 500000")?;
    Ok(FaultAction::ClockDrift {
        server: server(section, "server", group)?,
        ppm: ppm.whole(-500_000, 500_000)?,
    })
}

fn read_upgrade(section: &Section<'_>, group: &[String]) -> Result<FaultAction, ScenarioError> {
    let server = server(section, "server", group)?;
    let version = read_version(section.need("version", "the version of the new programs")?)?;
    Ok(FaultAction::Upgrade { server, version })
}

fn read_slow(section: &Section<'_>, _: &[String]) -> Result<FaultAction, ScenarioError> {
    let item = section.need("factor", "a whole number from 1 to 1000")?;
    Ok(FaultAction::FileServerSlow(item.whole(1, 1000)?))
}

impl FaultAction {
    /// The value of the key `trouble` or `fault` that stands for this action.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.name(),
            Self::Trouble { trouble, .. } => trouble.name(),
            Self::Crash(_) => "crash",
            Self::Destroy(_) => "destroy",
            Self::Repair(_) => "repair",
            Self::AgentStop(_) => "agent-stop",
            Self::AgentStart(_) => "agent-start",
            Self::AgentPause(_) => "agent-pause",
            Self::AgentResume(_) => "agent-resume",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::ClockDrift { .. } => "clock-drift",
            Self::ResumeFails(_) => "resume-fails",
            Self::Flap { .. } => "flap",
            Self::LinkLoss { .. } => "link-loss",
            Self::LinkDelay { .. } => "link-delay",
            Self::Late { .. } => "late",
            Self::Doubled(_) => "doubled",
            Self::FenceFails(_) => "fence-fails",
            Self::Upgrade { .. } => "upgrade",
            Self::VirtualServerFails(_) => "virtual-server-fails",
            Self::FileServerCut(_) => "file-server-cut",
            Self::Cut { .. } => "cut",
            Self::Partition(_) => "partition",
            Self::Heal => "heal",
            Self::Loss(_) => "loss",
            Self::FileServerDown => "file-server-down",
            Self::FileServerUp => "file-server-up",
            Self::FileServerSlow(_) => "file-server-slow",
        }
    }
}

/// Writes one `[[fault]]` as [`read_fault`] reads it.
pub(super) fn write_fault(fault: &Fault, out: &mut Writer<'_>) {
    out.header("[[fault]]");
    out.time("at", fault.at);
    let key = match fault.action {
        FaultAction::Trouble { .. } => "trouble",
        _ => "fault",
    };
    out.text(key, fault.action.name());
    if let Some(server) = fault.action.server() {
        out.server("server", server);
    }
    if let Some((from, to)) = fault.action.way() {
        out.server("from", from);
        out.server("to", to);
    }
    match &fault.action {
        FaultAction::Upgrade { version, .. } => out.bare("version", version.number()),
        FaultAction::ClockDrift { ppm, .. } => out.bare("ppm", ppm),
        FaultAction::Partition(sides) => {
            let sides: Vec<String> = sides.iter().map(|side| out.server_list(side)).collect();
            out.bare("sides", format!("[{}]", sides.join(", ")));
        }
        FaultAction::Loss(share)
        | FaultAction::Doubled(share)
        | FaultAction::LinkLoss { percent: share, .. } => {
            out.bare("percent", share.percent_text());
        }
        FaultAction::Late { percent, by } => {
            out.bare("percent", percent.percent_text());
            out.span("by", *by);
        }
        FaultAction::LinkDelay { by, .. } => out.span("by", *by),
        FaultAction::Flap { down, up, .. } => {
            out.span("down", *down);
            out.span("up", *up);
        }
        FaultAction::FileServerSlow(factor) => out.bare("factor", factor),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_under_the_name_that_reads_it() {
        let kinds = KINDS.iter().map(|kind| (kind.name, kind.keys));
        for (name, keys) in kinds.chain(Operation::names()) {
            let keys: String = keys
                .iter()
                .map(|key| match *key {
                    "server" | "from" => format!("{key} = \"a\"\n"),
                    "version" => "version = 1\n".to_owned(),
                    "to" => "to = \"c\"\n".to_owned(),
                    "sides" => "sides = [[\"a\"], [\"c\"]]\n".to_owned(),
                    span @ ("by" | "down" | "up") => format!("{span} = \"2s\"\n"),
                    number => format!("{number} = 5\n"),
                })
                .collect();
            let text = format!(
                "name = \"n\"\npurpose = \"p\"\ngroup = [\"a\", \"c\"]\nduration = \"1s\"\n\
                 [[fault]]\nat = \"1s\"\nfault = \"{}\"\n{keys}",
                name
            );
            let scenario = crate::scenario::Scenario::parse(&text, "f", ".".as_ref()).unwrap();
            assert_eq!(scenario.faults[0].action.name(), name);
        }
    }
}
