//! What guards a node's acts: the leases it asks for, and what it does when one comes or goes.
//!
//! Under [`Safety::Paper`](crate::Safety) everything here is allowed at once and nothing is asked.

use crate::bug::Bug;
use crate::event::Event;
use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::io::{Action, Outcome, Owner};
use crate::lease::{Answer, CLAIMS, Claim, Claims, Voter};
use crate::message::{Message, Version};
use crate::node::{Context, Node};
use crate::time::{Sequence, Span, Time};
use crate::timer::Timer;

/// In each lease's term its holder asks so often for the next one, so that one lost answer does not
/// end it.
const RENEWALS: u64 = 3;
/// In each term a server that still lacks something asks so often.
const ATTEMPTS: u64 = 12;

impl Node {
    /// Until when `claim` is this server's; an instant that has passed means that it is not.
    pub(crate) fn leased_until(&self, claim: Claim) -> Time {
        let majority = self.votes_needed();
        self.leases.until(claim, majority, self.lease_length())
    }

    fn votes_needed(&self) -> usize {
        let one_less = self.config.has(Bug::CountsOneLess);
        self.config.majority() - usize::from(one_less)
    }

    /// How long after its question a lease lasts for its holder.
    fn lease_length(&self) -> Span {
        let timing = &self.config.timing;
        timing.lease_term.saturating_sub(timing.lease_margin)
    }

    /// Whether this server may act on `claim` now.
    pub(crate) fn may(&self, now: Time, claim: Claim) -> bool {
        let is_address = matches!(claim, Claim::Address(_));
        !self.config.is_guarded()
            || self.leased_until(claim) > now
            || is_address && self.config.has(Bug::AssignsUnleased)
    }

    /// At the start of the programs: what is on this server now was leased by the programs before,
    /// and stays for `left` at most.
    pub(crate) fn inherit(
        &mut self,
        cx: &mut Context<'_>,
        holding: bool,
        serving: Members,
        left: Span,
    ) {
        let own = if holding {
            Members::NONE.with(self.me())
        } else {
            Members::NONE
        };
        let claims = Claims {
            addresses: serving.union(own),
            images: serving,
        };
        if self.config.is_guarded() && !claims.is_empty() {
            let until = cx.now + left.min(self.lease_length());
            self.leases.inherit(claims, until);
            self.ask_for_leases(cx);
        }
    }

    /// Asks for leases of `claims` until they are given up.
    pub(crate) fn claim(&mut self, cx: &mut Context<'_>, claims: Claims) {
        if !self.config.is_guarded() {
            return;
        }
        for claim in self.leases.revive(claims).iter_after(self.me()) {
            let until = self.leased_until(claim);
            if until > cx.now {
                cx.out.hold(claim, until);
            }
        }
        if !claims.minus(self.leases.wanted).is_empty() {
            self.leases.wanted = self.leases.wanted.union(claims);
            self.ask_for_leases(cx);
        }
    }

    /// Whatever was to put `claims` on this server or to take them off goes on, or has failed.
    pub(crate) fn doubt(&mut self, claims: Claims) {
        if self.config.is_guarded() && !self.config.has(Bug::TrustsFailures) {
            self.leases.doubt(claims);
        }
    }

    /// A job has ended that was to take `claims` off this server.
    pub(crate) fn taken_off(&mut self, claims: Claims, is_done: bool) {
        if is_done {
            self.leases.settle(claims);
        } else {
            self.doubt(claims);
        }
    }

    /// Tells all voters that this server neither holds nor wants `claims` any more. What may be here all the same is
    /// kept until the driver has ended it.
    pub(crate) fn give_up(&mut self, cx: &mut Context<'_>, claims: Claims) {
        let wanted = claims.common(self.leases.wanted);
        let term = self.config.timing.lease_term;
        let claims = self.leases.linger(wanted, term);
        if wanted != claims {
            self.set_lease_timer(cx.now);
        }
        if !claims.is_empty() {
            self.leases.give_up(claims);
            self.ask_for_leases(cx);
        }
    }

