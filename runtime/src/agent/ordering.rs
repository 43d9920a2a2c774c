//! An operator's order: checked, given to the driver, and followed until it is carried out.

use std::time::Duration;

use tetrarch_core::data::HostName;
use tetrarch_core::{Command, Order, ServerId};
use tokio::time::{Instant, sleep, timeout};

use super::control::PATIENCE;
use super::{Shared, requests, telling};
use crate::link::{Peers, Request};
use crate::orders::{Check, Progress, Ring, Standing, Wanted, Word};
use crate::overview::{Overview, Told};
use crate::parts::Parts;

/// How often all servers are asked what has become of an order.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What all servers tell at one moment.
pub(super) struct Look {
    pub(super) told: Vec<Told>,
    pub(super) overview: Overview,
}

impl Look {
    fn ring(&self, me: ServerId) -> Ring<'_> {
        Ring {
            me,
            told: &self.told,
            overview: &self.overview,
        }
    }
}

/// The same with places in the ring for names, or which name is none of the ring's.
pub(super) fn placed(
    wanted: Wanted<String>,
    ring: &[HostName],
) -> Result<Wanted<ServerId>, String> {
    wanted.named(|name| {
        let is_it = |host: &HostName| host.as_str().eq_ignore_ascii_case(&name);
        let place = ring.iter().position(is_it).and_then(ServerId::new);
        place.ok_or_else(|| {
            let ring: Vec<&str> = ring.iter().map(HostName::as_str).collect();
            let ring = ring.join(", ");
            format!("expected a server of the ring, which is {ring}, found {name:?}")
        })
    })
}

/// Gives an order, unless it makes no sense now.
pub(super) async fn give<P: Parts>(shared: &Shared<P>, wanted: &Wanted<ServerId>) -> Word {
    let look = telling::look(shared).await;
    let ring = look.ring(shared.site.me);
    match ring.check(wanted) {
        Check::Give => {}
        Check::Already(text) => return Word::new(Standing::Done, text),
        Check::Refused(why) => return Word::new(Standing::Refused, why),
    }
    if let Some(server) = ring.to_start(wanted)
        && !start(shared, server).await
    {
        let server = &shared.site.ring[server.index()];
        let why = format!("the management programs of {server} cannot be started");
        return Word::new(Standing::Refused, why);
    }
    if command(shared, wanted.order()).await {
        Word::new(
            Standing::Given,
            "the order stands, and all servers hear of it",
        )
    } else {
        Word::new(Standing::Refused, "the management programs have just ended")
    }
}

async fn command<P>(shared: &Shared<P>, order: Order) -> bool {
    let handle = shared.handle.borrow().clone();
    match handle {
        Some(handle) => handle.command(Command::Order(order)).await,
        None => false,
    }
}

async fn start<P: Parts>(shared: &Shared<P>, server: ServerId) -> bool {
    if server == shared.site.me {
        return requests::set_flag(shared, true).await.is_ok();
    }
    let network = shared.network.borrow().clone();
    let Some(network) = network else {
        return false;
    };
    let asking = network.request(server, Request::SetFlag { present: true });
    timeout(PATIENCE, asking)
        .await
        .is_ok_and(|done| done.is_ok())
}

/// Follows an order that was given until it is carried out, for `limit` at most. One that nobody can carry
/// out is withdrawn: nobody would expect it to take effect at some later time.
pub(super) async fn follow<P: Parts>(
    shared: &Shared<P>,
    wanted: &Wanted<ServerId>,
    limit: Duration,
) -> Word {
    let me = shared.site.me;
    let followed = followed(me, wanted, limit, || telling::look(shared)).await;
    if let (Wanted::HandOver { server, .. }, true) = (wanted, followed.is_to_be_withdrawn)
        && command(shared, Order::HandBack { server: *server }).await
    {
        let Word { standing, text } = followed.word;
        return Word::new(standing, format!("{text}; the order was withdrawn"));
    }
    followed.word
}

/// How an order that was followed has ended.
struct Followed {
    word: Word,
    is_to_be_withdrawn: bool,
}

