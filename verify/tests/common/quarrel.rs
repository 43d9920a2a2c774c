//! Guarded nodes that quarrel: what they examine is a matter of luck, so several are always after the same addresses
//! and images, over links that lose and delay, while jobs fail and take long, programs start anew, and nodes stand
//! still. Nobody reaches anything in such a group, so nothing is asked of it but the two things that leases are for.
//!
//! The swarm has the same faults, but there servers believe in trouble only when there is some.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tetrarch_core::{
    Action, Bug, Claim, Claims, Config, Input, JobId, Life, Members, Message, Node, Outbox,
    Outcome, Output, Register, SERVERS_MAX, Safety, ServerId, ServiceSet, Span, Time, Timing,
};

/// How likely things are in one quarrel.
struct Odds {
    lost: f64,
    fails: f64,
    no_answer: f64,
    slow: f64,
    restart: f64,
    pause: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Guest {
    Suspended,
    Running,
    Holding,
}

/// A server, its node and what the driver keeps.
struct Server {
    node: Node,
    life: u32,
    stopped_at: Time,
    awake_at: Time,
    /// The wake-up that the node wants.
    wake: Option<Time>,
    own: bool,
    guests: [Guest; SERVERS_MAX],
    addresses: [Time; SERVERS_MAX],
    images: [Time; SERVERS_MAX],
    /// When the last job about each function's virtual server, or the own address, ends.
    lanes: [Time; SERVERS_MAX],
    /// When the last message from each server arrives.
    links: [Time; SERVERS_MAX],
    cancelled: Vec<JobId>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Wake,
    Input(usize),
    Effect(JobId, usize),
    HoldEnds,
    Trouble,
    Start,
}

/// A happening at a server, in the life that it belongs to, by the order in which it was planned.
type Planned = Reverse<(Time, u64, usize, u32, Happening)>;

pub(crate) struct Quarrel {
    now: Time,
    dice: ChaCha8Rng,
    odds: Odds,
    timing: Timing,
    bug: Option<Bug>,
    servers: Vec<Server>,
    witness: Register,
    agenda: BinaryHeap<Planned>,
    /// What inputs and effects of the agenda are.
    inputs: Vec<Input>,
    actions: Vec<Action>,
    count: u64,
    /// How often an address changed hands.
    pub(crate) moves: u64,
    outbox: Outbox,
}

fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

impl Quarrel {
    pub(crate) fn new(seed: u64, timing: Timing, bug: Option<Bug>) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let size = dice.random_range(2..=5);
        let odds = Odds {
            lost: f64::from(dice.random_range(0..5_u8)) / 10.0,
            fails: f64::from(dice.random_range(0..4_u8)) / 10.0,
            no_answer: f64::from(dice.random_range(1..8_u8)) / 10.0,
            slow: f64::from(dice.random_range(0..3_u8)) / 10.0,
            restart: f64::from(dice.random_range(0..4_u8)) / 10.0,
            pause: f64::from(dice.random_range(0..4_u8)) / 10.0,
        };
        let mut quarrel = Self {
            now: Time::ZERO + Span::from_secs(100),
            dice,
            odds,
            timing,
            bug,
            servers: Vec::new(),
            witness: Register::new(Time::ZERO, Span::MAX, timing.lease_term),
            agenda: BinaryHeap::new(),
            inputs: Vec::new(),
            actions: Vec::new(),
            count: 0,
            moves: 0,
            outbox: Outbox::new(),
        };
        for place in 0..size {
            let server = quarrel.fresh(place, size);
            quarrel.servers.push(server);
            quarrel.plan(quarrel.now, place, Happening::Start);
            let first = quarrel.now + quarrel.within(20_000);
            quarrel.plan(first, place, Happening::Trouble);
        }
        quarrel
    }

    fn fresh(&self, place: usize, size: usize) -> Server {
        Server {
            node: self.node(place, size, 1),
            life: 1,
            stopped_at: Time::ZERO,
            awake_at: Time::ZERO,
            wake: None,
            own: false,
            guests: [Guest::Suspended; SERVERS_MAX],
            addresses: [Time::ZERO; SERVERS_MAX],
            images: [Time::ZERO; SERVERS_MAX],
            lanes: [Time::ZERO; SERVERS_MAX],
            links: [Time::ZERO; SERVERS_MAX],
            cancelled: Vec::new(),
        }
    }

    fn node(&self, place: usize, size: usize, life: u32) -> Node {
        let me = ServerId::new(place).unwrap();
        let config = Config::new(me, size, 3, self.timing).unwrap();
        let mut config = config
            .with_safety(Safety::Guarded)
            .with_life(Life::new(life));
        if let Some(bug) = self.bug {
            config = config.with_bug(bug);
        }
        Node::new(config)
    }

    fn within(&mut self, ms_max: u64) -> Span {
        ms(self.dice.random_range(1..=ms_max))
    }

    fn plan(&mut self, at: Time, server: usize, what: Happening) {
        self.count += 1;
        let life = self.servers[server].life;
        let planned = Reverse((at, self.count, server, life, what));
        self.agenda.push(planned);
    }

