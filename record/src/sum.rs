//! The sum of what a node decided at one step.

use crc32fast::Hasher;
use tetrarch_core::wire::{self, MESSAGE_BYTES_MAX};
use tetrarch_core::{
    Action, Claim, Deadline, Event, JobId, Means, Output, ServerId, Timer, Trouble,
};

use crate::bytes::Buffer;
use crate::input::owner_byte;

/// The sum of one step's outputs: CRC-32 over each output in a fixed form and in their order, and over
/// the wake-up that the step asked for.
///
/// The form of an output begins with its kind and has one length for each kind, so that different
/// outputs never give the same bytes. Two steps that differ have the same sum by a chance of one in
/// four thousand million.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    hasher: Hasher,
}

/// Long enough for the longest output: a message with its kind, receiver and length before it.
type Form = Buffer<{ 3 + MESSAGE_BYTES_MAX }>;

impl Sum {
    /// The sum of a step whose outputs have all been looked at.
    pub fn of<'a>(
        outputs: impl IntoIterator<Item = &'a Output>,
        deadline: Option<Deadline>,
    ) -> u32 {
        let mut sum = Self::default();
        for output in outputs {
            sum.add(output);
        }
        sum.finish(deadline)
    }

    /// Adds the next output of the step.
    pub fn add(&mut self, output: &Output) {
        let mut form = Form::new();
        match output {
            Output::Send { to, message } => {
                let mut buffer = [0; MESSAGE_BYTES_MAX];
                let message = wire::encode(message, &mut buffer);
                form.put(&[1, place(*to), message.len() as u8]);
                form.put(message);
            }
            Output::Run { job, action } => {
                form.put(&[2]);
                put_job(&mut form, *job);
                put_action(&mut form, *action);
            }
            Output::Cancel { job } => {
                form.put(&[3]);
                put_job(&mut form, *job);
            }
            Output::Hold { claim, until } => {
                form.put(&[7]);
                form.put(&claim_bytes(*claim));
                form.put(&until.as_nanos().to_le_bytes());
            }
            Output::Announce { function } => form.put(&[8, place(*function)]),
            Output::Note(event) => {
                form.put(&[4]);
                put_event(&mut form, *event);
            }
        }
        self.hasher.update(form.as_slice());
    }

    /// The sum, once the step has told its wake-up.
    #[must_use]
    pub fn finish(mut self, deadline: Option<Deadline>) -> u32 {
        let mut form = Form::new();
        match deadline {
            None => form.put(&[5]),
            Some(Deadline { at, timer }) => {
                form.put(&[6]);
                form.put(&at.as_nanos().to_le_bytes());
                form.put(&match timer {
                    Timer::Watch(target) => [1, place(target)],
                    Timer::Recovery(target) => [2, place(target)],
                    Timer::Standby(function) => [3, place(function)],
                    Timer::Beat => [4, 0],
                    Timer::Join => [5, 0],
                    Timer::Own => [6, 0],
                    Timer::Lease => [7, 0],
                    Timer::Vote => [8, 0],
                    Timer::Seen => [9, 0],
                });
            }
        }
        self.hasher.update(form.as_slice());
        self.hasher.finalize()
    }
}

fn place(server: ServerId) -> u8 {
    server.index() as u8
}

fn claim_bytes(claim: Claim) -> [u8; 2] {
    let kind = match claim {
        Claim::Address(_) => 0,
        Claim::Image(_) => 1,
    };
    [kind, place(claim.function())]
}

fn put_job(form: &mut Form, job: JobId) {
    form.put(&[owner_byte(job.owner), place(job.subject)]);
    form.put(&job.serial.to_le_bytes());
}

fn put_action(form: &mut Form, action: Action) {
    form.put(&match action {
        Action::ExamineNetwork { target } => [1, place(target), 0],
        Action::ExamineServices { target } => [2, place(target), 0],
        Action::RestartServices { target, failing } => [3, place(target), failing.bits()],
        Action::RestartServer { target } => [4, place(target), 0],
        Action::PowerOn { target } => [5, place(target), 0],
        Action::Resume { function } => [6, place(function), 0],
        Action::ColdStart { function } => [7, place(function), 0],
        Action::Assign { function } => [8, place(function), 0],
        Action::Release { function } => [9, place(function), 0],
        Action::Suspend { function } => [10, place(function), 0],
        Action::AssignOwn => [11, 0, 0],
        Action::ReleaseOwn => [12, 0, 0],
        Action::Fence { target } => [20, place(target), 0],
        Action::Vote { claims } => [13, claims.addresses.bits(), claims.images.bits()],
    });
}

fn put_event(form: &mut Form, event: Event) {
    form.put(&match event {
        Event::Managing => [1, 0, 0],
        Event::Stopped => [2, 0, 0],
        Event::Detected { target, trouble } => [3, place(target), trouble_byte(trouble)],
        Event::Confirmed { target, trouble } => [4, place(target), trouble_byte(trouble)],
        Event::FalseAlarm { target } => [5, place(target), 0],
        Event::SyncMissed { target } => [6, place(target), 0],
        Event::StoodIn { target, manager } => [7, place(target), place(manager)],
        Event::Deferred { target, to } => [8, place(target), place(to)],
        Event::Tried { target, means } => [9, place(target), means_byte(means)],
        Event::Returned { target } => [10, place(target), 0],
        Event::Recovered { target } => [11, place(target), 0],
        Event::GivenUp { target } => [12, place(target), 0],
        Event::VirtualServerStarted { function } => [13, place(function), 0],
        Event::Served { function } => [14, place(function), 0],
        Event::Released { function } => [15, place(function), 0],
        Event::Suspended { function } => [16, place(function), 0],
        Event::VirtualServerFailed { function } => [17, place(function), 0],
        Event::NoRoom { function } => [18, place(function), 0],
        Event::OwnAddressHeld => [19, 0, 0],
        Event::OwnAddressDropped => [20, 0, 0],
        Event::StructureChanged { members } => [21, members.bits(), 0],
        Event::LeaseLost { claim } => {
            let [kind, function] = claim_bytes(claim);
            [22, kind, function]
        }
        Event::Refused { manager } => [23, place(manager), 0],
        Event::Ordered {
            server,
            maintenance,
            frozen,
            away,
        } => {
            let bits = u8::from(maintenance) | u8::from(frozen) << 1 | u8::from(away) << 2;
            [40, place(server), bits]
        }
        Event::LeftAlone { target, trouble } => [41, place(target), trouble_byte(trouble)],
        Event::HandOverBegun { target } => [42, place(target), 0],
        Event::HandOverFailed { target } => [43, place(target), 0],
        Event::Parked { target } => [44, place(target), 0],
        Event::Left => [45, 0, 0],
        Event::RivalSeen { function } => [30, place(function), 0],
        Event::Overruled { function, by } => [31, place(function), place(by)],
        Event::Fenced { target } => [32, place(target), 0],
    });
}

const fn trouble_byte(trouble: Trouble) -> u8 {
    match trouble {
        Trouble::Service => 1,
        Trouble::Network => 2,
        Trouble::Management => 3,
    }
}

const fn means_byte(means: Means) -> u8 {
    match means {
        Means::RestartServices => 1,
        Means::RestartServer => 2,
        Means::AwaitReturn => 3,
        Means::PowerOn => 4,
        Means::Fence => 5,
    }
}
