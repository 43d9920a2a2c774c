//! The faults of a scenario, carried out.

use tetrarch_core::{Input, ServerId, ServiceSet};

use super::happening::{Stimulus, WorldEvent};
use super::pause::Pause;
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
        let sender = action.way().map(|(from, _)| from);
        let (about, event) = match action.server().or(sender) {
            Some(server) => (id(server), WorldEvent::Fault(place)),
            None => (id(ServerIndex(0)), WorldEvent::SystemFault(place)),
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
            FaultAction::AgentPause(_) => self.pause(server, Pause::Agent),
            FaultAction::AgentResume(_) => self.go_on(server, Pause::Agent),
            FaultAction::Pause(_) => self.pause(server, Pause::Machine),
            FaultAction::Resume(_) => self.go_on(server, Pause::Machine),
            FaultAction::ClockDrift { ppm, .. } => return self.drift(server, *ppm),
            FaultAction::ResumeFails(_) => {
                self.broken_states = self.broken_states.with(server);
            }
            FaultAction::Heal => {
                self.links.heal();
                self.file_server.heal(now);
                self.links_whole = self.links.are_whole(now, self.spans.link_delay);
                self.greet_again();
                self.sense();
            }
            FaultAction::Cut { .. }
            | FaultAction::Flap { .. }
            | FaultAction::LinkLoss { .. }
            | FaultAction::LinkDelay { .. }
            | FaultAction::Partition(_)
            | FaultAction::Loss(_)
            | FaultAction::Late { .. }
            | FaultAction::Doubled(_) => self.break_links(action),
            FaultAction::FileServerCut(_) => self.file_server.cut(now, server),
            FaultAction::FileServerDown => self.file_server.set_up(now, false),
            FaultAction::FileServerUp => self.file_server.set_up(now, true),
            FaultAction::FileServerSlow(factor) => self.file_server.set_slowdown(now, *factor),
        }
        self.announce_read();
        Stimulus::None
    }

    /// All that the clock of `server` measures is measured anew: its holds, and the wait of its node.
    fn drift(&mut self, server: ServerId, ppm: i32) -> Stimulus {
        let now = self.now;
        self.clocks_drift = true;
        self.server_mut(server).clock.drift(now, ppm);
        self.hold_by_new_clock(server);
        if self.is_managing(server) {
            Stimulus::Input(server, Input::Deadline)
        } else {
            Stimulus::None
        }
    }

    fn break_links(&mut self, action: &FaultAction) {
        self.links_whole = false;
        let links = &mut self.links;
        match action {
            FaultAction::Cut { from, to } => links.cut(id(*from), id(*to)),
            FaultAction::Flap { from, to, down, up } => {
                links.flap(self.now, id(*from), id(*to), *down, *up);
            }
            FaultAction::LinkLoss { from, to, percent } => {
                links.set_way_loss(id(*from), id(*to), *percent);
            }
            FaultAction::LinkDelay { from, to, by } => {
                links.set_way_delay(id(*from), id(*to), *by);
            }
            FaultAction::Partition(groups) => links.partition(&sides(groups)),
            FaultAction::Loss(share) => links.set_loss(*share),
            FaultAction::Late { percent, by } => links.set_late(*percent, *by),
            FaultAction::Doubled(share) => links.set_doubled(*share),
            _ => {}
        }
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
