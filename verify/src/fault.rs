//! Faults: which may strike in a state, and what they do.

use tetrarch_core::{Action, Members, Outcome, ServerId, Span};

use crate::bounds::Kind;
use crate::machine::{Machine, Move, Taking, message_name};
use crate::state::{NOW, Power, Services, State, What, is_examination};

/// A fault at this instant. Places are those of what is under way; spells and delays count from the
/// bounds' lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Crash(ServerId),
    Restart(ServerId),
    Service(ServerId),
    Stuck(ServerId),
    Loss(u16),
    Duplicate(u16, u8),
    Late(u16, u8),
    Fail(u16),
    Hang(u16),
    Slow(u16, u8),
    /// No message of the first reaches the second.
    Cut(Members, Members, u8),
    Partition(Members, Members, u8),
    Pause(ServerId, u8),
}

impl Fault {
    pub(crate) const fn is_of_links(&self) -> bool {
        matches!(self, Self::Cut(..) | Self::Partition(..))
    }
}

impl Machine {
    /// Adds the faults that may strike in `state`: those of links when an instant begins, those of
    /// the servers in `group` and of what is due at them at any time.
    ///
    /// A message or a job is struck when it is due: whether that is decided earlier makes no
    /// difference, since nobody sees it before.
    pub(crate) fn strikes(&self, state: &State, group: Members, out: &mut Vec<Move>) {
        if state.faults_left == 0 {
            return;
        }
        let may = |server: ServerId| group.contains(server);
        let mut faults = Vec::new();
        for kind in &self.bounds.kinds {
            if state.is_fresh {
                self.strikes_at_links(state, *kind, &mut faults);
            }
            for server in group.iter() {
                self.strikes_at_server(state, *kind, server, &mut faults);
            }
            for (place, pending) in state.pending.iter().enumerate() {
                let at = pending.what.server();
                let is_new = !state.pending[..place].contains(pending);
                if is_new && state.due(pending) <= NOW && at.is_some_and(may) {
                    self.strikes_under_way(*kind, place as u16, &pending.what, &mut faults);
                }
            }
        }
        out.extend(faults.into_iter().map(Move::Strike));
    }

    fn strikes_at_server(&self, state: &State, kind: Kind, server: ServerId, out: &mut Vec<Fault>) {
        let physical = &state.servers[server.index()];
        let spells = 0..self.bounds.spells.len() as u8;
        match kind {
            Kind::Crash if physical.power != Power::Off => out.push(Fault::Crash(server)),
            Kind::Restart if physical.answers() => out.push(Fault::Restart(server)),
            Kind::Service if physical.is_healthy() => out.push(Fault::Service(server)),
            Kind::Stuck if physical.is_healthy() => out.push(Fault::Stuck(server)),
            Kind::Pause if physical.is_managing && physical.awake_at <= NOW => {
                out.extend(spells.map(|spell| Fault::Pause(server, spell)));
            }
            _ => {}
        }
    }

    fn strikes_at_links(&self, state: &State, kind: Kind, out: &mut Vec<Fault>) {
        let spells = 0..self.bounds.spells.len() as u8;
        match kind {
            Kind::Cut => {
                for from in state.all() {
                    for to in from.after(state.size()) {
                        let [from, to] = [from, to].map(|end| Members::NONE.with(end));
                        out.extend(spells.clone().map(|spell| Fault::Cut(from, to, spell)));
                    }
                }
            }
            Kind::Partition => self.partitions(state, out),
            _ => {}
        }
    }

    /// Every way to part the servers into two sides, named by the side without the last server.
    fn partitions(&self, state: &State, out: &mut Vec<Fault>) {
        let all = Members::first(state.size());
        let last = state.size() - 1;
        for bits in 1..1_u8 << last {
            let side = Members::from_bits(bits);
            let spells = 0..self.bounds.spells.len() as u8;
            out.extend(spells.map(|spell| Fault::Partition(side, all.minus(side), spell)));
        }
    }

    fn strikes_under_way(&self, kind: Kind, place: u16, what: &What, out: &mut Vec<Fault>) {
        let delays = 0..self.bounds.delays.len() as u8;
        match (kind, what) {
            (Kind::Loss, What::Message { .. }) => out.push(Fault::Loss(place)),
            (Kind::Duplicate, What::Message { .. }) => {
                out.extend(delays.map(|delay| Fault::Duplicate(place, delay)));
            }
            (Kind::Late, What::Message { .. }) => {
                out.extend(delays.map(|delay| Fault::Late(place, delay)));
            }
            (Kind::Fail, What::Effect { action, .. })
                if !matches!(action, Action::PowerOn { .. }) =>
            {
                out.push(Fault::Fail(place));
            }
            (Kind::Hang, What::Effect { .. }) => out.push(Fault::Hang(place)),
            (Kind::Slow, What::Effect { .. }) => {
                out.extend(delays.map(|delay| Fault::Slow(place, delay)));
            }
            _ => {}
        }
    }
}

