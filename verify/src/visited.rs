//! The states that were reached: of each its print, and how it was reached first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::print::Print;

/// A state that was reached, by its place in the table.
pub(crate) type Id = u32;

const SHARDS: usize = 256;

/// How a state was reached: the state before and which of its steps led here.
#[derive(Clone, Copy, Debug)]
struct Reached {
    /// In halves, so that an entry needs no padding.
    print: [u64; 2],
    before: Id,
    step: u16,
}

#[derive(Default)]
struct Shard {
    places: HashTable<u32>,
    reached: Vec<Reached>,
}

/// A table that several threads fill.
pub(crate) struct Visited {
    shards: Vec<Mutex<Shard>>,
}

/// A worker that panicked has ended the check anyway, so what it held may be used.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Visited {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Notes that a state was reached; tells its place, and whether it is new. The first state of all
    /// is reached from itself.
    pub(crate) fn reach(&self, print: Print, before: Option<(Id, u16)>) -> (Id, bool) {
        let halves = [(print >> 64) as u64, print as u64];
        let number = (halves[0] % SHARDS as u64) as usize;
        let mut shard = lock(&self.shards[number]);
        let Shard { places, reached } = &mut *shard;
        let is_same = |place: &u32| reached[*place as usize].print == halves;
        let id = |place: u32| place * SHARDS as u32 + number as u32;
        match places.entry(halves[1], is_same, |place| {
            reached[*place as usize].print[1]
        }) {
            Entry::Occupied(found) => (id(*found.get()), false),
            Entry::Vacant(free) => {
                let place = reached.len() as u32;
                free.insert(place);
                let (before, step) = before.unwrap_or((id(place), 0));
                reached.push(Reached {
                    print: halves,
                    before,
                    step,
                });
                (id(place), true)
            }
        }
    }

    /// The steps from the first state to this one, each by its number among those of its state.
    pub(crate) fn way_to(&self, id: Id) -> Vec<u16> {
        let mut way = Vec::new();
        let mut at = id;
        loop {
            let shard = lock(&self.shards[at as usize % SHARDS]);
            let reached = shard.reached[at as usize / SHARDS];
            if reached.before == at {
                break;
            }
            way.push(reached.step);
            at = reached.before;
        }
        way.reverse();
        way
    }

    /// Every place of a state is below this.
    pub(crate) fn end(&self) -> Id {
        let longest = self.shards.iter().map(|shard| lock(shard).reached.len());
        (longest.max().unwrap_or_default() * SHARDS) as Id
    }
}
