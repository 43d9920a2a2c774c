//! The settings by which rules a group plays.

use serde::Deserialize;
use serde::de::{self, Deserializer};
use tetrarch_core::{Damping, Failback, Safety, Span};
use toml::Spanned;

use super::Misplaced;
use super::waits::{Wait, length};

/// The value of `safety`: guarded, unless somebody says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules(pub(super) Safety);

impl Default for Rules {
    fn default() -> Self {
        Self(Safety::Guarded)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Safety::ALL.iter().find(|safety| safety.name() == text);
        found.copied().map(Self).ok_or_else(|| {
            let names: Vec<_> = Safety::ALL.iter().map(|safety| safety.name()).collect();
            de::Error::custom(format!("expected {}, found {text:?}", names.join(" or ")))
        })
    }
}

/// What this server sees by itself, without having asked what the protocol asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sightings {
    /// Whether it watches for others that use an address which is on it.
    pub rivals: bool,
}

/// A thing that a server can see by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sight {
    Rivals,
}

impl Sightings {
    /// Those of the list `sightings`. Without one guarded groups watch for rivals, as there are none as long as all
    /// goes well, and the paper's servers do not.
    pub(super) fn of(list: Option<&[Sight]>, safety: Safety) -> Self {
        Self {
            rivals: list.map_or(safety == Safety::Guarded, |list| {
                list.contains(&Sight::Rivals)
            }),
        }
    }
}

/// The value of `failback`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Return(pub(super) Failback);

impl<'de> Deserialize<'de> for Return {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let failback = match text.as_str() {
            "automatic" => Some(Failback::Automatic),
            "manual" => Some(Failback::Manual),
            // A server that need not have been healthy at all gets its function back automatically.
            _ => length(&text)
                .filter(|delay| *delay > Span::ZERO)
                .map(Failback::Delayed),
        };
        failback.map(Self).ok_or_else(|| {
            de::Error::custom(format!(
                "expected \"automatic\", \"manual\" or for how long a server must have been healthy, such as \
                 \"5m\", found {text:?}"
            ))
        })
    }
}

/// The table `[damping]`. Nobody can guess what a site takes for flapping, so all of it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flapping {
    recoveries_max: u8,
    window: Spanned<Wait>,
    hold: Spanned<Wait>,
    hold_max: Spanned<Wait>,
}

impl Flapping {
    pub(super) fn checked(&self) -> Result<Damping, Misplaced> {
        let positive = |name, wait: &Spanned<Wait>| match wait.get_ref().0 {
            Span::ZERO => Err((
                wait.span(),
                format!("expected {name} to be longer than nothing"),
            )),
            length => Ok(length),
        };
        let damping = Damping {
            recoveries_max: self.recoveries_max,
            window: positive("window", &self.window)?,
            hold: positive("hold", &self.hold)?,
            hold_max: self.hold_max.get_ref().0,
        };
        if damping.hold_max < damping.hold {
            let (hold, hold_max) = (damping.hold, damping.hold_max);
            let why =
                format!("expected hold_max to be no shorter than hold, {hold}, found {hold_max}");
            return Err((self.hold_max.span(), why));
        }
        Ok(damping)
    }
}