impl Taking<'_> {
    pub(crate) fn strike(&mut self, fault: Fault) {
        self.state.faults_left -= 1;
        match fault {
            Fault::Crash(server) => {
                self.tell(|| format!("FAULT: {server} loses power"));
                self.lose_state(server, Power::Off);
            }
            Fault::Restart(server) => {
                self.tell(|| format!("FAULT: {server} is restarted"));
                self.restart(server);
            }
            Fault::Service(server) => {
                self.tell(|| format!("FAULT: {server}'s services stop"));
                self.server(server).services = Services::Down;
            }
            Fault::Stuck(server) => {
                self.tell(|| format!("FAULT: {server}'s services stop until it is restarted"));
                self.server(server).services = Services::Stuck;
            }
            Fault::Cut(from, to, spell) => self.cut(from, to, spell, false),
            Fault::Partition(from, to, spell) => self.cut(from, to, spell, true),
            Fault::Pause(server, spell) => {
                let spell = self.spell(spell);
                self.tell(|| format!("FAULT: {server}'s programs stand still for {spell}"));
                self.server(server).awake_at = NOW + spell;
            }
            Fault::Loss(place)
            | Fault::Duplicate(place, _)
            | Fault::Late(place, _)
            | Fault::Fail(place)
            | Fault::Hang(place)
            | Fault::Slow(place, _) => self.strike_under_way(fault, usize::from(place)),
        }
        if self.state.faults_left == 0 {
            self.state.is_fresh &= self.state.may_touch_links();
        }
    }

    fn spell(&self, place: u8) -> Span {
        self.machine.bounds.spells[usize::from(place)]
    }

    fn delay(&self, place: u8) -> Span {
        self.machine.bounds.delays[usize::from(place)]
    }

    fn cut(&mut self, from: Members, to: Members, spell: u8, both_ways: bool) {
        let spell = self.spell(spell);
        let names = |set: Members| {
            let names: Vec<String> = set.iter().map(|server| server.to_string()).collect();
            names.join(" ")
        };
        let way = if both_ways { "<->" } else { "->" };
        self.tell(|| format!("FAULT: {} {way} {} cut for {spell}", names(from), names(to)));
        let ways = if both_ways {
            vec![(from, to), (to, from)]
        } else {
            vec![(from, to)]
        };
        for (from, to) in ways {
            for sender in from.iter() {
                let cut = &mut self.state.cut[sender.index()];
                *cut = cut.union(to);
            }
        }
        let all = if both_ways { from.union(to) } else { from };
        let heal = What::Heal {
            from: all,
            to: if both_ways { all } else { to },
        };
        self.after(spell, heal);
    }

    /// A message of a guarded group knows that it is late, since a later one takes its place.
    fn held_up(&self, mut what: What) -> What {
        if let What::Message { is_late, .. } = &mut what {
            *is_late = self.machine.bounds.is_guarded();
        }
        what
    }

    fn strike_under_way(&mut self, fault: Fault, place: usize) {
        let what = self.state.pending[place].what;
        self.tell(|| match what {
            What::Message {
                from, to, message, ..
            } => {
                let message = message_name(&message);
                format!("FAULT: {} {message} from {from} to {to}", name_of(fault))
            }
            What::Effect { server, action, .. } => {
                format!("FAULT: {} {server}'s {action:?}", name_of(fault))
            }
            _ => format!("FAULT: {} {what:?}", name_of(fault)),
        });
        if let Fault::Duplicate(_, delay) = fault {
            // The copy of a message that a guarded group has got once comes to nothing.
            if !self.machine.bounds.is_guarded() {
                self.after(self.delay(delay), what);
            }
            return;
        }
        self.state.pending.remove(place);
        match (fault, what) {
            (Fault::Late(_, delay) | Fault::Slow(_, delay), _) => {
                self.after(self.delay(delay), self.held_up(what));
            }
            (
                Fault::Fail(_),
                What::Effect {
                    server,
                    job,
                    action,
                },
            ) => {
                let parameters = &self.machine.bounds.parameters;
                let noticed = if is_examination(action) {
                    parameters.network_examination_abnormal
                } else {
                    parameters.hand_off
                };
                let outcome = Outcome::Failed;
                self.after(
                    noticed,
                    What::Done {
                        server,
                        job,
                        outcome,
                    },
                );
            }
            _ => {}
        }
    }
}

const fn name_of(fault: Fault) -> &'static str {
    match fault {
        Fault::Loss(_) => "lost:",
        Fault::Duplicate(..) => "doubled:",
        Fault::Late(..) => "late:",
        Fault::Fail(_) => "fails:",
        Fault::Hang(_) => "never ends:",
        Fault::Slow(..) => "late to take effect:",
        _ => "strikes:",
    }
}

/// The message as a system with a planted mistake sends it.
#[cfg(feature = "seeded-bugs")]
pub(crate) fn planted(
    bug: Option<crate::machine::Bug>,
    message: tetrarch_core::Message,
) -> Option<tetrarch_core::Message> {
    use crate::machine::Bug;
    use tetrarch_core::Message;

    match (bug, message) {
        (Some(Bug::StructureIsNotTold), Message::Report { .. } | Message::Down { .. }) => None,
        (Some(Bug::ProgressIsNotTold), Message::Progress { .. }) => None,
        (Some(Bug::WelcomeHidesHolders), Message::Welcome { structure, .. }) => {
            let held = Members::NONE;
            Some(Message::Welcome { structure, held })
        }
        _ => Some(message),
    }
}
