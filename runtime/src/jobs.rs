//! The jobs of a node: each a task, with its cancellation and its place in the order of its kind.

mod hand_back;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use tetrarch_core::{
    Action, Claim, Claims, Config, JobId, Members, Outcome, SERVERS_MAX, Safety, ServerId,
    ServiceSet, Span, Timing,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::driver::Told;
use crate::holds::Grant;
use crate::link::{Peers, Request};
use crate::parts::{Examine, Failure, Guard, OwnAddress, Parts, Power, VirtualServers};

/// What a cancellation means for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing is changed by it, so it may be dropped at any moment.
    Examination,
    /// The start of a virtual server, which is undone.
    Start(ServerId),
    /// Half a command would be worse than a whole one, so it goes on without anybody waiting.
    Command,
}

/// What a job does, and the jobs that it must not overtake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// Those of one virtual server.
    Virtual(ServerId),
    /// Those of the own address.
    Own,
    /// None.
    Free,
}

fn kind_of(action: Action) -> Kind {
    match action {
        Action::ExamineNetwork { .. } | Action::ExamineServices { .. } => Kind::Examination,
        Action::Resume { function } | Action::ColdStart { function } => Kind::Start(function),
        _ => Kind::Command,
    }
}

fn lane_of(action: Action) -> Lane {
    match action {
        Action::Resume { function }
        | Action::ColdStart { function }
        | Action::Assign { function }
        | Action::Release { function }
        | Action::Suspend { function } => Lane::Virtual(function),
        Action::AssignOwn | Action::ReleaseOwn => Lane::Own,
        _ => Lane::Free,
    }
}

/// What a guarded server needs a hold of before it does this.
const fn claim_of(action: Action, me: ServerId) -> Option<Claim> {
    match action {
        Action::Resume { function } | Action::ColdStart { function } => {
            Some(Claim::Image(function))
        }
        Action::Assign { function } => Some(Claim::Address(function)),
        Action::AssignOwn => Some(Claim::Address(me)),
        _ => None,
    }
}

/// What is off this server once this is done.
const fn freed_by(action: Action, me: ServerId) -> [Option<Claim>; 2] {
    match action {
        Action::Release { function } => [Some(Claim::Address(function)), None],
        Action::Suspend { function } => {
            [Some(Claim::Address(function)), Some(Claim::Image(function))]
        }
        Action::ReleaseOwn => [Some(Claim::Address(me)), None],
        _ => [None; 2],
    }
}

/// The end of the job before in the same lane: it comes when the sender is dropped.
type Turn = Option<oneshot::Receiver<()>>;

/// The jobs that a node has under way.
#[derive(Debug)]
pub(crate) struct Jobs<C, P, N> {
    clock: C,
    parts: Arc<P>,
    peers: Arc<N>,
    timing: Timing,
    me: ServerId,
    is_guarded: bool,
    told: mpsc::Sender<Told>,
    tasks: JoinSet<()>,
    /// Jobs whose result the driver has not taken yet.
    open: BTreeMap<JobId, oneshot::Sender<()>>,
    /// The last job of each virtual server, and of the own address.
    lanes: [Turn; SERVERS_MAX + 1],
    /// Releases of this step, which wait to be told whether the real server gets the address.
    undecided: Vec<(ServerId, oneshot::Sender<bool>)>,
    /// The functions that the node gave back after its last step.
    giving_back: watch::Sender<Members>,
}

/// One job, on its way through its task.
struct Task<C, P, N> {
    clock: C,
    parts: Arc<P>,
    peers: Arc<N>,
    told: mpsc::Sender<Told>,
    job: JobId,
    action: Action,
    /// What this needs a hold of, in a guarded group.
    needed: Option<Claim>,
    /// What is off this server once this is done, and by which grants it was held when this was begun. The node may
    /// have got it anew since, even in the same step.
    freed: [Option<(Claim, Grant)>; 2],
    limit: Span,
    is_guarded: bool,
    /// A release learns here whether the real server gets the address.
    gives_back: Option<oneshot::Receiver<bool>>,
    giving_back: watch::Receiver<Members>,
}

impl<C: Clock, P: Parts, N: Peers> Jobs<C, P, N> {
    pub(crate) fn new(
        clock: C,
        parts: Arc<P>,
        peers: Arc<N>,
        config: &Config,
        told: mpsc::Sender<Told>,
    ) -> Self {
        Self {
            clock,
            parts,
            peers,
            timing: *config.timing(),
            me: config.me(),
            is_guarded: config.safety() == Safety::Guarded,
            told,
            tasks: JoinSet::new(),
            open: BTreeMap::new(),
            lanes: [const { None }; SERVERS_MAX + 1],
            undecided: Vec::new(),
            giving_back: watch::Sender::new(Members::NONE),
        }
    }

