//! What members say to each other.

use crate::id::{Members, ServerId, ServiceSet};
use crate::lease::Claims;
use crate::orders::Orders;
use crate::structure::Structure;
use crate::time::{Life, Sequence};

/// A version of the protocol that this software speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The first.
    V1,
    /// With the life of whoever asks for votes, what servers see, and the operator's orders.
    V2,
}

impl Version {
    /// Every version, the oldest first.
    pub const ALL: &[Self] = &[Self::V1, Self::V2];

    /// The newest.
    pub const NEWEST: Self = Self::V2;

    /// The version with this number.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }

    /// Its number, as messages begin with it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

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
    /// What operators have ordered, as far as the sender knows.
    Orders {
        /// The orders.
        orders: Orders,
    },
    /// To a manager of the sender: take the sender's function over as planned.
    Invite {
        /// Whether the sender is about to go down.
        leaving: bool,
    },
    /// The planned hand-over between the two will not be.
    Decline,
    /// Answer to [`Message::Invite`]: the virtual server runs, and the receiver shall drop its own
    /// virtual IP address.
    Offer,
    /// Answer to [`Message::Offer`]: the sender has dropped it.
    Dropped,
    /// Guarded groups only, to the acting manager: the sender has found the same service trouble.
    Agree {
        /// The target in trouble.
        target: ServerId,
        /// When the sender said so, among its questions for votes. What comes after a later question
        /// is old news. Since version 2.
        said: Option<Sequence>,
    },
    /// The sender holds the address of `function`, and another machine answers for it. Since version 2.
    Holds {
        /// The function.
        function: ServerId,
        /// The sender's structure, so that both compare by the same.
        structure: Structure,
    },
    /// Target to its managers: these of its services fail at this moment. Since version 2.
    Services {
        /// The failing services; none means that all are well.
        failing: ServiceSet,
    },
    /// Guarded groups only, the acting manager to all: has the receiver heard `target` lately? Since
    /// version 2.
    Doubt {
        /// The silent server.
        target: ServerId,
    },
    /// Answer to [`Message::Doubt`], and only given if not. Since version 2.
    Unheard {
        /// The silent server.
        target: ServerId,
        /// The life in which it was last heard.
        life: Life,
    },
    /// Guarded groups only, the acting manager to all: `target` has been switched off in this life or
    /// after it, so the votes that it got in it are free. Since version 2.
    Fenced {
        /// The server that is off.
        target: ServerId,
        /// The last life in which it has been heard.
        life: Life,
    },
    /// Guarded groups only: the sender asks for the receiver's votes.
    Renew {
        /// All that it wants them for; those that it has for anything else are free again.
        claims: Claims,
        /// When it asked, by its own time; since version 2 with its life. No two of its questions have
        /// the same, and the voter takes no notice of one that comes after a later one.
        asked: Sequence,
    },
    /// Answer to [`Message::Renew`].
    Grant {
        /// What the sender's votes are given for.
        claims: Claims,
        /// That of the question.
        asked: Sequence,
    },
}

impl Message {
    /// The oldest version of the protocol that can say this; it is written in that one.
    #[must_use]
    pub const fn since(&self) -> Version {
        match self {
            Self::Renew { asked, .. } | Self::Grant { asked, .. } if asked.life.is_some() => {
                Version::V2
            }
            // A stamp says nothing without the life that it belongs to, and is not written then.
            Self::Agree {
                said: Some(said), ..
            } if said.life.is_some() => Version::V2,
            Self::Orders { .. }
            | Self::Invite { .. }
            | Self::Decline
            | Self::Offer
            | Self::Dropped
            | Self::Holds { .. }
            | Self::Services { .. }
            | Self::Doubt { .. }
            | Self::Unheard { .. }
            | Self::Fenced { .. } => Version::V2,
            _ => Version::V1,
        }
    }

    /// What a server that speaks `version` can be told of this; none when that version has no word for
    /// it. The protocol copes as with a message that was lost.
    #[must_use]
    pub fn in_version(mut self, version: Version) -> Option<Self> {
        if version < Version::V2 {
            match &mut self {
                Self::Renew { asked, .. } | Self::Grant { asked, .. } => asked.life = None,
                Self::Agree { said, .. } => *said = None,
                _ => {}
            }
        }
        (self.since() <= version).then_some(self)
    }
}
