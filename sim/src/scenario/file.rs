//! A scenario file as serde reads it: its keys, and what each may hold by itself.

use serde::Deserialize;
use serde::de::Deserializer;
use tetrarch_core::Span;
use toml::Spanned;

use super::group::Group;
use super::value::{Value, deserialize_key};
use super::{Safety, Scenario};

/// Every key of a scenario file. None is demanded here, so that [`Scenario::parse`] can say in the
/// words of all other errors what the missing key is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioFile {
    pub(super) name: Option<Name>,
    pub(super) purpose: Option<Purpose>,
    pub(super) group: Option<Group>,
    pub(super) services: Option<Spanned<Value>>,
    pub(super) timing: Option<Spanned<Value>>,
    pub(super) versions: Option<Spanned<Value>>,
    pub(super) sightings: Option<Spanned<Value>>,
    pub(super) fences: Option<Spanned<Value>>,
    pub(super) safety: Option<SafetyName>,
    pub(super) failback: Option<Spanned<Value>>,
    pub(super) damping: Option<Spanned<Value>>,
    pub(super) seed: Option<Seed>,
    pub(super) duration: Option<Duration>,
    pub(super) fault: Option<Spanned<Value>>,
    pub(super) expect: Option<Spanned<Value>>,
}

/// The value of `name`: a text of one line.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

/// The value of `purpose`: a text of one or several lines.
#[derive(Debug)]
pub(super) struct Purpose(pub(super) String);

/// The value of `safety`.
#[derive(Debug)]
pub(super) struct SafetyName(pub(super) Safety);

/// The value of `seed`.
#[derive(Debug)]
pub(super) struct Seed(pub(super) u64);

/// The value of `duration`: more than zero, at most [`Scenario::DURATION_MAX`].
#[derive(Debug)]
pub(super) struct Duration(pub(super) Span);

impl Name {
    pub(super) const EXPECTED: &str = "a name in one line";
}

impl Purpose {
    pub(super) const EXPECTED: &str = "a text that says why it exists";
}

impl Duration {
    const EXPECTED: &str = "more than \"0s\" and at most \"366d\"";
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_key(deserializer, "name", |value| {
            value.prose(false, Self::EXPECTED).map(Self)
        })
    }
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_key(deserializer, "purpose", |value| {
            value.prose(true, Self::EXPECTED).map(Self)
        })
    }
}

impl<'de> Deserialize<'de> for SafetyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_key(deserializer, "safety", |value| {
            value.choice(Safety::ALL, Safety::name).map(Self)
        })
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_key(deserializer, "seed", |value| {
            value.whole(0, u64::MAX).map(Self)
        })
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_key(deserializer, "duration", |value| match value.span()? {
            Span::ZERO => Err(Self::EXPECTED.to_owned()),
            span if span > Scenario::DURATION_MAX => Err(Self::EXPECTED.to_owned()),
            span => Ok(Self(span)),
        })
    }
}
