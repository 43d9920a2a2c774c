//! The same ring, seen from another server: what a checker that looks at one of several like states
//! needs.
//!
//! No rule of the protocol knows a server by its number. So when a node, its inputs and everything
//! they speak of are turned by some places, the outputs turn with them.

use crate::config::Config;
use crate::event::Event;
use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::io::{Action, Command, Deadline, Input, JobId, Outcome, Output, Sighting};
use crate::lease::{Claim, Claims, Leases, Register};
use crate::membership::Membership;
use crate::message::{Message, Version};
use crate::node::{Node, Vote};
use crate::orders::{Order, Orders};
use crate::parking::Flaps;
use crate::recovery::Recovery;
use crate::sighting::Sightings;
use crate::standby::Standby;
use crate::structure::{Structure, turned_digest};
use crate::timer::{Timer, Timers};
use crate::watch::Watch;

/// Every server of a ring takes the place some steps further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rotation {
    by: usize,
    size: usize,
}

impl Rotation {
    /// All rotations of a ring of `size` servers, the one by no place first.
    pub fn all(size: usize) -> impl Iterator<Item = Self> + Clone {
        let size = size.min(SERVERS_MAX);
        (0..size).map(move |by| Self { by, size })
    }

    /// The rotation of a ring of `size` servers that brings `server`, which is one of them, to the
    /// first place.
    #[must_use]
    pub fn home(server: ServerId, size: usize) -> Self {
        let size = size.min(SERVERS_MAX);
        let by = (size - server.index().min(size)) % size.max(1);
        Self { by, size }
    }
}

/// What speaks of servers, and can be turned with the ring.
pub trait Rotate: Sized {
    /// The same with every server turned. A place outside the ring stays as it is.
    #[must_use]
    fn rotated(&self, rotation: Rotation) -> Self;
}

impl Rotate for ServerId {
    fn rotated(&self, Rotation { by, size }: Rotation) -> Self {
        let place = self.index();
        let turned = if place < size {
            (place + by) % size
        } else {
            place
        };
        Self::new(turned).unwrap_or(*self)
    }
}

impl<T: Rotate> Rotate for Option<T> {
    fn rotated(&self, rotation: Rotation) -> Self {
        self.as_ref().map(|inner| inner.rotated(rotation))
    }
}

/// A table with an entry for each server.
impl<T: Rotate + Copy> Rotate for [T; SERVERS_MAX] {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        for server in ServerId::all(SERVERS_MAX) {
            turned[server.rotated(rotation).index()] = self[server.index()].rotated(rotation);
        }
        turned
    }
}

impl Rotate for Members {
    fn rotated(&self, rotation: Rotation) -> Self {
        let turned = self.iter().map(|server| server.rotated(rotation));
        turned.fold(Self::NONE, Self::with)
    }
}

impl Rotate for Structure {
    fn rotated(&self, rotation: Rotation) -> Self {
        self.moved(|server| server.rotated(rotation))
    }
}

impl Rotate for Message {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        match &mut turned {
            Self::Sync { target, digest } | Self::Progress { target, digest, .. } => {
                *target = target.rotated(rotation);
                *digest = turned_digest(*digest, rotation.by, rotation.size);
            }
            Self::Up { target } | Self::Take { function: target } | Self::Agree { target, .. } => {
                *target = target.rotated(rotation);
            }
            Self::Doubt { target } | Self::Unheard { target, .. } | Self::Fenced { target, .. } => {
                *target = target.rotated(rotation);
            }
            Self::Down { target, structure }
            | Self::Holds {
                function: target,
                structure,
            } => {
                *target = target.rotated(rotation);
                *structure = structure.rotated(rotation);
            }
            Self::Report { structure }
            | Self::Hello { structure }
            | Self::GiveBack { structure } => {
                *structure = structure.rotated(rotation);
            }
            Self::Welcome { structure, held } => {
                *structure = structure.rotated(rotation);
                *held = held.rotated(rotation);
            }
            Self::Renew { claims, .. } | Self::Grant { claims, .. } => {
                *claims = claims.rotated(rotation);
            }
            Self::Orders { orders } => *orders = orders.rotated(rotation),
            Self::Yield { .. }
            | Self::Resumed
            | Self::Services { .. }
            | Self::Invite { .. }
            | Self::Decline
            | Self::Offer
            | Self::Dropped => {}
        }
        turned
    }
}

impl Rotate for Orders {
    fn rotated(&self, rotation: Rotation) -> Self {
        self.moved(|server| server.rotated(rotation))
    }
}

impl Rotate for Order {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        match &mut turned {
            Self::Maintenance { server, .. }
            | Self::HandOver { server }
            | Self::HandBack { server } => *server = server.rotated(rotation),
            Self::MaintenanceOfAll { .. } | Self::Freeze { .. } => {}
        }
        turned
    }
}

