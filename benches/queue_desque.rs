//! The hold model on desque, whose queue is reachable only through its simulation: each event
//! schedules its successor, and the run stops after so many events.

use std::hint::black_box;

use desque::serial::{Event, Simulation};
use desque::{Result, SimState};
use tetrarch_benches::phold::{Delays, Hold, Mix, Payload};

struct State {
    delays: Delays,
    left: u64,
}

impl SimState<u64> for State {
    fn is_complete(&self, _now: &u64) -> bool {
        self.left == 0
    }
}

#[derive(Debug)]
struct Held(Payload);

impl Event<State, u64> for Held {
    fn execute(&mut self, sim: &mut Simulation<State, u64>) -> Result {
        let state = sim.state_mut();
        state.left -= 1;
        let delay = state.delays.next_span().as_nanos();
        sim.schedule_with_delay(Self(black_box(self.0)), delay)
    }
}

/// desque's serial simulation.
pub(crate) struct Desque(Simulation<State, u64>);

impl Hold for Desque {
    fn fill(pending: usize, mix: Mix) -> Self {
        let delays = Delays::new(mix);
        let mut sim = Simulation::new(State { delays, left: 0 }, 0);
        for event in 0..pending as u64 {
            let delay = sim.state_mut().delays.next_span().as_nanos();
            sim.schedule(Held([event; 4]), delay)
                .expect("no event is scheduled for the past");
        }
        Self(sim)
    }

    fn hold(&mut self, count: u64) {
        self.0.state_mut().left = count;
        self.0.run().expect("no event is scheduled for the past");
    }
}
