//! The settings by which rules a group plays.

use serde::Deserialize;
use serde::de::{self, Deserializer};
use tetrarch_core::Safety;

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
