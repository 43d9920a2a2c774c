//! Monitor rings on desque: one struct per kind of event, scheduled with a delay, as its examples do.

use desque::serial::{Event, OkEvent, Simulation};
use desque::{Result, SimState};
use tetrarch_benches::rings::{
    EXAMINATION_NS, GROUP, PAUSE_NS, SYNC_DELAY_NS, Server, first_start_ns, neighbour,
};

/// The servers, and whether the end has come.
struct State {
    servers: Vec<Server>,
    complete: bool,
}

impl SimState<u64> for State {
    fn is_complete(&self, _now: &u64) -> bool {
        self.complete
    }
}

type Sim = Simulation<State, u64>;

#[derive(Debug)]
struct Start {
    server: usize,
}

impl Event<State, u64> for Start {
    fn execute(&mut self, sim: &mut Sim) -> Result {
        let server = self.server;
        sim.state_mut().servers[server].cycles += 1;
        let to = neighbour(server);
        sim.schedule_with_delay(Sync { server: to }, SYNC_DELAY_NS)?;
        sim.schedule_with_delay(Examined { server }, EXAMINATION_NS)
    }
}

#[derive(Debug)]
struct Sync {
    server: usize,
}

impl OkEvent<State, u64> for Sync {
    fn execute(&mut self, sim: &mut Sim) {
        let now = *sim.current_time();
        let server = &mut sim.state_mut().servers[self.server];
        server.syncs += 1;
        server.last_sync_ns = now;
    }
}

#[derive(Debug)]
struct Examined {
    server: usize,
}

impl Event<State, u64> for Examined {
    fn execute(&mut self, sim: &mut Sim) -> Result {
        let server = self.server;
        sim.state_mut().servers[server].examinations += 1;
        sim.schedule_with_delay(Start { server }, PAUSE_NS)
    }
}

#[derive(Debug)]
struct End;

impl OkEvent<State, u64> for End {
    fn execute(&mut self, sim: &mut Sim) {
        sim.state_mut().complete = true;
    }
}

/// Simulates `servers` servers, the first of them being the first of group `first_group`.
fn run(first_group: usize, servers: usize, span_s: u64) -> std::result::Result<u64, desque::Error> {
    let state = State {
        servers: vec![Server::default(); servers],
        complete: false,
    };
    let mut sim = Simulation::new(state, 0);
    // One nanosecond after the last instant that counts.
    sim.schedule(End, span_s * 1_000_000_000 + 1)?;
    for server in 0..servers {
        sim.schedule(
            Start { server },
            first_start_ns(first_group + server / GROUP),
        )?;
    }
    sim.run()?;
    Ok(sim.state().servers.iter().map(Server::events).sum())
}

/// All groups in one simulation.
pub(crate) fn at_once(servers: usize, span_s: u64) -> u64 {
    run(0, servers, span_s).expect("no event is scheduled for the past")
}

/// One simulation for each group: the trick that Tetrarch uses is open to desque as well.
pub(crate) fn by_group(servers: usize, span_s: u64) -> u64 {
    (0..servers / GROUP)
        .map(|group| run(group, GROUP, span_s).expect("no event is scheduled for the past"))
        .sum()
}
