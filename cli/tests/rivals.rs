//! A machine that nobody manages takes an address that a server holds: the server's agent sees it on the wire, and
//! its node defends the address or gives it up.
//!
//! It needs root's rights and the program `ip`, and says so where it lacks them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod netns;

use std::fs;
use std::process::Command;

use netns::{PROGRAM, Site, available, ip};

const ADDRESS: &str = "10.78.0.101";

fn in_namespace(namespace: &str, script: &str) {
    let words = ["netns", "exec", namespace, "bash", "-c", script];
    let done = Command::new("ip").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{script}: {said}");
}

/// A third machine has the address, and says so to everybody.
fn let_a_rival_take_it(site: &Site) {
    site.add_host(3);
    let host = site.host(3);
    in_namespace(&host, "sysctl -q net.ipv4.conf.eth0.arp_notify=1");
    ip(&format!("-n {host} link set eth0 down"));
    ip(&format!("-n {host} addr add {ADDRESS}/32 dev eth0"));
    // With its link up it announces what it has.
    ip(&format!("-n {host} link set eth0 up"));
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
    let mut site = Site::under(rules);
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
    site.until("a client that knows the server", |site| {
        in_namespace(&site.switch(), &format!("echo >/dev/udp/{ADDRESS}/9"));
        site.known_to_client(ADDRESS) == Some(Site::mac(1))
    });
    assert!(!has_noted(&site, "rival-seen"));
    let_a_rival_take_it(&site);
    site.until("the sighting", |site| has_noted(site, "rival-seen"));
    site.until("the client's return", |site| {
        site.known_to_client(ADDRESS) == Some(Site::mac(1))
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