    /// Begins a job; its end is told to the driver.
    pub(crate) fn begin(&mut self, job: JobId, action: Action) {
        // Tasks that have ended leave their results behind until somebody looks.
        while self.tasks.try_join_next().is_some() {}
        let (cancel, cancelled) = oneshot::channel();
        self.open.insert(job, cancel);
        let (before, end) = self.queue(lane_of(action));
        let guard = self.parts.guard();
        let freed = freed_by(action, self.me).map(|claim| Some((claim?, guard.grant(claim?))));
        let gives_back = self.awaits_decision(action);
        let task = Task {
            clock: self.clock.clone(),
            parts: Arc::clone(&self.parts),
            peers: Arc::clone(&self.peers),
            told: self.told.clone(),
            job,
            action,
            needed: claim_of(action, self.me).filter(|_| self.is_guarded),
            freed,
            limit: match kind_of(action) {
                Kind::Examination => self.timing.examination_max,
                Kind::Start(_) | Kind::Command => self.timing.job_max,
            },
            is_guarded: self.is_guarded,
            gives_back,
            giving_back: self.giving_back.subscribe(),
        };
        self.tasks.spawn(async move {
            task.run(before, cancelled).await;
            drop(end);
        });
    }

    /// The end of the job before in `lane`, and what to drop at the end of this one.
    fn queue(&mut self, lane: Lane) -> (Turn, oneshot::Sender<()>) {
        let (end, ended) = oneshot::channel();
        let before = match lane {
            Lane::Virtual(function) => self.lanes[function.index()].replace(ended),
            Lane::Own => self.lanes[SERVERS_MAX].replace(ended),
            Lane::Free => None,
        };
        (before, end)
    }

    /// Has the address of `function` announced once more. Nobody waits for that, but it comes in its turn:
    /// what is announced after the address was taken off would call clients to a server that has it not.
    pub(crate) fn announce(&mut self, function: ServerId) {
        let is_own = function == self.me;
        let (before, end) = self.queue(if is_own {
            Lane::Own
        } else {
            Lane::Virtual(function)
        });
        let (clock, parts, limit) = (
            self.clock.clone(),
            Arc::clone(&self.parts),
            self.timing.job_max,
        );
        self.tasks.spawn(async move {
            wait_for(before).await;
            let due = clock.now() + limit;
            let announced = async {
                if is_own {
                    parts.own_address().announce().await
                } else {
                    parts.virtual_servers().announce(function).await
                }
            };
            let announced = tokio::select! {
                biased;
                announced = announced => announced,
                () = clock.sleep_until(due) => Err("it took too long".into()),
            };
            if let Err(why) = announced {
                warn!(%function, %why, "an address is not announced once more");
            }
            drop(end);
        });
    }

    /// The node no longer wants the result.
    pub(crate) fn cancel(&mut self, job: JobId) {
        if let Some(cancel) = self.open.remove(&job) {
            // A task that has ended has nothing left to undo.
            let _ = cancel.send(());
        }
    }

    /// The driver has taken the result of this job.
    pub(crate) fn taken(&mut self, job: JobId) {
        self.open.remove(&job);
    }

