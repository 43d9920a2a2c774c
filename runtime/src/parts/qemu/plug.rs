//! The cable of a virtual server: QEMU makes a tap device, and this plugs it into a bridge and out again.

use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};
use rtnetlink::{Handle, LinkUnspec, new_connection};

/// Why a tap device was not plugged in or out.
#[derive(Debug, thiserror::Error)]
pub enum PlugError {
    /// The kernel cannot be talked to.
    #[error("no netlink connection: {0}")]
    Connect(#[source] std::io::Error),
    /// There is no such interface.
    #[error("there is no network interface {0:?}")]
    Missing(String),
    /// The kernel refused.
    #[error("cannot plug {tap} into {bridge}, or out of it: {source}")]
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
    /// Plugs the device into the bridge: whoever is on the bridge reaches the virtual server.
    ///
    /// # Errors
    ///
    /// When either is missing, or the kernel refuses.
    pub async fn plug(&self) -> Result<(), PlugError> {
        self.with_kernel(async |kernel| {
            let tap = self.find(kernel, &self.tap).await?;
            let bridge = self.find(kernel, &self.bridge).await?;
            let message = LinkUnspec::new_with_index(tap.header.index)
                .controller(bridge.header.index)
                .up();
            self.set(kernel, message.build()).await
        })
        .await
    }

    /// Takes the device out of the bridge: nobody reaches the virtual server, whatever it does. It is well if
    /// there is no such device.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub async fn unplug(&self) -> Result<(), PlugError> {
        self.with_kernel(async |kernel| match self.find(kernel, &self.tap).await {
            Err(PlugError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(tap) => {
                let message = LinkUnspec::new_with_index(tap.header.index).nocontroller();
                self.set(kernel, message.build()).await
            }
        })
        .await
    }

    /// Whether the device is in the bridge.
    ///
    /// # Errors
    ///
    /// When the kernel does not say.
    pub async fn is_plugged(&self) -> Result<bool, PlugError> {
        self.with_kernel(async |kernel| match self.find(kernel, &self.tap).await {
            Err(PlugError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
            Ok(tap) => {
                let bridge = self.find(kernel, &self.bridge).await?.header.index;
                let within = LinkAttribute::Controller(bridge);
                Ok(tap.attributes.contains(&within))
            }
        })
        .await
    }

    async fn with_kernel<T>(
        &self,
        work: impl AsyncFnOnce(&Handle) -> Result<T, PlugError>,
    ) -> Result<T, PlugError> {
        let (connection, handle, _) = new_connection().map_err(PlugError::Connect)?;
        let connection = tokio::spawn(connection);
        let done = work(&handle).await;
        connection.abort();
        done
    }

    async fn find(&self, kernel: &Handle, name: &str) -> Result<LinkMessage, PlugError> {
        let mut links = kernel.link().get().match_name(name.to_owned()).execute();
        let link = links.try_next().await.ok().flatten();
        link.ok_or_else(|| PlugError::Missing(name.to_owned()))
    }

    async fn set(&self, kernel: &Handle, message: LinkMessage) -> Result<(), PlugError> {
        let set = kernel.link().set(message).execute().await;
        set.map_err(|source| PlugError::Refused {
            tap: self.tap.clone(),
            bridge: self.bridge.clone(),
            source,
        })
    }
}
