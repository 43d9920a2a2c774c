//! Any steps of one node: no panic, no wait without an end, and equal nodes stay equal.

// What must hold is the same as in the property tests of the core, so it stands there.
#[path = "../../../core/tests/common/driver.rs"]
mod driver;
#[path = "../../../core/tests/common/timing.rs"]
mod timing;

use driver::Driver;
use tetrarch_core::wire;
use tetrarch_core::{
    Command, Config, Input, JobId, Members, Order, Outcome, Owner, ServerId, ServiceSet, Span,
};
pub(crate) use timing::TIMING;

/// The steps that one input of the fuzzer is read for; more would only be slow.
const STEPS_MAX: usize = 400;

/// Bytes handed out one after the other.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn server(&mut self) -> Option<ServerId> {
        ServerId::new(usize::from(self.byte()? & 7))
    }

    /// At most `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The configuration of a node of any group.
    pub(crate) fn config(&mut self) -> Option<Config> {
        let size = 2 + usize::from(self.byte()? % 7);
        let me = ServerId::new(usize::from(self.byte()?) % size)?;
        Config::new(me, size, self.byte()? & 3, TIMING).ok()
    }

    fn outcome(&mut self) -> Option<Outcome> {
        Some(match self.byte()? & 3 {
            0 => Outcome::Ok,
            1 => Outcome::Failed,
            2 => Outcome::Services(ServiceSet::NONE),
            _ => Outcome::Services(ServiceSet::from_bits(self.byte()?)),
        })
    }
}

/// Bytes as what a driver does with a node: waits, messages, results, stops and starts.
pub fn steps(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let Some(config) = bytes.config() else {
        return;
    };
    let mut driver = Driver::new(config, Vec::new());
    for _ in 0..STEPS_MAX {
        if driver.play(&mut bytes).is_none() {
            return;
        }
    }
}

impl Driver {
    /// Does what the next bytes say; none when there are none left.
    fn play(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.byte()? % 10 {
            0 => {
                let ms = u64::from(bytes.byte()?) * u64::from(bytes.byte()?) * 4;
                self.now += Span::from_millis(ms);
            }
            1 | 2 => {
                if let Some(deadline) = self.node.view().deadline() {
                    self.now = self.now.max(deadline.at);
                    self.step(Input::Deadline);
                }
            }
            3 => self.step(Input::Deadline),
            4 | 5 => self.finish(bytes)?,
            6 => self.forge(bytes)?,
            7 | 8 => self.deliver(bytes)?,
            _ => self.restart(bytes)?,
        }
        Some(())
    }

    /// A job ends.
    fn finish(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let (which, outcome) = (usize::from(bytes.byte()?), bytes.outcome()?);
        if !self.jobs.is_empty() {
            let job = self.jobs.remove(which % self.jobs.len());
            self.step(Input::Done { job, outcome });
        }
        Some(())
    }

    /// A result comes that nobody waits for.
    fn forge(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let owners = [Owner::Watch, Owner::Recovery, Owner::Standby, Owner::Own];
        let job = JobId {
            owner: owners[usize::from(bytes.byte()? & 3)],
            subject: bytes.server()?,
            serial: u16::from(bytes.byte()?),
        };
        let outcome = bytes.outcome()?;
        if !self.jobs.contains(&job) {
            self.step(Input::Done { job, outcome });
        }
        Some(())
    }

    /// A message arrives; its bytes are as they would be on a network, but for their version.
    fn deliver(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let from = bytes.server()?;
        // The length of each kind is found by trying, which is cheap: only one fits.
        let start = bytes.0;
        for length in 1..wire::MESSAGE_BYTES_MAX {
            let body = start.get(..length)?;
            let read = |version| {
                let mut message = vec![version];
                message.extend_from_slice(body);
                wire::decode(&message).ok()
            };
            if let Some(message) = (wire::VERSION_MIN..=wire::VERSION).find_map(read) {
                bytes.take(length);
                self.step(Input::Message { from, message });
                return Some(());
            }
        }
        bytes.take(1);
        Some(())
    }

    fn restart(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let how = bytes.byte()?;
        if how & 9 == 8 {
            let (server, on) = (bytes.server()?, how & 2 == 0);
            self.step(Input::Command(match how >> 4 & 7 {
                0 => Command::Order(Order::Maintenance { server, on }),
                1 => Command::Order(Order::MaintenanceOfAll { on }),
                2 => Command::Order(Order::Freeze { on }),
                3 | 4 => Command::Order(Order::HandOver { server }),
                5 => Command::Order(Order::HandBack { server }),
                _ => Command::Leave,
            }));
        } else if how & 1 == 0 {
            self.step(Input::Command(Command::Stop));
        } else {
            self.jobs.clear();
            self.step(Input::Start {
                holding: how & 2 == 0,
                serving: Members::from_bits(if how & 4 == 0 { 0 } else { bytes.byte()? }),
                silent: Span::from_secs(u64::from(how)),
                left: Span::MAX,
            });
        }
        Some(())
    }
}
