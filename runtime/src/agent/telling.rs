//! What the agent tells whoever watches it: the ring at one look, the journal, metrics and notifications.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tetrarch_core::ServerId;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::warn;

use super::ordering::Look;
use super::{ANSWER_MAX, LOCAL_MAX, Shared, control};
use crate::driver::Handle;
use crate::journal::{Journal, Room};
use crate::metrics::{self, Figures, Notifications, http};
use crate::notify::{self, Deliveries, Teller};
use crate::overview::{Overview, Told};
use crate::parts::Parts;
use crate::peers::Network;
use crate::peers::expiry::{self, CertificateEnd};
use crate::report::Report;
use crate::site::Site;
use crate::status::Status;

/// How often it is said that the certificate ends.
const WARN_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long another server may take to say how things stand there.
const REPORT_MAX: Duration = Duration::from_secs(2);

/// What has happened on this server, and who is told of it.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// None when the disk does not take one: the programs run all the same.
    pub(super) journal: Option<Journal>,
    deliveries: Arc<Deliveries>,
}

impl Telling {
    pub(super) async fn begin(site: &Site, local: &crate::disk::Disk) -> Self {
        let (folder, has_hook) = (site.journal(), site.telling.hook.is_some());
        let opened = local.call(LOCAL_MAX, move || {
            Journal::begin(&folder, Room::default(), has_hook)
        });
        let journal = match opened.await {
            Some(Ok(journal)) => Some(journal),
            Some(Err(why)) => {
                warn!(%why, "no journal is kept");
                None
            }
            None => {
                warn!("no journal is kept: the local disk does not answer");
                None
            }
        };
        Self {
            journal,
            deliveries: Arc::default(),
        }
    }

    /// Keeps what the driver of a new life notes.
    pub(super) fn follow(&self, site: &Site, handle: &Handle) {
        if let Some(journal) = self.journal.clone() {
            let (me, ring) = (site.me, site.ring.clone());
            tokio::spawn(journal.follow(handle.events(), me, ring));
        }
    }
}

/// The tasks that tell; they end when they are aborted.
pub(super) fn spawn<P: Parts>(shared: &Arc<Shared<P>>) -> Vec<JoinHandle<()>> {
    let mut tasks = vec![tokio::spawn(warn_of_the_end(Arc::clone(shared)))];
    if let Some(address) = shared.site.telling.metrics {
        let shared = Arc::clone(shared);
        tasks.push(tokio::spawn(http::serve(address, move || {
            let shared = Arc::clone(&shared);
            async move { metrics(&shared).await }
        })));
    }
    let (hook, journal) = (&shared.site.telling.hook, &shared.telling.journal);
    if let (Some(hook), Some(journal)) = (hook.clone(), journal.clone()) {
        let teller = Teller {
            site: shared.site.name.clone(),
            host: shared.site.host().to_owned(),
        };
        let (disk, deliveries) = (shared.local.clone(), Arc::clone(&shared.telling.deliveries));
        tasks.push(tokio::spawn(async move {
            let ended = notify::deliver(journal, hook, teller, disk, &deliveries).await;
            if let Err(why) = ended {
                warn!(%why, "nobody is notified");
            }
        }));
    }
    tasks
}

/// When this server's certificate ends, once the agent knows its group.
fn certificate_end<P>(shared: &Shared<P>) -> Option<CertificateEnd> {
    let network = shared.network.borrow();
    network.as_ref().and_then(Network::certificate_end)
}

/// Says to the log, each day and whenever the keys are read for another group, that this server's certificate ends
/// soon or has ended.
async fn warn_of_the_end<P>(shared: Arc<Shared<P>>) {
    let mut networks = shared.network.subscribe();
    loop {
        expiry::tell(certificate_end(&shared));
        // Both are a reason to look: a day without a change, and a change.
        let _ = timeout(WARN_EVERY, networks.changed()).await;
    }
}

/// How things stand on this server; an error when its driver does not answer.
async fn own_status<P>(shared: &Shared<P>) -> Result<Option<Status>, String> {
    let handle = shared.handle.borrow().clone();
    match handle {
        None => Ok(None),
        Some(handle) => timeout(ANSWER_MAX, handle.status())
            .await
            .map_err(|_| "its driver does not answer".to_owned()),
    }
}

/// The metrics as text.
pub(super) async fn metrics<P>(shared: &Shared<P>) -> String {
    let status = own_status(shared).await.ok().flatten();
    let telling = &shared.telling;
    let counts = telling.journal.as_ref().map(Journal::counts);
    let deliveries = &telling.deliveries;
    let told = telling.journal.as_ref().map(|journal| Notifications {
        taken: deliveries.taken.load(Ordering::Relaxed),
        failed: deliveries.failed.load(Ordering::Relaxed),
        pending: journal
            .last()
            .borrow()
            .saturating_sub(deliveries.last.load(Ordering::Relaxed)),
    });
    metrics::render(&Figures {
        ring: &control::ring(shared),
        executer: control::phase_name(*shared.phase.borrow()),
        status: status.as_ref(),
        counts: &counts.unwrap_or_default(),
        notifications: told.filter(|_| shared.site.telling.hook.is_some()),
        certificate_end: certificate_end(shared).map(CertificateEnd::unix_seconds),
    })
}

/// The ring at one look: every server is asked, all at once.
pub(super) async fn look<P: Parts>(shared: &Shared<P>) -> Look {
    let (ring, me) = (control::ring(shared), shared.site.me);
    let own = own_status(shared).await;
    let asking = ServerId::all(ring.len()).map(|server| {
        let own = &own;
        async move {
            if server == me {
                let own = own.as_ref().map_err(Clone::clone)?;
                Ok(own.as_ref().map_or(Report::STOPPED, Report::of))
            } else {
                ask(shared, server).await
            }
        }
    });
    let told: Vec<Told> = futures_util::future::join_all(asking).await;
    let mut overview = Overview::new(&shared.site.name, &ring, me, &told);
    if let Ok(Some(own)) = &own {
        for (seen, known) in overview.servers.iter_mut().zip(&own.servers) {
            seen.heard_age_s = known.heard_age_s;
        }
    }
    Look { told, overview }
}

async fn ask<P>(shared: &Shared<P>, server: ServerId) -> Told {
    let network = shared.network.borrow().clone();
    let network = network.ok_or("there are no connections yet")?;
    match timeout(REPORT_MAX, network.report(server)).await {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(_)) => Err("it cannot be reached".to_owned()),
        Err(_) => Err("it does not answer".to_owned()),
    }
}
