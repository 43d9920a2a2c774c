//! Tetrarch on real servers: the driver of [`tetrarch_core::Node`] on tokio, and everything that it
//! needs of a server.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod parts;
