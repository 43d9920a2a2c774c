//! `explain --last`: the last incident of a real server, from the records of its agent.

use std::fs::File;
use std::path::Path;

use tetrarch_core::{Event, Members, Output as Decided, Span, Time};
use tetrarch_record::{Played, ReadError, Replay};
use tetrarch_report::{Table, Value};
use tetrarch_runtime::recorder;
use tetrarch_runtime::site::Site;
use tetrarch_sim::explain::decision_in_words;

use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

/// How long after its end an incident goes on: the function is handed back then.
const AFTERMATH: Span = Span::from_secs(30);

/// What no record of a manager has.
const UNSEEN: &str = "not in this server's record: when clients lost and regained a function, when a machine began \
    and ended its start, and what the other managers did; their records tell their part";

/// Tells the last incident; exit code 1 when there was none.
pub(super) fn run(site: &Path, output: &Output) -> Result<Exit, CliError> {
    let site = Site::load(site)?;
    let names: Vec<String> = site.ring.iter().map(ToString::to_string).collect();
    let folder = &site.records.folder;
    let records = recorder::records(folder, site.host())
        .map_err(CliError::path(folder, "read the records here"))?;
    for path in records {
        let Some(incident) = last_of(&path, &names)? else {
            continue;
        };
        output.table(&table(&incident)?)?;
        output.remark(&format!("from {}", path.display()));
        if !incident.open.is_empty() {
            output.remark("the incident has not ended");
        }
        output.remark(UNSEEN);
        return Ok(Exit::Fine);
    }
    output.remark(&format!(
        "no record in {} has an incident",
        folder.display()
    ));
    Ok(Exit::Different)
}

/// What one server saw and did from the detection of a trouble on.
#[derive(Debug, Default)]
struct Incident {
    begun: Option<Time>,
    /// The targets whose trouble has not ended.
    open: Members,
    ended: Option<Time>,
    told: Vec<(Time, String)>,
}

impl Incident {
    /// Takes an event in; a trouble that is found while none is open begins anew.
    fn note(&mut self, at: Time, event: &Event) {
        match *event {
            Event::Detected { target, .. } => {
                if self.open.is_empty() && !self.is_within(at) {
                    *self = Self {
                        begun: Some(at),
                        ..Self::default()
                    };
                }
                self.open = self.open.with(target);
                self.ended = None;
            }
            Event::Recovered { target }
            | Event::GivenUp { target }
            | Event::FalseAlarm { target }
            | Event::Parked { target }
            | Event::Deferred { target, .. } => {
                self.open = self.open.without(target);
                if self.open.is_empty() {
                    self.ended = Some(at);
                }
            }
            _ => {}
        }
    }

    /// Whether what happens then still belongs to it.
    fn is_within(&self, at: Time) -> bool {
        self.begun.is_some() && self.ended.is_none_or(|ended| at.since(ended) <= AFTERMATH)
    }
}

/// The last incident in the record at `path`. A record that is torn counts up to there.
fn last_of(path: &Path, names: &[String]) -> Result<Option<Incident>, CliError> {
    let file = File::open(path).map_err(CliError::path(path, "read this record"))?;
    let damaged = |source: ReadError| CliError::Record {
        path: path.to_owned(),
        source,
    };
    let mut replay = Replay::new(file).map_err(damaged)?;
    let me = replay.config().me();
    let mut incident = Incident::default();
    while let Some(Played { at, outputs, .. }) = replay.next_step().map_err(damaged)? {
        let members = replay.node().view().structure().members();
        for output in &outputs {
            if let Decided::Note(event) = output {
                incident.note(at, event);
            }
            if incident.is_within(at)
                && let Some(said) = decision_in_words(names, members, me, output)
            {
                incident.told.push((at, said));
            }
        }
    }
    Ok(incident.begun.is_some().then_some(incident))
}

fn table(incident: &Incident) -> Result<Table, CliError> {
    let mut table = Table::new(&["since_detection_s", "what"])?;
    let begun = incident.begun.unwrap_or(Time::ZERO);
    for (at, said) in &incident.told {
        let since = Value::Seconds(at.since(begun).as_secs_f64());
        table.push(vec![since, said.as_str().into()])?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_core::{ServerId, Trouble};

    #[test]
    fn an_incident_lasts_until_its_last_trouble_has_ended_and_a_little_longer() {
        let [web, ftp] = [1, 2].map(|place| ServerId::new(place).unwrap());
        let at = |s| Time::ZERO + Span::from_secs(s);
        let detected = |target| Event::Detected {
            target,
            trouble: Trouble::Network,
        };
        let mut incident = Incident::default();
        assert!(!incident.is_within(at(1)));
        incident.note(at(10), &detected(web));
        incident.note(at(12), &detected(ftp));
        incident.note(at(20), &Event::Recovered { target: web });
        assert!(incident.is_within(at(500)), "ftp is still in trouble");
        incident.note(at(600), &Event::GivenUp { target: ftp });
        assert_eq!(incident.begun, Some(at(10)));
        assert!(incident.is_within(at(630)) && !incident.is_within(at(631)));
        incident.note(at(700), &detected(web));
        assert_eq!(incident.begun, Some(at(700)));
    }
}
