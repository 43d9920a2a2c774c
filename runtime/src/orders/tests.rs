use super::*;
use crate::happened::Kind;
use crate::overview::{Overview, Told};
use crate::report::{Activity, Report};
use tetrarch_core::Members;

const NAMES: [&str; 4] = ["mail", "web", "ftp", "proxy"];

fn server(name: &str) -> ServerId {
    let place = NAMES.iter().position(|known| *known == name).unwrap();
    ServerId::new(place).unwrap()
}

fn set(names: &[&str]) -> Members {
    let servers = names.iter().map(|name| server(name));
    servers.fold(Members::NONE, Members::with)
}

/// A ring in which all is well, to be spoilt.
struct Room(Vec<Told>);

impl Room {
    fn new() -> Self {
        let report = |place: usize| {
            let mut report = Report {
                activity: Activity::Managing,
                holds_own_address: true,
                members: Members::first(4),
                first: set(&[NAMES[(place + 1) % 4]]),
                second: set(&[NAMES[(place + 3) % 4]]),
                ..Report::STOPPED
            };
            for place in 0..4 {
                report.hosts[place] = ServerId::new(place);
            }
            report
        };
        Self((0..4).map(|place| Ok(report(place))).collect())
    }

    fn of(&mut self, name: &str) -> &mut Report {
        self.0[server(name).index()].as_mut().unwrap()
    }

    fn each(&mut self, change: impl Fn(&mut Report)) {
        self.0.iter_mut().flatten().for_each(change);
    }

    fn silence(&mut self, name: &str) {
        self.0[server(name).index()] = Err("it cannot be reached".to_owned());
    }

    /// The function of web with the virtual server on `host`.
    fn move_web_to(&mut self, host: &str) {
        self.of("web").holds_own_address = false;
        self.of(host).serving = set(&["web"]);
    }

