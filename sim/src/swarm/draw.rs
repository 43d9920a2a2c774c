//! The dice of a seed: ring, timings, fault mix, and faults.

use rand::{Rng, RngExt};
use tetrarch_core::{Members, Order, Safety, Span, Time, Version};

use super::mix::{Kind, Mix};
use super::plan::{Healing, Plan, fault, servers};
use super::{Settings, Timings};
use crate::jitter::scatter;
use crate::parameters::{ParameterError, Parameters};
use crate::scenario::{Equipment, FaultAction, Operation, Policy, ServerIndex, Sightings, Trouble};
use crate::streams::stream;
use crate::units::{Megabytes, Ratio};

/// What a seed draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The kinds of faults that are switched on.
    pub mix: Mix,
    /// The run.
    pub plan: Plan,
}

/// Draws everything of one seed. It depends on the seed and the settings alone.
///
/// # Errors
///
/// When the drawn parameters are not valid together, which would be a defect of the ranges here.
pub fn draw(settings: &Settings, seed: u64) -> Result<Drawn, ParameterError> {
    let dice = &mut stream(seed, 0);
    let operators = &mut stream(seed, 3);
    let size = dice.random_range(2..=8);
    let mix = Mix::draw(dice, operators);
    let nominal = match settings.timings {
        Timings::Paper => Parameters::paper(),
        Timings::Random => timings(dice),
    };
    let parameters = scatter(&nominal, Ratio::WHOLE, dice)?;
    let rules = settings.rules.unwrap_or_else(|| rules(seed));
    let mut plan = Plan {
        name: format!("swarm seed {seed}"),
        purpose: "Random faults, then all is repaired.".to_owned(),
        size,
        parameters,
        seed: dice.next_u64(),
        faults: Vec::new(),
        safety: settings.safety,
        rules,
        policy: Policy::default(),
        equipment: equipment(seed, rules, size),
        healing: Healing::All,
        bound_percent: settings.bound_percent,
    };
    let mut deck = Deck {
        dice,
        plan: &mut plan,
        fragile: size / 2,
    };
    deck.deal(mix.faults(), settings.fault_every);
    if mix.has_orders() {
        let mut deck = Deck {
            dice: operators,
            plan: &mut plan,
            fragile: 0,
        };
        // As often as each of the other kinds.
        let every = settings.fault_every.times(mix.faults().len() as u64);
        deck.deal(&[Kind::Orders], every);
    }
    plan.faults.sort_by_key(|fault| fault.at);
    Ok(Drawn { mix, plan })
}

/// One of the safety settings, from dice of its own: the rest of a seed is the same under both.
fn rules(seed: u64) -> Safety {
    let dice = &mut stream(seed, 1);
    Safety::ALL[dice.random_range(0..Safety::ALL.len())]
}

/// In half of all seeds servers of two versions in one ring, and each thing that servers may see or
/// have in half of all seeds too, from dice of their own.
fn equipment(seed: u64, rules: Safety, size: usize) -> Equipment {
    let dice = &mut stream(seed, 2);
    let mut equipment = Equipment::of(rules);
    if dice.random_bool(0.5) {
        for version in &mut equipment.versions[..size] {
            *version = Version::ALL[dice.random_range(0..Version::ALL.len())];
        }
    }
    equipment.sightings = Sightings {
        rivals: dice.random_bool(0.5),
        services: dice.random_bool(0.5),
    };
    if dice.random_bool(0.5) {
        let fences = Members::from_bits(dice.random());
        equipment.fences = fences.minus(fences.minus(Members::first(size)));
    }
    equipment
}

/// Settings of the protocol within sane ranges, and machines with room for 1, 3 or 7 virtual
/// servers. Each is the paper's in half of all seeds.
fn timings(dice: &mut impl Rng) -> Parameters {
    let mut p = Parameters::paper();
    let mut vary = |span: &mut Span, least_ms: u64, most_ms: u64| {
        let drawn = Span::from_millis(dice.random_range(least_ms..=most_ms));
        if dice.random_bool(0.5) {
            *span = drawn;
        }
    };
    vary(&mut p.inter_monitoring, 3_000, 30_000);
    vary(&mut p.reexamination_wait, 500, 5_000);
    // From a server that is judged while it still restarts to one that is waited for very long.
    vary(&mut p.judgement_max, 40_000, 240_000);
    vary(&mut p.poll_pause, 300, 3_000);
    // Longer than a failed examination, whose 2.0 s scatter by up to 6 %.
    vary(&mut p.sync_grace, 2_500, 8_000);
    vary(&mut p.join_wait, 300, 3_000);
    vary(&mut p.examination_max, 4_000, 20_000);
    // Longer than the cold start of several virtual servers at once.
    vary(&mut p.job_max, 60_000, 240_000);
    if dice.random_bool(0.5) {
        p.host_memory = Megabytes([4_096, 8_192, 16_384][dice.random_range(0..3)]);
    }
    p
}

