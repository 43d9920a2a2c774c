//! One virtual server on this host: started, suspended, and found again.
//!
//! QEMU is a process of its own and outlives the program that started it, so that an update of the
//! management programs does not end a service. Everything is found again by its monitor's socket.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::failure::VirtualServerError;
use super::guest::Guest;
use super::json::TalkError;
use super::kill::PID_FILE;
use super::lock::{ImageLock, LockError, Owner};
use super::machine::{Keep, Machine};
use super::plug::Plug;
use super::qmp::{Qmp, QmpError, RunState};
use super::store::Store;

/// The file with the process number of a machine that stands still in memory.
const PARKED_PID_FILE: &str = "parked";

/// Time between two looks at something that is about to happen.
const POLL: Duration = Duration::from_millis(5);
/// How long QEMU may take to open its monitor, or to end after it was told to.
const QEMU_MAX: Duration = Duration::from_secs(20);
/// How long a state may take to be read: several times what a busy file server needs.
const LOAD_MAX: Duration = Duration::from_secs(60);
/// How long QEMU may take to end after it has hung up.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// Most that is passed on of QEMU's last words, in characters.
const WORDS_MAX: usize = 300;

/// Says whether the virtual server may run on this host at this moment.
#[derive(Clone)]
struct Permit(Arc<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permit")
    }
}

/// One virtual server on this host.
#[derive(Debug)]
pub struct VirtualServer {
    machine: Machine,
    keep: Keep,
    /// Sockets and last words, on this host. Its path must be short: that of a Unix socket is.
    run: PathBuf,
    store: Store,
    lock: ImageLock,
    plug: Option<Plug>,
    permit: Permit,
}

type Result<T> = std::result::Result<T, VirtualServerError>;

impl VirtualServer {
    /// The virtual server with its image in `image` on the shared area, run on the host `me`, with its
    /// sockets in the folder `run` of this host, which is made when it is missing.
    #[must_use]
    pub fn new(machine: Machine, keep: Keep, image: &Path, run: &Path, me: Owner) -> Self {
        Self {
            machine,
            keep,
            run: run.to_owned(),
            store: Store::new(image, &me.host),
            lock: ImageLock::new(image, me),
            plug: None,
            permit: Permit(Arc::new(|| true)),
        }
    }

    /// The same virtual server, with its tap device on a bridge.
    #[must_use]
    pub fn with_plug(mut self, plug: Plug) -> Self {
        self.plug = Some(plug);
        self
    }

    /// The same virtual server, whose machine begins to run only if `permit` says so just before.
    #[must_use]
    pub fn with_permit(mut self, permit: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.permit = Permit(Arc::new(permit));
        self
    }

    /// Takes the image's lock away from whichever host has it. The caller knows that this host has died, or
    /// that it may not run the image any more.
    ///
    /// # Errors
    ///
    /// When somebody else takes it at the same time, or the shared area fails.
    pub async fn take_over(&self) -> Result<()> {
        let was_mine = self.blocking(|shared| Ok(shared.lock.is_mine()?)).await?;
        if !was_mine {
            // What is kept in memory here is older than what another host has made of the image since.
            self.end().await?;
        }
        self.blocking(|shared| match shared.lock.acquire() {
            Err(LockError::Held(owner)) => Ok(shared.lock.take_over(&owner)?),
            result => Ok(result?),
        })
        .await
    }

    /// Lets the machine run, if it may, and be found by whoever has to kill it.
    async fn go(&self, qmp: &mut Qmp) -> Result<()> {
        self.rename_pid(PARKED_PID_FILE, PID_FILE)?;
        if !(self.permit.0)() {
            return Err(VirtualServerError::NotAllowed);
        }
        Ok(qmp.cont().await?)
    }

