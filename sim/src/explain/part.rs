//! The parts that a measured time is made of.

use tetrarch_core::{ServerId, Span, Time};

/// A part of a measured time: who did what, and which parameters say how long that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// When it began, or when the measured time began, whichever is later.
    pub from: Time,
    /// When it ended.
    pub to: Time,
    /// Who did it.
    pub actor: ServerId,
    /// The server or function that it was done for.
    pub about: ServerId,
    /// What was done.
    pub doing: Doing,
    /// Why it took as long as it did.
    pub reason: Reason,
}

/// Why a part took as long as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// These parameters of [`crate::parameters::TABLE`] say so.
    Parameters {
        /// Their keys.
        keys: &'static [&'static str],
        /// The time that they amount to; longer than the part when it began before the measured
        /// time did.
        whole: Span,
    },
    /// A fault of the scenario was waited for.
    Scenario,
    /// Nothing known explains it.
    Unexplained,
}

/// What was done in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doing {
    /// A manager waits for its next examination.
    AwaitCycle,
    /// A manager waits for a sign of life of the other manager.
    AwaitSign,
    /// The network is examined, and answers.
    NetworkAnswers,
    /// The network is examined, and does not answer.
    NetworkSilent,
    /// The services are examined.
    ExamineServices,
    /// The background job is launched.
    Launch,
    /// A service restart is commanded.
    RestartServices,
    /// The end of a command is found.
    FindEnd,
    /// A wait before the services are examined again.
    Settle,
    /// A pause between two examinations of a server that is expected back.
    Pause,
    /// A wait for a server to come back by itself.
    AwaitReturn,
    /// up.file or down.file is found.
    Report,
    /// The management program finds that the service restart did not help.
    Call,
    /// A virtual server resumes, or the part of that which its host does by itself.
    Resume,
    /// A virtual server starts cold, or the part of that which its host does by itself.
    ColdStart,
    /// A virtual server's memory or image is read from the file server.
    ReadImage,
    /// The read of a virtual server takes longer because others read at the same time.
    ShareImage,
    /// A virtual server's host looks whether anybody answers for the virtual IP address.
    Claim,
    /// A virtual server gets the virtual IP address.
    Assign,
    /// A virtual server drops the virtual IP address.
    Release,
    /// A virtual server is suspended.
    Suspend,
    /// The command to restart a server is given.
    CommandRestart,
    /// The command to power a server on is given.
    CommandPowerOn,
    /// A server shuts down and starts again, or the part of that without the file server.
    Restart,
    /// A server starts, or the part of that without the file server.
    Start,
    /// The last part of a server's start reads from the file server.
    ReadBoot,
    /// That read takes longer because others read at the same time.
    ShareBoot,
    /// The services of a server become ready.
    ServicesStart,
    /// A message is under way.
    Message,
    /// A server that has just started asks for its place.
    Join,
    /// A server waits before it asks for leases again, or for a lease to end.
    AwaitLease,
    /// The witness on the shared area is asked for its votes.
    AskWitness,
    /// A device switches a server's power off.
    Fence,
    /// A server takes or drops its own virtual IP address.
    OwnAddress,
    /// A job is waited for in vain.
    Overdue,
    /// The mean client waits for its next access.
    ClientWait,
    /// A client's access is answered.
    ClientAccess,
    /// A fault of the scenario is waited for.
    Fault,
    /// Not known.
    Unknown,
}

impl Part {
    /// How long it lasted within the measured time.
    #[must_use]
    pub fn span(&self) -> Span {
        self.to - self.from
    }

