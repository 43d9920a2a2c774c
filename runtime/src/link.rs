//! What a driver asks of the connections to the other servers.

use core::future::Future;

use tetrarch_core::{Message, ServerId, ServiceSet};

use crate::parts::Failure;

/// What a manager asks of its target's agent, beside the messages of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Restart these services of the server that is asked.
    RestartServices {
        /// The failing services.
        failing: ServiceSet,
    },
    /// Restart the server that is asked.
    RestartServer,
}

/// The connections of one server to the others.
pub trait Peers: Send + Sync + 'static {
    /// Sends `message` to `to` if that is possible at this moment, and drops it otherwise: messages
    /// may be lost, and one that is late is worth less than the next one.
    fn send(&self, to: ServerId, message: Message);

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
