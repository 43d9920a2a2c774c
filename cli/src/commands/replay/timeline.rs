//! The rows of a replay: inputs and outputs as they are, or decisions in sentences.

use core::fmt::Debug;

use tetrarch_core::{Input, Node, Output, Time};
use tetrarch_record::{Divergence, Played};
use tetrarch_report::{Table, Value};
use tetrarch_sim::explain::decision_in_words;

use super::Ring;
use crate::error::CliError;

/// The most rows that are printed; a record may hold years.
const ROWS_MAX: usize = 1_000_000;

/// The rows of a replay.
pub(super) struct Timeline {
    table: Table,
    ring: Ring,
    in_words: bool,
    rows: usize,
}

impl Timeline {
    pub(super) fn new(ring: Ring, in_words: bool) -> Result<Self, CliError> {
        Ok(Self {
            table: Table::new(&["step", "at_s", "kind", "what"])?,
            ring,
            in_words,
            rows: 0,
        })
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Adds a step, after which the node is `node`.
    pub(super) fn step(&mut self, node: &Node, played: &Played) -> Result<(), CliError> {
        let Played { number, at, .. } = *played;
        self.input(number, at, played.input)?;
        self.outputs(node, number, at, "", &played.outputs)
    }

    /// Adds the step at which a changed node parts from the recorded one, which is `node` by then.
    pub(super) fn divergence(
        &mut self,
        node: &Node,
        divergence: &Divergence,
    ) -> Result<(), CliError> {
        let Divergence { number, at, .. } = *divergence;
        // The changed node may also have been woken by its own wish, which no record has.
        if let Some(input) = divergence.input {
            self.input(number, at, input)?;
        }
        for (whose, outputs) in [
            ("recorded: ", &divergence.recorded),
            ("changed: ", &divergence.changed),
        ] {
            self.outputs(node, number, at, whose, outputs)?;
            if outputs.is_empty() {
                self.row(number, at, "note", &format!("{whose}nothing is decided"))?;
            }
        }
        Ok(())
    }

    fn input(&mut self, number: u64, at: Time, input: Input) -> Result<(), CliError> {
        if self.in_words {
            return Ok(());
        }
        let text = match input {
            Input::Message { from, message } => format!("{from}: {message:?}"),
            other => format!("{other:?}"),
        };
        self.row(number, at, "input", &text)
    }

    fn outputs(
        &mut self,
        node: &Node,
        number: u64,
        at: Time,
        whose: &str,
        outputs: &[Output],
    ) -> Result<(), CliError> {
        let members = node.view().structure().members();
        for output in outputs {
            let said = decision_in_words(&self.ring.names, members, self.ring.me, output);
            let (kind, text): (_, &dyn Debug) = match output {
                Output::Send { message, .. } => ("send", message),
                Output::Run { action, .. } => ("run", action),
                Output::Cancel { job } => ("cancel", job),
                Output::Hold { until, .. } => ("hold", until),
                Output::Announce { function } => ("announce", function),
                Output::Note(event) => ("note", event),
            };
            let text = match (self.in_words, said, output) {
                // What the two decide differently is shown even where no sentence says it.
                (true, None, _) if whose.is_empty() => continue,
                (true, Some(said), _) => format!("{whose}{said}"),
                (_, _, Output::Send { to, .. }) => format!("{whose}{to}: {text:?}"),
                (_, _, Output::Hold { claim, until }) => format!("{whose}{claim:?} until {until}"),
                (_, _, _) => format!("{whose}{text:?}"),
            };
            self.row(number, at, kind, &text)?;
        }
        Ok(())
    }

    fn row(&mut self, number: u64, at: Time, kind: &str, what: &str) -> Result<(), CliError> {
        self.rows += 1;
        if self.rows > ROWS_MAX {
            return Err(CliError::Usage(format!(
                "the replay has more than {ROWS_MAX} rows; expected an earlier --until than {at}"
            )));
        }
        self.table.push(vec![
            number.to_string().as_str().into(),
            Value::Seconds(at.as_secs_f64()),
            kind.into(),
            what.into(),
        ])?;
        Ok(())
    }
}
