//! What other servers' agents ask of this one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{LOCAL_MAX, Shared};
use crate::link::Request;
use crate::parts::{Failure, Parts, Power, Services};
use crate::peers::Asked;
use crate::store;

/// Carries requests out, one after the other: two restarts at once would be none.
pub(super) async fn serve<P: Parts>(shared: Arc<Shared<P>>, mut asked: mpsc::Receiver<Asked>) {
    while let Some(asked) = asked.recv().await {
        let (from, request) = (asked.from, asked.request);
        info!(%from, ?request, "asked");
        let done = carry_out(&shared, request).await;
        if let Err(why) = &done {
            warn!(%from, ?request, %why, "refused or failed");
        }
        asked.answer(done.is_ok());
    }
}

async fn carry_out<P: Parts>(shared: &Shared<P>, request: Request) -> Result<(), Failure> {
    // While the programs are stopped this server is not managed, and nobody is to restart it.
    let parts = || {
        let parts = shared.parts.borrow().clone();
        parts.ok_or("the management programs of this server are stopped")
    };
    match request {
        Request::RestartServices { failing } => parts()?.services().restart(failing).await,
        Request::RestartServer => {
            let parts = parts()?;
            shared.is_restarting.store(true, Ordering::Relaxed);
            parts.power().restart().await
        }
        Request::SetFlag { present } => set_flag(shared, present).await,
    }
}

/// Creates or removes this server's flag file.
pub(super) async fn set_flag<P>(shared: &Shared<P>, present: bool) -> Result<(), Failure> {
    let flag = shared.site.flag();
    let set = shared
        .local
        .call(LOCAL_MAX, move || store::set_flag(&flag, present));
    Ok(set.await.ok_or("the local disk does not answer")??)
}
