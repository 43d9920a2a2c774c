//! Prints of 128 bits: states are told apart by them alone.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::{FixedState, FoldHasher};

/// What tells a state, or a part of one, from others but for negligible chance.
pub(crate) type Print = u128;

/// The print of `value`.
pub(crate) fn print_of(value: &impl Hash) -> Print {
    let mut printer = Printer::new();
    value.hash(&mut printer);
    printer.print()
}

/// Two hashes of the same, with different seeds.
pub(crate) struct Printer(FoldHasher<'static>, FoldHasher<'static>);

impl Printer {
    pub(crate) fn new() -> Self {
        let seeded = |seed| FixedState::with_seed(seed).build_hasher();
        Self(seeded(0x7e7a), seeded(0xa4c4))
    }

    pub(crate) fn print(&self) -> Print {
        Print::from(self.0.finish()) << 64 | Print::from(self.1.finish())
    }
}

impl Hasher for Printer {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0.write_u64(value);
        self.1.write_u64(value);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64((value >> 64) as u64);
        self.write_u64(value as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}
