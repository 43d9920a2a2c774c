//! Virtual servers: QEMU, its monitor, the agent in the guest, and the images on the shared area.

mod failure;
mod guest;
mod json;
mod kill;
mod lock;
mod machine;
mod plug;
mod qmp;
mod server;
mod store;

pub use failure::VirtualServerError;
pub use guest::{Guest, GuestError};
pub use json::TalkError;
pub use kill::kill;
pub use lock::{ImageLock, LockError, Owner};
pub use machine::{Keep, Machine, MachineError};
pub use plug::{Plug, PlugError};
pub use qmp::{Qmp, QmpError, RunState};
pub use server::VirtualServer;
pub use store::{Store, StoreError};