    /// As the server `mail` sees it.
    fn looked<T>(&self, look: impl FnOnce(Ring<'_>) -> T) -> T {
        let names = NAMES.map(str::to_owned);
        let me = server("mail");
        let overview = Overview::new("office", &names, me, &self.0);
        look(Ring {
            me,
            told: &self.0,
            overview: &overview,
        })
    }

    fn refusal(&self, wanted: &Wanted<ServerId>) -> String {
        match self.looked(|ring| ring.check(wanted)) {
            Check::Refused(why) => why,
            other => panic!("{other:?}"),
        }
    }

    fn may(&self, wanted: &Wanted<ServerId>) -> bool {
        self.looked(|ring| ring.check(wanted)) == Check::Give
    }

    fn is_so_already(&self, wanted: &Wanted<ServerId>) -> bool {
        matches!(self.looked(|ring| ring.check(wanted)), Check::Already(_))
    }

    fn done(&self, wanted: &Wanted<ServerId>) -> String {
        match self.looked(|ring| ring.progress(wanted)) {
            Progress::Done(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn pending(&self, wanted: &Wanted<ServerId>) -> String {
        match self.looked(|ring| ring.progress(wanted)) {
            Progress::Pending(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn failed(&self, wanted: &Wanted<ServerId>) -> (String, bool) {
        match self.looked(|ring| ring.progress(wanted)) {
            Progress::Failed { why, stands } => (why, stands),
            other => panic!("{other:?}"),
        }
    }
}

fn maintenance(server: Option<ServerId>, on: bool) -> Wanted<ServerId> {
    Wanted::Maintenance { server, on }
}

fn hand_over(to: Option<&str>) -> Wanted<ServerId> {
    Wanted::HandOver {
        server: server("web"),
        to: to.map(server),
    }
}

fn hand_back() -> Wanted<ServerId> {
    Wanted::HandBack {
        server: server("web"),
    }
}

fn rejoin() -> Wanted<ServerId> {
    Wanted::Rejoin {
        server: server("web"),
    }
}

#[test]
fn an_order_is_given_only_where_the_programs_manage() {
    let mut room = Room::new();
    room.of("mail").activity = Activity::Waiting;
    let freeze = Wanted::Freeze { on: true };
    assert!(room.refusal(&freeze).contains("has not found its place"));
    *room.of("mail") = Report::STOPPED;
    let why = room.refusal(&maintenance(None, true));
    assert!(why.contains("of mail are stopped"), "{why}");
    room.silence("mail");
    assert!(room.refusal(&freeze).contains("mail cannot be asked"));
}

#[test]
fn a_maintenance_is_done_when_all_that_manage_know_of_it() {
    let mut room = Room::new();
    let web = Some(server("web"));
    let (begin, end) = (maintenance(web, true), maintenance(web, false));
    assert!(room.may(&begin) && room.is_so_already(&end));
    room.of("mail").maintained = set(&["web"]);
    let text = room.pending(&begin);
    assert_eq!(text, "not heard of yet by web, ftp, proxy");
    room.each(|report| report.maintained = set(&["web"]));
    let text = room.done(&begin);
    assert!(text.starts_with("web is in maintenance"), "{text}");
    assert!(room.is_so_already(&begin) && room.may(&end));
    // One that is away hears of it later, and one whose programs are stopped knows nothing.
    room.silence("ftp");
    *room.of("proxy") = Report::STOPPED;
    let text = room.done(&begin);
    assert!(text.contains("ftp could not be asked"), "{text}");
    // Somebody else has ended it.
    room.each(|report| report.maintained = Members::NONE);
    assert!(!room.failed(&begin).1);
}

#[test]
fn a_maintenance_of_all_is_one_of_each() {
    let mut room = Room::new();
    let (begin, end) = (maintenance(None, true), maintenance(None, false));
    assert!(room.may(&begin) && room.is_so_already(&end));
    room.each(|report| report.maintained = set(&["web"]));
    assert!(room.may(&begin) && room.may(&end));
    room.each(|report| report.maintained = Members::first(4));
    assert!(room.done(&begin).starts_with("all servers"));
    assert_eq!(begin.order(), Order::MaintenanceOfAll { on: true });
}

#[test]
fn while_the_group_is_frozen_nothing_is_ordered_to_move() {
    let mut room = Room::new();
    let (freeze, thaw) = (Wanted::Freeze { on: true }, Wanted::Freeze { on: false });
    assert!(room.may(&freeze) && room.is_so_already(&thaw));
    room.each(|report| report.frozen = true);
    assert!(room.done(&freeze).contains("frozen") && room.may(&thaw));
    for wanted in [hand_over(None), hand_back(), rejoin()] {
        let why = room.refusal(&wanted);
        assert!(why.contains("`tetrarch order thaw`"), "{why}");
    }
    assert!(room.may(&maintenance(Some(server("web")), true)));
    room.of("ftp").frozen = false;
    assert_eq!(room.pending(&freeze), "not heard of yet by ftp");
}

#[test]
fn only_a_function_that_its_server_serves_and_a_manager_can_take_is_handed_over() {
    assert!(Room::new().may(&hand_over(None)));
    let refused = |spoil: fn(&mut Room), part: &str| {
        let mut room = Room::new();
        spoil(&mut room);
        let why = room.refusal(&hand_over(None));
        assert!(why.contains(part), "{why}");
    };
    refused(
        |room| room.of("web").holds_own_address = false,
        "nobody serves",
    );
    refused(|room| room.silence("web"), "is not known: it cannot");
    refused(
        |room| room.of("ftp").serving = set(&["web"]),
        "web and ftp all",
    );
    refused(
        |room| room.of("mail").recovering = set(&["web"]),
        "mail is recovering web",
    );
    refused(
        |room| {
            room.of("mail").members = set(&["web", "ftp"]);
            room.silence("ftp");
        },
        "no manager of web",
    );
}

#[test]
fn a_manager_that_is_named_must_be_the_one_that_takes_it() {
    let mut room = Room::new();
    assert!(room.may(&hand_over(Some("mail"))));
    let why = room.refusal(&hand_over(Some("ftp")));
    assert!(
        why.contains("goes to mail") && why.contains("not to ftp"),
        "{why}"
    );
    // P1 of web as proxy sees it is mail; with mail's programs gone it is P2's turn.
    let me = server("proxy");
    *room.of("mail") = Report::STOPPED;
    let names = NAMES.map(str::to_owned);
    let overview = Overview::new("office", &names, me, &room.0);
    let told = &room.0;
    let ring = Ring {
        me,
        told,
        overview: &overview,
    };
    assert_eq!(ring.check(&hand_over(Some("ftp"))), Check::Give);
    assert!(matches!(
        ring.check(&hand_over(Some("mail"))),
        Check::Refused(_)
    ));
}

#[test]
fn a_hand_over_is_done_when_a_virtual_server_serves() {
    let mut room = Room::new();
    room.each(|report| report.away = set(&["web"]));
    assert!(room.pending(&hand_over(None)).contains("has not moved yet"));
    room.of("web").holds_own_address = false;
    room.pending(&hand_over(None));
    room.move_web_to("ftp");
    let text = room.done(&hand_over(None));
    assert!(text.contains("with the virtual server on ftp"), "{text}");
    // That it goes to another server than was named is no success, and moving it back is the operator's.
    let (why, stands) = room.failed(&hand_over(Some("mail")));
    assert!(why.contains("mail has declined") && !stands, "{why}");
    // Ordered again it is so already, and where a recovery has put it, it is made to stay.
    assert!(room.is_so_already(&hand_over(None)));
    assert!(
        room.refusal(&hand_over(Some("mail")))
            .contains("on ftp already")
    );
    room.each(|report| report.away = Members::NONE);
    assert!(room.may(&hand_over(None)));
    let (why, stands) = room.failed(&hand_over(None));
    assert!(why.contains("another order about web") && !stands, "{why}");
}

#[test]
fn a_hand_over_that_nobody_takes_has_failed_and_says_why() {
    let mut room = Room::new();
    room.each(|report| report.away = set(&["web"]));
    room.of("web").finds_no_taker = true;
    room.of("mail").events[server("web").index()] = Some((Kind::NoRoom, 0));
    room.silence("ftp");
    let (why, stands) = room.failed(&hand_over(None));
    let expected = "nobody takes the function of web: mail has no room for its virtual server, and \
                    ftp cannot be asked";
    assert_eq!((why.as_str(), stands), (expected, true));
    // What came of an order of yesterday is no reason today.
    room.of("mail").events[server("web").index()] = Some((Kind::NoRoom, 3600));
    let (why, _) = room.failed(&hand_over(None));
    assert!(why.contains("mail has declined or failed"), "{why}");
}

#[test]
fn a_hand_back_is_done_when_the_server_serves_itself() {
    let mut room = Room::new();
    assert!(room.is_so_already(&hand_back()));
    room.move_web_to("mail");
    assert!(room.may(&hand_back()));
    room.of("mail").recovering = set(&["web"]);
    assert!(
        room.pending(&hand_back())
            .contains("mail has not found it healthy")
    );
    room.silence("web");
    assert!(room.pending(&hand_back()).contains("it cannot be reached"));
    assert!(
        room.done(&Wanted::HandBack {
            server: server("ftp")
        })
        .contains("serves its own")
    );
    // A hand-over that has not begun is withdrawn by it.
    let mut room = Room::new();
    room.each(|report| report.away = set(&["web"]));
    assert!(room.may(&hand_back()));
}

#[test]
fn a_server_that_was_cut_out_is_started_and_taken_back() {
    let mut room = Room::new();
    assert!(room.is_so_already(&rejoin()));
    room.each(|report| report.members = Members::first(4).without(server("web")));
    room.move_web_to("mail");
    assert!(room.may(&rejoin()));
    assert_eq!(room.looked(|ring| ring.to_start(&rejoin())), None);
    *room.of("web") = Report::STOPPED;
    assert!(room.may(&rejoin()));
    assert_eq!(
        room.looked(|ring| ring.to_start(&rejoin())),
        Some(server("web"))
    );
    assert_eq!(room.looked(|ring| ring.to_start(&hand_back())), None);
    assert!(room.pending(&rejoin()).contains("are stopped"));
    room.silence("web");
    assert!(
        room.refusal(&rejoin())
            .contains("see to it that its agent runs")
    );
    assert_eq!(rejoin().order(), hand_back().order());
}

#[test]
fn words_are_read_as_they_were_written() {
    let wanted = Wanted::HandOver {
        server: "web".to_owned(),
        to: None,
    };
    let json = serde_json::to_string(&wanted).unwrap();
    assert_eq!(json, r#"{"what":"hand-over","server":"web","to":null}"#);
    assert_eq!(
        serde_json::from_str::<Wanted<String>>(&json).unwrap(),
        wanted
    );
    for standing in [
        Standing::Given,
        Standing::Done,
        Standing::Refused,
        Standing::Failed,
        Standing::Pending,
    ] {
        let json = serde_json::to_string(&standing).unwrap();
        assert_eq!(json, format!("{:?}", standing.name()));
    }
}
