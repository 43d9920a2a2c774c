//! The cable of a virtual server: QEMU makes a tap device, and this plugs it into a bridge.

use futures_util::TryStreamExt;
use rtnetlink::{LinkUnspec, new_connection};

/// Why a tap device was not plugged in.
#[derive(Debug, thiserror::Error)]
pub enum PlugError {
    /// The kernel cannot be talked to.
    #[error("no netlink connection: {0}")]
    Connect(#[source] std::io::Error),
    /// There is no such interface.
    #[error("there is no network interface {0:?}")]
    Missing(String),
    /// The kernel refused.
    #[error("cannot plug {tap} into {bridge}: {source}")]
    Refused {
        /// The tap device.
        tap: String,
        /// The bridge.
        bridge: String,
        /// What the kernel said.
        source: rtnetlink::Error,
    },
}

/// A tap device and the bridge that it belongs to. The device is QEMU's, and goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plug {
    /// The tap device.
    pub tap: String,
    /// The bridge.
    pub bridge: String,
}

impl Plug {
    /// Plugs the device into the bridge.
    ///
    /// # Errors
    ///
    /// When either is missing, or the kernel refuses.
    pub async fn plug(&self) -> Result<(), PlugError> {
        let (connection, handle, _) = new_connection().map_err(PlugError::Connect)?;
        let connection = tokio::spawn(connection);
        let plugged = async {
            let index = async |name: &str| {
                let mut links = handle.link().get().match_name(name.to_owned()).execute();
                let link = links.try_next().await.ok().flatten();
                let missing = || PlugError::Missing(name.to_owned());
                link.map(|link| link.header.index).ok_or_else(missing)
            };
            let (tap, bridge) = (index(&self.tap).await?, index(&self.bridge).await?);
            let message = LinkUnspec::new_with_index(tap)
                .controller(bridge)
                .up()
                .build();
            let set = handle.link().set(message).execute().await;
            set.map_err(|source| PlugError::Refused {
                tap: self.tap.clone(),
                bridge: self.bridge.clone(),
                source,
            })
        };
        let plugged = plugged.await;
        connection.abort();
        plugged
    }
}
