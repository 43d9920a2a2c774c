//! What happened, said in words.

use tetrarch_core::{Action, Claim, Event, Means, Members, Message, ServerId, Trouble, plan};

use crate::scenario::FaultAction;
use crate::world::WorldEvent;

/// Says things with the servers' own names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) group: &'a [String],
    /// The servers that were in the ring at that time.
    pub(super) members: Members,
}

impl Words<'_> {
    pub(super) fn name(&self, server: ServerId) -> &str {
        self.group.get(server.index()).map_or("?", String::as_str)
    }

    pub(super) fn list(&self, members: Members) -> String {
        let names: Vec<&str> = members.iter().map(|server| self.name(server)).collect();
        names.join(", ")
    }

    /// A manager's name with its priority for `target`.
    fn manager(&self, server: ServerId, target: ServerId) -> String {
        match plan::managers(target, self.members).priority(server) {
            Some(priority) => format!("{} ({priority})", self.name(server)),
            None => self.name(server).to_owned(),
        }
    }

    /// The sentence of a note, and the server or function that it is about. None for those that
    /// another sentence says better.
    pub(super) fn note(&self, server: ServerId, event: Event) -> Option<(ServerId, String)> {
        let at = |target| (self.manager(server, target), self.name(target));
        Some(match event {
            Event::Detected { target, trouble } => {
                let (me, it) = at(target);
                let found = match trouble {
                    Trouble::Service => "the network is normal, the services fail: service trouble",
                    Trouble::Network => "its network does not answer",
                    Trouble::Management => "all answers, but its management programs are silent",
                };
                (target, format!("{me} examines {it}: {found}"))
            }
            // These are certain at once, so their detection has said it.
            Event::Confirmed {
                trouble: Trouble::Service | Trouble::Management,
                ..
            } => return None,
            Event::Confirmed { target, .. } => {
                let (me, it) = at(target);
                let text = format!("{me} examines {it} again: no answer either, network trouble");
                (target, text)
            }
            Event::FalseAlarm { target } => {
                let (me, it) = at(target);
                let text = format!("{me} examines {it} again, and it answers: a false alarm");
                (target, text)
            }
            Event::SyncMissed { target } => {
                let (me, it) = at(target);
                (
                    target,
                    format!("{me} misses S.file and examines {it} alone"),
                )
            }
            Event::StoodIn { target, manager } => {
                let (me, it) = at(target);
                let manager = self.name(manager);
                (
                    target,
                    format!("{me} stands in for {manager} and acts for {it}"),
                )
            }
            Event::Deferred { target, to } => {
                let (me, it) = at(target);
                (target, format!("{me} leaves {it} to {}", self.name(to)))
            }
            other => return self.recovering(server, other),
        })
    }

    /// Notes about a background job.
    fn recovering(&self, server: ServerId, event: Event) -> Option<(ServerId, String)> {
        let me = self.name(server);
        let at = |target| (self.manager(server, target), self.name(target));
        Some(match event {
            Event::Tried { target, means } => (target, self.tried(me, target, means)),
            Event::Returned { target } => {
                let it = self.name(target);
                (
                    target,
                    format!("{it}'s executer tells {me} that {it} is back"),
                )
            }
            Event::Recovered { target } => {
                let (me, it) = at(target);
                (
                    target,
                    format!("{me} finds {it} healthy (up.file): the target is recovered"),
                )
            }
            Event::GivenUp { target } => {
                let (me, it) = at(target);
                (
                    target,
                    format!("{me} gives {it} up (down.file): it is cut out of the ring"),
                )
            }
            other => return self.placed(server, other),
        })
    }

    fn tried(&self, me: &str, target: ServerId, means: Means) -> String {
        let it = self.name(target);
        match means {
            Means::RestartServices => format!("{me}'s background job restarts {it}'s services"),
            Means::RestartServer => {
                format!("{me}'s background job restarts the server {it}")
            }
            Means::AwaitReturn => {
                format!("{me}'s background job waits for {it} to come back by itself")
            }
            Means::PowerOn => format!("{it} has not come back in time: {me} powers it on"),
            Means::Fence => format!("nobody hears {it}: {me} has its power switched off"),
        }
    }

    /// Notes about virtual servers, addresses and a server's own place.
    fn placed(&self, server: ServerId, event: Event) -> Option<(ServerId, String)> {
        let me = self.name(server);
        Some(match event {
            Event::VirtualServerStarted { function } => {
                let it = self.name(function);
                (function, format!("the virtual server {it}b runs on {me}"))
            }
            Event::Served { function } => {
                let it = self.name(function);
                let text = format!(
                    "{me} knows that {it}b holds the VIP of {it}: the function is recovered"
                );
                (function, text)
            }
            Event::Released { function } => {
                let it = self.name(function);
                (
                    function,
                    format!("{it}b on {me} has dropped the VIP of {it}"),
                )
            }
            Event::Suspended { function } => {
                let it = self.name(function);
                (function, format!("{it}b is suspended again on {me}"))
            }
            Event::VirtualServerFailed { function } => {
                let it = self.name(function);
                (function, format!("{it}b cannot be started on {me}"))
            }
            Event::NoRoom { function } => {
                let it = self.name(function);
                (function, format!("{me} has no memory left for {it}b"))
            }
            Event::OwnAddressHeld => (server, format!("{me} holds its own VIP again")),
            Event::OwnAddressDropped => (server, format!("{me} has dropped its own VIP")),
            Event::Managing => (server, format!("{me} manages others again")),
            Event::Stopped => (server, format!("the management programs of {me} stop")),
            Event::LeaseLost { claim } => {
                let it = self.name(claim.function());
                let what = match claim {
                    Claim::Address(_) => format!("the VIP of {it}"),
                    Claim::Image(_) => format!("{it}b"),
                };
                (
                    claim.function(),
                    format!("{me} has lost its lease of {what}, and lets go of it"),
                )
            }
            other => return self.ordered(server, other),
        })
    }

    /// Notes about what operators have ordered, and what comes of it.
    fn ordered(&self, server: ServerId, event: Event) -> Option<(ServerId, String)> {
        let me = self.name(server);
        Some(match event {
            Event::Ordered {
                server: about,
                maintenance,
                frozen,
                away,
            } => {
                let it = self.name(about);
                let orders = orders_in_words(maintenance, frozen, away);
                (about, format!("{me} knows the orders for {it}: {orders}"))
            }
            Event::LeftAlone { target, .. } => {
                let it = self.name(target);
                (
                    target,
                    format!("{me} finds {it} in trouble, and leaves it alone as ordered"),
                )
            }
            Event::HandOverBegun { target } => {
                let it = self.name(target);
                (
                    target,
                    format!("{me} takes the function of {it} over as planned"),
                )
            }
            Event::HandOverFailed { target } => {
                let it = self.name(target);
                (
                    target,
                    format!("{me} cannot take the function of {it} over, which keeps it"),
                )
            }
            Event::Parked { target } => {
                let it = self.name(target);
                (
                    target,
                    format!("{me} leaves the function of {it} where it is, and looks after {it}"),
                )
            }
            Event::Left => (
                server,
                format!("nothing that clients need is left on {me}: it may go down"),
            ),
            Event::Refused { manager } => {
                let it = self.name(manager);
                (
                    server,
                    format!("{me} finds its services well, and keeps its VIP from {it}"),
                )
            }
            _ => return self.sighted(server, event),
        })
    }

    /// Notes about what servers see by themselves, and about fencing.
    fn sighted(&self, server: ServerId, event: Event) -> Option<(ServerId, String)> {
        let me = self.name(server);
        Some(match event {
            Event::RivalSeen { function } => {
                let it = self.name(function);
                let text = format!("{me}, which holds the VIP of {it}, sees another holder");
                (function, text)
            }
            Event::Overruled { function, by } => {
                let (it, other) = (self.name(function), self.name(by));
                let text =
                    format!("{me} leaves the VIP of {it} to {other}, whose right goes before");
                (function, text)
            }
            Event::Fenced { target } => {
                let it = self.name(target);
                (target, format!("{me} knows that the power of {it} is off"))
            }
            _ => return None,
        })
    }

    /// The sentence of a message to all of `to`, for those that the paper has as files and for
    /// hand-overs.
    pub(super) fn send(
        &self,
        server: ServerId,
        to: Members,
        message: Message,
    ) -> Option<(ServerId, String)> {
        let (me, other) = (self.name(server), self.list(to));
        let receiver = to.iter().next()?;
        Some(match message {
            Message::Up { target } => {
                let it = self.name(target);
                (
                    target,
                    format!("{me} sends U.file to {other}: {it} is monitored again"),
                )
            }
            Message::Down { target, .. } => {
                let it = self.name(target);
                (
                    target,
                    format!("{me} sends D.file to {other}: {it} is out of the ring"),
                )
            }
            Message::GiveBack { .. } => (receiver, format!("{me} hands the VIP back to {other}")),
            Message::Yield { .. } => {
                let text = format!(
                    "{me} finds {other}'s services still failing, and tells {other} to drop its VIP"
                );
                (receiver, text)
            }
            Message::Take { function } => {
                let it = self.name(function);
                (function, format!("{me} asks {other} to run {it}b"))
            }
            _ => return None,
        })
    }

    /// The sentence of a job's beginning, for those that no note announces.
    pub(super) fn run(&self, server: ServerId, action: Action) -> Option<(ServerId, String)> {
        let me = self.name(server);
        let (function, does) = match action {
            Action::Resume { function } => (function, "begins to resume the virtual server"),
            Action::ColdStart { function } => (function, "begins a cold start of"),
            Action::Suspend { function } => (function, "begins to suspend"),
            _ => return None,
        };
        Some((function, format!("{me} {does} {}b", self.name(function))))
    }

    /// The sentence of a change of the simulated system; `host` serves the function from then on.
    pub(super) fn world(
        &self,
        server: ServerId,
        event: WorldEvent,
        host: Option<ServerId>,
        faults: &[FaultAction],
    ) -> String {
        let me = self.name(server);
        match event {
            WorldEvent::Trouble(trouble) => {
                let (name, meaning) = (trouble.name(), trouble.meaning());
                format!("trouble {name} strikes {me}: {meaning}")
            }
            WorldEvent::PowerLost => format!("{me} is off"),
            WorldEvent::FencedInReach => format!("{me} was switched off in full health"),
            WorldEvent::Repaired => format!("{me} has been repaired"),
            WorldEvent::Restarting => format!("{me} shuts down and starts again"),
            WorldEvent::Starting => format!("{me} starts"),
            WorldEvent::Answers => format!("{me} answers on the network"),
            WorldEvent::ServicesRestarting => format!("{me}'s services stop and start again"),
            WorldEvent::ServicesReady => format!("all services of {me} answer"),
            WorldEvent::FunctionLost => format!("clients of {me} get no service any more"),
            WorldEvent::FunctionBack => match host {
                Some(host) if host != server => {
                    format!(
                        "clients of {me} are served again, by {me}b on {}",
                        self.name(host)
                    )
                }
                Some(_) => format!("clients of {me} are served again, by {me} itself"),
                None => format!("clients of {me} are served again"),
            },
            WorldEvent::StandsStill => format!("{me} stands still"),
            WorldEvent::GoesOn => format!("{me} goes on"),
            WorldEvent::Fault(place) | WorldEvent::SystemFault(place) => {
                match faults.get(usize::from(place)) {
                    Some(fault) => format!("the scenario: {}", self.fault(fault)),
                    None => "the scenario: a fault".to_owned(),
                }
            }
        }
    }

    fn fault(&self, fault: &FaultAction) -> String {
        let whose = fault
            .server()
            .and_then(|server| self.group.get(server.index()));
        let server = whose.map_or("?", String::as_str);
        match fault {
            FaultAction::Trouble { trouble, .. } => {
                format!("trouble {} of {server}", trouble.name())
            }
            FaultAction::Crash(_) => format!("{server} loses power"),
            FaultAction::Destroy(_) => format!("{server} breaks down and needs a repair"),
            FaultAction::Repair(_) => format!("the operator repairs {server}"),
            FaultAction::AgentStop(_) => format!("{server}'s flag file is deleted"),
            FaultAction::AgentStart(_) => format!("{server}'s flag file is created"),
            FaultAction::VirtualServerFails(_) => {
                format!("{server}b can no longer be started anywhere")
            }
            FaultAction::AgentPause(_) => {
                format!("the management programs of {server} stand still")
            }
            FaultAction::AgentResume(_) => format!("the management programs of {server} go on"),
            FaultAction::Pause(_) => format!("the machine of {server} is paused"),
            FaultAction::Resume(_) => format!("the machine of {server} is resumed"),
            FaultAction::ClockDrift { ppm, .. } => {
                format!("the clock of {server} runs {ppm} millionths fast")
            }
            FaultAction::ResumeFails(_) => {
                format!("{server}b can no longer be resumed, but started")
            }
            FaultAction::Cut { .. }
            | FaultAction::Flap { .. }
            | FaultAction::LinkLoss { .. }
            | FaultAction::LinkDelay { .. }
            | FaultAction::Partition(_)
            | FaultAction::Heal
            | FaultAction::Loss(_)
            | FaultAction::Late { .. }
            | FaultAction::Doubled(_) => self.link_fault(fault),
            FaultAction::Operation(operation) => match operation.server() {
                Some(_) => format!("the operator orders {} of {server}", fault.name()),
                None => format!("the operator orders {} of the group", fault.name()),
            },
            FaultAction::FenceFails(_) => {
                format!("the device that switches {server} off is broken")
            }
            FaultAction::Upgrade { version, .. } => {
                let number = version.number();
                format!("{server} gets programs of version {number}")
            }
            FaultAction::FileServerCut(_) => format!("{server} no longer reaches the file server"),
            FaultAction::FileServerDown => "the file server is down".to_owned(),
            FaultAction::FileServerUp => "the file server is up again".to_owned(),
            FaultAction::FileServerSlow(factor) => {
                format!("the file server's rate is divided by {factor}")
            }
        }
    }

    fn link_fault(&self, fault: &FaultAction) -> String {
        let name = |server: &crate::scenario::ServerIndex| {
            let name = self.group.get(server.index());
            name.map_or("?", String::as_str)
        };
        match fault {
            FaultAction::Cut { from, to } => {
                format!("messages of {} no longer reach {}", name(from), name(to))
            }
            FaultAction::Flap { from, to, down, up } => format!(
                "messages of {} do not reach {} for {down}, do for {up}, and so on",
                name(from),
                name(to)
            ),
            FaultAction::LinkLoss { from, to, percent } => format!(
                "{} % of {}'s messages to {} are lost from now on",
                percent.percent_text(),
                name(from),
                name(to)
            ),
            FaultAction::LinkDelay { from, to, by } => {
                format!(
                    "messages of {} to {} take {by} longer",
                    name(from),
                    name(to)
                )
            }
            FaultAction::Partition(sides) => {
                let sides: Vec<String> = sides
                    .iter()
                    .map(|side| side.iter().map(name).collect::<Vec<_>>().join(", "))
                    .collect();
                format!("the network falls apart into {}", sides.join(" | "))
            }
            FaultAction::Loss(share) => {
                let share = share.percent_text();
                format!("{share} % of all messages are lost from now on")
            }
            FaultAction::Late { percent, by } => {
                let share = percent.percent_text();
                format!("{share} % of all messages are up to {by} late from now on")
            }
            FaultAction::Doubled(share) => {
                let share = share.percent_text();
                format!("{share} % of all messages arrive twice from now on")
            }
            _ => "all links are whole again".to_owned(),
        }
    }
}

/// What stands for one server, in words.
fn orders_in_words(maintenance: bool, frozen: bool, away: bool) -> String {
    let orders = [
        (maintenance, "leave it alone"),
        (frozen, "let nothing about it move"),
        (away, "its function goes to its virtual server"),
    ];
    let orders: Vec<&str> = orders
        .iter()
        .filter_map(|(stands, words)| stands.then_some(*words))
        .collect();
    if orders.is_empty() {
        "nothing special any more".to_owned()
    } else {
        orders.join("; ")
    }
}
