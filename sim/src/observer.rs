//! Who watches a run: the trace, the managers' log, the checkers, or nobody.

use tetrarch_core::{Deadline, Input, Output, ServerId, Time};

use crate::world::WorldEvent;

/// Told of everything that happens, in order. Every method does nothing unless overridden, so that
/// a run that nobody watches costs nothing extra.
pub trait Observer {
    /// The clock of `server`, which is what its node knows of time, shows `local` at the next input.
    fn clock(&mut self, server: ServerId, local: Time) {
        let _ = (server, local);
    }

    /// The node on `server` takes an input.
    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        let _ = (now, server, input);
    }

    /// The node on `server` has decided something.
    fn output(&mut self, now: Time, server: ServerId, output: &Output) {
        let _ = (now, server, output);
    }

    /// The node on `server` has decided all that it does on its last input, and wants to be woken.
    fn decided(&mut self, now: Time, server: ServerId, deadline: Option<Deadline>) {
        let _ = (now, server, deadline);
    }

    /// The simulated system has changed.
    fn world(&mut self, now: Time, server: ServerId, event: WorldEvent) {
        let _ = (now, server, event);
    }
}

/// Nobody watches.
impl Observer for () {}

impl<A: Observer, B: Observer> Observer for (A, B) {
    fn clock(&mut self, server: ServerId, local: Time) {
        self.0.clock(server, local);
        self.1.clock(server, local);
    }

    fn input(&mut self, now: Time, server: ServerId, input: &Input) {
        self.0.input(now, server, input);
        self.1.input(now, server, input);
    }

    fn output(&mut self, now: Time, server: ServerId, output: &Output) {
        self.0.output(now, server, output);
        self.1.output(now, server, output);
    }

    fn decided(&mut self, now: Time, server: ServerId, deadline: Option<Deadline>) {
        self.0.decided(now, server, deadline);
        self.1.decided(now, server, deadline);
    }

    fn world(&mut self, now: Time, server: ServerId, event: WorldEvent) {
        self.0.world(now, server, event);
        self.1.world(now, server, event);
    }
}
