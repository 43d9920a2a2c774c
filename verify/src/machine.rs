//! The transitions: real nodes are stepped, and the small world around them does what they want.

use std::sync::Arc;

use tetrarch_core::{
    Action, Claim, Input, JobId, Members, Message, Node, Outbox, Output, Register, SERVERS_MAX,
    ServerId, Span, Time,
};

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::judge::Property;
use crate::report::Line;
use crate::state::{
    Guest, Kept, NOW, Pending, Power, Server, Services, State, What, is_examination,
};

/// A mistake that is planted to see it found.
#[cfg(feature = "seeded-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Taking an address off a virtual server says that it worked, and does nothing.
    ReleaseDoesNothing,
    /// No server ever learns that another was cut out or taken back.
    StructureIsNotTold,
    /// The acting manager gives no sign of life.
    ProgressIsNotTold,
    /// What a server learns that starts is that its address is its own, whoever serves it.
    WelcomeHidesHolders,
    /// The examination after a repair sees the services as they were before.
    StaleExamination,
}

/// One step from a state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// What is under way at this place happens.
    Happen(u16),
    /// The node of this server is woken by its timer.
    Wake(ServerId),
    /// A fault strikes.
    Strike(Fault),
}

/// The rules, with the settings they need worked out once.
pub(crate) struct Machine {
    pub(crate) bounds: Bounds,
    /// Nodes that do not run, as they are kept for servers that are down.
    pub(crate) idle: Vec<Arc<Kept>>,
}

/// A step being taken.
pub(crate) struct Taking<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) state: State,
    /// The first property that the step broke, with the server that it is about.
    pub(crate) broken: Option<(Property, ServerId)>,
    /// What happens, for people; only filled when a run is told.
    pub(crate) lines: Option<&'a mut Vec<Line>>,
}

impl Machine {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let idle = bounds.configs.iter().map(|config| {
            // Not running, so nothing in it depends on time.
            Kept::new(Node::new(*config).rebased(NOW, NOW))
        });
        Self {
            idle: idle.collect(),
            bounds,
        }
    }

    /// The group in full service, its management programs just started, with so many faults to come.
    pub(crate) fn start(&self, faults: u8) -> State {
        let server = Server {
            power: Power::On,
            services: Services::Up,
            holds_own: true,
            is_managing: true,
            guests: [Guest::Suspended; SERVERS_MAX],
            awake_at: NOW,
        };
        let state = State {
            nodes: self.idle.clone(),
            servers: vec![server; self.bounds.ring()],
            cut: [Members::NONE; SERVERS_MAX],
            pending: Vec::new(),
            witness: Register::new(NOW, Span::MAX, self.bounds.parameters.lease_term),
            is_ordered: self.bounds.is_guarded(),
            faults_left: faults,
            turn: Members::NONE,
            group: Members::NONE,
            is_fresh: faults > 0,
            elapsed: Span::ZERO,
        };
        let mut taking = Taking {
            machine: self,
            state,
            broken: None,
            lines: None,
        };
        let timing = self.bounds.parameters.timing();
        let left = timing.lease_term.saturating_sub(timing.lease_margin);
        for server in ServerId::all(self.bounds.ring()) {
            let serving = Members::NONE;
            let holding = true;
            let silent = Span::MAX;
            if self.bounds.is_guarded() {
                // The programs before these had a whole lease of the address.
                taking.hold(server, Claim::Address(server), NOW + left);
            }
            taking.step(
                server,
                Input::Start {
                    holding,
                    serving,
                    silent,
                    left,
                },
            );
        }
        taking.settle();
        taking.state
    }

    /// Whether a planted mistake hides from this job that the services are well.
    #[cfg(feature = "seeded-bugs")]
    pub(crate) fn is_misled(&self, job: JobId) -> bool {
        self.bounds.bug == Some(Bug::StaleExamination)
            && job.owner == tetrarch_core::Owner::Recovery
    }

    #[cfg(not(feature = "seeded-bugs"))]
    pub(crate) const fn is_misled(&self, _: JobId) -> bool {
        false
    }

    /// The state after `action`, and what it broke.
    pub(crate) fn take<'a>(
        &'a self,
        state: &State,
        action: Move,
        lines: Option<&'a mut Vec<Line>>,
    ) -> (State, Option<(Property, ServerId)>) {
        let mut taking = Taking {
            machine: self,
            state: state.clone(),
            broken: None,
            lines,
        };
        taking.state.is_fresh &= matches!(action, Move::Strike(fault) if fault.is_of_links());
        let server = state.server_of(action);
        if let Move::Strike(fault) = action {
            taking.strike(fault);
        }
        if let Some(server) = server {
            taking.state.begin_turn(server);
        }
        match action {
            Move::Happen(place) => {
                let pending = taking.state.pending.remove(usize::from(place));
                taking.happen(pending.what);
            }
            Move::Wake(server) => taking.step(server, Input::Deadline),
            Move::Strike(_) => {}
        }
        taking.settle();
        taking.judge();
        (taking.state, taking.broken)
    }
}

