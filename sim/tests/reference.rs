//! A second implementation of one recovery, as straight lines of plain arithmetic, compared with the
//! whole run over random parameters: S1t, S2t, N1t and N2t on the web server.
//!
//! The lines are written from the protocol's description and share no code with the simulator. They
//! hold only where nothing bends them; [`setting`] draws from these ranges and says for each why:
//!
//! - trouble strikes after both managers have ended the first cycle and before the second begins;
//! - S1t: the restarted services are ready before they are examined again;
//! - S2t and N1t: the server is back, and has said so, before the judgement time is over, and after
//!   the trouble has been confirmed and the background job has been launched;
//! - N2t: the server that was powered on is back before the judgement time is over once more;
//! - the virtual server serves before the real one reads the last part of its start, since the two
//!   reads would share the file server;
//! - no outage is shorter than the clients' interval, so that every client notices it;
//! - a greeting is answered before the newcomer stops waiting for answers, and S.file arrives within
//!   its grace.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use proptest::prelude::*;
use tetrarch_core::{Span, Time};
use tetrarch_sim::measure::Measured;
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::run::run_with;
use tetrarch_sim::scenario::{FaultAction, Scenario, Trouble};
use tetrarch_sim::units::Ratio;

/// Nanoseconds in a microsecond, and in a millisecond.
const US: u64 = 1_000;
const MS: u64 = 1_000_000;

/// The web server's place in the ring.
const WEB: usize = 1;

/// One random system, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Setting {
    inter_monitoring: u64,
    normal: u64,
    abnormal: u64,
    reexamination: u64,
    judgement: u64,
    start: u64,
    shutdown: u64,
    resume: u64,
    remote_command: u64,
    hand_off: u64,
    service_ready: u64,
    link_delay: u64,
    resume_shared_ppm: u32,
    start_shared: u64,
    client_interval: u64,
    /// From the trouble until the next cycle begins.
    before_cycle: u64,
}

/// What the straight line of one trouble gives, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    function: Option<u64>,
    target: u64,
    disconnection: u64,
}

impl Setting {
    fn parameters(&self) -> Parameters {
        let span = Span::from_nanos;
        Parameters {
            inter_monitoring: span(self.inter_monitoring),
            network_examination_normal: span(self.normal),
            network_examination_abnormal: span(self.abnormal),
            reexamination_wait: span(self.reexamination),
            judgement_max: span(self.judgement),
            server_start: span(self.start),
            server_restart: span(self.start + self.shutdown),
            virtual_server_resume: span(self.resume),
            remote_command: span(self.remote_command),
            hand_off: span(self.hand_off),
            service_ready: span(self.service_ready),
            link_delay: span(self.link_delay),
            resume_shared: Ratio::from_ppm(self.resume_shared_ppm),
            start_shared: span(self.start_shared),
            client_interval: span(self.client_interval),
            ..Parameters::paper()
        }
    }

    /// A services examination asks over the link and is answered over it.
    fn services(&self) -> u64 {
        2 * self.link_delay
    }

    /// The second cycle begins when the first, normal one and the wait after it are over.
    fn second_cycle(&self) -> u64 {
        self.normal + self.services() + self.inter_monitoring
    }

    fn struck(&self) -> u64 {
        self.second_cycle() - self.before_cycle
    }

    /// From the end of a boot: the services start, the executer with them; the management side greets
    /// the manager, which waits, examines the services and finds the up.file.
    fn boot_to_normal(&self) -> u64 {
        let greeting = self.link_delay;
        self.service_ready + greeting + self.reexamination + self.services() + self.hand_off
    }

    /// From the call of the virtual server until it has the address: for clients, and for the log.
    fn take_over(&self) -> (u64, u64) {
        let effective = self.resume + self.remote_command;
        (effective, effective + self.hand_off)
    }

    /// From the detection of service trouble to the examination after the service restart.
    fn service_restart(&self) -> u64 {
        let command = self.remote_command + self.hand_off;
        self.hand_off + command + self.reexamination + self.services()
    }

