//! What becomes of jobs that are no longer wanted, and in which order jobs begin.

mod hand_back;

use std::sync::Mutex;
use std::time::Duration;

use tetrarch_core::{Claims, Members, Message, Owner, Time};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::*;
use crate::holds::Grant;
use crate::link::Spoken;
use crate::parts::Services;

/// A clock on tokio's paused one.
#[derive(Clone, Copy)]
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.elapsed().as_nanos() as u64)
    }

    fn since_boot(&self, at: Time) -> Span {
        Span::from_nanos(at.as_nanos())
    }

    async fn sleep_until(&self, at: Time) {
        let after = Duration::from_nanos(at.as_nanos());
        tokio::time::sleep_until(self.0 + after).await;
    }
}

/// A server whose jobs end when they are let, and which writes down what it is asked.
struct Server {
    calls: Mutex<Vec<&'static str>>,
    let_end: Semaphore,
    /// How many looks find a hold.
    held: Mutex<u32>,
    /// How long it lasts then.
    left: Mutex<Span>,
    /// What is known to be off this server.
    off: Mutex<Vec<Claim>>,
    /// The grant by which everything is held, and those by which something was found to be off.
    grant: Mutex<Grant>,
    off_by: Mutex<Vec<Grant>>,
}

impl Server {
    async fn call(&self, what: &'static str) -> Result<(), Failure> {
        self.calls.lock().unwrap().push(what);
        self.let_end.acquire().await?.forget();
        self.calls.lock().unwrap().push("end");
        Ok(())
    }

    fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }
}

impl Examine for Server {
    async fn network(&self, _: ServerId) -> bool {
        self.call("network").await.is_ok()
    }

    async fn services(&self, _: ServerId) -> Result<ServiceSet, Failure> {
        self.call("services").await.map(|()| ServiceSet::NONE)
    }
}

impl Services for Server {
    async fn restart(&self, _: ServiceSet) -> Result<(), Failure> {
        self.call("restart services").await
    }
}

impl Power for Server {
    async fn restart(&self) -> Result<(), Failure> {
        self.call("restart").await
    }

    async fn power_on(&self, _: ServerId) -> Result<(), Failure> {
        self.call("power on").await
    }

    async fn fence(&self, _: ServerId) -> Result<(), Failure> {
        self.call("fence").await
    }
}

impl VirtualServers for Server {
    async fn serving(&self) -> Result<Members, Failure> {
        Ok(Members::NONE)
    }

    async fn resume(&self, _: ServerId) -> Result<(), Failure> {
        self.call("resume").await
    }

    async fn cold_start(&self, _: ServerId) -> Result<(), Failure> {
        self.call("cold start").await
    }

    async fn undo_start(&self, _: ServerId) -> Result<(), Failure> {
        self.calls.lock().unwrap().push("undo");
        Ok(())
    }

    async fn assign(&self, _: ServerId) -> Result<(), Failure> {
        self.call("assign").await
    }

    async fn synchronise(&self, _: ServerId) -> Result<(), Failure> {
        self.call("synchronise").await?;
        Err("no room".into())
    }

    async fn release(&self, _: ServerId) -> Result<(), Failure> {
        self.call("release").await
    }

    async fn announce(&self, _: ServerId) -> Result<(), Failure> {
        self.call("announce").await
    }

    async fn suspend(&self, _: ServerId) -> Result<(), Failure> {
        self.call("suspend").await
    }
}

impl OwnAddress for Server {
    async fn holds(&self) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn assign(&self) -> Result<(), Failure> {
        self.call("assign own").await
    }

    async fn release(&self) -> Result<(), Failure> {
        self.call("release own").await
    }

    async fn announce(&self) -> Result<(), Failure> {
        self.call("announce own").await
    }
}

impl Parts for Server {
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

/// Everything may be held while `held` is not zero, each look taking one of it.
impl Guard for Server {
    fn silent(&self) -> Span {
        Span::ZERO
    }

    fn left(&self, _: Claim) -> Option<Span> {
        let mut held = self.held.lock().unwrap();
        *held = held.checked_sub(1)?;
        Some(*self.left.lock().unwrap())
    }

    fn living(&self, _: Span) -> bool {
        true
    }

    fn hold(&self, _: Claim, _: Span) {}

    fn grant(&self, _: Claim) -> Grant {
        *self.grant.lock().unwrap()
    }

    fn is_off(&self, claim: Claim, grant: Grant) {
        self.off_by.lock().unwrap().push(grant);
        self.off.lock().unwrap().push(claim);
    }

    async fn vote(&self, claims: Claims) -> Result<Claims, Failure> {
        self.call("vote").await.map(|()| claims)
    }
}

impl Peers for Server {
    fn send(&self, _: ServerId, _: Message) {}

    fn spoken(&self) -> watch::Receiver<Spoken> {
        watch::channel(Spoken::default()).1
    }

