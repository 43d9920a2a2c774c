//! The settings of one server: `/etc/tetrarch/site.toml`.

mod native;
mod place;
mod rules;
mod sync;
mod telling;
#[cfg(test)]
mod tests;
mod waits;

use core::ops::Range;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tetrarch_core::data::{GroupData, HostName, ManagementData};
use tetrarch_core::executer::ExecuterSettings;
use tetrarch_core::{Config, Damping, Failback, Members, Safety, ServerId, Timing};
use thiserror::Error;
use toml::Spanned;

use crate::parts::examine::Limits;
use crate::peers::tls::TlsFiles;
use crate::recorder::RecordSettings;

pub use native::{NetworkSettings, Part, PartsSettings, ServiceSettings, VirtualSettings};
pub use place::line_and_column;
pub use rules::Sightings;
pub use telling::Telling;

use rules::{Flapping, Return, Rules, Sight};
use waits::{Examination, Protocol, Waits, check_hold};

/// Where the settings are, unless somebody says otherwise.
pub const SITE_FILE: &str = "/etc/tetrarch/site.toml";

/// The most bytes that a file of settings may have.
pub const SITE_BYTES_MAX: u64 = 1 << 16;

/// Why settings were refused.
#[derive(Debug, Error)]
pub enum SiteError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something in the file is wrong.
    #[error("{file}:{line}:{column}: {why}")]
    At {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What was expected, and what was found.
        why: String,
    },
}

/// The settings of one server, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What the site is called.
    pub name: String,
    /// This server.
    pub me: ServerId,
    /// The host names of the group, in ring order.
    pub ring: Vec<HostName>,
    /// The port at which every server of the site listens.
    pub port: u16,
    /// Where servers listen that do not at their address in the management data, in ring order; for
    /// example in a network of their own.
    pub listen: Vec<Option<SocketAddr>>,
    /// How many virtual servers this host's memory has room for.
    pub guests_max: u8,
    /// By which rules the group plays.
    pub safety: Safety,
    /// What this server sees by itself.
    pub sightings: Sightings,
    /// When a recovered server gets its function back.
    pub failback: Failback,
    /// How servers are held off that fail again and again, if they are.
    pub damping: Option<Damping>,
    /// What carries out what the management decides.
    pub parts: PartsSettings,
    /// How long examinations may take.
    pub examination: Limits,
    /// Whether an announced shutdown of this server waits until its functions are handed over.
    pub hand_over_at_shutdown: bool,
    /// Who this server is.
    pub tls: TlsFiles,
    /// The shared area with the management data.
    pub shared: PathBuf,
    /// The folder for the local copy, the records and the flag file.
    pub state: PathBuf,
    /// The folder for what does not outlive the running system.
    pub run: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The executer's waits.
    pub executer: ExecuterSettings,
    /// Where and how much is recorded.
    pub records: RecordSettings,
    /// The protocol's waits.
    pub timing: Timing,
    /// Who is told how things stand.
    pub telling: Telling,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteFile {
    name: String,
    server: Spanned<String>,
    ring: Spanned<Vec<Spanned<String>>>,
    guests_max: u8,
    #[serde(default)]
    safety: Rules,
    sightings: Option<Vec<Sight>>,
    #[serde(default)]
    failback: Return,
    damping: Option<Flapping>,
    #[serde(default = "yes")]
    hand_over_at_shutdown: bool,
    program: Option<PathBuf>,
    by_program: Option<Spanned<Vec<Part>>>,
    network: Option<Spanned<native::NetworkFile>>,
    #[serde(default)]
    services: native::Services,
    #[serde(default)]
    power: native::Powers,
    #[serde(default)]
    virtual_server: native::Virtuals,
    #[serde(default = "port")]
    port: u16,
    #[serde(default)]
    listen: BTreeMap<Spanned<String>, SocketAddr>,
    #[serde(default)]
    folders: Folders,
    #[serde(default)]
    tls: Tls,
    executer: Option<Spanned<Waits>>,
    #[serde(default)]
    records: Records,
    timing: Option<Spanned<Protocol>>,
    examination: Option<Spanned<Examination>>,
    metrics: Option<telling::Metrics>,
    notify: Option<telling::Notify>,
}

