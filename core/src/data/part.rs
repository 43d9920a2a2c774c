//! The parts of management data, each a type that cannot hold a bad value.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::Field;

/// Why one part of management data was refused: what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Not an IP address at all.
    #[error("expected an IPv4 or IPv6 address such as 172.21.14.201, found {found:?}")]
    NotAnAddress {
        /// The text, shortened if long.
        found: String,
    },
    /// An IP address that no single host can be reached at.
    #[error("expected the address of one host, found the {kind} address {found}")]
    UnusableAddress {
        /// What kind of address it is.
        kind: &'static str,
        /// The address.
        found: IpAddr,
    },
    /// Not a MAC address at all.
    #[error(
        "expected a MAC address of six two-digit hexadecimal numbers such as 52:54:00:12:34:56, \
         found {found:?}"
    )]
    NotAMac {
        /// The text, shortened if long.
        found: String,
    },
    /// A MAC address that no single network card has.
    #[error("expected the MAC address of one network card, found the {kind} address {found}")]
    UnusableMac {
        /// What kind of address it is.
        kind: &'static str,
        /// The address in the usual notation.
        found: String,
    },
    /// Not a host name.
    #[error("expected a host name such as server1, found {found:?}, which {why}")]
    HostName {
        /// What is wrong with it.
        why: &'static str,
        /// The text, shortened if long.
        found: String,
    },
    /// No service at all.
    #[error("expected at least one name of a service daemon, such as postfix, found none")]
    NoService,
    /// A word that cannot be a service's name.
    #[error("expected names of service daemons such as postfix, found {found:?}, which {why}")]
    Service {
        /// What is wrong with it.
        why: &'static str,
        /// The word, shortened if long.
        found: String,
    },
    /// The same service twice.
    #[error("expected each service daemon once, found {found:?} again")]
    DuplicateService {
        /// The second of the two names.
        found: String,
    },
    /// More names of services than fit.
    #[error(
        "expected names of service daemons of {max} bytes in all at most, found {found} bytes",
        max = Services::BYTES_MAX
    )]
    ServicesTooLong {
        /// Length in bytes of the names with one space between them.
        found: usize,
    },
    /// Neither an address nor a definition.
    #[error(
        "expected an IP address or the definition of a virtual machine, such as the path of its \
         file, found {found:?}, which {why}"
    )]
    Place {
        /// What is wrong with it.
        why: &'static str,
        /// The text, shortened if long.
        found: String,
    },
    /// The value stands in another field of the same data already.
    #[error("expected something else than in the field \"{other}\", found {found} in both")]
    SameAs {
        /// The other field.
        other: Field,
        /// The value, as it stands in this field.
        found: String,
    },
}

/// The text for an error message: long input is cut, because a message is one line to read.
pub(super) fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut short = text[..end].to_owned();
            short.push_str("...");
            short
        }
    }
}

/// Reads an address of one host.
pub(super) fn host_address(text: &str) -> Result<IpAddr, PartError> {
    let address = text.parse().map_err(|_| PartError::NotAnAddress {
        found: shorten(text),
    })?;
    check_host_address(address)
}

/// Lets only those addresses through at which one host can be reached over a network.
pub(super) fn check_host_address(address: IpAddr) -> Result<IpAddr, PartError> {
    let kind = match address {
        _ if address.is_unspecified() => "unspecified",
        _ if address.is_loopback() => "loopback",
        _ if address.is_multicast() => "multicast",
        IpAddr::V4(v4) if v4.is_broadcast() => "broadcast",
        // Two notations of one address would slip past every comparison.
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => "IPv4-mapped",
        _ => return Ok(address),
    };
    Err(PartError::UnusableAddress {
        kind,
        found: address,
    })
}

/// The MAC address of one network card: neither all zero nor multicast (which broadcast is too).
///
/// Read as six two-digit hexadecimal numbers, all with `:` or all with `-` between them; written in
/// lower case with `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The MAC address with these octets, in the order of transmission.
    ///
    /// # Errors
    ///
    /// Refuses the all-zero address and multicast addresses.
    pub fn new(octets: [u8; 6]) -> Result<Self, PartError> {
        let mac = Self(octets);
        let kind = if octets == [0; 6] {
            "all-zero"
        } else if octets[0] & 1 == 1 {
            "multicast"
        } else {
            return Ok(mac);
        };
        Err(PartError::UnusableMac {
            kind,
            found: alloc::format!("{mac}"),
        })
    }

    /// The octets in the order of transmission.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for Mac {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let octets = mac_octets(text).ok_or_else(|| PartError::NotAMac {
            found: shorten(text),
        })?;
        Self::new(octets)
    }
}

