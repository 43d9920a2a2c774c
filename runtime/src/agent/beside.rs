//! What goes on beside the driver: it may fail, and is begun again.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, warn};

use crate::driver::Handle;
use crate::parts::Failure;

/// Pause before it is begun again.
const AGAIN: Duration = Duration::from_secs(1);

/// Something that this server sees by itself.
pub(super) trait Watch {
    /// What the server does without while this fails.
    const WITHOUT: &str;

    /// Tells the driver what is seen, until it has ended.
    fn watch(&self, handle: &Handle) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Watches until the driver has ended, again and again. Why that fails is said once aloud, and then for whoever looks
/// for it.
pub(super) async fn watch_on<W: Watch>(watched: W, handle: Handle) {
    let mut is_told = false;
    while let Err(why) = watched.watch(&handle).await {
        if is_told {
            debug!(%why, "still: {}", W::WITHOUT);
        } else {
            warn!(%why, "{}", W::WITHOUT);
        }
        is_told = true;
        sleep(AGAIN).await;
    }
}
