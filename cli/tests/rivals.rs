//! A machine that nobody manages takes an address that a server holds: the server's agent sees it on the wire, and
//! its node defends the address or gives it up.
//!
//! It needs root's rights and the program `ip`, and says so where it lacks them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod netns;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use netns::{PROGRAM, Site, available, ip};

const ADDRESS: &str = "10.78.0.101";

/// The MAC addresses of the rival.
const RIVALS: [&str; 2] = ["52:54:00:00:00:13", "52:54:00:00:00:14"];

/// For how long a server announces an address that it has just taken: until then a client would come back to it whether
/// or not the server sees its rival.
const ANNOUNCED_FOR: Duration = Duration::from_secs(12);

fn in_namespace(namespace: &str, script: &str) {
    let words = ["netns", "exec", namespace, "bash", "-c", script];
    let done = Command::new("ip").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{script}: {said}");
}

/// A third machine has the address.
fn let_a_rival_take_it(site: &Site) {
    let host = site.host(3);
    in_namespace(&host, "sysctl -q net.ipv4.conf.eth0.arp_notify=1");
    ip(&format!("-n {host} addr add {ADDRESS}/32 dev eth0"));
    let_it_say_so(site);
}

/// It says to everybody that it has the address, as it does with every other MAC address that it gets.
fn let_it_say_so(site: &Site) {
    for mac in RIVALS {
        let host = site.host(3);
        ip(&format!("-n {host} link set eth0 address {mac}"));
    }
}

/// What a client thinks of the address from now on, as its kernel tells whenever that changes.
struct Client {
    monitor: Child,
    log: PathBuf,
}

impl Client {
    fn watched(site: &Site) -> Self {
        let log = site.path("neighbours");
        let monitor = Command::new("ip")
            .args(["-n", &site.switch(), "monitor", "neigh"])
            .stdout(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { monitor, log }
    }

    /// The MAC addresses that it took for that of the address, one after the other.
    fn believed(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap();
        let lines = log.lines().filter(|line| line.starts_with(ADDRESS));
        let mac = |line: &str| Some(line.split_once("lladdr ")?.1.get(..17)?.to_owned());
        lines.filter_map(mac).collect()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}

/// Whether the first server's journal has an event of this kind.
fn has_noted(site: &Site, kind: &str) -> bool {
    let output = Command::new(PROGRAM)
        .args(["--format", "json", "events", "--since", "1h", "--site"])
        .arg(site.path("site/server1/site.toml"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).contains(&format!("{kind:?}"))
}

fn in_service(rules: &str) -> Site {
    // A machine that stands still for some seconds is not to cost a lease: the address would not come back while the
    // rival has it.
    let mut site = Site::under(rules, "30s");
    site.add_host(3);
    site.start(1);
    site.start(2);
    site.until("both addresses", |site| site.has_own(1) && site.has_own(2));
    site
}

#[test]
fn a_server_with_a_lease_defends_its_address() {
    if !available() {
        return;
    }
    let site = in_service("safety = \"guarded\"");
    std::thread::sleep(ANNOUNCED_FOR);
    site.until("a client that knows the server", |site| {
        in_namespace(&site.switch(), &format!("echo >/dev/udp/{ADDRESS}/9"));
        site.known_to_client(ADDRESS) == Some(Site::mac(1))
    });
    assert!(!has_noted(&site, "rival-seen"));
    let client = Client::watched(&site);
    let_a_rival_take_it(&site);
    site.until("a client that believes the rival", |site| {
        let_it_say_so(site);
        let mut believed = client.believed().into_iter();
        believed.any(|mac| RIVALS.contains(&mac.as_str()))
    });
    site.until("the sighting", |site| has_noted(site, "rival-seen"));
    site.until("the client's return", |_| {
        client.believed().last() == Some(&Site::mac(1))
    });
    assert!(site.has_own(1));
}

#[test]
fn under_the_papers_rules_a_server_whose_services_fail_gives_its_address_up() {
    if !available() {
        return;
    }
    let site = in_service("safety = \"paper\"\nsightings = [\"rivals\"]");
    fs::write(site.path("failing-by-itself"), "").unwrap();
    let_a_rival_take_it(&site);
    site.until("the sighting", |site| has_noted(site, "rival-seen"));
    site.until("the end of its own", |site| !site.has_own(1));
}
