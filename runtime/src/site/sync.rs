//! The table `[virtual_server.HOST.sync]`: who brings the virtual server's data home, and how long that may take.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tetrarch_core::Span;
use toml::Spanned;

use super::Misplaced;
use super::telling::{length, program};
use super::waits::Wait;
use crate::parts::sync::SyncSettings;

/// The usual patience while the virtual server serves, and while nobody does.
const LIMIT: Duration = Duration::from_secs(60);
const LAST_LIMIT: Duration = Duration::from_secs(20);

/// What else belongs to a release: the guest, which is asked to take its address off, and the cable.
const SPARE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SyncFile {
    program: Spanned<PathBuf>,
    limit: Option<Spanned<Wait>>,
    last_limit: Option<Spanned<Wait>>,
}

/// The settings, which must leave a release within `job_max`: the node gives up a job that takes longer, and
/// suspends the virtual server in the middle of it.
pub(super) fn checked(file: Spanned<SyncFile>, job_max: Span) -> Result<SyncSettings, Misplaced> {
    let span = file.span();
    let file = file.into_inner();
    let settings = SyncSettings {
        program: program(&file.program)?,
        limit: length(file.limit, LIMIT)?,
        last_limit: length(file.last_limit, LAST_LIMIT)?,
    };
    let job_max = Duration::from_nanos(job_max.as_nanos());
    let both = settings.limit.saturating_add(settings.last_limit);
    if both.saturating_add(SPARE) > job_max {
        let why = format!(
            "expected limit and last_limit, {both:?} together, to leave {SPARE:?} of job_max, {job_max:?}"
        );
        return Err((span, why));
    }
    Ok(settings)
}
