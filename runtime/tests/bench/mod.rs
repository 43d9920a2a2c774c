//! A bench on which the runtime's drivers run against the simulator's physics.
//!
//! The time is the bench's own, in whole nanoseconds: tokio's timers know milliseconds only. Its paused
//! clock does one thing here: it moves on exactly when no task has anything left to do, and then the
//! bench lets the next thing happen. Things are ordered as in the simulator: by time, and at one
//! instant the system's queue first, then the nodes' wake-ups in ring order.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tetrarch_core::{
    Action, Claim, Claims, Command, Config, Event, Input, JobId, Members, Message, Outcome, Owner,
    ServerId, ServiceSet, Span, Time,
};
use tetrarch_runtime::clock::Clock;
use tetrarch_runtime::driver::{Driver, Handle, Noted};
use tetrarch_runtime::holds::Grant;
use tetrarch_runtime::link::{Peers, Request, Spoken};
use tetrarch_runtime::parts::{
    Examine, Failure, Guard, OwnAddress, Parts, Power, Services, VirtualServers,
};
use tetrarch_runtime::recorder::{RecordSettings, Recorder};
use tetrarch_sim::plant::Plant;
use tetrarch_sim::scenario::Scenario;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinHandle;

/// Whoever sleeps, by the end of the sleep, the place in the ring and the beginning.
type Sleepers = BTreeMap<(Time, usize, u64), oneshot::Sender<()>>;

struct State {
    now: Time,
    plant: Plant,
    sleepers: Sleepers,
    results: BTreeMap<(ServerId, JobId), oneshot::Sender<Outcome>>,
    number: u64,
    /// What the next driver of each server finds on it.
    found: Vec<Found>,
    /// In which versions each server speaks to the others.
    spoken: Vec<watch::Sender<Spoken>>,
    synchronised: Vec<Synchronised>,
}

/// A host has brought the data of a function's virtual server home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synchronised {
    pub(crate) at: Time,
    pub(crate) host: ServerId,
    pub(crate) function: ServerId,
}

/// What came of a scenario.
pub(crate) struct Outcomes {
    /// What the drivers noted, in the order of things.
    pub(crate) notes: Vec<(Time, ServerId, Event)>,
    /// Whose data were brought home.
    pub(crate) synchronised: Vec<Synchronised>,
}

/// What a driver is to find on its server when it starts.
#[derive(Clone, Copy)]
struct Found {
    holding: bool,
    serving: Members,
    silent: Span,
    left: Span,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// The bench as one server sees it: its clock, its connections and its parts.
#[derive(Clone)]
struct Seat {
    shared: Shared,
    me: ServerId,
}

impl Clock for Seat {
    fn now(&self) -> Time {
        self.shared.lock().now
    }

    fn since_boot(&self, at: Time) -> Span {
        at.since(Time::ZERO)
    }

    async fn sleep_until(&self, at: Time) {
        let slept = {
            let mut state = self.shared.lock();
            let at = at.max(state.now);
            state.number += 1;
            let key = (at, self.me.index(), state.number);
            let (wake, slept) = oneshot::channel();
            state.sleepers.insert(key, wake);
            slept
        };
        slept.await.unwrap();
    }
}

impl Seat {
    fn begin(&self, subject: ServerId, action: Action) -> (JobId, oneshot::Receiver<Outcome>) {
        let mut state = self.shared.lock();
        state.number += 1;
        let job = JobId {
            owner: Owner::Standby,
            subject,
            serial: state.number as u16,
        };
        let (result, outcome) = oneshot::channel();
        state.results.insert((self.me, job), result);
        state.plant.begin(self.me, job, action);
        (job, outcome)
    }

    async fn outcome(&self, subject: ServerId, action: Action) -> Outcome {
        let (_, outcome) = self.begin(subject, action);
        // A server that loses its power takes its jobs along.
        outcome.await.unwrap_or(Outcome::Failed)
    }

    async fn done(&self, subject: ServerId, action: Action) -> Result<(), Failure> {
        match self.outcome(subject, action).await {
            Outcome::Ok => Ok(()),
            _ => Err("the simulated system refuses".into()),
        }
    }
}

impl Peers for Seat {
    fn send(&self, to: ServerId, message: Message) {
        self.shared.lock().plant.send(self.me, to, message);
    }

