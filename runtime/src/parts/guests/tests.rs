//! A hand-back as the guest sees it. In the guest there is an agent, as a task of the test's; there is no machine,
//! and no cable.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::parts::program::write_program;
use crate::parts::qemu::{Keep, Machine, Owner};
use crate::parts::sync::{Between, SyncSettings};

const VIP: &str = "10.0.0.101";

/// What happens, in its order, in a file that the hook writes to as well.
#[derive(Clone)]
struct Story(PathBuf);

impl Story {
    fn add(&self, line: &str) {
        let told = self.lines() + line + "\n";
        std::fs::write(&self.0, told).unwrap();
    }

    fn lines(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }
}

/// An agent in a guest that has the address, and keeps it whatever it is told if it is `stubborn`.
async fn agent(listener: UnixListener, story: Story, stubborn: bool) {
    let holds = AtomicBool::new(true);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        talk(stream, &story, &holds, stubborn).await;
    }
}

async fn talk(stream: UnixStream, story: &Story, holds: &AtomicBool, stubborn: bool) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.unwrap_or(0) > 0 {
        let words = line.strip_prefix(&[0xff]).unwrap_or(&line);
        let asked: Value = serde_json::from_slice(words).unwrap();
        let arguments = &asked["arguments"];
        let answer = match asked["execute"].as_str().unwrap() {
            "guest-sync-delimited" => arguments["id"].clone(),
            "guest-network-get-interfaces" => {
                let has_it = holds.load(Ordering::Relaxed);
                let addresses = if has_it { vec![VIP] } else { vec![] };
                let addresses: Vec<_> =
                    addresses.iter().map(|a| json!({"ip-address": a})).collect();
                json!([{ "name": "eth0", "ip-addresses": addresses }])
            }
            "guest-exec" => {
                let input = arguments["input-data"].as_str().unwrap();
                let input = String::from_utf8(BASE64_STANDARD.decode(input).unwrap()).unwrap();
                story.add(input.trim());
                if !stubborn {
                    holds.store(!input.contains("del"), Ordering::Relaxed);
                }
                json!({ "pid": 7 })
            }
            _ => json!({ "exited": true, "exitcode": 0 }),
        };
        let answer = json!({ "return": answer }).to_string() + "\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        line.clear();
    }
}

fn function() -> ServerId {
    ServerId::new(0).unwrap()
}

/// The virtual server of the first function, with a hook.
fn guests(folder: &TempDir, stubborn: bool) -> (Guests, Story) {
    let run = folder.path().to_owned();
    let story = Story(run.join("story"));
    let listener = UnixListener::bind(run.join("agent")).unwrap();
    tokio::spawn(agent(listener, story.clone(), stubborn));
    let program = run.join("hook");
    let script = "#!/bin/sh\necho \"$TETRARCH_PHASE\" >>\"$TETRARCH_STATE/story\"\n";
    write_program(&program, script);
    let settings = SyncSettings {
        program,
        limit: Duration::from_secs(60),
        last_limit: Duration::from_secs(60),
    };
    let own: IpAddr = [10, 0, 0, 1].into();
    let between = Between {
        site: String::new(),
        host: String::new(),
        function: String::new(),
        vip: own,
        virtual_address: None,
        real_address: own,
        state: run.clone(),
    };
    let arguments = ["file={disk}".to_owned()].to_vec();
    let machine = Machine::new("/bin/false".into(), arguments).unwrap();
    let host = "web".to_owned();
    let server = GuestServer {
        server: VirtualServer::new(machine, Keep::File, &run, &run, Owner { host }),
        plug: Plug {
            tap: "tetrarch-none".to_owned(),
            bridge: "tetrarch-none".to_owned(),
        },
        address: VIP.parse().unwrap(),
        mac: "02:00:00:00:00:01".parse().unwrap(),
        interface: "eth0".to_owned(),
        sync: Some(Sync::new(settings, &between)),
    };
    (Guests::new("lo".to_owned(), vec![Some(server)]), story)
}

#[tokio::test]
async fn the_address_is_off_in_the_guest_between_the_two_runs_and_back_before_it_sleeps() {
    let folder = tempfile::tempdir().unwrap();
    let (guests, story) = guests(&folder, false);
    guests.synchronise(function()).await.unwrap();
    let expected = "serving\naddress del 10.0.0.101/32 dev eth0\nlast\n";
    assert_eq!(story.lines(), expected);
    guests.of(function()).unwrap().reopen().await;
    let back = "address replace 10.0.0.101/32 dev eth0\n";
    assert_eq!(story.lines(), format!("{expected}{back}"));
    // Once it has it nothing is changed.
    guests.of(function()).unwrap().reopen().await;
    assert_eq!(story.lines(), format!("{expected}{back}"));
}

#[tokio::test]
async fn a_guest_that_keeps_the_address_is_told_of_and_its_data_go_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (guests, story) = guests(&folder, true);
    let why = guests
        .synchronise(function())
        .await
        .unwrap_err()
        .to_string();
    assert!(why.contains("the guest still has 10.0.0.101/32"), "{why}");
    assert!(
        story.lines().ends_with("dev eth0\nlast\n"),
        "{}",
        story.lines()
    );
}
