use super::*;
use std::cell::Cell;
use std::sync::mpsc;

const TERM: Span = Span::from_secs(6);

fn s(number: usize) -> ServerId {
    ServerId::new(number - 1).unwrap()
}

/// A server whose clock counts from an instant of its own.
struct Server {
    witness: Witness,
    clock: Cell<Span>,
}

impl Server {
    fn new(folder: &Path, number: usize, clock_s: u64) -> Self {
        Self {
            witness: Witness::new(folder, s(number), TERM),
            clock: Cell::new(Span::from_secs(clock_s)),
        }
    }

    fn ask(&self, claims: Claims) -> Claims {
        let question = self.witness.question(claims);
        self.witness.ask(question, || self.clock.get()).unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.clock.set(self.clock.get() + Span::from_secs(seconds));
    }
}

/// Two servers with clocks far apart, and a register that has settled.
fn two() -> (tempfile::TempDir, Server, Server) {
    let folder = tempfile::tempdir().unwrap();
    let a = Server::new(folder.path(), 1, 1_000_000);
    let b = Server::new(folder.path(), 2, 5);
    assert_eq!(a.ask(Claims::both(s(1))), Claims::NONE, "a new register");
    a.pass(6);
    assert_eq!(a.ask(Claims::both(s(1))), Claims::both(s(1)));
    (folder, a, b)
}

#[test]
fn a_vote_ends_for_a_reader_after_a_term_of_its_own_clock() {
    let (_folder, a, b) = two();
    let both = Claims::both(s(1));
    assert_eq!(b.ask(both), Claims::NONE);
    b.pass(5);
    assert_eq!(b.ask(both), Claims::NONE);
    // It is renewed, whatever a's clock says, and so the count begins anew.
    assert_eq!(a.ask(both), both);
    b.pass(5);
    assert_eq!(b.ask(both), Claims::NONE);
    b.pass(5);
    assert_eq!(b.ask(both), Claims::NONE);
    b.pass(1);
    assert_eq!(b.ask(both), both);
    assert_eq!(a.ask(both), Claims::NONE, "the first holder came too late");
}

#[test]
fn what_is_given_up_is_free_at_once() {
    let (_folder, a, b) = two();
    let both = Claims::both(s(1));
    assert_eq!(
        a.ask(Claims::NONE.with(Claim::Image(s(1)))),
        Claims::NONE.with(Claim::Image(s(1)))
    );
    assert_eq!(b.ask(both), Claims::NONE.with(Claim::Address(s(1))));
}

#[test]
fn a_reader_that_was_restarted_counts_from_the_beginning() {
    let (folder, _, b) = two();
    let both = Claims::both(s(1));
    assert_eq!(b.ask(both), Claims::NONE);
    let again = Server::new(folder.path(), 2, 100);
    assert_eq!(again.ask(both), Claims::NONE);
    again.pass(5);
    assert_eq!(again.ask(both), Claims::NONE);
    // Its own votes are its own in its next life, too.
    again.pass(1);
    assert_eq!(again.ask(both), both);
    assert_eq!(Server::new(folder.path(), 2, 0).ask(both), both);
}

#[test]
fn a_register_that_forgot_its_votes_gives_none_for_a_term() {
    let (folder, a, b) = two();
    let both = Claims::both(s(1));
    for broken in [None, Some(""), Some("{"), Some("{\"born\":1}")] {
        let path = folder.path().join("register");
        match broken {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        assert_eq!(b.ask(both), Claims::NONE, "{broken:?}");
        b.pass(5);
        assert_eq!(b.ask(both), Claims::NONE, "{broken:?}");
        a.pass(100);
        assert_eq!(
            a.ask(both),
            Claims::NONE,
            "{broken:?}: a has seen it only now"
        );
        b.pass(1);
        assert_eq!(b.ask(both), both, "{broken:?}");
    }
}

#[test]
fn an_old_question_frees_nothing() {
    let (_folder, a, _) = two();
    let old = a.witness.question(Claims::NONE);
    assert_eq!(a.ask(Claims::both(s(1))), Claims::both(s(1)));
    let refused = a.witness.ask(old, || a.clock.get());
    assert!(matches!(refused, Err(WitnessError::Old)));
    assert!(a.witness.read().unwrap().unwrap().votes.len() == 2);
}

#[test]
fn what_took_too_long_is_thrown_away() {
    let (_folder, a, b) = two();
    let before = a.witness.read().unwrap();
    // The clock of whoever asks jumps by more than the lock is worth, at each look.
    let now = || {
        b.pass(6);
        b.clock.get()
    };
    let question = b.witness.question(Claims::both(s(2)));
    assert!(matches!(
        b.witness.ask(question, now),
        Err(WitnessError::TooLong)
    ));
    assert_eq!(a.witness.read().unwrap(), before);
}

#[test]
fn a_lock_of_another_server_is_waited_for() {
    let (folder, a, _) = two();
    let held = File::open(folder.path().join("lock")).unwrap();
    held.lock().unwrap();
    let (tell, told) = mpsc::channel();
    let witness = a.witness.clone();
    let question = witness.question(Claims::NONE);
    let asking = std::thread::spawn(move || {
        let asked = witness.ask(question, || Span::from_secs(1));
        let _ = tell.send(());
        asked
    });
    // It would be there long before, if it did not wait.
    let early = told.recv_timeout(std::time::Duration::from_millis(300));
    assert!(early.is_err(), "the lock was not waited for");
    drop(held);
    assert_eq!(asking.join().unwrap().unwrap(), Claims::NONE);
}

#[test]
fn many_servers_at_once_never_share_a_vote() {
    let folder = tempfile::tempdir().unwrap();
    let settled = Server::new(folder.path(), 1, 0);
    settled.ask(Claims::NONE);
    settled.pass(6);
    settled.ask(Claims::NONE);
    let both = Claims::both(s(1));
    let got = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=8)
            .map(|n| {
                let witness = Witness::new(folder.path(), s(n), TERM);
                scope.spawn(move || {
                    let question = witness.question(both);
                    witness.ask(question, || Span::from_secs(1)).unwrap()
                })
            })
            .collect();
        let granted = threads.into_iter().map(|thread| thread.join().unwrap());
        granted.filter(|granted| !granted.is_empty()).count()
    });
    assert_eq!(got, 1);
}
