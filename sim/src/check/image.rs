//! No virtual server runs on two hosts.

use tetrarch_core::{Members, ServerId};

use crate::observer::Observer;
use crate::simulation::Simulation;

/// The hosts of `function`'s virtual server, when there are too many.
pub(super) fn look<O: Observer>(simulation: &Simulation<O>, function: ServerId) -> Option<Members> {
    Some(simulation.runners(function)).filter(|hosts| hosts.len() > 1)
}
