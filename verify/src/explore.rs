//! The search: every state within the bounds, each once, on several threads.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tetrarch_core::{ServerId, Span};

use crate::bounds::Bounds;
use crate::fault::Fault;
use crate::graph;
use crate::judge::Property;
use crate::machine::{Machine, Move};
use crate::print::Print;
use crate::report::{Finding, Line, Round};
use crate::state::State;
use crate::visited::{Id, Visited, lock};

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of faults of the present round.
    pub faults: u8,
    /// How many different states were reached so far.
    pub states: u64,
    /// How many steps were taken.
    pub steps: u64,
    /// The longest run so far, in steps.
    pub depth: u32,
    /// How many states are known and not yet looked at.
    pub queued: u64,
    /// How long it has taken.
    pub took: Duration,
}

/// Looks at every run with no fault, then with one, and so on up to `faults`.
///
/// Each round gets what is left of `time_max`; a round that was cut short is the last. `progress` is
/// called about four times a second.
pub fn check(
    bounds: &Bounds,
    faults: u8,
    time_max: Duration,
    threads: usize,
    mut progress: impl FnMut(&Progress),
) -> Vec<Round> {
    let machine = Machine::new(bounds.clone());
    let begun = Instant::now();
    let mut rounds = Vec::new();
    for faults in 0..=faults {
        let end = begun + time_max;
        let search = Search::new(&machine, faults, end);
        let round = search.run(threads.max(1), &mut progress);
        let is_exhausted = round.is_exhausted;
        rounds.push(round);
        if !is_exhausted {
            break;
        }
    }
    rounds
}

/// Up to here the queue is worked off in the order of depth, beyond it the newest first, so that
/// memory is bounded.
const QUEUE_MAX: usize = 60_000;

struct Task {
    state: State,
    id: Id,
    print: Print,
    /// Where the ring is seen from.
    first: ServerId,
    depth: u32,
}

#[derive(Clone, Copy)]
struct Broken {
    subject: Option<ServerId>,
    states: u64,
    depth: u32,
    /// The state before the break and the number of the step that breaks, or the state itself.
    before: Id,
    print: Print,
    last: Option<u16>,
}

/// Steps between states without faults left: what a group may come round to for ever.
#[derive(Default)]
struct Tails {
    edges: Vec<(Id, Id)>,
    unrest: Vec<Id>,
}

struct Search<'a> {
    machine: &'a Machine,
    faults: u8,
    begun: Instant,
    end: Instant,
    visited: Visited,
    queue: Mutex<VecDeque<Task>>,
    /// Tasks that are queued or being worked on.
    open: AtomicU64,
    is_over: AtomicBool,
    states: AtomicU64,
    tails: AtomicU64,
    steps: AtomicU64,
    depth: AtomicU64,
    dark: AtomicU64,
    broken: Mutex<BTreeMap<Property, Broken>>,
}

impl<'a> Search<'a> {
    fn new(machine: &'a Machine, faults: u8, end: Instant) -> Self {
        Self {
            machine,
            faults,
            begun: Instant::now(),
            end,
            visited: Visited::new(),
            queue: Mutex::default(),
            open: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            states: AtomicU64::new(0),
            tails: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            depth: AtomicU64::new(0),
            dark: AtomicU64::new(0),
            broken: Mutex::default(),
        }
    }