    async fn request(&self, _: ServerId, _: Request) -> Result<(), Failure> {
        self.call("request").await
    }
}

struct Bench {
    server: Arc<Server>,
    jobs: Jobs<Paused, Server, Server>,
    told: mpsc::Receiver<Told>,
    serial: u16,
}

impl Bench {
    fn new() -> Self {
        Self::under(Safety::Paper, 0)
    }

    fn under(safety: Safety, held: u32) -> Self {
        let server = Arc::new(Server {
            calls: Mutex::default(),
            let_end: Semaphore::new(0),
            held: Mutex::new(held),
            left: Mutex::new(Span::MAX),
            off: Mutex::default(),
            grant: Mutex::default(),
            off_by: Mutex::default(),
        });
        let (tell, told) = mpsc::channel(16);
        let timing = tetrarch_sim::parameters::Parameters::paper().timing();
        let (parts, peers) = (Arc::clone(&server), Arc::clone(&server));
        let config = Config::new(ServerId::new(0).unwrap(), 4, 3, timing).unwrap();
        let config = config.with_safety(safety);
        Self {
            jobs: Jobs::new(Paused(Instant::now()), parts, peers, &config, tell),
            server,
            told,
            serial: 0,
        }
    }

    /// Begins a job of a step that gives nothing back, and lets everything happen that can.
    async fn begin(&mut self, action: Action) -> JobId {
        self.begin_giving_back(action, Members::NONE).await
    }

    async fn begin_giving_back(&mut self, action: Action, giving_back: Members) -> JobId {
        self.serial += 1;
        let job = JobId {
            owner: Owner::Standby,
            subject: function(),
            serial: self.serial,
        };
        self.jobs.begin(job, action);
        self.jobs.stepped(giving_back);
        settle().await;
        job
    }

    async fn cancel(&mut self, job: JobId) {
        self.jobs.cancel(job);
        settle().await;
    }

    async fn let_end(&self, count: usize) {
        self.server.let_end.add_permits(count);
        settle().await;
    }

