//! What a check covers: the ring, its timing, and which faults may strike how often.

use core::fmt;
use core::str::FromStr;

use tetrarch_core::{Config, ConfigError, Safety, ServerId, Span};
use tetrarch_sim::parameters::{ParameterError, Parameters};
use thiserror::Error;

/// A kind of fault. Each strike of one counts against the bound on faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A server loses power; it can be powered on again.
    Crash,
    /// A server is restarted by itself or by hand (the paper's N1t).
    Restart,
    /// A server's services stop; restarting them repairs them (S1t).
    Service,
    /// A server's services stop; only a restart of the server repairs them (S2t).
    Stuck,
    /// A message is lost.
    Loss,
    /// A message arrives, and once more later.
    Duplicate,
    /// A message arrives late, so that others overtake it.
    Late,
    /// A job fails.
    Fail,
    /// A job never ends; what it was to do is not done.
    Hang,
    /// A job does what it is to do late.
    Slow,
    /// One server's messages do not reach another for a while.
    Cut,
    /// The servers fall into two sides that do not reach each other for a while.
    Partition,
    /// A server's management programs stand still for a while and then go on with all that came
    /// meanwhile; its services and virtual servers run on.
    Pause,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Crash,
        Self::Restart,
        Self::Service,
        Self::Stuck,
        Self::Loss,
        Self::Duplicate,
        Self::Late,
        Self::Fail,
        Self::Hang,
        Self::Slow,
        Self::Cut,
        Self::Partition,
        Self::Pause,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Service => "service",
            Self::Stuck => "stuck",
            Self::Loss => "loss",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Fail => "fail",
            Self::Hang => "hang",
            Self::Slow => "slow",
            Self::Cut => "cut",
            Self::Partition => "partition",
            Self::Pause => "pause",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = BoundsError;

    fn from_str(name: &str) -> Result<Self, BoundsError> {
        let found = Self::ALL.iter().find(|kind| kind.name() == name);
        found.copied().ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            BoundsError::Kind(name.to_owned(), all.join(", "))
        })
    }
}

/// The lengths of time that a check uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Whole seconds in the order of the paper's times, with short boots and judgements. Situations
    /// come round again, so far fewer states have to be looked at.
    #[default]
    Whole,
    /// The paper's own times.
    Paper,
}

/// The order of the paper's times is kept: a message before a hand-off, before the wait for answers,
/// before the grace; an examination before the cycle; a restart with its services before the
/// judgement. The maxima end waits without overlapping the next cycle.
const WHOLE: &[(&str, &str)] = &[
    ("link_delay", "1s"),
    ("network_examination_normal", "2s"),
    ("network_examination_abnormal", "4s"),
    ("remote_command", "2s"),
    ("hand_off", "2s"),
    ("service_ready", "3s"),
    ("join_wait", "4s"),
    ("reexamination_wait", "4s"),
    ("virtual_server_resume", "5s"),
    ("virtual_server_suspend", "3s"),
    ("virtual_server_start", "12s"),
    ("poll_pause", "6s"),
    ("sync_grace", "6s"),
    ("examination_max", "12s"),
    ("inter_monitoring", "16s"),
    ("job_max", "24s"),
    ("server_start", "20s"),
    ("server_restart", "26s"),
    ("judgement_max", "48s"),
];

/// What is otherwise in a guarded group, whose servers ask for leases all the time: an answer comes
/// before the next question, and a cycle is a whole number of renewals, so that few situations differ
/// only in how the questions stand to the cycle. A term is shorter than a cycle, a cycle shorter than
/// a start, as with the paper's times.
const WHOLE_GUARDED: &[(&str, &str)] = &[
    ("lease_term", "36s"),
    ("lease_margin", "6s"),
    ("inter_monitoring", "44s"),
    ("server_start", "48s"),
    ("server_restart", "54s"),
    ("judgement_max", "72s"),
];

