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

mod register;

use core::fmt;

use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::time::{Span, Time};

pub use register::Register;

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

    /// The claims of this set that are in `other` too.
    pub(crate) const fn common(self, other: Self) -> Self {
        self.minus(self.minus(other))
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
    /// What may be on this server although it is not to be: whatever was to take it off, or to put it there, has
    /// failed or goes on. The driver sees to it that it ends with the last hold of it.
    doubtful: Claims,
    /// Of that, what is given up as soon as no hold of it can last any longer, and when that is. Its votes are
    /// renewed until then, and its hold is not.
    lingering: Claims,
    lingering_until: Time,
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
            doubtful: Claims::NONE,
            lingering: Claims::NONE,
            lingering_until: Time::ZERO,
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

    /// These may be on this server, and not by its wish.
    pub(crate) const fn doubt(&mut self, claims: Claims) {
        self.doubtful = self.doubtful.union(claims);
    }

    /// These are off this server for sure.
    pub(crate) const fn settle(&mut self, claims: Claims) {
        self.doubtful = self.doubtful.minus(claims);
    }

    /// Whether `claim` may be on this server at `now` though it was given up, or is wanted anew.
    pub(crate) fn may_linger(&self, now: Time, claim: Claim) -> bool {
        self.doubtful.contains(claim) && self.lingering_until > now
    }

    /// Keeps those of `claims` that may be on this server for `term` from the last question, as nothing was held by
    /// a later one. Returns the others.
    pub(crate) fn linger(&mut self, claims: Claims, term: Span) -> Claims {
        let sure = claims.minus(self.doubtful);
        let unsure = claims.common(self.doubtful).minus(self.lingering);
        if !unsure.is_empty() {
            self.lingering = self.lingering.union(unsure);
            self.lingering_until = self.lingering_until.max(self.stamp + term);
        }
        sure
    }

    /// These are wanted again. Returns those that were about to be given up.
    pub(crate) const fn revive(&mut self, claims: Claims) -> Claims {
        let revived = self.lingering.common(claims);
        self.lingering = self.lingering.minus(claims);
        revived
    }

    pub(crate) const fn lingers(&self, claim: Claim) -> bool {
        self.lingering.contains(claim)
    }

    /// When what lingers is over; none while nothing does.
    pub(crate) fn end_of_lingering(&self) -> Option<Time> {
        (!self.lingering.is_empty()).then_some(self.lingering_until)
    }

    /// Nothing that lingered is on this server any longer. Returns it, to be given up.
    pub(crate) const fn end_lingering(&mut self) -> Claims {
        let over = self.revive(self.lingering);
        self.settle(over);
        over
    }

    /// What is given up is no longer leased, whatever the voters said.
    pub(crate) fn give_up(&mut self, claims: Claims) {
        self.wanted = self.wanted.minus(claims);
        self.inherited = self.inherited.minus(claims);
        self.strike(claims, self.stamp + TICK);
    }

    /// The question at `asked` leaves `claims` out: whoever hears it frees its votes for them, and may have given them
    /// away before its answer comes, or when that is lost.
    pub(crate) fn leave_out(&mut self, claims: Claims, asked: Time) {
        if claims != Claims::NONE {
            self.strike(claims, asked);
        }
    }

    /// No vote for `claims` counts any more, nor does an answer to a question from before `since`.
    fn strike(&mut self, claims: Claims, since: Time) {
        self.since = since;
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
        moved.doubtful = set(self.doubtful);
        moved.lingering = set(self.lingering);
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
        self.lingering_until = if self.lingering.is_empty() && self.lingering_until <= now {
            Time::ZERO
        } else {
            self.lingering_until.max(now).rebased(now, base)
        };
    }
}

#[cfg(test)]
mod tests;
