//! Deterministic discrete-event simulator.

pub mod queue;