const fn yes() -> bool {
    true
}

const fn port() -> u16 {
    7100
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Folders {
    shared: PathBuf,
    state: PathBuf,
    run: PathBuf,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            shared: "/srv/tetrarch".into(),
            state: "/var/lib/tetrarch".into(),
            run: "/run/tetrarch".into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tls {
    authorities: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            authorities: "/etc/tetrarch/tls/authorities.pem".into(),
            certificate: "/etc/tetrarch/tls/server.pem".into(),
            key: "/etc/tetrarch/tls/server.key".into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Records {
    bytes_max: u64,
    files_max: usize,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            bytes_max: 256 << 20,
            files_max: 4,
        }
    }
}

/// Where in the text something is wrong, and what was expected there.
type Misplaced = (Range<usize>, String);

/// The place of the server `host` in the ring.
fn place_of(ring: &[HostName], host: &Spanned<String>) -> Result<ServerId, Misplaced> {
    let is_it = |name: &HostName| name.as_str().eq_ignore_ascii_case(host.get_ref());
    let place = ring.iter().position(is_it).and_then(ServerId::new);
    place.ok_or_else(|| {
        let why = format!("expected a server of the ring, found {:?}", host.get_ref());
        (host.span(), why)
    })
}

/// A table that may be left out, and where it is.
fn taken<T: Default>(table: Option<Spanned<T>>) -> (Range<usize>, T) {
    table.map_or_else(
        || (0..0, T::default()),
        |table| (table.span(), table.into_inner()),
    )
}

impl Site {
    /// Reads the settings in the file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or names the place in it that is wrong and what was expected there.
    pub fn load(path: &Path) -> Result<Self, SiteError> {
        use std::io::Read;
        let refuse = |source| SiteError::Path {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(refuse)?;
        let mut text = String::new();
        // The limit is put on the reading: devices and pipes have no size to look at.
        file.take(SITE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(refuse)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads settings from TOML; errors name `file`.
    ///
    /// # Errors
    ///
    /// Names the place that is wrong and what was expected there.
    pub fn parse(text: &str, file: &str) -> Result<Self, SiteError> {
        let refuse = |span: Range<usize>, why: String| {
            let (line, column) = line_and_column(text, span.start);
            let why: Vec<&str> = why.lines().map(str::trim).collect();
            SiteError::At {
                file: file.to_owned(),
                line,
                column,
                why: why.join(", "),
            }
        };
        let read: SiteFile = toml::from_str(text)
            .map_err(|error| refuse(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        read.checked().map_err(|(span, why)| refuse(span, why))
    }

    /// What a node on this server has to know.
    ///
    /// # Errors
    ///
    /// Never for settings that were read: this was checked then.
    pub fn config(&self) -> Result<Config, tetrarch_core::ConfigError> {
        let config = Config::new(self.me, self.ring.len(), self.guests_max, self.timing)?;
        let fenced = |server: &ServerId| {
            let switch = self.parts.power.get(server.index());
            switch.is_some_and(Option::is_some)
        };
        let all = ServerId::all(self.ring.len()).filter(fenced);
        let fenceable = all.fold(Members::NONE, Members::with);
        Ok(config
            .with_safety(self.safety)
            .with_fenceable(fenceable)
            .with_failback(self.failback)
            .with_damping(self.damping))
    }

    /// Whether this agent sees to it that an announced shutdown waits: not where a program of the site's own
    /// does the work on this server's power.
    #[must_use]
    pub fn hands_over_at_shutdown(&self) -> bool {
        self.hand_over_at_shutdown && self.parts.program_for(Part::Power).is_none()
    }

    /// The flag file: while it is there, the management programs run.
    #[must_use]
    pub fn flag(&self) -> PathBuf {
        self.state.join("managed")
    }

    /// The folder of the local copy.
    #[must_use]
    pub fn copy(&self) -> PathBuf {
        self.state.join("data")
    }

    /// The folder of the journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// This server's host name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.ring.get(self.me.index()).map_or("?", HostName::as_str)
    }

    /// Where the servers of `group` listen, in ring order.
    #[must_use]
    pub fn addresses(&self, group: &GroupData) -> Vec<SocketAddr> {
        let own = self.listen.iter().copied().chain(core::iter::repeat(None));
        let members = group.members().iter().zip(own);
        let address = |(data, own): (&ManagementData, Option<SocketAddr>)| {
            own.unwrap_or_else(|| SocketAddr::new(data.address(), self.port))
        };
        members.map(address).collect()
    }
}

impl SiteFile {
    /// The host names in ring order, each there once.
    fn ring(&self) -> Result<Vec<HostName>, Misplaced> {
        let mut ring: Vec<HostName> = Vec::new();
        for host in self.ring.get_ref() {
            let name: HostName = host
                .get_ref()
                .parse()
                .map_err(|error| (host.span(), format!("{error}")))?;
            if ring.iter().any(|other| other.same_host(&name)) {
                let why = format!("expected each server once in the ring, found {name} twice");
                return Err((host.span(), why));
            }
            ring.push(name);
        }
        let (min, max) = (GroupData::MEMBERS_MIN, GroupData::MEMBERS_MAX);
        if (min..=max).contains(&ring.len()) {
            return Ok(ring);
        }
        let why = format!("expected {min} to {max} servers, found {}", ring.len());
        Err((self.ring.span(), why))
    }

    fn checked(self) -> Result<Site, Misplaced> {
        let ring = self.ring()?;
        let me = place_of(&ring, &self.server)?;
        let mut listen = vec![None; ring.len()];
        for (host, address) in &self.listen {
            listen[place_of(&ring, host)?.index()] = Some(*address);
        }
        let (timing_at, timing) = taken(self.timing);
        let timing = timing.timing();
        // The ring has been checked, so what may be wrong are the waits.
        Config::new(me, ring.len(), self.guests_max, timing)
            .map_err(|error| (timing_at.clone(), error.to_string()))?;
        let safety = self.safety.0;
        check_hold(safety, &timing).map_err(|why| (timing_at, why))?;
        let (examination_at, examination) = taken(self.examination);
        let examination = examination
            .limits(timing.examination_max)
            .map_err(|why| (examination_at, why))?;
        let parts = native::Written {
            program: self.program,
            by_program: self.by_program,
            network: self.network,
            services: self.services,
            power: self.power,
            virtual_server: self.virtual_server,
        };
        let parts = parts.checked(&ring, me, timing.job_max)?;
        let (waits_at, waits) = taken(self.executer);
        let executer = waits.checked().map_err(|why| (waits_at, why))?;
        Ok(Site {
            name: self.name,
            me,
            ring,
            port: self.port,
            listen,
            guests_max: self.guests_max,
            safety,
            sightings: Sightings::of(self.sightings.as_deref(), safety),
            failback: self.failback.0,
            damping: self.damping.as_ref().map(Flapping::checked).transpose()?,
            parts,
            examination,
            hand_over_at_shutdown: self.hand_over_at_shutdown,
            tls: TlsFiles {
                authorities: self.tls.authorities,
                certificate: self.tls.certificate,
                key: self.tls.key,
            },
            shared: self.folders.shared,
            socket: self.folders.run.join("control.sock"),
            run: self.folders.run,
            executer,
            records: RecordSettings {
                folder: self.folders.state.join("records"),
                bytes_max: self.records.bytes_max,
                files_max: self.records.files_max,
            },
            state: self.folders.state,
            timing,
            telling: telling::checked(self.metrics, self.notify)?,
        })
    }
}