impl Preset {
    /// The timing parameters of a group with this safety setting.
    ///
    /// # Errors
    ///
    /// When a value makes no sense; a test says that none does.
    pub fn parameters(self, safety: Safety) -> Result<Parameters, ParameterError> {
        let mut parameters = Parameters::paper();
        let rows = match (self, safety) {
            (Self::Paper, _) => [].iter().chain(&[]),
            (Self::Whole, Safety::Paper) => WHOLE.iter().chain(&[]),
            (Self::Whole, Safety::Guarded) => WHOLE.iter().chain(WHOLE_GUARDED),
        };
        for (key, value) in rows {
            parameters.set_text(key, value)?;
        }
        parameters.validate()?;
        Ok(parameters)
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Paper => "paper",
        }
    }
}

/// What a check covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    pub(crate) configs: Vec<Config>,
    pub(crate) parameters: Parameters,
    /// Kinds of faults that may strike, each named once.
    pub(crate) kinds: Vec<Kind>,
    /// How long cuts, partitions and pauses may last.
    pub(crate) spells: Vec<Span>,
    /// How much later than usual a late message or a slow job may be.
    pub(crate) delays: Vec<Span>,
    #[cfg(feature = "seeded-bugs")]
    pub(crate) bug: Option<crate::machine::Bug>,
    #[cfg(feature = "seeded-bugs")]
    pub(crate) mixes_all: bool,
}

/// Bounds that no check can have.
#[derive(Debug, Error)]
pub enum BoundsError {
    /// The core refuses the group.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The timing makes no sense.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// No such kind of fault.
    #[error("{0:?} is no kind of fault; there are {1}")]
    Kind(String, String),
}

impl Bounds {
    /// A check of a ring of `ring` servers with this safety setting under faults of these kinds.
    ///
    /// # Errors
    ///
    /// When the core refuses a group of this size.
    pub fn new(
        ring: usize,
        preset: Preset,
        safety: Safety,
        kinds: &[Kind],
    ) -> Result<Self, BoundsError> {
        let parameters = preset.parameters(safety)?;
        let guests = parameters.guests_max();
        let configs = ServerId::all(ring.max(1))
            .map(|me| {
                let config = Config::new(me, ring, guests, parameters.timing())?;
                Ok(config.with_safety(safety))
            })
            .collect::<Result<Vec<_>, ConfigError>>()?;
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let timing = parameters.timing();
        let half = Span::from_nanos(timing.inter_monitoring.as_nanos() / 2);
        Ok(Self {
            configs,
            kinds,
            spells: vec![
                half,
                timing.inter_monitoring.times(2) + half,
                timing.judgement_max.times(4),
            ],
            delays: vec![
                timing.hand_off.times(2),
                timing.inter_monitoring.times(2) + half,
            ],
            parameters,
            #[cfg(feature = "seeded-bugs")]
            bug: None,
            #[cfg(feature = "seeded-bugs")]
            mixes_all: false,
        })
    }

    /// The same check of a system with a planted mistake.
    #[cfg(feature = "seeded-bugs")]
    #[must_use]
    pub fn with_bug(mut self, bug: crate::machine::Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    /// The same check of servers with a mistake planted in their core.
    #[cfg(feature = "seeded-bugs")]
    #[must_use]
    pub fn with_core_bug(mut self, bug: tetrarch_core::Bug) -> Self {
        for config in &mut self.configs {
            *config = config.with_bug(bug);
        }
        self
    }

    pub(crate) fn is_guarded(&self) -> bool {
        self.configs
            .iter()
            .any(|config| config.safety() == Safety::Guarded)
    }

    /// The same check with everything that is due at one instant in every order, and a fault at every
    /// server at any time: what the fewer orders of a usual check are compared with.
    #[cfg(feature = "seeded-bugs")]
    #[must_use]
    pub fn mixing_all(mut self) -> Self {
        self.mixes_all = true;
        self
    }

    /// The number of servers.
    #[must_use]
    pub fn ring(&self) -> usize {
        self.configs.len()
    }

    /// The kinds of faults that may strike.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The timing parameters.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How long cuts, partitions and pauses may last.
    #[must_use]
    pub fn spells(&self) -> &[Span] {
        &self.spells
    }

    /// How much later than usual a late message or a slow job may be.
    #[must_use]
    pub fn delays(&self) -> &[Span] {
        &self.delays
    }
}
