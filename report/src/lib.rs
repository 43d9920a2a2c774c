//! Tables, figures and comparisons of simulated runs.
