//! Management data: what a management program has to know about its target, in seven lines.
//!
//! A management program of the paper is given the file `server1.dat` when its target is `server1`.
//!
//! | line | field | example |
//! |---|---|---|
//! | 1 | virtual IP address (VIP) | `172.21.14.201` |
//! | 2 | host name of the target | `server1` |
//! | 3 | address of the target | `172.21.14.1` |
//! | 4 | MAC address of the target | `52:54:00:12:34:56` |
//! | 5 | service daemons of the target | `postfix dovecot` |
//! | 6 | name of the virtual server | `server1b` |
//! | 7 | address or definition of the virtual server | `/vm/server1b.xml` |
//!
//! The paper's text states line 1, line 5, that lines 2 to 5 are about the target, and that lines 6
//! and 7 are about the virtual server. What lines 2, 3, 4, 6 and 7 hold is our reading: its Fig. 1
//! would show it. The reading is what the paper's programs need: a name for messages and the file,
//! an address to examine, and a MAC address to power the target on over the network.
//!
//! Reading is lenient where nothing can be misread (CRLF, blanks around a line, a missing last
//! newline, blank lines at the end) and strict everywhere else. Writing has one form only.

mod group;
mod part;

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::IpAddr;

pub use group::{GroupData, GroupError};
pub use part::{Definition, HostName, Mac, PartError, Place, ServiceName, Services};

/// Longest text in bytes that [`ManagementData::parse`] reads.
pub const BYTES_MAX: usize = 4096;

// Whatever is written can be read again: the longest fields, with the longest textual IPv6
// addresses (39 bytes), a MAC address and seven newlines, fit.
const _: () = assert!(
    39 + 39 + 17 + 2 * HostName::BYTES_MAX + Services::BYTES_MAX + Definition::BYTES_MAX + 7
        <= BYTES_MAX
);

/// One of the seven fields of management data, in the order of their lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Line 1, the address that clients use.
    Vip,
    /// Line 2, the target's host name.
    Host,
    /// Line 3, the target's own address.
    Address,
    /// Line 4, the target's MAC address.
    Mac,
    /// Line 5, the target's service daemons.
    Services,
    /// Line 6, the virtual server's name.
    VirtualName,
    /// Line 7, the virtual server's address or definition.
    VirtualPlace,
}

impl Field {
    /// All fields in the order of their lines.
    pub const ALL: [Self; 7] = [
        Self::Vip,
        Self::Host,
        Self::Address,
        Self::Mac,
        Self::Services,
        Self::VirtualName,
        Self::VirtualPlace,
    ];

    /// The line of the file that holds this field, from 1 to 7.
    #[must_use]
    pub const fn line(self) -> usize {
        self as usize + 1
    }

    /// What the field is, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vip => "virtual IP address",
            Self::Host => "host name of the target",
            Self::Address => "address of the target",
            Self::Mac => "MAC address of the target",
            Self::Services => "service daemons of the target",
            Self::VirtualName => "name of the virtual server",
            Self::VirtualPlace => "address or definition of the virtual server",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A field that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct FieldError {
    /// Which field.
    pub field: Field,
    /// What was expected there and what was found.
    pub why: PartError,
}

/// Why a text is not management data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The text is too long to be management data, and was not looked at.
    #[error("expected at most {BYTES_MAX} bytes, found {found}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// There are fewer than seven lines.
    #[error("line {}: expected the {field}, found the end of the data", field.line())]
    Missing {
        /// The first field that is missing.
        field: Field,
    },
    /// A line before the end is blank.
    #[error("line {}: expected the {field}, found a blank line", field.line())]
    Blank {
        /// The field that should stand there.
        field: Field,
    },
    /// There are more than seven lines.
    #[error("line {line}: expected the end of the data after seven lines, found {found:?}")]
    Surplus {
        /// The first line too many that is not blank.
        line: usize,
        /// Its text, shortened if long.
        found: String,
    },
    /// A line does not hold what it should.
    #[error("line {}: {}", .0.field.line(), .0)]
    Field(#[from] FieldError),
}

impl DataError {
    /// The line of the file that is wrong, from 1; the first when the text as a whole is.
    #[must_use]
    pub const fn line(&self) -> usize {
        match self {
            Self::TooLong { .. } => 1,
            Self::Missing { field } | Self::Blank { field } => field.line(),
            Self::Surplus { line, .. } => *line,
            Self::Field(error) => error.field.line(),
        }
    }
}

/// The seven fields as values, not yet checked against each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    /// The address that clients use.
    pub vip: IpAddr,
    /// The target's host name.
    pub host: HostName,
    /// The target's own address.
    pub address: IpAddr,
    /// The target's MAC address.
    pub mac: Mac,
    /// The target's service daemons.
    pub services: Services,
    /// The virtual server's name.
    pub virtual_name: HostName,
    /// The virtual server's address or definition.
    pub virtual_place: Place,
}