    fn run(&self, threads: usize, progress: &mut impl FnMut(&Progress)) -> Round {
        let start = self.machine.start(self.faults);
        if let Some(task) = self.reach(start, None, 0).1 {
            self.push(task);
        }
        let mut tails = Tails::default();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.work())).collect();
            while workers.iter().any(|worker| !worker.is_finished()) {
                std::thread::sleep(Duration::from_millis(if self.faults == 0 { 5 } else { 50 }));
                progress(&self.progress());
            }
            for worker in workers {
                // A panic of a worker is a defect of the checker or of a node: it goes on to the top.
                match worker.join() {
                    Ok(found) => {
                        tails.edges.extend(found.edges);
                        tails.unrest.extend(found.unrest);
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        let is_exhausted = !self.is_over.load(Ordering::Relaxed);
        if is_exhausted {
            self.demand_progress(&mut tails);
        }
        Round {
            faults: self.faults,
            states: self.states.load(Ordering::Relaxed),
            tails: self.tails.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            depth: self.depth.load(Ordering::Relaxed) as u32,
            dark: self.dark.load(Ordering::Relaxed),
            is_exhausted,
            unexplored: lock(&self.queue).len() as u64,
            findings: self.findings(),
            took: self.begun.elapsed(),
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            faults: self.faults,
            states: self.states.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            depth: self.depth.load(Ordering::Relaxed) as u32,
            queued: lock(&self.queue).len() as u64,
            took: self.begun.elapsed(),
        }
    }

    fn push(&self, task: Task) {
        self.open.fetch_add(1, Ordering::SeqCst);
        lock(&self.queue).push_back(task);
    }

    fn pop(&self) -> Option<Task> {
        let mut queue = lock(&self.queue);
        if queue.len() < QUEUE_MAX {
            queue.pop_front()
        } else {
            queue.pop_back()
        }
    }

    fn work(&self) -> Tails {
        let mut tails = Tails::default();
        let mut own: Vec<Task> = Vec::new();
        loop {
            if self.is_over.load(Ordering::Relaxed) {
                return tails;
            }
            let Some(task) = self.pop() else {
                if self.open.load(Ordering::SeqCst) == 0 {
                    return tails;
                }
                std::thread::sleep(Duration::from_micros(200));
                continue;
            };
            own.push(task);
            while let Some(task) = own.pop() {
                self.expand(&task, &mut own, &mut tails);
                if Instant::now() >= self.end {
                    self.is_over.store(true, Ordering::Relaxed);
                    return tails;
                }
            }
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Notes that a state was reached; gives its place, and what is to be done when it is new.
    fn reach(&self, state: State, before: Option<(Id, u16)>, depth: u32) -> (Id, Option<Task>) {
        let (print, first) = state.print();
        let (id, is_new) = self.visited.reach(print, before);
        if !is_new {
            return (id, None);
        }
        self.states.fetch_add(1, Ordering::Relaxed);
        if state.faults_left == 0 {
            self.tails.fetch_add(1, Ordering::Relaxed);
        }
        let task = Task {
            state,
            id,
            print,
            first,
            depth,
        };
        (id, Some(task))
    }

    /// Takes every step from a state. States without faults left stay with this worker, since there
    /// are many and each leads to one or two.
    fn expand(&self, task: &Task, own: &mut Vec<Task>, tails: &mut Tails) {
        let state = &task.state;
        let steps = self.machine.steps(state, task.first);
        if steps.is_empty() {
            if state.is_dark() {
                self.dark.fetch_add(1, Ordering::Relaxed);
            } else {
                self.broken(Property::NoDeadlock, None, task, None);
            }
            return;
        }
        let is_tail = state.faults_left == 0;
        if is_tail && !state.is_at_rest() {
            tails.unrest.push(task.id);
        }
        self.steps.fetch_add(steps.len() as u64, Ordering::Relaxed);
        let depth = task.depth + 1;
        self.depth.fetch_max(u64::from(depth), Ordering::Relaxed);
        for (number, step) in (0..).zip(steps) {
            let (next, broken) = self.machine.take(state, step, None);
            if let Some((property, subject)) = broken {
                // The run goes on: the group must find its way back even from there.
                self.broken(property, Some(subject), task, Some(number));
            }
            let (id, new) = self.reach(next, Some((task.id, number)), depth);
            if is_tail {
                tails.edges.push((task.id, id));
            }
            match new {
                Some(task) if task.state.faults_left == 0 => own.push(task),
                Some(task) => self.push(task),
                None => {}
            }
        }
    }

    /// Notes that a property is broken by a step from a state, or in the state itself.
    fn broken(
        &self,
        property: Property,
        subject: Option<ServerId>,
        task: &Task,
        last: Option<u16>,
    ) {
        let depth = task.depth + u32::from(last.is_some());
        let new = Broken {
            subject,
            states: 0,
            depth,
            before: task.id,
            print: task.print,
            last,
        };
        self.note(property, new);
    }

    fn note(&self, property: Property, new: Broken) {
        let mut broken = lock(&self.broken);
        let (states, is_better) = broken.get(&property).map_or((0, true), |found| {
            let is_better = (new.depth, new.print) < (found.depth, found.print);
            (found.states, is_better)
        });
        let found = broken.entry(property).or_insert(new);
        if is_better {
            *found = new;
        }
        found.states = states + 1;
    }

    /// A group that can stay away from rest for ever, with no fault left, makes no progress.
    fn demand_progress(&self, tails: &mut Tails) {
        let end = self.visited.end();
        for state in graph::endless(end, std::mem::take(&mut tails.edges), &tails.unrest) {
            let broken = Broken {
                subject: None,
                states: 0,
                depth: self.visited.way_to(state).len() as u32,
                before: state,
                print: 0,
                last: None,
            };
            self.note(Property::Progress, broken);
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let broken = lock(&self.broken);
        let findings = broken.iter().map(|(property, broken)| {
            let mut way = self.visited.way_to(broken.before);
            way.extend(broken.last);
            let (lines, strikes) = self.tell(&way, *property == Property::Progress);
            Finding {
                property: *property,
                subject: broken.subject,
                states: broken.states,
                depth: broken.depth,
                lines,
                strikes,
            }
        });
        findings.collect()
    }

    /// Takes the steps once more and writes down what happens, and what then comes round for ever.
    fn tell(&self, way: &[u16], comes_round: bool) -> (Vec<Line>, Vec<(Span, Fault)>) {
        let mut lines = Vec::new();
        let mut strikes = Vec::new();
        let mut state = self.machine.start(self.faults);
        for number in way {
            let steps = self.machine.steps(&state, state.print().1);
            let step = steps[usize::from(*number)];
            if let Move::Strike(fault) = step {
                strikes.push((state.elapsed, fault));
            }
            state = self.machine.take(&state, step, Some(&mut lines)).0;
        }
        if comes_round {
            let text = "from here on for ever:".to_owned();
            let at = state.elapsed;
            lines.push(Line { at, text });
            for step in self.round(&state) {
                state = self.machine.take(&state, step, Some(&mut lines)).0;
            }
        }
        (lines, strikes)
    }

    /// The shortest way from a state back to itself.
    fn round(&self, state: &State) -> Vec<Move> {
        let (end, first) = state.print();
        let mut reached: Vec<(Option<usize>, Move)> = Vec::new();
        let mut known = HashSet::new();
        let mut queue = VecDeque::from([(state.clone(), first, None)]);
        while let Some((state, first, place)) = queue.pop_front() {
            for step in self.machine.steps(&state, first) {
                let next = self.machine.take(&state, step, None).0;
                let (print, first) = next.print();
                if print == end {
                    let mut way = vec![step];
                    let mut at = place;
                    while let Some(place) = at {
                        let (before, step) = reached[place];
                        way.push(step);
                        at = before;
                    }
                    way.reverse();
                    return way;
                }
                if known.insert(print) {
                    reached.push((place, step));
                    queue.push_back((next, first, Some(reached.len() - 1)));
                }
            }
        }
        Vec::new()
    }
}