    fn plan_input(&mut self, at: Time, server: usize, input: Input) {
        self.inputs.push(input);
        self.plan(at, server, Happening::Input(self.inputs.len() - 1));
    }

    /// Quarrels for so long, or until somebody has what another has: that claim is returned.
    pub(crate) fn run(&mut self, long: Span) -> Option<Claim> {
        let end = self.now + long;
        while let Some(Reverse((at, _, server, life, what))) = self.agenda.pop() {
            if at > end {
                break;
            }
            self.now = at;
            self.happen(server, life, what);
            let shared = self.shared();
            if shared.is_some() {
                return shared;
            }
        }
        None
    }

    fn shared(&self) -> Option<Claim> {
        ServerId::all(self.servers.len()).find_map(|function| {
            let count = |has: &dyn Fn(usize, &Server) -> bool| {
                let servers = self.servers.iter().enumerate();
                servers
                    .filter(|(place, server)| has(*place, server))
                    .count()
            };
            let slot = function.index();
            let holders = count(&|place, server| {
                server.guests[slot] == Guest::Holding || server.own && place == slot
            });
            let runners = count(&|_, server| server.guests[slot] != Guest::Suspended);
            if holders > 1 {
                Some(Claim::Address(function))
            } else {
                (runners > 1).then_some(Claim::Image(function))
            }
        })
    }

    fn happen(&mut self, place: usize, life: u32, what: Happening) {
        let server = &mut self.servers[place];
        match what {
            Happening::HoldEnds => return self.end_holds(place),
            Happening::Trouble => return self.trouble(place),
            // What belongs to programs that have ended came to nothing with them.
            _ if life != server.life => return,
            _ => {}
        }
        match what {
            Happening::Effect(job, action) => self.effect(place, job, self.actions[action]),
            Happening::Start => self.start(place),
            _ if self.now < server.awake_at => {
                let at = server.awake_at;
                self.plan(at, place, what);
            }
            Happening::Wake if server.wake.is_some_and(|wake| wake <= self.now) => {
                self.step(place, Input::Deadline);
            }
            Happening::Input(input) => self.step(place, self.inputs[input]),
            _ => {}
        }
    }

