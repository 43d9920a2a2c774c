//! Monitor rings on NeXosim: one model per server, the sync message on an output port that is
//! connected to the neighbour, delays by self-scheduling, as its guide has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::Output;
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use tetrarch_benches::rings::{
    EXAMINATION_NS, GROUP, PAUSE_NS, SYNC_DELAY_NS, Server, first_start_ns,
};

/// One server.
#[derive(Serialize, Deserialize)]
struct Member {
    /// Sync messages to the neighbour.
    sync_out: Output<()>,
    first_start_ns: u64,
    #[serde(skip)]
    server: Server,
    /// Where the count goes when the simulation is over. Nothing shared is touched before that.
    #[serde(skip)]
    events: Arc<AtomicU64>,
}

#[Model]
impl Member {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        let start = Duration::from_nanos(self.first_start_ns);
        cx.schedule_event(start, schedulable!(Self::start), ())
            .expect("the first start lies in the future");
    }

    /// The start of a cycle.
    #[nexosim(schedulable)]
    fn start(&mut self, _: (), cx: &Context<Self>) {
        self.server.cycles += 1;
        let delay = Duration::from_nanos(SYNC_DELAY_NS);
        cx.schedule_event(delay, schedulable!(Self::send_sync), ())
            .expect("the delay is not zero");
        let examination = Duration::from_nanos(EXAMINATION_NS);
        cx.schedule_event(examination, schedulable!(Self::examined), ())
            .expect("the delay is not zero");
    }

    /// Messages take no time here, so the sender waits out the delay of the network.
    #[nexosim(schedulable)]
    async fn send_sync(&mut self) {
        self.sync_out.send(()).await;
    }

    /// The arrival of a sync message: the input port.
    fn sync_in(&mut self, _: (), cx: &Context<Self>) {
        self.server.syncs += 1;
        let since = cx.time().duration_since(MonotonicTime::EPOCH);
        self.server.last_sync_ns =
            since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos());
    }

    /// The end of an examination.
    #[nexosim(schedulable)]
    fn examined(&mut self, _: (), cx: &Context<Self>) {
        self.server.examinations += 1;
        let pause = Duration::from_nanos(PAUSE_NS);
        cx.schedule_event(pause, schedulable!(Self::start), ())
            .expect("the delay is not zero");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.events
            .fetch_add(self.server.events(), Ordering::Relaxed);
    }
}

/// Adds the ring of one group to the bench.
fn add_group(mut bench: SimInit, group: usize, events: &Arc<AtomicU64>) -> SimInit {
    let mailboxes: [Mailbox<Member>; GROUP] = std::array::from_fn(|_| Mailbox::new());
    let addresses = mailboxes.each_ref().map(Mailbox::address);
    for (place, mailbox) in mailboxes.into_iter().enumerate() {
        let mut member = Member {
            sync_out: Output::default(),
            first_start_ns: first_start_ns(group),
            server: Server::default(),
            events: Arc::clone(events),
        };
        let to = &addresses[(place + 1) % GROUP];
        member.sync_out.connect(Member::sync_in, to);
        bench = bench.add_model(member, mailbox, &format!("{group}.{place}"));
    }
    bench
}

/// Simulates the groups of a range on so many threads.
fn run(groups: std::ops::Range<usize>, span_s: u64, threads: usize) -> u64 {
    let events = Arc::new(AtomicU64::new(0));
    let mut bench = SimInit::with_num_threads(threads);
    for group in groups {
        bench = add_group(bench, group, &events);
    }
    let mut simulation = bench
        .init(MonotonicTime::EPOCH)
        .expect("the bench is well connected");
    if span_s > 0 {
        simulation
            .step_until(Duration::from_secs(span_s))
            .expect("no model fails");
    }
    drop(simulation);
    events.load(Ordering::Relaxed)
}

/// All groups in one simulation, one thread.
pub(crate) fn one_thread(servers: usize, span_s: u64) -> u64 {
    run(0..servers / GROUP, span_s, 1)
}

/// All groups in one simulation, two threads.
pub(crate) fn two_threads(servers: usize, span_s: u64) -> u64 {
    run(0..servers / GROUP, span_s, 2)
}

/// One simulation for each group: the trick that Tetrarch uses is open to NeXosim as well.
pub(crate) fn by_group(servers: usize, span_s: u64) -> u64 {
    (0..servers / GROUP)
        .map(|group| run(group..group + 1, span_s, 1))
        .sum()
}
