//! Waiting for what the system tells through a file descriptor.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// Waits for `descriptor` from now on. It must be called within a tokio runtime.
///
/// # Errors
///
/// When the system does not let it be waited for.
#[expect(
    deprecated,
    reason = "only wrong for what may give its descriptor away, and the way that took its place is unsafe code"
)]
pub(crate) fn on(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}
