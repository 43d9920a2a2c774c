//! The control socket: what an operator on this server may ask its agent.
//!
//! A question is one line of JSON, an [`Ask`]; the answers are lines of JSON, each an [`Answer`]. The
//! socket belongs to the user of the agent and to the group `tetrarch`, if there is one; nobody else may
//! use it.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tetrarch_core::ServerId;
use tetrarch_core::executer::ExecuterPhase;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{AgentError, LOCAL_MAX, Shared, ordering, requests, telling};
use crate::happened::Happened;
use crate::journal::{Entry, read_after};
use crate::link::{Peers, Request};
use crate::orders::{Standing, Wanted, Word};
use crate::overview::Overview;
use crate::parts::Parts;
use crate::status::Status;

/// The group whose members may ask what the agent's own user may.
const OPERATORS: &str = "tetrarch";

/// The longest question in bytes.
const ASK_BYTES_MAX: u64 = 1024;

/// How many may ask at once.
const ASKING_MAX: usize = 16;

/// How long a question may take to come, and another server to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How do things stand?
    Status,
    /// How do things stand on every server of the ring?
    Ring,
    /// How do things stand, as Prometheus reads it?
    Metrics,
    /// What happens from now on?
    Events,
    /// What is in the journal?
    Journal {
        /// From then on, in milliseconds since 1970.
        since_unix_ms: u64,
        /// Whether what comes is told, too.
        follow: bool,
    },
    /// Create or remove flag files.
    Flag {
        /// Whether the file shall be there.
        present: bool,
        /// On all servers of the group, not on this one alone.
        all: bool,
    },
    /// Give an order.
    Order {
        /// The order.
        order: Wanted<String>,
        /// For how many milliseconds at most it is followed until it is carried out; not at all when
        /// that is left out.
        wait_ms: Option<u64>,
    },
}

/// A line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// How things stand.
    Status {
        /// The host names in ring order.
        ring: Vec<String>,
        /// What the executer is busy with.
        executer: String,
        /// How things stand; none while the management programs are stopped.
        status: Option<Status>,
    },
    /// How things stand on every server of the ring.
    Ring(Overview),
    /// The metrics.
    Metrics {
        /// In the text format of Prometheus.
        text: String,
    },
    /// An entry of the journal.
    Entry(Entry),
    /// Something happened.
    Event {
        /// Seconds since the agent's start.
        at_s: f64,
        /// What.
        #[serde(flatten)]
        happened: Happened,
    },
    /// So many events were missed, because they were not read fast enough.
    Missed {
        /// How many.
        events: u64,
    },
    /// What became of one server's flag file.
    Flag {
        /// The server.
        server: String,
        /// Whether it was done.
        done: bool,
    },
    /// How far an order has come.
    Order(Word),
    /// The question cannot be answered.
    Error {
        /// Why.
        why: String,
    },
}

/// The socket at which questions come.
pub(super) struct Control {
    listener: UnixListener,
}

impl Control {
    /// Makes the socket at `path`, in the place of one whose agent has ended.
    pub(super) fn bind(path: &Path) -> Result<Self, AgentError> {
        let refuse = |source| AgentError::Socket {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(refuse)?;
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            let source = io::Error::new(
                io::ErrorKind::AddrInUse,
                "another agent of this server runs",
            );
            return Err(refuse(source));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refuse(error)),
            _ => {}
        }
        // Made under another name and then renamed, so that nobody can ask before the mode is set.
        let beside = path.with_extension("new");
        let _ = fs::remove_file(&beside);
        let listener = UnixListener::bind(&beside).map_err(refuse)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).map_err(refuse)?;
        open_to_operators(&beside);
        fs::rename(&beside, path).map_err(refuse)?;
        Ok(Self { listener })
    }

    /// Answers questions.
    pub(super) async fn serve<P: Parts>(self, shared: Arc<Shared<P>>) {
        let asking = Arc::new(Semaphore::new(ASKING_MAX));
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(why) => {
                    warn!(%why, "cannot take a question");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&asking).try_acquire_owned() else {
                continue;
            };
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                if let Err(why) = answer(&shared, stream).await {
                    debug!(%why, "whoever asked has gone");
                }
                drop(place);
            });
        }
    }
}

