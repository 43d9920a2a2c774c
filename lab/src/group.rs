//! The group under test, as the lab describes it in a file when it is switched on.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

/// Why the group's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("cannot read {path}: {source} (is the lab up?)")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Parse {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("no function {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
}

/// The six bytes by which a network card is known on its cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

/// A text that is no MAC address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no MAC address like 02:7a:00:00:00:01")]
pub(crate) struct MacError(String);

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || MacError(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(error)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(error());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        if parts.next().is_some() {
            return Err(error());
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Mac {
    type Error = MacError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// What a server offers; each has a protocol of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Function {
    Mail,
    Web,
    Ftp,
    Proxy,
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mail => "mail",
            Self::Web => "web",
            Self::Ftp => "ftp",
            Self::Proxy => "proxy",
        })
    }
}

/// A text that names no function.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no function {0:?}")]
pub(crate) struct FunctionError(String);

impl FromStr for Function {
    type Err = FunctionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Mail, Self::Web, Self::Ftp, Self::Proxy]
            .into_iter()
            .find(|function| function.to_string() == text)
            .ok_or_else(|| FunctionError(text.to_owned()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) name: Function,
    /// The virtual IP address at which clients find the function.
    pub(crate) vip: Ipv4Addr,
    #[serde(deserialize_with = "mac")]
    pub(crate) mac: Mac,
    /// The card of the function's virtual server, on whichever host it runs.
    #[serde(deserialize_with = "mac")]
    pub(crate) virtual_mac: Mac,
}

fn mac<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Mac, D::Error> {
    let text = String::deserialize(deserializer)?;
    Mac::try_from(text).map_err(serde::de::Error::custom)
}

/// Who is in the lab, and where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// Who cares for the addresses: "none", "k1", "agent" and so on.
    pub(crate) manager: String,
    /// The client's own address.
    pub(crate) client: Ipv4Addr,
    #[serde(rename = "server")]
    pub(crate) servers: Vec<Server>,
}

impl Group {
    /// Reads the file that `lab up` writes.
    pub(crate) fn read(path: &Path) -> Result<Self, GroupError> {
        let text = std::fs::read_to_string(path).map_err(|source| GroupError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| GroupError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// The functions in the order of their servers in the ring.
    pub(crate) fn functions(&self) -> Vec<Function> {
        self.servers.iter().map(|server| server.name).collect()
    }

    /// Whether Tetrarch's agents manage it.
    pub(crate) fn is_managed_by_agents(&self) -> bool {
        self.manager == "agent"
    }

    /// The servers of the named functions, or all when none is named.
    pub(crate) fn select(&self, names: &[String]) -> Result<Vec<Server>, GroupError> {
        if names.is_empty() {
            return Ok(self.servers.clone());
        }
        names
            .iter()
            .map(|name| {
                let server = self
                    .servers
                    .iter()
                    .find(|server| server.name.to_string() == *name);
                server.cloned().ok_or_else(|| GroupError::Unknown {
                    name: name.clone(),
                    known: self.names(),
                })
            })
            .collect()
    }

    /// Whose card this is: a server's name, a virtual server's (`webb`), or the bare address.
    pub(crate) fn station(&self, mac: Mac) -> String {
        for server in &self.servers {
            if server.mac == mac {
                return server.name.to_string();
            }
            if server.virtual_mac == mac {
                return format!("{}b", server.name);
            }
        }
        mac.to_string()
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.servers.iter().map(|s| s.name.to_string()).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) const TEXT: &str = r#"
        manager = "none"
        client = "10.77.0.200"
        [[server]]
        name = "web"
        vip = "10.77.0.102"
        mac = "02:7a:00:00:00:02"
        virtual_mac = "02:7a:00:00:01:02"
    "#;

    #[test]
    fn a_card_has_a_name() {
        let group: Group = toml::from_str(TEXT).unwrap();
        assert_eq!(group.station("02:7a:00:00:00:02".parse().unwrap()), "web");
        assert_eq!(group.station("02:7a:00:00:01:02".parse().unwrap()), "webb");
        let stranger = "02:00:00:00:00:ff".parse().unwrap();
        assert_eq!(group.station(stranger), "02:00:00:00:00:ff");
    }

    #[test]
    fn an_unknown_function_is_named_with_the_known_ones() {
        let group: Group = toml::from_str(TEXT).unwrap();
        let error = group.select(&["smtp".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "no function \"smtp\"; there are: web");
    }

    #[test]
    fn a_wrong_address_is_refused() {
        let text = TEXT.replace("02:7a:00:00:01:02", "02:7a:00:00:01");
        let error = toml::from_str::<Group>(&text).unwrap_err().to_string();
        assert!(error.contains("is no MAC address"), "{error}");
    }

    proptest! {
        #[test]
        fn mac_addresses_survive_being_written(bytes: [u8; 6]) {
            let mac = Mac(bytes);
            prop_assert_eq!(mac.to_string().parse(), Ok(mac));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,24}") {
            if let Ok(mac) = text.parse::<Mac>() {
                prop_assert_eq!(mac.to_string(), text.to_ascii_lowercase());
            }
        }
    }
}
