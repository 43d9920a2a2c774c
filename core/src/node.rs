//! One server's management side. This file only dispatches; the parts decide.

use crate::bug::Bug;
use crate::config::Config;
use crate::event::Event;
use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::io::{Action, Command, Deadline, Input, JobId, Outbox, Outcome, Owner, Step};
use crate::lease::{Claims, Leases, Register};
use crate::membership::Membership;
use crate::message::{Message, Version};
use crate::orders::Orders;
use crate::parking::Flaps;
use crate::plan::{self, Managers};
use crate::recovery::Recovery;
use crate::sighting::Sightings;
use crate::standby::Standby;
use crate::structure::Structure;
use crate::time::{Span, Time};
use crate::timer::{Timer, Timers};
use crate::watch::Watch;

/// The management side of one server: its management programs, background jobs, virtual servers
/// and its place in the ring.
///
/// The contract, stated once:
///
/// - A driver calls [`Node::step`] for every input, with an instant that never goes back, carries
///   out the outputs in their order, and keeps the one wake-up that [`Step::finish`] returns.
/// - Slow work is a job with a ticket. A result whose ticket is no longer waited for is counted and
///   ignored, so a change of plans needs no lock. A job may fail, or never end.
/// - Messages may be lost, late, doubled and reordered. A driver that learns which version another
///   server speaks says so; then nothing is sent there that it would not understand. Deadlines may be late, early or needless.
/// - The node reads no clock, draws no number, does no I/O and, once its outbox has grown to its
///   size, allocates nothing. Equal nodes given equal inputs return equal outputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) membership: Membership,
    pub(crate) structure: Structure,
    /// [`Structure::digest`], kept because every cycle sends it.
    pub(crate) digest: u16,
    /// Servers whose network trouble this server has confirmed itself.
    pub(crate) absent: Members,
    pub(crate) watches: [Watch; SERVERS_MAX],
    pub(crate) recoveries: [Recovery; SERVERS_MAX],
    pub(crate) standbys: [Standby; SERVERS_MAX],
    pub(crate) timers: Timers,
    pub(crate) leases: Leases,
    /// This server as a voter.
    pub(crate) register: Register,
    pub(crate) vote: Vote,
    /// The version that each server speaks, as far as this one has been told.
    pub(crate) spoken: [Version; SERVERS_MAX],
    pub(crate) orders: Orders,
    /// Kept only where flap damping is configured.
    pub(crate) flaps: [Flaps; SERVERS_MAX],
    pub(crate) sightings: Sightings,
    pub(crate) serial: u16,
    pub(crate) stale: u32,
}

/// One step's surroundings: the instant and where outputs go.
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) out: &'a mut Outbox,
}

/// Facts about a node, for checkers and status pages.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) node: &'a Node,
}

