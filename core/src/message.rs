//! What members say to each other.

use crate::id::{Members, ServerId};
use crate::lease::Claims;
use crate::structure::Structure;
use crate::time::Stamp;

/// A message between two members. Small, and copied freely.
///
/// The paper's S.file, U.file and D.file are [`Message::Sync`], [`Message::Up`] and
/// [`Message::Down`]; the others are what the paper leaves to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// S.file, P1 to P2: examine `target` now. Carries the sum of the sender's structure, so that
    /// a missed report is noticed at the next cycle.
    Sync {
        /// The target to examine.
        target: ServerId,
        /// [`Structure::digest`] of the sender.
        digest: u16,
    },
    /// U.file: `target` is healthy again, monitor it in step.
    Up {
        /// The recovered target.
        target: ServerId,
    },
    /// D.file: `target` could not be recovered, the structure has changed.
    Down {
        /// The target that was cut out.
        target: ServerId,
        /// The structure without it.
        structure: Structure,
    },
    /// The acting manager is alive and still at work on `target`.
    Progress {
        /// The target in trouble.
        target: ServerId,
        /// Whether the sender's virtual server holds the target's virtual IP address.
        serving: bool,
        /// Whether the sender has restarted the target, and with it whatever it hosted.
        restarting: bool,
        /// [`Structure::digest`] of the sender.
        digest: u16,
    },
    /// The sender's structure, after a change or when two copies differ.
    Report {
        /// The structure.
        structure: Structure,
    },
    /// The sender's management side has just started, or still waits for its place.
    Hello {
        /// What it knows.
        structure: Structure,
    },
    /// Answer to [`Message::Hello`].
    Welcome {
        /// What the sender knows.
        structure: Structure,
        /// The functions that the sender serves or recovers. A newcomer among them must wait for
        /// its hand-back, and leaves the others to the sender.
        held: Members,
    },
    /// The receiver may take its own virtual IP address back; the virtual server has dropped it.
    GiveBack {
        /// The structure with the receiver in it.
        structure: Structure,
    },
    /// The receiver shall drop its own virtual IP address: a virtual server is about to take it.
    Yield {
        /// Whether the other manager has found the trouble too. Guarded groups only: if not, the
        /// receiver examines itself first.
        agreed: bool,
    },
    /// Answer to [`Message::GiveBack`]: the sender holds its own address again. Answer to
    /// [`Message::Yield`]: it keeps it, because its services are well.
    Resumed,
    /// The sender cannot start the virtual server of `function`: the receiver shall.
    Take {
        /// The function to serve.
        function: ServerId,
    },
    /// Guarded groups only, to the acting manager: the sender has found the same service trouble.
    Agree {
        /// The target in trouble.
        target: ServerId,
    },
    /// Guarded groups only: the sender asks for the receiver's votes.
    Renew {
        /// All that it wants them for; those that it has for anything else are free again.
        claims: Claims,
        /// When it asked, by its own time. No two of its questions have the same.
        stamp: Stamp,
    },
    /// Answer to [`Message::Renew`].
    Grant {
        /// What the sender's votes are given for.
        claims: Claims,
        /// The stamp of the question.
        stamp: Stamp,
    },
}