impl Rotate for Action {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        match &mut turned {
            Self::ExamineNetwork { target: server }
            | Self::ExamineServices { target: server }
            | Self::RestartServices { target: server, .. }
            | Self::RestartServer { target: server }
            | Self::PowerOn { target: server }
            | Self::Fence { target: server }
            | Self::Resume { function: server }
            | Self::ColdStart { function: server }
            | Self::Assign { function: server }
            | Self::Release { function: server }
            | Self::Suspend { function: server } => *server = server.rotated(rotation),
            Self::Vote { claims } => *claims = claims.rotated(rotation),
            Self::AssignOwn | Self::ReleaseOwn => {}
        }
        turned
    }
}

impl Rotate for Outcome {
    fn rotated(&self, rotation: Rotation) -> Self {
        match self {
            Self::Granted(claims) => Self::Granted(claims.rotated(rotation)),
            Self::Ok | Self::Failed | Self::Services(_) => *self,
        }
    }
}

impl Rotate for Claim {
    fn rotated(&self, rotation: Rotation) -> Self {
        match self {
            Self::Address(function) => Self::Address(function.rotated(rotation)),
            Self::Image(function) => Self::Image(function.rotated(rotation)),
        }
    }
}

impl Rotate for Claims {
    fn rotated(&self, rotation: Rotation) -> Self {
        Self {
            addresses: self.addresses.rotated(rotation),
            images: self.images.rotated(rotation),
        }
    }
}

impl Rotate for Register {
    fn rotated(&self, rotation: Rotation) -> Self {
        self.moved(
            |server| server.rotated(rotation),
            |claims| claims.rotated(rotation),
        )
    }
}

impl Rotate for Leases {
    fn rotated(&self, rotation: Rotation) -> Self {
        self.moved(
            |server| server.rotated(rotation),
            |claims| claims.rotated(rotation),
        )
    }
}

impl Rotate for Vote {
    fn rotated(&self, rotation: Rotation) -> Self {
        Self {
            wanted: self.wanted.rotated(rotation),
            ..*self
        }
    }
}

impl Rotate for JobId {
    fn rotated(&self, rotation: Rotation) -> Self {
        Self {
            subject: self.subject.rotated(rotation),
            ..*self
        }
    }
}

impl Rotate for Timer {
    fn rotated(&self, rotation: Rotation) -> Self {
        match self {
            Self::Watch(target) => Self::Watch(target.rotated(rotation)),
            Self::Recovery(target) => Self::Recovery(target.rotated(rotation)),
            Self::Standby(function) => Self::Standby(function.rotated(rotation)),
            Self::Beat | Self::Join | Self::Own | Self::Lease | Self::Vote | Self::Seen => *self,
        }
    }
}

impl Rotate for Deadline {
    fn rotated(&self, rotation: Rotation) -> Self {
        Self {
            timer: self.timer.rotated(rotation),
            ..*self
        }
    }
}

impl Rotate for Event {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        match &mut turned {
            Self::Detected { target: server, .. }
            | Self::Confirmed { target: server, .. }
            | Self::FalseAlarm { target: server }
            | Self::SyncMissed { target: server }
            | Self::Tried { target: server, .. }
            | Self::Returned { target: server }
            | Self::Recovered { target: server }
            | Self::GivenUp { target: server }
            | Self::VirtualServerStarted { function: server }
            | Self::Served { function: server }
            | Self::Released { function: server }
            | Self::Suspended { function: server }
            | Self::VirtualServerFailed { function: server }
            | Self::NoRoom { function: server }
            | Self::Ordered { server, .. }
            | Self::LeftAlone { target: server, .. }
            | Self::HandOverBegun { target: server }
            | Self::HandOverFailed { target: server }
            | Self::Parked { target: server }
            | Self::RivalSeen { function: server }
            | Self::Fenced { target: server }
            | Self::Refused { manager: server } => *server = server.rotated(rotation),
            Self::StoodIn {
                target,
                manager: other,
            }
            | Self::Deferred { target, to: other }
            | Self::Overruled {
                function: target,
                by: other,
            } => {
                *target = target.rotated(rotation);
                *other = other.rotated(rotation);
            }
            Self::LeaseLost { claim } => *claim = claim.rotated(rotation),
            Self::StructureChanged { members } => *members = members.rotated(rotation),
            Self::Managing
            | Self::Stopped
            | Self::OwnAddressHeld
            | Self::OwnAddressDropped
            | Self::Left => {}
        }
        turned
    }
}

