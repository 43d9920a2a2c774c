//! The voter's half of leases: who has its vote for what, and until when.

use super::{CLAIMS, Claim, Claims};
use crate::id::{SERVERS_MAX, ServerId};
use crate::time::{Life, Sequence, Span, Time};

/// A voter's memory: which server has its vote for what, and until when.
///
/// Every server of a guarded group has one, and the shared area has one as the witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    /// For each claim the end of the vote for it, [`Time::ZERO`] when nobody has it.
    until: [Time; CLAIMS],
    /// What each server has the vote for. No claim is in two of these sets.
    votes: [Claims; SERVERS_MAX],
    /// Before this instant it gives no votes: it may have given them in a life that it forgot.
    silent_until: Time,
    /// The last question of each server that was taken.
    heard: [Option<Heard>; SERVERS_MAX],
}

/// A question that a voter has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Heard {
    asked: Sequence,
    /// When it arrived.
    at: Time,
    /// It was for something, so others like it follow as long as its sender is there.
    goes_on: bool,
}

impl Register {
    /// A voter that begins at `now`, has given no vote for `silent`, and gives votes for `term`.
    #[must_use]
    pub fn new(now: Time, silent: Span, term: Span) -> Self {
        Self {
            until: [Time::ZERO; CLAIMS],
            votes: [Claims::NONE; SERVERS_MAX],
            silent_until: now + term.saturating_sub(silent),
            heard: [None; SERVERS_MAX],
        }
    }

    /// [`Register::request`] by a message, which may be late or come twice: one that was asked before
    /// the last one taken is not taken, because it would free votes that the later one got. Nothing is
    /// left to free when a `term` has passed, so then any is: a server whose numbering began anew gets
    /// votes again.
    ///
    /// None when it was not taken; it must not be answered.
    pub fn question(
        &mut self,
        now: Time,
        from: ServerId,
        asked: Sequence,
        claims: Claims,
        term: Span,
    ) -> Option<Claims> {
        if self.is_overtaken(now, from, asked, term) {
            return None;
        }
        self.heard[from.index()] = Some(Heard {
            asked,
            at: now,
            goes_on: !claims.is_empty(),
        });
        Some(self.request(now, from, claims, term))
    }

    /// Whether something that `from` said comes after something that it said later.
    pub(crate) fn is_overtaken(
        &self,
        now: Time,
        from: ServerId,
        said: Sequence,
        term: Span,
    ) -> bool {
        self.heard[from.index()].is_some_and(|last| now < last.at + term && said < last.asked)
    }

    /// The life in which `server` was last heard, if that is at least `silence` ago and it would have been
    /// heard since: a server that wants nothing asks for nothing, in full health.
    pub(crate) fn unheard(&self, now: Time, server: ServerId, silence: Span) -> Option<Life> {
        let last = self.heard[server.index()].filter(|last| last.goes_on)?;
        last.asked.life.filter(|_| last.at + silence <= now)
    }

    /// The programs of `server` look for their place, and ask for nothing until they know it.
    pub(crate) fn greeted(&mut self, server: ServerId) {
        if let Some(last) = &mut self.heard[server.index()] {
            last.goes_on = false;
        }
    }

    /// `server` was switched off in this life or after it: the votes that it got in it are free.
    pub(crate) fn fenced(&mut self, server: ServerId, life: Life) {
        let heard = self.heard[server.index()].and_then(|last| last.asked.life);
        if heard.is_some_and(|heard| heard <= life) {
            self.free(server, self.votes[server.index()]);
        }
    }

    /// How long ago something was heard makes no difference after a `term`, nor what was said then.
    pub(crate) fn forget_overtaken(&mut self, now: Time, term: Span) {
        let oldest = Time::ZERO + now.since(Time::ZERO + term);
        for last in self.heard.iter_mut().flatten() {
            if last.at <= oldest {
                last.at = oldest;
                last.asked.stamp = Time::ZERO.into();
            }
        }
    }

    /// `from` wants exactly `claims`: votes it has for anything else are free again, and the votes
    /// that it gets or keeps are given for `term` from `now`. Returns those.
    pub fn request(&mut self, now: Time, from: ServerId, claims: Claims, term: Span) -> Claims {
        let mine = self.votes[from.index()];
        // Nearly every question asks for what its sender has already.
        if mine != claims {
            self.free(from, mine.minus(claims));
        }
        if now < self.silent_until {
            return Claims::NONE;
        }
        if mine != claims {
            for claim in claims.minus(mine).iter_after(from) {
                if self.until[claim.slot()] <= now {
                    self.take(from, claim);
                }
            }
        }
        let granted = self.votes[from.index()];
        for claim in granted.iter_after(from) {
            self.until[claim.slot()] = now + term;
        }
        granted
    }

    /// Who has the vote for `claim` at `now`.
    #[must_use]
    pub fn holder(&self, now: Time, claim: Claim) -> Option<ServerId> {
        let has = |server: &ServerId| self.votes[server.index()].contains(claim);
        let is_given = self.until[claim.slot()] > now;
        ServerId::all(SERVERS_MAX).find(|server| is_given && has(server))
    }

    /// What `server` had the vote for when it last asked; of these, some may have ended since.
    #[must_use]
    pub const fn votes_of(&self, server: ServerId) -> Claims {
        self.votes[server.index()]
    }

    /// Whether it gives no votes yet at `now`.
    pub(crate) fn is_silent(&self, now: Time) -> bool {
        now < self.silent_until
    }

    /// A vote that has ended, or that nobody had, goes to `server`.
    fn take(&mut self, server: ServerId, claim: Claim) {
        let one = Claims::NONE.with(claim);
        for votes in &mut self.votes {
            *votes = votes.minus(one);
        }
        let votes = &mut self.votes[server.index()];
        *votes = votes.union(one);
    }

    fn free(&mut self, server: ServerId, claims: Claims) {
        for claim in claims.iter_after(server) {
            self.until[claim.slot()] = Time::ZERO;
        }
        let votes = &mut self.votes[server.index()];
        *votes = votes.minus(claims);
    }

    /// The same register with `base` in the place of the instant `now`; votes that have ended are
    /// forgotten.
    #[must_use]
    pub fn rebased(mut self, now: Time, base: Time) -> Self {
        for server in ServerId::all(SERVERS_MAX) {
            let votes = self.votes[server.index()].iter_after(server);
            let ended = votes.filter(|claim| self.until[claim.slot()] <= now);
            let ended = ended.fold(Claims::NONE, Claims::with);
            self.free(server, ended);
        }
        for until in self.until.iter_mut().filter(|until| **until > now) {
            *until = until.rebased(now, base);
        }
        self.silent_until = self.silent_until.max(now).rebased(now, base);
        for last in self.heard.iter_mut().flatten() {
            last.at = last.at.rebased(now, base);
            last.asked = last.asked.rebased(now, base);
        }
        self
    }

    /// The same register with every server called what `name` says, and every set what `set` says.
    pub(crate) fn moved(
        &self,
        name: impl Fn(ServerId) -> ServerId,
        set: impl Fn(Claims) -> Claims,
    ) -> Self {
        let mut moved = *self;
        for server in ServerId::all(SERVERS_MAX) {
            moved.votes[name(server).index()] = set(self.votes[server.index()]);
            moved.heard[name(server).index()] = self.heard[server.index()];
            for (from, to) in [
                (Claim::Address(server), Claim::Address(name(server))),
                (Claim::Image(server), Claim::Image(name(server))),
            ] {
                moved.until[to.slot()] = self.until[from.slot()];
            }
        }
        moved
    }
}