    pub(crate) fn ask_for_leases(&mut self, cx: &mut Context<'_>) {
        let claims = self.asked_now(cx.now);
        let asked = self.leases.stamp(cx.now);
        if !self.config.has(Bug::CountsLeftOut) {
            let left_out = self.leases.wanted.minus(claims);
            self.leases.leave_out(left_out, asked);
        }
        let said = self.said();
        self.tell_others(
            cx,
            Message::Renew {
                claims,
                asked: said,
            },
        );
        let me = self.me();
        let granted = self.vote(cx.now, me, said, claims).unwrap_or_default();
        // A voter that has just begun to vote may be the one that was missing.
        let ends = self.take_answer(cx, Voter::Server(me), asked, granted);
        let ends = ends.unwrap_or_else(|| self.lease_ends());
        let until = |claim: Claim| ends[claim.slot()];
        if self.config.has_witness() && self.vote.job.is_none() {
            self.vote.asked = asked;
            self.vote.wanted = self.leases.wanted;
            self.run(cx, Owner::Vote, me, Action::Vote { claims });
        }
        self.leases.round = (self.leases.round + 1) % self.config.size;
        self.leases.next = self.next_question(cx.now, until);
        self.wake_for_leases(cx.now, until);
        self.go_on(cx, until);
    }

    /// Another server speaks this version.
    pub(crate) fn speaks(&mut self, cx: &mut Context<'_>, server: ServerId, version: Version) {
        let known = core::mem::replace(&mut self.spoken[server.index()], version);
        if version < known && !self.leases.wanted.is_empty() {
            // It has not understood the last question, and the lease may not last until the next.
            self.ask_for_leases(cx);
        }
    }

    /// What is said now comes after the last question and before the next.
    pub(crate) fn said(&self) -> Sequence {
        Sequence {
            life: Some(self.config.life),
            stamp: self.leases.last_stamp().into(),
        }
    }

    /// Two servers that want the same thing at the same time may each get some of the votes and wait
    /// for the others for ever. So each leaves out in turn what it still lacks, and the nearer it is
    /// to the function's server the sooner; its votes go to the other meanwhile. What is being taken off this server
    /// is not lacking: its lease may be over before its hold is, by votes that have gone.
    fn asked_now(&self, now: Time) -> Claims {
        let size = self.config.size();
        let me = self.me();
        let steps_back = |claim: &Claim| {
            let function = claim.function();
            // Whole turns keep the difference above zero, even for a place that this ring has not.
            (me.index() + SERVERS_MAX * size - function.index()) % size
        };
        let left_out = self
            .leases
            .wanted
            .iter_after(me)
            .filter(|claim| steps_back(claim) != 0 && self.leased_until(*claim) <= now)
            .filter(|claim| steps_back(claim) == usize::from(self.leases.round))
            .filter(|claim| !self.may_be_here(now, *claim));
        self.leases
            .wanted
            .minus(left_out.fold(Claims::NONE, Claims::with))
    }

    /// Until when each claim that is wanted is leased, by [`Claim::slot`].
    fn lease_ends(&self) -> [Time; CLAIMS] {
        let mut ends = [Time::ZERO; CLAIMS];
        for claim in self.leases.wanted.iter_after(self.me()) {
            ends[claim.slot()] = self.leased_until(claim);
        }
        ends
    }

    fn next_question(&self, now: Time, until: impl Fn(Claim) -> Time) -> Time {
        let wanted = self.leases.wanted;
        if wanted.is_empty() {
            return Time::MAX;
        }
        let lacks = wanted
            .iter_after(self.me())
            .any(|claim| until(claim) <= now);
        let parts = if lacks { ATTEMPTS } else { RENEWALS };
        now + self.config.timing.lease_term.part(parts)
    }

    /// The next question, or the end of the first lease that something here lives on.
    fn set_lease_timer(&mut self, now: Time) {
        let ends = self.lease_ends();
        self.wake_for_leases(now, |claim| ends[claim.slot()]);
    }

