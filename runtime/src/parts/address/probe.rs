//! Asking whether anybody has an address, before it is claimed.

use std::net::IpAddr;
use std::time::Duration;

use tetrarch_core::data::Mac;
use tokio::time::{Instant, interval, sleep_until};

use super::frame::Statement;
use super::link::{Link, LinkError};

/// How an address is probed.
///
/// RFC 5227 takes 5 to 8 seconds, for hosts that nobody waits for. Here clients wait, the group
/// has decided already who takes the address, and the question is only whether somebody outside its
/// control still answers: three questions within 50 ms, on a network where an answer takes less than a
/// millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How often it is asked.
    pub questions: u32,
    /// Time after each question, in which answers are waited for.
    pub pause: Duration,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            questions: 3,
            pause: Duration::from_millis(15),
        }
    }
}

/// Asks the neighbours on `link` for `address`. Returns the MAC address of the first one that has it, or
/// that is one of `members` and wants it at this very moment; nothing when all are silent.
///
/// Others that only ask are no reason to leave an address alone: switches and scanners ask in the same
/// words for every address that they have seen, over and over.
///
/// # Errors
///
/// When frames cannot be sent or received.
pub async fn probe(
    link: &Link,
    address: IpAddr,
    probe: Probe,
    members: &[Mac],
) -> Result<Option<Mac>, LinkError> {
    let own = link.interface().mac();
    let ask = async {
        let mut ticks = interval(probe.pause.max(Duration::from_millis(1)));
        for _ in 0..probe.questions {
            ticks.tick().await;
            link.ask(address).await?;
        }
        sleep_until(Instant::now() + probe.pause).await;
        Ok(None)
    };
    let hear = async {
        loop {
            let (said, mac, is_rival) = match link.hear().await? {
                Statement::Has(said, mac) => (said, mac, true),
                Statement::Wants(said, mac) => (said, mac, members.contains(&mac)),
            };
            if is_rival && said == address && mac != own {
                return Ok(Some(mac));
            }
        }
    };
    tokio::select! {
        result = ask => result,
        result = hear => result,
    }
}