/// The seven fields as text, for formats that have names for them instead of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextParts<'a> {
    /// The address that clients use.
    pub vip: &'a str,
    /// The target's host name.
    pub host: &'a str,
    /// The target's own address.
    pub address: &'a str,
    /// The target's MAC address.
    pub mac: &'a str,
    /// The target's service daemons with spaces between them.
    pub services: &'a str,
    /// The virtual server's name.
    pub virtual_name: &'a str,
    /// The virtual server's address or definition.
    pub virtual_place: &'a str,
}

impl TextParts<'_> {
    fn parts(&self) -> Result<Parts, FieldError> {
        let of = |field| move |why| FieldError { field, why };
        Ok(Parts {
            vip: part::host_address(self.vip).map_err(of(Field::Vip))?,
            host: self.host.parse().map_err(of(Field::Host))?,
            address: part::host_address(self.address).map_err(of(Field::Address))?,
            mac: self.mac.parse().map_err(of(Field::Mac))?,
            services: self.services.parse().map_err(of(Field::Services))?,
            virtual_name: self.virtual_name.parse().map_err(of(Field::VirtualName))?,
            virtual_place: self
                .virtual_place
                .parse()
                .map_err(of(Field::VirtualPlace))?,
        })
    }
}

/// What a management program knows about one target; every value of this type is sound by itself.
///
/// Its addresses (VIP, target and, if it has one, virtual server) are addresses of one host each
/// and differ, and so do its two names. [`fmt::Display`] writes the seven lines, each with a
/// newline; reading them again gives an equal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ManagementData(Parts);

impl ManagementData {
    /// Management data of these parts.
    ///
    /// # Errors
    ///
    /// Names the first field whose address no single host can have, or which repeats an earlier
    /// field that it must differ from.
    pub fn new(parts: Parts) -> Result<Self, FieldError> {
        let of = |field| move |why| FieldError { field, why };
        part::check_host_address(parts.vip).map_err(of(Field::Vip))?;
        part::check_host_address(parts.address).map_err(of(Field::Address))?;
        if let Place::Address(address) = parts.virtual_place {
            part::check_host_address(address).map_err(of(Field::VirtualPlace))?;
        }
        let data = Self(parts);
        let keys = data.keys();
        for (i, (field, key)) in keys.iter().enumerate() {
            if let Some((other, _)) = keys[..i].iter().find(|(_, earlier)| earlier.clashes(key)) {
                return Err(FieldError {
                    field: *field,
                    why: PartError::SameAs {
                        other: *other,
                        found: key.to_string(),
                    },
                });
            }
        }
        Ok(data)
    }

    /// Management data of fields that are text. Unlike the lines of a file, they are taken as they
    /// are, so blanks around them are refused.
    ///
    /// # Errors
    ///
    /// Names the first field that cannot be read, and otherwise those of [`ManagementData::new`].
    pub fn from_text(parts: TextParts<'_>) -> Result<Self, FieldError> {
        Self::new(parts.parts()?)
    }

