//! This server's power, through systemd-logind.

use std::fmt;

use futures_util::stream::StreamExt;
use zbus::Connection;
use zbus::wire::OwnedFd;

use super::SystemdError;
use super::bus::{Login1Proxy, PrepareForShutdownStream};

/// This server's power.
#[derive(Clone, Debug)]
pub struct Login {
    logind: Login1Proxy<'static>,
}

impl Login {
    /// The power of the server whose logind is on `connection`.
    ///
    /// # Errors
    ///
    /// When there is no logind.
    pub async fn open(connection: &Connection) -> Result<Self, SystemdError> {
        let logind = Login1Proxy::new(connection).await;
        Ok(Self {
            logind: logind.map_err(SystemdError::call("reach logind"))?,
        })
    }

    /// Restarts this server, cleanly. Returns when the request has been taken.
    ///
    /// # Errors
    ///
    /// When logind refuses.
    pub async fn reboot(&self) -> Result<(), SystemdError> {
        taken(self.logind.reboot(false).await).map_err(SystemdError::call("restart this server"))
    }

    /// Switches this server off, cleanly. Returns when the request has been taken.
    ///
    /// # Errors
    ///
    /// When logind refuses.
    pub async fn power_off(&self) -> Result<(), SystemdError> {
        taken(self.logind.power_off(false).await)
            .map_err(SystemdError::call("switch this server off"))
    }

    /// Delays shutdowns until the returned lock is dropped, but by 5 s at most unless
    /// `InhibitDelayMaxSec=` in logind.conf(5) says otherwise. A shutdown is [announced](ShutdownAhead)
    /// before the delay begins, so that there is time to hand functions over.
    ///
    /// # Errors
    ///
    /// When logind refuses.
    pub async fn delay_shutdown(&self) -> Result<ShutdownLock, SystemdError> {
        let why = "Hands this server's functions over before it stops";
        let lock = self
            .logind
            .inhibit("shutdown", "Tetrarch", why, "delay")
            .await;
        Ok(ShutdownLock {
            _open: lock.map_err(SystemdError::call("delay shutdowns"))?,
        })
    }

    /// Listens for the announcement of a shutdown.
    ///
    /// # Errors
    ///
    /// When logind cannot be listened to.
    pub async fn shutdown_ahead(&self) -> Result<ShutdownAhead, SystemdError> {
        let doing = || SystemdError::call("listen for shutdowns");
        let signals = self
            .logind
            .receive_prepare_for_shutdown()
            .await
            .map_err(doing())?;
        // One that was announced before anybody listened.
        let announced = self
            .logind
            .preparing_for_shutdown()
            .await
            .map_err(doing())?;
        Ok(ShutdownAhead { signals, announced })
    }
}

/// A bus that ends before its answer has come has taken the request: it ends with the server.
fn taken(answer: zbus::Result<()>) -> zbus::Result<()> {
    match answer {
        Err(zbus::Error::InputOutput(_)) => Ok(()),
        answer => answer,
    }
}

/// Shutdowns wait while this is held.
#[derive(Debug)]
#[must_use = "a shutdown waits only while this is held"]
pub struct ShutdownLock {
    /// logind sees when it is closed.
    _open: OwnedFd,
}

/// Tells when a shutdown is announced.
pub struct ShutdownAhead {
    signals: PrepareForShutdownStream,
    announced: bool,
}

impl fmt::Debug for ShutdownAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownAhead").finish_non_exhaustive()
    }
}

impl ShutdownAhead {
    /// Waits until a shutdown or restart of this server is announced. Safe to drop and call again.
    ///
    /// # Errors
    ///
    /// When the connection to the bus has ended.
    pub async fn announced(&mut self) -> Result<(), SystemdError> {
        while !self.announced {
            let signal = self.signals.next().await.ok_or(SystemdError::Ended)?;
            let arguments = signal
                .args()
                .map_err(SystemdError::call("hear of a shutdown"))?;
            self.announced = *arguments.start();
        }
        self.announced = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_that_ends_has_taken_the_request() {
        let ended = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        assert!(taken(Err(zbus::Error::from(ended))).is_ok());
        assert!(taken(Err(zbus::Error::Unsupported)).is_err());
        assert!(taken(Ok(())).is_ok());
    }
}
