//! The pure rule: which servers manage whom, and who adopts a function that nobody serves.

use crate::id::{Members, Priority, SERVERS_MAX, ServerId};
use crate::structure::Structure;

/// The managers of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Managers {
    /// The nearest member before the target; none when the target is alone.
    pub p1: Option<ServerId>,
    /// The nearest member after the target; none when that is P1 too.
    pub p2: Option<ServerId>,
}

impl Managers {
    /// The priority of `server` among these managers.
    #[must_use]
    pub fn priority(self, server: ServerId) -> Option<Priority> {
        if self.p1 == Some(server) {
            Some(Priority::P1)
        } else if self.p2 == Some(server) {
            Some(Priority::P2)
        } else {
            None
        }
    }

    /// How `server` ranks when two act for one target: P1 before P2 before anybody else.
    #[must_use]
    pub(crate) fn rank(self, server: ServerId) -> u8 {
        match self.priority(server) {
            Some(Priority::P1) => 2,
            Some(Priority::P2) => 1,
            None => 0,
        }
    }

    /// The other manager, seen from `server`.
    #[must_use]
    pub fn peer_of(self, server: ServerId) -> Option<ServerId> {
        match self.priority(server)? {
            Priority::P1 => self.p2,
            Priority::P2 => self.p1,
        }
    }
}

/// The managers of `target` when `members` form the ring (Fig. 2): server i manages i+1 as P1 and
/// i-1 as P2, and removing a server closes the ring by the same rule.
#[must_use]
pub fn managers(target: ServerId, members: Members) -> Managers {
    let p1 = target
        .before(SERVERS_MAX)
        .find(|server| members.contains(*server));
    let p2 = target
        .after(SERVERS_MAX)
        .find(|server| members.contains(*server));
    Managers {
        p1,
        p2: if p2 == p1 { None } else { p2 },
    }
}

/// The managers of `target` for a server that knows `absent` to be in network trouble.
///
/// The paper's rule stands as long as one of the two managers is there. A target that has lost both
/// is taken by the nearest member before it that is left, alone.
#[must_use]
pub fn managers_without(target: ServerId, members: Members, absent: Members) -> Managers {
    let regular = managers(target, members);
    let gone = |server: Option<ServerId>| server.is_none_or(|server| absent.contains(server));
    if absent.is_empty() || !gone(regular.p1) || !gone(regular.p2) {
        return regular;
    }
    let p1 = managers(target, members.minus(absent)).p1;
    if p1.is_none() {
        regular
    } else {
        Managers { p1, p2: None }
    }
}

/// Who adopts `function` when no member serves it: the nearest member before its own server that
/// has room for one more virtual server, counting those the structure says it hosts.
#[must_use]
pub fn adopter(function: ServerId, structure: &Structure, guests_max: u8) -> Option<ServerId> {
    let members = structure.members();
    function
        .before(SERVERS_MAX)
        .filter(|server| members.contains(*server))
        .find(|server| structure.guests(*server).len() < usize::from(guests_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(number: usize) -> ServerId {
        ServerId::new(number - 1).unwrap()
    }

    #[test]
    fn basic_group_is_the_ring_of_figure_2() {
        let all = Members::first(4);
        let of = |n| managers(s(n), all);
        assert_eq!(
            of(2),
            Managers {
                p1: Some(s(1)),
                p2: Some(s(3))
            }
        );
        assert_eq!(of(4).priority(s(1)), Some(Priority::P2));
        assert_eq!(
            of(1),
            Managers {
                p1: Some(s(4)),
                p2: Some(s(2))
            }
        );
        assert_eq!(of(3).peer_of(s(2)), Some(s(4)));
        assert_eq!(of(3).priority(s(1)), None);
    }

    #[test]
    fn losing_s2_closes_the_ring_as_the_paper_says() {
        let left = Members::first(4).without(s(2));
        assert_eq!(
            managers(s(1), left),
            Managers {
                p1: Some(s(4)),
                p2: Some(s(3))
            }
        );
        assert_eq!(
            managers(s(3), left),
            Managers {
                p1: Some(s(1)),
                p2: Some(s(4))
            }
        );
    }

    #[test]
    fn two_members_have_one_manager_each_and_one_has_none() {
        let two = Members::NONE.with(s(1)).with(s(4));
        assert_eq!(
            managers(s(1), two),
            Managers {
                p1: Some(s(4)),
                p2: None
            }
        );
        let one = Members::NONE.with(s(3));
        assert_eq!(managers(s(3), one), Managers { p1: None, p2: None });
    }

    #[test]
    fn a_target_that_lost_both_managers_goes_to_the_nearest_left() {
        let all = Members::first(4);
        let absent = Members::NONE.with(s(2)).with(s(4));
        assert_eq!(
            managers_without(s(3), all, absent),
            Managers {
                p1: Some(s(1)),
                p2: None
            }
        );
        let one = Members::NONE.with(s(2));
        assert_eq!(managers_without(s(3), all, one), managers(s(3), all));
    }

    #[test]
    fn every_ring_gives_each_target_two_managers_that_are_members() {
        for bits in 0..=255_u8 {
            let members = ServerId::all(8)
                .filter(|server| bits >> server.index() & 1 == 1)
                .fold(Members::NONE, Members::with);
            for target in members.iter() {
                let found = managers(target, members);
                assert_eq!(found.p1.is_some(), members.len() > 1);
                assert_eq!(found.p2.is_some(), members.len() > 2);
                for manager in [found.p1, found.p2].into_iter().flatten() {
                    assert!(members.contains(manager) && manager != target);
                }
            }
        }
    }

    #[test]
    fn a_function_that_nobody_serves_goes_to_the_nearest_before_it_that_has_room() {
        let nobody = Structure::whole(4).with_host(s(4), None);
        assert_eq!(adopter(s(4), &nobody, 1), Some(s(3)));
        assert_eq!(adopter(s(4), &nobody, 0), None);
        let gone = nobody.with_host(s(3), Some(s(2)));
        assert_eq!(adopter(s(4), &gone, 2), Some(s(2)));
        assert_eq!(adopter(s(4), &gone, 1), Some(s(1)));
    }
}
