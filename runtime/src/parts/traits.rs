//! What the driver asks of a server. One trait for each part, so that each can be built and tested
//! without the others, and all of them together as [`Parts`].
//!
//! Each method belongs to one [`Action`](tetrarch_core::Action) and ends when that action ends. The
//! futures are those of the methods themselves, without a box: the driver knows one type of parts,
//! and an implementation writes `async fn`. They are `Send`, because each job is a task of its own.
//!
//! What all of them promise:
//!
//! - They end by themselves within their own time limits. The driver drops a future that has taken
//!   longer than the protocol's `job_max` or that is no longer wanted, so a future that is dropped
//!   must leave no thread and no program behind that goes on unseen.
//! - They are idempotent: what holds already is done.
//! - A [`Failure`] is for the log; the protocol only learns that it failed.
//! - The driver runs the jobs of one virtual server one after the other, in their order, and so those
//!   of the own address. All else may run at once.

use core::future::Future;
use std::error::Error;

use crate::holds::Grant;
use tetrarch_core::{Claim, Claims, Members, ServerId, ServiceSet, Span};

/// Why a part could not do what it was asked; for the log alone.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Examinations of other servers.
pub trait Examine: Send + Sync + 'static {
    /// Whether the network of `target` answers.
    fn network(&self, target: ServerId) -> impl Future<Output = bool> + Send;

    /// The services of `target` that fail, by their place in its management data.
    ///
    /// # Errors
    ///
    /// When the examination itself could not be made, for example because the target's network has
    /// gone meanwhile. A service that does not answer is no error.
    fn services(
        &self,
        target: ServerId,
    ) -> impl Future<Output = Result<ServiceSet, Failure>> + Send;
}

/// The service programs of this server. Called on the target's agent, on its manager's request.
pub trait Services: Send + Sync + 'static {
    /// Restarts the services of this server that are in `failing`; ends when the commands have ended.
    ///
    /// # Errors
    ///
    /// When a service could not be restarted.
    fn restart(&self, failing: ServiceSet) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The power of servers.
pub trait Power: Send + Sync + 'static {
    /// Restarts this server, on its manager's request; ends when the command has been taken, so that
    /// the manager can still be answered.
    ///
    /// # Errors
    ///
    /// When the command was refused.
    fn restart(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Powers `target` on; ends when the command has been given.
    ///
    /// # Errors
    ///
    /// When the command could not be given.
    fn power_on(&self, target: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Switches `target` off by a device; ends when that says that the power is off.
    ///
    /// # Errors
    ///
    /// When there is no device, or it does not say so: the server may run on.
    fn fence(&self, target: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The virtual servers on this host, each named by the function that it takes over.
pub trait VirtualServers: Send + Sync + 'static {
    /// The functions whose virtual server here holds the virtual IP address at this moment, as when
    /// only the management programs were restarted.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    fn serving(&self) -> impl Future<Output = Result<Members, Failure>> + Send;

    /// Resumes the suspended virtual server; ends when it runs.
    ///
    /// # Errors
    ///
    /// When it does not run; nothing of it is left then.
    fn resume(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Starts the virtual server from its image; ends when it runs.
    ///
    /// # Errors
    ///
    /// When it does not run; nothing of it is left then.
    fn cold_start(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Undoes a start whose future was dropped: whatever of it runs is ended, and the virtual server
    /// is as it was before.
    ///
    /// # Errors
    ///
    /// When something of it may still run.
    fn undo_start(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Gives the virtual server the virtual IP address; ends when it holds it.
    ///
    /// # Errors
    ///
    /// When it does not hold it.
    fn assign(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Brings what the virtual server has accepted to the real server, which is about to get the virtual IP
    /// address, and sees that nothing more is accepted; [`release`](Self::release) comes right after, however
    /// this ends. It ends by itself within what the settings allow. A future that is dropped leaves nothing
    /// running, and the address is released at once.
    ///
    /// # Errors
    ///
    /// When something may be missing at the real server.
    fn synchronise(&self, _: ServerId) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }

    /// Takes the virtual IP address off the virtual server; ends when it no longer answers to it.
    ///
    /// # Errors
    ///
    /// When it may still hold it.
    fn release(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Tells the neighbours once more that the virtual server here has the virtual IP address, since
    /// somebody else has said that he has it. Nothing is told when the address is not with it.
    ///
    /// # Errors
    ///
    /// When they cannot be told.
    fn announce(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Suspends the virtual server; ends when it no longer runs.
    ///
    /// # Errors
    ///
    /// When it may still run.
    fn suspend(&self, function: ServerId) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// This server's own virtual IP address.
pub trait OwnAddress: Send + Sync + 'static {
    /// Whether the address is on this server.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    fn holds(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Puts the address on this server and makes it known to the neighbours.
    ///
    /// # Errors
    ///
    /// When this server does not hold it.
    fn assign(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Takes the address off this server.
    ///
    /// # Errors
    ///
    /// When this server may still hold it.
    fn release(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Tells the neighbours once more that the address is here, since somebody else has said that he has
    /// it. Nothing is told when it is not here.
    ///
    /// # Errors
    ///
    /// When they cannot be told.
    fn announce(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What this server may hold, and until when. Instants are spans since the start of the machine.
pub trait Guard: Send + Sync + 'static {
    /// For how long at least no management program had given votes when this one was about to start.
    fn silent(&self) -> Span;

    /// How much longer `claim` may be on this server; none when it may not be on it at all.
    fn left(&self, claim: Claim) -> Option<Span>;

    /// The node is about to be told something at `now`, and may give votes by it. This is noted where the
    /// next agent finds it. False when it cannot be noted: then no other server may get votes.
    fn living(&self, now: Span) -> bool;

    /// Lets `claim` be on this server until then, and not longer, unless this is called again: whatever
    /// becomes of this program, it goes off then.
    fn hold(&self, claim: Claim, until: Span);

    /// By which grant `claim` is held, or was last.
    fn grant(&self, claim: Claim) -> Grant;

    /// `claim` is known to be off this server by something that began under `grant`, so nothing has to be ended for
    /// it any more, unless it was given anew since, or [`hold`](Self::hold) is called again.
    fn is_off(&self, claim: Claim, grant: Grant);

    /// Asks the witness for its votes for exactly `claims`.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    fn vote(&self, claims: Claims) -> impl Future<Output = Result<Claims, Failure>> + Send;
}

/// All parts of one server.
pub trait Parts: Send + Sync + 'static {
    /// Examinations of other servers.
    type Examine: Examine;
    /// The service programs of this server.
    type Services: Services;
    /// The power of servers.
    type Power: Power;
    /// The virtual servers on this host.
    type VirtualServers: VirtualServers;
    /// This server's own virtual IP address.
    type OwnAddress: OwnAddress;
    /// What this server may hold.
    type Guard: Guard;

    /// Examinations of other servers.
    fn examine(&self) -> &Self::Examine;
    /// The service programs of this server.
    fn services(&self) -> &Self::Services;
    /// The power of servers.
    fn power(&self) -> &Self::Power;
    /// The virtual servers on this host.
    fn virtual_servers(&self) -> &Self::VirtualServers;
    /// This server's own virtual IP address.
    fn own_address(&self) -> &Self::OwnAddress;
    /// What this server may hold.
    fn guard(&self) -> &Self::Guard;
}
