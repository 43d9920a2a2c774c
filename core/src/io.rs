//! What goes into a node and what comes out of it.

use crate::event::Event;
use crate::id::{Members, ServerId, ServiceSet};
use crate::lease::{Claim, Claims};
use crate::message::{Message, Version};
use crate::orders::Order;
use crate::time::{Span, Time};
use crate::timer::Timer;
use alloc::vec::Vec;

/// Something that happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The management programs start.
    Start {
        /// Whether this server's own virtual IP address is on it at this moment, as it is when only
        /// the programs were restarted, or when the group is first put into service.
        holding: bool,
        /// The functions whose virtual server on this host holds the virtual IP address at this
        /// moment, as when only the programs were restarted.
        serving: Members,
        /// For how long at least no management program has run on this server, [`Span::MAX`] when
        /// none ever has. A voter that ran until just now may have given votes that it forgot.
        silent: Span,
        /// Guarded groups only: for how long all of this may still be on this server by what earlier
        /// programs were told with [`Output::Hold`], [`Span::MAX`] when they were told nothing.
        left: Span,
    },
    /// A message from another member arrived.
    Message {
        /// The sender.
        from: ServerId,
        /// What it says.
        message: Message,
    },
    /// A job ended.
    Done {
        /// The ticket of the job.
        job: JobId,
        /// How it ended.
        outcome: Outcome,
    },
    /// This server has seen something by itself.
    Seen(Sighting),
    /// The connection to another server says which version its programs speak. Told before its first
    /// message; until then it is taken to speak this server's own.
    Speaks {
        /// The server.
        server: ServerId,
        /// Its version.
        version: Version,
    },
    /// The driver's wake-up. Early, late and needless ones are legal.
    Deadline,
    /// The operator, or the executer, wants something.
    Command(Command),
}

/// What a server sees by itself, without having asked. Repeated while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sighting {
    /// Another machine answers for the virtual IP address of `function`, which is on this server.
    Rival {
        /// The function.
        function: ServerId,
    },
    /// These of this server's own services fail at this moment; none of them means that all are well.
    Services(ServiceSet),
}

/// What an operator or the executer asks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Stop all management programs. Virtual servers on this host are suspended first, so that
    /// another manager can take their functions over.
    Stop,
    /// An operator's order; it goes to all servers.
    Order(Order),
    /// The machine is about to go down: give the own function and those of the virtual servers on this
    /// host to others. [`Event::Left`] says when that is done; the programs are to be stopped then.
    Leave,
}

/// Something a node wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send a message. It may be lost; the protocol copes.
    Send {
        /// The receiver.
        to: ServerId,
        /// What to say.
        message: Message,
    },
    /// Begin slow work and report its end with [`Input::Done`] and the same ticket.
    ///
    /// What moves one virtual server or the own address is done in the order in which it was begun: the one before is
    /// over, or comes to nothing, before the next begins, also when nobody waits for it any more.
    Run {
        /// The ticket.
        job: JobId,
        /// The work.
        action: Action,
    },
    /// The result of a job is no longer wanted, and the start of a virtual server is to be undone. A
    /// result that comes all the same is ignored.
    Cancel {
        /// The ticket.
        job: JobId,
    },
    /// Guarded groups only: what this lease is about may be on this server until then, and no longer
    /// unless a later output says so. The driver sees to the end even if this node is never stepped
    /// again: an address gets a lifetime, a virtual server is killed.
    Hold {
        /// The address or image.
        claim: Claim,
        /// When it ends.
        until: Time,
    },
    /// Tell the local network once more that the virtual IP address of `function` is here, since
    /// another machine has answered for it. It may be lost.
    Announce {
        /// The function.
        function: ServerId,
    },
    /// Something worth knowing happened.
    Note(Event),
}

