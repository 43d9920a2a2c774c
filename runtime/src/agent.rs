//! The agent of one server: the paper's executer, which starts and stops the management programs, and
//! everything around it that lives longer than they do.
//!
//! Ending the agent is not stopping the programs. Addresses and virtual servers stay as they are, and an
//! agent that starts again finds them: so it can be replaced while everything is in service. The
//! programs stop when the flag file goes away.

mod beside;
pub mod control;
mod flag;
mod leaving;
mod life;
mod ordering;
mod parts;
mod requests;
mod rivals;
mod services;
mod telling;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tetrarch_core::data::{GroupData, HostName};
use tetrarch_core::executer::{
    Executer, ExecuterDeadline, ExecuterInput, ExecuterOutput, ExecuterPhase, ExecuterTimer,
};
use tetrarch_core::{Command, Span, Time};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::clock::{Alarm, BootClock, Clock};
use crate::disk::Disk;
use crate::driver::Handle;
use crate::parts::{Failure, Parts};
use crate::peers::greeting::{Greeting, Settings};
use crate::peers::tls::{Credentials, TlsError};
use crate::peers::{Network, expiry};
use crate::site::Site;
use crate::store;
pub use parts::FromSettings;

use control::Control;
use flag::FlagWatch;
use life::{Connected, Life};
use telling::Telling;

/// Longest wait for the local disk.
const LOCAL_MAX: Duration = Duration::from_secs(2);

/// The longest pause between two looks at the flag file while nothing is heard of a change: in case that one is
/// not heard of, and for the watchdog.
const LOOK_AT_LEAST_EVERY: Span = Span::from_secs(10);

/// How often the watchdog is fed, at least, within the time after which it barks.
const FEEDS: u64 = 3;

/// How long a driver may take to say how things stand before the watchdog is left to bark.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How long an agent stays for its last answers, in a server that a manager restarts.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How many calls to the local disk, and to the shared area, may be outstanding.
const LOCAL_THREADS_MAX: usize = 8;
const SHARED_THREADS_MAX: usize = 2;

/// Why an agent cannot run.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The control socket cannot be made.
    #[error("{}: cannot make the control socket: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system gives no threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// The keys cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Makes the parts of this server for a group.
pub trait MakeParts: Send + 'static {
    /// The parts.
    type Parts: Parts;

    /// Makes them, for the management data `group`.
    ///
    /// # Errors
    ///
    /// When this server cannot do what it would be asked; the management programs do not start then.
    fn make(
        &self,
        site: &Site,
        group: &GroupData,
    ) -> impl Future<Output = Result<Self::Parts, Failure>>;
}

/// What the agent shares with its tasks.
struct Shared<P> {
    site: Site,
    local: Disk,
    /// The driver, while the management programs run.
    handle: watch::Sender<Option<Handle>>,
    /// The parts, while the management programs run.
    parts: watch::Sender<Option<Arc<P>>>,
    network: watch::Sender<Option<Network>>,
    phase: watch::Sender<ExecuterPhase>,
    /// Whether a manager has this server restarted.
    is_restarting: AtomicBool,
    telling: Telling,
}

/// The agent of one server.
struct Agent<C, M: MakeParts> {
    shared: Arc<Shared<M::Parts>>,
    make: M,
    clock: C,
    mount: Disk,
    executer: Executer,
    deadline: Option<ExecuterDeadline>,
    flag: FlagWatch,
    /// When the flag file is looked at even if nothing was heard of a change.
    look_at_last: Time,
    /// Whether the last look found it; unknown when the disk did not answer.
    flag_seen: Option<bool>,
    ended: mpsc::Sender<ExecuterInput>,
    connected: Option<Connected>,
    life: Option<Life>,
    greeting: Greeting,
}

/// Runs the agent of `site` until SIGTERM or SIGINT; SIGHUP lets it read its keys anew.
///
/// # Errors
///
/// When the control socket or the signals cannot be had.
pub fn run(site: Site, make: impl MakeParts) -> Result<(), AgentError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(async {
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let mut hup = signal(SignalKind::hangup())?;
        let (reload, reloads) = mpsc::channel(1);
        let hups = async move {
            while hup.recv().await.is_some() {
                // One that waits already is enough.
                let _ = reload.try_send(());
            }
        };
        tokio::spawn(hups);
        let stop = async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        };
        run_until(site, BootClock, make, stop, reloads).await
    });
    // A thread that hangs in a dead mount is not waited for.
    runtime.shutdown_background();
    done
}