    /// The same with `until` telling the end of each lease. There is none of what is not wanted.
    fn wake_for_leases(&mut self, now: Time, until: impl Fn(Claim) -> Time) {
        let lingering = self.leases.end_of_lingering();
        let mut next = self.leases.next.min(lingering.unwrap_or(Time::MAX));
        for claim in self.leases.wanted.iter_after(self.me()) {
            let end = until(claim);
            if end > now && end < next && self.is_in_use(claim) {
                next = end;
            }
        }
        self.timers.set(Timer::Lease, next);
    }

    /// Everything here that needs a lease at this moment.
    fn in_use(&self) -> Claims {
        let size = self.config.size();
        ServerId::all(size)
            .flat_map(|function| [Claim::Address(function), Claim::Image(function)])
            .filter(|claim| self.is_in_use(*claim))
            .fold(Claims::NONE, Claims::with)
    }

    fn is_in_use(&self, claim: Claim) -> bool {
        let standby = &self.standbys[claim.function().index()];
        match claim {
            Claim::Address(function) if function == self.me() => self.membership.uses_own(),
            Claim::Address(_) => standby.uses_address(),
            Claim::Image(function) => function != self.me() && standby.uses_image(),
        }
    }

    /// Whether `claim` may be on this server at this moment, by its wish or not.
    fn may_be_here(&self, now: Time, claim: Claim) -> bool {
        if self.config.has(Bug::LeavesOutHeld) {
            return false;
        }
        let function = claim.function();
        let is_leaving = match claim {
            _ if function == self.me() => false,
            Claim::Address(_) => self.standbys[function.index()].is_releasing(),
            Claim::Image(_) => self.standbys[function.index()].is_suspending(),
        };
        is_leaving || self.is_in_use(claim) || self.leases.may_linger(now, claim)
    }

    /// What was used on a lease that has ended is no longer here: the driver has seen to it.
    ///
    /// That comes before anything else that a step does. The programs may have stood still, and an
    /// answer or a vote that is newer than the end would hide that there was one.
    pub(crate) fn end_lapsed(&mut self, cx: &mut Context<'_>) {
        if !self.config.is_guarded() || self.config.has(Bug::MissesLeaseEnd) {
            return;
        }
        for claim in self.in_use().iter_after(self.me()) {
            if self.leased_until(claim) <= cx.now {
                cx.out.note(Event::LeaseLost { claim });
                match claim {
                    Claim::Address(function) if function == self.me() => self.own_lost(cx),
                    Claim::Address(function) => self.address_lost(cx, function),
                    Claim::Image(function) => self.image_lost(cx, function),
                }
            }
        }
    }

    pub(crate) fn lease_expired(&mut self, cx: &mut Context<'_>) {
        self.end_lapsed(cx);
        if self
            .leases
            .end_of_lingering()
            .is_some_and(|end| end <= cx.now)
        {
            let over = self.leases.end_lingering();
            self.give_up(cx, over);
        }
        if self.leases.next <= cx.now {
            self.ask_for_leases(cx);
        } else {
            self.set_lease_timer(cx.now);
        }
    }

    /// As a voter: whether nobody asks for the address of `target`, not even that server itself.
    pub(crate) fn is_unheld(&self, now: Time, target: ServerId) -> bool {
        let claim = Claim::Address(target);
        self.config.is_guarded()
            && !self.register.is_silent(now)
            && self.register.holder(now, claim).is_none()
    }

