//! Telling the neighbours where an address is now.

use std::net::IpAddr;
use std::time::Duration;

use tetrarch_core::data::Mac;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::frame;
use super::link::{Link, LinkError};

/// Pauses before the second and later announcements. The first second is crowded because clients are
/// cut off until one arrives; the late ones are for a switch that was still learning, or a client that
/// was.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(7),
];

/// Announcements under way; they stop when this is dropped. It must be dropped before the address is
/// taken off, or a late one would call clients back to a host that no longer has it.
#[derive(Debug)]
#[must_use = "announcements stop when this is dropped"]
pub struct Announcements(JoinHandle<()>);

impl Drop for Announcements {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Announces on `link` that `owner` has `address`: once at once, then six times more within 10 seconds.
/// `owner` is the interface's own MAC address, or that of a virtual server behind it.
///
/// # Errors
///
/// When the first one cannot be sent. Later ones are best effort.
pub async fn announce(link: Link, address: IpAddr, owner: Mac) -> Result<Announcements, LinkError> {
    let frame = frame::announcement(owner, address);
    link.send(&frame).await?;
    Ok(Announcements(tokio::spawn(async move {
        for pause in PAUSES {
            sleep(pause).await;
            let _ = link.send(&frame).await;
        }
    })))
}
