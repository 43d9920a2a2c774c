//! The connections to the other servers: mutual TLS 1.3 over TCP.
//!
//! Each server keeps a connection that it has begun itself to each other one, and takes theirs.
//! Either kind carries frames both ways, and what is sent takes the newest. So the answer to a server
//! that has just restarted goes over the connection that it has just made, and not into the old one,
//! whose end nobody has noticed yet.
//!
//! Messages of one server to another come in their order or not at all, whichever connection carries them:
//! each has a number, and what is older than what came already is dropped. Numbers begin anew with each life
//! of an agent, which the first frame of a connection names.

mod connection;
pub mod frame;
pub mod greeting;
#[cfg(test)]
mod tests;
pub mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tetrarch_core::{Message, SERVERS_MAX, ServerId, Version};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::driver::Handle;
use crate::link::{Peers, Request, Spoken};
use crate::parts::Failure;
use crate::report::Report;
use frame::Frame;
use greeting::{Difference, Greeting};
use tls::Credentials;

/// Longest time for a connection and its handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// How long what was sent may stay unacknowledged, before the connection counts as dead.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// The pause before the next attempt, doubled after each failure.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// How many strangers may be at their handshakes at once.
const HANDSHAKES_MAX: usize = 32;

/// How long a driver may take to say how things stand.
const REPORT_MAX: Duration = Duration::from_secs(1);

/// How many connections one peer may have: each side's own, and each side's last, whose end was not
/// noticed.
const CONNECTIONS_MAX: usize = 4;

/// Where the servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// This server.
    pub me: ServerId,
    /// Each server's address and port, in ring order.
    pub servers: Vec<SocketAddr>,
}

/// A request of a manager, to be carried out and answered.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub from: ServerId,
    /// What for.
    pub request: Request,
    number: u32,
    answer: mpsc::Sender<Frame>,
}

impl Asked {
    /// Answers the request; whoever asked may have gone.
    pub fn answer(self, done: bool) {
        let number = self.number;
        let _ = self.answer.try_send(Frame::Answer { number, done });
    }
}

/// Where what comes over the connections goes.
#[derive(Clone, Debug)]
pub struct Arrivals {
    /// The driver that messages are for; none while the management programs are stopped.
    pub handle: watch::Receiver<Option<Handle>>,
    /// Whoever carries requests out. A request that does not fit in is refused.
    pub asked: mpsc::Sender<Asked>,
}

impl Arrivals {
    /// How things stand on this server; none when its driver does not answer.
    pub(crate) async fn report(&self) -> Option<Report> {
        let handle = self.handle.borrow().clone();
        match handle {
            None => Some(Report::STOPPED),
            Some(handle) => {
                let status = timeout(REPORT_MAX, handle.status()).await.ok()?;
                // A driver that has just ended has stopped its programs.
                Some(status.as_ref().map_or(Report::STOPPED, Report::of))
            }
        }
    }
}

/// Why a request was not granted.
#[derive(Debug, Error)]
enum RequestError {
    #[error("{0} cannot be reached")]
    Unreachable(ServerId),
    #[error("{0} went away before it answered")]
    Gone(ServerId),
    #[error("{0} refused or failed")]
    Refused(ServerId),
}

/// The connections of one server.
#[derive(Clone, Debug)]
pub struct Network {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    credentials: RwLock<Credentials>,
    greeting: Greeting,
    peers: [Mutex<Peer>; SERVERS_MAX],
    spoken: watch::Sender<Spoken>,
}

/// What is known of one peer's connections.
#[derive(Debug, Default)]
struct Peer {
    /// Counts connections and requests.
    number: u32,
    /// The newest last.
    connections: Vec<Connection>,
    /// Requests without an answer, by number.
    asked: BTreeMap<u32, Waiting>,
    /// The last message that was sent to it.
    sent: u64,
    /// The life of its agent, and the last message that came from it.
    life: u64,
    heard: u64,
    /// What was wrong with its settings when it was last told to the log.
    different: Option<Difference>,
}

