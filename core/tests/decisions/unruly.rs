//! One node that is told anything at all: states and answers that no group of sound servers reaches.

use tetrarch_core::{
    Claims, Command, Config, Input, JobId, Members, Message, Node, Outbox, Outcome, Output,
    Sequence, ServerId, ServiceSet, Span, Structure, Time,
};

use crate::dice::Dice;
use crate::timing::TIMING;
use crate::world::{Plan, Seen};

/// A node and a driver that knows no shame.
pub(crate) struct Unruly {
    plan: Plan,
    node: Node,
    now: Time,
    dice: Dice,
    jobs: Vec<JobId>,
    /// What the node's last question said of its place.
    asked: Sequence,
}

impl Unruly {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let me = ServerId::new(dice.place(plan.size)).unwrap();
        let config = Config::new(me, plan.size, plan.guests_max, TIMING).unwrap();
        Self {
            plan,
            node: Node::new(config.with_safety(plan.safety)),
            now: Time::ZERO + Span::from_secs(1),
            dice,
            jobs: Vec::new(),
            asked: Sequence {
                life: None,
                stamp: Time::ZERO.into(),
            },
        }
    }

    /// Steps the node `count` times and shows every step.
    pub(crate) fn run(&mut self, count: usize, mut seen: impl FnMut(&Seen<'_>)) {
        let mut outbox = Outbox::new();
        let mut input = self.start();
        for _ in 0..count {
            let mut step = self.node.step(self.now, input, &mut outbox);
            let outputs: Vec<Output> = step.by_ref().collect();
            let deadline = step.finish();
            seen(&Seen {
                now: self.now,
                server: self.node.config().me(),
                input,
                outputs: &outputs,
                deadline,
                node: &self.node,
            });
            for output in outputs {
                self.remember(output);
            }
            input = self.next_input();
        }
    }

    fn remember(&mut self, output: Output) {
        match output {
            Output::Run { job, .. } => self.jobs.push(job),
            Output::Cancel { job } if !self.dice.chance(20) => {
                self.jobs.retain(|known| *known != job);
            }
            Output::Send {
                message: Message::Renew { asked, .. },
                ..
            } => self.asked = asked,
            _ => {}
        }
    }

    fn next_input(&mut self) -> Input {
        match self.dice.below(100) {
            0..35 => {
                if let Some(deadline) = self.node.view().deadline() {
                    self.now = self.now.max(deadline.at);
                }
                Input::Deadline
            }
            35..68 if !self.jobs.is_empty() => {
                self.now += Span::from_millis(100 * self.dice.below(5));
                let job = self.jobs.swap_remove(self.dice.place(self.jobs.len()));
                Input::Done {
                    job,
                    outcome: self.outcome(),
                }
            }
            68 => Input::Command(Command::Stop),
            69 => self.start(),
            70 => {
                self.now += Span::from_millis(100 * self.dice.below(300));
                Input::Deadline
            }
            _ => {
                self.now += Span::from_millis(100 * self.dice.below(4));
                Input::Message {
                    from: self.server(),
                    message: self.message(),
                }
            }
        }
    }

    fn start(&mut self) -> Input {
        self.jobs.clear();
        Input::Start {
            holding: self.dice.chance(60),
            serving: if self.dice.chance(70) {
                Members::NONE
            } else {
                self.members()
            },
            silent: Span::from_secs(self.dice.below(12)),
            left: Span::from_secs(self.dice.below(9)),
        }
    }

    fn outcome(&mut self) -> Outcome {
        match self.dice.below(10) {
            0..4 => Outcome::Ok,
            4 | 5 => Outcome::Failed,
            6 | 7 => Outcome::Services(ServiceSet::NONE),
            8 => Outcome::Services(ServiceSet::from_bits(self.dice.bits() as u8)),
            _ => Outcome::Granted(self.claims()),
        }
    }

    fn server(&mut self) -> ServerId {
        ServerId::new(self.dice.place(self.plan.size)).unwrap()
    }

    fn members(&mut self) -> Members {
        let bits = self.dice.bits();
        ServerId::all(self.plan.size)
            .filter(|server| bits >> server.index() & 1 == 1)
            .fold(Members::NONE, Members::with)
    }

    fn claims(&mut self) -> Claims {
        Claims {
            addresses: self.members(),
            images: self.members(),
        }
    }

    /// A structure that is mostly the node's own, with up to two entries changed.
    fn structure(&mut self) -> Structure {
        let mut structure = self.node.view().structure();
        for _ in 0..self.dice.below(3) {
            let function = self.server();
            let host = match self.dice.below(4) {
                0 => None,
                1 => Some(function),
                _ => Some(self.server()),
            };
            structure = structure.with_host(function, host);
        }
        structure
    }

    fn digest(&mut self) -> u16 {
        if self.dice.chance(70) {
            self.node.view().structure().digest(self.plan.size)
        } else {
            self.dice.bits() as u16
        }
    }

    fn message(&mut self) -> Message {
        let target = self.server();
        match self.dice.below(15) {
            0 | 1 => Message::Sync {
                target,
                digest: self.digest(),
            },
            2 => Message::Up { target },
            3 => Message::Down {
                target,
                structure: self.structure(),
            },
            4 | 5 => Message::Progress {
                target,
                serving: self.dice.chance(40),
                restarting: self.dice.chance(30),
                digest: self.digest(),
            },
            6 => Message::Report {
                structure: self.structure(),
            },
            7 => Message::Hello {
                structure: self.structure(),
            },
            8 => Message::Welcome {
                structure: self.structure(),
                held: self.members(),
            },
            9 => Message::GiveBack {
                structure: self.structure(),
            },
            10 => Message::Yield {
                agreed: self.dice.chance(50),
            },
            11 => Message::Resumed,
            12 if self.dice.chance(50) => Message::Take { function: target },
            12 => Message::Agree { target, said: None },
            13 => Message::Renew {
                claims: self.claims(),
                asked: Sequence {
                    life: None,
                    stamp: self.now.into(),
                },
            },
            _ => Message::Grant {
                claims: self.claims(),
                asked: self.asked,
            },
        }
    }
}