/// Runs the agent of `site` until `stop` ends. It reads its keys anew for each of `reloads`.
async fn run_until<C: Clock, M: MakeParts>(
    site: Site,
    clock: C,
    make: M,
    stop: impl Future<Output = ()>,
    mut reloads: mpsc::Receiver<()>,
) -> Result<(), AgentError> {
    let (ended, mut inputs) = mpsc::channel(8);
    let mut agent = Agent::new(site, clock, make, ended).await;
    let control = Control::bind(&agent.shared.site.socket)?;
    let mut beside = vec![tokio::spawn(control.serve(Arc::clone(&agent.shared)))];
    if agent.shared.site.hands_over_at_shutdown() {
        beside.push(tokio::spawn(leaving::watch(Arc::clone(&agent.shared))));
    }
    beside.extend(telling::spawn(&agent.shared));
    agent.step(ExecuterInput::Start).await;
    tell_systemd(&[sd_notify::NotifyState::Ready]);
    tokio::pin!(stop);
    let mut alarm = Alarm::new(agent.clock.clone());
    loop {
        let deadline = agent.next_deadline();
        let due = async {
            match deadline {
                Some(deadline) => {
                    alarm.wait(deadline.at).await;
                    deadline.timer
                }
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut stop => break,
            () = agent.flag.stirred(), if agent.flag.is_quiet() => {}
            () = Life::end(&mut agent.life) => agent.life_ended().await,
            Some(input) = inputs.recv() => agent.step(input).await,
            Some(()) = reloads.recv() => agent.renew().await,
            timer = due => agent.due(timer).await,
        }
    }
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    if agent.shared.is_restarting.load(Ordering::Relaxed) {
        // The manager that has this server restarted hears that its order was taken.
        sleep(LAST_WORDS).await;
    }
    beside.iter().for_each(JoinHandle::abort);
    agent.abandon().await;
    Ok(())
}

/// Often enough for systemd's watchdog, if it has one for this agent.
fn look_at_least_every() -> Span {
    let watchdog = sd_notify::watchdog_enabled().map(|limit| {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Span::from_nanos(limit / FEEDS)
    });
    watchdog.map_or(LOOK_AT_LEAST_EVERY, |every| every.min(LOOK_AT_LEAST_EVERY))
}

fn tell_systemd(state: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    if let Err(why) = sd_notify::notify(state) {
        warn!(%why, "systemd cannot be told");
    }
}

impl<C: Clock, M: MakeParts> Agent<C, M> {
    async fn new(site: Site, clock: C, make: M, ended: mpsc::Sender<ExecuterInput>) -> Self {
        let local = Disk::new(LOCAL_THREADS_MAX);
        let (folder, ring) = (site.copy(), site.ring.clone());
        let copied = local.call(LOCAL_MAX, move || store::read(&folder, &ring).ok());
        let copied = copied.await.flatten();
        let names = site.ring.iter().map(HostName::as_str);
        let greeting = Greeting::new(Settings::new(names, site.safety, &site.timing));
        let executer = Executer::new(site.executer, copied.is_some());
        let telling = Telling::begin(&site, &local).await;
        let shared = Shared {
            site,
            local,
            handle: watch::Sender::new(None),
            parts: watch::Sender::new(None),
            network: watch::Sender::new(None),
            phase: watch::Sender::new(executer.phase()),
            is_restarting: AtomicBool::new(false),
            telling,
        };
        let mut agent = Self {
            shared: Arc::new(shared),
            make,
            clock,
            mount: Disk::new(SHARED_THREADS_MAX),
            executer,
            deadline: None,
            flag: FlagWatch::default(),
            look_at_last: Time::ZERO,
            flag_seen: None,
            ended,
            connected: None,
            life: None,
            greeting,
        };
        // Connections come first: an operator at another server may want this one to be managed.
        if let Some(group) = copied
            && let Err(why) = agent.connect(&group).await
        {
            warn!(%why, "no connections yet");
        }
        agent
    }

    /// Steps the executer until it waits again, and carries out what it wants.
    async fn step(&mut self, input: ExecuterInput) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let step = self.executer.step(self.clock.now(), input);
            self.deadline = step.deadline;
            match step.output {
                None => {}
                Some(ExecuterOutput::CopyFromShared) => self.begin_copy(),
                Some(ExecuterOutput::StartPrograms { fresh }) => {
                    if let Err(why) = self.begin_life(fresh).await {
                        warn!(%why, "the management programs cannot start");
                        next = Some(ExecuterInput::Stopped);
                    }
                }
                Some(ExecuterOutput::StopPrograms) => match &self.life {
                    Some(life) => life.stop().await,
                    None => next = Some(ExecuterInput::Stopped),
                },
            }
        }
        let phase = self.executer.phase();
        self.shared.phase.send_if_modified(|shown| {
            let is_new = core::mem::discriminant(shown) != core::mem::discriminant(&phase);
            *shown = phase;
            is_new
        });
    }

    async fn due(&mut self, timer: ExecuterTimer) {
        let input = match timer {
            ExecuterTimer::Look => {
                self.feed_watchdog().await;
                self.look().await
            }
            ExecuterTimer::Copy => ExecuterInput::Deadline,
        };
        self.step(input).await;
    }

    /// The executer's deadline. A look is put off while there is nothing to see: it has led to all that it can
    /// lead to, and nothing was heard of a change since.
    fn next_deadline(&self) -> Option<ExecuterDeadline> {
        let mut deadline = self.deadline?;
        let is_settled = matches!(
            (self.executer.phase(), self.flag_seen),
            (ExecuterPhase::Running, Some(true)) | (ExecuterPhase::Idle, Some(false))
        );
        if deadline.timer == ExecuterTimer::Look && is_settled && self.flag.is_quiet() {
            deadline.at = deadline.at.max(self.look_at_last);
        }
        Some(deadline)
    }

    async fn look(&mut self) -> ExecuterInput {
        let (flag, is_unwatched) = (self.shared.site.flag(), self.flag.is_missing());
        let looked = self.shared.local.call(LOCAL_MAX, move || {
            let begun = is_unwatched.then(|| flag::watch(&flag));
            (begun, flag.try_exists())
        });
        self.look_at_last = self.clock.now() + look_at_least_every();
        let (begun, found) = looked.await.unzip();
        self.flag.looked(begun.flatten());
        self.flag_seen = found.and_then(Result::ok);
        match self.flag_seen {
            Some(present) => ExecuterInput::Flag { present },
            None => ExecuterInput::Deadline,
        }
    }

    /// The watchdog is fed while the driver answers.
    async fn feed_watchdog(&self) {
        if let Some(life) = &self.life {
            let answer = tokio::time::timeout(ANSWER_MAX, life.handle.status());
            if answer.await.is_err() {
                warn!("the driver does not answer");
                return;
            }
        }
        tell_systemd(&[sd_notify::NotifyState::Watchdog]);
    }

    fn begin_copy(&self) {
        let site = &self.shared.site;
        let (shared, copy, ring) = (site.shared.clone(), site.copy(), site.ring.clone());
        let (mount, ended) = (self.mount.clone(), self.ended.clone());
        tokio::spawn(async move {
            let copied = mount.call(Duration::MAX, move || store::copy(&shared, &copy, &ring));
            // The executer has its own patience; what is waited for here is the end, however late.
            let ok = match copied.await {
                Some(Ok(())) => true,
                Some(Err(why)) => {
                    warn!(%why, "the management data cannot be copied");
                    false
                }
                None => {
                    warn!("the shared area does not answer");
                    false
                }
            };
            let _ = ended.send(ExecuterInput::Copied { ok }).await;
        });
    }

    async fn life_ended(&mut self) {
        info!("the management programs have ended");
        self.life = None;
        self.shared.handle.send_replace(None);
        self.shared.parts.send_replace(None);
        self.step(ExecuterInput::Stopped).await;
    }

    async fn renew(&self) {
        let Some(connected) = &self.connected else {
            return;
        };
        match self.credentials(&connected.group).await {
            Ok(credentials) => {
                connected.network.renew(credentials);
                info!("the keys were read anew");
                expiry::tell(connected.network.certificate_end());
            }
            // The old ones still count, which is better than none.
            Err(why) => warn!(%why, "the keys cannot be read, the old ones stay"),
        }
    }

    async fn credentials(&self, group: &GroupData) -> Result<Credentials, Failure> {
        let (files, group) = (self.shared.site.tls.clone(), group.clone());
        let loaded = self
            .shared
            .local
            .call(LOCAL_MAX, move || Credentials::load(&files, &group));
        Ok(loaded.await.ok_or("the local disk does not answer")??)
    }
}