    /// Reads the seven lines of a file.
    ///
    /// # Errors
    ///
    /// Gives the number of the first line that is not as it should be, with what was expected there
    /// and what was found. Text longer than [`BYTES_MAX`] is not looked at.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        if text.len() > BYTES_MAX {
            return Err(DataError::TooLong { found: text.len() });
        }
        let lines = text.trim_end_matches([' ', '\t', '\r', '\n']).lines();
        let mut lines = lines.map(|line| line.trim_matches([' ', '\t']));
        let mut fields = [""; Field::ALL.len()];
        for (slot, field) in fields.iter_mut().zip(Field::ALL) {
            *slot = match lines.next() {
                None => return Err(DataError::Missing { field }),
                Some("") => return Err(DataError::Blank { field }),
                Some(line) => line,
            };
        }
        let surplus = lines.enumerate().find(|(_, line)| !line.is_empty());
        if let Some((i, line)) = surplus {
            return Err(DataError::Surplus {
                line: Field::ALL.len() + 1 + i,
                found: part::shorten(line),
            });
        }
        let [
            vip,
            host,
            address,
            mac,
            services,
            virtual_name,
            virtual_place,
        ] = fields;
        let parts = TextParts {
            vip,
            host,
            address,
            mac,
            services,
            virtual_name,
            virtual_place,
        };
        Ok(Self::from_text(parts)?)
    }

    /// The address that clients use.
    #[must_use]
    pub const fn vip(&self) -> IpAddr {
        self.0.vip
    }

    /// The target's host name.
    #[must_use]
    pub const fn host(&self) -> &HostName {
        &self.0.host
    }

    /// The target's own address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.0.address
    }

    /// The target's MAC address.
    #[must_use]
    pub const fn mac(&self) -> Mac {
        self.0.mac
    }

    /// The target's service daemons.
    #[must_use]
    pub const fn services(&self) -> &Services {
        &self.0.services
    }

    /// The virtual server's name.
    #[must_use]
    pub const fn virtual_name(&self) -> &HostName {
        &self.0.virtual_name
    }

    /// The virtual server's address or definition.
    #[must_use]
    pub const fn virtual_place(&self) -> &Place {
        &self.0.virtual_place
    }

    /// The name of the file for this target.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(&self.0.host)
    }

    /// The fields that have to be unique, within one target's data as well as in a group.
    fn keys(&self) -> [(Field, Key<'_>); 6] {
        let place = match &self.0.virtual_place {
            Place::Address(address) => Key::Address(*address),
            Place::Definition(definition) => Key::Definition(definition.as_str()),
        };
        [
            (Field::Vip, Key::Address(self.0.vip)),
            (Field::Host, Key::Name(&self.0.host)),
            (Field::Address, Key::Address(self.0.address)),
            (Field::Mac, Key::Mac(self.0.mac)),
            (Field::VirtualName, Key::Name(&self.0.virtual_name)),
            (Field::VirtualPlace, place),
        ]
    }
}

impl fmt::Display for ManagementData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &self.0;
        writeln!(f, "{}\n{}", parts.vip, parts.host)?;
        writeln!(f, "{}\n{}", parts.address, parts.mac)?;
        writeln!(f, "{}\n{}", parts.services, parts.virtual_name)?;
        writeln!(f, "{}", parts.virtual_place)
    }
}

/// The name of the file that holds the management data of the target `host`, such as `server1.dat`.
#[must_use]
pub fn file_name(host: &HostName) -> String {
    format!("{host}.dat")
}

/// A value that nothing else of its kind may share.
enum Key<'a> {
    Address(IpAddr),
    Name(&'a HostName),
    Mac(Mac),
    Definition(&'a str),
}

impl Key<'_> {
    fn clashes(&self, other: &Key<'_>) -> bool {
        match (self, other) {
            (Self::Address(a), Key::Address(b)) => a == b,
            (Self::Name(a), Key::Name(b)) => a.same_host(b),
            (Self::Mac(a), Key::Mac(b)) => a == b,
            (Self::Definition(a), Key::Definition(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
            Self::Definition(text) => f.write_str(&part::shorten(text)),
        }
    }
}