    fn spoken(&self) -> watch::Receiver<Spoken> {
        self.shared.lock().spoken[self.me.index()].subscribe()
    }

    async fn request(&self, to: ServerId, request: Request) -> Result<(), Failure> {
        let action = match request {
            Request::RestartServices { failing } => Action::RestartServices {
                target: to,
                failing,
            },
            Request::RestartServer => Action::RestartServer { target: to },
            Request::SetFlag { .. } => unreachable!("no operator is at work"),
        };
        self.done(to, action).await
    }
}

impl Examine for Seat {
    async fn network(&self, target: ServerId) -> bool {
        let action = Action::ExamineNetwork { target };
        self.outcome(target, action).await == Outcome::Ok
    }

    async fn services(&self, target: ServerId) -> Result<ServiceSet, Failure> {
        let action = Action::ExamineServices { target };
        match self.outcome(target, action).await {
            Outcome::Services(failing) => Ok(failing),
            _ => Err("the simulated server does not answer".into()),
        }
    }
}

impl Services for Seat {
    async fn restart(&self, _: ServiceSet) -> Result<(), Failure> {
        unreachable!("the simulated network carries requests out itself")
    }
}

impl Power for Seat {
    async fn restart(&self) -> Result<(), Failure> {
        unreachable!("the simulated network carries requests out itself")
    }

    async fn power_on(&self, target: ServerId) -> Result<(), Failure> {
        self.done(target, Action::PowerOn { target }).await
    }

    async fn fence(&self, target: ServerId) -> Result<(), Failure> {
        self.done(target, Action::Fence { target }).await
    }
}

impl VirtualServers for Seat {
    async fn serving(&self) -> Result<Members, Failure> {
        Ok(self.shared.lock().found[self.me.index()].serving)
    }

    async fn resume(&self, function: ServerId) -> Result<(), Failure> {
        self.done(function, Action::Resume { function }).await
    }

    async fn cold_start(&self, function: ServerId) -> Result<(), Failure> {
        self.done(function, Action::ColdStart { function }).await
    }

    async fn undo_start(&self, function: ServerId) -> Result<(), Failure> {
        let mut state = self.shared.lock();
        let is_it = |(host, job): &&(ServerId, JobId)| *host == self.me && job.subject == function;
        let started = state.results.keys().filter(is_it).copied();
        for (host, job) in started.collect::<Vec<_>>() {
            state.plant.cancel(host, job);
        }
        Ok(())
    }

    async fn assign(&self, function: ServerId) -> Result<(), Failure> {
        self.done(function, Action::Assign { function }).await
    }

    async fn synchronise(&self, function: ServerId) -> Result<(), Failure> {
        let (mut state, host) = (self.shared.lock(), self.me);
        let at = state.now;
        let synchronised = Synchronised { at, host, function };
        state.synchronised.push(synchronised);
        Ok(())
    }

    async fn release(&self, function: ServerId) -> Result<(), Failure> {
        self.done(function, Action::Release { function }).await
    }

    /// The simulated network knows of no announcements.
    async fn announce(&self, _: ServerId) -> Result<(), Failure> {
        Ok(())
    }

    async fn suspend(&self, function: ServerId) -> Result<(), Failure> {
        self.done(function, Action::Suspend { function }).await
    }
}

impl OwnAddress for Seat {
    async fn holds(&self) -> Result<bool, Failure> {
        Ok(self.shared.lock().found[self.me.index()].holding)
    }

    async fn assign(&self) -> Result<(), Failure> {
        self.done(self.me, Action::AssignOwn).await
    }

    async fn release(&self) -> Result<(), Failure> {
        self.done(self.me, Action::ReleaseOwn).await
    }

    async fn announce(&self) -> Result<(), Failure> {
        Ok(())
    }
}

impl Parts for Seat {
    type Examine = Self;
    type Services = Self;
    type Power = Self;
    type VirtualServers = Self;
    type OwnAddress = Self;
    type Guard = Self;

    fn examine(&self) -> &Self {
        self
    }

    fn services(&self) -> &Self {
        self
    }

    fn power(&self) -> &Self {
        self
    }

