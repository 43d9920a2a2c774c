//! Shared pieces of the benchmark suites.
