//! Why a virtual server is not what it was asked to be.

use std::io;
use std::path::PathBuf;

use super::guest::GuestError;
use super::lock::LockError;
use super::plug::PlugError;
use super::qmp::QmpError;
use super::store::StoreError;

/// Why a virtual server was not started or suspended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VirtualServerError {
    /// QEMU could not be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// QEMU has ended by itself.
    #[error("QEMU ended: {0}")]
    Died(String),
    /// The saved state is broken or does not fit: only a cold start helps.
    #[error("the saved state cannot be resumed: {0}")]
    BrokenState(String),
    /// QEMU did not do its part in time.
    #[error("QEMU did not {0} in time")]
    TooLong(&'static str),
    /// The monitor refused.
    #[error(transparent)]
    Qmp(#[from] QmpError),
    /// The guest agent refused, or is silent.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The image is another host's.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The image cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another host took the image away meanwhile, so what was run here is not kept.
    #[error("the image was taken over by another host")]
    Lost,
    /// A folder of this host cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its cable cannot be plugged in.
    #[error(transparent)]
    Plug(#[from] PlugError),
    /// This host may not run it, or not any more.
    #[error("this host may not run it")]
    NotAllowed,
    /// Work on the shared area was broken off because this program ends.
    #[error("broken off")]
    BrokenOff,
}
