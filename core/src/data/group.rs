//! The management data of all members of one group, checked against each other.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Field, HostName, ManagementData};

/// Why management data do not make a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Too few or too many members.
    #[error(
        "expected {min} to {max} members, found {found}",
        min = GroupData::MEMBERS_MIN,
        max = GroupData::MEMBERS_MAX
    )]
    Size {
        /// How many there are.
        found: usize,
    },
    /// Two members share what only one can have.
    #[error(
        "expected a value of its own as the {field} of member {member} ({file}), found {found}, \
         which is the {other_field} of member {other_member} ({other_file})"
    )]
    Shared {
        /// The value.
        found: String,
        /// The field of the later member.
        field: Field,
        /// The later member's place in the list, from 1.
        member: usize,
        /// The name of the later member's file.
        file: String,
        /// The field of the earlier member.
        other_field: Field,
        /// The earlier member's place in the list, from 1.
        other_member: usize,
        /// The name of the earlier member's file.
        other_file: String,
    },
}

/// The management data of one group, in the order of its ring.
///
/// All addresses (VIPs, targets, virtual servers) differ from each other, and so do all names
/// (targets, virtual servers), all MAC addresses and all definitions of virtual servers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupData(Vec<ManagementData>);

impl GroupData {
    /// Fewest members of a group: a server needs another one to manage it.
    pub const MEMBERS_MIN: usize = 2;
    /// Most members of a group.
    pub const MEMBERS_MAX: usize = 8;

    /// A group of these members, in the order of its ring.
    ///
    /// # Errors
    ///
    /// Tells a wrong number of members, or names two members, their files and the value they share.
    pub fn new(members: Vec<ManagementData>) -> Result<Self, GroupError> {
        if !(Self::MEMBERS_MIN..=Self::MEMBERS_MAX).contains(&members.len()) {
            return Err(GroupError::Size {
                found: members.len(),
            });
        }
        for (later, data) in members.iter().enumerate() {
            for (earlier, other) in members[..later].iter().enumerate() {
                check_pair((earlier, other), (later, data))?;
            }
        }
        Ok(Self(members))
    }

    /// The members in the order of the ring.
    #[must_use]
    pub fn members(&self) -> &[ManagementData] {
        &self.0
    }

    /// The member with this host name, in upper or lower case.
    #[must_use]
    pub fn member(&self, host: &HostName) -> Option<&ManagementData> {
        self.0.iter().find(|data| data.host().same_host(host))
    }

    /// The files of the group in the order of the ring: name and text.
    pub fn files(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.0
            .iter()
            .map(|data| (data.file_name(), data.to_string()))
    }
}

fn check_pair(
    (earlier, other): (usize, &ManagementData),
    (later, data): (usize, &ManagementData),
) -> Result<(), GroupError> {
    let other_keys = other.keys();
    for (field, key) in data.keys() {
        if let Some((other_field, _)) = other_keys.iter().find(|(_, held)| held.clashes(&key)) {
            return Err(GroupError::Shared {
                found: key.to_string(),
                field,
                member: later + 1,
                file: data.file_name(),
                other_field: *other_field,
                other_member: earlier + 1,
                other_file: other.file_name(),
            });
        }
    }
    Ok(())
}
