//! Services as units of systemd.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::stream::{SelectAll, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use zbus::Connection;
use zbus::wire::OwnedObjectPath;

use super::SystemdError;
use super::bus::{SystemdProxy, UnitProxy};

/// The full name of a unit, such as `postfix.service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName(String);

/// Why a text is no unit's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a unit of systemd, such as postfix or postfix.service, found {0:?}")]
pub struct UnitNameError(String);

impl FromStr for UnitName {
    type Err = UnitNameError;

    /// A name without a suffix is a service's, as for `systemctl`.
    fn from_str(text: &str) -> Result<Self, UnitNameError> {
        const SUFFIXES: [&str; 4] = [".service", ".socket", ".target", ".mount"];
        // systemd.unit(5): ASCII letters, digits, and these; 255 bytes in all.
        let valid = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        let name = if SUFFIXES.iter().any(|suffix| text.ends_with(suffix)) {
            text.to_owned()
        } else {
            format!("{text}.service")
        };
        let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
        if stem.is_empty() || stem.starts_with('.') || name.len() > 255 || !name.chars().all(valid)
        {
            return Err(UnitNameError(text.chars().take(80).collect()));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for UnitName {
    type Error = UnitNameError;

    fn try_from(text: String) -> Result<Self, UnitNameError> {
        text.parse()
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> Self {
        name.0
    }
}

impl UnitName {
    /// The name with its suffix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a unit is at work, in systemd's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActiveState {
    /// It works.
    Active,
    /// It works, and reads its settings again.
    Reloading,
    /// It does not work, and did not fail.
    Inactive,
    /// It has failed, and systemd has given it up.
    Failed,
    /// It is on its way to working. A service that systemd starts again by itself is here too.
    Activating,
    /// It is on its way to inactive or failed.
    Deactivating,
    /// A word of a newer systemd.
    Other(String),
}

impl ActiveState {
    /// Whether clients can expect answers.
    #[must_use]
    pub const fn works(&self) -> bool {
        matches!(self, Self::Active | Self::Reloading)
    }
}

impl From<String> for ActiveState {
    fn from(word: String) -> Self {
        match word.as_str() {
            "active" => Self::Active,
            "reloading" => Self::Reloading,
            "inactive" => Self::Inactive,
            "failed" => Self::Failed,
            "activating" => Self::Activating,
            "deactivating" => Self::Deactivating,
            _ => Self::Other(word),
        }
    }
}

/// A unit's state has changed, or is told for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitChange {
    /// The unit.
    pub unit: UnitName,
    /// Its state now.
    pub state: ActiveState,
}

/// The units of this server.
#[derive(Clone, Debug)]
pub struct Units {
    connection: Connection,
    systemd: SystemdProxy<'static>,
}

impl Units {
    /// The units that the systemd on `connection` manages.
    ///
    /// # Errors
    ///
    /// When systemd is not there.
    pub async fn open(connection: &Connection) -> Result<Self, SystemdError> {
        let doing = "subscribe to systemd";
        let systemd = SystemdProxy::new(connection)
            .await
            .map_err(SystemdError::call(doing))?;
        // Without a subscriber systemd emits no signals.
        systemd
            .subscribe()
            .await
            .map_err(SystemdError::call(doing))?;
        Ok(Self {
            connection: connection.clone(),
            systemd,
        })
    }

    /// Restarts `unit`, or starts it when it does not run, and waits until it works.
    ///
    /// The count of its earlier failures is cleared first: systemd would refuse a service that failed
    /// too often, and whether to try once more has been decided already.
    ///
    /// # Errors
    ///
    /// When it does not come to work within `limit`.
    pub async fn restart(&self, unit: &UnitName, limit: Duration) -> Result<(), SystemdError> {
        // A unit that systemd has not loaded has no failures to clear, and it says so.
        let _ = self.systemd.reset_failed_unit(unit.as_str()).await;
        self.job("restart", unit, limit).await
    }

    /// Starts `unit` unless it runs, and waits until it works.
    ///
    /// # Errors
    ///
    /// As for [`Self::restart`].
    pub async fn start(&self, unit: &UnitName, limit: Duration) -> Result<(), SystemdError> {
        let _ = self.systemd.reset_failed_unit(unit.as_str()).await;
        self.job("start", unit, limit).await
    }

    /// Stops `unit`, and waits until it has stopped.
    ///
    /// # Errors
    ///
    /// When it does not stop within `limit`.
    pub async fn stop(&self, unit: &UnitName, limit: Duration) -> Result<(), SystemdError> {
        self.job("stop", unit, limit).await
    }

    async fn job(
        &self,
        job: &'static str,
        unit: &UnitName,
        limit: Duration,
    ) -> Result<(), SystemdError> {
        match timeout(limit, self.run_job(job, unit)).await {
            Ok(result) => result,
            Err(_) => Err(SystemdError::TooLong {
                job,
                unit: unit.clone(),
                limit,
            }),
        }
    }

    async fn run_job(&self, job: &'static str, unit: &UnitName) -> Result<(), SystemdError> {
        let doing = || format!("{job} {unit}");
        // Listening begins before the job does, or a quick job could end unheard.
        let mut removals = self
            .systemd
            .receive_job_removed()
            .await
            .map_err(SystemdError::call(doing()))?;
        // A job of the same unit that waits already is replaced: this one is newer.
        let path = match job {
            "restart" => self.systemd.restart_unit(unit.as_str(), "replace").await,
            "start" => self.systemd.start_unit(unit.as_str(), "replace").await,
            _ => self.systemd.stop_unit(unit.as_str(), "replace").await,
        };
        let path = path.map_err(SystemdError::call(doing()))?;
        while let Some(removal) = removals.next().await {
            let removed = removal.args().map_err(SystemdError::call(doing()))?;
            if *removed.job() != path {
                continue;
            }
            return match *removed.result() {
                "done" => Ok(()),
                result => Err(SystemdError::Job {
                    job,
                    unit: unit.clone(),
                    result: result.to_owned(),
                }),
            };
        }
        Err(SystemdError::Ended)
    }

    /// The state of `unit`; inactive also when there is no such unit.
    ///
    /// # Errors
    ///
    /// When systemd does not say.
    pub async fn state(&self, unit: &UnitName) -> Result<ActiveState, SystemdError> {
        let proxy = self.unit(unit).await?;
        let state = proxy.active_state().await;
        Ok(state
            .map_err(SystemdError::call(format!("look at {unit}")))?
            .into())
    }

    /// Follows the states of `units`: each is told once at the beginning, and then whenever it changes,
    /// within milliseconds.
    ///
    /// # Errors
    ///
    /// When systemd does not know them.
    pub async fn follow(&self, units: &[UnitName]) -> Result<UnitChanges, SystemdError> {
        let mut changes = SelectAll::new();
        for unit in units {
            let proxy = self.unit(unit).await?;
            let name = unit.clone();
            let states = proxy.receive_active_state_changed().await;
            let states = states.filter_map(move |change| {
                let unit = name.clone();
                async move {
                    // A value that cannot be had has changed again already, and that change follows.
                    let state = change.get().await.ok()?.into();
                    Some(UnitChange { unit, state })
                }
            });
            changes.push(states.boxed());
        }
        Ok(UnitChanges(changes))
    }

    async fn unit(&self, unit: &UnitName) -> Result<UnitProxy<'static>, SystemdError> {
        let doing = || SystemdError::call(format!("look at {unit}"));
        // Loading gives a unit an object even when it has never been used.
        let path: OwnedObjectPath = self
            .systemd
            .load_unit(unit.as_str())
            .await
            .map_err(doing())?;
        UnitProxy::builder(&self.connection)
            .path(path)
            .build()
            .await
            .map_err(doing())
    }
}

/// The states of some units as they change.
pub struct UnitChanges(SelectAll<futures_util::stream::BoxStream<'static, UnitChange>>);

impl fmt::Debug for UnitChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitChanges").finish_non_exhaustive()
    }
}

impl UnitChanges {
    /// The next change. Safe to drop and call again.
    ///
    /// # Errors
    ///
    /// When the connection to the bus has ended, or no unit is followed.
    pub async fn next(&mut self) -> Result<UnitChange, SystemdError> {
        self.0.next().await.ok_or(SystemdError::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for (text, name) in [
            ("postfix", "postfix.service"),
            ("postfix.service", "postfix.service"),
            ("getty@tty1", "getty@tty1.service"),
            ("dovecot.socket", "dovecot.socket"),
            ("php8.2-fpm", "php8.2-fpm.service"),
        ] {
            assert_eq!(text.parse::<UnitName>().unwrap().as_str(), name);
        }
        for text in [
            "",
            ".service",
            "a b",
            "a/b",
            "ä",
            "a\n",
            &"a".repeat(256),
            "..service",
        ] {
            assert!(text.parse::<UnitName>().is_err(), "{text:?}");
        }
    }
}
