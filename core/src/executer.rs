//! The executer: one per server, it runs the management programs while a flag file is there.
//!
//! The paper ("Executer system") gives this much: the executer starts with its server; it examines
//! whether a flag file is on the local disk; if so, it copies the management program and the
//! management data from the shared area of the file server and runs them; if the flag file goes
//! away, it stops them all, and the server manages nobody any more.
//!
//! The paper is silent on the rest, which is ours:
//!
//! - The shared area may fail or hang. A copy that fails, or takes longer than
//!   [`ExecuterSettings::copy_max`], is replaced by the last good local copy, if there is one.
//! - Only a look that finds the flag begins a copy. So programs that keep dying, and a shared area
//!   that keeps failing, are tried again at the pace of the looks and never in a tight loop.
//! - One copy runs at a time. A copy that was given up may have read the shared area before its
//!   last change, so its late end does not start anything: a new copy is asked for instead.
//!
//! # The driver's duties
//!
//! - Hand in [`ExecuterInput::Start`] once, then keep only the newest [`ExecuterStep::deadline`].
//!   At a [`ExecuterTimer::Look`] examine the flag file and hand in [`ExecuterInput::Flag`], or
//!   [`ExecuterInput::Deadline`] when the local disk gives no answer; at a
//!   [`ExecuterTimer::Copy`] hand in [`ExecuterInput::Deadline`].
//! - Answer each [`ExecuterOutput::CopyFromShared`] with one [`ExecuterInput::Copied`], however
//!   late, and put a copy in place only when it is complete (write elsewhere, then rename).
//! - Answer each [`ExecuterOutput::StopPrograms`] with one [`ExecuterInput::Stopped`] once no
//!   program is left, by force if need be, and at once when none was running.
//!
//! Inputs that come late, early, twice or unasked are legal and break none of the promises on
//! [`Executer`].

use crate::time::{Span, Time};

/// How often the flag file is examined, and how long a copy may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExecuterSettings {
    look_every: Span,
    copy_max: Span,
}

/// Why settings of an executer were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ExecuterSettingsError {
    /// A driver would look at the flag file without a pause.
    #[error("look_every: expected a time longer than zero, found 0.000 s")]
    LookEvery,
    /// Every copy would count as failed.
    #[error("copy_max: expected a time longer than zero, found 0.000 s")]
    CopyMax,
}

impl ExecuterSettings {
    /// Settings with `look_every` between two looks at the flag file, and `copy_max` as the longest
    /// time that a copy from the shared area may take.
    ///
    /// # Errors
    ///
    /// Names the setting that is zero.
    pub fn new(look_every: Span, copy_max: Span) -> Result<Self, ExecuterSettingsError> {
        if look_every == Span::ZERO {
            return Err(ExecuterSettingsError::LookEvery);
        }
        if copy_max == Span::ZERO {
            return Err(ExecuterSettingsError::CopyMax);
        }
        Ok(Self {
            look_every,
            copy_max,
        })
    }

    /// Time between two looks at the flag file.
    #[must_use]
    pub const fn look_every(self) -> Span {
        self.look_every
    }

    /// Longest time that a copy may take; one that takes longer counts as failed.
    #[must_use]
    pub const fn copy_max(self) -> Span {
        self.copy_max
    }
}

/// Looks once a second and gives a copy 30 seconds. Both are assumed: the paper gives no figure.
impl Default for ExecuterSettings {
    fn default() -> Self {
        Self {
            look_every: Span::from_secs(1),
            copy_max: Span::from_secs(30),
        }
    }
}

/// What an executer learns from its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecuterInput {
    /// The server has booted; no management program runs yet.
    Start,
    /// The driver has looked at the flag file on the local disk.
    Flag {
        /// Whether the file was there.
        present: bool,
    },
    /// The copy from the shared area has ended.
    Copied {
        /// Whether a complete copy is now on the local disk.
        ok: bool,
    },
    /// Management programs have ended: after [`ExecuterOutput::StopPrograms`] all of them, without
    /// it at least one, by itself.
    Stopped,
    /// The instant of a deadline has come.
    Deadline,
}