#[derive(Debug)]
struct Connection {
    number: u32,
    version: Version,
    send: mpsc::Sender<Frame>,
    /// Dropped to end the connection.
    _keep: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Waiting {
    /// The connection that the answer must come over.
    connection: u32,
    answer: oneshot::Sender<Reply>,
}

/// What comes back for a request or a question.
#[derive(Clone, Copy, Debug)]
enum Reply {
    Done(bool),
    Report(Report),
}

/// Poison is no harm here: nothing is left half changed by a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn peer(&self, peer: ServerId) -> MutexGuard<'_, Peer> {
        locked(&self.peers[peer.index()])
    }

    fn credentials(&self) -> Credentials {
        let read = self.credentials.read();
        read.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares the settings of a peer with this server's, and says to the log what differs, once. Gives the version
    /// of the protocol that both speak.
    fn compare(&self, peer: ServerId, greeting: &Greeting) -> Result<Version, Difference> {
        let agreed = self.greeting.settings.agreed(&greeting.settings);
        let different = agreed.err();
        let mut state = self.peer(peer);
        if let Some(difference) = different
            && state.different != different
        {
            warn!(%peer, %difference, "refused: the members of a group must have the same settings");
        }
        state.different = different;
        agreed
    }

    /// A new connection with an agent in the life that it greets with; it has been replaced when the receiver
    /// ends. None while an agent in a later life is connected: what came from the earlier one would be out
    /// of order.
    fn add(
        &self,
        peer: ServerId,
        send: mpsc::Sender<Frame>,
        version: Version,
        life: u64,
    ) -> Option<(u32, oneshot::Receiver<()>)> {
        let mut state = self.peer(peer);
        if life != state.life {
            if life < state.life && !state.connections.is_empty() {
                return None;
            }
            // Also when the date went back: nobody else of that server is there any more.
            (state.life, state.heard) = (life, 0);
            state.connections.clear();
        }
        state.number = state.number.wrapping_add(1);
        let number = state.number;
        let (keep, replaced) = oneshot::channel();
        state.connections.push(Connection {
            number,
            version,
            send,
            _keep: keep,
        });
        if state.connections.len() > CONNECTIONS_MAX {
            state.connections.remove(0);
        }
        self.spoken
            .send_if_modified(|spoken| spoken.set(peer, version));
        Some((number, replaced))
    }

    /// Whether a message is newer than all that came before it from the same life of its sender.
    fn is_in_order(&self, peer: ServerId, life: u64, sequence: u64) -> bool {
        let mut state = self.peer(peer);
        let is_newer = state.life == life && sequence > state.heard;
        if is_newer {
            state.heard = sequence;
        }
        is_newer
    }

    fn remove(&self, peer: ServerId, number: u32) {
        let mut state = self.peer(peer);
        state.connections.retain(|one| one.number != number);
        state
            .asked
            .retain(|_, waiting| waiting.connection != number);
    }

    fn answered(&self, peer: ServerId, number: u32, reply: Reply) {
        if let Some(waiting) = self.peer(peer).asked.remove(&number) {
            // Whoever asked may have given up.
            let _ = waiting.answer.send(reply);
        }
    }
}

impl Network {
    /// The connections of a server that has none yet, and that greets with `greeting`.
    #[must_use]
    pub fn new(credentials: Credentials, greeting: Greeting) -> Self {
        Self {
            inner: Arc::new(Inner {
                credentials: RwLock::new(credentials),
                greeting,
                peers: Default::default(),
                spoken: watch::Sender::default(),
            }),
        }
    }

    /// Goes on with other credentials. All connections are made anew, so that a certificate that no
    /// longer counts ends with them.
    pub fn renew(&self, credentials: Credentials) {
        let mut current = self
            .inner
            .credentials
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = credentials;
        drop(current);
        for peer in &self.inner.peers {
            locked(peer).connections.clear();
        }
    }

    /// Asks `to` how things stand there; ends with its answer.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or goes away before it has answered.
    pub async fn report(&self, to: ServerId) -> Result<Report, Failure> {
        match self.ask(to, |number| Frame::Question { number })?.await {
            Ok(Reply::Report(report)) => Ok(report),
            Ok(Reply::Done(_)) => Err(RequestError::Refused(to).into()),
            Err(_) => Err(RequestError::Gone(to).into()),
        }
    }

    /// Sends what `frame` makes of a new number; gives the way on which its answer comes.
    fn ask(
        &self,
        to: ServerId,
        frame: impl FnOnce(u32) -> Frame,
    ) -> Result<oneshot::Receiver<Reply>, RequestError> {
        let mut state = self.inner.peer(to);
        state.number = state.number.wrapping_add(1);
        let number = state.number;
        let newest = state.connections.last();
        let newest = newest.ok_or(RequestError::Unreachable(to))?;
        let connection = newest.number;
        let sent = newest.send.try_send(frame(number));
        sent.map_err(|_| RequestError::Unreachable(to))?;
        // Answers that nobody waits for any more would pile up on a connection that lives long.
        state.asked.retain(|_, waiting| !waiting.answer.is_closed());
        let (answer, answered) = oneshot::channel();
        state.asked.insert(number, Waiting { connection, answer });
        Ok(answered)
    }

