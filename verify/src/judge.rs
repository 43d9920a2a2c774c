//! What must hold in every state, and what must come about once no fault is left.

use core::fmt;

use tetrarch_core::ServerId;

use crate::machine::Taking;
use crate::state::{Power, State};

/// What a check can find broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// A virtual IP address never has two holders that clients can reach.
    OneHolder,
    /// No virtual server runs on two hosts.
    OneImage,
    /// A healthy, reachable server is never restarted.
    NoNeedlessRestart,
    /// Every wait of a node has a timer that ends it.
    NoEndlessWait,
    /// Something can always happen, unless every server is without power.
    NoDeadlock,
    /// When no fault is left and the links are whole, the group comes to rest: all servers whose
    /// management programs run have the same structure, all healthy ones among them are in the ring,
    /// and every function is served. A server that could not be brought back may stay cut out.
    Progress,
}

impl Property {
    /// Every property.
    pub const ALL: &[Self] = &[
        Self::OneHolder,
        Self::OneImage,
        Self::NoNeedlessRestart,
        Self::NoEndlessWait,
        Self::NoDeadlock,
        Self::Progress,
    ];

    /// Its name in scenario files and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneHolder => "one-holder",
            Self::OneImage => "one-image",
            Self::NoNeedlessRestart => "no-needless-restart",
            Self::NoEndlessWait => "no-endless-wait",
            Self::NoDeadlock => "no-deadlock",
            Self::Progress => "progress",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Taking<'_> {
    /// Looks at the state that a step has led to.
    pub(crate) fn judge(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let state = &self.state;
        let waits = |server: &ServerId| state.nodes[server.index()].waits_for_ever;
        let found = |property: Property, found: Option<ServerId>| found.map(|s| (property, s));
        self.broken = found(
            Property::OneHolder,
            state
                .all()
                .find(|function| state.holders(*function).len() > 1),
        )
        .or_else(|| {
            let twice = state
                .all()
                .find(|function| state.runners(*function).len() > 1);
            found(Property::OneImage, twice)
        })
        .or_else(|| found(Property::NoEndlessWait, state.all().find(waits)));
    }
}

impl State {
    /// Whether every server is without power, so that nobody is left to power another on.
    pub(crate) fn is_dark(&self) -> bool {
        self.servers.iter().all(|server| server.power == Power::Off)
    }

    /// Whether the group is as it is to be when nothing goes wrong any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        let live = || {
            let servers = self.nodes.iter().zip(&self.servers);
            servers.filter(|(_, server)| server.is_managing)
        };
        let structure = live().next().map(|(node, _)| node.view().structure());
        let agree = live().all(|(node, server)| {
            let view = node.view();
            let has_place = view.is_managing() || !server.is_healthy();
            has_place && Some(view.structure()) == structure
        });
        agree && self.links_are_whole() && self.all().all(|function| self.is_served(function))
    }
}
