//! The trace of a run: typed lines, in the order in which things happened.

use core::fmt;

use tetrarch_core::{Action, Event, Input, Message, Output, ServerId, Time};

use crate::observer::Observer;
use crate::world::WorldEvent;

/// One line of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Time,
    /// Where: the server whose node decided, or that the world's event is about.
    pub server: ServerId,
    /// What.
    pub entry: Entry,
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The node noted something.
    Note(Event),
    /// The node began a job.
    Run(Action),
    /// The node announced the address of a function once more.
    Announce(ServerId),
    /// The node sent a message.
    Send(ServerId, Message),
    /// The simulated system changed.
    World(WorldEvent),
}

/// Records everything but the results of jobs, which the next decision shows.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    lines: Vec<Line>,
}

impl Recorder {
    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines.
    #[must_use]
    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

impl Observer for Recorder {
    fn output(&mut self, now: Time, server: ServerId, output: &Output) {
        let entry = match *output {
            Output::Note(event) => Entry::Note(event),
            // A guarded group's questions and votes would be nine of ten lines, and say nothing that the
            // rest does not show by what it does.
            Output::Run {
                action: Action::Vote { .. },
                ..
            }
            | Output::Send {
                message: Message::Renew { .. } | Message::Grant { .. },
                ..
            }
            | Output::Cancel { .. }
            | Output::Hold { .. } => return,
            Output::Announce { function } => Entry::Announce(function),
            Output::Run { action, .. } => Entry::Run(action),
            Output::Send { to, message } => Entry::Send(to, message),
        };
        self.lines.push(Line {
            at: now,
            server,
            entry,
        });
    }

    fn world(&mut self, now: Time, server: ServerId, event: WorldEvent) {
        self.lines.push(Line {
            at: now,
            server,
            entry: Entry::World(event),
        });
    }
}

/// The managers' log, from which the paper's recovery times are taken: notes and world events only.
#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: Vec<Line>,
}

impl Log {
    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl Observer for Log {
    fn output(&mut self, now: Time, server: ServerId, output: &Output) {
        if let Output::Note(event) = *output {
            self.lines.push(Line {
                at: now,
                server,
                entry: Entry::Note(event),
            });
        }
    }

    fn world(&mut self, now: Time, server: ServerId, event: WorldEvent) {
        self.lines.push(Line {
            at: now,
            server,
            entry: Entry::World(event),
        });
    }
}

/// Prints lines with the servers' own names: nanoseconds, server, kind and the typed entry.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a> {
    /// The lines.
    pub lines: &'a [Line],
    /// The servers' names in ring order.
    pub group: &'a [String],
}

impl Printed<'_> {
    fn name(&self, server: ServerId) -> &str {
        self.group.get(server.index()).map_or("?", String::as_str)
    }
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines {
            let ns = line.at.as_nanos();
            let (seconds, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
            write!(f, "{seconds:>4}.{rest:09} {:<8} ", self.name(line.server))?;
            match line.entry {
                Entry::Note(event) => writeln!(f, "note  {event:?}")?,
                Entry::Run(action) => writeln!(f, "run   {action:?}")?,
                Entry::Announce(function) => writeln!(f, "announce {}", self.name(function))?,
                Entry::Send(to, message) => writeln!(f, "send  {}: {message:?}", self.name(to))?,
                Entry::World(event) => writeln!(f, "world {event:?}")?,
            }
        }
        Ok(())
    }
}

/// Records the inputs of every node, for replay.
#[derive(Clone, Debug, Default)]
pub struct InputLog {
    inputs: Vec<(Time, ServerId, Input)>,
}

impl InputLog {
    /// The inputs so far.
    #[must_use]
    pub fn inputs(&self) -> &[(Time, ServerId, Input)] {
        &self.inputs
    }
}

impl Observer for InputLog {
    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        self.inputs.push((now, server, *input));
    }
}