    /// Makes and takes connections, until it is dropped.
    pub async fn run(&self, addresses: Addresses, arrivals: Arrivals) {
        let mut tasks = JoinSet::new();
        for (place, address) in addresses.servers.iter().enumerate() {
            match ServerId::new(place) {
                Some(peer) if peer != addresses.me => {
                    let (inner, arrivals) = (Arc::clone(&self.inner), arrivals.clone());
                    tasks.spawn(dial(inner, arrivals, peer, *address));
                }
                _ => {}
            }
        }
        if let Some(address) = addresses.servers.get(addresses.me.index()) {
            let listener = listen(*address).await;
            take(&self.inner, &arrivals, &listener, &mut tasks).await;
        }
    }
}

impl Peers for Network {
    fn send(&self, to: ServerId, message: Message) {
        let mut state = self.inner.peer(to);
        state.sent += 1;
        let sequence = state.sent;
        // A node that has not heard yet which version the other one speaks may say what that does not know.
        if let Some(newest) = state.connections.last()
            && let Some(message) = message.in_version(newest.version)
        {
            // What does not fit would be late.
            let _ = newest.send.try_send(Frame::Message { sequence, message });
        }
    }

    fn spoken(&self) -> watch::Receiver<Spoken> {
        self.inner.spoken.subscribe()
    }

    async fn request(&self, to: ServerId, request: Request) -> Result<(), Failure> {
        match self.ask(to, |number| Frame::Ask { number, request })?.await {
            Ok(Reply::Done(true)) => Ok(()),
            Ok(Reply::Done(false) | Reply::Report(_)) => Err(RequestError::Refused(to).into()),
            Err(_) => Err(RequestError::Gone(to).into()),
        }
    }
}

/// A listener at `address`, as soon as the address is there.
async fn listen(address: SocketAddr) -> TcpListener {
    let mut is_told = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(why) if !is_told => {
                warn!(%address, %why, "cannot listen yet");
                is_told = true;
            }
            Err(_) => {}
        }
        sleep(RETRY_MAX).await;
    }
}

async fn take(
    inner: &Arc<Inner>,
    arrivals: &Arrivals,
    listener: &TcpListener,
    tasks: &mut JoinSet<()>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        while tasks.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(why) => {
                // For example no file descriptor is left; that passes, or is not ours to mend.
                warn!(%why, "cannot accept a connection");
                sleep(RETRY_MIN).await;
                continue;
            }
        };
        let Ok(handshake) = Arc::clone(&handshakes).try_acquire_owned() else {
            debug!("too many strangers at once");
            continue;
        };
        let (inner, arrivals) = (Arc::clone(inner), arrivals.clone());
        tasks.spawn(async move {
            let taken = timeout(HANDSHAKE_MAX, accept(&inner, stream)).await;
            drop(handshake);
            match taken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok((peer, stream)) => {
                    let why = connection::run(&inner, &arrivals, peer, stream).await;
                    debug!(%peer, %why, "a taken connection has ended");
                }
                Err(why) => debug!(%why, "a stranger was refused"),
            }
        });
    }
}

type Accepted = tokio_rustls::server::TlsStream<TcpStream>;

async fn accept(inner: &Inner, stream: TcpStream) -> io::Result<(ServerId, Accepted)> {
    set_up(&stream)?;
    let credentials = inner.credentials();
    let stream = credentials.acceptor().accept(stream).await?;
    let certificate = stream.get_ref().1.peer_certificates();
    let who = certificate.and_then(|chain| credentials.who(chain.first()?));
    let peer =
        who.ok_or_else(|| io::Error::other("its certificate names no server of the group"))?;
    Ok((peer, stream))
}

/// Keeps a connection to `peer`.
async fn dial(inner: Arc<Inner>, arrivals: Arrivals, peer: ServerId, address: SocketAddr) {
    let mut pause = RETRY_MIN;
    loop {
        let connected = timeout(HANDSHAKE_MAX, connect(&inner, peer, address)).await;
        match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                let since = Instant::now();
                info!(%peer, %address, "connected");
                let why = connection::run(&inner, &arrivals, peer, stream).await;
                info!(%peer, %why, "disconnected");
                if since.elapsed() > RETRY_MAX {
                    pause = RETRY_MIN;
                }
            }
            Err(why) => debug!(%peer, %address, %why, "cannot connect"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

async fn connect(
    inner: &Inner,
    peer: ServerId,
    address: SocketAddr,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    set_up(&stream)?;
    let credentials = inner.credentials();
    let stranger = || io::Error::other("no server of the group");
    let name = credentials.name(peer).ok_or_else(stranger)?;
    credentials.connector().connect(name, stream).await
}

/// Small frames go at once, and a peer that is gone is noticed, whether or not anything is sent.
fn set_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(1))
        .with_interval(Duration::from_secs(1))
        .with_retries(3);
    socket.set_tcp_keepalive(&probes)?;
    socket.set_tcp_user_timeout(Some(SILENCE_MAX))
}
