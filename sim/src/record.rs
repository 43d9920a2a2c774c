//! Records of a simulated run, one for each life of each node, in the format of live nodes.
//!
//! A node's life begins when its management programs start. What it is told from then on, until they
//! start again or the run ends, is one record; see [`tetrarch_record`].

use std::io::{self, Write};

use tetrarch_core::{Config, ConfigError, Deadline, Input, Output, ServerId, Time};
use tetrarch_record::{WriteError, Writer};
use thiserror::Error;

use crate::observer::Observer;
use crate::parameters::Parameters;
use crate::scenario::{Equipment, Fault, Scenario};
use crate::simulation::configs;

/// The version of the software that records of simulated runs name.
pub const SOFTWARE: &str = concat!("tetrarch-sim ", env!("CARGO_PKG_VERSION"));

/// A life of a node: its server, and which of its lives this is, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life {
    /// The server.
    pub server: ServerId,
    /// Which of its lives, from 1.
    pub number: u32,
}

impl Life {
    /// The name of the record's file, `<server>-<n>.rec`, with the servers' own names.
    #[must_use]
    pub fn file_name(&self, group: &[String]) -> String {
        let name = group.get(self.server.index()).map_or("?", String::as_str);
        format!("{name}-{}.rec", self.number)
    }
}

/// A record that could not be written.
#[derive(Debug, Error)]
#[error("life {} of {}: {source}", life.number, life.server)]
pub struct LifeError {
    /// Whose record.
    pub life: Life,
    /// Why.
    pub source: WriteError,
}

/// Writes the records of a run while it happens, each into a sink that is asked for when a life begins.
///
/// A run cannot be stopped by what watches it, so the first failure is kept until [`Records::finish`],
/// and nothing more is written.
#[derive(Debug)]
pub struct Records<F, W> {
    sink_for: F,
    nodes: Vec<Recorded<W>>,
    /// What the clock of the server shows whose node is given the next input.
    local: Time,
    finished: Vec<(Life, W)>,
    equipment: Equipment,
    faults: Vec<Fault>,
    failed: Option<LifeError>,
}

/// One server's node and the record of its present life.
#[derive(Debug)]
struct Recorded<W> {
    config: Config,
    life: Life,
    writer: Option<Writer<W>>,
}

impl<F, W> Records<F, W>
where
    F: FnMut(Life) -> io::Result<W>,
    W: Write,
{
    /// Records the run of `scenario` with these parameters into what `sink_for` gives.
    ///
    /// # Errors
    ///
    /// When the core refuses the configuration.
    pub fn new(
        scenario: &Scenario,
        parameters: &Parameters,
        sink_for: F,
    ) -> Result<Self, ConfigError> {
        let recorded = |config: Config| Recorded {
            config,
            life: Life {
                server: config.me(),
                number: 0,
            },
            writer: None,
        };
        let configs = configs(scenario, parameters)?;
        Ok(Self {
            sink_for,
            nodes: configs.into_iter().map(recorded).collect(),
            local: Time::ZERO,
            finished: Vec::new(),
            equipment: scenario.equipment,
            faults: scenario.faults.clone(),
            failed: None,
        })
    }

    /// Ends all records; gives their sinks in the order of servers and lives.
    ///
    /// # Errors
    ///
    /// The first failure of the run.
    pub fn finish(mut self) -> Result<Vec<(Life, W)>, LifeError> {
        for place in 0..self.nodes.len() {
            self.attempt(place, Self::end_life);
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.finished.sort_by_key(|(life, _)| *life);
        Ok(self.finished)
    }

    /// Does something for one server's record, unless something has failed before.
    fn attempt(
        &mut self,
        place: usize,
        what: impl FnOnce(&mut Self, usize) -> Result<(), WriteError>,
    ) {
        if self.failed.is_none()
            && let Err(source) = what(self, place)
        {
            let life = self.nodes[place].life;
            self.failed = Some(LifeError { life, source });
        }
    }

    fn end_life(&mut self, place: usize) -> Result<(), WriteError> {
        let node = &mut self.nodes[place];
        if let Some(writer) = node.writer.take() {
            self.finished.push((node.life, writer.finish()?));
        }
        Ok(())
    }

    fn begin_life(&mut self, now: Time, place: usize) -> Result<(), WriteError> {
        self.end_life(place)?;
        let node = &mut self.nodes[place];
        node.life.number += 1;
        let sink = (self.sink_for)(node.life)?;
        let server = node.life.server;
        let version = self.equipment.version_at(&self.faults, server, now);
        let life = tetrarch_core::Life::new(node.life.number);
        let config = node.config.with_version(version).with_life(life);
        node.writer = Some(Writer::new(sink, &config, SOFTWARE)?);
        Ok(())
    }
}

impl<F, W> Observer for Records<F, W>
where
    F: FnMut(Life) -> io::Result<W>,
    W: Write,
{
    fn clock(&mut self, _: ServerId, local: Time) {
        self.local = local;
    }

    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        let local = self.local;
        let place = server.index();
        if matches!(input, Input::Start { .. }) {
            self.attempt(place, |records, place| records.begin_life(now, place));
        }
        // What comes before a node is started for the first time finds no record; it does nothing.
        self.attempt(place, |records, place| {
            match &mut records.nodes[place].writer {
                Some(writer) => writer.input(local, input),
                None => Ok(()),
            }
        });
    }

    fn output(&mut self, _: Time, server: ServerId, output: &Output) {
        if let Some(writer) = &mut self.nodes[server.index()].writer {
            writer.output(output);
        }
    }

    fn decided(&mut self, _: Time, server: ServerId, deadline: Option<Deadline>) {
        if let Some(writer) = &mut self.nodes[server.index()].writer {
            writer.decided(deadline);
        }
    }
}
