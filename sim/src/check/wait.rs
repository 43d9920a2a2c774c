//! Every wait ends, whatever gets lost.

use tetrarch_core::{Members, ServerId};

use crate::observer::Observer;
use crate::simulation::Simulation;

/// The server itself, when one of its parts waits without a timer.
pub(super) fn look<O: Observer>(simulation: &Simulation<O>, server: ServerId) -> Option<Members> {
    let stuck = simulation.is_managing(server)
        && simulation.nodes()[server.index()].view().stuck().is_some();
    stuck.then(|| Members::NONE.with(server))
}
