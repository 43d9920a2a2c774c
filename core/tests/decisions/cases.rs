//! Single decisions that the worlds seldom come to, at exact instants.

use tetrarch_core::{
    Action, Claim, Claims, Config, Event, Input, JobId, Members, Message, Node, Outbox, Outcome,
    Output, Safety, Sequence, ServerId, ServiceSet, Span, Structure, Time, Trouble,
};

use crate::timing::TIMING;

fn s(number: usize) -> ServerId {
    ServerId::new(number - 1).unwrap()
}

/// The node of S2 in a ring of four, of which it has just started with its address on it.
struct Case {
    node: Node,
    now: Time,
    jobs: Vec<(JobId, Action)>,
    /// The stamp of its last question to the voters.
    asked: Sequence,
}

const FAILING: Outcome = Outcome::Services(ServiceSet::from_bits(1));
const HEALTHY: Outcome = Outcome::Services(ServiceSet::NONE);

impl Case {
    fn new(safety: Safety, guests_max: u8) -> Self {
        let config = Config::new(s(2), 4, guests_max, TIMING).unwrap();
        let mut case = Self {
            node: Node::new(config.with_safety(safety)),
            now: Time::ZERO + Span::from_secs(1),
            jobs: Vec::new(),
            asked: Sequence {
                life: None,
                stamp: Time::ZERO.into(),
            },
        };
        case.told(Input::Start {
            holding: true,
            serving: Members::NONE,
            silent: Span::MAX,
            left: Span::MAX,
        });
        case
    }