/// Lets the members of the group of operators use the socket at `path`, where there is such a group.
fn open_to_operators(path: &Path) {
    let Ok(Some(group)) = nix::unistd::Group::from_name(OPERATORS) else {
        return;
    };
    let opened = std::os::unix::fs::chown(path, None, Some(group.gid.as_raw()))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o660)));
    if let Err(why) = opened {
        // It then stays with the agent's own user.
        warn!(%why, "the group {OPERATORS} cannot use the control socket");
    }
}

async fn say(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

async fn answer<P: Parts>(shared: &Shared<P>, mut stream: UnixStream) -> io::Result<()> {
    let mut line = String::new();
    let mut source = tokio::io::BufReader::new((&mut stream).take(ASK_BYTES_MAX));
    timeout(PATIENCE, source.read_line(&mut line)).await??;
    match serde_json::from_str(&line) {
        Ok(Ask::Status) => {
            let handle = shared.handle.borrow().clone();
            let status = match handle {
                Some(handle) => handle.status().await,
                None => None,
            };
            let executer = phase_name(*shared.phase.borrow()).to_owned();
            let ring = ring(shared);
            let answer = Answer::Status {
                ring,
                executer,
                status,
            };
            say(&mut stream, &answer).await
        }
        Ok(Ask::Ring) => {
            let look = telling::look(shared).await;
            say(&mut stream, &Answer::Ring(look.overview)).await
        }
        Ok(Ask::Metrics) => {
            let text = telling::metrics(shared).await;
            say(&mut stream, &Answer::Metrics { text }).await
        }
        Ok(Ask::Journal {
            since_unix_ms,
            follow,
        }) => entries(shared, &mut stream, since_unix_ms, follow).await,
        Ok(Ask::Events) => events(shared, &mut stream).await,
        Ok(Ask::Flag { present, all }) => flags(shared, &mut stream, present, all).await,
        Ok(Ask::Order { order, wait_ms }) => ordered(shared, &mut stream, order, wait_ms).await,
        Err(error) => {
            let why = format!("expected a question such as {{\"ask\":\"status\"}}: {error}");
            say(&mut stream, &Answer::Error { why }).await
        }
    }
}

pub(super) const fn phase_name(phase: ExecuterPhase) -> &'static str {
    match phase {
        ExecuterPhase::Off => "off",
        ExecuterPhase::Idle => "stopped",
        ExecuterPhase::Copying { .. } => "copying",
        ExecuterPhase::Running => "running",
        ExecuterPhase::Stopping => "stopping",
    }
}

pub(super) fn ring<P>(shared: &Shared<P>) -> Vec<String> {
    shared.site.ring.iter().map(ToString::to_string).collect()
}

