//! What an operator is told by two whole agents.

use super::*;
use crate::happened::Kind;
use crate::journal::{Entry, What};
use crate::overview::{Served, State};

async fn journal(site: &Site) -> Vec<Entry> {
    let question = Ask::Journal {
        since_unix_ms: 0,
        follow: false,
    };
    let entry = |answer| match answer {
        Answer::Entry(entry) => entry,
        other => panic!("{other:?}"),
    };
    ask(site, question).await.into_iter().map(entry).collect()
}

async fn metrics(site: &Site) -> String {
    match ask(site, Ask::Metrics).await.pop() {
        Some(Answer::Metrics { text }) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_server_tells_of_the_whole_ring_and_whom_it_could_not_ask() {
    let group = Group::new();
    let [one, two] = [&group.sites[0], &group.sites[1]];
    let agents = [group.start(0), group.start(1)];
    until_phase(one, "stopped").await;
    assert!(
        metrics(one)
            .await
            .contains("tetrarch_executer_phase{phase=\"stopped\"} 1")
    );
    manage(&group).await;
    until_well(&group).await;
    let seen = ring(two).await.unwrap();
    assert_eq!(seen.asked_from, "server2");
    assert_eq!(seen.servers[0].p1.as_deref(), Some("server2"));

    // The other agent goes away, and with it everything that only it can say.
    let [_first, second] = agents;
    second.stop.send(()).unwrap();
    second.task.await.unwrap().unwrap();
    until("a server that cannot be asked", || async move {
        ring(one)
            .await
            .is_some_and(|seen| seen.servers[1].state == State::Unknown)
    })
    .await;
    let seen = ring(one).await.unwrap();
    assert!(!seen.is_all_well());
    let last_known = Some("server2".to_owned());
    assert_eq!(seen.servers[1].function, Served::Unknown { last_known });
    assert!(seen.servers[1].unasked.is_some());
    assert_eq!(seen.servers[0].function, Served::Itself);

    // What it has noted is in the journal, and counted.
    let entries = journal(one).await;
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected);
    let is_managing = |entry: &Entry| matches!(&entry.what, What::Event(happened) if happened.kind == Kind::Managing);
    assert!(entries.iter().any(is_managing), "{entries:?}");
    let text = metrics(one).await;
    assert!(text.contains("tetrarch_managing 1\n"), "{text}");
    assert!(
        text.contains("tetrarch_events_total{kind=\"managing\"} 1\n"),
        "{text}"
    );
}

#[tokio::test]
async fn who_asks_for_events_and_goes_away_takes_nobodys_place() {
    let group = Group::new();
    let site = &group.sites[0];
    let _agent = group.start(0);
    until_phase(site, "stopped").await;
    let question = Ask::Journal {
        since_unix_ms: 0,
        follow: true,
    };
    // More than may ask at once, one after the other.
    for _ in 0..40 {
        let (socket, question) = (site.socket.clone(), question.clone());
        let asked = tokio::task::spawn_blocking(move || control::ask(&socket, &question).is_ok());
        assert!(asked.await.unwrap());
    }
    until("an answer for whoever comes next", || async move {
        status(site).await.is_some()
    })
    .await;
}
