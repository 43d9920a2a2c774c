//! The tables of the settings about who is told how things stand: `[metrics]` and `[notify]`.

use core::ops::Range;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Misplaced;
use super::waits::Wait;
use crate::notify::Hook;

/// The usual patience with a hook, and the pauses before it is tried again.
const LIMIT: Duration = Duration::from_secs(30);
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Who is told how things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// The loopback address at which Prometheus asks; none without that.
    pub metrics: Option<SocketAddr>,
    /// The program that is told of events; none without one.
    pub hook: Option<Hook>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    listen: Spanned<SocketAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notify {
    program: Spanned<PathBuf>,
    limit: Option<Spanned<Wait>>,
    retry_max: Option<Spanned<Wait>>,
}

/// A length of time that is not nothing.
pub(super) fn length(wait: Option<Spanned<Wait>>, usual: Duration) -> Result<Duration, Misplaced> {
    let Some(wait) = wait else { return Ok(usual) };
    let span: Range<usize> = wait.span();
    let length = Duration::from_nanos(wait.into_inner().0.as_nanos());
    if length < RETRY_MIN {
        return Err((span, "expected at least 1s".to_owned()));
    }
    Ok(length)
}

/// A program by its whole path.
pub(super) fn program(written: &Spanned<PathBuf>) -> Result<PathBuf, Misplaced> {
    let program = written.get_ref();
    if program.is_absolute() {
        return Ok(program.clone());
    }
    let why = format!("expected an absolute path, found {}", program.display());
    Err((written.span(), why))
}

pub(super) fn checked(
    metrics: Option<Metrics>,
    notify: Option<Notify>,
) -> Result<Telling, Misplaced> {
    let metrics = metrics.map(|metrics| {
        let address = *metrics.listen.get_ref();
        if address.ip().is_loopback() {
            return Ok(address);
        }
        // It tells who serves what, without asking who wants to know.
        let why = format!("expected a loopback address such as 127.0.0.1:9470, found {address}");
        Err((metrics.listen.span(), why))
    });
    let hook = notify.map(|notify| {
        Ok(Hook {
            program: program(&notify.program)?,
            limit: length(notify.limit, LIMIT)?,
            retry_min: RETRY_MIN,
            retry_max: length(notify.retry_max, RETRY_MAX)?,
        })
    });
    Ok(Telling {
        metrics: metrics.transpose()?,
        hook: hook.transpose()?,
    })
}