    fn results(&mut self) -> Vec<(JobId, Outcome)> {
        let mut results = Vec::new();
        while let Ok(told) = self.told.try_recv() {
            match told {
                Told::Done { job, outcome } => results.push((job, outcome)),
                other => panic!("{other:?}"),
            }
        }
        results
    }
}

fn function() -> ServerId {
    ServerId::new(1).unwrap()
}

const fn resume(function: ServerId) -> Action {
    Action::Resume { function }
}

const fn suspend(function: ServerId) -> Action {
    Action::Suspend { function }
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_start_is_undone_before_the_next_job_of_that_virtual_server() {
    let mut bench = Bench::new();
    let start = bench.begin(resume(function())).await;
    let next = bench.begin(suspend(function())).await;
    assert_eq!(bench.server.calls(), ["resume"]);
    bench.cancel(start).await;
    assert_eq!(bench.server.calls(), ["resume", "undo", "suspend"]);
    bench.let_end(1).await;
    assert_eq!(bench.results(), [(next, Outcome::Ok)]);
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_result_comes_too_late_is_undone_too() {
    let mut bench = Bench::new();
    let start = bench.begin(resume(function())).await;
    bench.let_end(1).await;
    // The result waits for the driver, which cancels before it takes it.
    bench.cancel(start).await;
    assert_eq!(bench.server.calls(), ["resume", "end", "undo"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_result_was_taken_stays() {
    let mut bench = Bench::new();
    let start = bench.begin(resume(function())).await;
    bench.let_end(1).await;
    assert_eq!(bench.results(), [(start, Outcome::Ok)]);
    bench.jobs.taken(start);
    bench.cancel(start).await;
    assert_eq!(bench.server.calls(), ["resume", "end"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_examination_ends_and_a_cancelled_command_goes_on() {
    let mut bench = Bench::new();
    let target = function();
    let examination = bench.begin(Action::ExamineNetwork { target }).await;
    let command = bench.begin(Action::PowerOn { target }).await;
    bench.cancel(examination).await;
    bench.cancel(command).await;
    bench.let_end(2).await;
    assert_eq!(bench.server.calls(), ["network", "power on", "end"]);
}

#[tokio::test(start_paused = true)]
async fn jobs_without_a_common_virtual_server_do_not_wait_for_each_other() {
    let mut bench = Bench::new();
    bench.begin(resume(function())).await;
    bench.begin(resume(ServerId::new(2).unwrap())).await;
    bench.begin(Action::AssignOwn).await;
    bench.begin(Action::ReleaseOwn).await;
    assert_eq!(bench.server.calls(), ["resume", "resume", "assign own"]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_hangs_fails_and_lets_the_next_one_begin() {
    let mut bench = Bench::new();
    let hung = bench.begin(suspend(function())).await;
    bench.begin(resume(function())).await;
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(bench.results(), []);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.results(), [(hung, Outcome::Failed)]);
    assert_eq!(bench.server.calls(), ["suspend", "resume"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_jobs_are_waited_for() {
    let mut bench = Bench::new();
    bench.begin(suspend(function())).await;
    let server = Arc::clone(&bench.server);
    tokio::spawn(async move {
        settle().await;
        server.let_end.add_permits(1);
    });
    bench.jobs.drained().await;
    assert_eq!(bench.server.calls(), ["suspend", "end"]);
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_hold_for_is_refused() {
    let mut bench = Bench::under(Safety::Guarded, 0);
    let (function, own) = (function(), Action::AssignOwn);
    let refused = [
        resume(function),
        Action::ColdStart { function },
        Action::Assign { function },
        own,
    ];
    let mut expected = Vec::new();
    for action in refused {
        let job = bench.begin(action).await;
        expected.push((job, Outcome::Failed));
        // The start that was refused waits for the driver, and nothing is to be undone.
        bench.jobs.taken(job);
    }
    assert_eq!(bench.results(), expected);
    assert_eq!(bench.server.calls(), [""; 0]);
    // Giving something up needs none.
    bench.begin(Action::ReleaseOwn).await;
    assert_eq!(bench.server.calls(), ["release own"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_after_the_end_of_its_hold_is_undone() {
    let ends = [
        (
            Action::AssignOwn,
            ["assign own", "end", "release own", "end"],
        ),
        (
            Action::Assign {
                function: function(),
            },
            ["assign", "end", "release", "end"],
        ),
    ];
    for (action, calls) in ends {
        // The look before finds a hold, the look after does not.
        let mut bench = Bench::under(Safety::Guarded, 1);
        let job = bench.begin(action).await;
        bench.let_end(2).await;
        assert_eq!(bench.server.calls(), calls);
        assert_eq!(bench.results(), [(job, Outcome::Failed)]);
    }
    let mut bench = Bench::under(Safety::Guarded, 2);
    let job = bench.begin(Action::AssignOwn).await;
    bench.let_end(2).await;
    assert_eq!(bench.results(), [(job, Outcome::Ok)]);
}

#[tokio::test(start_paused = true)]
async fn the_guard_hears_of_what_is_known_to_be_off() {
    let function = function();
    let address = Claim::Address(function);
    let own = Claim::Address(ServerId::new(0).unwrap());
    let cases = [
        (Action::Release { function }, vec![address]),
        (suspend(function), vec![address, Claim::Image(function)]),
        (Action::ReleaseOwn, vec![own]),
        (Action::PowerOn { target: function }, vec![]),
    ];
    for (action, off) in cases {
        let mut bench = Bench::under(Safety::Guarded, 0);
        bench.begin(action).await;
        assert_eq!(*bench.server.off.lock().unwrap(), [], "{action:?}");
        bench.let_end(1).await;
        assert_eq!(*bench.server.off.lock().unwrap(), off, "{action:?}");
    }
    // What may still be on is still to be ended.
    let mut bench = Bench::under(Safety::Guarded, 0);
    bench.begin(suspend(function)).await;
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert_eq!(*bench.server.off.lock().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn an_address_is_announced_before_it_is_taken_off_and_not_after() {
    let mut bench = Bench::new();
    bench.jobs.announce(function());
    bench.jobs.announce(bench.jobs.me);
    let release = Action::Release {
        function: function(),
    };
    bench.begin(release).await;
    assert_eq!(bench.server.calls(), ["announce", "announce own"]);
    bench.let_end(2).await;
    assert_eq!(bench.server.calls()[2..], ["end", "end", "release"]);
    // One that comes after waits, and one that hangs does not hinder the next for ever.
    bench.jobs.announce(function());
    settle().await;
    assert_eq!(bench.server.calls().len(), 5);
    bench.let_end(1).await;
    assert_eq!(bench.server.calls()[5..], ["end", "announce"]);
    bench.begin(release).await;
    let job_max = bench.jobs.timing.job_max;
    tokio::time::sleep(Duration::from_nanos(job_max.as_nanos() + 1)).await;
    assert_eq!(bench.server.calls()[7..], ["release"]);
    // Nobody waits for an announcement, so nothing is told of it.
    assert_eq!(bench.results().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_anew_in_the_same_step_is_not_what_was_taken_off() {
    let mut bench = Bench::under(Safety::Guarded, 0);
    let job = JobId {
        owner: Owner::Standby,
        subject: function(),
        serial: 1,
    };
    bench.jobs.begin(job, Action::ReleaseOwn);
    *bench.server.grant.lock().unwrap() = Grant::for_tests(7);
    bench.let_end(1).await;
    assert_eq!(*bench.server.off_by.lock().unwrap(), [Grant::default()]);
}