/// The dice and the plan that they fill.
struct Deck<'a, R> {
    dice: &'a mut R,
    plan: &'a mut Plan,
    /// How many functions may still lose their virtual server: never more than half of them, or
    /// nothing would be left to check.
    fragile: usize,
}

/// Every so many faults one comes soon after the last, while its recovery is under way.
const BURST_IN: u32 = 4;
const BURST: Span = Span::from_secs(60);

impl<R: Rng> Deck<'_, R> {
    fn deal(&mut self, kinds: &[Kind], every: Span) {
        let end = self.plan.healed_at();
        let mut at = Time::ZERO + self.gap(every);
        while at < end {
            let kind = kinds[self.dice.random_range(0..kinds.len())];
            self.strike(at, kind);
            at += self.gap(every);
        }
    }

    /// The time until the next fault, with the mean `every`: short in bursts, else even up to
    /// twice what is left of the mean. Whole milliseconds, at least one.
    fn gap(&mut self, every: Span) -> Span {
        let burst = BURST.min(every).as_nanos();
        let mean = every.as_nanos();
        let rest = (mean * u64::from(BURST_IN) - burst / 2) / u64::from(BURST_IN - 1);
        let most = if self.dice.random_ratio(1, BURST_IN) {
            burst
        } else {
            2 * rest
        };
        let ms = most / 1_000_000;
        Span::from_millis(self.dice.random_range(0..=ms).max(1))
    }

    /// How long something lasts: seconds, tens of seconds, minutes or most of an hour, all as often.
    fn lasting(&mut self) -> Span {
        let scale = [1, 10, 60, 600][self.dice.random_range(0..4)];
        Span::from_millis(scale * self.dice.random_range(1_000..=5_000))
    }

    fn server(&mut self) -> ServerIndex {
        let place = self.dice.random_range(0..self.plan.size);
        ServerIndex(u8::try_from(place).unwrap_or(0))
    }

    fn put(&mut self, at: Time, action: FaultAction) {
        if at <= self.plan.healed_at() {
            self.plan.faults.push(fault(at, action));
        }
    }

    fn strike(&mut self, at: Time, kind: Kind) {
        let server = self.server();
        let until = at + self.lasting();
        let trouble = |trouble| FaultAction::Trouble { trouble, server };
        match kind {
            Kind::S1t => self.put(at, trouble(Trouble::S1t)),
            Kind::S2t => self.take_down(at, trouble(Trouble::S2t), server),
            Kind::N1t => self.take_down(at, trouble(Trouble::N1t), server),
            Kind::N2t => self.take_down(at, trouble(Trouble::N2t), server),
            Kind::Crash => self.take_down(at, FaultAction::Crash(server), server),
            Kind::Destroy => {
                self.put(at, FaultAction::Destroy(server));
                let repaired = at + self.lasting();
                self.put(repaired, FaultAction::Repair(server));
            }
            Kind::Agent => {
                self.put(at, FaultAction::AgentStop(server));
                self.put(until, FaultAction::AgentStart(server));
            }
            Kind::ClockDrift => {
                let ppm = self.drift();
                self.put(at, FaultAction::ClockDrift { server, ppm });
            }
            Kind::Outage => self.outage(at),
            Kind::ResumeFails => self.put(at, FaultAction::ResumeFails(server)),
            Kind::AgentPause => {
                self.put(at, FaultAction::AgentPause(server));
                self.put(until, FaultAction::AgentResume(server));
            }
            Kind::Pause => {
                self.put(at, FaultAction::Pause(server));
                self.put(until, FaultAction::Resume(server));
            }
            Kind::VirtualServer => {
                if self.fragile > 0 {
                    self.fragile -= 1;
                    self.put(at, FaultAction::VirtualServerFails(server));
                }
            }
            Kind::FileServerDown | Kind::FileServerSlow | Kind::FileServerDying => {
                self.file_server(at, until, kind);
            }
            Kind::Orders => self.order(at, until, server),
            Kind::FileServerCut
            | Kind::Flap
            | Kind::LinkLoss
            | Kind::LinkDelay
            | Kind::Late
            | Kind::Doubled
            | Kind::Cut
            | Kind::Partition
            | Kind::Loss => {
                let action = self.broken_links(kind, server);
                self.put(at, action);
                self.put(until, FaultAction::Heal);
            }
        }
    }

    /// An operator gives an order, and withdraws one that lasts after a while, or announces that a server goes
    /// down.
    fn order(&mut self, at: Time, until: Time, server: ServerIndex) {
        let Some(about) = server.id() else { return };
        let order = match self.dice.random_range(0..7) {
            0 => Order::Maintenance {
                server: about,
                on: true,
            },
            1 => Order::MaintenanceOfAll { on: true },
            2 => Order::Freeze { on: true },
            3 => Order::HandOver { server: about },
            4 => Order::HandBack { server: about },
            way => {
                let restart = way == 5;
                let leave = Operation::Leave { server, restart };
                return self.take_down(at, FaultAction::Operation(leave), server);
            }
        };
        let operation = Operation::Order(order);
        self.put(at, FaultAction::Operation(operation));
        if let Some(end) = operation.end() {
            self.put(until, FaultAction::Operation(end));
        }
    }

    fn file_server(&mut self, at: Time, until: Time, kind: Kind) {
        match kind {
            Kind::FileServerDown => {
                self.put(at, FaultAction::FileServerDown);
                self.put(until, FaultAction::FileServerUp);
            }
            Kind::FileServerSlow => {
                let factor = self.dice.random_range(2..=50);
                self.put(at, FaultAction::FileServerSlow(factor));
                self.put(until, FaultAction::FileServerSlow(1));
            }
            _ => {
                let step = Span::from_millis(self.dice.random_range(1_000..=60_000));
                self.put(at, FaultAction::FileServerSlow(10));
                self.put(at + step, FaultAction::FileServerSlow(100));
                self.put(at + step.times(2), FaultAction::FileServerDown);
                let repaired = at + step.times(2) + self.lasting();
                self.put(repaired, FaultAction::FileServerSlow(1));
                self.put(repaired, FaultAction::FileServerUp);
            }
        }
    }

    /// Millionths by which a clock may run fast or slow: that of a bad quartz, or all that the margin
    /// of a lease allows.
    fn drift(&mut self) -> i32 {
        const QUARTZ_PPM: u64 = 200;
        let p = &self.plan.parameters;
        // The margin is longer than twice the share that clocks run wrong by of a term.
        let most = p.lease_margin.as_nanos() * 1_000_000 / (2 * p.lease_term.as_nanos()).max(1);
        let most = if self.dice.random_bool(0.5) {
            most.min(QUARTZ_PPM)
        } else {
            most
        };
        let most = i32::try_from(most).unwrap_or(0).min(500_000);
        self.dice.random_range(-most..=most)
    }

    /// Everything is off at once, and is switched on again server by server.
    fn outage(&mut self, at: Time) {
        self.put(at, FaultAction::FileServerDown);
        let size = self.plan.size;
        for server in servers(size) {
            self.put(at, FaultAction::Crash(server));
        }
        let back = at + self.lasting();
        self.put(back, FaultAction::FileServerUp);
        for server in servers(size) {
            let after = Span::from_millis(self.dice.random_range(0..=60_000));
            self.put(back + after, FaultAction::Repair(server));
        }
    }

    /// Another server than `from`.
    fn other(&mut self, from: ServerIndex) -> ServerIndex {
        let size = self.plan.size;
        let step = self.dice.random_range(1..size);
        let to = (from.index() + step) % size;
        ServerIndex(u8::try_from(to).unwrap_or(0))
    }

    fn share(&mut self, most: u32) -> Ratio {
        Ratio::from_ppm(self.dice.random_range(1..=most) * 10_000)
    }

    /// From milliseconds to tens of seconds.
    fn delay(&mut self) -> Span {
        let scale = [1, 10, 100][self.dice.random_range(0..3)];
        Span::from_millis(scale * self.dice.random_range(5..=200))
    }

    /// Half of the time somebody also comes to see an hour later: when all servers are off or
    /// outside, nobody else brings them back.
    fn take_down(&mut self, at: Time, action: FaultAction, server: ServerIndex) {
        self.put(at, action);
        if self.dice.random_bool(0.5) {
            let visit = Span::from_millis(self.dice.random_range(1_800_000..=5_400_000));
            self.put(at + visit, FaultAction::Repair(server));
        }
    }

    fn broken_links(&mut self, kind: Kind, from: ServerIndex) -> FaultAction {
        let size = self.plan.size;
        match kind {
            Kind::FileServerCut => FaultAction::FileServerCut(from),
            Kind::Cut => {
                let to = self.other(from);
                FaultAction::Cut { from, to }
            }
            Kind::Flap => FaultAction::Flap {
                from,
                to: self.other(from),
                down: self.delay(),
                up: self.delay(),
            },
            Kind::LinkLoss => FaultAction::LinkLoss {
                from,
                to: self.other(from),
                percent: self.share(100),
            },
            Kind::Late => FaultAction::Late {
                percent: self.share(60),
                by: self.delay(),
            },
            Kind::Doubled => FaultAction::Doubled(self.share(60)),
            Kind::LinkDelay => FaultAction::LinkDelay {
                from,
                to: self.other(from),
                by: self.delay(),
            },
            Kind::Partition => {
                // Neither no server nor all of them on the first side.
                let first = self.dice.random_range(1..(1_u32 << size) - 1);
                let (one, other) = servers(size).partition(|s| first >> s.index() & 1 == 1);
                FaultAction::Partition(vec![one, other])
            }
            _ => FaultAction::Loss(self.share(60)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn settings(timings: Timings) -> Settings {
        Settings {
            safety: Span::from_secs(86_400),
            rules: None,
            timings,
            ..Settings::default()
        }
    }

    #[test]
    fn every_seed_is_a_scenario_that_reads_back_as_itself() {
        for seed in 0..40 {
            let scenario = draw(&settings(Timings::Random), seed)
                .unwrap()
                .plan
                .scenario();
            let text = scenario.to_toml();
            let mut read = Scenario::parse(&text, "drawn", std::path::Path::new(".")).unwrap();
            for fault in &mut read.faults {
                fault.line = 0;
            }
            for expect in &mut read.expects {
                expect.line = 0;
            }
            assert_eq!(read, scenario, "{text}");
        }
    }

    #[test]
    fn every_order_is_lifted_at_the_repair_and_once_more() {
        let mut standing = 0;
        for seed in 0..60 {
            let drawn = draw(&settings(Timings::Paper), seed).unwrap();
            let operations = |fault: &&crate::scenario::Fault| match fault.action {
                FaultAction::Operation(operation) => Some((fault.at, operation)),
                _ => None,
            };
            let given: Vec<_> = drawn.plan.faults.iter().collect();
            let given: Vec<_> = given.iter().filter_map(operations).collect();
            assert_eq!(drawn.mix.has_orders(), !given.is_empty(), "seed {seed}");
            let scenario = drawn.plan.scenario();
            let all: Vec<_> = scenario.faults.iter().collect();
            let all: Vec<_> = all.iter().filter_map(operations).collect();
            for end in given.iter().filter_map(|(_, operation)| operation.end()) {
                let repaired = drawn.plan.healed_at();
                let lifted =
                    |(at, operation): &&(Time, Operation)| *operation == end && *at >= repaired;
                assert!(
                    all.iter().filter(lifted).count() >= 2,
                    "seed {seed}: {end:?}"
                );
                standing += 1;
            }
        }
        assert!(standing > 100, "{standing}");
    }

    #[test]
    fn the_mean_time_between_faults_is_what_was_asked_for() {
        let every = Span::from_secs(600);
        let days = 100;
        let mut struck = 0;
        for seed in 0..days {
            let mut plan = draw(&settings(Timings::Paper), seed).unwrap().plan;
            plan.faults.clear();
            let mut deck = Deck {
                dice: &mut stream(seed, 9),
                plan: &mut plan,
                fragile: 0,
            };
            deck.deal(&[Kind::S1t], every);
            struck += plan.faults.len();
        }
        let per_day = struck as f64 / days as f64;
        assert!((per_day - 144.0).abs() < 3.0, "{per_day}");
    }
}