    fn straight_line(&self, trouble: Trouble) -> Line {
        let services_found = self.second_cycle() + self.normal + self.services();
        let network_found = self.second_cycle() + self.abnormal;
        match trouble {
            Trouble::S1t => {
                let ready = self.hand_off + self.remote_command + self.service_ready;
                Line {
                    function: None,
                    target: self.service_restart() + self.hand_off,
                    disconnection: self.clients_wait(services_found + ready),
                }
            }
            Trouble::S2t => {
                let failed = self.service_restart();
                let (effective, logged) = self.take_over();
                let called = failed + self.hand_off;
                let restarted = failed + self.shutdown + self.start;
                Line {
                    function: Some(called + logged),
                    target: restarted + self.boot_to_normal(),
                    disconnection: self.clients_wait(services_found + called + effective),
                }
            }
            Trouble::N1t | Trouble::N2t => {
                // A second examination confirms network trouble; then the job is launched.
                let called = self.abnormal + self.hand_off;
                let (effective, logged) = self.take_over();
                let answers = if trouble == Trouble::N1t {
                    self.struck() + self.shutdown + self.start - network_found
                } else {
                    self.abnormal + self.judgement + self.start
                };
                Line {
                    function: Some(called + logged),
                    target: answers + self.boot_to_normal(),
                    disconnection: self.clients_wait(network_found + called + effective),
                }
            }
        }
    }

    /// From the trouble until the mean of ten clients has been served again; client `n` connects
    /// `n + 0.5` tenths of an interval after each full interval.
    fn clients_wait(&self, back: u64) -> u64 {
        let next = |client: u64| {
            let mut tick = self.client_interval * (2 * client + 1) / 20;
            while tick < back {
                tick += self.client_interval;
            }
            tick
        };
        let mean = (0..10).map(next).sum::<u64>() / 10;
        // 10 000 bytes at 100 Mbit/s take 0.8 ms.
        mean + 800 * US + 2 * self.link_delay - self.struck()
    }

    /// The conditions on combinations of values; the module's text names them.
    fn is_straight(&self) -> bool {
        let launch = self.abnormal + self.hand_off;
        let network_found = self.second_cycle() + self.abnormal;
        let hello = self.service_ready + self.link_delay;
        let restarted = self.struck() + self.shutdown + self.start;
        let services_in_time = self.service_ready < self.hand_off + self.reexamination;
        // The network must still be silent when the second examination asks, and the greeting must
        // find the job launched.
        let confirmed =
            restarted > network_found + self.abnormal && restarted + hello > network_found + launch;
        let back_in_time = restarted + hello < network_found + self.abnormal + self.judgement;
        let restart_in_time = self.shutdown + self.start + hello
            < self.remote_command + self.hand_off + self.judgement;
        let start_in_time = self.start + hello < self.judgement;
        let after_read = self.start_shared + self.boot_to_normal();
        // Worked out last: a restart that ends before its detection has no line at all.
        let virtual_first = || {
            [Trouble::S2t, Trouble::N1t, Trouble::N2t]
                .map(|trouble| self.straight_line(trouble))
                .iter()
                .all(|line| line.function.map(|at| at + after_read) < Some(line.target))
        };
        // P2 hears of each cycle one delay after P1 has begun it.
        let between_cycles = self.before_cycle + self.link_delay < self.inter_monitoring;
        // No trouble is over before it has been found and a job has been launched for it.
        let all_notice = self.client_interval <= self.before_cycle + self.normal + self.hand_off;
        between_cycles
            && all_notice
            && services_in_time
            && confirmed
            && back_in_time
            && restart_in_time
            && start_in_time
            && virtual_first()
    }
}