    fn virtual_servers(&self) -> &Self {
        self
    }

    fn own_address(&self) -> &Self {
        self
    }

    fn guard(&self) -> &Self {
        self
    }
}

/// The simulated system ends what is held, and refuses what may not be held, itself.
impl Guard for Seat {
    fn silent(&self) -> Span {
        self.shared.lock().found[self.me.index()].silent
    }

    fn left(&self, _: Claim) -> Option<Span> {
        Some(self.shared.lock().found[self.me.index()].left)
    }

    fn living(&self, _: Span) -> bool {
        true
    }

    fn hold(&self, claim: Claim, until: Span) {
        let until = Time::ZERO + until;
        self.shared.lock().plant.hold(self.me, claim, until);
    }

    fn grant(&self, _: Claim) -> Grant {
        Grant::default()
    }

    fn is_off(&self, _: Claim, _: Grant) {}

    async fn vote(&self, claims: Claims) -> Result<Claims, Failure> {
        match self.outcome(self.me, Action::Vote { claims }).await {
            Outcome::Granted(claims) => Ok(claims),
            _ => Err("the simulated file server does not answer".into()),
        }
    }
}

/// A driver at work.
struct Driven {
    handle: Handle,
    events: broadcast::Receiver<Noted>,
    task: JoinHandle<()>,
}

/// A scenario's group, each server driven by the runtime.
struct Bench<'a> {
    shared: Shared,
    configs: Vec<Config>,
    scenario: &'a Scenario,
    records: RecordSettings,
    driven: Vec<Option<Driven>>,
    /// Drivers whose programs were stopped.
    stopped: Vec<JoinHandle<()>>,
    notes: Vec<(Time, ServerId, Event)>,
    /// The threads that write the records.
    disks: Vec<std::thread::JoinHandle<()>>,
}

/// Runs `scenario` with the runtime's drivers, and keeps their records in `folder`.
pub(crate) async fn run(scenario: &Scenario, folder: &Path) -> Outcomes {
    let parameters = &scenario.parameters;
    let size = scenario.group.len();
    let config = |me| {
        let config = Config::new(me, size, parameters.guests_max(), parameters.timing()).unwrap();
        config
            .with_safety(scenario.safety)
            .with_failback(scenario.policy.failback)
            .with_damping(scenario.policy.damping)
            .with_fenceable(scenario.equipment.fences)
    };
    let nothing = Found {
        holding: false,
        serving: Members::NONE,
        silent: Span::ZERO,
        left: Span::MAX,
    };
    let mut bench = Bench {
        shared: Shared(Arc::new(Mutex::new(State {
            now: Time::ZERO,
            plant: Plant::new(scenario, parameters),
            sleepers: BTreeMap::new(),
            results: BTreeMap::new(),
            number: 0,
            found: vec![nothing; size],
            spoken: (0..size).map(|_| watch::Sender::default()).collect(),
            synchronised: Vec::new(),
        }))),
        configs: ServerId::all(size).map(config).collect(),
        scenario,
        records: RecordSettings {
            folder: folder.to_owned(),
            bytes_max: 1 << 20,
            files_max: 16,
        },
        driven: (0..size).map(|_| None).collect(),
        stopped: Vec::new(),
        notes: Vec::new(),
        disks: Vec::new(),
    };
    bench.boot().await;
    while bench.advance(scenario.end()).await {}
    for driven in bench.driven.iter_mut().filter_map(Option::take) {
        driven.task.abort();
        let _ = driven.task.await;
    }
    for driven in bench.stopped {
        driven.abort();
        let _ = driven.await;
    }
    for disk in bench.disks {
        disk.join().unwrap();
    }
    let synchronised = std::mem::take(&mut bench.shared.lock().synchronised);
    Outcomes {
        notes: bench.notes,
        synchronised,
    }
}

