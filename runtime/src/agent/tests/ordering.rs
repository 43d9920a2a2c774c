//! Orders that an operator gives to two whole agents.

use super::*;
use crate::orders::{Standing, Wanted, Word};
use crate::overview::{Overview, Served};

/// What an agent says of an order, word by word.
async fn order(site: &Site, order: Wanted<&str>) -> Vec<Word> {
    let name = |server: &str| Ok::<_, ()>(server.to_owned());
    let question = Ask::Order {
        order: order.named(name).unwrap(),
        wait_ms: Some(PATIENCE.as_millis() as u64),
    };
    let word = |answer| match answer {
        Answer::Order(word) => word,
        other => panic!("{other:?}"),
    };
    ask(site, question).await.into_iter().map(word).collect()
}

/// Gives an order that is followed to its end, which is told.
async fn carried_out(site: &Site, wanted: Wanted<&str>) -> String {
    let [given, done] = &order(site, wanted).await[..] else {
        panic!("an order has a beginning and an end");
    };
    assert_eq!(
        (given.standing, done.standing),
        (Standing::Given, Standing::Done),
        "{done:?}"
    );
    done.text.clone()
}

async fn refused(site: &Site, wanted: Wanted<&str>) -> String {
    let [word] = &order(site, wanted).await[..] else {
        panic!("what is refused is not followed");
    };
    assert_eq!(word.standing, Standing::Refused, "{word:?}");
    word.text.clone()
}

async fn seen(site: &Site) -> Overview {
    ring(site).await.unwrap()
}

#[tokio::test]
async fn orders_are_carried_out_by_both_servers_wherever_they_are_given() {
    let group = Group::new();
    let [one, two] = [&group.sites[0], &group.sites[1]];
    let _agents = [group.start(0), group.start(1)];
    until_phase(one, "stopped").await;
    let freeze = |on| Wanted::Freeze { on };
    let why = refused(one, freeze(true)).await;
    assert!(why.contains("server1 are stopped"), "{why}");
    manage(&group).await;
    until_well(&group).await;

    carried_out(one, freeze(true)).await;
    assert_eq!(seen(two).await.frozen, Some(true));
    assert!(!seen(two).await.is_all_well());
    let hand_over = |to| Wanted::HandOver {
        server: "server2",
        to,
    };
    refused(two, hand_over(None)).await;
    carried_out(two, freeze(false)).await;

    let maintenance = |on| Wanted::Maintenance {
        server: Some("server2"),
        on,
    };
    carried_out(one, maintenance(true)).await;
    assert_eq!(seen(two).await.servers[1].maintenance, Some(true));
    carried_out(two, maintenance(false)).await;
    assert_eq!(seen(one).await.servers[1].maintenance, Some(false));

    let why = refused(one, hand_over(Some("server2"))).await;
    assert!(why.contains("goes to server1"), "{why}");
    let text = carried_out(one, hand_over(Some("server1"))).await;
    assert!(text.contains("on server1"), "{text}");
    let host = "server1".to_owned();
    let served = seen(two).await.servers[1].function.clone();
    assert_eq!(served, Served::VirtualServer { host });
    carried_out(two, Wanted::HandBack { server: "server2" }).await;
    let served = seen(one).await.servers[1].function.clone();
    assert_eq!(served, Served::Itself);
    // What is so already is done at once.
    let words = order(one, Wanted::Rejoin { server: "server2" }).await;
    assert_eq!(words.len(), 1);
    assert_eq!(words[0].standing, Standing::Done);
}

#[tokio::test]
async fn a_hand_over_that_nobody_takes_is_withdrawn_and_a_stranger_is_no_server() {
    let mut group = Group::new();
    // The other server has no room for a virtual server.
    group.sites[0].guests_max = 0;
    let [one, two] = [&group.sites[0], &group.sites[1]];
    let _agents = [group.start(0), group.start(1)];
    manage(&group).await;
    until_well(&group).await;
    let hand_over = Wanted::HandOver {
        server: "server2",
        to: None,
    };
    let words = order(two, hand_over).await;
    let last = words.last().unwrap();
    assert_eq!(last.standing, Standing::Failed, "{words:?}");
    assert!(last.text.contains("server1 has no room"), "{words:?}");
    assert!(last.text.contains("was withdrawn"), "{words:?}");
    until("the withdrawal", || async move {
        seen(two).await.servers[1].away == Some(false)
    })
    .await;
    let question = Ask::Order {
        order: Wanted::HandBack {
            server: "server3".to_owned(),
        },
        wait_ms: None,
    };
    let answers = ask(one, question).await;
    assert!(
        matches!(&answers[..], [Answer::Error { why }] if why.contains("server1, server2")),
        "{answers:?}"
    );
}
