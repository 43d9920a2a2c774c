//! A virtual IP address never has two holders that clients can reach.

use tetrarch_core::{Members, ServerId};

use crate::observer::Observer;
use crate::simulation::Simulation;

/// The holders of `function`'s address, when there are too many.
pub(super) fn look<O: Observer>(simulation: &Simulation<O>, function: ServerId) -> Option<Members> {
    Some(simulation.holders(function)).filter(|holders| holders.len() > 1)
}
