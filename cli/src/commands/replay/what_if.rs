//! Changed settings of a replay.

use core::str::FromStr;

use tetrarch_core::{Config, Span, Timing};

use crate::args::duration;
use crate::error::CliError;

/// Finds one setting among them all.
type Setting = fn(&mut Timing) -> &mut Span;

/// The settings that the core decides by. What the simulated system is made of is no setting of a node.
const SETTINGS: [(&str, Setting); 9] = [
    ("inter_monitoring", |timing| &mut timing.inter_monitoring),
    ("reexamination_wait", |timing| {
        &mut timing.reexamination_wait
    }),
    ("judgement_max", |timing| &mut timing.judgement_max),
    ("hand_off", |timing| &mut timing.hand_off),
    ("poll_pause", |timing| &mut timing.poll_pause),
    ("sync_grace", |timing| &mut timing.sync_grace),
    ("join_wait", |timing| &mut timing.join_wait),
    ("examination_max", |timing| &mut timing.examination_max),
    ("job_max", |timing| &mut timing.job_max),
];

/// A setting and its new value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    setting: Setting,
    value: Span,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text
            .split_once('=')
            .ok_or("expected a setting and its value, such as sync_grace=1s")?;
        let setting = SETTINGS.iter().find(|(name, _)| *name == key);
        let (_, setting) = setting.ok_or_else(|| {
            let names = SETTINGS.map(|(name, _)| name);
            format!("expected one of {}", names.join(", "))
        })?;
        Ok(Self {
            setting: *setting,
            value: duration(value)?,
        })
    }
}

/// The configuration with all changes; none without any.
pub(super) fn changed(config: &Config, changes: &[Change]) -> Result<Option<Config>, CliError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let mut timing = *config.timing();
    for change in changes {
        *(change.setting)(&mut timing) = change.value;
    }
    let changed = Config::new(config.me(), config.size(), config.guests_max(), timing);
    changed
        .map(Some)
        .map_err(|error| CliError::Usage(format!("--what-if: {error}")))
}
