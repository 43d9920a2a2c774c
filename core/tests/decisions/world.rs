//! A small group of servers on a clock of its own: what nodes decide comes back to them as inputs.
//!
//! It is not the simulator: how long things take and how often they go wrong is chosen to bring nodes
//! into many states, not to be like a real group. All times are whole tenths of a second, so that
//! messages, results and timers often meet at one instant.

use std::collections::BTreeMap;

use tetrarch_core::{
    Action, Command, Config, Deadline, Input, JobId, Members, Message, Node, Outbox, Outcome,
    Output, Register, Safety, ServerId, ServiceSet, Span, Time,
};

use crate::dice::Dice;
use crate::timing::TIMING;

/// The least time that anything takes.
const TENTH: Span = Span::from_millis(100);

const fn tenths(count: u64) -> Span {
    Span::from_millis(100 * count)
}

/// What a world is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) size: usize,
    pub(crate) guests_max: u8,
    pub(crate) safety: Safety,
    pub(crate) seed: u64,
}

/// One step of one node, as it was seen.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) now: Time,
    pub(crate) server: ServerId,
    pub(crate) input: Input,
    pub(crate) outputs: &'a [Output],
    pub(crate) deadline: Option<Deadline>,
    pub(crate) node: &'a Node,
}

/// Something that is to happen.
#[derive(Clone, Copy, Debug)]
enum Coming {
    Arrives {
        from: ServerId,
        to: ServerId,
        message: Message,
    },
    Ends {
        server: ServerId,
        life: u32,
        job: JobId,
        action: Action,
    },
    Wakes {
        server: ServerId,
        number: u64,
    },
    /// The programs of a server that runs start.
    Starts {
        server: ServerId,
    },
    Boots {
        server: ServerId,
    },
    Heals {
        server: ServerId,
    },
    Strikes,
}

/// A server with all that its node does not know.
struct Host {
    node: Node,
    /// Results of an earlier life are nobody's.
    life: u32,
    is_up: bool,
    programs_run: bool,
    stopped_at: Option<Time>,
    failing: ServiceSet,
    /// A restart of its services does not help.
    is_stubborn: bool,
    /// It does not come back when it is powered on.
    is_broken: bool,
    /// Nobody reaches it, and it reaches nobody.
    is_cut_off: bool,
    holds_own: bool,
    serves: Members,
    /// The jobs under way.
    jobs: Vec<JobId>,
    /// The number of the one wake-up that counts.
    wake: Option<u64>,
}