/// Tells events until whoever asked goes away, over the lives of the management programs.
async fn events<P: Parts>(shared: &Shared<P>, stream: &mut UnixStream) -> io::Result<()> {
    let mut handles = shared.handle.subscribe();
    loop {
        let handle = handles.borrow_and_update().clone();
        if let Some(handle) = handle {
            let mut events = handle.events();
            // The handle itself would keep the events from ending with their driver.
            drop(handle);
            loop {
                let answer = tokio::select! {
                    () = gone(stream) => return Ok(()),
                    _ = handles.changed() => break,
                    noted = events.recv() => match noted {
                        Ok(noted) => Answer::Event {
                            at_s: noted.at.as_secs_f64(),
                            happened: Happened::new(
                                &noted.event,
                                shared.site.me,
                                &shared.site.ring,
                            ),
                        },
                        Err(RecvError::Lagged(events)) => Answer::Missed { events },
                        Err(RecvError::Closed) => break,
                    },
                };
                say(stream, &answer).await?;
            }
        } else if handles.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Tells what is in the journal, and with `follow` what comes, until whoever asked goes away.
async fn entries<P: Parts>(
    shared: &Shared<P>,
    stream: &mut UnixStream,
    since_unix_ms: u64,
    follow: bool,
) -> io::Result<()> {
    let Some(journal) = shared.telling.journal.clone() else {
        let why = "no journal is kept; the agent's log says why".to_owned();
        return say(stream, &Answer::Error { why }).await;
    };
    let (mut grown, mut after) = (journal.last(), 0);
    loop {
        grown.mark_unchanged();
        let folder = journal.folder().to_owned();
        let read = shared
            .local
            .call(LOCAL_MAX, move || read_after(&folder, after));
        let batch = match read.await {
            Some(Ok(batch)) => batch,
            Some(Err(why)) => {
                let why = why.to_string();
                return say(stream, &Answer::Error { why }).await;
            }
            None => return Err(io::ErrorKind::TimedOut.into()),
        };
        let last = batch.entries.last().map(|entry| entry.number);
        for entry in batch.entries {
            if entry.unix_ms >= since_unix_ms {
                say(stream, &Answer::Entry(entry)).await?;
            }
        }
        match last {
            Some(last) => after = last,
            None if !follow => return Ok(()),
            None => tokio::select! {
                () = gone(stream) => return Ok(()),
                changed = grown.changed() => if changed.is_err() {
                    return Ok(());
                },
            },
        }
    }
}

/// Ends when whoever asked has gone, so that nobody is told who does not listen any more.
async fn gone(stream: &mut UnixStream) {
    // Nothing more is expected, so anything that comes is as good as an end.
    let _ = stream.read(&mut [0]).await;
}

async fn flags<P: Parts>(
    shared: &Shared<P>,
    stream: &mut UnixStream,
    present: bool,
    all: bool,
) -> io::Result<()> {
    let (names, me) = (ring(shared), shared.site.me);
    let network = shared.network.borrow().clone();
    // The others first: this server's own programs are the way to them.
    let others = me.after(names.len()).filter(|_| all);
    for server in others.chain([me]) {
        let done = if server == me {
            requests::set_flag(shared, present).await.is_ok()
        } else {
            ask_for_flag(network.as_ref(), server, present).await
        };
        let server = names[server.index()].clone();
        say(stream, &Answer::Flag { server, done }).await?;
    }
    Ok(())
}

async fn ask_for_flag(
    network: Option<&crate::peers::Network>,
    server: ServerId,
    present: bool,
) -> bool {
    let Some(network) = network else {
        return false;
    };
    let asking = network.request(server, Request::SetFlag { present });
    timeout(PATIENCE, asking)
        .await
        .is_ok_and(|done| done.is_ok())
}

/// Gives an order and tells what becomes of it, until whoever gave it goes away. The order stands then.
async fn ordered<P: Parts>(
    shared: &Shared<P>,
    stream: &mut UnixStream,
    order: Wanted<String>,
    wait_ms: Option<u64>,
) -> io::Result<()> {
    let wanted = match ordering::placed(order, &shared.site.ring) {
        Ok(wanted) => wanted,
        Err(why) => return say(stream, &Answer::Error { why }).await,
    };
    let word = ordering::give(shared, &wanted).await;
    let is_followed = word.standing == Standing::Given;
    say(stream, &Answer::Order(word)).await?;
    let Some(wait_ms) = wait_ms.filter(|_| is_followed) else {
        return Ok(());
    };
    let limit = Duration::from_millis(wait_ms);
    let word = tokio::select! {
        () = gone(stream) => return Ok(()),
        word = ordering::follow(shared, &wanted, limit) => word,
    };
    say(stream, &Answer::Order(word)).await
}

/// Asks the agent whose control socket is at `socket`; gives its answers as they come.
///
/// # Errors
///
/// When there is no agent, or it may not be asked.
pub fn ask(
    socket: &Path,
    ask: &Ask,
) -> io::Result<impl Iterator<Item = io::Result<Answer>> + use<>> {
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let answers = BufReader::new(stream).lines();
    Ok(answers.map(|line| Ok(serde_json::from_str(&line?)?)))
}