impl Node {
    /// A node that has not been started.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let structure = Structure::whole(config.size());
        Self {
            config,
            membership: Membership::default(),
            structure,
            digest: structure.digest(config.size()),
            absent: Members::NONE,
            watches: [Watch::default(); SERVERS_MAX],
            recoveries: [Recovery::default(); SERVERS_MAX],
            standbys: [Standby::default(); SERVERS_MAX],
            timers: Timers::new(),
            leases: Leases::new(),
            register: Register::new(Time::ZERO, Span::MAX, config.timing.lease_term),
            vote: Vote::default(),
            spoken: [config.version; SERVERS_MAX],
            orders: Orders::NONE,
            flaps: [Flaps::default(); SERVERS_MAX],
            sightings: Sightings::default(),
            serial: 0,
            stale: 0,
        }
    }

    /// What this node was made with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Takes one input at the instant `now`. See [`Node`] for the contract.
    pub fn step<'a>(&'a mut self, now: Time, input: Input, out: &'a mut Outbox) -> Step<'a> {
        out.clear();
        let cx = &mut Context { now, out };
        if !matches!(input, Input::Start { .. }) {
            self.end_lapsed(cx);
        }
        match input {
            Input::Start {
                holding,
                serving,
                silent,
                left,
            } => {
                self.forget(now, silent, self.config.timing.lease_term);
                // A driver that has seen something else here than functions of other members is
                // mistaken.
                let others = self.others().fold(Members::NONE, Members::with);
                let serving = serving.minus(serving.minus(others));
                self.inherit(cx, holding, serving, left);
                self.join(cx, holding, serving);
            }
            Input::Command(Command::Stop) => self.stop(cx),
            _ if !self.membership.is_running() => {}
            Input::Message { from, message } => self.receive(cx, from, message),
            Input::Done { job, outcome } => self.done(cx, job, outcome),
            Input::Seen(sighting) => self.seen(cx, sighting),
            Input::Speaks { server, version } => self.speaks(cx, server, version),
            Input::Command(Command::Order(order)) => self.order(cx, order),
            Input::Command(Command::Leave) => self.leave_host(cx),
            Input::Deadline => {
                while let Some(timer) = self.timers.take_due(now, self.config.me) {
                    self.expire(cx, timer);
                }
            }
        }
        let understood = |to: ServerId| self.spoken[to.index()].min(self.config.version);
        if ServerId::all(self.config.size()).any(|server| understood(server) < Version::NEWEST) {
            out.translate(understood);
        }
        let deadline = self.view().deadline();
        Step::new(out, deadline)
    }

    /// Facts for checkers and status pages.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { node: self }
    }

    /// A new life begins, in which nothing of an earlier one is known.
    fn forget(&mut self, now: Time, silent: Span, term: Span) {
        *self = Self::new(self.config);
        let silent = if self.config.has(Bug::VotesAtOnce) {
            Span::MAX
        } else {
            silent
        };
        self.register = Register::new(now, silent, term);
        self.leases.begin(now);
    }

    fn stop(&mut self, cx: &mut Context<'_>) {
        if !self.membership.is_running() {
            return;
        }
        let me = self.me();
        for subject in [me].into_iter().chain(me.after(SERVERS_MAX)) {
            for owner in OWNERS {
                self.cancel_job(cx, owner, subject);
            }
        }
        // Nobody would take the addresses off these virtual servers any more, and another manager
        // will stand in for this one.
        let mut awake = self.view().awake();
        if self.config.has(Bug::StopsAndLeaves) {
            awake = Members::NONE;
        }
        for function in awake.iter_after(self.me()) {
            for action in [Action::Release { function }, Action::Suspend { function }] {
                self.serial = self.serial.wrapping_add(1);
                let (owner, serial) = (Owner::Standby, self.serial);
                cx.out.run(
                    JobId {
                        owner,
                        subject: function,
                        serial,
                    },
                    action,
                );
            }
        }
        *self = Self::new(self.config);
        cx.out.note(Event::Stopped);
    }

    fn receive(&mut self, cx: &mut Context<'_>, from: ServerId, message: Message) {
        if from == self.me() || from.index() >= self.config.size() {
            return;
        }
        match message {
            Message::Sync { target, digest } => {
                self.compare_structures(cx, from, digest);
                self.sync_received(cx, from, target);
            }
            Message::Up { target } => self.up_received(cx, from, target),
            Message::Down { structure, .. } => self.down_received(cx, from, &structure),
            Message::Progress {
                target,
                serving,
                restarting,
                digest,
            } => {
                let agreed = digest == self.digest;
                self.compare_structures(cx, from, digest);
                self.progress_received(cx, from, target, (serving, restarting), agreed);
            }
            Message::Report { structure } => self.report_received(cx, from, &structure),
            Message::Hello { structure } => self.hello_received(cx, from, &structure),
            Message::Welcome { structure, held } => {
                self.welcome_received(cx, from, &structure, held);
            }
            Message::GiveBack { structure } => self.give_back_received(cx, from, &structure),
            Message::Yield { agreed } => self.yield_received(cx, from, agreed),
            Message::Resumed => self.resumed_received(cx, from),
            Message::Take { function } => self.take_received(cx, function),
            Message::Agree { target, said } => self.agree_received(cx.now, from, target, said),
            Message::Renew { claims, asked } => self.renew_received(cx, from, claims, asked),
            Message::Holds {
                function,
                structure,
            } => self.holds_received(cx, from, function, &structure),
            Message::Services { failing } => self.services_reported(cx, from, failing),
            Message::Doubt { target } => self.doubt_received(cx, from, target),
            Message::Unheard { target, life } => self.unheard_received(cx, from, target, life),
            Message::Fenced { target, life } => self.fenced_received(from, target, life),
            Message::Grant { claims, asked } => self.grant_received(cx, from, claims, asked),
            Message::Orders { orders } => self.orders_received(cx, from, &orders),
            Message::Invite { leaving } => self.invite_received(cx, from, leaving),
            Message::Decline => self.decline_received(cx, from),
            Message::Offer => self.offer_received(cx, from),
            Message::Dropped => self.dropped_received(cx, from),
        }
    }

    fn done(&mut self, cx: &mut Context<'_>, job: JobId, outcome: Outcome) {
        let subject = job.subject;
        let waited_for = match job.owner {
            Owner::Watch => self.watches[subject.index()].job,
            Owner::Recovery => self.recoveries[subject.index()].job,
            Owner::Standby => self.standbys[subject.index()].job,
            Owner::Own => self.membership.job,
            Owner::Vote => self.vote.job,
        };
        if waited_for != Some(job.serial) {
            self.stale = self.stale.saturating_add(1);
            return;
        }
        self.end_job(job.owner, subject);
        match job.owner {
            Owner::Watch => self.watch_done(cx, subject, outcome),
            Owner::Recovery => self.recovery_done(cx, subject, outcome),
            Owner::Standby => self.standby_done(cx, subject, outcome),
            Owner::Own => self.own_done(cx, outcome),
            Owner::Vote => self.vote_done(cx, outcome),
        }
    }

    fn expire(&mut self, cx: &mut Context<'_>, timer: Timer) {
        match timer {
            Timer::Watch(target) => {
                self.cancel_job(cx, Owner::Watch, target);
                self.watch_expired(cx, target);
            }
            Timer::Recovery(target) => {
                self.cancel_job(cx, Owner::Recovery, target);
                self.recovery_expired(cx, target);
            }
            Timer::Standby(function) => {
                self.cancel_job(cx, Owner::Standby, function);
                self.standby_expired(cx, function);
            }
            Timer::Beat => self.beat(cx),
            Timer::Join => self.join_expired(cx),
            Timer::Own => {
                let me = self.me();
                self.cancel_job(cx, Owner::Own, me);
                self.own_expired(cx);
            }
            Timer::Lease => self.lease_expired(cx),
            Timer::Seen => self.seen_expired(cx),
            Timer::Vote => {
                let me = self.me();
                self.cancel_job(cx, Owner::Vote, me);
                self.vote_done(cx, Outcome::Failed);
            }
        }
    }

    // What the parts share.

    pub(crate) const fn me(&self) -> ServerId {
        self.config.me
    }

    /// The other servers of the group, in the ring or not.
    pub(crate) fn others(&self) -> impl Iterator<Item = ServerId> + use<> {
        self.me().after(self.config.size())
    }

    pub(crate) fn tell_others(&self, cx: &mut Context<'_>, message: Message) {
        for other in self.others() {
            cx.out.send(other, message);
        }
    }

    pub(crate) fn managers(&self, target: ServerId) -> Managers {
        plan::managers_without(target, self.structure.members(), self.absent)
    }

    /// Begins a job for `owner`; its result, or a timer set here, ends the wait.
    pub(crate) fn run(
        &mut self,
        cx: &mut Context<'_>,
        owner: Owner,
        subject: ServerId,
        action: Action,
    ) {
        self.cancel_job(cx, owner, subject);
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        *self.job_slot(owner, subject) = Some(serial);
        let wait = match action {
            Action::ExamineNetwork { .. } | Action::ExamineServices { .. } => {
                self.config.timing.examination_max
            }
            // A device that hangs is not waited for as long as a boot.
            Action::Fence { .. } => self.config.timing.examination_max,
            Action::Vote { .. } => self.config.timing.lease_term,
            _ => self.config.timing.job_max,
        };
        if !self.config.has(Bug::WaitsForEver) {
            self.timers.set(timer_of(owner, subject), cx.now + wait);
        }
        cx.out.run(
            JobId {
                owner,
                subject,
                serial,
            },
            action,
        );
    }

    /// Forgets the job that `owner` waits for, if there is one, and tells the driver so.
    pub(crate) fn cancel_job(&mut self, cx: &mut Context<'_>, owner: Owner, subject: ServerId) {
        if let Some(serial) = self.job_slot(owner, subject).take() {
            self.timers.clear(timer_of(owner, subject));
            cx.out.cancel(JobId {
                owner,
                subject,
                serial,
            });
        }
    }

    fn end_job(&mut self, owner: Owner, subject: ServerId) {
        *self.job_slot(owner, subject) = None;
        self.timers.clear(timer_of(owner, subject));
    }

    fn job_slot(&mut self, owner: Owner, subject: ServerId) -> &mut Option<u16> {
        match owner {
            Owner::Watch => &mut self.watches[subject.index()].job,
            Owner::Recovery => &mut self.recoveries[subject.index()].job,
            Owner::Standby => &mut self.standbys[subject.index()].job,
            Owner::Own => &mut self.membership.job,
            Owner::Vote => &mut self.vote.job,
        }
    }
}

