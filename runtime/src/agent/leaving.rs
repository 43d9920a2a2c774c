//! A shutdown of this server that somebody has announced waits until what clients need of it is elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tetrarch_core::{Command, Event};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Shared;
use crate::driver::Handle;
use crate::parts::Failure;
use crate::parts::systemd::{self, Login};

/// Pause before logind is reached for again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The longest that a shutdown is held; logind's own limit is usually the shorter one, 5 s.
const HELD_MAX: Duration = Duration::from_secs(60);

/// Holds shutdowns for as long as the agent runs.
pub(super) async fn watch<P>(shared: Arc<Shared<P>>) {
    loop {
        if let Err(why) = hold_shutdowns(&shared).await {
            warn!(%why, "a shutdown of this server would not be waited with");
        }
        sleep(AGAIN_AFTER).await;
    }
}

async fn hold_shutdowns<P>(shared: &Shared<P>) -> Result<(), Failure> {
    let login = Login::open(&systemd::connect().await?).await?;
    loop {
        let lock = login.delay_shutdown().await?;
        login.shutdown_ahead().await?.announced().await?;
        // A manager that restarts this server serves its function already, or is about to.
        let is_ordered = shared.is_restarting.load(Ordering::Relaxed);
        let handle = shared.handle.borrow().clone();
        if let Some(handle) = handle.filter(|_| !is_ordered) {
            leave(&handle).await;
        }
        drop(lock);
        // The lock is taken anew for the next shutdown, as this one may be called off.
        sleep(AGAIN_AFTER).await;
    }
}

/// Hands everything over, as far as that is done in time.
async fn leave(handle: &Handle) {
    let mut events = handle.events();
    info!("this server shuts down; its functions are handed over");
    let left = async {
        // Programs that have just ended have nothing to hand over.
        if !handle.command(Command::Leave).await {
            return;
        }
        loop {
            match events.recv().await {
                Ok(noted) if noted.event == Event::Left => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    };
    if timeout(HELD_MAX, left).await.is_err() {
        warn!("not everything was handed over in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Told, handle_for_tests};

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_is_held_until_the_node_has_left_and_not_for_ever() {
        let (handle, mut heard) = handle_for_tests();
        let events = handle.clone();
        let leaving = tokio::spawn(async move { leave(&handle).await });
        assert!(matches!(
            heard.recv().await,
            Some(Told::Command(Command::Leave))
        ));
        events.note_for_tests(Event::OwnAddressDropped);
        sleep(HELD_MAX / 2).await;
        assert!(!leaving.is_finished());
        events.note_for_tests(Event::Left);
        leaving.await.unwrap();

        let (handle, mut heard) = handle_for_tests();
        let leaving = tokio::spawn(async move { leave(&handle).await });
        heard.recv().await.unwrap();
        sleep(HELD_MAX + Duration::from_secs(1)).await;
        assert!(leaving.is_finished());
    }
}
