//! Replays a record under changed settings, as long as that means anything.
//!
//! Two nodes run side by side: one under the recorded settings and one under the changed ones. Both get
//! the recorded inputs. The changed node is also woken when it asks for it, at a time at which the
//! recorded node did not: a changed wait ends at another time, and that must show. As soon as the two
//! decide differently the replay ends, because what was recorded after that answers what the recorded
//! node asked, and not what the changed one did.

use std::io::Read;

use tetrarch_core::{Config, Deadline, Input, Node, Outbox, Output, Time};

use crate::error::ReadError;
use crate::replay::{Played, Proof, Replay, play};

/// Where a changed node first decides something else than the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The recorded step at which this is, or before which; from 1.
    pub number: u64,
    /// When.
    pub at: Time,
    /// The recorded input that they answer differently; none when the changed node was woken by its own
    /// wish, at a time when the recorded one was not.
    pub input: Option<Input>,
    /// What the recorded node decided.
    pub recorded: Vec<Output>,
    /// What the changed node decides.
    pub changed: Vec<Output>,
}

/// What came next in a replay under changed settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Both nodes decided the same.
    Same(Played),
    /// The nodes decided differently, and the replay ends.
    Diverged(Divergence),
}

/// A record being replayed under changed settings.
#[derive(Debug)]
pub struct WhatIf<R> {
    replay: Replay<R>,
    changed: Node,
    outbox: Outbox,
    number: u64,
    has_ended: bool,
}

impl<R: Read> WhatIf<R> {
    /// Replays `replay`, of which nothing has been played, beside a node with the configuration
    /// `changed`.
    #[must_use]
    pub fn new(replay: Replay<R>, changed: Config) -> Self {
        Self {
            replay,
            changed: Node::new(changed),
            outbox: Outbox::new(),
            number: 0,
            has_ended: false,
        }
    }

    /// The replay under the recorded settings.
    pub const fn replay(&self) -> &Replay<R> {
        &self.replay
    }

    /// Plays the next step under both settings; none once the record has ended, or after a divergence.
    ///
    /// # Errors
    ///
    /// As [`Replay::next_step`].
    pub fn next_moment(&mut self) -> Result<Option<Moment>, ReadError> {
        if self.has_ended {
            return Ok(None);
        }
        if let Some(divergence) = self.own_wake_ups() {
            self.has_ended = true;
            return Ok(Some(Moment::Diverged(divergence)));
        }
        let Some(played) = self.replay.next_step()? else {
            self.has_ended = true;
            return Ok(None);
        };
        self.number = played.number;
        let (changed, _) = play(&mut self.changed, played.at, played.input, &mut self.outbox);
        // A replay that differs from its own record says nothing about other settings.
        let is_disproved = matches!(played.proof, Proof::Different { .. });
        if changed == played.outputs || is_disproved {
            return Ok(Some(Moment::Same(played)));
        }
        self.has_ended = true;
        Ok(Some(Moment::Diverged(Divergence {
            number: played.number,
            at: played.at,
            input: Some(played.input),
            recorded: played.outputs,
            changed,
        })))
    }

    /// Wakes the changed node as often as it asks for it before the next recorded step, unless the
    /// recorded node asks for the same: that wake-up is in the record, as late as it then came.
    fn own_wake_ups(&mut self) -> Option<Divergence> {
        let next = self.replay.next_at()?;
        loop {
            let wish = self.changed.view().deadline()?;
            let recorded: Option<Deadline> = self.replay.node().view().deadline();
            if wish.at >= next || recorded.is_some_and(|recorded| recorded.at == wish.at) {
                return None;
            }
            let (changed, _) = play(
                &mut self.changed,
                wish.at,
                Input::Deadline,
                &mut self.outbox,
            );
            if !changed.is_empty() {
                return Some(Divergence {
                    number: self.number + 1,
                    at: wish.at,
                    input: None,
                    recorded: Vec::new(),
                    changed,
                });
            }
        }
    }
}
