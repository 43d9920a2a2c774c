//! One task owns the node: inputs come in over one channel, outputs are carried out in their order.

use std::sync::Arc;

use tetrarch_core::{
    Claim, Command, Config, Deadline, Event, Input, JobId, Members, Message, Node, Outbox, Outcome,
    Output, SERVERS_MAX, Safety, ServerId, Sighting, Span, Time, Version,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::clock::{Alarm, Clock};
use crate::jobs::Jobs;
use crate::link::{Peers, Spoken};
use crate::parts::{Guard, OwnAddress, Parts, VirtualServers};
use crate::recorder::Recorder;
use crate::status::{Facts, Status};

/// How many inputs may wait for the node. Peers drop what does not fit; jobs wait.
const WAITING_MAX: usize = 256;

/// How many events a follower may be behind before it misses some.
const EVENTS_MAX: usize = 256;

/// What a driver is told.
#[derive(Debug)]
pub enum Told {
    /// A message came from another member.
    Message {
        /// The sender, as its certificate names it.
        from: ServerId,
        /// What it says.
        message: Message,
    },
    /// A job ended.
    Done {
        /// Its ticket.
        job: JobId,
        /// How.
        outcome: Outcome,
    },
    /// The operator, or the executer, wants something.
    Command(Command),
    /// This server sees something by itself.
    Seen(Sighting),
    /// Somebody wants to know how things stand.
    Status(oneshot::Sender<Status>),
}

/// Something that the node noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// When, on the driver's clock.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// The way to a driver.
#[derive(Clone, Debug)]
pub struct Handle {
    told: mpsc::Sender<Told>,
    events: broadcast::Sender<Noted>,
    held: watch::Receiver<Members>,
}

impl Handle {
    /// Tells the driver of a message, unless too much waits already.
    pub fn message(&self, from: ServerId, message: Message) {
        // The protocol copes with lost messages, but not with a peer that stops everything else.
        let _ = self.told.try_send(Told::Message { from, message });
    }

    /// Gives a command. Tells whether there was a driver to take it.
    pub async fn command(&self, command: Command) -> bool {
        self.told.send(Told::Command(command)).await.is_ok()
    }

    /// Tells what this server sees by itself. Tells whether there was a driver to hear it.
    pub async fn seen(&self, sighting: Sighting) -> bool {
        self.told.send(Told::Seen(sighting)).await.is_ok()
    }

    /// How things stand; none when the driver has ended.
    pub async fn status(&self) -> Option<Status> {
        let (answer, answered) = oneshot::channel();
        self.told.send(Told::Status(answer)).await.ok()?;
        answered.await.ok()
    }

    /// The functions whose virtual IP addresses are on this server as far as the node knows, its own among
    /// them.
    #[must_use]
    pub fn held(&self) -> Members {
        *self.held.borrow()
    }

    /// All events from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Noted> {
        self.events.subscribe()
    }
}

/// One life of a node: from the start of its management programs to their end.
#[derive(Debug)]
pub struct Driver<C, P, N> {
    clock: C,
    parts: Arc<P>,
    peers: Arc<N>,
    me: ServerId,
    is_guarded: bool,
    node: Node,
    outbox: Outbox,
    jobs: Jobs<C, P, N>,
    told: mpsc::Receiver<Told>,
    handle: Handle,
    deadline: Option<Deadline>,
    record: Option<Recorder>,
    facts: Facts,
    held: watch::Sender<Members>,
    /// In which versions the others are spoken to, and which of that the node knows.
    spoken: watch::Receiver<Spoken>,
    known: [Version; SERVERS_MAX],
}

