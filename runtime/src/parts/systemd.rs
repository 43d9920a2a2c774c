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

/// The bus on which systemd and systemd-logind are.
///
/// It is reached for anew for each order. These are rare, and a connection that was made at the start would be of no
/// use any more once the bus was restarted.
#[derive(Clone, Debug)]
pub enum Bus {
    /// The system's.
    System,
    /// The other end of this connection, in the place of the system's.
    Given(Connection),
}

impl Bus {
    async fn connection(&self) -> Result<Connection, SystemdError> {
        match self {
            Self::System => connect().await,
            Self::Given(connection) => Ok(connection.clone()),
        }
    }

    /// The units of this server.
    ///
    /// # Errors
    ///
    /// When the bus or systemd cannot be reached.
    pub async fn units(&self) -> Result<Units, SystemdError> {
        Units::open(&self.connection().await?).await
    }

    /// The power of this server.
    ///
    /// # Errors
    ///
    /// When the bus or logind cannot be reached.
    pub async fn login(&self) -> Result<Login, SystemdError> {
        Login::open(&self.connection().await?).await
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