    fn told(&mut self, input: Input) -> Vec<Output> {
        let mut outbox = Outbox::new();
        let mut step = self.node.step(self.now, input, &mut outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        let _ = step.finish();
        for output in &outputs {
            match output {
                Output::Run { job, action } => self.jobs.push((*job, *action)),
                Output::Send {
                    message: Message::Renew { asked, .. },
                    ..
                } => self.asked = *asked,
                _ => {}
            }
        }
        outputs
    }

    fn hears(&mut self, from: ServerId, message: Message) -> Vec<Output> {
        self.told(Input::Message { from, message })
    }

    /// The last job of this action ends.
    fn ends(&mut self, action: Action, outcome: Outcome) -> Vec<Output> {
        let is_it = |(_, known): &(JobId, Action)| *known == action;
        let place = self.jobs.iter().rposition(is_it);
        let (job, _) = self
            .jobs
            .remove(place.unwrap_or_else(|| panic!("no {action:?}")));
        self.told(Input::Done { job, outcome })
    }

    /// Time passes; every wake-up until then comes when it is due.
    fn passes(&mut self, span: Span) -> Vec<Output> {
        let end = self.now + span;
        let mut outputs = Vec::new();
        while let Some(deadline) = self.node.view().deadline().filter(|one| one.at <= end) {
            self.now = self.now.max(deadline.at);
            outputs.extend(self.told(Input::Deadline));
        }
        self.now = end;
        outputs
    }

    /// S3 has service trouble, which this node, its P1, begins to repair.
    fn finds_service_trouble(&mut self) {
        self.ends(Action::ExamineNetwork { target: s(3) }, Outcome::Ok);
        self.ends(Action::ExamineServices { target: s(3) }, FAILING);
        self.passes(TIMING.hand_off);
    }

    /// The services of S3 have been restarted, and are examined again.
    fn restarts_services(&mut self, found: Outcome) -> Vec<Output> {
        let restart = self.jobs.iter().find_map(|(_, action)| match action {
            Action::RestartServices { .. } => Some(*action),
            _ => None,
        });
        self.ends(restart.unwrap(), Outcome::Ok);
        self.passes(TIMING.reexamination_wait);
        self.ends(Action::ExamineServices { target: s(3) }, found)
    }

    /// The virtual server of `function` takes over on another manager's request.
    fn takes(&mut self, from: ServerId, function: ServerId) {
        self.hears(from, Message::Take { function });
        self.ends(Action::Resume { function }, Outcome::Ok);
        self.ends(Action::Assign { function }, Outcome::Ok);
        assert!(self.node.view().serving().contains(function));
    }

    /// The real server of `function` is well again, and is offered its address.
    fn offers_back(&mut self, from: ServerId, function: ServerId) {
        self.hears(from, Message::Up { target: function });
        let outputs = self.ends(Action::Release { function }, Outcome::Ok);
        let structure = self.node.view().structure();
        let message = Message::GiveBack { structure };
        assert!(outputs.contains(&Output::Send {
            to: function,
            message
        }));
    }
}

fn runs(outputs: &[Output], action: Action) -> bool {
    let is_it = |one: &Output| matches!(one, Output::Run { action: run, .. } if *run == action);
    outputs.iter().any(is_it)
}

#[test]
fn a_healthy_server_keeps_its_address_from_a_manager_that_nobody_agrees_with() {
    let mut case = Case::new(Safety::Guarded, 3);
    let examine = Action::ExamineServices { target: s(2) };
    let outputs = case.hears(s(1), Message::Yield { agreed: false });
    assert!(runs(&outputs, examine));
    let manager = s(1);
    assert_eq!(
        case.ends(examine, HEALTHY),
        [
            Output::Note(Event::Refused { manager }),
            Output::Send {
                to: manager,
                message: Message::Resumed
            }
        ]
    );
    assert!(case.node.view().holds_own_address());
}

#[test]
fn a_server_found_healthy_just_before_its_restart_is_not_restarted() {
    let mut case = Case::new(Safety::Guarded, 3);
    case.finds_service_trouble();
    case.restarts_services(FAILING);
    let claims = Claims::both(s(3)).with(Claim::Address(s(2)));
    let asked = case.asked;
    let examine = Action::ExamineServices { target: s(3) };
    let votes = [1, 3, 4].map(|number| case.hears(s(number), Message::Grant { claims, asked }));
    assert!(runs(&votes.concat(), examine));
    assert_eq!(case.ends(examine, HEALTHY), []);
    let outputs = case.passes(TIMING.hand_off);
    assert!(outputs.contains(&Output::Note(Event::Recovered { target: s(3) })));
}

#[test]
fn a_target_that_reports_when_it_has_been_found_well_has_not_returned() {
    let mut case = Case::new(Safety::Paper, 3);
    case.finds_service_trouble();
    case.restarts_services(HEALTHY);
    let structure = Structure::whole(4);
    let held = Members::NONE.with(s(3));
    let message = Message::Welcome { structure, held };
    let outputs = case.hears(s(3), Message::Hello { structure });
    assert_eq!(outputs, [Output::Send { to: s(3), message }]);
}

#[test]
fn services_have_until_the_end_of_the_wait_to_start_and_no_longer() {
    for (late, waits) in [(Span::ZERO, false), (Span::from_nanos(1), true)] {
        let mut case = Case::new(Safety::Paper, 3);
        case.finds_service_trouble();
        case.restarts_services(FAILING);
        case.ends(Action::RestartServer { target: s(3) }, Outcome::Ok);
        let settled = TIMING.reexamination_wait + Span::from_secs(1);
        case.passes(TIMING.judgement_max.saturating_sub(settled));
        let structure = Structure::whole(4);
        case.hears(s(3), Message::Hello { structure });
        case.passes(settled.saturating_sub(late));
        let outputs = case.ends(Action::ExamineServices { target: s(3) }, FAILING);
        let failing = ServiceSet::from_bits(1);
        let restart = Action::RestartServices {
            target: s(3),
            failing,
        };
        assert_eq!(runs(&outputs, restart), !waits, "{late} before the end");
    }
}

#[test]
fn a_function_beyond_the_ring_is_nobodys() {
    let mut case = Case::new(Safety::Paper, 3);
    let outputs = case.hears(s(1), Message::Take { function: s(5) });
    assert_eq!(outputs, []);
}

#[test]
fn a_function_that_is_wanted_again_during_its_hand_back_is_served_again() {
    let mut case = Case::new(Safety::Paper, 3);
    case.takes(s(4), s(3));
    case.offers_back(s(4), s(3));
    let outputs = case.hears(s(4), Message::Take { function: s(3) });
    assert!(runs(&outputs, Action::Assign { function: s(3) }));
}

#[test]
fn a_virtual_server_that_cannot_be_resumed_is_not_started_for_a_function_that_has_gone_back() {
    let mut case = Case::new(Safety::Paper, 3);
    let function = s(3);
    case.hears(s(4), Message::Take { function });
    case.hears(s(4), Message::Up { target: function });
    let outputs = case.ends(Action::Resume { function }, Outcome::Failed);
    assert!(runs(&outputs, Action::Suspend { function }), "{outputs:?}");
    assert!(!runs(&outputs, Action::ColdStart { function }));
}

#[test]
fn a_function_of_this_host_that_found_no_room_gets_the_next() {
    let mut case = Case::new(Safety::Paper, 1);
    case.takes(s(1), s(4));
    let structure = Structure::whole(4).with_host(s(3), Some(s(2)));
    let outputs = case.hears(s(1), Message::Report { structure });
    assert!(outputs.contains(&Output::Note(Event::NoRoom { function: s(3) })));
    case.offers_back(s(1), s(4));
    case.hears(s(4), Message::Resumed);
    let outputs = case.ends(Action::Suspend { function: s(4) }, Outcome::Ok);
    assert!(runs(&outputs, Action::Resume { function: s(3) }));
}

#[test]
fn the_acting_manager_says_whether_the_other_agrees() {
    for agreed in [false, true] {
        let mut case = Case::new(Safety::Guarded, 3);
        case.finds_service_trouble();
        if agreed {
            case.hears(
                s(4),
                Message::Agree {
                    target: s(3),
                    said: None,
                },
            );
        }
        case.hears(
            s(1),
            Message::Agree {
                target: s(3),
                said: None,
            },
        );
        let outputs = case.restarts_services(FAILING);
        let message = Message::Yield { agreed };
        assert!(outputs.contains(&Output::Send { to: s(3), message }));
    }
}

#[test]
fn the_other_manager_agrees_on_service_trouble_alone() {
    let [network, services] = [
        Action::ExamineNetwork { target: s(1) },
        Action::ExamineServices { target: s(1) },
    ];
    let is_agreement = |output: &Output| match output {
        Output::Send {
            to,
            message: Message::Agree { target, .. },
        } => (*to, *target) == (s(4), s(1)),
        _ => false,
    };
    for safety in Safety::ALL {
        let agrees = |outputs: &[Output]| outputs.iter().any(is_agreement);
        let told = || {
            let mut case = Case::new(*safety, 3);
            let digest = case.node.view().structure().digest(4);
            let target = s(1);
            case.hears(s(4), Message::Sync { target, digest });
            case
        };
        let mut case = told();
        case.ends(network, Outcome::Ok);
        let outputs = case.ends(services, FAILING);
        assert_eq!(agrees(&outputs), *safety == Safety::Guarded);
        let mut case = told();
        case.ends(network, Outcome::Failed);
        let outputs = case.ends(network, Outcome::Failed);
        let trouble = Trouble::Network;
        let target = s(1);
        assert!(outputs.contains(&Output::Note(Event::Confirmed { target, trouble })));
        assert!(!agrees(&outputs));
    }
}

#[test]
fn a_node_waits_for_the_jobs_that_it_began_and_no_others() {
    let case = Case::new(Safety::Guarded, 3);
    let mut waited = case.jobs.iter().map(|(job, _)| *job);
    assert!(waited.all(|job| case.node.view().waits_for(job)));
    for (job, _) in &case.jobs {
        let serial = job.serial.wrapping_add(100);
        assert!(!case.node.view().waits_for(JobId { serial, ..*job }));
    }
    assert_eq!(case.jobs.len(), 2, "an examination and the witness's vote");
}
