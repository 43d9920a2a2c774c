//! Leases: who may hold an address or run a virtual server's image, for how long, by whose word.
//!
//! Under [`Safety::Guarded`](crate::Safety) nobody holds a virtual IP address or runs an image
//! without a lease of it, and a lease needs the votes of a majority. The voters are all servers of the
//! group, in the ring or not, and, where their number is even, the witness: a register on the shared
//! area. A voter gives its vote for one thing to one server at a time and keeps it given for
//! [`Timing::lease_term`](crate::Timing); whoever asked counts its lease from before it asked, and
//! [`Timing::lease_margin`](crate::Timing) shorter. So two majorities for one thing never overlap,
//! whatever messages get lost, late or cut off, as long as clocks keep pace within the margin.
//!
//! This file holds the two pure halves, the voter's [`Register`] and the asker's `Leases`; what the
//! node does with them is in `guard`.

use core::fmt;

use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::time::{Life, Sequence, Span, Time};

/// A thing that a lease is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// The virtual IP address of a function.
    Address(ServerId),
    /// The image of a function's virtual server.
    Image(ServerId),
}

/// Two for each function.
pub(crate) const CLAIMS: usize = 2 * SERVERS_MAX;

impl Claim {
    /// The function whose address or image it is.
    #[must_use]
    pub const fn function(self) -> ServerId {
        match self {
            Self::Address(function) | Self::Image(function) => function,
        }
    }

    pub(crate) const fn slot(self) -> usize {
        match self {
            Self::Address(function) => function.index(),
            Self::Image(function) => SERVERS_MAX + function.index(),
        }
    }
}

/// A set of claims.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Claims {
    /// The functions whose address is claimed.
    pub addresses: Members,
    /// The functions whose image is claimed.
    pub images: Members,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}+{:?}", self.addresses, self.images)
    }
}

impl Claims {
    /// Nothing.
    pub const NONE: Self = Self {
        addresses: Members::NONE,
        images: Members::NONE,
    };

    /// Address and image of `function`, as its virtual server needs them.
    #[must_use]
    pub const fn both(function: ServerId) -> Self {
        let one = Members::NONE.with(function);
        Self {
            addresses: one,
            images: one,
        }
    }

    /// Whether nothing is claimed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.addresses.is_empty() && self.images.is_empty()
    }

    /// Whether `claim` is in the set.
    #[must_use]
    pub const fn contains(self, claim: Claim) -> bool {
        match claim {
            Claim::Address(function) => self.addresses.contains(function),
            Claim::Image(function) => self.images.contains(function),
        }
    }

    /// The set with `claim`.
    #[must_use]
    pub const fn with(mut self, claim: Claim) -> Self {
        match claim {
            Claim::Address(function) => self.addresses = self.addresses.with(function),
            Claim::Image(function) => self.images = self.images.with(function),
        }
        self
    }

    /// The claims of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            addresses: self.addresses.union(other.addresses),
            images: self.images.union(other.images),
        }
    }

    /// The claims of this set that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            addresses: self.addresses.minus(other.addresses),
            images: self.images.minus(other.images),
        }
    }

    /// One bit for each claim, by [`Claim::slot`].
    const fn bits(self) -> u16 {
        u16::from_le_bytes([self.addresses.bits(), self.images.bits()])
    }

    /// The claims, addresses first, each in ring order from the server after `server` on.
    pub fn iter_after(self, server: ServerId) -> impl Iterator<Item = Claim> {
        let addresses = self.addresses.iter_after(server).map(Claim::Address);
        addresses.chain(self.images.iter_after(server).map(Claim::Image))
    }
}

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
        self.heard[from.index()] = Some(Heard { asked, at: now });
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

    /// The life in which `server` was last heard, if that is at least `silence` ago.
    pub(crate) fn unheard(&self, now: Time, server: ServerId, silence: Span) -> Option<Life> {
        let last = self.heard[server.index()]?;
        last.asked.life.filter(|_| last.at + silence <= now)
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

/// The least difference between two stamps.
const TICK: Span = Span::from_nanos(1);

/// All servers and the witness.
const VOTERS: usize = SERVERS_MAX + 1;

/// Somebody who votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voter {
    Server(ServerId),
    Witness,
}