/// Slow work that a driver carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Examine the network of `target`. [`Outcome::Ok`] when it answers, else [`Outcome::Failed`].
    ExamineNetwork {
        /// The examined server.
        target: ServerId,
    },
    /// Examine each service of `target`, which may be this server itself. Ends with [`Outcome::Services`].
    ExamineServices {
        /// The examined server.
        target: ServerId,
    },
    /// Restart services on `target`.
    RestartServices {
        /// The server in trouble.
        target: ServerId,
        /// Its failing services.
        failing: ServiceSet,
    },
    /// Restart `target`. Ends when the command has been taken, not when the server is back.
    RestartServer {
        /// The server in trouble.
        target: ServerId,
    },
    /// Power `target` on. Ends when the command has been given, not when the server is there.
    PowerOn {
        /// The server in trouble.
        target: ServerId,
    },
    /// Switch the power of `target` surely off, by a device that says whether it is.
    /// [`Outcome::Ok`] only when it is off and stays so until [`Action::PowerOn`].
    Fence {
        /// The server in trouble.
        target: ServerId,
    },
    /// Resume the suspended virtual server of `function` on this host.
    Resume {
        /// The function that it takes over.
        function: ServerId,
    },
    /// Start the virtual server of `function` on this host from its image.
    ColdStart {
        /// The function that it takes over.
        function: ServerId,
    },
    /// Give the virtual server on this host the virtual IP address of `function`.
    Assign {
        /// The function.
        function: ServerId,
    },
    /// Take the virtual IP address of `function` off the virtual server on this host.
    Release {
        /// The function.
        function: ServerId,
    },
    /// Suspend the virtual server of `function` on this host.
    Suspend {
        /// The function.
        function: ServerId,
    },
    /// Put this server's own virtual IP address on it.
    AssignOwn,
    /// Take this server's own virtual IP address off it.
    ReleaseOwn,
    /// Ask the witness, the [`Register`](crate::Register) on the shared area, for its votes. Ends
    /// with [`Outcome::Granted`].
    Vote {
        /// All that this server wants the witness's vote for.
        claims: Claims,
    },
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// As wished; a network that was examined answers.
    Ok,
    /// Not as wished; a network that was examined does not answer.
    Failed,
    /// The services that were found failing; none of them means that all are well.
    Services(ServiceSet),
    /// The votes that the witness gave.
    Granted(Claims),
}

/// Which part of a node a job belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The management program of a target.
    Watch,
    /// The background job of a target.
    Recovery,
    /// The virtual server of a function.
    Standby,
    /// This server's own virtual IP address.
    Own,
    /// The votes of the witness.
    Vote,
}

/// The ticket of a job: unique among the jobs that a node has under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// The part of the node that waits for it.
    pub owner: Owner,
    /// The target or function that it is about.
    pub subject: ServerId,
    /// Tells it from earlier jobs of the same part.
    pub serial: u16,
}

/// The only wake-up a driver keeps for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// When the node wants [`Input::Deadline`].
    pub at: Time,
    /// Why.
    pub timer: Timer,
}

/// Room for the outputs of one step, reused from step to step.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    outputs: Vec<Output>,
}

impl Outbox {
    /// An empty outbox. It grows to the largest step and then allocates no more.
    #[must_use]
    pub fn new() -> Self {
        Self {
            outputs: Vec::with_capacity(32),
        }
    }

    /// Puts every message into words that its receiver understands, and leaves out what it has none
    /// for.
    pub(crate) fn translate(&mut self, understood: impl Fn(ServerId) -> Version) {
        self.outputs.retain_mut(|output| match output {
            Output::Send { to, message } => match message.in_version(understood(*to)) {
                Some(said) => {
                    *message = said;
                    true
                }
                None => false,
            },
            _ => true,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.outputs.clear();
    }

    pub(crate) fn send(&mut self, to: ServerId, message: Message) {
        self.outputs.push(Output::Send { to, message });
    }

    pub(crate) fn run(&mut self, job: JobId, action: Action) {
        self.outputs.push(Output::Run { job, action });
    }

    pub(crate) fn cancel(&mut self, job: JobId) {
        self.outputs.push(Output::Cancel { job });
    }

    pub(crate) fn hold(&mut self, claim: Claim, until: Time) {
        self.outputs.push(Output::Hold { claim, until });
    }

    pub(crate) fn announce(&mut self, function: ServerId) {
        self.outputs.push(Output::Announce { function });
    }

    pub(crate) fn note(&mut self, event: Event) {
        self.outputs.push(Output::Note(event));
    }
}

/// The outcome of one step: an iterator of its outputs, in the order in which they were decided.
///
/// It borrows the node, so the next step cannot begin before this one is finished. Dropping it with
/// outputs left is a driver's mistake, and asserted against.
#[must_use = "outputs must be carried out, then `finish` called for the next wake-up"]
#[derive(Debug)]
pub struct Step<'a> {
    outputs: &'a [Output],
    deadline: Option<Deadline>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(outbox: &'a Outbox, deadline: Option<Deadline>) -> Self {
        Self {
            outputs: &outbox.outputs,
            deadline,
        }
    }

    /// The next wake-up.
    ///
    /// # Panics
    ///
    /// When outputs are left that the driver has not looked at.
    pub fn finish(mut self) -> Option<Deadline> {
        let left = core::mem::take(&mut self.outputs);
        assert!(
            left.is_empty(),
            "a step was finished with {} outputs left",
            left.len()
        );
        self.deadline
    }
}

impl Iterator for Step<'_> {
    type Item = Output;

    fn next(&mut self) -> Option<Output> {
        let (first, rest) = self.outputs.split_first()?;
        self.outputs = rest;
        Some(*first)
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        debug_assert!(
            self.outputs.is_empty(),
            "a step was dropped with outputs left"
        );
    }
}
