//! The settings that are lengths of time.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use tetrarch_core::executer::ExecuterSettings;
use tetrarch_core::{Safety, Span, Timing};

use crate::parts::examine::Limits;

/// The shortest lease of a guarded group: whoever renews it three times in a term needs that.
const HOLD_MIN: Span = Span::from_millis(300);

/// A length of time as text, such as `10s` or `200ms`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait(pub(super) Span);

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = || {
            de::Error::custom(format!(
                "expected a length of time such as \"10s\" or \"200ms\", found {text:?}"
            ))
        };
        length(&text).map(Self).ok_or_else(expected)
    }
}

/// The length of time that `text` says; none when it says none.
pub(super) fn length(text: &str) -> Option<Span> {
    let duration = humantime::parse_duration(text).ok()?;
    let ns = u64::try_from(duration.as_nanos()).ok()?;
    Some(Span::from_nanos(ns))
}

/// How long examinations may take, as far as that differs from the usual.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Examination {
    network_max: Option<Wait>,
    service_max: Option<Wait>,
}

impl Examination {
    /// The limits; each at most `max`, after which the node waits no longer.
    pub(super) fn limits(&self, max: Span) -> Result<Limits, String> {
        let limit = |name, wait: Option<Wait>, usual: Duration| {
            let limit = wait.map_or(usual, |wait| Duration::from_nanos(wait.0.as_nanos()));
            let max = Duration::from_nanos(max.as_nanos());
            if limit.is_zero() || limit > max && wait.is_some() {
                return Err(format!(
                    "expected {name} to be longer than nothing and no longer than examination_max, {max:?}"
                ));
            }
            Ok(limit.min(max))
        };
        let usual = Limits::default();
        Ok(Limits {
            network: limit("network_max", self.network_max, usual.network)?,
            service: limit("service_max", self.service_max, usual.service)?,
        })
    }
}

/// The executer's waits, as far as they differ from the usual.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Waits {
    look_every: Option<Wait>,
    copy_max: Option<Wait>,
}

impl Waits {
    pub(super) fn checked(self) -> Result<ExecuterSettings, String> {
        let usual = ExecuterSettings::default();
        ExecuterSettings::new(
            self.look_every.map_or(usual.look_every(), |wait| wait.0),
            self.copy_max.map_or(usual.copy_max(), |wait| wait.0),
        )
        .map_err(|error| error.to_string())
    }
}

/// The protocol's waits, as far as they differ from the paper's.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Protocol {
    inter_monitoring: Option<Wait>,
    reexamination_wait: Option<Wait>,
    judgement_max: Option<Wait>,
    hand_off: Option<Wait>,
    poll_pause: Option<Wait>,
    sync_grace: Option<Wait>,
    join_wait: Option<Wait>,
    examination_max: Option<Wait>,
    job_max: Option<Wait>,
    lease_term: Option<Wait>,
    lease_margin: Option<Wait>,
}

impl Protocol {
    pub(super) fn timing(&self) -> Timing {
        let or = |wait: Option<Wait>, ms| wait.map_or(Span::from_millis(ms), |wait| wait.0);
        Timing {
            inter_monitoring: or(self.inter_monitoring, 10_000),
            reexamination_wait: or(self.reexamination_wait, 2_000),
            judgement_max: or(self.judgement_max, 105_000),
            hand_off: or(self.hand_off, 200),
            poll_pause: or(self.poll_pause, 1_000),
            sync_grace: or(self.sync_grace, 3_000),
            join_wait: or(self.join_wait, 1_000),
            examination_max: or(self.examination_max, 10_000),
            job_max: or(self.job_max, 120_000),
            lease_term: or(self.lease_term, 6_000),
            lease_margin: or(self.lease_margin, 600),
        }
    }
}

/// Refuses leases that leave hardly any time to hold an address.
pub(super) fn check_hold(safety: Safety, timing: &Timing) -> Result<(), String> {
    let hold = timing.lease_term.saturating_sub(timing.lease_margin);
    if safety == Safety::Guarded && hold < HOLD_MIN {
        return Err(format!(
            "expected lease_term to be longer than lease_margin by {HOLD_MIN} or more"
        ));
    }
    Ok(())
}
