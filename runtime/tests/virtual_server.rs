//! Virtual servers with a real QEMU. The guest has no operating system: its firmware alone has memory and
//! devices enough to be stopped, saved, and resumed.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod real;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use real::{available, block_on, find};
use tempfile::TempDir;
use tetrarch_runtime::parts::qemu::{
    Keep, LockError, Machine, Owner, RunState, VirtualServer, VirtualServerError,
};

const QEMU: &str = "qemu-system-x86_64";
const DISK: usize = 1 << 20;

/// A shared area with one image.
struct Area(TempDir);

impl Area {
    fn new() -> Self {
        let area = Self(tempfile::tempdir().unwrap());
        let template = area.0.path().join("template");
        fs::write(&template, vec![0; DISK]).unwrap();
        let store = tetrarch_runtime::parts::qemu::Store::new(&area.image(), "a");
        store.create(&template).unwrap();
        area
    }

    fn image(&self) -> PathBuf {
        // A name that a shell or QEMU could stumble over.
        self.0.path().join("server 1's, b")
    }

    fn host(&self, name: &str, keep: Keep) -> VirtualServer {
        self.host_with(name, keep, "16")
    }

    fn host_with(&self, name: &str, keep: Keep, memory_mb: &str) -> VirtualServer {
        let arguments = [
            "-accel",
            "tcg",
            "-machine",
            "q35",
            "-m",
            memory_mb,
            "-nodefaults",
            "-drive",
            "if=virtio,format=raw,file={disk}",
        ];
        let arguments = arguments.map(str::to_owned).to_vec();
        let machine = Machine::new(find(QEMU).unwrap(), arguments).unwrap();
        let owner = Owner {
            host: name.to_owned(),
        };
        VirtualServer::new(
            machine,
            keep,
            &self.image(),
            &self.0.path().join(name),
            owner,
        )
    }

    fn state_file(&self) -> PathBuf {
        self.image().join("current/state")
    }
}

/// Ends whatever a failed test has left running.
struct Cleanup(Vec<VirtualServer>);

impl Drop for Cleanup {
    fn drop(&mut self) {
        block_on(async {
            for server in &self.0 {
                let _ = server.abandon().await;
            }
        });
    }
}

async fn runs(server: &VirtualServer) -> bool {
    server.state().await.unwrap() == Some(RunState::Running)
}

/// Runs `work` with the virtual server of one image on two hosts.
fn with_two(keep: Keep, work: impl AsyncFnOnce(&Area, &VirtualServer, &VirtualServer)) {
    if !available(false, &[QEMU]) {
        return;
    }
    let area = Area::new();
    let hosts = Cleanup(vec![area.host("a", keep), area.host("b", keep)]);
    block_on(work(&area, &hosts.0[0], &hosts.0[1]));
}

#[test]
fn a_saved_server_is_resumed_by_another_host() {
    with_two(Keep::File, async |area, a, b| {
        assert_eq!(a.state().await.unwrap(), None);
        a.cold_start().await.unwrap();
        a.cold_start().await.unwrap();
        assert!(runs(a).await);
        a.suspend().await.unwrap();
        a.suspend().await.unwrap();
        assert_eq!(a.state().await.unwrap(), None);
        assert!(fs::metadata(area.state_file()).unwrap().len() > 0);
        for server in [b, a, b] {
            server.resume().await.unwrap();
            server.resume().await.unwrap();
            assert!(runs(server).await);
            server.suspend().await.unwrap();
        }
        assert_eq!(b.lock().owner().unwrap(), None);
    });
}

#[test]
fn a_server_kept_in_memory_is_resumed_in_its_place() {
    with_two(Keep::Memory, async |_, a, b| {
        a.cold_start().await.unwrap();
        a.suspend().await.unwrap();
        assert_eq!(a.state().await.unwrap(), Some(RunState::Paused));
        // Its disk goes on from there, so nobody else may have it.
        assert!(matches!(
            b.cold_start().await,
            Err(VirtualServerError::Lock(LockError::Held(owner))) if owner.host == "a"
        ));
        a.resume().await.unwrap();
        assert!(runs(a).await);
    });
}

#[test]
fn a_server_without_a_state_is_not_resumed_and_leaves_nothing() {
    with_two(Keep::File, async |_, a, b| {
        let error = a.resume().await.unwrap_err();
        assert!(error.to_string().contains("has no saved state"), "{error}");
        assert_eq!(a.lock().owner().unwrap(), None);
        b.cold_start().await.unwrap();
    });
}

#[test]
fn a_broken_state_is_told_and_a_cold_start_helps() {
    with_two(Keep::File, async |area, a, b| {
        a.cold_start().await.unwrap();
        a.suspend().await.unwrap();
        let good = fs::read(area.state_file()).unwrap();
        let mut garbled = good.clone();
        garbled[0] ^= 0xff;
        for broken in [Vec::new(), good[..good.len() / 2].to_vec(), garbled] {
            fs::write(area.state_file(), broken).unwrap();
            let error = b.resume().await.unwrap_err();
            assert!(
                matches!(error, VirtualServerError::BrokenState(_)),
                "{error}"
            );
            assert_eq!(b.state().await.unwrap(), None);
            assert_eq!(b.lock().owner().unwrap(), None);
        }
        b.cold_start().await.unwrap();
        assert!(runs(b).await);
    });
}

