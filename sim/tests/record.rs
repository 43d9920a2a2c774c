//! Every node of every scenario of the project can be replayed from its record alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod files;

use std::io;
use std::path::Path;

use tetrarch_core::{Input, Output, ServerId, Time};
use tetrarch_record::{End, Proof, Replay};
use tetrarch_sim::observer::Observer;
use tetrarch_sim::record::{Life, Records, SOFTWARE};
use tetrarch_sim::run::{run, run_watched};
use tetrarch_sim::scenario::Scenario;

/// Everything that the nodes were told and decided, kept without a record.
#[derive(Debug, Default)]
struct Steps(Vec<(ServerId, Time, Input, Vec<Output>)>);

impl Observer for Steps {
    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        self.0.push((server, now, *input, Vec::new()));
    }

    fn output(&mut self, _: Time, server: ServerId, output: &Output) {
        let (stepping, _, _, outputs) = self.0.last_mut().unwrap();
        assert_eq!(*stepping, server);
        outputs.push(*output);
    }
}

/// The records of a run in the order of servers and lives, and what they must replay to.
fn record(scenario: &Scenario) -> (Vec<(Life, Vec<u8>)>, Steps) {
    let parameters = &scenario.parameters;
    let records = Records::new(scenario, parameters, |_| Ok(Vec::new())).unwrap();
    let watcher = (records, Steps::default());
    let (watched, (records, steps)) =
        run_watched(scenario, parameters, scenario.seed, watcher).unwrap();
    assert_eq!(watched, run(scenario).unwrap(), "recording changed the run");
    (records.finish().unwrap(), steps)
}

#[test]
fn every_scenario_replays_to_the_same_outputs() {
    let (mut lives, mut later) = (0, 0);
    for file in files::scenarios() {
        let scenario = Scenario::load(&file).unwrap();
        let (records, steps) = record(&scenario);
        let mut expected: Vec<_> = ServerId::all(8).map(|_| Vec::new()).collect();
        for (server, at, input, outputs) in steps.0 {
            expected[server.index()].push((at, input, outputs));
        }
        let mut replayed: Vec<_> = ServerId::all(8).map(|_| Vec::new()).collect();
        for (life, bytes) in &records {
            lives += 1;
            later += usize::from(life.number > 1);
            let mut replay = Replay::new(bytes.as_slice()).unwrap();
            assert_eq!(
                (replay.config().me(), replay.software()),
                (life.server, SOFTWARE)
            );
            while let Some(played) = replay.next_step().unwrap() {
                assert_eq!(played.proof, Proof::Same, "{}: {life:?}", file.display());
                let is_start = matches!(played.input, Input::Start { .. });
                assert_eq!(is_start, played.number == 1);
                replayed[life.server.index()].push((played.at, played.input, played.outputs));
            }
            assert_eq!(replay.end(), Some(End::Finished));
        }
        assert!(replayed == expected, "{}", file.display());
    }
    assert!(
        lives > 100 && later > 10,
        "{lives} lives, {later} of them later ones"
    );
}

#[test]
fn a_record_is_compact() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper/s2t.toml");
    let (records, steps) = record(&Scenario::load(file).unwrap());
    let bytes: usize = records.iter().map(|(_, bytes)| bytes.len()).sum();
    let each = bytes / steps.0.len();
    assert!(
        each < 26,
        "{each} bytes for each of {} inputs",
        steps.0.len()
    );
}

#[test]
fn lives_are_named_after_their_servers() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper/n1t.toml");
    let scenario = Scenario::load(file).unwrap();
    let (records, _) = record(&scenario);
    let names: Vec<String> = records
        .iter()
        .map(|(life, _)| life.file_name(&scenario.group))
        .collect();
    assert_eq!(
        names,
        [
            "mail-1.rec",
            "web-1.rec",
            "web-2.rec",
            "ftp-1.rec",
            "proxy-1.rec"
        ]
    );
}

#[test]
fn a_sink_that_is_refused_is_told_at_the_end_and_the_run_goes_on() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper/n1t.toml");
    let scenario = Scenario::load(file).unwrap();
    let parameters = &scenario.parameters;
    let records = Records::new(&scenario, parameters, |life| match life.number {
        1 => Ok(Vec::new()),
        _ => Err(io::Error::other("no room")),
    });
    let (watched, records) =
        run_watched(&scenario, parameters, scenario.seed, records.unwrap()).unwrap();
    assert_eq!(watched, run(&scenario).unwrap());
    let error = records.finish().unwrap_err().to_string();
    assert_eq!(error, "life 2 of S2: cannot write the record: no room");
}