const fn timer_of(owner: Owner, subject: ServerId) -> Timer {
    match owner {
        Owner::Watch => Timer::Watch(subject),
        Owner::Recovery => Timer::Recovery(subject),
        Owner::Standby => Timer::Standby(subject),
        Owner::Own => Timer::Own,
        Owner::Vote => Timer::Vote,
    }
}

/// The question to the witness that is under way, or was the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Vote {
    pub(crate) job: Option<u16>,
    /// Its stamp.
    pub(crate) asked: Time,
    /// All that this server wanted when it asked.
    pub(crate) wanted: Claims,
}

const OWNERS: [Owner; 5] = [
    Owner::Watch,
    Owner::Recovery,
    Owner::Standby,
    Owner::Own,
    Owner::Vote,
];

impl View<'_> {
    /// Whether the management programs run.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.node.membership.is_running()
    }

    /// Whether this server manages others: it runs and has found its place in the ring.
    #[must_use]
    pub fn is_managing(&self) -> bool {
        self.node.membership.is_managing()
    }

    /// Whether this server believes that it holds its own virtual IP address.
    #[must_use]
    pub fn holds_own_address(&self) -> bool {
        self.node.membership.holds_own()
    }

    /// The structure as far as this server knows.
    #[must_use]
    pub fn structure(&self) -> Structure {
        self.node.structure
    }

    /// What operators have ordered, as far as this server knows.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.node.orders
    }

    /// Whether this server's function shall go to its virtual server and nobody takes it: each of its
    /// managers is gone or has declined.
    #[must_use]
    pub fn finds_no_taker(&self) -> bool {
        self.node.finds_no_taker()
    }

    /// The functions whose virtual server on this host holds the virtual IP address.
    #[must_use]
    pub fn serving(&self) -> Members {
        self.functions(|standby| standby.is_serving())
    }

    /// The functions whose real server, found healthy, gets the address as soon as the virtual server
    /// on this host has dropped it.
    #[must_use]
    pub fn giving_back(&self) -> Members {
        self.functions(Standby::is_giving_back)
    }

    /// The functions whose virtual server takes up memory of this host.
    #[must_use]
    pub fn awake(&self) -> Members {
        self.functions(|standby| standby.is_awake())
    }

    /// The targets that this server recovers at this moment.
    #[must_use]
    pub fn recovering(&self) -> Members {
        ServerId::all(SERVERS_MAX)
            .filter(|target| self.node.recoveries[target.index()].is_active())
            .fold(Members::NONE, Members::with)
    }

    /// The targets of this server's management programs, with its priority for each.
    pub fn managed(&self) -> impl Iterator<Item = (ServerId, crate::id::Priority)> + '_ {
        ServerId::all(SERVERS_MAX).filter_map(|target| {
            self.node.watches[target.index()]
                .priority
                .map(|priority| (target, priority))
        })
    }

    /// How many results came for jobs that nobody waited for any more.
    #[must_use]
    pub fn stale_results(&self) -> u32 {
        self.node.stale
    }

    /// When `timer` wakes the node, if it is set: whoever explains a run sees here which wait began
    /// at which step.
    #[must_use]
    pub fn due(&self, timer: Timer) -> Option<Time> {
        self.node.timers.due(timer)
    }

    /// The next instant at which the node wants to be woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.node
            .timers
            .first(self.node.me())
            .map(|(at, timer)| Deadline { at, timer })
    }

    /// The first part of the node that waits for something without a timer that would end the wait.
    /// There never is one: every wait state is left, whatever gets lost.
    #[must_use]
    pub fn stuck(&self) -> Option<(Owner, ServerId)> {
        let node = self.node;
        if !node.membership.is_running() {
            return None;
        }
        // This is asked after every step of a simulation, so all parts are looked at in one go.
        let (mut watching, mut recovering, mut standing_by) = (0, 0, 0);
        for place in 0..node.config.size() {
            let recovers = node.recoveries[place].is_active();
            recovering |= u8::from(recovers) << place;
            watching |= u8::from(node.watches[place].is_waiting(recovers)) << place;
            standing_by |= u8::from(node.standbys[place].is_waiting()) << place;
        }
        let subjects = [watching, recovering, standing_by].map(Members::from_bits);
        if let Some((kind, subject)) = node.timers.first_missing(subjects) {
            return Some((OWNERS[kind], subject));
        }
        let is_set = |timer| node.timers.is_set(timer);
        let me = node.me();
        if node.membership.own_is_changing() && !is_set(Timer::Own) {
            return Some((Owner::Own, me));
        }
        if node.vote.job.is_some() && !is_set(Timer::Vote) {
            return Some((Owner::Vote, me));
        }
        let asks = node.leases.wanted.is_empty() || is_set(Timer::Lease);
        let placed = node.membership.has_place() || is_set(Timer::Join);
        (!placed || !asks).then_some((Owner::Own, me))
    }

    fn functions(&self, wanted: impl Fn(&Standby) -> bool) -> Members {
        ServerId::all(SERVERS_MAX)
            .filter(|function| wanted(&self.node.standbys[function.index()]))
            .fold(Members::NONE, Members::with)
    }
}

#[cfg(test)]
mod tests;
