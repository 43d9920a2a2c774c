//! Whole agents of a guarded group, in network namespaces: an address goes off the interface of a server
//! whose agent stands still or was killed, and is never on two servers.
//!
//! It needs root's rights and the program `ip`, and says so where it lacks them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod netns;

use netns::{Site, available, ip, signal};

fn in_service() -> Site {
    let mut site = Site::new();
    // As if the system's own settings had it, for which nobody ever had a lease.
    ip(&format!(
        "-n {} addr add 10.78.0.101/32 dev eth0",
        site.host(1)
    ));
    site.start(1);
    site.start(2);
    site.until("both addresses", |site| {
        site.has_lifetime(1) && site.has_lifetime(2)
    });
    site
}

#[test]
fn the_address_goes_when_its_agent_does_not_live() {
    if !available() {
        return;
    }
    let mut site = in_service();
    assert!(!site.guards(1).is_empty(), "no guard beside the agent");

    // The agent stands still, and the guard takes the address off.
    let pid = site.agents[0].id();
    signal(pid, "STOP");
    site.until("the end of a stopped agent's address", |site| {
        !site.has_own(1)
    });
    signal(pid, "CONT");
    site.until("its return", |site| site.has_own(1));

    // Agent and guard stand still, and the kernel does it.
    let guards = site.guards(1);
    for pid in guards.iter().chain([&pid]) {
        signal(*pid, "STOP");
    }
    site.until("the end of its lifetime", |site| !site.has_own(1));
    for pid in guards.iter().chain([&pid]) {
        signal(*pid, "CONT");
    }
    site.until("its second return", |site| site.has_own(1));

    // The other agent is killed; its guard ends by itself after it.
    site.agents[1].kill().unwrap();
    site.until("the end of a killed agent's address", |site| {
        !site.has_own(2)
    });
    site.until("the end of its guard", |site| site.guards(2).is_empty());
    site.start(2);
    site.until("its return in the next life", |site| site.has_own(2));
}
