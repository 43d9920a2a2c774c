//! What the servers of a scenario are equipped with: versions of programs, what they see by
//! themselves, and devices that switch them off.

use tetrarch_core::wire::{VERSION, VERSION_MIN};
use tetrarch_core::{Members, SERVERS_MAX, Safety, ServerId, Time, Version};

use super::error::ScenarioError;
use super::fault::{Fault, FaultAction};
use super::group::{ServerIndex, read_servers};
use super::reader::Item;

/// What the servers are equipped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// The version of each server's programs at the start of the run, in ring order.
    pub versions: [Version; SERVERS_MAX],
    /// What servers see by themselves.
    pub sightings: Sightings,
    /// The servers whose power a device can switch surely off.
    pub fences: Members,
}

/// What servers see by themselves and tell their nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sightings {
    /// `rivals`: that another server answers for an address that they hold.
    pub rivals: bool,
    /// `services`: that their own services have stopped or are well again.
    pub services: bool,
}

impl Sightings {
    /// The names in files, in the order of the fields.
    const NAMES: [&'static str; 2] = ["rivals", "services"];

    /// The names of those that are on.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        let on = [self.rivals, self.services];
        Self::NAMES
            .into_iter()
            .zip(on)
            .filter_map(|(name, is_on)| is_on.then_some(name))
    }
}

impl Equipment {
    /// What servers have that play by these rules and of which nothing more is said. Only a guarded
    /// group looks for rivals: the paper's servers do not, and under leases it costs nothing, since
    /// there are none as long as all goes well.
    #[must_use]
    pub fn of(safety: Safety) -> Self {
        Self {
            versions: [Version::NEWEST; SERVERS_MAX],
            sightings: Sightings {
                rivals: safety == Safety::Guarded,
                services: false,
            },
            fences: Members::NONE,
        }
    }

    /// The version that the programs of `server` have when they start at `now`, after all upgrades
    /// among `faults` that have struck by then.
    #[must_use]
    pub fn version_at(&self, faults: &[Fault], server: ServerId, now: Time) -> Version {
        let upgrades = faults.iter().filter_map(|fault| match fault.action {
            FaultAction::Upgrade {
                server: ServerIndex(place),
                version,
            } if usize::from(place) == server.index() && fault.at <= now => {
                Some((fault.at, version))
            }
            _ => None,
        });
        upgrades
            .max_by_key(|(at, _)| *at)
            .map_or(self.versions[server.index()], |(_, version)| version)
    }

    /// Whether there are ever two versions, or another than the newest.
    #[must_use]
    pub fn is_mixed(&self, faults: &[Fault]) -> bool {
        let is_upgrade = |fault: &Fault| matches!(fault.action, FaultAction::Upgrade { .. });
        self.versions != [Version::NEWEST; SERVERS_MAX] || faults.iter().any(is_upgrade)
    }
}

/// Reads the table `versions`.
pub(super) fn read_versions(
    item: Option<Item<'_>>,
    group: &[String],
) -> Result<[Version; SERVERS_MAX], ScenarioError> {
    let mut versions = [Version::NEWEST; SERVERS_MAX];
    let Some(item) = item else {
        return Ok(versions);
    };
    let section = item.section("versions", "a table from server names to versions")?;
    let names: Vec<&str> = group.iter().map(String::as_str).collect();
    section.refuse_unknown(&names)?;
    for (server, version) in group.iter().zip(&mut versions) {
        if let Some(item) = section.get(server) {
            *version = read_version(item)?;
        }
    }
    Ok(versions)
}

/// Reads the version of a server's programs.
pub(super) fn read_version(item: Item<'_>) -> Result<Version, ScenarioError> {
    let number: u8 = item.whole(VERSION_MIN, VERSION)?;
    Version::new(number)
        .ok_or_else(|| item.refuse(format!("a version from {VERSION_MIN} to {VERSION}")))
}

/// Reads the list `sightings`.
pub(super) fn read_sightings(
    item: Option<Item<'_>>,
    default: Sightings,
) -> Result<Sightings, ScenarioError> {
    let Some(item) = item else {
        return Ok(default);
    };
    let mut read = Sightings {
        rivals: false,
        services: false,
    };
    for item in item.list("a list of what servers see, such as [\"rivals\", \"services\"]")? {
        match item.choice(&Sightings::NAMES, |name| name)? {
            "rivals" => read.rivals = true,
            _ => read.services = true,
        }
    }
    Ok(read)
}

/// Reads the list `fences`.
pub(super) fn read_fences(
    item: Option<Item<'_>>,
    group: &[String],
) -> Result<Members, ScenarioError> {
    let servers = item.map_or(Ok(Vec::new()), |item| read_servers(item, group))?;
    let places = servers.iter();
    let places = places.filter_map(|server| ServerId::new(server.index()));
    Ok(places.fold(Members::NONE, Members::with))
}