impl Taking<'_> {
    pub(crate) fn server(&mut self, server: ServerId) -> &mut Server {
        &mut self.state.servers[server.index()]
    }

    pub(crate) fn tell(&mut self, text: impl FnOnce() -> String) {
        let at = self.state.elapsed;
        if let Some(lines) = &mut self.lines {
            lines.push(Line { at, text: text() });
        }
    }

    pub(crate) fn after(&mut self, wait: Span, what: What) {
        let pending = Pending::new(NOW + wait, what, self.state.size());
        self.state.pending.push(pending);
    }

    /// Steps a node, and begins what it wants done.
    pub(crate) fn step(&mut self, server: ServerId, input: Input) {
        if !self.state.servers[server.index()].is_managing {
            return;
        }
        let mut node = Node::clone(&*self.state.nodes[server.index()]);
        let mut outbox = Outbox::new();
        let mut step = node.step(NOW, input, &mut outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let _wake = step.finish();
        for output in outputs {
            match output {
                Output::Send { to, message } => self.send(server, to, message),
                Output::Run { job, action } => self.begin(server, job, action),
                Output::Cancel { job } => self.cancel(server, job),
                Output::Hold { claim, until } => self.hold(server, claim, until),
                Output::Announce { .. } => {}
                Output::Note(event) => self.tell(|| format!("{server} {event:?}")),
            }
        }
        // What comes back for a job that nobody waits for any more makes no difference; what the job
        // does to the world still does.
        let size = self.state.size();
        self.state.pending.retain_mut(|pending| {
            let mut what = pending.what;
            let (job, is_silent) = match &mut what {
                What::Effect {
                    server: at,
                    job,
                    action,
                } if *at == server => (job, is_examination(*action)),
                What::Done {
                    server: at, job, ..
                } if *at == server => (job, true),
                _ => return true,
            };
            let is_waited_for = node.view().waits_for(*job);
            let serial = u16::from(is_waited_for);
            if job.serial != serial {
                job.serial = serial;
                *pending = Pending::new(pending.at, what, size);
            }
            is_waited_for || !is_silent
        });
        self.state.nodes[server.index()] = Kept::new(node.rebased(NOW, NOW));
    }

    fn send(&mut self, from: ServerId, to: ServerId, message: Message) {
        #[cfg(feature = "seeded-bugs")]
        let Some(message) = crate::fault::planted(self.machine.bounds.bug, message) else {
            return;
        };
        if self.state.works(from, to) {
            let delay = self.machine.bounds.parameters.link_delay;
            let is_late = false;
            self.after(
                delay,
                What::Message {
                    from,
                    to,
                    message,
                    is_late,
                },
            );
        }
    }

    fn begin(&mut self, server: ServerId, job: JobId, action: Action) {
        if self.machine.bounds.is_guarded() {
            self.supersede(server, action);
        }
        let parameters = &self.machine.bounds.parameters;
        let wait = match action {
            Action::ExamineNetwork { .. } => parameters.network_examination_normal,
            Action::ExamineServices { .. } => parameters.link_delay.times(2),
            Action::RestartServer { .. }
            | Action::PowerOn { .. }
            | Action::Fence { .. }
            | Action::Vote { .. }
            | Action::AssignOwn
            | Action::ReleaseOwn => parameters.link_delay,
            Action::RestartServices { .. } | Action::Assign { .. } | Action::Release { .. } => {
                parameters.remote_command
            }
            Action::Resume { .. } => parameters.virtual_server_resume,
            Action::ColdStart { .. } => parameters.virtual_server_start,
            Action::Suspend { .. } => parameters.virtual_server_suspend,
        };
        self.after(
            wait,
            What::Effect {
                server,
                job,
                action,
            },
        );
    }

    /// A driver of guarded groups begins no job about something before the one before it about the same is over, so
    /// one that was given up and is late does nothing any more.
    fn supersede(&mut self, server: ServerId, action: Action) {
        let Some(subject) = moved_by(server, action) else {
            return;
        };
        self.state.pending.retain(|pending| {
            !matches!(pending.what, What::Effect { server: at, action, .. }
                if at == server && moved_by(at, action) == Some(subject))
        });
    }

    fn hold(&mut self, server: ServerId, claim: Claim, until: Time) {
        let what = What::HoldEnds { server, claim };
        self.state.pending.retain(|pending| pending.what != what);
        let size = self.state.size();
        self.state.pending.push(Pending::new(until, what, size));
    }

    /// A later message has arrived, so those that were held up come to nothing.
    fn forget_late(&mut self, sender: ServerId, receiver: ServerId) {
        self.state.pending.retain(|pending| {
            !matches!(pending.what, What::Message { from, to, is_late: true, .. }
                if from == sender && to == receiver)
        });
    }

    /// A start that is no longer wanted is undone.
    fn cancel(&mut self, server: ServerId, job: JobId) {
        self.state.pending.retain(|pending| {
            let What::Effect {
                server: at,
                job: other,
                action,
            } = pending.what
            else {
                return true;
            };
            let is_start = matches!(action, Action::Resume { .. } | Action::ColdStart { .. });
            !(is_start && at == server && other == job)
        });
    }

    pub(crate) fn happen(&mut self, what: What) {
        match what {
            What::HoldEnds { server, claim } => self.hold_ends(server, claim),
            What::Message {
                from,
                to,
                message,
                is_late,
            } => {
                if self.machine.bounds.is_guarded() && !is_late {
                    self.forget_late(from, to);
                }
                self.tell(|| format!("{to} gets {} from {from}", message_name(&message)));
                self.step(to, Input::Message { from, message });
            }
            What::Effect {
                server,
                job,
                action,
            } => self.effect(server, job, action),
            What::Done {
                server,
                job,
                outcome,
            } => self.step(server, Input::Done { job, outcome }),
            What::Answers { server } => {
                self.tell(|| format!("{server} answers on the network"));
                self.server(server).power = Power::On;
                let ready = self.machine.bounds.parameters.service_ready;
                let starts = true;
                self.after(ready, What::Ready { server, starts });
            }
            What::Ready { server, starts } => self.ready(server, starts),
            What::Heal { from, to } => {
                self.tell(|| "the links work again".to_owned());
                for sender in from.iter() {
                    let cut = &mut self.state.cut[sender.index()];
                    *cut = cut.minus(to);
                }
            }
        }
    }

    /// Lets time pass until the next thing is due, and calls that instant [`NOW`].
    fn settle(&mut self) {
        let state = &mut self.state;
        let due = state.pending.iter().map(|pending| state.due(pending));
        let woken = state.all().filter_map(|server| state.wake(server));
        let Some(next) = due.chain(woken).min() else {
            return;
        };
        if next <= NOW {
            state.end_turns();
            return;
        }
        let passed = next - NOW;
        state.turn = Members::NONE;
        state.group = Members::NONE;
        state.elapsed += passed;
        for node in &mut state.nodes {
            if node.view().is_running() {
                *node = Kept::new(node.rebased(next, NOW));
            }
        }
        let size = state.size();
        for pending in &mut state.pending {
            pending.at = earlier(pending.at, passed);
            pending.rebase(next, size);
        }
        state.witness = state.witness.rebased(next, NOW);
        for server in &mut state.servers {
            server.awake_at = earlier(server.awake_at, passed);
        }
        state.is_fresh = state.may_touch_links();
    }
}

