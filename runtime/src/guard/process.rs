//! The process beside the agent that ends what this server may no longer hold.

use std::io::{self, PipeWriter, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};
use tetrarch_core::{Span, Time};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::clock::{Alarm, BootClock, since_boot};
use crate::holds::{self, Ending, Held};
use crate::parts::address::Addresses;
use crate::parts::qemu;

/// The longest pause between two looks at the file. Nothing depends on it: the guard looks when it is told to, and
/// when an end that it knows of has come.
const LOOK_EVERY: Span = Span::from_secs(10);

/// For how long what has ended is ended again and again. Something that had begun before the end may put it
/// on once more just after.
const AGAIN_FOR: Span = Span::from_secs(5);

/// Pause between two of these.
const AGAIN_EVERY: Span = Span::from_millis(200);

/// Pause before a file that could not be read is looked at again.
const UNREAD_PAUSE: Span = Span::from_millis(500);

/// Longest time for a program of the site's own.
const PROGRAM_MAX: Duration = Duration::from_secs(10);

/// Pause before a guard that has died is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// Keeps a guard process for as long as this value, and starts another one when it dies. The process goes on
/// for a while after this value is gone: until all that was held has ended.
#[derive(Debug)]
pub struct Keeper {
    task: JoinHandle<()>,
    bell: Arc<Bell>,
}

/// The way to a guard: it looks when a byte comes over it, and knows by its end that the agent has gone.
#[derive(Debug, Default)]
struct Bell(Mutex<Option<PipeWriter>>);

impl Bell {
    fn set(&self, way: Option<PipeWriter>) {
        // The value is whole whoever panicked while it was held.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    fn ring(&self) {
        let way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut way) = way.as_ref() {
            // A pipe that is full has told it already, and a guard that has died leaves a new one, which looks.
            let _ = way.write(&[0]);
        }
    }
}

impl Keeper {
    /// Starts `program` with `arguments` as the guard. It must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let (program, arguments) = (program.to_owned(), arguments.to_vec());
        let bell = Arc::new(Bell::default());
        let mut child = spawn(&program, &arguments, &bell)?;
        let kept = Arc::clone(&bell);
        let task = tokio::spawn(async move {
            loop {
                let ended = child.wait().await;
                warn!(?ended, "the guard has ended; another one is started");
                child = loop {
                    sleep(RESTART_PAUSE).await;
                    match spawn(&program, &arguments, &kept) {
                        Ok(child) => break child,
                        Err(why) => warn!(%why, "the guard cannot be started"),
                    }
                };
            }
        });
        Ok(Self { task, bell })
    }

    /// Lets the guard look at the file of the holds. It does not wait for that, nor for anything else.
    pub fn ring(&self) {
        self.bell.ring();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
        // The guard sees the end of the pipe.
        self.bell.set(None);
    }
}

/// In a group of its own, so that a signal to the agent's is not for it.
fn spawn(program: &Path, arguments: &[String], bell: &Bell) -> io::Result<Child> {
    let (told, way) = io::pipe()?;
    // Whoever rings waits for nobody, a guard that stands still included.
    fcntl_setfl(&way, OFlags::NONBLOCK)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(told))
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()?;
    bell.set(Some(way));
    Ok(child)
}

/// Runs the guard of the holds in `folder` for the agent at the other end of standard input.
///
/// # Errors
///
/// When standard input is no pipe, or the kernel does not tell which boot this is.
pub fn run(folder: PathBuf) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let boot = holds::boot_id()?;
    runtime.block_on(async {
        let agent = io::stdin().as_fd().try_clone_to_owned()?;
        watch(&folder, &boot, &pipe::Receiver::from_owned_fd(agent)?).await;
        Ok(())
    })
}

/// What comes from the agent.
enum Heard {
    /// The file has to be looked at.
    Ring,
    /// Whoever held the other end of the pipe has gone.
    End,
}

/// The next thing that comes from `agent`; several rings at once are one.
async fn hear(agent: &pipe::Receiver) -> Heard {
    let mut bytes = [0; 64];
    loop {
        // What cannot be waited for or read is the end: a guard that heard nothing more would stay for ever.
        if agent.readable().await.is_err() {
            return Heard::End;
        }
        match agent.try_read(&mut bytes) {
            Ok(0) => return Heard::End,
            Ok(_) => return Heard::Ring,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Heard::End,
        }
    }
}

/// Ends what the file in `folder` says has ended in this `boot`, until whoever holds the other end of `agent` has
/// gone and everything that was held then has come to its end.
async fn watch(folder: &Path, boot: &str, agent: &pipe::Receiver) {
    let mut alarm = Alarm::new(BootClock);
    let mut alone_since = None;
    let mut held = Vec::new();
    loop {
        let mut look_within = LOOK_EVERY;
        match holds::held(folder, boot) {
            Ok(found) => held = found,
            Err(why) => {
                // What is known stays in force.
                warn!(%why, "what is held cannot be read");
                look_within = UNREAD_PAUSE;
            }
        }
        let now = since_boot();
        for one in held.iter().filter(|one| has_just_ended(one, now)) {
            end(one.ending()).await;
        }
        if let Some(until) = alone_since
            && now >= until
        {
            info!("the guard has nothing left to end");
            return;
        }
        let now = since_boot();
        let next = next_look(&held, now).min(now + look_within);
        let next = alone_since.map_or(next, |until: Span| next.min(until));
        tokio::select! {
            heard = hear(agent), if alone_since.is_none() => if matches!(heard, Heard::End) {
                // Whatever is held longer than this is a newer agent's, which has a guard of its own.
                let last = held.iter().map(Held::until).max().unwrap_or(now);
                alone_since = Some(last.max(now) + AGAIN_FOR);
            },
            () = alarm.wait(Time::ZERO + next) => {}
        }
    }
}

fn has_just_ended(held: &Held, now: Span) -> bool {
    held.until() <= now && now.saturating_sub(held.until()) <= AGAIN_FOR
}

/// When the next thing ends, or is ended once more.
fn next_look(held: &[Held], now: Span) -> Span {
    if held.iter().any(|one| has_just_ended(one, now)) {
        return now + AGAIN_EVERY;
    }
    let ends = held.iter().map(Held::until).filter(|until| *until > now);
    ends.min().unwrap_or(Span::MAX)
}

async fn end(ending: &Ending) {
    match ending {
        Ending::Address(address) => {
            let removed = async { Addresses::open()?.remove(*address).await };
            match removed.await {
                Ok(true) => warn!(%address, "taken off: its hold has ended"),
                Ok(false) => {}
                Err(why) => warn!(%address, %why, "cannot be taken off"),
            }
        }
        Ending::Kill(folder) => match qemu::kill(folder) {
            Ok(true) => warn!(folder = %folder.display(), "killed: its hold has ended"),
            Ok(false) => {}
            Err(why) => warn!(folder = %folder.display(), %why, "cannot be killed"),
        },
        Ending::Program {
            program,
            arguments,
            data,
        } => {
            let done = Command::new(program)
                .args(arguments)
                .env("TETRARCH_DATA", data)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .status();
            match timeout(PROGRAM_MAX, done).await {
                Ok(Ok(status)) if status.success() => {}
                failed => {
                    warn!(program = %program.display(), ?arguments, ?failed, "did not end it")
                }
            }
        }
    }
}
