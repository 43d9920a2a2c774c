//! The simulated numbers come out of the protocol running: a changed parameter moves exactly the
//! times that it must move, by the amount that follows from it, and every other time stays as it
//! was, to the nanosecond.
//!
//! Each test changes a parameter in the scenario files of the paper's experiments and says what that
//! must do, with the reason. Whatever it does not name must not move. The disconnection is checked
//! in two steps: the instant at which the function is back moves as named, and the mean over the ten
//! clients follows from that instant by [`clients_mean_ns`].
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use tetrarch_core::{Span, Time};
use tetrarch_sim::run::run;
use tetrarch_sim::scenario::Scenario;

/// Nanoseconds in a millisecond.
const MS: i64 = 1_000_000;

/// What is followed: the three times, and the instant at which clients can be served again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Function,
    Target,
    Back,
}
use Kind::{Back, Function, Target};

/// Trouble in the web server alone, or in mail and FTP at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Struck {
    Web,
    Pair,
}
use Struck::{Pair, Web};

const TROUBLES: [&str; 4] = ["s1t", "s2t", "n1t", "n2t"];

/// A time of one server, in nanoseconds: a span, or for [`Back`] an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell {
    struck: Struck,
    trouble: &'static str,
    server: &'static str,
    kind: Kind,
    value_ns: i64,
}

