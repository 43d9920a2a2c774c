//! The parts of a real server that the decisions of `core` are carried out with. Each one works
//! without the others and knows nothing of the protocol.

pub mod address;
pub(crate) mod command;
pub mod examine;
pub mod guests;
pub mod joined;
pub mod power;
pub mod program;
pub mod qemu;
pub mod sync;
pub mod systemd;
mod traits;

pub use traits::{Examine, Failure, Guard, OwnAddress, Parts, Power, Services, VirtualServers};