/// A group and what is to happen to it.
pub(crate) struct World {
    plan: Plan,
    now: Time,
    dice: Dice,
    hosts: Vec<Host>,
    witness: Register,
    coming: BTreeMap<(Time, u64), Coming>,
    count: u64,
    steps_left: usize,
    outbox: Outbox,
    /// Messages that get lost, in a hundred.
    loss: u64,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let hosts = ServerId::all(plan.size).map(|me| {
            let config = Config::new(me, plan.size, plan.guests_max, TIMING).unwrap();
            Host {
                node: Node::new(config.with_safety(plan.safety)),
                life: 0,
                is_up: true,
                programs_run: false,
                stopped_at: None,
                failing: ServiceSet::NONE,
                is_stubborn: false,
                is_broken: false,
                is_cut_off: false,
                holds_own: true,
                serves: Members::NONE,
                jobs: Vec::new(),
                wake: None,
            }
        });
        let mut world = Self {
            plan,
            now: Time::ZERO + Span::from_secs(1),
            dice: Dice::new(plan.seed),
            hosts: hosts.collect(),
            witness: Register::new(Time::ZERO, Span::MAX, TIMING.lease_term),
            coming: BTreeMap::new(),
            count: 0,
            steps_left: 0,
            outbox: Outbox::new(),
            loss: 3 * (plan.seed % 3),
        };
        for server in ServerId::all(plan.size) {
            let wait = tenths(world.dice.below(20));
            world.after(wait, Coming::Starts { server });
        }
        world.after(tenths(150), Coming::Strikes);
        world
    }

    /// Lets things happen until nodes have taken `count` steps, and shows every step.
    pub(crate) fn run(&mut self, count: usize, mut seen: impl FnMut(&Seen<'_>)) {
        self.steps_left = count;
        while self.steps_left > 0
            && let Some(((at, _), coming)) = self.coming.pop_first()
        {
            self.now = at;
            self.happen(coming, &mut seen);
        }
    }

    fn after(&mut self, wait: Span, coming: Coming) {
        self.count += 1;
        self.coming.insert((self.now + wait, self.count), coming);
    }

    fn host(&mut self, server: ServerId) -> &mut Host {
        &mut self.hosts[server.index()]
    }

    fn answers(&self, from: ServerId, to: ServerId) -> bool {
        let [one, other] = [from, to].map(|server| &self.hosts[server.index()]);
        other.is_up && (from == to || !one.is_cut_off && !other.is_cut_off)
    }

    fn happen(&mut self, coming: Coming, seen: &mut impl FnMut(&Seen<'_>)) {
        match coming {
            Coming::Arrives { from, to, message } => {
                if self.answers(from, to) && self.hosts[to.index()].programs_run {
                    self.step(to, Input::Message { from, message }, seen);
                }
            }
            Coming::Ends {
                server,
                life,
                job,
                action,
            } => {
                if self.hosts[server.index()].life == life {
                    self.end(server, job, action, seen);
                }
            }
            Coming::Wakes { server, number } => {
                if self.hosts[server.index()].wake == Some(number) {
                    self.step(server, Input::Deadline, seen);
                }
            }
            Coming::Starts { server } => self.start(server, seen),
            Coming::Boots { server } => {
                let host = self.host(server);
                host.is_up = true;
                host.failing = ServiceSet::NONE;
                self.after(tenths(10), Coming::Starts { server });
            }
            Coming::Heals { server } => {
                let host = self.host(server);
                host.is_cut_off = false;
                host.is_broken = false;
                if !host.is_up {
                    self.after(tenths(5), Coming::Boots { server });
                }
            }
            Coming::Strikes => {
                self.strike(seen);
                let wait = tenths(30 + self.dice.below(600));
                self.after(wait, Coming::Strikes);
            }
        }
    }

    fn start(&mut self, server: ServerId, seen: &mut impl FnMut(&Seen<'_>)) {
        let now = self.now;
        let left = [Span::MAX, tenths(25), Span::ZERO][self.dice.place(3)];
        let host = self.host(server);
        if !host.is_up || host.programs_run {
            return;
        }
        host.programs_run = true;
        host.life += 1;
        host.jobs.clear();
        let silent = host.stopped_at.map_or(Span::MAX, |at| now.since(at));
        let input = Input::Start {
            holding: host.holds_own,
            serving: host.serves,
            silent,
            left,
        };
        self.step(server, input, seen);
    }

    /// A node takes an input; its outputs begin what they ask for.
    fn step(&mut self, server: ServerId, input: Input, seen: &mut impl FnMut(&Seen<'_>)) {
        if self.steps_left == 0 {
            return;
        }
        self.steps_left -= 1;
        let now = self.now;
        let host = &mut self.hosts[server.index()];
        let mut step = host.node.step(now, input, &mut self.outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let deadline = step.finish();
        seen(&Seen {
            now,
            server,
            input,
            outputs: &outputs,
            deadline,
            node: &host.node,
        });
        host.wake = None;
        for output in outputs {
            self.carry_out(server, output);
        }
        if let Some(deadline) = deadline {
            // Late in some cases, never early.
            let late = if self.dice.chance(2) {
                tenths(self.dice.below(30))
            } else {
                Span::ZERO
            };
            let wait = deadline.at.since(now.min(deadline.at)) + late;
            let number = self.count;
            self.host(server).wake = Some(number);
            self.after(wait, Coming::Wakes { server, number });
        }
    }

    fn carry_out(&mut self, server: ServerId, output: Output) {
        match output {
            Output::Send { to, message } => {
                let copies =
                    u64::from(!self.dice.chance(self.loss)) + u64::from(self.dice.chance(1));
                for _ in 0..copies {
                    let wait = tenths(self.dice.below(3));
                    let from = server;
                    self.after(wait, Coming::Arrives { from, to, message });
                }
            }
            Output::Run { job, action } => {
                let host = self.host(server);
                let life = host.life;
                host.jobs.push(job);
                let wait = self.length(action, server);
                // Some jobs never end.
                if !self.dice.chance(1) {
                    self.after(
                        wait,
                        Coming::Ends {
                            server,
                            life,
                            job,
                            action,
                        },
                    );
                }
            }
            Output::Cancel { job } => {
                // Some results come all the same.
                if !self.dice.chance(10) {
                    self.host(server).jobs.retain(|known| *known != job);
                }
            }
            Output::Hold { .. } | Output::Announce { .. } | Output::Note(_) => {}
        }
    }

    fn length(&mut self, action: Action, server: ServerId) -> Span {
        let most = match action {
            Action::ExamineNetwork { target } if self.answers(server, target) => 10,
            Action::ExamineNetwork { .. } => 20,
            Action::ExamineServices { .. } | Action::Vote { .. } => 3,
            Action::RestartServices { .. } => 12,
            Action::Resume { .. } => 52,
            Action::ColdStart { .. } => 274,
            Action::Assign { .. } | Action::Release { .. } | Action::AssignOwn => 10,
            Action::RestartServer { .. } | Action::PowerOn { .. } | Action::Suspend { .. } => 5,
            Action::ReleaseOwn => 2,
            Action::Fence { .. } => 20,
        };
        TENTH + tenths(most - self.dice.below(most.min(3)))
    }

    fn end(
        &mut self,
        server: ServerId,
        job: JobId,
        action: Action,
        seen: &mut impl FnMut(&Seen<'_>),
    ) {
        let host = self.host(server);
        let Some(place) = host.jobs.iter().position(|known| *known == job) else {
            return;
        };
        host.jobs.swap_remove(place);
        let outcome = if self.dice.chance(4) {
            Outcome::Failed
        } else {
            self.outcome(server, action)
        };
        if outcome == Outcome::Ok {
            self.take_effect(server, action);
        }
        self.step(server, Input::Done { job, outcome }, seen);
    }

    fn outcome(&mut self, server: ServerId, action: Action) -> Outcome {
        let ok_if = |good: bool| if good { Outcome::Ok } else { Outcome::Failed };
        match action {
            Action::ExamineNetwork { target }
            | Action::RestartServer { target }
            | Action::RestartServices { target, .. } => ok_if(self.answers(server, target)),
            Action::ExamineServices { target } if self.answers(server, target) => {
                Outcome::Services(self.hosts[target.index()].failing)
            }
            Action::ExamineServices { .. } => Outcome::Failed,
            Action::Vote { claims } if !self.hosts[server.index()].is_cut_off => {
                let term = TIMING.lease_term;
                Outcome::Granted(self.witness.request(self.now, server, claims, term))
            }
            Action::Vote { .. } => Outcome::Failed,
            Action::Resume { .. } => ok_if(!self.dice.chance(15)),
            Action::ColdStart { .. } | Action::Assign { .. } => ok_if(!self.dice.chance(10)),
            _ => Outcome::Ok,
        }
    }

    fn take_effect(&mut self, server: ServerId, action: Action) {
        match action {
            Action::RestartServices { target, .. } => {
                let host = self.host(target);
                if !host.is_stubborn {
                    host.failing = ServiceSet::NONE;
                }
            }
            Action::RestartServer { target } => {
                self.fall(target);
                self.rise(target);
            }
            Action::PowerOn { target } => self.rise(target),
            Action::Assign { function } => {
                let host = self.host(server);
                host.serves = host.serves.with(function);
            }
            Action::Release { function } | Action::Suspend { function } => {
                let host = self.host(server);
                host.serves = host.serves.without(function);
            }
            Action::AssignOwn => self.host(server).holds_own = true,
            Action::ReleaseOwn => self.host(server).holds_own = false,
            _ => {}
        }
    }

    /// A server stops where it stands.
    fn fall(&mut self, server: ServerId) {
        let now = self.now;
        let host = self.host(server);
        host.is_up = false;
        host.programs_run = false;
        host.life += 1;
        host.wake = None;
        host.stopped_at = Some(now);
        host.holds_own = false;
        host.serves = Members::NONE;
    }

    /// A server that is down starts, unless it is broken.
    fn rise(&mut self, server: ServerId) {
        let host = self.host(server);
        host.is_stubborn = false;
        if !host.is_up && !host.is_broken {
            let wait = tenths(400 + self.dice.below(200));
            self.after(wait, Coming::Boots { server });
        }
    }

    /// Something goes wrong, somewhere.
    fn strike(&mut self, seen: &mut impl FnMut(&Seen<'_>)) {
        let server = ServerId::new(self.dice.place(self.plan.size)).unwrap();
        let heals = tenths(20 + self.dice.below(1500));
        match self.dice.below(10) {
            0..3 => {
                let failing = ServiceSet::from_bits(1 << self.dice.below(4));
                let is_stubborn = self.dice.chance(60);
                let host = self.host(server);
                host.failing = failing;
                host.is_stubborn = is_stubborn;
            }
            3 | 4 => {
                self.fall(server);
                self.rise(server);
            }
            5 => self.fall(server),
            6 => {
                self.fall(server);
                self.host(server).is_broken = true;
                self.after(heals + heals, Coming::Heals { server });
            }
            7 => {
                self.host(server).is_cut_off = true;
                self.after(heals, Coming::Heals { server });
            }
            _ => self.stop_programs(server, heals, seen),
        }
    }

    fn stop_programs(&mut self, server: ServerId, wait: Span, seen: &mut impl FnMut(&Seen<'_>)) {
        let now = self.now;
        if self.hosts[server.index()].programs_run {
            // Half of them are asked to stop, the others are killed.
            if self.dice.chance(50) {
                self.step(server, Input::Command(Command::Stop), seen);
                self.host(server).serves = Members::NONE;
            }
            let host = self.host(server);
            host.programs_run = false;
            host.life += 1;
            host.wake = None;
            host.stopped_at = Some(now);
        }
        self.after(wait, Coming::Starts { server });
    }
}
