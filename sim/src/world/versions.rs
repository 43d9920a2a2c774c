//! Servers whose programs have different versions: how they learn of it, and what they can read.

use tetrarch_core::wire::{self, MESSAGE_BYTES_MAX};
use tetrarch_core::{Input, Life, Message, ServerId, Version};

use super::World;
use super::happening::{Happening, Stimulus};
use crate::observer::Observer;

impl<O: Observer> World<O> {
    /// The version of the programs that run on `server`, and which life of theirs this is.
    pub(crate) fn programs(&self, server: ServerId) -> (Version, Life) {
        let state = self.server(server);
        (state.version, Life::new(state.lives))
    }

    /// What arrives of a message: between servers of different versions it goes as bytes, and is not
    /// read by programs that are older than it.
    pub(super) fn carried(
        &self,
        from: ServerId,
        to: ServerId,
        message: Message,
    ) -> Option<Message> {
        let reader = self.server(to).version;
        if !self.is_mixed || self.server(from).version == reader {
            return Some(message);
        }
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        wire::decode_as(wire::encode(&message, &mut buffer), reader).ok()
    }

    /// The programs on `server` start: they and those of every server in reach learn each other's
    /// versions.
    pub(super) fn greet(&mut self, server: ServerId) {
        if self.is_mixed {
            for other in server.after(self.size) {
                for (server, other) in [(server, other), (other, server)] {
                    self.agenda
                        .push(self.now, Happening::Greeted { server, other });
                }
            }
        }
    }

    /// The links work again, and with them the connections.
    pub(super) fn greet_again(&mut self) {
        for server in ServerId::all(self.size) {
            self.greet(server);
        }
    }

    pub(super) fn greeted(&self, server: ServerId, other: ServerId) -> Stimulus {
        let works =
            self.links.works(self.now, server, other) && self.links.works(self.now, other, server);
        if !works || !self.server(server).managing || !self.server(other).managing {
            return Stimulus::None;
        }
        let version = self.server(other).version;
        Stimulus::Input(
            server,
            Input::Speaks {
                server: other,
                version,
            },
        )
    }
}
