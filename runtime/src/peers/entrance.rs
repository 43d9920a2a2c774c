//! Taking connections: who is let in, and how many may ask at once.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tetrarch_core::ServerId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::{
    Addresses, Arrivals, HANDSHAKE_MAX, Inner, RETRY_MAX, RETRY_MIN, SAY_EVERY, connection, locked,
    set_up,
};

/// How many may be at their handshakes at once: as many from the addresses of the group, and as many from all
/// others. So whoever fills the places of strangers keeps no member out.
pub(super) const HANDSHAKES_MAX: usize = 32;

/// A listener at `address`, as soon as the address is there.
pub(super) async fn listen(address: SocketAddr) -> TcpListener {
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

/// Who may be at his handshake, and what was said of those who were refused.
#[derive(Debug)]
pub(super) struct Entrance {
    members: Vec<IpAddr>,
    for_members: Arc<Semaphore>,
    for_strangers: Arc<Semaphore>,
    refused: Arc<Refused>,
}

impl Entrance {
    pub(super) fn new(addresses: &Addresses) -> Self {
        Self {
            members: addresses.servers.iter().map(SocketAddr::ip).collect(),
            for_members: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            for_strangers: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            refused: Arc::default(),
        }
    }

    /// A place for a handshake with `from`; none while all are taken.
    fn place(&self, from: IpAddr) -> Option<OwnedSemaphorePermit> {
        let places = if self.members.contains(&from) {
            &self.for_members
        } else {
            &self.for_strangers
        };
        Arc::clone(places).try_acquire_owned().ok()
    }
}

/// Those who were refused at the door. There may be any number, and the log is no place for each.
#[derive(Debug, Default)]
struct Refused(Mutex<(u64, Option<Instant>)>);

impl Refused {
    fn tell(&self, from: SocketAddr, why: &dyn fmt::Display) {
        let mut state = locked(&self.0);
        let (unsaid, said) = &mut *state;
        if said.is_some_and(|said| said.elapsed() < SAY_EVERY) {
            *unsaid += 1;
            debug!(%from, %why, "refused");
            return;
        }
        warn!(%from, %why, and_others_before = *unsaid, "refused: it could not show that it is a server of this group");
        (*unsaid, *said) = (0, Some(Instant::now()));
    }
}

pub(super) async fn take(
    inner: &Arc<Inner>,
    arrivals: &Arrivals,
    listener: &TcpListener,
    entrance: &Entrance,
    tasks: &mut JoinSet<()>,
) {
    loop {
        while tasks.try_join_next().is_some() {}
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(why) => {
                // For example no file descriptor is left; that passes, or is not ours to mend.
                warn!(%why, "cannot accept a connection");
                sleep(RETRY_MIN).await;
                continue;
            }
        };
        let Some(handshake) = entrance.place(from.ip()) else {
            entrance.refused.tell(from, &"too many at once");
            continue;
        };
        let (inner, arrivals) = (Arc::clone(inner), arrivals.clone());
        let refused = Arc::clone(&entrance.refused);
        tasks.spawn(async move {
            let taken = timeout(HANDSHAKE_MAX, accept(&inner, stream)).await;
            drop(handshake);
            match taken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok((peer, stream)) => {
                    let why = connection::run(&inner, &arrivals, peer, stream).await;
                    debug!(%peer, %why, "a taken connection has ended");
                }
                Err(why) => refused.tell(from, &why),
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