#[test]
fn a_state_of_another_machine_is_told_too() {
    with_two(Keep::File, async |area, a, _| {
        a.cold_start().await.unwrap();
        a.suspend().await.unwrap();
        let other = area.host_with("c", Keep::File, "32");
        let error = other.resume().await.unwrap_err();
        assert!(
            matches!(error, VirtualServerError::BrokenState(_)),
            "{error}"
        );
    });
}

#[test]
fn a_dead_host_loses_the_image_and_cannot_change_it_any_more() {
    with_two(Keep::File, async |area, a, b| {
        a.cold_start().await.unwrap();
        a.suspend().await.unwrap();
        a.resume().await.unwrap();
        // The others think that this host is dead.
        let Err(VirtualServerError::Lock(LockError::Held(owner))) = b.resume().await else {
            panic!("the image was not locked");
        };
        b.lock().take_over(&owner).unwrap();
        b.resume().await.unwrap();
        let before = fs::read_link(area.image().join("current")).unwrap();
        assert!(matches!(a.suspend().await, Err(VirtualServerError::Lost)));
        assert_eq!(a.state().await.unwrap(), None);
        assert_eq!(fs::read_link(area.image().join("current")).unwrap(), before);
        b.suspend().await.unwrap();
        assert_ne!(fs::read_link(area.image().join("current")).unwrap(), before);
    });
}

#[test]
fn a_start_that_is_broken_off_is_undone() {
    with_two(Keep::File, async |_, a, b| {
        a.cold_start().await.unwrap();
        a.suspend().await.unwrap();
        for delay_ms in [0, 1, 5, 20, 50, 100, 200] {
            let start = a.resume();
            let _ = tokio::time::timeout(Duration::from_millis(delay_ms), start).await;
            a.abandon().await.unwrap();
            assert_eq!(a.state().await.unwrap(), None);
            assert_eq!(a.lock().owner().unwrap(), None);
        }
        b.resume().await.unwrap();
    });
}

#[test]
fn a_state_that_cannot_be_saved_leaves_the_disk() {
    with_two(Keep::File, async |area, a, _| {
        a.cold_start().await.unwrap();
        // A folder in the place of the new state: the shell cannot open it, as when the disk is full.
        fs::create_dir(area.image().join("work.a/state")).unwrap();
        a.suspend().await.unwrap();
        assert_eq!(a.state().await.unwrap(), None);
        assert!(!area.state_file().exists());
        let error = a.resume().await.unwrap_err();
        assert!(error.to_string().contains("has no saved state"), "{error}");
        a.cold_start().await.unwrap();
    });
}

#[test]
fn a_machine_that_does_not_start_says_why() {
    if !available(false, &[QEMU]) {
        return;
    }
    let area = Area::new();
    let machine = |program: PathBuf, argument: &str| {
        let machine = Machine::new(program, vec![argument.to_owned()]).unwrap();
        let owner = Owner {
            host: "a".to_owned(),
        };
        VirtualServer::new(
            machine,
            Keep::File,
            &area.image(),
            &area.0.path().join("a"),
            owner,
        )
    };
    block_on(async {
        let wrong = machine(find(QEMU).unwrap(), "-nosuch")
            .cold_start()
            .await
            .unwrap_err();
        assert!(
            wrong.to_string().contains("-nosuch: invalid option"),
            "{wrong}"
        );
        let missing = machine("/nonexistent/qemu".into(), "")
            .cold_start()
            .await
            .unwrap_err();
        assert!(
            missing.to_string().contains("/nonexistent/qemu"),
            "{missing}"
        );
        // Something that is no QEMU at all, and stays.
        let owner = area.host("b", Keep::File).lock().owner().unwrap();
        assert_eq!(owner, None);
    });
}

#[test]
fn one_that_is_kept_in_memory_can_be_ready_there() {
    with_two(Keep::Memory, async |area, a, b| {
        assert!(a.preload().await.is_err(), "there is no state yet");
        assert_eq!(a.state().await.unwrap(), None);
        a.cold_start().await.unwrap();
        a.abandon().await.unwrap();
        // A state that any host can load.
        let saving = area.host("c", Keep::File);
        saving.cold_start().await.unwrap();
        saving.suspend().await.unwrap();

        assert!(a.preload().await.unwrap());
        assert_eq!(a.state().await.unwrap(), Some(RunState::Paused));
        assert!(!a.preload().await.unwrap(), "it is here already");
        assert!(!b.preload().await.unwrap(), "the other host has its image");
        a.resume().await.unwrap();
        assert!(runs(a).await);
        // Where it is kept in a file it is not loaded.
        a.abandon().await.unwrap();
        assert!(!area.host("c", Keep::File).preload().await.unwrap());
    });
}
