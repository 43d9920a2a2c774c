//! Two whole agents on loopback: real connections, real files, real programs. Nothing is asserted about
//! how long anything takes.

mod ordering;
mod telling;

use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tetrarch_record::{End, Proof, Replay};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::control::{Answer, Ask};
use super::*;
use crate::authority::Authority;
use crate::overview::Overview;
use crate::parts::program::write_program;
use crate::status::Status;

const PATIENCE: Duration = Duration::from_secs(60);

/// What happens on the servers, as files: a service fails while its file is there.
const PARTS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$(basename "$TETRARCH_DATA"):$*" >>calls
case "$1" in
    examine-services) if [ -e "failing-$2" ]; then echo 1; fi ;;
    restart-services) rm -f failing-* ;;
    holds-own) echo yes ;;
esac
"#;

struct Group {
    folder: TempDir,
    sites: Vec<Site>,
}

struct Running {
    stop: oneshot::Sender<()>,
    reload: mpsc::Sender<()>,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Group {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let program = path.join("parts");
        write_program(&program, PARTS);
        let authority = Authority::new("test").unwrap();
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.map(|one| one.local_addr().unwrap().port());
        let shared = path.join("shared");
        fs::create_dir(&shared).unwrap();
        let sites = [1, 2].map(|n| {
            let host = format!("server{n}");
            let data = format!(
                "10.0.0.20{n}\n{host}\n10.0.0.{n}\n52:54:00:00:00:0{n}\nnginx\n{host}b\n/vm/{n}.xml\n"
            );
            fs::write(shared.join(format!("{host}.dat")), data).unwrap();
            let own = path.join(&host);
            fs::create_dir(&own).unwrap();
            let made = authority.server(&host).unwrap();
            fs::write(own.join("authorities.pem"), &authority.pem().certificate).unwrap();
            fs::write(own.join("server.pem"), made.certificate).unwrap();
            write_key(&own.join("server.key"), &made.key);
            let text = site(&host, ports, path, &program);
            Site::parse(&text, "site.toml").unwrap()
        });
        let sites = sites.to_vec();
        Self { folder, sites }
    }

    fn start(&self, place: usize) -> Running {
        let (stop, stopped) = oneshot::channel();
        let (reload, reloads) = mpsc::channel(1);
        let stop_when = async move {
            let _ = stopped.await;
        };
        let site = self.sites[place].clone();
        let clock = BootClock;
        // A group under the paper's rules has no guard.
        let program = PathBuf::new();
        let make = FromSettings { program };
        let task = tokio::spawn(run_until(site, clock, make, stop_when, reloads));
        Running { stop, reload, task }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn write_key(path: &Path, key: &str) {
    use std::io::Write;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(key.as_bytes()).unwrap();
}

fn site(host: &str, ports: [u16; 2], folder: &Path, program: &Path) -> String {
    let (own, shared, [one, two]) = (folder.join(host), folder.join("shared"), ports);
    format!(
        r#"name = "test"
server = "{host}"
ring = ["server1", "server2"]
guests_max = 1
safety = "paper"
program = {program:?}
[listen]
server1 = "127.0.0.1:{one}"
server2 = "127.0.0.1:{two}"
[folders]
shared = {shared:?}
state = {own:?}
run = {own:?}
[tls]
authorities = {authorities:?}
certificate = {certificate:?}
key = {key:?}
[executer]
look_every = "50ms"
[timing]
inter_monitoring = "200ms"
reexamination_wait = "50ms"
hand_off = "10ms"
poll_pause = "50ms"
sync_grace = "2s"
join_wait = "200ms"
"#,
        authorities = own.join("authorities.pem"),
        certificate = own.join("server.pem"),
        key = own.join("server.key"),
    )
}

/// The answers of the agent of `site`, asked in a thread of its own.
async fn ask(site: &Site, ask: Ask) -> Vec<Answer> {
    let socket = site.socket.clone();
    let asking = move || {
        let answers = control::ask(&socket, &ask)?;
        answers.collect::<io::Result<Vec<_>>>()
    };
    tokio::task::spawn_blocking(asking)
        .await
        .unwrap()
        .unwrap_or_default()
}

async fn status(site: &Site) -> Option<(String, Option<Status>)> {
    match ask(site, Ask::Status).await.pop() {
        Some(Answer::Status {
            executer, status, ..
        }) => Some((executer, status)),
        _ => None,
    }
}

/// Waits until `is_so`, however long that takes on a busy machine.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what} has not come");
}

async fn until_phase(site: &Site, expected: &str) {
    until(expected, || async move {
        status(site)
            .await
            .is_some_and(|(executer, _)| executer == expected)
    })
    .await;
}

async fn until_heard(site: &Site) {
    until("a message from the other server", || async move {
        let status = status(site).await.and_then(|(_, status)| status);
        status.is_some_and(|status| {
            let heard = status
                .servers
                .iter()
                .filter(|one| one.heard_age_s.is_some());
            status.managing && heard.count() == 1
        })
    })
    .await;
}

async fn set_all(site: &Site, present: bool) {
    let all = true;
    until("both flags", || async move {
        let answers = ask(site, Ask::Flag { present, all }).await;
        answers.len() == 2
            && answers
                .iter()
                .all(|one| matches!(one, Answer::Flag { done: true, .. }))
    })
    .await;
}

async fn ring(site: &Site) -> Option<Overview> {
    match ask(site, Ask::Ring).await.pop() {
        Some(Answer::Ring(overview)) => Some(overview),
        _ => None,
    }
}

/// Lets each server be managed, by its own flag: without a copy of the data nobody knows the others yet.
async fn manage(group: &Group) {
    for site in &group.sites {
        until_phase(site, "stopped").await;
        let all = false;
        ask(site, Ask::Flag { present: true, all }).await;
    }
}

async fn until_well(group: &Group) {
    for site in &group.sites {
        until("a ring that is well", || async move {
            ring(site).await.is_some_and(|seen| seen.is_all_well())
        })
        .await;
    }
}

/// How many of the records have an end, each of which replays to what was decided.
fn replayed(records: &Path) -> usize {
    let mut finished = 0;
    for entry in fs::read_dir(records).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        // The thread that writes it may not have come far yet.
        let Ok(mut replay) = Replay::new(file) else {
            continue;
        };
        while let Some(played) = replay.next_step().unwrap() {
            assert!(
                !matches!(played.proof, Proof::Different { .. }),
                "{played:?}"
            );
        }
        finished += usize::from(replay.end() == Some(End::Finished));
    }
    finished
}

