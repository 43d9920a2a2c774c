//! What operators do on purpose, carried out.

use tetrarch_core::{Command, Input, ServerId, Span};

use super::World;
use super::happening::{Happening, Stimulus};
use crate::observer::Observer;
use crate::scenario::Operation;

/// How long a machine that goes down waits for its management programs to let it (assumed; systemd's
/// own limit is a setting, and the agent asks for this much).
const LEAVE_MAX: Span = Span::from_secs(30);

impl<O: Observer> World<O> {
    /// `operation` is done at, or about, `server`. Programs that stand still take no order.
    pub(super) fn operate(&mut self, operation: Operation, server: ServerId) -> Stimulus {
        match operation {
            Operation::Order(order) => {
                let runs =
                    |server: &ServerId| self.is_managing(*server) && !self.is_paused(*server);
                let at = Some(server).filter(runs);
                let at = at.or_else(|| ServerId::all(self.size).find(runs));
                at.map_or(Stimulus::None, |at| {
                    Stimulus::Input(at, Input::Command(Command::Order(order)))
                })
            }
            Operation::Leave { restart, .. } => self.leave(server, restart),
        }
    }

    fn leave(&mut self, server: ServerId, restart: bool) -> Stimulus {
        if !self.server(server).answers() {
            return Stimulus::None;
        }
        self.server_mut(server).leaving = Some(restart);
        if !self.is_managing(server) {
            self.may_go_down(server);
            return Stimulus::None;
        }
        let life = self.server(server).life;
        let latest = self.now + LEAVE_MAX;
        self.agenda
            .push(latest, Happening::GoesDown { server, life });
        Stimulus::Input(server, Input::Command(Command::Leave))
    }

    /// Nothing keeps a server any more that has announced it goes down.
    pub(crate) fn may_go_down(&mut self, server: ServerId) {
        let life = self.server(server).life;
        self.agenda
            .push(self.now, Happening::GoesDown { server, life });
    }

    /// A server that has announced it goes down, unless it has since.
    pub(super) fn go_down(&mut self, server: ServerId, life: u32) {
        if self.server(server).life != life {
            return;
        }
        match self.server_mut(server).leaving.take() {
            Some(true) => self.restart(server),
            Some(false) => self.lose_power(server),
            None => {}
        }
    }
}