async fn followed<F: Future<Output = Look>>(
    me: ServerId,
    wanted: &Wanted<ServerId>,
    limit: Duration,
    look: impl Fn() -> F,
) -> Followed {
    let begun = Instant::now();
    let mut has_failed = false;
    loop {
        let now = look().await;
        let (word, is_to_be_withdrawn) = match now.ring(me).progress(wanted) {
            Progress::Done(text) => (Word::new(Standing::Done, text), false),
            // All are asked at once, so those who declined may have answered before they did.
            Progress::Failed { .. } if !has_failed => {
                has_failed = true;
                continue;
            }
            Progress::Failed { why, stands } => (Word::new(Standing::Failed, why), stands),
            Progress::Pending(why) if begun.elapsed() >= limit => {
                let text = format!("{why}; the order stands");
                (Word::new(Standing::Pending, text), false)
            }
            Progress::Pending(_) => {
                sleep(LOOK_EVERY).await;
                continue;
            }
        };
        return Followed {
            word,
            is_to_be_withdrawn,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::happened::Kind;
    use crate::report::{Activity, Report};
    use std::cell::Cell;
    use tetrarch_core::Members;

    /// A ring of two of which the second hears of a freeze at the look `heard_at`.
    fn look(looks: u32, heard_at: u32) -> Look {
        let report = |frozen| Report {
            activity: Activity::Managing,
            members: Members::first(2),
            frozen,
            ..Report::STOPPED
        };
        let told = vec![Ok(report(true)), Ok(report(looks >= heard_at))];
        let names = ["mail", "web"].map(str::to_owned);
        let overview = Overview::new("office", &names, me(), &told);
        Look { told, overview }
    }

    fn me() -> ServerId {
        ServerId::new(0).unwrap()
    }

    /// How an order ends that the other server hears of at the look `heard_at`, and after how long.
    async fn frozen(heard_at: u32) -> (Word, Duration) {
        let (looks, begun) = (Cell::new(0), Instant::now());
        let looking = || {
            looks.set(looks.get() + 1);
            let now = look(looks.get(), heard_at);
            async { now }
        };
        let limit = LOOK_EVERY * 10;
        let followed = followed(me(), &Wanted::Freeze { on: true }, limit, looking).await;
        assert!(!followed.is_to_be_withdrawn);
        (followed.word, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_is_followed_until_it_is_so_and_not_for_ever() {
        let (word, took) = frozen(4).await;
        assert_eq!(
            (word.standing, took),
            (Standing::Done, LOOK_EVERY * 3),
            "{word:?}"
        );
        let (word, took) = frozen(100).await;
        assert_eq!((word.standing, took), (Standing::Pending, LOOK_EVERY * 10));
        assert_eq!(word.text, "not heard of yet by web; the order stands");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_declined_is_asked_once_more_why() {
        let web = ServerId::new(1).unwrap();
        let looks = Cell::new(0);
        let looking = || {
            looks.set(looks.get() + 1);
            let mut report = Report {
                activity: Activity::Managing,
                members: Members::first(2),
                away: Members::NONE.with(web),
                ..Report::STOPPED
            };
            let of_web = Report {
                holds_own_address: true,
                finds_no_taker: true,
                ..report
            };
            if looks.get() > 1 {
                report.events[1] = Some((Kind::NoRoom, 0));
            }
            let told = vec![Ok(report), Ok(of_web)];
            let overview =
                Overview::new("office", &["mail", "web"].map(str::to_owned), me(), &told);
            async { Look { told, overview } }
        };
        let wanted = Wanted::HandOver {
            server: web,
            to: None,
        };
        let followed = followed(me(), &wanted, LOOK_EVERY, looking).await;
        assert!(followed.is_to_be_withdrawn);
        let why = "nobody takes the function of web: mail has no room for its virtual server";
        assert_eq!(followed.word, Word::new(Standing::Failed, why));
    }

    #[test]
    fn names_become_places_whatever_their_case_and_strangers_are_named() {
        let ring = ["mail", "web"].map(|name| name.parse().unwrap());
        let wanted = |server: &str| Wanted::HandBack {
            server: server.to_owned(),
        };
        let server = ServerId::new(1).unwrap();
        let placed_web = placed(wanted("WEB"), &ring);
        assert_eq!(placed_web, Ok(Wanted::HandBack { server }));
        let refused = placed(wanted("ftp"), &ring).unwrap_err();
        assert!(refused.contains("mail, web, found \"ftp\""), "{refused}");
    }
}
