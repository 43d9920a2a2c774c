//! Whose data are brought home before an address is released, and what breaks that off.

use super::*;

const fn release(function: ServerId) -> Action {
    Action::Release { function }
}

#[tokio::test(start_paused = true)]
async fn data_go_before_an_address_that_is_given_back_and_before_no_other() {
    let function = function();
    let mut bench = Bench::new();
    let job = bench
        .begin_giving_back(release(function), Members::NONE.with(function))
        .await;
    assert_eq!(bench.server.calls(), ["synchronise"]);
    // That it fails holds nothing up.
    bench.let_end(2).await;
    let calls = ["synchronise", "end", "release", "end"];
    assert_eq!(bench.server.calls(), calls);
    assert_eq!(bench.results(), [(job, Outcome::Ok)]);

    let other = ServerId::new(2).unwrap();
    for giving_back in [Members::NONE, Members::NONE.with(other)] {
        let mut bench = Bench::new();
        bench
            .begin_giving_back(release(function), giving_back)
            .await;
        assert_eq!(bench.server.calls(), ["release"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_in_a_hurry_leaves_the_data_behind() {
    let function = function();
    let giving_back = Members::NONE.with(function);
    // The management programs stop, or want the virtual server suspended.
    let mut bench = Bench::new();
    let job = bench
        .begin_giving_back(release(function), giving_back)
        .await;
    bench.begin(suspend(function)).await;
    bench.cancel(job).await;
    assert_eq!(bench.server.calls(), ["synchronise", "release"]);
    bench.let_end(1).await;
    assert_eq!(
        bench.server.calls(),
        ["synchronise", "release", "end", "suspend"]
    );
}

#[tokio::test(start_paused = true)]
async fn data_stay_when_the_real_server_fails_again() {
    let function = function();
    let giving_back = Members::NONE.with(function);
    let mut bench = Bench::new();
    bench
        .begin_giving_back(release(function), giving_back)
        .await;
    bench.jobs.stepped(giving_back);
    settle().await;
    assert_eq!(bench.server.calls(), ["synchronise"]);
    bench.jobs.stepped(Members::NONE);
    settle().await;
    assert_eq!(bench.server.calls(), ["synchronise", "release"]);
}

#[tokio::test(start_paused = true)]
async fn data_that_never_arrive_hold_an_address_up_no_longer_than_a_job() {
    let function = function();
    let mut bench = Bench::new();
    bench
        .begin_giving_back(release(function), Members::NONE.with(function))
        .await;
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(bench.server.calls(), ["synchronise"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.server.calls(), ["synchronise", "release"]);
}

#[tokio::test(start_paused = true)]
async fn an_address_whose_hold_ends_while_data_go_is_off_at_once() {
    let function = function();
    let giving_back = Members::NONE.with(function);
    // Without a hold, of the image or of the address, no data go.
    for held in [0, 1] {
        let mut bench = Bench::under(Safety::Guarded, held);
        bench
            .begin_giving_back(release(function), giving_back)
            .await;
        assert_eq!(bench.server.calls(), ["release"]);
    }
    // Each look at the two finds that they end in 5 s, so the second look is the renewal and the third the end.
    let mut bench = Bench::under(Safety::Guarded, 4);
    *bench.server.left.lock().unwrap() = Span::from_secs(5);
    bench
        .begin_giving_back(release(function), giving_back)
        .await;
    tokio::time::sleep(Duration::from_millis(9_500)).await;
    assert_eq!(bench.server.calls(), ["synchronise"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.server.calls(), ["synchronise", "release"]);
    assert_eq!(bench.results(), []);
    bench.let_end(1).await;
    assert_eq!(
        *bench.server.off.lock().unwrap(),
        [Claim::Address(function)]
    );
}