impl Bench<'_> {
    async fn boot(&mut self) {
        for server in ServerId::all(self.configs.len()) {
            let told = self.shared.lock().plant.boot(server);
            self.tell(told).await;
            self.settle().await;
        }
    }

    /// Waits until no task has anything left to do at this instant, and takes the notes.
    async fn settle(&mut self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        for (place, driven) in self.driven.iter_mut().enumerate() {
            while let Some(noted) = driven.as_mut().and_then(|one| one.events.try_recv().ok()) {
                let server = ServerId::new(place).unwrap();
                self.notes.push((noted.at, server, noted.event));
            }
        }
    }

    /// Lets the next thing happen, unless that is after `end`.
    async fn advance(&mut self, end: Time) -> bool {
        let told = {
            let mut state = self.shared.lock();
            // A sleep that was given up is no wake-up.
            state.sleepers.retain(|_, wake| !wake.is_closed());
            let sleep = state.sleepers.keys().next().copied();
            let wake = sleep.map_or(Time::MAX, |(at, ..)| at);
            match state.plant.next_at() {
                Some(at) if at <= wake => {
                    if at > end {
                        return false;
                    }
                    state.now = at;
                    state.plant.happen()
                }
                _ if wake > end || wake == Time::MAX => return false,
                _ => {
                    state.now = wake;
                    state.plant.pass_to(wake);
                    let sleeper = sleep.and_then(|key| state.sleepers.remove(&key));
                    sleeper.unwrap().send(()).unwrap();
                    None
                }
            }
        };
        let stopped = match told {
            Some((server, Input::Command(Command::Stop))) => Some(server),
            _ => None,
        };
        if stopped.is_none() {
            self.end_the_dead();
        }
        self.tell(told).await;
        self.settle().await;
        if let Some(server) = stopped {
            // Its last jobs still run, so it is not ended like a driver whose server has died.
            let driven = self.driven[server.index()].take();
            self.stopped.extend(driven.map(|driven| driven.task));
        }
        true
    }

    /// A server that has lost its power runs no driver.
    fn end_the_dead(&mut self) {
        for (server, driven) in ServerId::all(self.configs.len()).zip(&mut self.driven) {
            if !self.shared.lock().plant.is_managing(server)
                && let Some(driven) = driven.take()
            {
                driven.task.abort();
            }
        }
    }

    async fn tell(&mut self, told: Option<(ServerId, Input)>) {
        let Some((server, input)) = told else {
            return;
        };
        let place = server.index();
        match input {
            Input::Start {
                holding,
                serving,
                silent,
                left,
            } => {
                self.shared.lock().found[place] = Found {
                    holding,
                    serving,
                    silent,
                    left,
                };
                self.start(server);
            }
            Input::Message { from, message } => {
                let driven = self.driven[place].as_ref().unwrap();
                driven.handle.message(from, message);
            }
            Input::Done { job, outcome } => {
                let result = self.shared.lock().results.remove(&(server, job));
                // The job may have been dropped since.
                let _ = result.unwrap().send(outcome);
            }
            Input::Command(command) => {
                let driven = self.driven[place].as_ref().unwrap();
                assert!(driven.handle.command(command).await);
            }
            Input::Seen(sighting) => {
                let driven = self.driven[place].as_ref().unwrap();
                assert!(driven.handle.seen(sighting).await);
            }
            Input::Speaks { server, version } => {
                let spoken = &self.shared.lock().spoken[place];
                spoken.send_modify(|spoken| {
                    spoken.set(server, version);
                });
            }
            Input::Deadline => unreachable!("the drivers keep their own wake-ups"),
        }
    }

    fn start(&mut self, server: ServerId) {
        let now = self.shared.lock().now;
        let version = self
            .scenario
            .equipment
            .version_at(&self.scenario.faults, server, now);
        let config = self.configs[server.index()].with_version(version);
        let name = &self.scenario.group[server.index()];
        // Programs that start have heard of nobody yet.
        self.shared.lock().spoken[server.index()].send_replace(Spoken::default());
        let seat = Seat {
            shared: self.shared.clone(),
            me: server,
        };
        let (record, disk) = Recorder::begin(&self.records, name, &config).unwrap();
        self.disks.push(disk);
        let (parts, peers) = (Arc::new(seat.clone()), Arc::new(seat.clone()));
        let (driver, handle) = Driver::new(config, seat, parts, peers, Some(record));
        self.driven[server.index()] = Some(Driven {
            events: handle.events(),
            handle,
            task: tokio::spawn(driver.run()),
        });
    }
}
