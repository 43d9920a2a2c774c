//! What a node must know before it starts, checked once.

use thiserror::Error;

use crate::id::{SERVERS_MAX, ServerId};
use crate::time::Span;
use crate::timing::Timing;

/// What a node must know before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub(crate) me: ServerId,
    pub(crate) size: u8,
    pub(crate) guests_max: u8,
    pub(crate) timing: Timing,
}

/// A configuration that no group can run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A group has 2 to 8 servers.
    #[error("a group has 2 to 8 servers, not {0}")]
    Size(usize),
    /// The server is not one of the group.
    #[error("server {0} is not in a group of {1}")]
    Stranger(ServerId, usize),
    /// A wait of zero would make the node spin.
    #[error("{0} must be longer than zero")]
    Zero(&'static str),
}

impl Config {
    /// A valid configuration of the server `me` in a group of `size`.
    ///
    /// `guests_max` is the number of virtual servers that the host's memory has room for.
    ///
    /// # Errors
    ///
    /// When the group's size is not 2 to 8, the server is not in it, or a wait that must not be zero
    /// is.
    pub fn new(
        me: ServerId,
        size: usize,
        guests_max: u8,
        timing: Timing,
    ) -> Result<Self, ConfigError> {
        if !(2..=SERVERS_MAX).contains(&size) {
            return Err(ConfigError::Size(size));
        }
        if me.index() >= size {
            return Err(ConfigError::Stranger(me, size));
        }
        let positive = [
            ("inter_monitoring", timing.inter_monitoring),
            ("judgement_max", timing.judgement_max),
            ("sync_grace", timing.sync_grace),
            ("join_wait", timing.join_wait),
            ("poll_pause", timing.poll_pause),
            ("examination_max", timing.examination_max),
            ("job_max", timing.job_max),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, span)| *span == Span::ZERO) {
            return Err(ConfigError::Zero(name));
        }
        Ok(Self {
            me,
            size: size as u8,
            guests_max,
            timing,
        })
    }

    /// The server that this configuration is for.
    #[must_use]
    pub const fn me(&self) -> ServerId {
        self.me
    }

    /// The number of servers of the group.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size as usize
    }

    /// The number of virtual servers that the host's memory has room for.
    #[must_use]
    pub const fn guests_max(&self) -> u8 {
        self.guests_max
    }

    /// The lengths of time that the protocol decides by.
    #[must_use]
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }
}