/// What an executer tells its driver to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecuterOutput {
    /// Copy the management program and the management data from the shared area.
    CopyFromShared,
    /// Start the management programs from the local copy.
    StartPrograms {
        /// True when the copy was made for this start; false when the shared area did not give one
        /// in time and the last good copy is used.
        fresh: bool,
    },
    /// Stop all management programs.
    StopPrograms,
}

/// What a deadline of an executer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecuterTimer {
    /// It is time to look at the flag file (again).
    Look,
    /// The copy has taken too long.
    Copy,
}

/// The one instant at which an executer wants to be woken, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExecuterDeadline {
    /// When.
    pub at: Time,
    /// What for. When both are due at once this is the look, because [`ExecuterInput::Flag`]
    /// notices an overdue copy as well.
    pub timer: ExecuterTimer,
}

/// The result of one step.
#[must_use = "the output has to be carried out and the deadline kept"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExecuterStep {
    /// What to do now, if anything.
    pub output: Option<ExecuterOutput>,
    /// Replaces the deadline of every earlier step; absent only before the start.
    pub deadline: Option<ExecuterDeadline>,
}

/// What an executer is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExecuterPhase {
    /// The server has not started.
    Off,
    /// No program runs; a look that finds the flag begins a copy.
    Idle,
    /// The flag is there; programs start when the copy ends or is overdue.
    Copying {
        /// When the wait ends in any case.
        due: Time,
        /// Whether the copy was asked for in this phase. False while an earlier copy, which was
        /// given up, has not ended yet.
        asked: bool,
    },
    /// The programs run.
    Running,
    /// The programs have been told to stop and have not all ended.
    Stopping,
}

/// The executer of one server, as a state machine without clock and I/O.
///
/// It promises, for any sequence of inputs:
///
/// - programs start only if the flag file was there when last seen;
/// - between two starts there is an [`ExecuterOutput::StopPrograms`] and, after it, an
///   [`ExecuterInput::Stopped`];
/// - programs start with `fresh: false` only if a complete local copy exists;
/// - from the start on there is always a deadline.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Executer {
    settings: ExecuterSettings,
    phase: ExecuterPhase,
    look_at: Time,
    copy_open: bool,
    local_copy: bool,
}

impl Executer {
    /// An executer whose server has not started. `local_copy` says whether the local disk already
    /// holds a complete copy, from before the boot.
    #[must_use]
    pub const fn new(settings: ExecuterSettings, local_copy: bool) -> Self {
        Self {
            settings,
            phase: ExecuterPhase::Off,
            look_at: Time::ZERO,
            copy_open: false,
            local_copy,
        }
    }

    /// What the executer is busy with.
    #[must_use]
    pub const fn phase(&self) -> ExecuterPhase {
        self.phase
    }

    /// Whether a complete copy is on the local disk, as far as the executer was told.
    #[must_use]
    pub const fn has_local_copy(&self) -> bool {
        self.local_copy
    }

    /// Takes in one input at the instant `now`, which must not go back, and decides what to do.
    pub fn step(&mut self, now: Time, input: ExecuterInput) -> ExecuterStep {
        let output = match (self.phase, input) {
            (ExecuterPhase::Off, ExecuterInput::Start) => {
                self.phase = ExecuterPhase::Idle;
                self.look_at = now;
                None
            }
            // Before the start nothing is ours to decide; after it, it cannot happen again.
            (ExecuterPhase::Off, _) | (_, ExecuterInput::Start) => None,
            (_, ExecuterInput::Flag { present }) => {
                self.look_at = now + self.settings.look_every;
                if present {
                    self.flag_present(now)
                } else {
                    self.flag_absent()
                }
            }
            (_, ExecuterInput::Copied { ok }) => self.copied(now, ok),
            (_, ExecuterInput::Stopped) => self.stopped(),
            (_, ExecuterInput::Deadline) => {
                // The driver could not look. What was seen last stays in force: a disk that gives
                // no answer is no reason to stop managing.
                if now >= self.look_at {
                    self.look_at = now + self.settings.look_every;
                }
                self.give_up_overdue_copy(now)
            }
        };
        ExecuterStep {
            output,
            deadline: self.deadline(),
        }
    }

