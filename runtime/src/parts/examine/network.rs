//! Whether a server's network answers: ICMP echo, and ARP.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::parts::address::{Interface, Link, LinkError, Statement};

/// How often a server is asked within one examination. One lost packet must not look like trouble.
const ATTEMPTS: u32 = 4;

/// What is sent with each echo request, as `ping` sends: 56 bytes.
const PAYLOAD: [u8; 56] = *b"tetrarch examines the network of this server; reply, plz";

/// How a server's network is examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkMethod {
    /// ICMP echo: the server must answer to it.
    Echo,
    /// ARP, or neighbour solicitation for IPv6: the server must be on the network of the interface.
    /// It answers even behind a packet filter, because it could not be reached at all otherwise.
    Neighbour(Interface),
    /// Both at once; one answer is enough.
    Either(Interface),
}

/// Why a network could not be examined. It says something about this host, not about the server.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// No socket for ICMP: the capability `CAP_NET_RAW` is missing, and the group is not in
    /// `net.ipv4.ping_group_range` either.
    #[error("cannot open a socket for ICMP: {0}")]
    Socket(#[source] io::Error),
    /// An echo request could not be sent: there is no route, or the interface is down.
    #[error("cannot send an echo request to {target}: {source}")]
    Send {
        /// The examined address.
        target: IpAddr,
        /// What the system said.
        source: surge_ping::SurgeError,
    },
    /// Frames cannot be sent or received.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Examines networks. One is enough for any number of examinations at once.
pub struct Network {
    v4: Client,
    /// Missing where the kernel has no IPv6.
    v6: Option<Client>,
    /// Tells the examinations of one client from each other.
    sequence: AtomicU16,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Opens the sockets. It must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system allows neither raw sockets nor ping sockets.
    pub fn open() -> Result<Self, NetworkError> {
        let client = |kind| Client::new(&Config::builder().kind(kind).build());
        Ok(Self {
            v4: client(ICMP::V4).map_err(NetworkError::Socket)?,
            v6: client(ICMP::V6).ok(),
            sequence: AtomicU16::new(0),
        })
    }

    /// Whether `target` answers within `limit`. It returns as soon as it does.
    ///
    /// # Errors
    ///
    /// When nothing could be asked. Where both methods are wanted, one that works is enough.
    pub async fn examine(
        &self,
        target: IpAddr,
        method: &NetworkMethod,
        limit: Duration,
    ) -> Result<bool, NetworkError> {
        match method {
            NetworkMethod::Echo => self.echo(target, limit).await,
            NetworkMethod::Neighbour(interface) => neighbour(target, interface, limit).await,
            NetworkMethod::Either(interface) => {
                let echo = self.echo(target, limit);
                let neighbour = neighbour(target, interface, limit);
                tokio::pin!(echo, neighbour);
                let (first, second) = tokio::select! {
                    first = &mut echo => (first, Second::Neighbour),
                    first = &mut neighbour => (first, Second::Echo),
                };
                if matches!(first, Ok(true)) {
                    return first;
                }
                let second = match second {
                    Second::Neighbour => neighbour.await,
                    Second::Echo => echo.await,
                };
                second.or(first)
            }
        }
    }

    async fn echo(&self, target: IpAddr, limit: Duration) -> Result<bool, NetworkError> {
        let client = match target {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => self
                .v6
                .as_ref()
                .ok_or_else(|| NetworkError::Socket(io::ErrorKind::Unsupported.into()))?,
        };
        let identifier = PingIdentifier(std::process::id() as u16);
        let step = limit / ATTEMPTS;
        let mut attempts: FuturesUnordered<_> = (0..ATTEMPTS)
            .map(|attempt| async move {
                let wait = step * attempt;
                sleep(wait).await;
                let sequence = PingSequence(self.sequence.fetch_add(1, Ordering::Relaxed));
                let mut pinger = client.pinger(target, identifier).await;
                pinger.timeout(limit - wait).ping(sequence, &PAYLOAD).await
            })
            .collect();
        let mut failure = None;
        let mut sent = false;
        while let Some(result) = attempts.next().await {
            match result {
                Ok((packet, _)) if is_reply(&packet) => return Ok(true),
                // Somebody said that the server cannot be reached; this host does when its question for the
                // server's hardware address stays unanswered.
                Ok(_) => sent = true,
                Err(surge_ping::SurgeError::Timeout { .. }) => sent = true,
                Err(source) => failure = Some(NetworkError::Send { target, source }),
            }
        }
        match failure {
            Some(failure) if !sent => Err(failure),
            _ => Ok(false),
        }
    }
}

/// Whether a packet is the echo itself. One that says why there is none comes by the same way.
fn is_reply(packet: &IcmpPacket) -> bool {
    const ECHO_REPLY_V4: u8 = 0;
    const ECHO_REPLY_V6: u8 = 129;
    match packet {
        IcmpPacket::V4(packet) => packet.get_icmp_type().0 == ECHO_REPLY_V4,
        IcmpPacket::V6(packet) => packet.get_icmpv6_type().0 == ECHO_REPLY_V6,
    }
}

/// Which of two examinations is still under way.
enum Second {
    Echo,
    Neighbour,
}

async fn neighbour(
    target: IpAddr,
    interface: &Interface,
    limit: Duration,
) -> Result<bool, NetworkError> {
    let link = Link::open(interface, target)?;
    let ask = async {
        let mut ticks = interval((limit / ATTEMPTS).max(Duration::from_millis(1)));
        loop {
            ticks.tick().await;
            link.ask(target).await?;
        }
    };
    let hear = async {
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match timeout(left, link.hear()).await {
                Err(_) => return Ok(false),
                Ok(Ok(Statement::Has(address, _))) if address == target => return Ok(true),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error.into()),
            }
        }
    };
    tokio::select! {
        result = ask => result,
        result = hear => result,
    }
}
