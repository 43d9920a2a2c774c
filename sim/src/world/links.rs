//! The links between the servers: which direction works, how long messages take on it, and how many
//! of them get lost, come late or come twice.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tetrarch_core::{Members, SERVERS_MAX, ServerId, Span, Time};

use crate::units::Ratio;

#[derive(Clone, Debug)]
pub(crate) struct Links {
    /// For each server those that its messages do not reach.
    cut: [Members; SERVERS_MAX],
    /// Of messages on every link.
    loss: Ratio,
    /// Messages that come late, and by how much at most.
    late: (Ratio, Span),
    /// Messages that come twice.
    doubled: Ratio,
    /// For each sender and receiver.
    ways: [[Way; SERVERS_MAX]; SERVERS_MAX],
    dice: ChaCha8Rng,
}

/// One direction of one link.
#[derive(Clone, Copy, Debug)]
struct Way {
    loss: Ratio,
    delay: Span,
    /// When the last message arrives that kept to the order; none arrives before it.
    last: Time,
    flap: Option<Flap>,
}

/// A cut that comes and goes.
#[derive(Clone, Copy, Debug)]
struct Flap {
    since: Time,
    down: Span,
    up: Span,
}

impl Flap {
    fn is_down(self, now: Time) -> bool {
        let round = (self.down + self.up).as_nanos().max(1);
        (now - self.since).as_nanos() % round < self.down.as_nanos()
    }
}

impl Way {
    const WHOLE: Self = Self {
        loss: Ratio::NONE,
        delay: Span::ZERO,
        last: Time::ZERO,
        flap: None,
    };
}

/// How a message fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// When it arrives.
    pub(crate) at: Time,
    /// When it arrives once more.
    pub(crate) again: Option<Time>,
}

