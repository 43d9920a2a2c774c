//! Servers that stand still: the management programs alone, or the whole machine.

use tetrarch_core::{Input, SERVERS_MAX, ServerId};

use super::World;
use super::happening::{Happening, Stimulus, WorldEvent};
use crate::observer::Observer;

/// How many messages of one sender wait for a server that stands still: as many as a live agent takes of one
/// at once, before it ends the connection with what is left in it.
const LETTERS_MAX: u16 = 256;

/// What stands still on a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Nothing.
    #[default]
    None,
    /// The management programs: what they are told waits, and holds end without them.
    Agent,
    /// Everything: it does not answer either, and nothing on it goes on.
    Machine,
}

impl<O: Observer> World<O> {
    /// Lets an entry of the agenda happen, or wait for the server on which it would.
    pub(crate) fn happen(&mut self, happening: Happening) -> Stimulus {
        if !self.somebody_pauses {
            return self.happen_now(happening);
        }
        if let Some(server) = happening.on()
            && self.server(server).pause == Pause::Machine
        {
            self.wait(server, happening);
            return Stimulus::None;
        }
        match self.happen_now(happening) {
            Stimulus::Input(server, input) if self.server(server).pause == Pause::Agent => {
                self.tell_later(server, input);
                Stimulus::None
            }
            stimulus => stimulus,
        }
    }

    /// Whether the node on `server` is not stepped at present.
    pub(crate) fn is_paused(&self, server: ServerId) -> bool {
        self.somebody_pauses && self.server(server).pause != Pause::None
    }

    /// The node on `server` is told so as soon as it goes on.
    pub(crate) fn tell_later(&mut self, server: ServerId, input: Input) {
        let life = self.server(server).life;
        let told = Happening::Told {
            server,
            life,
            input,
        };
        self.wait(server, told);
    }

    /// Keeps this for `server`, unless it is a message for which its sender's connection has no room left.
    fn wait(&mut self, server: ServerId, happening: Happening) {
        if let Some(sender) = happening.sender() {
            let letters = &mut self.server_mut(server).letters[sender.index()];
            if *letters >= LETTERS_MAX {
                return;
            }
            *letters += 1;
        }
        self.waiting.push((server, happening));
    }

    pub(super) fn told(&self, server: ServerId, life: u32, input: Input) -> Stimulus {
        let state = self.server(server);
        if state.life == life && state.managing {
            Stimulus::Input(server, input)
        } else {
            Stimulus::None
        }
    }

    /// A server that answers stops doing so, or one that manages stands still.
    pub(super) fn pause(&mut self, server: ServerId, pause: Pause) {
        let state = self.server(server);
        let is_there = match pause {
            Pause::None => false,
            Pause::Agent => state.managing && state.pause == Pause::None,
            Pause::Machine => state.answers(),
        };
        if !is_there {
            return;
        }
        self.server_mut(server).pause = pause;
        self.somebody_pauses = true;
        if pause == Pause::Machine {
            self.observer
                .world(self.now, server, WorldEvent::StandsStill);
            self.refresh_clients();
        }
    }

    /// The server goes on: what should have ended meanwhile ends before anybody sees it again, then
    /// comes all that waited, in its order, before anything that arrives now.
    pub(super) fn go_on(&mut self, server: ServerId, from: Pause) {
        if from == Pause::None || self.server(server).pause != from {
            return;
        }
        let ends = |(whose, happening): &(ServerId, Happening)| {
            *whose == server && matches!(happening, Happening::HoldEnds { .. })
        };
        let waiting = core::mem::take(&mut self.waiting);
        let (ended, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ends);
        self.waiting = others;
        for (_, happening) in ended {
            self.happen_now(happening);
        }
        let waited = self.forget_pause(server);
        self.agenda.go_on(self.now, waited);
        if from == Pause::Machine {
            let event = if self.server(server).failing().is_empty() {
                WorldEvent::GoesOn
            } else {
                WorldEvent::Answers
            };
            self.observer.world(self.now, server, event);
            self.refresh_clients();
        }
    }

    /// Ends the pause of `server`, if there is one, and gives what waited for its end.
    pub(super) fn forget_pause(&mut self, server: ServerId) -> Vec<Happening> {
        if !self.somebody_pauses {
            return Vec::new();
        }
        let state = self.server_mut(server);
        state.pause = Pause::None;
        state.letters = [0; SERVERS_MAX];
        self.somebody_pauses = self.servers.iter().any(|state| state.pause != Pause::None);
        let waiting = core::mem::take(&mut self.waiting);
        let (its, others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(whose, _)| *whose == server);
        self.waiting = others;
        its.into_iter().map(|(_, happening)| happening).collect()
    }
}
