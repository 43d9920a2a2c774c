//! The process beside the agent that ends what this server may no longer hold.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tetrarch_core::Span;
use tokio::io::{AsyncReadExt, Stdin};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::clock::since_boot;
use crate::holds::{self, Ending, Held};
use crate::parts::address::Addresses;
use crate::parts::qemu;

/// The longest pause between two looks at the file: a suspended machine wakes up within it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// For how long what has ended is ended again and again. Something that had begun before the end may put it
/// on once more just after.
const AGAIN_FOR: Span = Span::from_secs(5);

/// Pause between two of these.
const AGAIN_EVERY: Duration = Duration::from_millis(200);

/// Longest time for a program of the site's own.
const PROGRAM_MAX: Duration = Duration::from_secs(10);

/// Pause before a guard that has died is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// Keeps a guard process for as long as this value, and starts another one when it dies. The process goes on
/// for a while after this value is gone: until all that was held has ended.
#[derive(Debug)]
pub struct Keeper(JoinHandle<()>);

impl Keeper {
    /// Starts `program` with `arguments` as the guard. It must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let (program, arguments) = (program.to_owned(), arguments.to_vec());
        let mut child = spawn(&program, &arguments)?;
        Ok(Self(tokio::spawn(async move {
            loop {
                // Waiting for a child closes its standard input, unless somebody else has it.
                let _open = child.stdin.take();
                let ended = child.wait().await;
                warn!(?ended, "the guard has ended; another one is started");
                child = loop {
                    sleep(RESTART_PAUSE).await;
                    match spawn(&program, &arguments) {
                        Ok(child) => break child,
                        Err(why) => warn!(%why, "the guard cannot be started"),
                    }
                };
            }
        })))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The pipe to the guard closes with the task, and the guard sees that.
        self.0.abort();
    }
}

/// In a group of its own, so that a signal to the agent's is not for it.
fn spawn(program: &Path, arguments: &[String]) -> io::Result<tokio::process::Child> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Runs the guard of the holds in `folder` for the agent at the other end of standard input.
///
/// # Errors
///
/// When the system gives no threads.
pub fn run(folder: PathBuf) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(watch(folder, tokio::io::stdin()));
    // The thread that reads standard input is not waited for.
    runtime.shutdown_background();
    Ok(())
}

/// Ends what the file in `folder` says has ended, until whoever holds the other end of `agent` has gone and
/// everything that was held then has come to its end.
async fn watch(folder: PathBuf, mut agent: Stdin) {
    let mut alone_since = None;
    let gone = async move {
        let mut byte = [0];
        // Nothing is ever said; the end is what is waited for.
        while agent.read(&mut byte).await.is_ok_and(|read| read > 0) {}
    };
    tokio::pin!(gone);
    loop {
        let held = holds::held(&folder);
        let now = since_boot();
        for one in held.iter().filter(|one| has_just_ended(one, now)) {
            end(one.ending()).await;
        }
        if let Some(until) = alone_since
            && now > until
        {
            info!("the guard has nothing left to end");
            return;
        }
        tokio::select! {
            () = &mut gone, if alone_since.is_none() => {
                // Whatever is held longer than this is a newer agent's, which has a guard of its own.
                let last = held.iter().map(Held::until).max().unwrap_or(now);
                alone_since = Some(last.max(now) + AGAIN_FOR);
            }
            () = sleep(pause(&held, since_boot())) => {}
        }
    }
}

fn has_just_ended(held: &Held, now: Span) -> bool {
    held.until() <= now && now.saturating_sub(held.until()) <= AGAIN_FOR
}

/// The time until the next end, or the next look.
fn pause(held: &[Held], now: Span) -> Duration {
    if held.iter().any(|one| has_just_ended(one, now)) {
        return AGAIN_EVERY;
    }
    let ends = held.iter().map(Held::until).filter(|until| *until > now);
    let next = ends.map(|until| Duration::from_nanos(until.saturating_sub(now).as_nanos()));
    next.min().unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
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
