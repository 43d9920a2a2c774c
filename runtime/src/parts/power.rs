//! Power of other servers: Wake-on-LAN switches them on, and a fence agent switches them either way.

mod fence;
mod group;
mod wake;

pub use fence::{FenceAction, FenceAgent, FenceError, Power};
pub use group::{GroupPower, PowerSwitch};
pub use wake::{WakeError, wake};