    /// The file with the process number under another name; nothing happens when it is not there.
    fn rename_pid(&self, from: &str, to: &str) -> Result<()> {
        match fs::rename(self.path(from), self.path(to)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                let path = self.path(from);
                Err(VirtualServerError::Folder { path, source })
            }
            _ => Ok(()),
        }
    }

    /// The lock of its image.
    #[must_use]
    pub const fn lock(&self) -> &ImageLock {
        &self.lock
    }

    /// What the virtual server is doing here; nothing when it is not here.
    ///
    /// # Errors
    ///
    /// When QEMU is there and does not say.
    pub async fn state(&self) -> Result<Option<RunState>> {
        match self.monitor().await? {
            Some(mut qmp) => Ok(Some(qmp.state().await?)),
            None => Ok(None),
        }
    }

    /// Resumes it; ends when it runs. It is well if it runs already.
    ///
    /// # Errors
    ///
    /// When it does not run; nothing of it is left then.
    pub async fn resume(&self) -> Result<()> {
        if self.proceed().await? {
            return Ok(());
        }
        self.fresh(true).await
    }

    /// Starts it from its disk; ends when it runs, which is long before its services answer.
    ///
    /// # Errors
    ///
    /// When it does not run; nothing of it is left then.
    pub async fn cold_start(&self) -> Result<()> {
        match self.state().await? {
            Some(RunState::Running) => Ok(()),
            // Somebody wants a fresh start, so what is kept in memory is of no use.
            Some(_) => {
                self.abandon().await?;
                self.fresh(false).await
            }
            None => self.fresh(false).await,
        }
    }

    /// Ends whatever runs here, keeps nothing of it, and gives the image back.
    ///
    /// # Errors
    ///
    /// When something may still run.
    pub async fn abandon(&self) -> Result<()> {
        self.end().await?;
        self.blocking(|shared| {
            shared.store.discard()?;
            Ok(shared.lock.release()?)
        })
        .await
    }

    /// Suspends it; ends when it no longer runs. It is well if it does not run.
    ///
    /// When its state cannot be saved, its disk is kept, and it is started from that next time.
    ///
    /// # Errors
    ///
    /// When it may still run, or nothing could be kept.
    pub async fn suspend(&self) -> Result<()> {
        let Some(mut qmp) = self.monitor().await? else {
            return Ok(());
        };
        qmp.stop().await?;
        if self.keep == Keep::Memory {
            // It stands still, and nobody has to kill it for that it is here.
            return self.rename_pid(PID_FILE, PARKED_PID_FILE);
        }
        let state = self.store.new_state();
        let saved = qmp.save(&state).await;
        drop(qmp);
        self.end().await?;
        self.blocking(move |shared| {
            if !shared.lock.is_mine()? {
                shared.store.discard()?;
                return Err(VirtualServerError::Lost);
            }
            if saved.is_err() {
                // Half a state, or whatever else was in its place.
                let _ = fs::remove_file(&state).or_else(|_| fs::remove_dir_all(&state));
            }
            shared.store.commit()?;
            Ok(shared.lock.release()?)
        })
        .await
    }

    /// A talk with the agent in the guest.
    ///
    /// # Errors
    ///
    /// When it does not run, or the agent does not answer within `limit`.
    pub async fn guest(&self, limit: Duration) -> Result<Guest> {
        match timeout(limit, Guest::connect(&self.path("agent"))).await {
            Ok(guest) => Ok(guest?),
            Err(_) => Err(VirtualServerError::TooLong("answer from the guest")),
        }
    }

    /// A talk with the monitor of a machine that is here.
    ///
    /// # Errors
    ///
    /// When it is not here.
    pub async fn talk(&self) -> Result<Qmp> {
        Ok(Qmp::connect(&self.path("qmp")).await?)
    }

    /// A talk with the monitor; nothing when nobody listens there, and so no machine is here. One that
    /// does not answer is an error: starting a second machine beside it would be wrong.
    async fn monitor(&self) -> Result<Option<Qmp>> {
        let answered = async {
            loop {
                match Qmp::connect(&self.path("qmp")).await {
                    Ok(qmp) => return Ok(Some(qmp)),
                    Err(QmpError::Talk(error)) if error.nobody_there() => return Ok(None),
                    // It is on its way out, and hangs up on whoever calls.
                    Err(QmpError::Talk(TalkError::Ended | TalkError::Broke(_))) => {
                        sleep(POLL).await;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        timeout(QEMU_MAX, answered)
            .await
            .unwrap_or(Err(VirtualServerError::TooLong("answer at its monitor")))
    }

    /// Lets a machine that is here run. Returns whether there is one that can; one that cannot is ended.
    async fn proceed(&self) -> Result<bool> {
        let Some(mut qmp) = self.monitor().await? else {
            return Ok(false);
        };
        match qmp.state().await? {
            RunState::Running => Ok(true),
            RunState::Paused => {
                self.go(&mut qmp).await?;
                qmp.announce().await?;
                Ok(true)
            }
            // What is left of a start that was broken off, or a machine that has crashed.
            RunState::Incoming | RunState::Other(_) => {
                drop(qmp);
                self.abandon().await?;
                Ok(false)
            }
        }
    }

    /// Starts QEMU, from the saved state or without it, and leaves nothing behind when that fails.
    async fn fresh(&self, from_state: bool) -> Result<()> {
        self.blocking(|shared| Ok(shared.lock.acquire()?)).await?;
        let started = self.launch(from_state).await;
        if started.is_err() {
            self.abandon().await?;
        }
        started
    }

    async fn launch(&self, from_state: bool) -> Result<()> {
        let state = self
            .blocking(move |shared| {
                let state = from_state.then(|| shared.store.state()).transpose()?;
                shared.store.prepare()?;
                Ok(state)
            })
            .await?;
        let mut starting = Starting(Some(self.spawn(from_state)?));
        let Some(child) = starting.0.as_mut() else {
            return Ok(());
        };
        match self.bring_up(child, state.as_deref()).await {
            Ok(()) => {
                starting.0 = None;
                Ok(())
            }
            // One that hangs is ended; one that has ended has said why.
            Err(error) => match timeout(LAST_WORDS_MAX, child.wait()).await {
                Err(_) => {
                    let _ = child.kill().await;
                    match error {
                        VirtualServerError::Qmp(QmpError::NotLoaded(why)) => {
                            Err(VirtualServerError::BrokenState(why.to_owned()))
                        }
                        error => Err(error),
                    }
                }
                Ok(_) if from_state => Err(VirtualServerError::BrokenState(self.last_words())),
                Ok(_) => Err(VirtualServerError::Died(self.last_words())),
            },
        }
    }

    /// Waits for the monitor, loads the state, and lets the machine run.
    async fn bring_up(&self, child: &mut Child, state: Option<&Path>) -> Result<()> {
        let connected = async {
            loop {
                if let Ok(qmp) = self.talk().await {
                    return Ok(qmp);
                }
                if let Ok(Some(status)) = child.try_wait() {
                    return Err(VirtualServerError::Died(status.to_string()));
                }
                sleep(POLL).await;
            }
        };
        let mut qmp = timeout(QEMU_MAX, connected)
            .await
            .map_err(|_| VirtualServerError::TooLong("open its monitor"))??;
        if let Some(state) = state {
            timeout(LOAD_MAX, qmp.load(state))
                .await
                .unwrap_or(Err(QmpError::NotLoaded("it did not end")))?;
        }
        if let Some(plug) = &self.plug {
            plug.plug().await?;
        }
        self.go(&mut qmp).await?;
        if state.is_some() {
            qmp.announce().await?;
        }
        Ok(())
    }

    /// Starts the process: in a group of its own, so that a signal to this program is not for it.
    fn spawn(&self, incoming: bool) -> Result<Child> {
        let folder = |source| VirtualServerError::Folder {
            path: self.run.clone(),
            source,
        };
        fs::create_dir_all(&self.run).map_err(folder)?;
        for name in ["qmp", "agent"] {
            // QEMU replaces a socket that nobody listens at; what listens there was ended before.
            let _ = fs::remove_file(self.path(name));
        }
        let words = File::create(self.path("words")).map_err(folder)?;
        let child = Command::new(&self.machine.program)
            .args(self.arguments(incoming))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(words)
            .process_group(0)
            .spawn()
            .map_err(|source| VirtualServerError::Start {
                program: self.machine.program.clone(),
                source,
            })?;
        // Whoever has to kill it finds it here; until its machine runs nobody has to.
        let pid = child.id().map(|pid| pid.to_string()).unwrap_or_default();
        fs::write(self.path(PID_FILE), pid).map_err(folder)?;
        Ok(child)
    }

    fn arguments(&self, incoming: bool) -> Vec<OsString> {
        let disk = self.store.disk();
        // A comma in a path would end the value of an option, and QEMU reads two as one.
        let escaped = |path: &Path| path.to_string_lossy().replace(',', ",,");
        let mut all: Vec<OsString> = self
            .machine
            .arguments
            .iter()
            .map(|argument| argument.replace("{disk}", &escaped(&disk)).into())
            .collect();
        let socket = |id: &str, name| {
            let path = escaped(&self.path(name));
            format!("socket,id={id},path={path},server=on,wait=off")
        };
        let ours = [
            "-display",
            "none",
            "-chardev",
            &socket("tetrarch-qmp", "qmp"),
            "-mon",
            "chardev=tetrarch-qmp,mode=control",
            "-chardev",
            &socket("tetrarch-agent", "agent"),
            "-S",
        ];
        all.extend(ours.map(OsString::from));
        if incoming {
            all.extend(["-incoming", "defer"].map(OsString::from));
        }
        all
    }

    /// Ends QEMU, by asking it.
    async fn end(&self) -> Result<()> {
        let Some(mut qmp) = self.monitor().await? else {
            return Ok(());
        };
        qmp.quit().await?;
        drop(qmp);
        let gone = async {
            // Its sockets close when it has ended, and with it its locks on the disk.
            while tokio::net::UnixStream::connect(self.path("qmp"))
                .await
                .is_ok()
            {
                sleep(POLL).await;
            }
        };
        timeout(QEMU_MAX, gone)
            .await
            .map_err(|_| VirtualServerError::TooLong("end"))
    }

    fn last_words(&self) -> String {
        let words = fs::read(self.path("words")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let last = words.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.unwrap_or("it said nothing")
            .chars()
            .take(WORDS_MAX)
            .collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }

    /// Does work on the shared area, which may take its time, on a thread that may wait for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Shared {
            store: self.store.clone(),
            lock: self.lock.clone(),
        };
        tokio::task::spawn_blocking(move || work(&shared))
            .await
            .unwrap_or(Err(VirtualServerError::BrokenOff))
    }
}

/// A QEMU that is being started. It ends when this is dropped with it: nobody could find it yet.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It fails only when the process has ended.
            let _ = child.start_kill();
        }
    }
}

/// What a virtual server has on the shared area.
struct Shared {
    store: Store,
    lock: ImageLock,
}