#[tokio::test]
async fn two_agents_manage_each_other_from_flag_to_flag() {
    let group = Group::new();
    let [one, two] = [&group.sites[0], &group.sites[1]];
    let agents = [group.start(0), group.start(1)];
    manage(&group).await;
    until_heard(one).await;
    until_heard(two).await;

    // A service fails, and its server's own agent restarts it when its manager asks for that.
    fs::write(group.path("failing-server2"), "").unwrap();
    until("the restart of the service", || async {
        !group.path("failing-server2").exists()
    })
    .await;
    until("the recovery of the server", || async {
        let status = status(one).await.and_then(|(_, status)| status);
        let event = status.and_then(|status| status.servers[1].event.clone());
        event.is_some_and(|event| event.starts_with("Recovered"))
    })
    .await;

    // New keys are taken up while everything runs.
    agents[0].reload.send(()).await.unwrap();
    until_heard(one).await;

    // Flags go and come on all servers from one of them, also while nothing is managed.
    set_all(two, false).await;
    until_phase(one, "stopped").await;
    until_phase(two, "stopped").await;
    set_all(one, true).await;
    until_heard(two).await;
    set_all(one, false).await;
    until_phase(one, "stopped").await;
    until_phase(two, "stopped").await;

    for agent in agents {
        agent.stop.send(()).unwrap();
        agent.task.await.unwrap().unwrap();
    }
    for host in ["server1", "server2"] {
        let records = group.path(host).join("records");
        until("the end of both lives' records", || async {
            replayed(&records) == 2
        })
        .await;
    }
}

#[tokio::test]
async fn an_agent_that_ends_leaves_the_programs_their_flag_and_a_second_one_is_refused() {
    let group = Group::new();
    let site = &group.sites[0];
    let agent = group.start(0);
    until_phase(site, "stopped").await;
    ask(
        site,
        Ask::Flag {
            present: true,
            all: false,
        },
    )
    .await;
    until_phase(site, "running").await;
    // A shared area that is gone is no reason to stop, nor not to start.
    fs::remove_dir_all(&site.shared).unwrap();
    let second = group.start(0).task.await.unwrap();
    assert!(
        matches!(second, Err(AgentError::Socket { .. })),
        "{second:?}"
    );
    agent.stop.send(()).unwrap();
    agent.task.await.unwrap().unwrap();
    assert!(site.flag().exists());
    let calls = fs::read_to_string(group.path("calls")).unwrap();
    assert!(!calls.contains("release"), "{calls}");
    let _again = group.start(0);
    until_phase(site, "running").await;
}

#[tokio::test]
async fn nonsense_on_the_control_socket_is_answered_with_what_was_expected() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let group = Group::new();
    let site = &group.sites[0];
    let _agent = group.start(0);
    until_phase(site, "stopped").await;
    let mode = fs::metadata(&site.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o117, 0, "{mode:o}");
    for nonsense in [
        "{}\n",
        "status\n",
        "{\"ask\":\"flag\",\"present\":1,\"all\":true}\n",
        "\n",
        &"x".repeat(5000),
    ] {
        let mut stream = tokio::net::UnixStream::connect(&site.socket).await.unwrap();
        // More than an agent reads may be refused while it is still being written.
        let _ = stream.write_all(nonsense.as_bytes()).await;
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).await.is_ok() {
            assert!(answer.contains("expected a question such as"), "{answer}");
        }
    }
}
