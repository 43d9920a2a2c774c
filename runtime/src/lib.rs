//! Tetrarch on real servers: the driver of [`tetrarch_core::Node`] on tokio, and everything that it
//! needs of a server.
//!
//! [`driver`] feeds one node and carries its decisions out over [`parts`], the server that it runs on,
//! and [`link`], the connections to the others.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod agent;
pub mod authority;
pub mod clock;
pub mod disk;
pub mod driver;
pub mod guard;
pub mod happened;
pub mod holds;
pub mod init;
mod jobs;
pub mod journal;
pub mod link;
pub mod lives;
pub mod metrics;
pub mod notify;
pub mod orders;
pub mod overview;
pub mod parts;
pub mod peers;
mod ready;
pub mod recorder;
pub mod report;
pub mod site;
pub mod status;
pub mod store;
pub mod witness;