    /// The keys of the parameters that explain it; none when no parameter does.
    #[must_use]
    pub const fn keys(&self) -> &'static [&'static str] {
        match self.reason {
            Reason::Parameters { keys, .. } => keys,
            Reason::Scenario | Reason::Unexplained => &[],
        }
    }

    /// How much of it had passed before the measured time began.
    #[must_use]
    pub fn passed_before(&self) -> Span {
        match self.reason {
            Reason::Parameters { whole, .. } => whole.saturating_sub(self.span()),
            Reason::Scenario | Reason::Unexplained => Span::ZERO,
        }
    }

    /// What explains it, in words: the keys, or that nothing does.
    #[must_use]
    pub fn explanation(&self) -> String {
        let rest = if self.passed_before() > Span::ZERO {
            "rest of "
        } else {
            ""
        };
        match self.reason {
            Reason::Parameters { keys, .. } => format!("{rest}{}", keys.join(", ")),
            Reason::Scenario => "scenario".to_owned(),
            Reason::Unexplained => "unexplained".to_owned(),
        }
    }

    /// What happened, in words, with the servers' own names.
    #[must_use]
    pub fn text(&self, group: &[String]) -> String {
        let name = |server: ServerId| group.get(server.index()).map_or("?", String::as_str);
        let (actor, about) = (name(self.actor), name(self.about));
        let text = match self.doing {
            Doing::AwaitCycle => format!("{actor} waits for its next examination of {about}"),
            Doing::AwaitSign => {
                format!("{actor} waits for a sign of life of {about}'s other manager")
            }
            Doing::NetworkAnswers => format!("{actor} examines {about}'s network: it answers"),
            Doing::NetworkSilent => format!("{actor} examines {about}'s network: no answer"),
            Doing::ExamineServices => format!("{actor} examines {about}'s services"),
            Doing::Launch => format!("{actor} launches {about}'s background job"),
            Doing::RestartServices => format!("{actor} commands a restart of {about}'s services"),
            Doing::FindEnd => format!("{actor} finds that the command has ended"),
            Doing::Settle => format!("{actor} waits before it examines {about} again"),
            Doing::Pause => format!("{actor} pauses before it examines {about} again"),
            Doing::AwaitReturn => format!("{actor} waits for {about} to come back by itself"),
            Doing::Report => format!("{actor} finds the background job's result for {about}"),
            Doing::Call => format!("{actor} finds that restarting {about}'s services did not help"),
            Doing::Resume => format!("{actor} resumes the virtual server {about}b"),
            Doing::ColdStart => format!("{actor} starts the virtual server {about}b cold"),
            Doing::ReadImage => format!("{actor} reads {about}b from the file server"),
            Doing::ShareImage => "others read from the file server at the same time".to_owned(),
            Doing::Claim => format!("{actor} looks whether anybody answers for the VIP of {about}"),
            Doing::Assign => format!("{actor} gives {about}b the VIP of {about}"),
            Doing::Release => format!("{actor} takes the VIP of {about} off {about}b"),
            Doing::Suspend => format!("{actor} suspends {about}b"),
            Doing::CommandRestart => format!("{actor} commands a restart of {about}"),
            Doing::CommandPowerOn => format!("{actor} powers {about} on"),
            Doing::Restart => format!("{about} shuts down and starts again"),
            Doing::Start => format!("{about} starts"),
            Doing::ReadBoot => format!("{about} reads from the file server as it starts"),
            Doing::ShareBoot => "others read from the file server at the same time".to_owned(),
            Doing::ServicesStart => format!("{about}'s services become ready"),
            Doing::Message => format!("{actor}'s message arrives"),
            Doing::Join => format!("{actor} asks the members for its place"),
            Doing::AwaitLease => format!("{actor} waits for a lease"),
            Doing::Fence => format!("{actor} has the power switched off"),
            Doing::AskWitness => format!("{actor} asks the witness for its votes"),
            Doing::OwnAddress => format!("{actor} changes its own VIP"),
            Doing::Overdue => format!("{actor} waits in vain for the result of a job"),
            Doing::ClientWait => "the mean client waits for its next access".to_owned(),
            Doing::ClientAccess => "the client's access is answered".to_owned(),
            Doing::Fault => "what the scenario does next is waited for".to_owned(),
            Doing::Unknown => "no cause is known".to_owned(),
        };
        match (self.passed_before(), self.reason) {
            (Span::ZERO, _) | (_, Reason::Scenario | Reason::Unexplained) => text,
            (passed, Reason::Parameters { whole, .. }) => {
                format!("{text} ({whole}, of which {passed} had passed)")
            }
        }
    }
}

/// A part before its place in time is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) doing: Doing,
    pub(super) keys: &'static [&'static str],
    pub(super) span: Span,
}

impl Piece {
    pub(super) const fn new(doing: Doing, keys: &'static [&'static str], span: Span) -> Self {
        Self { doing, keys, span }
    }
}

/// From when to when, by whom and about whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) actor: ServerId,
    pub(super) about: ServerId,
}

impl Stretch {
    fn part(self, doing: Doing, reason: Reason) -> Part {
        Part {
            from: self.from,
            to: self.to,
            actor: self.actor,
            about: self.about,
            doing,
            reason,
        }
    }

    pub(super) fn unexplained(self) -> Part {
        self.part(Doing::Unknown, Reason::Unexplained)
    }

    pub(super) fn scenario(self) -> Part {
        self.part(Doing::Fault, Reason::Scenario)
    }

    /// Lays `pieces` one after the other over the stretch. What they leave over is unexplained, and
    /// when they are too long all of it is.
    pub(super) fn filled(self, pieces: &[Piece]) -> Vec<Part> {
        let sum = pieces
            .iter()
            .fold(Span::ZERO, |sum, piece| sum + piece.span);
        if sum > self.to - self.from {
            return vec![self.unexplained()];
        }
        let mut from = self.from;
        let mut parts = Vec::with_capacity(pieces.len() + 1);
        for piece in pieces.iter().filter(|piece| piece.span > Span::ZERO) {
            let to = from + piece.span;
            let reason = Reason::Parameters {
                keys: piece.keys,
                whole: piece.span,
            };
            parts.push(Self { from, to, ..self }.part(piece.doing, reason));
            from = to;
        }
        if from < self.to {
            parts.push(Self { from, ..self }.unexplained());
        }
        parts
    }
}
