//! Which virtual servers this host shall run, by the structure.

use crate::id::{Priority, ServerId};
use crate::node::{Context, Node};
use crate::plan;
use crate::time::Span;

impl Node {
    /// The host of virtual servers is in trouble (Fig. 4c): its guests go to its P2, or to its P1
    /// when there is no other.
    pub(crate) fn take_guests_of(&mut self, cx: &mut Context<'_>, host: ServerId) {
        let managers = plan::managers(host, self.structure.members());
        let taker = managers
            .p2
            .filter(|p2| !self.absent.contains(*p2))
            .or(managers.p1);
        let stood_in = managers.priority(self.me()) == Some(Priority::P1)
            && managers.p2.is_none_or(|p2| self.absent.contains(p2));
        if (taker == Some(self.me()) || stood_in) && !self.membership.is_leaving() {
            for function in self.structure.guests(host).iter_after(self.me()) {
                if !self.orders.leaves_alone(function) {
                    self.want(cx, function, Span::ZERO);
                }
            }
        }
    }

    /// Makes the virtual servers on this host match a structure that has changed.
    pub(crate) fn reconcile_guests(&mut self, cx: &mut Context<'_>) {
        let me = self.me();
        for function in self.others() {
            let standby = self.standbys[function.index()];
            let overruled = self.structure.changes(function) > standby.since;
            let host = self.structure.host(function);
            let hosted = host.is_some_and(|host| {
                host != me && host != function && self.structure.contains(host)
            });
            if self.recoveries[function.index()].is_active() {
                if hosted {
                    // Another manager has judged the server meanwhile and serves in its place.
                    self.abandon_recovery(cx, function);
                    self.release_target(cx, function);
                }
                continue;
            }
            if host == Some(function) {
                if standby.wanted && overruled {
                    self.hand_back(cx, function);
                }
            } else if hosted {
                if standby.wanted && overruled {
                    self.unwant(cx, function);
                }
            } else if standby.is_serving() && standby.wanted {
                // Of two that serve, the one whose claim came later stays; if both claimed anew
                // whenever they hear of each other, neither would ever give in.
                if overruled && host.is_some_and(|host| host != me) {
                    self.unwant(cx, function);
                } else {
                    self.host_for_good(cx, function);
                }
            } else if !standby.wanted && self.adopts(function) {
                self.want(cx, function, Span::ZERO);
            }
        }
    }

    pub(super) fn adopts(&self, function: ServerId) -> bool {
        let me = self.me();
        self.membership.is_managing()
            && !self.membership.is_leaving()
            && !self.orders.leaves_alone(function)
            && (self.structure.host(function) == Some(me)
                || plan::adopter(function, &self.structure, self.config.guests_max) == Some(me))
    }
}