/// A movement that is expected: which times (of either server, when there are two), and by how much.
type Move = (Struck, &'static str, Kind, i64);

/// The experiment's scenario with one line of TOML as its timing table.
fn scenario(file: &str, timing: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let changed = text.replace("timing = \"paper\"", &format!("timing = {{ {timing} }}"));
    assert_ne!(changed, text, "{file} names its timing");
    Scenario::parse(&changed, file, &folder).unwrap()
}

fn ns(span: Span) -> i64 {
    i64::try_from(span.as_nanos()).unwrap()
}

/// Until when the clients of a group wait on average for service that is back at `back_ns`: ten
/// clients have their ticks on a common grid of a tenth of the interval, shifted by half a step. The
/// first ten points of that grid from `back_ns` on are one tick of each client; an access takes
/// 0.8 ms through the clients' link (10 000 bytes at 100 Mbit/s) and a link delay each way.
fn clients_mean_ns(back_ns: i64, interval_ns: i64, link_delay_ns: i64) -> i64 {
    let step = interval_ns / 10;
    let shift = step / 2;
    let first = (back_ns - shift + step - 1).div_euclid(step) * step + shift;
    first + 9 * step / 2 + 800_000 + 2 * link_delay_ns
}

/// All times that the paper publishes, 11 and 12, with the timing table `timing`.
fn cells(timing: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (struck, trouble) in TROUBLES.map(|trouble| (Web, trouble)).into_iter().chain([
        (Pair, "s2t"),
        (Pair, "n1t"),
        (Pair, "n2t"),
    ]) {
        let (file, servers): (String, &[&'static str]) = match struck {
            Web => (format!("{trouble}.toml"), &["web"]),
            Pair => (format!("pair-{trouble}-{trouble}.toml"), &["mail", "ftp"]),
        };
        let scenario = scenario(&file, timing);
        let run = run(&scenario).unwrap();
        for server in servers {
            let place = scenario
                .group
                .iter()
                .position(|name| name == server)
                .unwrap();
            let measured = run.measured[place];
            let mut add = |kind, value_ns| {
                cells.push(Cell {
                    struck,
                    trouble,
                    server,
                    kind,
                    value_ns,
                });
            };
            if let Some(function) = measured.function {
                add(Function, ns(function));
            }
            add(Target, ns(measured.target.unwrap()));
            if struck == Web {
                let back = ns(run.outages[place][0].to.unwrap() - Time::ZERO);
                add(Back, back);
                let parameters = &scenario.parameters;
                let interval = ns(parameters.client_interval);
                let mean = clients_mean_ns(back, interval, ns(parameters.link_delay));
                let struck_at = ns(measured.struck.unwrap() - Time::ZERO);
                let disconnection = ns(measured.disconnection.unwrap());
                assert_eq!(disconnection, mean - struck_at, "{trouble} with {timing}");
            }
        }
    }
    assert_eq!(cells.len(), 11 + 12);
    cells
}

/// With `timing` the named times have moved by the named amounts, and no other time has.
fn assert_moves(timing: &str, moves: &[Move]) {
    let nominal = cells("");
    let mut used = vec![false; moves.len()];
    for (before, after) in nominal.iter().zip(cells(timing)) {
        let mut expected = before.clone();
        for (number, (struck, trouble, kind, by_ns)) in moves.iter().enumerate() {
            if (before.struck, before.trouble, before.kind) == (*struck, *trouble, *kind) {
                expected.value_ns += by_ns;
                used[number] = true;
            }
        }
        assert_eq!(after, expected, "with {timing}; before: {before:?}");
    }
    assert!(used.iter().all(|used| *used), "every named time exists");
}

/// The same movement for several troubles.
fn each(struck: Struck, troubles: &[&'static str], kind: Kind, by_ns: i64) -> Vec<Move> {
    troubles
        .iter()
        .map(|trouble| (struck, *trouble, kind, by_ns))
        .collect()
}

#[test]
fn an_inter_monitoring_time_of_20_s_delays_the_detection_by_10_s() {
    let later = 10_000 * MS;
    let moves = [
        // The trouble strikes at the same instant, but the cycle that finds it begins 10 s later.
        each(Web, &TROUBLES, Back, later),
        // A server that restarts of its own accord does not wait for its detection: of its way back
        // 10 s less are left when the log's clock starts.
        each(Web, &["n1t"], Target, -later),
        each(Pair, &["n1t"], Target, -later),
    ];
    assert_moves(r#"inter_monitoring = "20s""#, &moves.concat());
}

#[test]
fn a_resume_of_1_s_instead_of_5_2_s_shortens_every_function_time() {
    let with_virtual_server = ["s2t", "n1t", "n2t"];
    // A quarter of the resume is read from the file server. Two at once read for twice as long.
    let alone = (1_000 - 5_200) * MS;
    let shared = alone * 5 / 4;
    let moves = [
        each(Web, &with_virtual_server, Function, alone),
        each(Web, &with_virtual_server, Back, alone),
        each(Pair, &with_virtual_server, Function, shared),
    ];
    assert_moves(r#"virtual_server_resume = "1s""#, &moves.concat());
}

#[test]
fn a_judgement_time_of_50_s_brings_only_the_server_that_is_off_back_sooner() {
    let sooner = (50_000 - 105_000) * MS;
    let moves = [
        // It is powered on when the judgement time is over.
        each(Web, &["n2t"], Target, sooner),
        each(Pair, &["n2t"], Target, sooner),
        // N1t: the restart ends 49.2 s after its confirmation, within 50 s. S2t: the restart takes
        // longer than 50 s, but a server that is starting takes no notice of being powered on.
    ];
    assert_moves(r#"judgement_max = "50s""#, &moves.concat());
}

#[test]
fn a_file_server_twice_as_fast_halves_what_is_read_from_it() {
    let with_virtual_server = ["s2t", "n1t", "n2t"];
    // Reads at full rate: 1.3 s of a resume (a quarter of 5.2 s) and 0.4 s of a server's start. Two
    // readers at once each take twice that, so for them twice as much is saved.
    let resume = -1_300 * MS / 2;
    let start = -400 * MS / 2;
    let moves = [
        each(Web, &with_virtual_server, Function, resume),
        each(Web, &with_virtual_server, Back, resume),
        each(Web, &with_virtual_server, Target, start),
        each(Pair, &with_virtual_server, Function, 2 * resume),
        each(Pair, &with_virtual_server, Target, 2 * start),
    ];
    assert_moves(r#"file_server_rate = "2Gbit/s""#, &moves.concat());
    // The same rate under another name: what counts is the ratio to the rate at which the paper's
    // values were measured.
    assert_moves(r#"link_rate = "500Mbit/s""#, &moves.concat());
}

#[test]
fn clients_that_connect_every_100_ms_change_nothing_but_what_they_see() {
    // `cells` has compared each disconnection with the grid of the clients' ticks.
    assert_moves(r#"client_interval = "100ms""#, &[]);
}

#[test]
fn the_clients_see_the_return_on_average_half_an_interval_late() {
    for (interval_ms, timing) in [(1000, ""), (100, r#"client_interval = "100ms""#)] {
        for trouble in TROUBLES {
            let run = run(&scenario(&format!("{trouble}.toml"), timing)).unwrap();
            let outage = run.outages[1][0];
            let seen = ns(run.measured[1].disconnection.unwrap());
            let late = seen - ns(outage.to.unwrap() - outage.from);
            // Half an interval, half a step of the grid either way, and 1 ms for the access itself.
            let interval = interval_ms * MS;
            let wait = late - MS;
            assert!(
                (wait - interval / 2).abs() <= interval / 20,
                "{trouble}: {late}"
            );
        }
    }
}

#[test]
fn looking_whether_an_address_is_free_counts_wherever_a_virtual_server_gets_one() {
    let by = 400 * MS;
    let moves: Vec<_> = [(Web, Function), (Web, Back), (Pair, Function)]
        .into_iter()
        .flat_map(|(cases, metric)| each(cases, &["s2t", "n1t", "n2t"], metric, by))
        .collect();
    assert_moves(r#"address_claim = "400ms""#, &moves);
}

#[test]
fn a_slower_remote_command_counts_once_for_each_command_on_the_way() {
    let by = 100 * MS;
    let moves = [
        // The service restart is one command.
        each(Web, &["s1t", "s2t"], Target, by),
        each(Web, &["s1t"], Back, by),
        // The service restart and, after it has failed, the assignment of the address.
        each(Web, &["s2t"], Function, 2 * by),
        each(Web, &["s2t"], Back, 2 * by),
        // The assignment of the address only; the real server comes back without a command.
        each(Web, &["n1t", "n2t"], Function, by),
        each(Web, &["n1t", "n2t"], Back, by),
        each(Pair, &["s2t"], Function, 2 * by),
        each(Pair, &["s2t"], Target, by),
        each(Pair, &["n1t", "n2t"], Function, by),
    ];
    assert_moves(r#"remote_command = "750ms""#, &moves.concat());
}

#[test]
fn a_slower_hand_off_counts_once_for_each_file_on_the_way() {
    let by = 100 * MS;
    let moves = [
        // Launch of the job, end of the service restart, up.file.
        each(Web, &["s1t"], Target, 3 * by),
        // The services start before the end of their restart command has been found.
        each(Web, &["s1t"], Back, by),
        // Launch, end of the restart command, word to the management program, end of the assignment;
        // clients do not wait for the last one.
        each(Web, &["s2t"], Function, 4 * by),
        each(Web, &["s2t"], Back, 3 * by),
        // Launch, end of the service restart, up.file. The server restarts without the word to the
        // management program.
        each(Web, &["s2t"], Target, 3 * by),
        // Launch, end of the assignment.
        each(Web, &["n1t", "n2t"], Function, 2 * by),
        each(Web, &["n1t", "n2t"], Back, by),
        // up.file; the judgement time counts from the confirmation, not from the launch.
        each(Web, &["n1t", "n2t"], Target, by),
        each(Pair, &["s2t"], Function, 4 * by),
        each(Pair, &["s2t"], Target, 3 * by),
        each(Pair, &["n1t", "n2t"], Function, 2 * by),
        each(Pair, &["n1t", "n2t"], Target, by),
    ];
    assert_moves(r#"hand_off = "300ms""#, &moves.concat());
}

#[test]
fn slower_services_are_waited_for_after_a_boot_and_by_the_clients_of_a_restart() {
    let by = 100 * MS;
    let booted = ["s2t", "n1t", "n2t"];
    let moves = [
        // The services are still ready before they are examined again, 2.2 s after the command.
        each(Web, &["s1t"], Back, by),
        // The executer of a server that boots is one of the services that it waits for.
        each(Web, &booted, Target, by),
        each(Pair, &booted, Target, by),
    ];
    assert_moves(r#"service_ready = "1900ms""#, &moves.concat());
}

#[test]
fn a_larger_shared_part_of_the_resume_counts_only_where_two_share() {
    // 0.35 instead of 0.25 of 5.2 s: each of two readers waits that much for the other one.
    let by = 520 * MS;
    let moves = each(Pair, &["s2t", "n1t", "n2t"], Function, by);
    assert_moves("resume_shared = 0.35", &moves);
}

#[test]
fn a_larger_shared_part_of_the_start_counts_only_where_two_share() {
    let moves = each(Pair, &["s2t", "n1t", "n2t"], Target, 100 * MS);
    assert_moves(r#"start_shared = "500ms""#, &moves);
}

#[test]
fn the_times_of_the_real_server_count_where_it_restarts_or_starts() {
    // A restart is shutdown and start: with the restart's time as it was, a longer start leaves less
    // for the shutdown, so only the server that is powered on is later.
    let moves = [
        each(Web, &["n2t"], Target, 1_000 * MS),
        each(Pair, &["n2t"], Target, 1_000 * MS),
    ];
    assert_moves(r#"server_start = "45300ms""#, &moves.concat());
    let restarted = ["s2t", "n1t"];
    let moves = [
        each(Web, &restarted, Target, 1_000 * MS),
        each(Pair, &restarted, Target, 1_000 * MS),
    ];
    assert_moves(r#"server_restart = "57400ms""#, &moves.concat());
}

#[test]
fn a_longer_normal_examination_delays_the_cycle_and_the_detection() {
    let by = 200 * MS;
    let moves = [
        // The first cycle, which is normal, takes longer, and so the second one begins later.
        each(Web, &["n1t", "n2t"], Back, by),
        // Service trouble is found only after the network has been examined, which is normal too.
        each(Web, &["s1t", "s2t"], Back, 2 * by),
        // The restart began when it began; less of it is left at the detection.
        each(Web, &["n1t"], Target, -by),
        each(Pair, &["n1t"], Target, -by),
    ];
    assert_moves(r#"network_examination_normal = "1200ms""#, &moves.concat());
}

#[test]
fn a_longer_abnormal_examination_counts_before_and_after_the_detection() {
    let by = 500 * MS;
    let network = ["n1t", "n2t"];
    let moves = [
        // The detection is the end of the first abnormal examination, the second one confirms it.
        each(Web, &network, Function, by),
        each(Web, &network, Back, 2 * by),
        each(Web, &["n1t"], Target, -by),
        each(Web, &["n2t"], Target, by),
        each(Pair, &network, Function, by),
        each(Pair, &["n1t"], Target, -by),
        each(Pair, &["n2t"], Target, by),
    ];
    assert_moves(
        r#"network_examination_abnormal = "2500ms""#,
        &moves.concat(),
    );
}

#[test]
fn a_longer_wait_before_the_re_examination_counts_once_for_each_re_examination() {
    let by = 500 * MS;
    let moves = [
        // After the service restart. Clients find the services ready before that.
        each(Web, &["s1t"], Target, by),
        // After the service restart, and again when the server is back.
        each(Web, &["s2t"], Target, 2 * by),
        // The virtual server is called when the first re-examination has failed.
        each(Web, &["s2t"], Function, by),
        each(Web, &["s2t"], Back, by),
        // When the server is back.
        each(Web, &["n1t", "n2t"], Target, by),
        each(Pair, &["s2t"], Target, 2 * by),
        each(Pair, &["s2t"], Function, by),
        each(Pair, &["n1t", "n2t"], Target, by),
    ];
    assert_moves(r#"reexamination_wait = "2500ms""#, &moves.concat());
}

#[test]
fn what_no_published_time_depends_on_moves_none() {
    for timing in [
        // The virtual servers are resumed, not cold-started, and their suspension is waited for by
        // nobody.
        r#"virtual_server_start = "60s""#,
        r#"virtual_server_suspend = "10s""#,
        // Memory is enough before and after.
        r#"host_memory = "16384MB""#,
        r#"virtual_memory = "3072MB""#,
        r#"host_reserved = "4096MB""#,
        // A server says itself that it is back; the pauses between looking at it do not matter.
        r#"poll_pause = "7s""#,
        // Nobody is silent, nobody has to take a place unasked, nothing is overdue.
        r#"sync_grace = "6s""#,
        r#"join_wait = "2s""#,
        r#"examination_max = "20s""#,
        r#"job_max = "240s""#,
    ] {
        assert_moves(timing, &[]);
    }
}

#[test]
fn the_link_delay_counts_for_every_message_and_examination_on_the_way() {
    let by = 400_000; // 0.5 ms instead of 0.1 ms
    let moves = [
        // Service trouble is found after two services examinations, there and back each: four.
        each(Web, &["s1t"], Target, 2 * by),
        each(Web, &["s1t"], Back, 4 * by),
        // One more services examination, and for the target another one and the greeting.
        each(Web, &["s2t"], Function, 2 * by),
        each(Web, &["s2t"], Back, 6 * by),
        each(Web, &["s2t"], Target, 5 * by),
        // The cycle before the trouble has one services examination.
        each(Web, &["n1t", "n2t"], Back, 2 * by),
        // The greeting and the services examination; of a restart of its own accord two delays less
        // are left when the detection is that much later.
        each(Web, &["n1t"], Target, by),
        each(Web, &["n2t"], Target, 3 * by),
        each(Pair, &["s2t"], Function, 2 * by),
        each(Pair, &["s2t"], Target, 5 * by),
        each(Pair, &["n1t"], Target, by),
        each(Pair, &["n2t"], Target, 3 * by),
    ];
    assert_moves(r#"link_delay = "500us""#, &moves.concat());
}