impl<C: Clock, P: Parts, N: Peers> Driver<C, P, N> {
    /// A driver of a node with `config` that has not been started, and the way to it. With `record`
    /// it keeps everything that the node is told.
    pub fn new(
        config: Config,
        clock: C,
        parts: Arc<P>,
        peers: Arc<N>,
        record: Option<Recorder>,
    ) -> (Self, Handle) {
        let (tell, told) = mpsc::channel(WAITING_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let held = watch::Sender::new(Members::NONE);
        let handle = Handle {
            told: tell.clone(),
            events,
            held: held.subscribe(),
        };
        let jobs = Jobs::new(
            clock.clone(),
            Arc::clone(&parts),
            Arc::clone(&peers),
            &config,
            tell,
        );
        let driver = Self {
            spoken: peers.spoken(),
            known: [config.version(); SERVERS_MAX],
            clock,
            parts,
            peers,
            me: config.me(),
            is_guarded: config.safety() == Safety::Guarded,
            node: Node::new(config),
            outbox: Outbox::new(),
            jobs,
            told,
            handle: handle.clone(),
            deadline: None,
            record,
            facts: Facts::default(),
            held,
        };
        (driver, handle)
    }

    /// Starts the node and drives it until its programs are stopped and their last jobs have ended.
    pub async fn run(mut self) {
        let start = self.found().await;
        self.step(start);
        self.tell_versions();
        let mut alarm = Alarm::new(self.clock.clone());
        while self.node.view().is_running() {
            let at = self.deadline.map(|deadline| deadline.at);
            let wake = async {
                match at {
                    Some(at) => alarm.wait(at).await,
                    None => core::future::pending().await,
                }
            };
            // The wake-up goes first, so that nothing that is told can starve it.
            tokio::select! {
                biased;
                () = wake => self.step(Input::Deadline),
                Ok(()) = self.spoken.changed() => self.tell_versions(),
                // The driver holds a sender itself, so the channel is never closed.
                Some(told) = self.told.recv() => self.hear(told),
            }
        }
        // The last releases and suspensions: whoever stops the programs wants them done.
        self.told.close();
        self.jobs.drained().await;
        if let Some(record) = self.record {
            record.finish();
        }
    }

    /// What is on this server at this moment. What cannot be found out counts as absent: the node
    /// then asks the others before it takes anything.
    async fn found(&self) -> Input {
        let holding = self.parts.own_address().holds().await;
        let holding = holding.unwrap_or_else(|why| {
            warn!(%why, "cannot tell whether the own address is on this server");
            false
        });
        let serving = self.parts.virtual_servers().serving().await;
        let serving = serving.unwrap_or_else(|why| {
            warn!(%why, "cannot tell which virtual servers serve");
            Members::NONE
        });
        if self.is_guarded {
            return self.found_guarded(holding, serving).await;
        }
        Input::Start {
            holding,
            serving,
            silent: Span::ZERO,
            left: Span::MAX,
        }
    }

    /// What of it earlier programs were told that they may hold; everything else is taken off first, as
    /// nobody may count on it. An address that is there at the start of the machine is of that kind.
    async fn found_guarded(&self, holding: bool, serving: Members) -> Input {
        let guard = self.parts.guard();
        let silent = guard.silent();
        let own = guard.left(Claim::Address(self.me)).filter(|_| holding);
        if holding
            && own.is_none()
            && let Err(why) = self.parts.own_address().release().await
        {
            warn!(%why, "the own address, which may not be here, cannot be taken off");
        }
        let mut left: Vec<Span> = own.into_iter().collect();
        let mut kept = Members::NONE;
        for function in self.me.after(self.node.config().size()) {
            let address = guard.left(Claim::Address(function));
            let image = guard.left(Claim::Image(function));
            let serves = serving.contains(function);
            if let Some((address, image)) = address.zip(image).filter(|_| serves) {
                left.extend([address, image]);
                kept = kept.with(function);
            } else if serves || image.is_some() {
                // The votes for what the node does not know of are free as soon as it asks for others.
                if let Err(why) = self.parts.virtual_servers().undo_start(function).await {
                    warn!(%function, %why, "a virtual server that may not run cannot be ended");
                }
            }
        }
        Input::Start {
            holding: own.is_some(),
            serving: kept,
            silent,
            left: left.into_iter().min().unwrap_or(Span::MAX),
        }
    }

    fn hear(&mut self, told: Told) {
        let input = match told {
            Told::Message { from, message } => {
                self.facts.heard(self.clock.now(), from);
                Input::Message { from, message }
            }
            Told::Done { job, outcome } => {
                self.jobs.taken(job);
                Input::Done { job, outcome }
            }
            Told::Command(command) => Input::Command(command),
            Told::Seen(sighting) => Input::Seen(sighting),
            Told::Status(answer) => {
                let status = self.facts.status(self.clock.now(), &self.node);
                // Whoever asked may have gone.
                let _ = answer.send(status);
                return;
            }
        };
        self.step(input);
    }

    /// A wake-up that is overdue goes before whatever else: a node that stood still, with its machine or
    /// alone, learns first that its leases have ended.
    fn step(&mut self, input: Input) {
        let is_overdue = |deadline: Deadline| deadline.at < self.clock.now();
        if input != Input::Deadline && self.deadline.is_some_and(is_overdue) {
            self.step_once(Input::Deadline);
        }
        // Whoever greets does so before he says anything; what he says is not to overtake that.
        if self.spoken.has_changed().unwrap_or(false) && self.node.view().is_running() {
            self.tell_versions();
        }
        self.step_once(input);
    }

    /// Tells the node which versions the others speak, as far as it takes them to speak another.
    fn tell_versions(&mut self) {
        let spoken = *self.spoken.borrow_and_update();
        for server in ServerId::all(self.node.config().size()) {
            if let Some(version) = spoken.with(server)
                && self.known[server.index()] != version
            {
                self.known[server.index()] = version;
                self.step_once(Input::Speaks { server, version });
            }
        }
    }

    fn step_once(&mut self, input: Input) {
        let now = self.clock.now();
        if self.is_guarded
            && !self.parts.guard().living(self.clock.since_boot(now))
            && asks_for_votes(&input)
        {
            // The next agent on this server would not know of the votes; a message may be lost.
            return;
        }
        if let Some(record) = &mut self.record {
            record.input(now, &input);
        }
        let mut step = self.node.step(now, input, &mut self.outbox);
        for output in step.by_ref() {
            if let Some(record) = &mut self.record {
                record.output(&output);
            }
            match output {
                Output::Send { to, message } => self.peers.send(to, message),
                Output::Run { job, action } => self.jobs.begin(job, action),
                Output::Cancel { job } => self.jobs.cancel(job),
                Output::Hold { claim, until } => {
                    let until = self.clock.since_boot(until);
                    self.parts.guard().hold(claim, until);
                }
                Output::Announce { function } => self.jobs.announce(function),
                Output::Note(event) => {
                    info!(at = %now, ?event, "noted");
                    self.facts.noted(now, &event);
                    // Nobody needs to follow.
                    let _ = self.handle.events.send(Noted { at: now, event });
                }
            }
        }
        self.deadline = step.finish();
        self.jobs.stepped(self.node.view().giving_back());
        self.facts.stepped(now, &self.node);
        self.tell_held();
        if let Some(record) = &mut self.record {
            record.decided(self.deadline);
        }
    }

    fn tell_held(&self) {
        let view = self.node.view();
        let serving = view.serving();
        let held = if view.holds_own_address() {
            serving.with(self.me)
        } else {
            serving
        };
        self.held
            .send_if_modified(|known| core::mem::replace(known, held) != held);
    }
}

/// Whether another server may get votes of this one by `input`. What this server gives itself needs no note: all
/// that it may hold by that is in the same place, or not held.
const fn asks_for_votes(input: &Input) -> bool {
    matches!(
        input,
        Input::Message {
            message: Message::Renew { .. },
            ..
        }
    )
}

#[cfg(test)]
impl Handle {
    /// Lets everybody who follows hear of `event`.
    pub(crate) fn note_for_tests(&self, event: Event) {
        let at = Time::ZERO;
        self.events.send(Noted { at, event }).unwrap();
    }
}

/// A way to nobody: what is told can be looked at.
#[cfg(test)]
pub(crate) fn handle_for_tests() -> (Handle, mpsc::Receiver<Told>) {
    let (told, heard) = mpsc::channel(WAITING_MAX);
    let (events, _) = broadcast::channel(EVENTS_MAX);
    let (_, held) = watch::channel(Members::NONE);
    let handle = Handle { told, events, held };
    (handle, heard)
}