    /// Ends when all jobs have, those included that nobody waits for.
    pub(crate) async fn drained(&mut self) {
        self.open.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn wait_for(before: Turn) {
    if let Some(before) = before {
        // An error is the end that is waited for: the sender was dropped.
        let _ = before.await;
    }
}

impl<C: Clock, P: Parts, N: Peers> Task<C, P, N> {
    async fn run(mut self, before: Turn, mut cancelled: oneshot::Receiver<()>) {
        wait_for(before).await;
        match kind_of(self.action) {
            Kind::Examination => {
                let outcome = tokio::select! {
                    biased;
                    Ok(()) = &mut cancelled => return,
                    outcome = self.perform_in_time() => outcome,
                };
                self.tell(outcome).await;
            }
            Kind::Start(function) => self.start(function, cancelled).await,
            Kind::Command => {
                self.synchronise(&mut cancelled).await;
                let outcome = self.perform_in_time().await;
                self.tell(outcome).await;
            }
        }
    }

    /// A start that is cancelled is undone, also when its result is already on its way to a node that
    /// does not want it any more: nobody else would ever stop that virtual server.
    async fn start(&self, function: ServerId, mut cancelled: oneshot::Receiver<()>) {
        let outcome = tokio::select! {
            biased;
            Ok(()) = &mut cancelled => None,
            outcome = self.perform_in_time() => Some(outcome),
        };
        let is_wanted = match outcome {
            None => false,
            Some(outcome) => {
                self.tell(outcome).await;
                cancelled.await.is_err()
            }
        };
        if !is_wanted && let Err(why) = self.parts.virtual_servers().undo_start(function).await {
            warn!(%function, %why, "the start of a virtual server could not be undone");
        }
    }

    async fn tell(&self, outcome: Outcome) {
        let job = self.job;
        // Without a driver nobody waits.
        let _ = self.told.send(Told::Done { job, outcome }).await;
    }

    /// Refuses what there is no hold for at this moment, and undoes what was done after its hold had
    /// ended: the end was enforced when there was nothing to end yet.
    async fn perform_in_time(&self) -> Outcome {
        if !self.may() {
            warn!(action = ?self.action, "refused, as there is no hold for it");
            return Outcome::Failed;
        }
        let outcome = self.perform_within_limit().await;
        if outcome != Outcome::Ok || self.may() {
            return outcome;
        }
        warn!(action = ?self.action, "undone, as its hold has ended meanwhile");
        let (virtual_servers, own) = (self.parts.virtual_servers(), self.parts.own_address());
        let undone = match self.action {
            Action::Resume { function } | Action::ColdStart { function } => {
                virtual_servers.undo_start(function).await
            }
            Action::Assign { function } => virtual_servers.release(function).await,
            _ => own.release().await,
        };
        if let Err(why) = undone {
            warn!(action = ?self.action, %why, "could not be undone");
        }
        Outcome::Failed
    }

    fn may(&self) -> bool {
        let has_hold = |claim| self.parts.guard().left(claim).is_some();
        self.needed.is_none_or(has_hold)
    }

    async fn perform_within_limit(&self) -> Outcome {
        let due = self.clock.now() + self.limit;
        tokio::select! {
            biased;
            outcome = self.perform() => outcome,
            () = self.clock.sleep_until(due) => {
                warn!(action = ?self.action, "a job took too long");
                Outcome::Failed
            }
        }
    }

    /// Carries the action out. Every action of the core is matched here and above, and nowhere else.
    async fn perform(&self) -> Outcome {
        let (examine, power) = (self.parts.examine(), self.parts.power());
        let (virtual_servers, own) = (self.parts.virtual_servers(), self.parts.own_address());
        let result = match self.action {
            Action::ExamineNetwork { target } => {
                return if examine.network(target).await {
                    Outcome::Ok
                } else {
                    Outcome::Failed
                };
            }
            Action::ExamineServices { target } => {
                return self.services_outcome(examine.services(target).await);
            }
            Action::RestartServices { target, failing } => {
                let request = Request::RestartServices { failing };
                self.peers.request(target, request).await
            }
            Action::RestartServer { target } => {
                self.peers.request(target, Request::RestartServer).await
            }
            Action::PowerOn { target } => power.power_on(target).await,
            Action::Resume { function } => virtual_servers.resume(function).await,
            Action::ColdStart { function } => virtual_servers.cold_start(function).await,
            Action::Assign { function } => virtual_servers.assign(function).await,
            Action::Release { function } => virtual_servers.release(function).await,
            Action::Suspend { function } => virtual_servers.suspend(function).await,
            Action::AssignOwn => own.assign().await,
            Action::ReleaseOwn => own.release().await,
            Action::Fence { target } => power.fence(target).await,
            Action::Vote { claims } => {
                return self.votes_outcome(self.parts.guard().vote(claims).await);
            }
        };
        match result {
            Ok(()) => {
                for (claim, grant) in self.freed.into_iter().flatten() {
                    self.parts.guard().is_off(claim, grant);
                }
                Outcome::Ok
            }
            Err(why) => {
                warn!(action = ?self.action, %why, "a job failed");
                Outcome::Failed
            }
        }
    }

    fn votes_outcome(&self, result: Result<Claims, Failure>) -> Outcome {
        match result {
            Ok(claims) => Outcome::Granted(claims),
            Err(why) => {
                debug!(action = ?self.action, %why, "the witness gave no votes");
                Outcome::Failed
            }
        }
    }

    fn services_outcome(&self, result: Result<ServiceSet, Failure>) -> Outcome {
        match result {
            Ok(failing) => Outcome::Services(failing),
            Err(why) => {
                debug!(action = ?self.action, %why, "an examination failed");
                Outcome::Failed
            }
        }
    }
}
