//! Two whole agents of a guarded group, each in a network namespace of its own, on one switch.
//!
//! It needs root's rights and the program `ip`, and says so where it lacks them.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tetrarch");
const PATIENCE: Duration = Duration::from_secs(120);

/// What is not the own address: examinations find everything well, unless the server examines itself and there is a
/// file that says otherwise, and virtual servers do as they are told.
const PARTS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
case "$1 $2 $TETRARCH_DATA" in
    "examine-services server1 "*/server1/*) if [ -e failing-by-itself ]; then echo 1; fi ;;
esac
exit 0
"#;

/// Whether this test can run here; with `TETRARCH_REQUIRE_REAL=1`, as in the CI, it must.
pub(crate) fn available() -> bool {
    let user = Command::new("id").arg("-u").output();
    let is_root = user.is_ok_and(|output| output.stdout == b"0\n");
    let has_ip = Command::new("ip").arg("-V").output().is_ok();
    if is_root && has_ip {
        return true;
    }
    let must = std::env::var_os("TETRARCH_REQUIRE_REAL").is_some_and(|value| value == "1");
    assert!(
        !must,
        "TETRARCH_REQUIRE_REAL=1, but root's rights or the program ip are missing"
    );
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: root's rights or the program ip are missing"
    );
    false
}

pub(crate) fn ip(line: &str) -> String {
    let output = Command::new("ip").args(line.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ip {line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Two servers on one switch, with the shared area in a folder.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    prefix: String,
    pub(crate) agents: Vec<Child>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::under("safety = \"guarded\"", "4s")
    }

    /// A site under these rules, with leases of this term.
    pub(crate) fn under(rules: &str, lease_term: &str) -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let prefix = format!("tg{}x{serial}", std::process::id());
        let site = Self {
            folder,
            prefix,
            agents: Vec::new(),
        };
        site.make_network();
        site.make_settings(rules, lease_term);
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn host(&self, n: usize) -> String {
        format!("{}h{n}", self.prefix)
    }

    /// The namespace of the switch, which is also a client at 10.78.0.9.
    pub(crate) fn switch(&self) -> String {
        format!("{}sw", self.prefix)
    }

    fn make_network(&self) {
        let switch = self.switch();
        ip(&format!("netns add {switch}"));
        // A bridge without a MAC address of its own takes another with each port, and forgets its neighbours.
        ip(&format!(
            "-n {switch} link add br0 address 52:54:00:00:00:09 type bridge stp_state 0 forward_delay 0"
        ));
        ip(&format!("-n {switch} link set br0 up"));
        ip(&format!("-n {switch} addr add 10.78.0.9/24 dev br0"));
        self.add_host(1);
        self.add_host(2);
    }

    /// Another machine on the switch.
    pub(crate) fn add_host(&self, n: usize) {
        let (host, switch) = (self.host(n), self.switch());
        ip(&format!("netns add {host}"));
        ip(&format!(
            "-n {switch} link add p{n} type veth peer name eth0 netns {host} address {}",
            Self::mac(n)
        ));
        ip(&format!("-n {switch} link set p{n} master br0 up"));
        ip(&format!("-n {host} link set lo up"));
        ip(&format!("-n {host} link set eth0 up"));
        ip(&format!("-n {host} addr add 10.78.0.{n}/24 dev eth0"));
    }

    pub(crate) fn mac(n: usize) -> String {
        format!("52:54:00:00:00:0{n}")
    }

    /// What the client takes for the MAC address of `address`, if it thinks that it knows one.
    pub(crate) fn known_to_client(&self, address: &str) -> Option<String> {
        let line = ip(&format!("-n {} neigh show {address}", self.switch()));
        let at = line.split_whitespace().skip_while(|word| *word != "lladdr");
        at.skip(1).map(str::to_owned).next()
    }

    /// The settings that `init` makes, with folders of their own, short waits, and the own address done by
    /// the agent itself.
    fn make_settings(&self, rules: &str, lease_term: &str) {
        let program = self.path("parts");
        fs::write(&program, PARTS).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let server = |n: usize| {
            format!(
                "[[server]]\nhost = \"server{n}\"\nvip = \"10.78.0.10{n}\"\naddress = \"10.78.0.{n}\"\n\
                 mac = \"52:54:00:00:00:0{n}\"\nservices = [\"nginx\"]\nvirtual_name = \"server{n}b\"\n\
                 virtual_server = \"10.78.0.2{n}\"\n"
            )
        };
        fs::write(self.path("group.toml"), server(1) + &server(2)).unwrap();
        let made = Command::new(PROGRAM)
            .args(["--quiet", "init"])
            .arg(self.path("group.toml"))
            .arg("--out")
            .arg(self.path("site"))
            .arg("--program")
            .arg(&program)
            .status();
        assert!(made.unwrap().success());
        for n in [1, 2] {
            let own = self.path(&format!("site/server{n}"));
            let file = own.join("site.toml");
            let mut text = fs::read_to_string(&file).unwrap();
            text = text.replacen("safety = \"guarded\"\n", "", 1);
            text.push_str(&format!(
                "by_program = [\"examine\", \"services\", \"power\", \"virtual-servers\"]\n\
                 {rules}\n\
                 [network]\ninterface = \"eth0\"\n\
                 [folders]\nshared = {shared:?}\nstate = {state:?}\nrun = {run:?}\n\
                 [tls]\nauthorities = {authorities:?}\ncertificate = {certificate:?}\nkey = {key:?}\n\
                 [executer]\nlook_every = \"100ms\"\n\
                 [timing]\ninter_monitoring = \"1s\"\nlease_term = \"{lease_term}\"\n",
                shared = self.path("site/shared"),
                state = own.join("state"),
                run = self.run(n),
                authorities = own.join("tls/authorities.pem"),
                certificate = own.join("tls/server.pem"),
                key = own.join("tls/server.key"),
            ));
            fs::write(&file, text).unwrap();
            fs::create_dir_all(own.join("state")).unwrap();
            fs::write(own.join("state/managed"), "").unwrap();
        }
    }

    fn run(&self, n: usize) -> PathBuf {
        self.path(&format!("run{n}"))
    }

    pub(crate) fn start(&mut self, n: usize) {
        let log = fs::File::create(self.path(&format!("log{n}"))).unwrap();
        let agent = Command::new("ip")
            .args(["netns", "exec", &self.host(n), PROGRAM, "agent", "--site"])
            .arg(self.path(&format!("site/server{n}/site.toml")))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        self.agents.push(agent.unwrap());
    }

    /// The addresses of a server, as `ip` shows them.
    fn addresses(&self, n: usize) -> String {
        ip(&format!("-n {} -4 addr show dev eth0", self.host(n)))
    }

    pub(crate) fn has_own(&self, n: usize) -> bool {
        self.addresses(n).contains(&format!("10.78.0.10{n}/"))
    }

    /// Whether the kernel takes the own address off by itself.
    pub(crate) fn has_lifetime(&self, n: usize) -> bool {
        let shown = self.addresses(n);
        let own = shown.split(&format!("10.78.0.10{n}/")).nth(1);
        let lifetime = own.and_then(|own| own.split("valid_lft ").nth(1));
        lifetime.is_some_and(|lifetime| !lifetime.starts_with("forever"))
    }

    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(
                begin.elapsed() < PATIENCE,
                "{what} has not come: {}",
                self.logs()
            );
            sleep(Duration::from_millis(50));
        }
    }

    fn logs(&self) -> String {
        let log = |n| fs::read_to_string(self.path(&format!("log{n}"))).unwrap_or_default();
        format!("{}\n----\n{}", log(1), log(2))
    }

    /// The guards of a server's agent.
    pub(crate) fn guards(&self, n: usize) -> Vec<u32> {
        let run = self.run(n).to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_guard = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("\0guard\0") && line.contains(&run)
        };
        numbers.filter(is_guard).collect()
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let done = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(done.unwrap().success());
}

impl Drop for Site {
    fn drop(&mut self) {
        for agent in &mut self.agents {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        for pid in self.guards(1).into_iter().chain(self.guards(2)) {
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .status();
        }
        let hosts = [1, 2, 3].map(|n| self.host(n));
        for name in hosts.into_iter().chain([self.switch()]) {
            // Not every site has a third host.
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}
