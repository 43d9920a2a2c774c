//! The times that the paper publishes, and the simulated ones beside them.
//!
//! The published numbers stand here once more, copied from the paper's Fig. 6 and Fig. 7 and not
//! from the program, so that a slip in the program's copy is found too.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

use tetrarch_sim::reproduce::Simulated;
use tetrarch_sim::scenario::{Metric, Trouble};

/// Trouble, server, metric, published seconds.
pub type Published = (Trouble, &'static str, Metric, f64);

/// Fig. 6: one server in trouble.
pub const FIG6: [Published; 11] = [
    (Trouble::S1t, "web", Metric::Target, 3.2),
    (Trouble::S1t, "web", Metric::Disconnection, 9.2),
    (Trouble::S2t, "web", Metric::Function, 9.3),
    (Trouble::S2t, "web", Metric::Target, 63.3),
    (Trouble::S2t, "web", Metric::Disconnection, 15.8),
    (Trouble::N1t, "web", Metric::Function, 8.4),
    (Trouble::N1t, "web", Metric::Target, 53.6),
    (Trouble::N1t, "web", Metric::Disconnection, 15.5),
    (Trouble::N2t, "web", Metric::Function, 8.3),
    (Trouble::N2t, "web", Metric::Target, 154.8),
    (Trouble::N2t, "web", Metric::Disconnection, 15.4),
];

/// Fig. 7: two servers in the same trouble at once.
pub const FIG7: [Published; 12] = [
    (Trouble::S2t, "mail", Metric::Function, 11.0),
    (Trouble::S2t, "mail", Metric::Target, 63.5),
    (Trouble::S2t, "ftp", Metric::Function, 11.3),
    (Trouble::S2t, "ftp", Metric::Target, 65.0),
    (Trouble::N1t, "mail", Metric::Function, 9.7),
    (Trouble::N1t, "mail", Metric::Target, 53.2),
    (Trouble::N1t, "ftp", Metric::Function, 8.7),
    (Trouble::N1t, "ftp", Metric::Target, 53.8),
    (Trouble::N2t, "mail", Metric::Function, 9.5),
    (Trouble::N2t, "mail", Metric::Target, 154.9),
    (Trouble::N2t, "ftp", Metric::Function, 9.4),
    (Trouble::N2t, "ftp", Metric::Target, 155.3),
];

/// What the simulation gives for a published time, in seconds.
pub fn simulated_s(all: &[Simulated], (trouble, server, metric, _): Published) -> Option<f64> {
    let of_trouble = |one: &&Simulated| one.troubles.iter().all(|(_, other)| *other == trouble);
    let span = all
        .iter()
        .filter(of_trouble)
        .find(|one| one.server == server && one.metric == metric)?
        .span?;
    Some(span.as_secs_f64())
}