    fn deadline(&self) -> Option<ExecuterDeadline> {
        let look = ExecuterDeadline {
            at: self.look_at,
            timer: ExecuterTimer::Look,
        };
        match self.phase {
            ExecuterPhase::Off => None,
            ExecuterPhase::Copying { due, .. } if due < self.look_at => Some(ExecuterDeadline {
                at: due,
                timer: ExecuterTimer::Copy,
            }),
            _ => Some(look),
        }
    }

    fn flag_present(&mut self, now: Time) -> Option<ExecuterOutput> {
        match self.phase {
            ExecuterPhase::Idle if self.copy_open => {
                self.phase = ExecuterPhase::Copying {
                    due: now + self.settings.copy_max,
                    asked: false,
                };
                None
            }
            ExecuterPhase::Idle => self.ask_for_copy(now),
            _ => self.give_up_overdue_copy(now),
        }
    }

    fn flag_absent(&mut self) -> Option<ExecuterOutput> {
        match self.phase {
            // The copy goes on by itself; `copy_open` remembers it.
            ExecuterPhase::Copying { .. } => {
                self.phase = ExecuterPhase::Idle;
                None
            }
            ExecuterPhase::Running => self.stop_programs(),
            ExecuterPhase::Off | ExecuterPhase::Idle | ExecuterPhase::Stopping => None,
        }
    }

    fn copied(&mut self, now: Time, ok: bool) -> Option<ExecuterOutput> {
        if !self.copy_open {
            return None;
        }
        self.copy_open = false;
        self.local_copy |= ok;
        let ExecuterPhase::Copying { due, asked } = self.phase else {
            return None;
        };
        if now > due {
            self.start_from_local_copy()
        } else if !asked {
            self.ask_for_copy(now)
        } else if ok {
            self.phase = ExecuterPhase::Running;
            Some(ExecuterOutput::StartPrograms { fresh: true })
        } else {
            self.start_from_local_copy()
        }
    }

    fn stopped(&mut self) -> Option<ExecuterOutput> {
        match self.phase {
            ExecuterPhase::Stopping => {
                self.phase = ExecuterPhase::Idle;
                None
            }
            // A server runs several programs, and this may also be a late answer to an earlier
            // stop. Stopping whatever is left keeps two sets of programs from running side by side.
            ExecuterPhase::Running => self.stop_programs(),
            ExecuterPhase::Off | ExecuterPhase::Idle | ExecuterPhase::Copying { .. } => None,
        }
    }

    fn give_up_overdue_copy(&mut self, now: Time) -> Option<ExecuterOutput> {
        match self.phase {
            ExecuterPhase::Copying { due, .. } if now >= due => self.start_from_local_copy(),
            _ => None,
        }
    }

    fn ask_for_copy(&mut self, now: Time) -> Option<ExecuterOutput> {
        self.copy_open = true;
        self.phase = ExecuterPhase::Copying {
            due: now + self.settings.copy_max,
            asked: true,
        };
        Some(ExecuterOutput::CopyFromShared)
    }

    /// Without a local copy the next look tries the shared area again.
    fn start_from_local_copy(&mut self) -> Option<ExecuterOutput> {
        if self.local_copy {
            self.phase = ExecuterPhase::Running;
            Some(ExecuterOutput::StartPrograms { fresh: false })
        } else {
            self.phase = ExecuterPhase::Idle;
            None
        }
    }

    fn stop_programs(&mut self) -> Option<ExecuterOutput> {
        self.phase = ExecuterPhase::Stopping;
        Some(ExecuterOutput::StopPrograms)
    }
}