prop_compose! {
    /// Values on a grid of 1 ms (link delay 1 µs), each within a factor of a few of Table 1.
    fn any_setting()(
        (inter_monitoring, normal, more_abnormal) in (1_000..60_000_u64, 0..4_000_u64, 0..4_000_u64),
        (reexamination, judgement) in (0..10_000_u64, 20_000..200_000_u64),
        (start, shutdown, start_shared) in (10_000..90_000_u64, 0..30_000_u64, 0..10_000_u64),
        (resume, resume_shared_ppm) in (0..15_000_u64, 0..=1_000_000_u32),
        (remote_command, hand_off, service_ready) in (0..3_000_u64, 0..1_000_u64, 0..10_000_u64),
        // Below 300 ms a greeting and its answer take less than the second that a newcomer waits.
        link_delay in 1..300_000_u64,
        client_interval in 1..2_000_u64,
        part in 1..1_000_u64,
    ) -> Setting {
        Setting {
            inter_monitoring: inter_monitoring * MS,
            normal: normal * MS,
            abnormal: (normal + more_abnormal) * MS,
            reexamination: reexamination * MS,
            judgement: judgement * MS,
            start: start * MS,
            shutdown: shutdown * MS,
            resume: resume * MS,
            remote_command: remote_command * MS,
            hand_off: hand_off * MS,
            service_ready: service_ready * MS,
            link_delay: link_delay * US,
            resume_shared_ppm,
            start_shared: start_shared * MS,
            client_interval: client_interval * MS,
            before_cycle: inter_monitoring * MS * part / 1_000,
        }
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    any_setting().prop_filter("the line is straight", Setting::is_straight)
}

fn simulated(setting: &Setting, trouble: Trouble) -> Measured {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    let mut scenario = Scenario::load(folder.join("s1t.toml")).unwrap();
    scenario.expects.clear();
    scenario.duration = Span::from_secs(600);
    scenario.faults[0].at = Time::from_nanos(setting.struck());
    let FaultAction::Trouble { trouble: which, .. } = &mut scenario.faults[0].action else {
        panic!("the scenario's fault is one of the paper's troubles");
    };
    *which = trouble;
    let parameters = setting.parameters();
    parameters.validate().unwrap();
    run_with(&scenario, &parameters, 1).unwrap().measured[WEB]
}

/// The run's times as a line; none when one is missing that every trouble has.
fn as_line(measured: &Measured) -> Option<Line> {
    Some(Line {
        function: measured.function.map(Span::as_nanos),
        target: measured.target?.as_nanos(),
        disconnection: measured.disconnection?.as_nanos(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_run_follows_the_straight_line_to_the_nanosecond(setting in setting()) {
        for trouble in Trouble::ALL {
            let measured = simulated(&setting, *trouble);
            prop_assert_eq!(
                as_line(&measured),
                Some(setting.straight_line(*trouble)),
                "{:?}",
                trouble
            );
        }
    }
}

/// The paper's system as a setting, trouble 5 s before the second cycle.
fn paper() -> Setting {
    Setting {
        inter_monitoring: 10_000 * MS,
        normal: 1_000 * MS,
        abnormal: 2_000 * MS,
        reexamination: 2_000 * MS,
        judgement: 105_000 * MS,
        start: 44_300 * MS,
        shutdown: 12_100 * MS,
        resume: 5_200 * MS,
        remote_command: 650 * MS,
        hand_off: 200 * MS,
        service_ready: 1_800 * MS,
        link_delay: 100 * US,
        resume_shared_ppm: 250_000,
        start_shared: 400 * MS,
        client_interval: 1_000 * MS,
        before_cycle: 5_000 * MS,
    }
}

#[test]
fn the_papers_system_is_on_the_straight_line() {
    assert!(paper().is_straight());
    assert_eq!(paper().parameters(), Parameters::paper());
    for trouble in Trouble::ALL {
        let expected = paper().straight_line(*trouble);
        assert_eq!(as_line(&simulated(&paper(), *trouble)), Some(expected));
    }
    // Worked out by hand: 0.2 + 0.65 + 0.2 + 2.0 + 0.0002 + 0.2 s.
    assert_eq!(paper().straight_line(Trouble::S1t).target, 3_250_200 * US);
}

#[test]
fn a_bent_line_is_noticed() {
    // Services that are not ready when they are examined again are restarted with their server.
    let bent = Setting {
        service_ready: 3_000 * MS,
        ..paper()
    };
    assert!(!bent.is_straight());
    let expected = bent.straight_line(Trouble::S1t);
    assert_ne!(as_line(&simulated(&bent, Trouble::S1t)), Some(expected));
}
