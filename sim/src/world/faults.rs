//! The faults of a scenario, carried out.

use tetrarch_core::{ServerId, ServiceSet};

use super::happening::{Stimulus, WorldEvent};
use super::{World, sides};
use crate::observer::Observer;
use crate::scenario::{FaultAction, ServerIndex, Trouble};

/// Scenario files name servers of their own group only, so the place is always in range.
fn id(server: ServerIndex) -> ServerId {
    ServerId::all(tetrarch_core::SERVERS_MAX)
        .nth(server.index())
        .unwrap_or_else(|| unreachable!("a scenario's servers are checked when it is read"))
}

impl<O: Observer> World<O> {
    /// Lets the fault at `place` of the scenario strike.
    pub(super) fn strike(&mut self, place: u16) -> Stimulus {
        let Some(fault) = self.faults.get(usize::from(place)) else {
            return Stimulus::None;
        };
        let action = fault.action.clone();
        if let FaultAction::Trouble { trouble, server } = action {
            self.trouble(trouble, id(server));
            return Stimulus::None;
        }
        let (about, event) = match &action {
            FaultAction::Crash(server)
            | FaultAction::Destroy(server)
            | FaultAction::Repair(server)
            | FaultAction::AgentStop(server)
            | FaultAction::AgentStart(server)
            | FaultAction::VirtualServerFails(server)
            | FaultAction::FileServerCut(server)
            | FaultAction::FenceFails(server)
            | FaultAction::Upgrade { server, .. }
            | FaultAction::Cut { from: server, .. } => (id(*server), WorldEvent::Fault(place)),
            FaultAction::Operation(operation) if operation.server().is_some() => {
                let server = operation.server().map_or(id(ServerIndex(0)), id);
                (server, WorldEvent::Fault(place))
            }
            _ => (id(ServerIndex(0)), WorldEvent::SystemFault(place)),
        };
        self.observer.world(self.now, about, event);
        self.other_fault(&action, about)
    }

    fn other_fault(&mut self, action: &FaultAction, server: ServerId) -> Stimulus {
        let now = self.now;
        match action {
            // The programs that run go on; those on the disk are started with the next start.
            FaultAction::Trouble { .. } | FaultAction::Upgrade { .. } => {}
            FaultAction::Crash(_) => self.lose_power(server),
            FaultAction::Destroy(_) => {
                self.server_mut(server).destroyed = true;
                self.lose_power(server);
            }
            FaultAction::Repair(_) => {
                self.server_mut(server).destroyed = false;
                self.observer.world(now, server, WorldEvent::Repaired);
                if self.server(server).answers() && !self.server(server).failing().is_empty() {
                    self.restart(server);
                }
                self.power_on(server);
            }
            FaultAction::Operation(operation) => return self.operate(*operation, server),
            FaultAction::AgentStop(_) => return self.set_flag(server, false),
            FaultAction::AgentStart(_) => return self.set_flag(server, true),
            FaultAction::VirtualServerFails(_) => {
                self.broken_images = self.broken_images.with(server);
            }
            FaultAction::FenceFails(_) => {
                self.broken_fences = self.broken_fences.with(server);
            }
            FaultAction::Cut { to, .. } => {
                self.links_whole = false;
                self.links.cut(server, id(*to));
            }
            FaultAction::Partition(groups) => {
                self.links_whole = false;
                self.links.partition(&sides(groups));
            }
            FaultAction::Heal => {
                self.links.heal();
                self.file_server.heal(now);
                self.links_whole = true;
                self.greet_again();
                self.sense();
            }
            FaultAction::Loss(ratio) => {
                self.links_whole = false;
                self.links.set_loss(*ratio);
            }
            FaultAction::FileServerCut(_) => self.file_server.cut(now, server),
            FaultAction::FileServerDown => self.file_server.set_up(now, false),
            FaultAction::FileServerUp => self.file_server.set_up(now, true),
            FaultAction::FileServerSlow(factor) => self.file_server.set_slowdown(now, *factor),
        }
        self.announce_read();
        Stimulus::None
    }

    fn trouble(&mut self, trouble: Trouble, server: ServerId) {
        self.observer
            .world(self.now, server, WorldEvent::Trouble(trouble));
        if !self.server(server).answers() {
            return;
        }
        match trouble {
            Trouble::S1t | Trouble::S2t => {
                let state = self.server_mut(server);
                state.up = ServiceSet::NONE;
                if trouble == Trouble::S2t {
                    state.stuck = state.services;
                }
                self.refresh_clients();
            }
            Trouble::N1t => self.restart(server),
            Trouble::N2t => self.lose_power(server),
        }
    }
}
