//! Late replies: the value of the last request is never given to the next one.

use std::time::Duration;

use hazard_core::link::{LinkFault, ReadRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::device::Act;
use super::rig::{Rig, Wiring, ask_until_good, assert_no_lie, holding, timing, truth};

const TIMEOUT_MS: u64 = 200;
const LATE_WINDOW_MS: u64 = 1000;

async fn late_then(wiring: Wiring, late: Act, next: ReadRequest) {
    let context = format!("{late:?} on {wiring:?}, then {next:?}");
    let rig = Rig::new(wiring).await;
    let (mut link, _) = rig.link();
    let timing = timing(TIMEOUT_MS, LATE_WINDOW_MS);
    let first = holding(1, 100, 1);
    assert_eq!(link.read(&first, timing).await, Ok(truth(&first)), "{context}");
    rig.device.plan(&[late]);
    assert_eq!(link.read(&first, timing).await, Err(LinkFault::Silent), "{context}");
    // Keep asking across the moment at which the late reply comes in.
    let asked_at = Instant::now();
    while asked_at.elapsed() < Duration::from_millis(1100) {
        let result = link.read(&next, timing).await;
        assert_no_lie(&next, &result, &context);
    }
    ask_until_good(&mut link, &next, timing).await;
    ask_until_good(&mut link, &first, timing).await;
}

#[tokio::test]
async fn a_late_reply_is_never_given_to_the_next_request() {
    let mut cases = JoinSet::new();
    for wiring in Wiring::ALL {
        for millis in [350, 390, 500, 900] {
            for late in [Act::Late(millis), Act::LateAside(millis)] {
                cases.spawn(late_then(wiring, late, holding(1, 200, 1)));
                cases.spawn(late_then(wiring, late, holding(2, 100, 1)));
            }
        }
    }
    cases.join_all().await;
}

#[tokio::test]
async fn a_unit_that_owes_an_answer_is_not_asked_within_its_late_window_and_others_are() {
    for wiring in [Wiring::Rtu, Wiring::RtuOverTcp] {
        for owing in [Act::BlackHole, Act::ForeignUnit] {
            let rig = Rig::new(wiring).await;
            let (mut link, _) = rig.link();
            rig.device.plan(&[owing]);
            let timing = timing(100, 300);
            let begun_at = Instant::now();
            assert!(link.read(&holding(1, 0, 1), timing).await.is_err());
            assert_eq!(link.read(&holding(2, 0, 1), timing).await, Ok(truth(&holding(2, 0, 1))));
            assert_eq!(link.read(&holding(1, 0, 1), timing).await, Ok(truth(&holding(1, 0, 1))));
            let diary = rig.device.diary();
            let (others, same) = (diary[1].at - begun_at, diary[2].at - begun_at);
            assert!(others < Duration::from_millis(390), "{others:?} {owing:?} on {wiring:?}");
            assert!(same >= Duration::from_millis(400), "{same:?} {owing:?} on {wiring:?}");
        }
    }
}

#[tokio::test]
async fn a_late_reply_of_a_run_before_is_not_taken_for_an_answer() {
    let rig = Rig::new(Wiring::Rtu).await;
    let timing = timing(100, 100);
    rig.device.plan(&[Act::LateAside(300)]);
    let (mut link, _) = rig.link();
    assert_eq!(link.read(&holding(1, 0, 1), timing).await, Err(LinkFault::Silent));
    drop(link);
    while rig.device.late_replies() == 0 {
        tokio::task::yield_now().await;
    }
    let (mut restarted, stats) = rig.link();
    let next = holding(1, 50, 1);
    assert_eq!(restarted.read(&next, timing).await, Ok(truth(&next)));
    assert_eq!(stats.snapshot().stray_bytes, 7);
}