impl Links {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = ChaCha8Rng::seed_from_u64(seed);
        Self {
            cut: [Members::NONE; SERVERS_MAX],
            loss: Ratio::NONE,
            late: (Ratio::NONE, Span::ZERO),
            doubled: Ratio::NONE,
            ways: [[Way::WHOLE; SERVERS_MAX]; SERVERS_MAX],
            dice,
        }
    }

    /// Whether what `from` sends at `now` reaches `to`, unless it is lost by chance.
    pub(crate) fn works(&self, now: Time, from: ServerId, to: ServerId) -> bool {
        let flap = self.ways[from.index()][to.index()].flap;
        !self.cut[from.index()].contains(to) && !flap.is_some_and(|flap| flap.is_down(now))
    }

    /// Whether something of this chance happens. The dice are thrown only when it can, so a run
    /// without such faults is the same whatever the seed.
    fn happens(&mut self, chance: Ratio) -> bool {
        let ppm = chance.as_ppm();
        ppm > 0 && self.dice.random_range(0..Ratio::WHOLE.as_ppm()) < ppm
    }

    /// What becomes of a message that is sent at `now` and takes `delay` on a whole link; none when it
    /// is lost.
    pub(crate) fn pass(
        &mut self,
        now: Time,
        delay: Span,
        from: ServerId,
        to: ServerId,
    ) -> Option<Passage> {
        let way = self.ways[from.index()][to.index()];
        if !self.works(now, from, to) || self.happens(self.loss) || self.happens(way.loss) {
            return None;
        }
        // A slow link that is fast again still hands out its messages in their order.
        let in_order = (now + delay + way.delay).max(way.last);
        let lateness = self.lateness();
        if lateness == Span::ZERO {
            self.ways[from.index()][to.index()].last = in_order;
        }
        let again = self.happens(self.doubled).then(|| self.lateness());
        Some(Passage {
            at: in_order + lateness,
            again: again.map(|lateness| in_order + lateness),
        })
    }

    /// How much later than the link takes a message comes.
    fn lateness(&mut self) -> Span {
        let (share, most) = self.late;
        if self.happens(share) {
            Span::from_nanos(self.dice.random_range(0..=most.as_nanos()))
        } else {
            Span::ZERO
        }
    }

    pub(crate) fn cut(&mut self, from: ServerId, to: ServerId) {
        let cut = &mut self.cut[from.index()];
        *cut = cut.with(to);
    }

    /// Cuts the links between servers on different sides.
    pub(crate) fn partition(&mut self, sides: &[Members]) {
        for from in sides {
            for to in sides.iter().filter(|to| *to != from) {
                for server in from.iter() {
                    for other in to.iter() {
                        self.cut(server, other);
                    }
                }
            }
        }
    }

    /// Ends all that was asked for. What is on its way arrives when it would have.
    pub(crate) fn heal(&mut self) {
        self.cut = [Members::NONE; SERVERS_MAX];
        self.loss = Ratio::NONE;
        self.late = (Ratio::NONE, Span::ZERO);
        self.doubled = Ratio::NONE;
        for way in self.ways.iter_mut().flatten() {
            let last = way.last;
            *way = Way { last, ..Way::WHOLE };
        }
    }

    /// Whether nothing keeps a message from taking as long as the last one did: every link works,
    /// and no earlier message may be on a slow one still.
    pub(crate) fn are_whole(&self, now: Time, delay: Span) -> bool {
        let mut ways = self.ways.iter().flatten();
        ways.all(|way| way.last <= now + delay)
    }

    pub(crate) fn set_loss(&mut self, loss: Ratio) {
        self.loss = loss;
    }

    pub(crate) fn set_late(&mut self, share: Ratio, by: Span) {
        self.late = (share, by);
    }

    pub(crate) fn set_doubled(&mut self, share: Ratio) {
        self.doubled = share;
    }

    pub(crate) fn set_way_loss(&mut self, from: ServerId, to: ServerId, loss: Ratio) {
        self.ways[from.index()][to.index()].loss = loss;
    }

    pub(crate) fn set_way_delay(&mut self, from: ServerId, to: ServerId, delay: Span) {
        self.ways[from.index()][to.index()].delay = delay;
    }

    /// From now on the way is cut for `down`, works for `up`, and so on.
    pub(crate) fn flap(&mut self, since: Time, from: ServerId, to: ServerId, down: Span, up: Span) {
        self.ways[from.index()][to.index()].flap = Some(Flap { since, down, up });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Span = Span::from_millis(1);

    fn s(place: usize) -> ServerId {
        ServerId::new(place).unwrap()
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn a_slow_way_keeps_the_order_even_after_its_healing() {
        let mut links = Links::new(1);
        links.set_way_delay(s(0), s(1), Span::from_millis(500));
        let passed =
            |links: &mut Links, ms, from, to| links.pass(at(ms), DELAY, s(from), s(to)).unwrap().at;
        assert_eq!(passed(&mut links, 10, 0, 1), at(511));
        assert_eq!(passed(&mut links, 10, 1, 0), at(11), "the other direction");
        links.heal();
        assert!(!links.are_whole(at(20), DELAY));
        assert_eq!(passed(&mut links, 20, 0, 1), at(511));
        assert_eq!(passed(&mut links, 520, 0, 1), at(521));
        assert!(links.are_whole(at(521), DELAY));
    }

    #[test]
    fn a_flapping_way_is_cut_and_works_by_turns_in_its_direction_alone() {
        let mut links = Links::new(1);
        links.flap(
            at(100),
            s(0),
            s(1),
            Span::from_millis(30),
            Span::from_millis(70),
        );
        for (ms, works) in [
            (100, false),
            (129, false),
            (130, true),
            (199, true),
            (200, false),
        ] {
            assert_eq!(links.works(at(ms), s(0), s(1)), works, "{ms}");
            assert!(links.works(at(ms), s(1), s(0)));
        }
        links.heal();
        assert!(links.works(at(200), s(0), s(1)));
    }

    #[test]
    fn loss_of_one_way_leaves_the_other_whole() {
        let mut links = Links::new(1);
        links.set_way_loss(s(0), s(1), Ratio::WHOLE);
        assert_eq!(links.pass(at(1), DELAY, s(0), s(1)), None);
        assert!(links.pass(at(1), DELAY, s(1), s(0)).is_some());
    }

    #[test]
    fn late_messages_come_within_what_was_said_and_doubled_ones_twice() {
        let mut links = Links::new(1);
        links.set_late(Ratio::WHOLE, Span::from_millis(100));
        links.set_doubled(Ratio::WHOLE);
        let passages: Vec<Passage> = (0..50)
            .map(|_| links.pass(at(0), DELAY, s(0), s(1)).unwrap())
            .collect();
        assert!(passages.iter().all(|p| (at(1)..=at(101)).contains(&p.at)));
        assert!(
            passages
                .iter()
                .all(|p| p.again.is_some_and(|again| again <= at(101)))
        );
        assert!(
            !passages.is_sorted_by_key(|p| p.at),
            "nothing was overtaken"
        );
    }
}