impl Voter {
    const fn place(self) -> usize {
        match self {
            Self::Server(server) => server.index(),
            Self::Witness => SERVERS_MAX,
        }
    }
}

/// What an asker knows of one voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// When the voter was asked what it last answered to.
    pub(crate) asked: Time,
    /// Its answer.
    pub(crate) granted: Claims,
}

impl Answer {
    /// Whether it is a vote for `claim` from a question at `asked` or later.
    pub(crate) fn counts(self, claim: Claim, asked: Time) -> bool {
        self.granted.contains(claim) && self.asked >= asked
    }
}

/// The vote that a lease ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecidingVote {
    /// When its voter was asked.
    pub(crate) asked: Time,
    /// How many votes are as late, itself among them.
    pub(crate) votes: usize,
}

/// What an asker knows: what it wants, and who last voted for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leases {
    /// What this server holds or is after.
    pub(crate) wanted: Claims,
    /// When each voter was asked what it last answered to; and its answer.
    asked: [Time; VOTERS],
    granted: [Claims; VOTERS],
    /// What was on this server when its programs started. The driver saw to it that it ends with the
    /// lease of the programs before them, which is not longer than a new one.
    inherited: Claims,
    inherited_until: Time,
    /// The last question's stamp, and that of the first question after the last time something was
    /// given up: answers to earlier ones may grant what has been given up since.
    stamp: Time,
    since: Time,
    /// When the next question is due.
    pub(crate) next: Time,
    /// Counts the questions.
    pub(crate) round: u8,
}

impl Leases {
    pub(crate) const fn new() -> Self {
        Self {
            stamp: Time::ZERO,
            since: Time::ZERO,
            next: Time::MAX,
            round: 0,
            wanted: Claims::NONE,
            asked: [Time::ZERO; VOTERS],
            granted: [Claims::NONE; VOTERS],
            inherited: Claims::NONE,
            inherited_until: Time::ZERO,
        }
    }

    pub(crate) const fn inherit(&mut self, claims: Claims, until: Time) {
        self.wanted = claims;
        self.inherited = claims;
        self.inherited_until = until;
    }

    /// The stamp of a question asked at `now`: that instant, or just after the stamp before it, so
    /// that no two questions have the same. The margin of a lease has room for that.
    pub(crate) fn stamp(&mut self, now: Time) -> Time {
        self.stamp = now.max(self.stamp + TICK);
        self.stamp
    }

    /// The stamp of the last question.
    pub(crate) const fn last_stamp(&self) -> Time {
        self.stamp
    }

    /// A voter was asked at `asked` and granted `claims`. An answer to an older question than the
    /// last one answered is old news.
    ///
    /// If it was news, returns what was known of that voter before.
    pub(crate) fn answered(&mut self, voter: Voter, asked: Time, claims: Claims) -> Option<Answer> {
        let place = voter.place();
        let before = Answer {
            asked: self.asked[place],
            granted: self.granted[place],
        };
        let is_news = asked >= before.asked.max(self.since) && asked <= self.stamp;
        if is_news {
            self.asked[place] = asked;
            self.granted[place] = claims;
        }
        is_news.then_some(before)
    }

    /// A new life begins at `now`: an answer to a question from before it counts for nothing.
    pub(crate) const fn begin(&mut self, now: Time) {
        self.since = now;
    }

    /// What is given up is no longer leased, whatever the voters said.
    pub(crate) fn give_up(&mut self, claims: Claims) {
        self.since = self.stamp + TICK;
        self.wanted = self.wanted.minus(claims);
        self.inherited = self.inherited.minus(claims);
        for granted in &mut self.granted {
            *granted = granted.minus(claims);
        }
    }

