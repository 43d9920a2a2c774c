//! What a manager does for one target, as bars.

use tetrarch_core::{Action, Event, Input, JobId, Means, Message, Output, Owner, ServerId, Time};

use super::{BarKind, Draft};
use crate::explain::journal::{Entry, Step, What};

const AWAITS: &str = "waits for";

/// What a manager has to do with one target.
pub(super) struct Desk {
    target: ServerId,
    /// It is P1 of the target.
    leads: bool,
    zero: Time,
    /// The job that the present bar shows.
    job: Option<JobId>,
    /// What the job's end is waited with.
    then: &'static str,
    /// It acts for the target, and what it does between two jobs is waiting.
    is_acting: bool,
    /// It waits for the manager that acts.
    is_deferring: bool,
}

impl Desk {
    pub(super) const fn new(target: ServerId, leads: bool, zero: Time) -> Self {
        Self {
            target,
            leads,
            zero,
            job: None,
            then: "",
            is_acting: false,
            is_deferring: false,
        }
    }

    pub(super) fn step(&mut self, draft: &mut Draft<'_>, place: usize, entry: &Entry, step: &Step) {
        if self.job.is_some_and(|job| ends(step, job)) {
            self.job = None;
            if self.is_acting {
                let label = if self.then.is_empty() {
                    String::new()
                } else {
                    format!("{} {}", self.then, draft.name(self.target))
                };
                draft.begin(entry.at, BarKind::Waiting, label);
            } else {
                draft.stop(entry.at);
            }
        }
        if let Input::Message { message, .. } = step.input {
            self.message(draft, entry, message);
        }
        for output in &step.outputs {
            match *output {
                Output::Run { job, action } => self.run(draft, place, entry, job, action),
                Output::Note(event) => self.note(draft, entry, event),
                Output::Send { .. }
                | Output::Cancel { .. }
                | Output::Hold { .. }
                | Output::Announce { .. } => {}
            }
        }
    }

    fn run(
        &mut self,
        draft: &mut Draft<'_>,
        place: usize,
        entry: &Entry,
        job: JobId,
        action: Action,
    ) {
        if job.subject != self.target {
            return;
        }
        let then = match (job.owner, action) {
            // The healthy cycles before and after the trouble would hide it.
            (Owner::Watch, Action::ExamineNetwork { .. }) if self.is_of_trouble(draft, place) => {
                self.is_deferring = false;
                self.job = Some(job);
                return draft.begin(entry.at, BarKind::Examining, "examines");
            }
            (Owner::Recovery, Action::ExamineServices { .. }) => {
                self.is_acting = true;
                self.job = Some(job);
                self.then = "";
                return draft.begin(entry.at, BarKind::Examining, "");
            }
            (Owner::Recovery, Action::RestartServices { .. }) => "",
            (Owner::Recovery, Action::RestartServer { .. } | Action::PowerOn { .. }) => AWAITS,
            _ => return,
        };
        self.is_acting = true;
        self.job = Some(job);
        self.then = then;
        draft.begin(entry.at, BarKind::Command, "");
    }

    /// Whether an examination that begins at `place` finds trouble, or ends after it has begun.
    fn is_of_trouble(&self, draft: &Draft<'_>, place: usize) -> bool {
        let entries = &draft.drawer.journal.entries;
        let manager = entries.get(place).map(|entry| entry.server);
        let later = entries.iter().skip(place + 1);
        let finds = later
            .filter(|entry| Some(entry.server) == manager && entry.at >= self.zero)
            .find_map(|entry| match &entry.what {
                What::Step(step) => self.verdict(step),
                What::World(_) => None,
            });
        finds == Some(true)
    }

    /// Whether a step tells trouble of the target, or that it is well.
    fn verdict(&self, step: &Step) -> Option<bool> {
        let told = step.notes().find_map(|event| match event {
            Event::Detected { target, .. } | Event::Confirmed { target, .. } => Some(target),
            _ => None,
        });
        if told == Some(self.target) {
            return Some(true);
        }
        match step.input {
            Input::Done { job, .. } if job.owner == Owner::Watch && job.subject == self.target => {
                let goes_on = step
                    .jobs()
                    .any(|(next, _)| next.owner == Owner::Watch && next.subject == self.target);
                (!goes_on).then_some(false)
            }
            _ => None,
        }
    }

    fn note(&mut self, draft: &mut Draft<'_>, entry: &Entry, event: Event) {
        match event {
            Event::Detected { target, .. }
                if target == self.target
                    && draft.drawer.measured[target.index()].detected == Some(entry.at) =>
            {
                draft.mark(entry.at, "detected");
            }
            Event::Confirmed { target, .. } if target == self.target => {
                self.is_deferring = true;
                let label = if self.leads { "" } else { "leaves it to P1" };
                draft.begin(entry.at, BarKind::Waiting, label);
            }
            Event::Tried { target, means } if target == self.target => {
                let words = match means {
                    Means::RestartServices => "restarts services",
                    Means::RestartServer => "restarts server",
                    Means::PowerOn => "powers on",
                    Means::Fence => "switches off",
                    Means::AwaitReturn => {
                        let label = format!("{AWAITS} {}", draft.name(target));
                        draft.begin(entry.at, BarKind::Waiting, label);
                        ""
                    }
                };
                if !words.is_empty() {
                    draft.mark(entry.at, words);
                }
                self.is_acting = true;
                self.is_deferring = false;
            }
            Event::Returned { target } if target == self.target => {
                draft.begin(entry.at, BarKind::Waiting, "");
            }
            Event::Recovered { target }
            | Event::GivenUp { target }
            | Event::Deferred { target, .. }
                if target == self.target =>
            {
                self.is_acting = false;
                self.is_deferring = false;
                draft.stop(entry.at);
            }
            Event::Stopped => {
                draft.stop(entry.at);
                *self = Self::new(self.target, self.leads, self.zero);
            }
            _ => {}
        }
    }

    fn message(&mut self, draft: &mut Draft<'_>, entry: &Entry, message: Message) {
        let is_over = match message {
            Message::Up { target } | Message::Down { target, .. } => target == self.target,
            _ => false,
        };
        if is_over && self.is_deferring {
            self.is_deferring = false;
            draft.stop(entry.at);
        }
    }
}

/// Whether a step takes the result of `job`, or no longer wants it.
fn ends(step: &Step, job: JobId) -> bool {
    let cancelled = step.outputs.contains(&Output::Cancel { job });
    cancelled || matches!(step.input, Input::Done { job: ended, .. } if ended == job)
}
