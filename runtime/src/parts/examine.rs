//! Examinations: whether a server's network answers, and whether each of its services does.
//!
//! Everything that comes from the network is bounded in size, and every examination in time, however
//! the other side behaves.

mod greeting;
mod group;
mod http;
mod network;
mod plugin;
mod spec;
mod talk;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

pub use group::{Group, Limits, Target};
pub use network::{Network, NetworkError, NetworkMethod};
pub use spec::{CheckError, Host, Plugin, Protocol, ServiceCheck};
pub use talk::Complaint;

/// What the examination of one service found.
#[derive(Debug)]
pub enum Verdict {
    /// The service answers as it should.
    Well,
    /// It answers, and complains. It is well enough: it is not restarted for that.
    Warning(String),
    /// It does not answer as it should.
    Fails(Complaint),
    /// The examination itself failed, so nothing is known about the service.
    Unknown(String),
}

impl Verdict {
    /// Whether the service counts as failing. One of which nothing is known does not: a mistake in the
    /// configuration of an examination must not restart a healthy server.
    #[must_use]
    pub const fn fails(&self) -> bool {
        matches!(self, Self::Fails(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("well"),
            Self::Warning(what) => write!(f, "well, but: {what}"),
            Self::Fails(complaint) => write!(f, "fails: {complaint}"),
            Self::Unknown(why) => write!(f, "not examined: {why}"),
        }
    }
}

impl ServiceCheck {
    /// Examines the service of the server at `target`, and takes `limit` at most.
    ///
    /// Safe to drop at any time; a plugin is killed then.
    pub async fn examine(&self, target: IpAddr, limit: Duration) -> Verdict {
        match self {
            Self::Plugin(plugin) => plugin::examine(plugin, target, limit).await,
            Self::Network {
                protocol,
                host,
                port,
            } => match timeout(limit, examine_port(protocol, host, *port, target)).await {
                Ok(Ok(())) => Verdict::Well,
                Ok(Err(complaint)) => Verdict::Fails(complaint),
                Err(_) => Verdict::Fails(Complaint::TooLate { limit }),
            },
        }
    }
}

async fn examine_port(
    protocol: &Protocol,
    host: &Host,
    port: u16,
    target: IpAddr,
) -> Result<(), Complaint> {
    let mut stream = connect(host, port, target).await?;
    match protocol {
        Protocol::Tcp => Ok(()),
        Protocol::Http { path, expect } => {
            http::examine(&mut stream, &host.in_header(port, target), path, *expect).await
        }
        Protocol::Smtp => greeting::smtp(&mut stream).await,
        Protocol::Ftp => greeting::ftp(&mut stream).await,
        Protocol::Imap => greeting::imap(&mut stream).await,
        Protocol::Pop3 => greeting::pop3(&mut stream).await,
        Protocol::Ssh => greeting::ssh(&mut stream).await,
    }
}

/// Connects to the first address that takes the connection.
async fn connect(host: &Host, port: u16, target: IpAddr) -> Result<TcpStream, Complaint> {
    let addresses: Vec<SocketAddr> = match host {
        Host::Target => vec![SocketAddr::new(target, port)],
        Host::Address(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => lookup_host((name.as_str(), port))
            .await
            .map_err(|source| Complaint::Resolve {
                name: name.clone(),
                source,
            })?
            .collect(),
    };
    let mut complaint = Complaint::NoAddress;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(source) => complaint = Complaint::Connect { address, source },
        }
    }
    Err(complaint)
}

#[cfg(test)]
mod tests;