    /// As a voter: another server asks.
    pub(crate) fn renew_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        claims: Claims,
        asked: Sequence,
    ) {
        if !self.config.is_guarded() {
            return;
        }
        if let Some(claims) = self.vote(cx.now, from, asked, claims) {
            cx.out.send(from, Message::Grant { claims, asked });
            self.sign_of_life(cx, from);
        }
    }

    /// The votes of this server's that `from` gets; none when a later question of its was answered.
    fn vote(
        &mut self,
        now: Time,
        from: ServerId,
        asked: Sequence,
        claims: Claims,
    ) -> Option<Claims> {
        let term = self.config.timing.lease_term;
        let granted = if self.config.has(Bug::TakesLate) {
            self.register.request(now, from, claims, term)
        } else {
            self.register.question(now, from, asked, claims, term)?
        };
        Some(if self.config.has(Bug::VotesTwice) {
            claims
        } else {
            granted
        })
    }

    /// Whether something that `from` said is older than its last question that was answered here.
    pub(crate) fn is_overtaken(&self, now: Time, from: ServerId, said: Sequence) -> bool {
        let term = self.config.timing.lease_term;
        self.register.is_overtaken(now, from, said, term)
    }

    pub(crate) fn grant_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        claims: Claims,
        asked: Sequence,
    ) {
        // A voter that speaks version 1 does not say for which life it was asked.
        if asked.life.is_none_or(|life| life == self.config.life) {
            self.answered(cx, Voter::Server(from), asked.stamp.into(), claims);
        }
    }

    /// The witness has answered, or not.
    pub(crate) fn vote_done(&mut self, cx: &mut Context<'_>, outcome: Outcome) {
        let asked = self.vote.asked;
        if let Outcome::Granted(claims) = outcome {
            self.answered(cx, Voter::Witness, asked, claims);
        }
        if self.leases.wanted != self.vote.wanted {
            // It was busy when this server last changed its mind.
            self.ask_for_leases(cx);
        }
    }

    fn answered(&mut self, cx: &mut Context<'_>, voter: Voter, asked: Time, claims: Claims) {
        if let Some(ends) = self.take_answer(cx, voter, asked, claims) {
            let until = |claim: Claim| ends[claim.slot()];
            self.go_on(cx, until);
            self.wake_for_leases(cx.now, until);
        }
    }

    /// Counts an answer and tells the driver of each lease that is longer by it. Gives the ends of all leases then, by
    /// [`Claim::slot`]; none for an answer that is older than one that was counted.
    fn take_answer(
        &mut self,
        cx: &mut Context<'_>,
        voter: Voter,
        asked: Time,
        claims: Claims,
    ) -> Option<[Time; CLAIMS]> {
        let majority = self.votes_needed();
        let before = self.leases.answered(voter, asked, claims)?;
        let answer = Answer {
            asked,
            granted: claims,
        };
        let mut ends = [Time::ZERO; CLAIMS];
        for claim in self.leases.wanted.iter_after(self.me()) {
            let vote = self.leases.voted(claim, majority);
            let until = vote.map(|vote| vote.asked + self.lease_length());
            ends[claim.slot()] = self.leases.with_inherited(claim, until);
            let Some((vote, until)) = vote.zip(until) else {
                continue;
            };
            // The lease is longer than before if there was no majority as late without this answer.
            let others = vote.votes - usize::from(answer.counts(claim, vote.asked));
            let is_longer = others + usize::from(before.counts(claim, vote.asked)) < majority;
            let is_kept = !self.leases.lingers(claim) && !self.config.has(Bug::HoldsForEver);
            if is_longer && until > cx.now && is_kept {
                cx.out.hold(claim, until);
            }
        }
        Some(ends)
    }

    /// Whatever waits for a lease that is there now goes on. `until` tells the end of each.
    fn go_on(&mut self, cx: &mut Context<'_>, until: impl Fn(Claim) -> Time) {
        for claim in self.leases.wanted.iter_after(self.me()) {
            if until(claim) <= cx.now {
                continue;
            }
            match claim {
                Claim::Address(function) if function == self.me() => self.own_leased(cx),
                Claim::Address(function) => {
                    self.address_leased(cx, function);
                    self.restart_leased(cx, function);
                }
                Claim::Image(function) => self.image_leased(cx, function),
            }
        }
    }
}

#[cfg(test)]
mod tests;