fn mac_octets(text: &str) -> Option<[u8; 6]> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut groups = text.split(separator);
    let mut octets = [0; 6];
    for octet in &mut octets {
        let group = groups.next()?;
        // `from_str_radix` alone would take "+f" and a single digit.
        if group.len() != 2 || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        *octet = u8::from_str_radix(group, 16).ok()?;
    }
    groups.next().is_none().then_some(octets)
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A host name after RFC 1123: labels of letters, digits and inner hyphens with dots between them.
///
/// Upper and lower case are kept as written; [`HostName::same_host`] compares without them. A name
/// whose last label is a number is refused, because resolvers take such names for IPv4 addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// Longest host name in bytes: with `.dat` behind it, it is still a valid name of a file.
    pub const BYTES_MAX: usize = 251;

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both name the same host; upper and lower case mean the same in host names.
    #[must_use]
    pub fn same_host(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl FromStr for HostName {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        match host_name_fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(PartError::HostName {
                why,
                found: shorten(text),
            }),
        }
    }
}

fn host_name_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.len() > HostName::BYTES_MAX {
        return Some("is longer than 251 bytes");
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
    {
        return Some("holds characters other than letters, digits, hyphens and dots");
    }
    let mut last = "";
    for label in text.split('.') {
        if label.is_empty() {
            return Some("has a dot at an end or two dots in a row");
        }
        if label.len() > 63 {
            return Some("has more than 63 characters between two dots");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("has a hyphen at an end or beside a dot");
        }
        last = label;
    }
    last.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some("ends in a number, as an IP address does")
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a service daemon: a unit of systemd, with or without its `.service`.
///
/// Letters, digits and `: - _ . @`, up to 255 bytes, not with `-` or `.` first. The backslash that
/// systemd also allows is refused, because a command on a remote host passes through a shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// Longest name of a service in bytes; the limit of systemd.
    pub const BYTES_MAX: usize = 255;

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both name the same unit: `postfix` is short for `postfix.service`.
    #[must_use]
    pub fn same_unit(&self, other: &Self) -> bool {
        self.stem() == other.stem()
    }

    fn stem(&self) -> &str {
        self.0.strip_suffix(".service").unwrap_or(&self.0)
    }
}

impl FromStr for ServiceName {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let why = if text.is_empty() {
            "is empty"
        } else if text.len() > Self::BYTES_MAX {
            "is longer than 255 bytes"
        } else if text.starts_with(['-', '.']) {
            "starts with a hyphen or a dot"
        } else if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":-_.@".contains(&byte))
        {
            "holds characters other than letters, digits and : - _ . @"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(PartError::Service {
            why,
            found: shorten(text),
        })
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The service daemons of one server: at least one, none twice, in the order written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Services(Vec<ServiceName>);

impl Services {
    /// Longest list in bytes, as it is written with one space between two names.
    pub const BYTES_MAX: usize = 2048;

    /// The services `names`.
    ///
    /// # Errors
    ///
    /// Refuses an empty list, one that names a unit twice, and one that is too long.
    pub fn new(names: Vec<ServiceName>) -> Result<Self, PartError> {
        if names.is_empty() {
            return Err(PartError::NoService);
        }
        // The length first: it also bounds the comparison of each name with each other.
        let found = names.iter().map(|name| name.0.len() + 1).sum::<usize>() - 1;
        if found > Self::BYTES_MAX {
            return Err(PartError::ServicesTooLong { found });
        }
        for (i, name) in names.iter().enumerate() {
            if names[..i].iter().any(|earlier| earlier.same_unit(name)) {
                return Err(PartError::DuplicateService {
                    found: shorten(&name.0),
                });
            }
        }
        Ok(Self(names))
    }

    /// The services in the order written; never empty.
    #[must_use]
    pub fn names(&self) -> &[ServiceName] {
        &self.0
    }
}

/// Reads names with spaces (or tabs) between them.
impl FromStr for Services {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        Self::new(words.map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            name.fmt(f)?;
        }
        Ok(())
    }
}

/// Text by which a host finds the definition of a virtual server, such as the path of a file.
///
/// Never empty, one line, only printable characters, no blanks at its ends, and not an IP address:
/// that would be a [`Place::Address`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Definition(String);

impl Definition {
    /// Longest definition in bytes.
    pub const BYTES_MAX: usize = 1024;

    /// The definition as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a virtual server is found: line 7.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// At an address of its own.
    Address(IpAddr),
    /// By the definition of its virtual machine.
    Definition(Definition),
}

impl FromStr for Place {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        if let Ok(address) = text.parse() {
            return check_host_address(address).map(Self::Address);
        }
        let why = if text.is_empty() {
            "is empty"
        } else if text.len() > Definition::BYTES_MAX {
            "is longer than 1024 bytes"
        } else if text.chars().any(|c| c.is_control() || is_invisible(c)) {
            "holds characters that cannot be printed"
        } else if text.trim() != text {
            "has blanks at an end"
        } else {
            return Ok(Self::Definition(Definition(text.to_owned())));
        };
        Err(PartError::Place {
            why,
            found: shorten(text),
        })
    }
}

/// Line breaks, zero-width characters and changes of the writing direction of Unicode. They are no
/// control characters by category, yet would make a definition read other than it is.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Definition(definition) => f.write_str(&definition.0),
        }
    }
}
