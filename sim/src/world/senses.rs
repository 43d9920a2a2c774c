//! What servers see by themselves, and what fencing devices do to them.

use tetrarch_core::{Input, Members, ServerId, Sighting};

use super::World;
use super::happening::{Happening, Stimulus, WorldEvent};
use crate::observer::Observer;
use crate::scenario::Sightings;

impl<O: Observer> World<O> {
    /// Something has changed that servers may see by themselves.
    pub(super) fn sense(&mut self) {
        let Sightings { rivals, services } = self.equipment.sightings;
        for server in ServerId::all(self.size) {
            if rivals {
                self.expect_rivals(server);
            }
            if services {
                self.expect_look_at_services(server);
            }
        }
    }

    /// A look is under way for each address on `server` that has another holder too.
    fn expect_rivals(&mut self, server: ServerId) {
        for function in ServerId::all(self.size) {
            let is_looking = self.server(server).looks.contains(function);
            if !is_looking && self.rivals(server, function).next().is_some() {
                let looks = &mut self.server_mut(server).looks;
                *looks = looks.with(function);
                let at = self.now + self.parameters.sighting_delay;
                self.agenda
                    .push(at, Happening::RivalLooked { server, function });
            }
        }
    }

    /// The servers from which `server`, which holds the address, hears that they hold it too.
    fn rivals(
        &self,
        server: ServerId,
        function: ServerId,
    ) -> impl Iterator<Item = ServerId> + use<'_, O> {
        let holders = self.holders(function);
        let others = if holders.contains(server) {
            holders.without(server)
        } else {
            Members::NONE
        };
        let hears = move |rival: &ServerId| self.links.works(self.now, *rival, server);
        others.iter().filter(hears)
    }

    /// While a rival is there it is seen again and again, but by programs that stand still only once they go on:
    /// it is they that look.
    pub(super) fn look_for_rival(&mut self, server: ServerId, function: ServerId) -> Stimulus {
        let looks = &mut self.server_mut(server).looks;
        *looks = looks.without(function);
        if self.rivals(server, function).next().is_none() {
            return Stimulus::None;
        }
        self.expect_rivals(server);
        if self.server(server).managing && !self.is_paused(server) {
            Stimulus::Input(server, Input::Seen(Sighting::Rival { function }))
        } else {
            Stimulus::None
        }
    }

    fn expect_look_at_services(&mut self, server: ServerId) {
        let state = self.server(server);
        let (up, life) = (state.up, state.life);
        if state.answers() && state.managing && state.noticed != up {
            self.server_mut(server).noticed = up;
            let at = self.now + self.parameters.report_delay;
            self.agenda
                .push(at, Happening::ServicesLooked { server, life });
        }
    }

    pub(super) fn look_at_services(&self, server: ServerId, life: u32) -> Stimulus {
        let state = self.server(server);
        if state.life == life && state.managing {
            let failing = state.failing();
            Stimulus::Input(server, Input::Seen(Sighting::Services(failing)))
        } else {
            Stimulus::None
        }
    }

    /// Whether a device switches `target` off.
    pub(super) fn fence(&self, target: ServerId) -> bool {
        self.equipment.fences.contains(target) && !self.broken_fences.contains(target)
    }

    /// Whether nothing is wrong with `target`. Most of the others not hearing it is no trouble of its own.
    pub(super) fn is_well_in_reach(&self, target: ServerId) -> bool {
        let state = self.server(target);
        let is_healthy = state.answers() && state.failing().is_empty();
        let reach = target.after(self.size);
        let reach = reach.filter(|other| self.reaches(*other, target)).count();
        // Programs that stand still manage no more than those that have ended: their address is off already.
        let is_managing = state.managing && !self.is_paused(target);
        is_healthy && is_managing && 2 * (reach + 1) > self.size
    }

    /// The device does its work; `in_reach` tells whether nothing was wrong with `target` when it was ordered to.
    ///
    /// The order cannot be taken back. A server that comes back only while the device is at work was neither
    /// healthy nor reachable when its fate was decided, as one is judged that is told to restart.
    pub(super) fn switch_off(&mut self, target: ServerId, in_reach: bool) {
        if in_reach && self.is_well_in_reach(target) {
            self.observer
                .world(self.now, target, WorldEvent::FencedInReach);
        }
        self.lose_power(target);
    }
}
