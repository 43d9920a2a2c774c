//! Virtual servers: QEMU, its monitor, the agent in the guest, and the images on the shared area.

mod guest;
mod json;
mod lock;
mod machine;
mod qmp;
mod server;
mod store;

pub use guest::{Guest, GuestError};
pub use json::TalkError;
pub use lock::{ImageLock, LockError, Owner};
pub use machine::{Keep, Machine, MachineError};
pub use qmp::{Qmp, QmpError, RunState};
pub use server::{VirtualServer, VirtualServerError};
pub use store::{Store, StoreError};
