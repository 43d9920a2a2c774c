//! What a driver asks of the connections to the other servers.

use core::future::Future;

use tetrarch_core::{Message, SERVERS_MAX, ServerId, ServiceSet, Version};
use tokio::sync::watch;

use crate::parts::Failure;

/// What one server's agent asks of another's, beside the messages of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Restart these services of the server that is asked.
    RestartServices {
        /// The failing services.
        failing: ServiceSet,
    },
    /// Restart the server that is asked.
    RestartServer,
    /// Create the flag file of the server that is asked, so that its management programs run, or
    /// remove it. This comes from an operator at any server of the group.
    SetFlag {
        /// Whether the file shall be there.
        present: bool,
    },
}

/// The versions of the protocol in which the others are spoken to, as far as they have greeted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spoken([Option<Version>; SERVERS_MAX]);

impl Spoken {
    /// The version in which `server` is spoken to; none before it has greeted.
    #[must_use]
    pub const fn with(&self, server: ServerId) -> Option<Version> {
        self.0[server.index()]
    }

    /// From now on `server` is spoken to in `version`. Tells whether that is news.
    pub fn set(&mut self, server: ServerId, version: Version) -> bool {
        self.0[server.index()].replace(version) != Some(version)
    }
}

/// The connections of one server to the others.
pub trait Peers: Send + Sync + 'static {
    /// Sends `message` to `to` if that is possible at this moment, and drops it otherwise: messages
    /// may be lost, and one that is late is worth less than the next one.
    fn send(&self, to: ServerId, message: Message);

    /// The versions in which the others are spoken to, known before anything comes from them.
    fn spoken(&self) -> watch::Receiver<Spoken>;

    /// Asks `to` for something; ends with its answer.
    ///
    /// # Errors
    ///
    /// When it refuses, fails, cannot be reached or goes away before it has answered.
    fn request(
        &self,
        to: ServerId,
        request: Request,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}
