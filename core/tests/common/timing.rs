//! The paper's timing, for every test that steps nodes without the simulator.

use tetrarch_core::{Span, Timing};

pub(crate) const TIMING: Timing = Timing {
    inter_monitoring: Span::from_secs(10),
    reexamination_wait: Span::from_secs(2),
    judgement_max: Span::from_secs(105),
    hand_off: Span::from_millis(200),
    poll_pause: Span::from_secs(1),
    sync_grace: Span::from_secs(3),
    join_wait: Span::from_secs(1),
    examination_max: Span::from_secs(10),
    job_max: Span::from_secs(120),
    lease_term: Span::from_secs(6),
    lease_margin: Span::from_millis(600),
};
