//! The lengths of time that the protocol itself decides by.
//!
//! What physical things take (a boot, a resume) is not here: the core learns of it only by results.

use crate::time::Span;

/// Settings of one management group's protocol. All members use the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// Wait between the end of one monitoring cycle and the start of the next (Table 1: 10.0 s).
    pub inter_monitoring: Span,
    /// Wait after a service restart, or after a server's return, before its services are examined
    /// again (Table 1: 2.0 s).
    pub reexamination_wait: Span,
    /// Longest wait for a server to come back before the next, stronger means is tried
    /// (Table 1: 105.0 s).
    pub judgement_max: Span,
    /// How long a file that one program writes takes to be found by the program that waits for it:
    /// the launch of the background job, its up.file and its down.file (inferred: 0.2 s).
    pub hand_off: Span,
    /// Pause between two examinations of a server that is expected back (assumed: 1.0 s).
    pub poll_pause: Span,
    /// How much later than due S.file, or a sign of life of the acting manager, may come before the
    /// other manager acts on its silence (assumed: 3.0 s).
    pub sync_grace: Span,
    /// How long a server that has just started waits for the members' answers before it takes its
    /// place unasked (assumed: 1.0 s).
    pub join_wait: Span,
    /// Longest wait for the result of an examination (assumed: 10.0 s).
    pub examination_max: Span,
    /// Longest wait for the result of any other job (assumed: 120.0 s).
    pub job_max: Span,
    /// Guarded groups only: for how long a voter keeps a vote given (assumed: 6.0 s).
    pub lease_term: Span,
    /// Guarded groups only: by how much earlier whoever got the votes must be through with what they
    /// were for. Longer than clocks drift apart in a term and than the driver takes to enforce the
    /// end (assumed: 0.6 s).
    pub lease_margin: Span,
}
