//! A network of hosts that are network namespaces, each with `eth0` on one bridge.

use std::fs::File;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

use crate::real::{block_on, run};

/// Hosts on one bridge; they vanish with the value.
pub(crate) struct Lan {
    prefix: String,
    hosts: usize,
}

impl Lan {
    /// A network of `hosts` hosts. Number `i` has 10.77.0.(i + 1), fd77::(i + 1) and its own MAC address.
    pub(crate) fn new(hosts: usize) -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("tt{}x{serial}", std::process::id());
        let lan = Self { prefix, hosts };
        let switch = lan.switch();
        run(&format!("ip netns add {switch}"));
        run(&format!(
            "ip -n {switch} link add br0 type bridge stp_state 0 forward_delay 0"
        ));
        run(&format!("ip -n {switch} link set br0 up"));
        for i in 0..hosts {
            let (host, n) = (lan.host(i), i + 1);
            run(&format!("ip netns add {host}"));
            run(&format!(
                "ip -n {switch} link add p{i} type veth peer name eth0 netns {host} address {}",
                Self::mac(i)
            ));
            run(&format!("ip -n {switch} link set p{i} master br0 up"));
            run(&format!("ip -n {host} link set lo up"));
            run(&format!("ip -n {host} link set eth0 up"));
            run(&format!(
                "ip -n {host} addr add 10.77.0.{n}/24 brd + dev eth0"
            ));
            run(&format!(
                "ip -n {host} addr add fd77::{n}/64 dev eth0 nodad"
            ));
        }
        lan
    }

    fn switch(&self) -> String {
        format!("{}sw", self.prefix)
    }

    /// The namespace of host `i`.
    pub(crate) fn host(&self, i: usize) -> String {
        format!("{}h{i}", self.prefix)
    }

    /// The MAC address of host `i`.
    pub(crate) fn mac(i: usize) -> String {
        format!("52:54:00:77:00:{:02x}", i + 1)
    }

    /// Runs `work` on host `i`, on a thread of its own.
    pub(crate) fn on<T: Send, F: Future<Output = T>>(
        &self,
        i: usize,
        work: impl FnOnce() -> F + Send,
    ) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.host(i))).unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                block_on(async { work().await })
            });
            thread.join().unwrap()
        })
    }

    /// Runs a command of `ip` on host `i`; it must succeed.
    pub(crate) fn ip(&self, i: usize, command: &str) {
        run(&format!("ip -n {} {command}", self.host(i)));
    }

    /// What host `i` takes for the MAC address of `address`, if it thinks that it knows one.
    pub(crate) fn neighbour(&self, i: usize, address: &str) -> Option<String> {
        let done = std::process::Command::new(crate::real::find("ip").unwrap())
            .args(["-n", &self.host(i), "neigh", "show", address])
            .output()
            .unwrap();
        let line = String::from_utf8(done.stdout).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "lladdr")?;
        Some(words[at + 1].to_owned())
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let ip = crate::real::find("ip").unwrap();
        for name in (0..self.hosts).map(|i| self.host(i)).chain([self.switch()]) {
            let _ = std::process::Command::new(&ip)
                .args(["netns", "del", &name])
                .status();
        }
    }
}
