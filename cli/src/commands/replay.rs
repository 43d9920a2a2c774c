//! `replay`: what one node was told and decided, from its record.

mod timeline;
mod what_if;

use std::fs::File;
use std::path::{Path, PathBuf};

use tetrarch_core::{Config, ServerId, Time};
use tetrarch_record::{End, Moment, Played, Proof, ReadError, Replay, WhatIf};

use crate::args::{Exit, duration};
use crate::error::CliError;
use crate::output::Output;
use timeline::Timeline;
use what_if::Change;

const LONG: &str = "\
Replay the record of one node.

The recorded inputs are fed to a fresh node, which decides anew. What it decides is printed and compared with the \
record, which has a checksum of each step's outputs: at the first step that differs the replay ends with exit code 1 \
and names it. A record that was torn when the program or the machine was ended is used up to there.

--what-if replays under changed settings beside the recorded ones. It ends at the first step at which the two decide \
differently, and shows both: what was recorded after that answers what the recorded node asked, so it says nothing \
about the changed one. That is what was asked for, so the exit code is 0.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch simulate scenarios/paper/s2t.toml --record out
      records of a simulated run
  tetrarch replay out/mail-1.rec
      everything, step by step
  tetrarch replay out/mail-1.rec --explain --until 30s
      sentences, of the first 30 s
  tetrarch replay out/ftp-1.rec --what-if sync_grace=1s
      what a shorter patience would change

Exit codes:
  0  every step decides what the record says
  1  a step decides something else
  2  the file is no record of this version, or damaged in its middle";

/// Replay the record of one node, and compare what it decides.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The record
    file: PathBuf,
    /// Replay only up to this time of the record, such as `90s`, `5200ms` or `1h`
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Time>,
    /// Say in sentences what the node decides, instead of every input and output
    #[arg(long)]
    explain: bool,
    /// Replay under a changed setting, such as `sync_grace=1s`; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    what_if: Vec<Change>,
}

/// Replays a record.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let file = File::open(&args.file).map_err(CliError::path(&args.file, "read this record"))?;
    let replay = Replay::new(file).map_err(damaged(&args.file))?;
    let changed = what_if::changed(replay.config(), &args.what_if)?;
    let ring = Ring::of(replay.config());
    let mut session = Session {
        args,
        output,
        timeline: Timeline::new(ring, args.explain)?,
        steps: 0,
    };
    // What could be read is worth printing, whatever comes after it.
    let told = match changed {
        None => session.replay(replay),
        Some(config) => session.what_if(WhatIf::new(replay, config)),
    };
    output.table(session.timeline.table())?;
    let told = told?;
    match told.exit {
        Exit::Fine => output.remark(&told.text),
        Exit::Different | Exit::Unfinished => output.complain(&told.text),
    }
    Ok(told.exit)
}

/// The names of a ring's servers, and whose record this is.
#[derive(Clone, Debug)]
struct Ring {
    names: Vec<String>,
    me: ServerId,
}

impl Ring {
    fn of(config: &Config) -> Self {
        let names = ServerId::all(config.size());
        Self {
            names: names.map(|server| server.to_string()).collect(),
            me: config.me(),
        }
    }
}

/// How a replay ended.
struct Told {
    text: String,
    exit: Exit,
}

struct Session<'a> {
    args: &'a Args,
    output: &'a Output,
    timeline: Timeline,
    steps: u64,
}

impl Session<'_> {
    fn replay(&mut self, mut replay: Replay<File>) -> Result<Told, CliError> {
        while let Some(played) = replay.next_step().map_err(damaged(&self.args.file))? {
            if self.is_beyond(played.at) {
                return Ok(self.fine("as recorded, up to the time asked for"));
            }
            self.timeline.step(replay.node(), &played)?;
            if let Some(told) = self.disproved(&played, replay.software()) {
                return Ok(told);
            }
        }
        self.remark_on_end(replay.end());
        Ok(self.fine("as recorded"))
    }

    fn what_if(&mut self, mut what_if: WhatIf<File>) -> Result<Told, CliError> {
        while let Some(moment) = what_if.next_moment().map_err(damaged(&self.args.file))? {
            let played = match moment {
                Moment::Same(played) => played,
                Moment::Diverged(divergence) if self.is_beyond(divergence.at) => {
                    return Ok(
                        self.fine("the same under the changed settings, up to the time asked for")
                    );
                }
                Moment::Diverged(divergence) => {
                    self.timeline
                        .divergence(what_if.replay().node(), &divergence)?;
                    let text = format!(
                        "{}: step {} at {} is the first at which the changed settings matter; what was recorded \
                         after that no longer answers what the node asks",
                        self.args.file.display(),
                        divergence.number,
                        divergence.at,
                    );
                    return Ok(Told {
                        text,
                        exit: Exit::Fine,
                    });
                }
            };
            if self.is_beyond(played.at) {
                return Ok(
                    self.fine("the same under the changed settings, up to the time asked for")
                );
            }
            self.timeline.step(what_if.replay().node(), &played)?;
            if let Some(told) = self.disproved(&played, what_if.replay().software()) {
                return Ok(told);
            }
        }
        self.remark_on_end(what_if.replay().end());
        Ok(self.fine("the same under the changed settings"))
    }

    fn is_beyond(&self, at: Time) -> bool {
        self.args.until.is_some_and(|until| at > until)
    }

    /// Counts the step; tells if it decides something else than the record says.
    fn disproved(&mut self, played: &Played, software: &str) -> Option<Told> {
        let Proof::Different { recorded, replayed } = played.proof else {
            self.steps += 1;
            return None;
        };
        let text = format!(
            "{}: step {} at {} differs: its outputs have the sum {recorded:08x} in the record and {replayed:08x} \
             in the replay; the record is of {software}, this is tetrarch {}",
            self.args.file.display(),
            played.number,
            played.at,
            env!("CARGO_PKG_VERSION"),
        );
        let exit = Exit::Different;
        Some(Told { text, exit })
    }

    fn fine(&self, how: &str) -> Told {
        let (file, steps) = (self.args.file.display(), self.steps);
        let text = format!("{file}: {steps} steps, {how}");
        let exit = Exit::Fine;
        Told { text, exit }
    }

    fn remark_on_end(&self, end: Option<End>) {
        let file = self.args.file.display();
        let unproved = "what its last step decided is not in it";
        let text = match end {
            Some(End::Finished) | None => return,
            Some(End::Cut) => format!("{file}: the record was not finished; {unproved}"),
            Some(End::Torn { offset }) => {
                format!("{file}: the record is torn at byte {offset}; {unproved}")
            }
        };
        self.output.remark(&text);
    }
}

fn damaged(path: &Path) -> impl Fn(ReadError) -> CliError {
    let path = path.to_owned();
    move |source| CliError::Record {
        path: path.clone(),
        source,
    }
}

fn time(text: &str) -> Result<Time, String> {
    Ok(Time::ZERO + duration(text)?)
}