    /// Until when `claim` is leased, by votes or inherited; an instant that has passed means that it
    /// is not.
    pub(crate) fn until(&self, claim: Claim, majority: usize, term: Span) -> Time {
        self.with_inherited(
            claim,
            self.voted(claim, majority).map(|vote| vote.asked + term),
        )
    }

    /// The end of what was inherited of `claim`, if that is later than the end of its votes.
    pub(crate) fn with_inherited(&self, claim: Claim, voted: Option<Time>) -> Time {
        let voted = voted.unwrap_or(Time::ZERO);
        if self.inherited.contains(claim) {
            voted.max(self.inherited_until)
        } else {
            voted
        }
    }

    /// The vote that the lease of `claim` ends with: the first one without which there is no
    /// `majority`. None while there is none.
    pub(crate) fn voted(&self, claim: Claim, majority: usize) -> Option<DecidingVote> {
        // Nearly all votes are of the last question and the one before it, so one look at all voters
        // is enough to find the latest two instants and how many votes are of each.
        let slot = claim.slot();
        let (mut last, mut of_last) = (Time::ZERO, 0);
        let (mut before, mut of_before) = (Time::ZERO, 0);
        let mut votes = 0;
        for (granted, &asked) in self.granted.iter().zip(&self.asked) {
            if granted.bits() >> slot & 1 == 0 {
                continue;
            }
            votes += 1;
            if asked == last {
                of_last += 1;
            } else if asked == before {
                of_before += 1;
            } else if asked > last {
                (before, of_before) = (last, of_last);
                (last, of_last) = (asked, 1);
            } else if asked > before {
                (before, of_before) = (asked, 1);
            }
        }
        if votes < majority {
            None
        } else if of_last >= majority {
            Some(DecidingVote {
                asked: last,
                votes: of_last,
            })
        } else if of_last + of_before >= majority {
            Some(DecidingVote {
                asked: before,
                votes: of_last + of_before,
            })
        } else {
            self.voted_long_ago(slot, majority)
        }
    }

    /// The same by sorting, for votes of more than two questions.
    #[cold]
    fn voted_long_ago(&self, slot: usize, majority: usize) -> Option<DecidingVote> {
        let mut latest = [Time::ZERO; VOTERS];
        let mut votes = 0;
        for (granted, &asked) in self.granted.iter().zip(&self.asked) {
            if granted.bits() >> slot & 1 == 1 {
                latest[votes] = asked;
                votes += 1;
            }
        }
        let latest = &mut latest[..votes];
        latest.sort_unstable_by(|one, other| other.cmp(one));
        let asked = *latest.get(majority.checked_sub(1)?)?;
        let votes = latest.iter().filter(|at| **at >= asked).count();
        Some(DecidingVote { asked, votes })
    }

    /// The same with every server called what `name` says, and every set what `set` says.
    pub(crate) fn moved(
        &self,
        name: impl Fn(ServerId) -> ServerId,
        set: impl Fn(Claims) -> Claims,
    ) -> Self {
        let mut moved = *self;
        moved.wanted = set(self.wanted);
        moved.inherited = set(self.inherited);
        moved.granted[SERVERS_MAX] = set(self.granted[SERVERS_MAX]);
        for server in ServerId::all(SERVERS_MAX) {
            let (from, to) = (server.index(), name(server).index());
            moved.asked[to] = self.asked[from];
            moved.granted[to] = set(self.granted[from]);
        }
        moved
    }

