//! The links between the servers: which direction works, and how many messages get lost.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tetrarch_core::{Members, SERVERS_MAX, ServerId};

use crate::units::Ratio;

#[derive(Clone, Debug)]
pub(crate) struct Links {
    /// For each server those that its messages do not reach.
    cut: [Members; SERVERS_MAX],
    loss: Ratio,
    dice: ChaCha8Rng,
}

impl Links {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = ChaCha8Rng::seed_from_u64(seed);
        Self {
            cut: [Members::NONE; SERVERS_MAX],
            loss: Ratio::NONE,
            dice,
        }
    }

    /// Whether what `from` sends reaches `to`.
    pub(crate) const fn works(&self, from: ServerId, to: ServerId) -> bool {
        !self.cut[from.index()].contains(to)
    }

    /// Whether the next message is lost on the way by chance. The dice are only thrown while
    /// there is loss, so a run without it is the same whatever the seed.
    pub(crate) fn loses(&mut self) -> bool {
        let ppm = self.loss.as_ppm();
        ppm > 0 && self.dice.random_range(0..Ratio::WHOLE.as_ppm()) < ppm
    }

    pub(crate) fn cut(&mut self, from: ServerId, to: ServerId) {
        let cut = &mut self.cut[from.index()];
        *cut = cut.with(to);
    }

    /// Cuts the links between servers on different sides.
    pub(crate) fn partition(&mut self, sides: &[Members]) {
        for from in sides {
            for to in sides.iter().filter(|to| *to != from) {
                for server in from.iter() {
                    for other in to.iter() {
                        self.cut(server, other);
                    }
                }
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        self.cut = [Members::NONE; SERVERS_MAX];
        self.loss = Ratio::NONE;
    }

    pub(crate) fn set_loss(&mut self, loss: Ratio) {
        self.loss = loss;
    }
}
