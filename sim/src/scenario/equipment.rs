//! What the servers of a scenario are equipped with: their programs' versions, what they see by
//! themselves, and devices that switch them off.

use tetrarch_core::wire::{VERSION, VERSION_MIN};
use tetrarch_core::{SERVERS_MAX, ServerId, Time, Version};

use super::error::ScenarioError;
use super::fault::{Fault, FaultAction};
use super::group::ServerIndex;
use super::reader::Item;

/// The versions of the programs, server by server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// The version of each server's programs at the start of the run, in ring order.
    pub versions: [Version; SERVERS_MAX],
}

impl Default for Equipment {
    fn default() -> Self {
        Self {
            versions: [Version::NEWEST; SERVERS_MAX],
        }
    }
}

impl Equipment {
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