    pub(crate) fn rebase(&mut self, now: Time, base: Time, term: Span) {
        for place in 0..VOTERS {
            if self.asked[place] + term > now && !self.granted[place].is_empty() {
                self.asked[place] = self.asked[place].rebased(now, base);
            } else {
                self.asked[place] = Time::ZERO;
                self.granted[place] = Claims::NONE;
            }
        }
        // Answers to a question count until a term after it, so its stamp is remembered as long.
        let old = |at: Time| at + term <= now;
        self.stamp = if old(self.stamp) {
            Time::ZERO
        } else {
            self.stamp.rebased(now, base)
        };
        self.since = if old(self.since) {
            Time::ZERO
        } else {
            self.since.rebased(now, base)
        };
        if self.next < Time::MAX {
            self.next = self.next.max(now).rebased(now, base);
        }
        if self.inherited_until > now && !self.inherited.is_empty() {
            self.inherited_until = self.inherited_until.rebased(now, base);
        } else {
            self.inherited = Claims::NONE;
            self.inherited_until = Time::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(number: usize) -> ServerId {
        ServerId::new(number - 1).unwrap()
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    const TERM: Span = Span::from_secs(6);

    #[test]
    fn a_vote_is_given_to_one_at_a_time_and_ends() {
        let mut register = Register::new(at(1), Span::MAX, TERM);
        let both = Claims::both(s(2));
        let address = Claims::NONE.with(Claim::Address(s(2)));
        assert_eq!(register.request(at(1), s(2), address, TERM), address);
        let image = Claims::NONE.with(Claim::Image(s(2)));
        assert_eq!(register.request(at(6), s(1), both, TERM), image);
        assert_eq!(register.holder(at(6), Claim::Address(s(2))), Some(s(2)));
        assert_eq!(register.request(at(7), s(1), both, TERM), both);
        assert_eq!(
            register.request(at(8), s(2), address, TERM),
            Claims::NONE,
            "the first holder came too late"
        );
    }

    #[test]
    fn what_is_no_longer_wanted_is_free_at_once() {
        let mut register = Register::new(at(1), Span::MAX, TERM);
        let both = Claims::both(s(2));
        register.request(at(1), s(1), both, TERM);
        register.request(at(2), s(1), Claims::NONE, TERM);
        assert_eq!(register.request(at(2), s(3), both, TERM), both);
    }

    #[test]
    fn a_voter_that_forgot_its_votes_waits_until_they_have_ended() {
        let mut register = Register::new(at(10), Span::from_secs(2), TERM);
        let both = Claims::both(s(2));
        assert!(register.is_silent(at(13)) && !register.is_silent(at(14)));
        assert_eq!(register.request(at(13), s(1), both, TERM), Claims::NONE);
        assert_eq!(register.request(at(14), s(1), both, TERM), both);
    }

    #[test]
    fn a_lease_ends_with_the_vote_that_makes_the_majority() {
        let mut leases = Leases::new();
        let claim = Claim::Address(s(2));
        let claims = Claims::NONE.with(claim);
        leases.wanted = claims;
        leases.stamp(at(9));
        leases.answered(Voter::Server(s(2)), at(9), claims);
        leases.answered(Voter::Server(s(1)), at(3), claims);
        assert_eq!(leases.until(claim, 3, TERM), Time::ZERO);
        leases.answered(Voter::Witness, at(5), claims);
        assert_eq!(leases.until(claim, 3, TERM), at(9));
        leases.answered(Voter::Server(s(4)), at(7), claims);
        assert_eq!(leases.until(claim, 3, TERM), at(11));
        leases.answered(Voter::Server(s(4)), at(6), Claims::NONE);
        assert_eq!(leases.until(claim, 3, TERM), at(11), "an old answer");
        leases.answered(Voter::Server(s(4)), at(8), Claims::NONE);
        assert_eq!(leases.until(claim, 3, TERM), at(9), "a refusal");
        leases.give_up(claims);
        assert_eq!(leases.until(claim, 3, TERM), Time::ZERO);
    }

    #[test]
    fn an_answer_does_not_bring_back_what_was_given_up_after_the_question() {
        let mut leases = Leases::new();
        let claim = Claim::Address(s(2));
        let claims = Claims::NONE.with(claim);
        let asked = leases.stamp(at(1));
        leases.give_up(claims);
        let again = leases.stamp(at(1));
        assert!(again > asked);
        leases.answered(Voter::Witness, asked, claims);
        assert_eq!(leases.until(claim, 1, TERM), Time::ZERO);
        leases.answered(Voter::Witness, again, claims);
        assert_eq!(leases.until(claim, 1, TERM), again + TERM);
        leases.answered(Voter::Witness, at(5), claims);
        assert_eq!(leases.until(claim, 1, TERM), again + TERM, "never asked");
    }

    #[test]
    fn what_was_inherited_lasts_as_long_as_it_was_said_to() {
        let mut leases = Leases::new();
        leases.inherit(Claims::both(s(1)), at(4));
        assert_eq!(leases.until(Claim::Image(s(1)), 3, TERM), at(4));
        assert_eq!(leases.until(Claim::Image(s(2)), 3, TERM), Time::ZERO);
        leases.rebase(at(4), at(100), TERM);
        assert_eq!(leases.until(Claim::Image(s(1)), 3, TERM), Time::ZERO);
    }

    #[test]
    fn a_register_that_is_moved_in_time_keeps_what_has_not_ended() {
        let mut register = Register::new(at(1), Span::MAX, TERM);
        register.request(at(1), s(1), Claims::both(s(1)), TERM);
        register.request(at(4), s(2), Claims::both(s(2)), TERM);
        let moved = register.rebased(at(7), at(100));
        assert_eq!(moved.holder(at(100), Claim::Image(s(1))), None);
        assert_eq!(moved.holder(at(102), Claim::Image(s(2))), Some(s(2)));
        assert_eq!(moved.holder(at(103), Claim::Image(s(2))), None);
    }

    #[test]
    fn leases_that_are_moved_in_time_end_as_much_later() {
        let claims = Claims::both(s(2));
        let mut leases = Leases::new();
        leases.inherit(Claims::both(s(1)), at(9));
        let asked = leases.stamp(at(4));
        leases.answered(Voter::Witness, asked, claims);
        leases.next = at(6);
        leases.rebase(at(5), at(105), TERM);
        assert_eq!(leases.until(Claim::Image(s(1)), 1, TERM), at(109));
        assert_eq!(leases.until(Claim::Image(s(2)), 1, TERM), at(110));
        assert_eq!(leases.next, at(106));
        leases.next = Time::MAX;
        leases.rebase(at(111), at(5), TERM);
        assert_eq!(
            leases,
            Leases {
                wanted: Claims::both(s(1)),
                ..Leases::new()
            }
        );
    }

    #[test]
    fn an_answer_counts_also_when_time_has_moved_since_the_question() {
        let claim = Claim::Address(s(2));
        let mut leases = Leases::new();
        leases.stamp(at(4));
        leases.rebase(at(6), at(106), TERM);
        let answer = leases.answered(Voter::Witness, at(104), Claims::NONE.with(claim));
        assert!(answer.is_some());
        assert_eq!(leases.until(claim, 1, TERM), at(110));
        let unasked = leases.answered(Voter::Witness, at(105), Claims::NONE);
        assert!(unasked.is_none(), "never asked");
    }

    #[test]
    fn a_stamp_of_this_instant_is_remembered_when_time_moves() {
        let mut leases = Leases::new();
        leases.stamp(at(4));
        leases.rebase(at(4), at(100), TERM);
        assert!(
            leases.stamp(at(100)) > at(100),
            "two questions with one stamp"
        );
        leases.rebase(at(105), at(5), TERM);
        assert_eq!(leases.stamp(at(5)), at(5));
    }

    #[test]
    fn claims_tell_addresses_and_images() {
        let claims = Claims::both(s(2)).with(Claim::Address(s(3)));
        assert_eq!(alloc::format!("{claims:?}"), "{S2, S3}+{S2}");
    }

    #[test]
    fn a_vote_that_ends_now_is_forgotten_when_time_moves() {
        let claims = Claims::both(s(2));
        let mut leases = Leases::new();
        let asked = leases.stamp(at(4));
        leases.answered(Voter::Witness, asked, claims);
        leases.rebase(at(4) + TERM, at(100), TERM);
        assert_eq!(leases.until(Claim::Image(s(2)), 1, TERM), Time::ZERO);
        let register = Register::new(Time::ZERO, Span::MAX, TERM);
        let moved = register.rebased(Time::ZERO, at(100));
        assert_eq!(moved, Register::new(at(100), Span::MAX, TERM));
    }
}
