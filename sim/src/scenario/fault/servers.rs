//! The servers that a fault names.

use super::FaultAction;
use crate::scenario::group::ServerIndex;

impl FaultAction {
    /// The one server that it is about; none when it is about a link, or several servers.
    #[must_use]
    pub const fn server(&self) -> Option<ServerIndex> {
        match self {
            Self::Trouble { server, .. }
            | Self::Crash(server)
            | Self::Destroy(server)
            | Self::Repair(server)
            | Self::AgentStop(server)
            | Self::AgentStart(server)
            | Self::AgentPause(server)
            | Self::AgentResume(server)
            | Self::Pause(server)
            | Self::Resume(server)
            | Self::ClockDrift { server, .. }
            | Self::ResumeFails(server)
            | Self::VirtualServerFails(server)
            | Self::FileServerCut(server)
            | Self::FenceFails(server)
            | Self::Upgrade { server, .. } => Some(*server),
            Self::Operation(operation) => operation.server(),
            _ => None,
        }
    }

    /// The sender and the receiver whose link it is about, if it is about one direction of one.
    #[must_use]
    pub const fn way(&self) -> Option<(ServerIndex, ServerIndex)> {
        match self {
            Self::Cut { from, to }
            | Self::Flap { from, to, .. }
            | Self::LinkLoss { from, to, .. }
            | Self::LinkDelay { from, to, .. } => Some((*from, *to)),
            _ => None,
        }
    }

    /// The same about other servers; none when `place` has none for one that it needs.
    pub(crate) fn moved(&self, place: impl Fn(ServerIndex) -> Option<ServerIndex>) -> Option<Self> {
        let mut moved = self.clone();
        match &mut moved {
            Self::Trouble { server, .. }
            | Self::Crash(server)
            | Self::Destroy(server)
            | Self::Repair(server)
            | Self::AgentStop(server)
            | Self::AgentStart(server)
            | Self::AgentPause(server)
            | Self::AgentResume(server)
            | Self::Pause(server)
            | Self::Resume(server)
            | Self::ClockDrift { server, .. }
            | Self::ResumeFails(server)
            | Self::VirtualServerFails(server)
            | Self::FileServerCut(server)
            | Self::FenceFails(server)
            | Self::Upgrade { server, .. } => *server = place(*server)?,
            Self::Operation(operation) => *operation = operation.moved(place)?,
            Self::Cut { from, to }
            | Self::Flap { from, to, .. }
            | Self::LinkLoss { from, to, .. }
            | Self::LinkDelay { from, to, .. } => {
                (*from, *to) = (place(*from)?, place(*to)?);
            }
            Self::Partition(sides) => {
                for side in &mut *sides {
                    *side = side.iter().filter_map(|server| place(*server)).collect();
                }
                sides.retain(|side| !side.is_empty());
                if sides.len() < 2 {
                    return None;
                }
            }
            Self::Heal
            | Self::Loss(_)
            | Self::Late { .. }
            | Self::Doubled(_)
            | Self::FileServerDown
            | Self::FileServerUp
            | Self::FileServerSlow(_) => {}
        }
        Some(moved)
    }
}
