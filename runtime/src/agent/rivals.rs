//! Whoever else uses an address that is on this server: watched for, and told to the node.
//!
//! Most rivals say so themselves, when they take the address. Those that took it while this server could not hear
//! them are found by a question, now and then, for each address that is here.

use std::net::IpAddr;
use std::time::Duration;

use tetrarch_core::data::{GroupData, Mac, ManagementData};
use tetrarch_core::{Members, SERVERS_MAX, ServerId, Sighting, Span};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::beside::Watch;
use crate::driver::Handle;
use crate::parts::Failure;
use crate::parts::address::{Interface, Rival, Rivals};
use crate::site::{Part, Site};

/// How often it is asked who has the addresses that are here.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What is watched on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    interface: String,
    /// The network cards of the virtual servers here.
    own: Vec<Mac>,
    /// The functions whose addresses this agent itself puts on this server, with their addresses.
    functions: Vec<(ServerId, IpAddr)>,
    /// How long the node is told no more of a rival that it has been told of.
    pause: Duration,
}

impl Watched {
    /// What is to be watched by these settings; none when nothing is. What a program of the site's puts on is left
    /// to it: nobody else knows by which interface it does.
    pub(super) fn of(site: &Site, group: &GroupData) -> Option<Self> {
        let network = site
            .parts
            .network
            .as_ref()
            .filter(|_| site.sightings.rivals)?;
        let is_ours = |function: ServerId| {
            let part = if function == site.me {
                Part::OwnAddress
            } else {
                Part::VirtualServers
            };
            site.parts.program_for(part).is_none()
        };
        let members = ServerId::all(group.members().len()).zip(group.members());
        let functions: Vec<_> = members
            .filter(|(function, _)| is_ours(*function))
            .map(|(function, data): (_, &ManagementData)| (function, data.vip()))
            .collect();
        let guests = site.parts.virtual_servers.iter().flatten();
        let poll_pause: Span = site.timing.poll_pause;
        (!functions.is_empty()).then(|| Self {
            interface: network.interface.clone(),
            own: guests.map(|guest| guest.mac).collect(),
            functions,
            pause: Duration::from_nanos(poll_pause.as_nanos()),
        })
    }

    /// The functions of `held` to which `address` belongs.
    fn function(&self, held: Members, address: IpAddr) -> Option<ServerId> {
        let is_it =
            |(function, vip): &&(ServerId, IpAddr)| *vip == address && held.contains(*function);
        self.functions
            .iter()
            .find(is_it)
            .map(|(function, _)| *function)
    }
}

/// An interface that is not there, or goes away, is waited for.
impl Watch for Watched {
    const WITHOUT: &str = "nobody watches for rivals";

    async fn watch(&self, handle: &Handle) -> Result<(), Failure> {
        let interface = Interface::find(&self.interface)?;
        let addresses: Vec<IpAddr> = self.functions.iter().map(|(_, vip)| *vip).collect();
        let rivals = Rivals::listen(&interface, &self.own, &addresses)?;
        info!(%interface, "rivals for the addresses here are watched for");
        let mut questions = interval(ASK_EVERY);
        questions.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sightings = Sightings::new(self.pause);
        loop {
            let rival = tokio::select! {
                rival = rivals.next(|address| self.function(handle.held(), address).is_some()) => rival?,
                _ = questions.tick() => {
                    for (function, address) in &self.functions {
                        if handle.held().contains(*function) {
                            rivals.ask(*address).await?;
                        }
                    }
                    continue;
                }
            };
            let Rival { address, mac } = rival;
            let Some(function) = self.function(handle.held(), address) else {
                continue;
            };
            if sightings.is_news(Instant::now(), function) {
                warn!(%address, %mac, "somebody else uses this address");
                if !handle.seen(Sighting::Rival { function }).await {
                    return Ok(());
                }
            }
        }
    }
}

/// What the node has been told lately: a rival that shouts must fill no record.
#[derive(Debug)]
struct Sightings {
    pause: Duration,
    told: [Option<Instant>; SERVERS_MAX],
}

impl Sightings {
    const fn new(pause: Duration) -> Self {
        Self {
            pause,
            told: [None; SERVERS_MAX],
        }
    }

    /// Whether the node is to be told of a rival for the address of `function`.
    fn is_news(&mut self, now: Instant, function: ServerId) -> bool {
        let told = &mut self.told[function.index()];
        let is_news = told.is_none_or(|told| now >= told + self.pause);
        if is_news {
            *told = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"name = "office"
server = "server1"
ring = ["server1", "server2", "server3"]
guests_max = 1
program = "/parts"
by_program = ["examine", "services", "power"]
[network]
interface = "br0"
[virtual_server.server2]
image = "/images/server2b"
mac = "02:54:00:00:00:82"
memory_mb = 512
[virtual_server.server3]
image = "/images/server3b"
mac = "02:54:00:00:00:83"
memory_mb = 512
"#;

    fn watched(from: &str, to: &str) -> Option<Watched> {
        let member = |n: u8| {
            let text = format!(
                "10.0.0.20{n}\nserver{n}\n10.0.0.{n}\n52:54:00:00:00:0{n}\nnginx\nserver{n}b\n/vm/{n}.xml\n"
            );
            ManagementData::parse(&text).unwrap()
        };
        let group = GroupData::new((1..=3).map(member).collect()).unwrap();
        let text = SITE.replacen(from, to, 1);
        Watched::of(&Site::parse(&text, "site.toml").unwrap(), &group)
    }

    fn server(place: usize) -> ServerId {
        ServerId::new(place).unwrap()
    }

    #[test]
    fn what_this_agent_puts_on_a_server_is_watched_there() {
        let all = watched("", "").unwrap();
        assert_eq!(all.interface, "br0");
        assert_eq!(all.own.len(), 2);
        let places = |watched: &Watched| -> Vec<usize> {
            watched
                .functions
                .iter()
                .map(|(function, _)| function.index())
                .collect()
        };
        assert_eq!(places(&all), [0, 1, 2]);
        let address = "10.0.0.202".parse().unwrap();
        assert_eq!(
            all.function(Members::NONE.with(server(1)), address),
            Some(server(1))
        );
        assert_eq!(all.function(Members::NONE.with(server(0)), address), None);

        let parts = "\"power\"]";
        let own = watched(parts, "\"power\", \"virtual-servers\"]").unwrap();
        assert_eq!(places(&own), [0]);
        let guests = watched(parts, "\"power\", \"own-address\"]").unwrap();
        assert_eq!(places(&guests), [1, 2]);
        let nothing = "\"power\", \"own-address\", \"virtual-servers\"]";
        assert_eq!(watched(parts, nothing), None);
        // The paper's servers look for nobody, unless somebody says that they shall.
        let rules = "guests_max = 1\nsafety = \"paper\"\n";
        assert_eq!(watched("guests_max = 1\n", rules), None);
        let rules = format!("{rules}sightings = [\"rivals\"]\n");
        assert_eq!(watched("guests_max = 1\n", &rules), Some(all));
        assert_eq!(
            watched("guests_max = 1\n", "guests_max = 1\nsightings = []\n"),
            None
        );
    }

    #[test]
    fn a_rival_that_shouts_is_told_of_once_in_a_while() {
        let pause = Duration::from_secs(1);
        let (mut sightings, start) = (Sightings::new(pause), Instant::now());
        let told = (0..2500).filter(|ms| {
            let now = start + Duration::from_millis(*ms);
            sightings.is_news(now, server(1))
        });
        assert_eq!(told.collect::<Vec<_>>(), [0, 1000, 2000]);
        assert!(sightings.is_news(start, server(2)));
    }
}