impl Rotate for Input {
    fn rotated(&self, rotation: Rotation) -> Self {
        match *self {
            Self::Start {
                holding,
                serving,
                silent,
                left,
            } => Self::Start {
                holding,
                serving: serving.rotated(rotation),
                silent,
                left,
            },
            Self::Message { from, message } => Self::Message {
                from: from.rotated(rotation),
                message: message.rotated(rotation),
            },
            Self::Done { job, outcome } => Self::Done {
                job: job.rotated(rotation),
                outcome: outcome.rotated(rotation),
            },
            Self::Seen(Sighting::Rival { function }) => Self::Seen(Sighting::Rival {
                function: function.rotated(rotation),
            }),
            Self::Speaks { server, version } => Self::Speaks {
                server: server.rotated(rotation),
                version,
            },
            Self::Command(Command::Order(order)) => {
                Self::Command(Command::Order(order.rotated(rotation)))
            }
            Self::Seen(Sighting::Services(_))
            | Self::Deadline
            | Self::Command(Command::Stop | Command::Leave) => *self,
        }
    }
}

impl Rotate for Output {
    fn rotated(&self, rotation: Rotation) -> Self {
        match self {
            Self::Send { to, message } => Self::Send {
                to: to.rotated(rotation),
                message: message.rotated(rotation),
            },
            Self::Run { job, action } => Self::Run {
                job: job.rotated(rotation),
                action: action.rotated(rotation),
            },
            Self::Cancel { job } => Self::Cancel {
                job: job.rotated(rotation),
            },
            Self::Hold { claim, until } => Self::Hold {
                claim: claim.rotated(rotation),
                until: *until,
            },
            Self::Announce { function } => Self::Announce {
                function: function.rotated(rotation),
            },
            Self::Note(event) => Self::Note(event.rotated(rotation)),
        }
    }
}

impl Rotate for Watch {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        turned.peer = self.peer.rotated(rotation);
        turned.acting = self.acting.rotated(rotation);
        turned
    }
}

impl Rotate for Flaps {
    fn rotated(&self, _: Rotation) -> Self {
        *self
    }
}

impl Rotate for Recovery {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        turned.unheard_by = self.unheard_by.rotated(rotation);
        turned
    }
}

impl Rotate for Sightings {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        turned.rivals = self.rivals.rotated(rotation);
        turned
    }
}

impl Rotate for Standby {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        turned.delegated = self.delegated.rotated(rotation);
        turned
    }
}

impl Rotate for Membership {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        turned.giver = self.giver.rotated(rotation);
        turned.doubter = self.doubter.rotated(rotation);
        turned.taker = self.taker.rotated(rotation);
        turned.declined = self.declined.rotated(rotation);
        turned
    }
}

impl Rotate for Timers {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = Self::new();
        for timer in Timer::all() {
            if let Some(at) = self.due(timer) {
                turned.set(timer.rotated(rotation), at);
            }
        }
        turned
    }
}

/// A version is nobody's.
impl Rotate for Version {
    fn rotated(&self, _: Rotation) -> Self {
        *self
    }
}

impl Rotate for Config {
    fn rotated(&self, rotation: Rotation) -> Self {
        Self {
            me: self.me.rotated(rotation),
            fenceable: self.fenceable.rotated(rotation),
            ..*self
        }
    }
}

/// The node of the server that takes this one's place.
impl Rotate for Node {
    fn rotated(&self, rotation: Rotation) -> Self {
        // Every field is named, so that a new one cannot be forgotten.
        let Self {
            config,
            membership,
            structure,
            digest,
            absent,
            watches,
            recoveries,
            standbys,
            timers,
            leases,
            register,
            vote,
            spoken,
            orders,
            flaps,
            sightings,
            serial,
            stale,
        } = self;
        Self {
            config: config.rotated(rotation),
            membership: membership.rotated(rotation),
            structure: structure.rotated(rotation),
            digest: turned_digest(*digest, rotation.by, rotation.size),
            absent: absent.rotated(rotation),
            watches: watches.rotated(rotation),
            recoveries: recoveries.rotated(rotation),
            standbys: standbys.rotated(rotation),
            timers: timers.rotated(rotation),
            leases: leases.rotated(rotation),
            register: register.rotated(rotation),
            vote: vote.rotated(rotation),
            spoken: spoken.rotated(rotation),
            orders: orders.rotated(rotation),
            flaps: flaps.rotated(rotation),
            sightings: sightings.rotated(rotation),
            serial: *serial,
            stale: *stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rotation_home_is_the_one_that_brings_a_server_to_the_first_place() {
        for size in 2..=SERVERS_MAX {
            for server in ServerId::all(size) {
                let home = Rotation::home(server, size);
                let first = |rotation: &Rotation| server.rotated(*rotation).index() == 0;
                assert_eq!(Rotation::all(size).find(first), Some(home));
            }
        }
    }
}
