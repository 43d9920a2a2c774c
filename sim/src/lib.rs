//! Deterministic discrete-event simulator.
