//! The sum of what a node decides, and of all that can be seen of it afterwards.

use std::hash::{Hash, Hasher};

use tetrarch_core::{Deadline, Node, Output, Timer};

/// FNV-1a over bytes in a fixed order, which the standard library's hashers do not promise.
#[derive(Clone, Copy)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // A word at once and a turn, where the original goes byte by byte: a run hashes millions.
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(29);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Digest {
    /// Adds one step: its outputs in their order, its wake-up, and what the node shows of itself.
    pub(crate) fn add(&mut self, node: &Node, outputs: &[Output], deadline: Option<Deadline>) {
        outputs.hash(self);
        deadline.hash(self);
        let view = node.view();
        let facts = [view.serving(), view.awake(), view.recovering()];
        facts.hash(self);
        let answers = [
            view.is_running(),
            view.is_managing(),
            view.holds_own_address(),
        ];
        answers.hash(self);
        view.structure().hash(self);
        view.stale_results().hash(self);
        view.stuck().hash(self);
        for (target, priority) in view.managed() {
            (target, priority).hash(self);
        }
        for timer in Timer::all() {
            if let Some(at) = view.due(timer) {
                (timer, at).hash(self);
            }
        }
    }

    /// The sum so far, short enough for a committed file.
    pub(crate) fn short(self) -> u32 {
        (self.0 ^ self.0 >> 32) as u32
    }
}
