//! This server's own services and power, through systemd and systemd-logind over D-Bus.

mod bus;
mod failing;
mod login;
mod own;
mod units;

use std::time::Duration;

use zbus::Connection;

pub use failing::FailingServices;
pub use login::{Login, ShutdownAhead, ShutdownLock};
pub use own::OwnServices;
pub use units::{ActiveState, UnitChange, UnitChanges, UnitName, UnitNameError, Units};

/// Why systemd or systemd-logind did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemdError {
    /// The system's bus cannot be reached.
    #[error("no connection to the system bus: {0}")]
    Connect(#[source] zbus::Error),
    /// A call was refused or lost.
    #[error("cannot {doing}: {source}")]
    Call {
        /// What was tried.
        doing: String,
        /// What the other side said.
        source: zbus::Error,
    },
    /// A job of systemd ended, but not well.
    #[error("{job} of {unit} ended with {result:?}")]
    Job {
        /// What was tried.
        job: &'static str,
        /// The unit.
        unit: UnitName,
        /// How systemd says that it ended: `failed`, `timeout`, `dependency`, `canceled`, and more.
        result: String,
    },
    /// A job of systemd did not end in time. It is not withdrawn.
    #[error("{job} of {unit} did not end within {:.1} s", limit.as_secs_f64())]
    TooLong {
        /// What was tried.
        job: &'static str,
        /// The unit.
        unit: UnitName,
        /// The time that it had.
        limit: Duration,
    },
    /// The bus hung up.
    #[error("the connection to the system bus has ended")]
    Ended,
}

impl SystemdError {
    fn call(doing: impl Into<String>) -> impl FnOnce(zbus::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Call { doing, source }
    }
}

/// Connects to the system's bus.
///
/// # Errors
///
/// When there is none.
pub async fn connect() -> Result<Connection, SystemdError> {
    Connection::system().await.map_err(SystemdError::Connect)
}

#[cfg(test)]
mod tests;