/// The function whose virtual server, or own address, an action of `server` moves.
fn moved_by(server: ServerId, action: Action) -> Option<ServerId> {
    match action {
        Action::Resume { function }
        | Action::ColdStart { function }
        | Action::Assign { function }
        | Action::Release { function }
        | Action::Suspend { function } => Some(function),
        Action::AssignOwn | Action::ReleaseOwn => Some(server),
        _ => None,
    }
}

/// An instant after so much time has passed; what is overdue is due now, in whatever order.
fn earlier(at: Time, passed: Span) -> Time {
    NOW + at.since(NOW + passed)
}

pub(crate) const fn message_name(message: &Message) -> &'static str {
    match message {
        Message::Sync { .. } => "Sync",
        Message::Up { .. } => "Up",
        Message::Down { .. } => "Down",
        Message::Progress { .. } => "Progress",
        Message::Report { .. } => "Report",
        Message::Hello { .. } => "Hello",
        Message::Welcome { .. } => "Welcome",
        Message::GiveBack { .. } => "GiveBack",
        Message::Yield { .. } => "Yield",
        Message::Agree { .. } => "Agree",
        Message::Renew { .. } => "Renew",
        Message::Grant { .. } => "Grant",
        Message::Orders { .. } => "Orders",
        Message::Invite { .. } => "Invite",
        Message::Decline => "Decline",
        Message::Offer => "Offer",
        Message::Dropped => "Dropped",
        Message::Holds { .. } => "Holds",
        Message::Services { .. } => "Services",
        Message::Doubt { .. } => "Doubt",
        Message::Unheard { .. } => "Unheard",
        Message::Fenced { .. } => "Fenced",
        Message::Resumed => "Resumed",
        Message::Take { .. } => "Take",
    }
}
