//! An operator's orders to whole agents of a guarded group, by the program that the operator uses.
//!
//! It needs root's rights and the program `ip`, and says so where it lacks them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod netns;

use std::process::Command;

use netns::{PROGRAM, Site, available};

/// What `tetrarch order` prints on server `n`, as JSON, and how it ends.
fn order(site: &Site, n: usize, words: &str) -> (serde_json::Value, i32) {
    let output = Command::new(PROGRAM)
        .args(["--quiet", "--format", "json", "order"])
        .args(words.split(' '))
        .arg("--site")
        .arg(site.path(&format!("site/server{n}/site.toml")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said, "", "{words}");
    let printed = serde_json::from_slice(&output.stdout).unwrap();
    (printed, output.status.code().unwrap())
}

fn standing(site: &Site, n: usize, words: &str) -> (String, i32) {
    let (printed, code) = order(site, n, words);
    (printed["standing"].as_str().unwrap().to_owned(), code)
}

fn status(site: &Site, n: usize) -> serde_json::Value {
    let output = Command::new(PROGRAM)
        .args(["--format", "json", "status", "--site"])
        .arg(site.path(&format!("site/server{n}/site.toml")))
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn done() -> (String, i32) {
    ("done".to_owned(), 0)
}

#[test]
fn orders_are_carried_out_by_whole_agents() {
    if !available() {
        return;
    }
    let mut site = Site::new();
    site.start(1);
    site.start(2);
    site.until("both addresses", |site| site.has_own(1) && site.has_own(2));
    site.until("a ring that knows itself", |site| {
        let seen = status(site, 1);
        let is_well = |n: usize| seen["servers"][n]["state"] == "managing";
        is_well(0) && is_well(1)
    });

    assert_eq!(standing(&site, 1, "maintenance on server2"), done());
    assert_eq!(status(&site, 2)["servers"][1]["maintenance"], true);
    assert_eq!(standing(&site, 2, "maintenance off"), done());
    assert_eq!(standing(&site, 1, "freeze"), done());
    assert_eq!(status(&site, 2)["frozen"], true);
    let refused = ("refused".to_owned(), 1);
    assert_eq!(standing(&site, 2, "hand-over server2"), refused);
    assert_eq!(standing(&site, 2, "thaw"), done());

    // The address leaves the interface of its server, and comes back.
    let (printed, code) = order(&site, 1, "hand-over server2 --to server1");
    assert_eq!(code, 0, "{printed}");
    assert_eq!(printed["order"]["what"], "hand-over");
    assert!(!site.has_own(2), "{printed}");
    assert_eq!(
        status(&site, 2)["servers"][1]["function"]["host"],
        "server1"
    );
    assert_eq!(standing(&site, 2, "hand-back server2"), done());
    assert!(site.has_own(2));
    assert_eq!(standing(&site, 1, "rejoin server2"), done());

    // One that has no time to be carried out stands, and one that is not waited for, too.
    let (printed, code) = order(&site, 1, "hand-over server2 --timeout 0s");
    let standing_now = printed["standing"].as_str().unwrap();
    assert!(
        (standing_now, code) == ("pending", 3) || (standing_now, code) == ("done", 0),
        "{printed}"
    );
    let (printed, code) = order(&site, 1, "hand-back server2 --no-wait");
    assert_eq!((printed["standing"].as_str(), code), (Some("given"), 0));
    site.until("the return of the address", |site| site.has_own(2));
}