    /// What is overdue goes first, as the drivers have it.
    fn step(&mut self, place: usize, input: Input) {
        let is_overdue = self.servers[place].wake.is_some_and(|wake| wake < self.now);
        if is_overdue && input != Input::Deadline {
            self.step(place, Input::Deadline);
        }
        let mut outbox = std::mem::take(&mut self.outbox);
        let server = &mut self.servers[place];
        let mut step = server.node.step(self.now, input, &mut outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        server.wake = step.finish().map(|deadline| deadline.at);
        self.outbox = outbox;
        if let Some(wake) = server.wake {
            let at = wake.max(self.now);
            self.plan(at, place, Happening::Wake);
        }
        for output in outputs {
            match output {
                Output::Send { to, message } => self.send(place, to.index(), message),
                Output::Run { job, action } => self.begin(place, job, action),
                Output::Cancel { job } => self.servers[place].cancelled.push(job),
                Output::Hold { claim, until } => {
                    *self.hold(place, claim) = until;
                    self.plan(until, place, Happening::HoldEnds);
                }
                Output::Announce { .. } | Output::Note(_) => {}
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        if self.dice.random_bool(self.odds.lost) {
            return;
        }
        let at = (self.now + self.within(300)).max(self.servers[to].links[from]);
        self.servers[to].links[from] = at;
        let from = ServerId::new(from).unwrap();
        self.plan_input(at, to, Input::Message { from, message });
    }

    fn begin(&mut self, place: usize, job: JobId, action: Action) {
        let slow = if self.dice.random_bool(self.odds.slow) {
            8
        } else {
            1
        };
        let long = match action {
            Action::Resume { .. } | Action::ColdStart { .. } | Action::Suspend { .. } => 1500,
            Action::Assign { .. } | Action::Release { .. } => 500,
            _ => 50,
        };
        let mut at = self.now + self.within(long * slow);
        let lane = match action {
            Action::Resume { function }
            | Action::ColdStart { function }
            | Action::Suspend { function }
            | Action::Assign { function }
            | Action::Release { function } => Some(function.index()),
            Action::AssignOwn | Action::ReleaseOwn => Some(place),
            _ => None,
        };
        if let Some(lane) = lane {
            let before = &mut self.servers[place].lanes[lane];
            at = at.max(*before + Span::from_nanos(1));
            *before = at;
        }
        self.actions.push(action);
        self.plan(at, place, Happening::Effect(job, self.actions.len() - 1));
    }

    fn hold(&mut self, place: usize, claim: Claim) -> &mut Time {
        let server = &mut self.servers[place];
        match claim {
            Claim::Address(function) => &mut server.addresses[function.index()],
            Claim::Image(function) => &mut server.images[function.index()],
        }
    }

    fn may(&mut self, place: usize, claim: Claim) -> bool {
        let now = self.now;
        *self.hold(place, claim) > now
    }

    fn end_holds(&mut self, place: usize) {
        let (now, server) = (self.now, &mut self.servers[place]);
        server.own &= server.addresses[place] > now;
        for slot in 0..SERVERS_MAX {
            if server.images[slot] <= now {
                server.guests[slot] = Guest::Suspended;
            } else if server.addresses[slot] <= now && server.guests[slot] == Guest::Holding {
                server.guests[slot] = Guest::Running;
            }
        }
    }

    fn effect(&mut self, place: usize, job: JobId, action: Action) {
        let me = ServerId::new(place).unwrap();
        let fails = self.dice.random_bool(self.odds.fails);
        let is_cancelled = self.servers[place].cancelled.contains(&job);
        let outcome = match action {
            Action::Vote { claims } => self.vote(me, claims, fails),
            Action::ExamineNetwork { .. } if self.dice.random_bool(self.odds.no_answer) => {
                Outcome::Failed
            }
            Action::ExamineServices { .. } => {
                let failing = u8::from(self.dice.random_bool(self.odds.no_answer));
                Outcome::Services(ServiceSet::from_bits(failing))
            }
            Action::RestartServer { .. } | Action::Fence { .. } => Outcome::Failed,
            Action::Resume { function } | Action::ColdStart { function } => {
                let may = self.may(place, Claim::Image(function)) && !is_cancelled;
                self.change(place, function, Guest::Running, may, fails)
            }
            Action::Assign { function } => {
                let runs = self.servers[place].guests[function.index()] != Guest::Suspended;
                let may = self.may(place, Claim::Address(function)) && runs;
                // Some find out that they have failed when it is there already.
                let is_half = fails && may && self.dice.random_bool(0.5);
                if is_half {
                    self.servers[place].guests[function.index()] = Guest::Holding;
                }
                self.change(place, function, Guest::Holding, may, fails)
            }
            Action::Release { function } => {
                let holds = self.servers[place].guests[function.index()] == Guest::Holding;
                self.change(place, function, Guest::Running, holds, fails)
            }
            Action::Suspend { function } => {
                self.change(place, function, Guest::Suspended, true, fails)
            }
            Action::AssignOwn | Action::ReleaseOwn => {
                let puts = action == Action::AssignOwn;
                let may = !puts || self.may(place, Claim::Address(me));
                if may && !fails {
                    self.moves += u64::from(puts);
                    self.servers[place].own = puts;
                    Outcome::Ok
                } else {
                    Outcome::Failed
                }
            }
            _ => Outcome::Ok,
        };
        if !is_cancelled {
            self.plan_input(self.now, place, Input::Done { job, outcome });
        }
    }

    fn vote(&mut self, me: ServerId, claims: Claims, fails: bool) -> Outcome {
        if fails {
            return Outcome::Failed;
        }
        let term = self.timing.lease_term;
        Outcome::Granted(self.witness.request(self.now, me, claims, term))
    }

    fn change(
        &mut self,
        place: usize,
        function: ServerId,
        to: Guest,
        may: bool,
        fails: bool,
    ) -> Outcome {
        if !may || fails {
            return Outcome::Failed;
        }
        self.moves += u64::from(to == Guest::Holding);
        self.servers[place].guests[function.index()] = to;
        Outcome::Ok
    }

    /// The programs are killed, or stand still; and so on.
    fn trouble(&mut self, place: usize) {
        if self.dice.random_bool(self.odds.restart) {
            let size = self.servers.len();
            let life = self.servers[place].life + 1;
            let node = self.node(place, size, life);
            let now = self.now;
            let server = &mut self.servers[place];
            (server.node, server.life, server.wake) = (node, life, None);
            server.stopped_at = now;
            server.lanes = [now; SERVERS_MAX];
            let again = now + self.within(3000);
            self.plan(again, place, Happening::Start);
        } else if self.dice.random_bool(self.odds.pause) {
            self.servers[place].awake_at = self.now + self.within(12_000);
        }
        let next = self.now + self.within(40_000);
        self.plan(next, place, Happening::Trouble);
    }

    /// The programs start, and find what was left by those before.
    fn start(&mut self, place: usize) {
        let now = self.now;
        let is_first = self.servers[place].life == 1;
        let mut left: Vec<Time> = Vec::new();
        let mut serving = Members::NONE;
        let server = &mut self.servers[place];
        if server.own {
            left.push(server.addresses[place]);
        }
        for function in ServerId::all(SERVERS_MAX) {
            let slot = function.index();
            match server.guests[slot] {
                Guest::Suspended => {}
                Guest::Running => server.guests[slot] = Guest::Suspended,
                Guest::Holding => {
                    serving = serving.with(function);
                    left.extend([server.addresses[slot], server.images[slot]]);
                }
            }
        }
        let silent = if is_first {
            Span::MAX
        } else {
            now - server.stopped_at
        };
        let left = left.into_iter().min().map_or(Span::MAX, |end| end - now);
        let holding = server.own;
        server.links = [now; SERVERS_MAX];
        self.step(
            place,
            Input::Start {
                holding,
                serving,
                silent,
                left,
            },
        );
    }
}
