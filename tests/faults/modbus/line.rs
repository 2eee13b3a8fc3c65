//! The serial line itself: silence between frames, babble, broadcast, and the plug.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hazard_agent::modbus::{Link, LinkStats};
use hazard_agent::settings::BusLink;
use hazard_core::link::{LinkFault, WriteRequest};
use tokio::time::{Instant, sleep};

use super::device::{Act, send};
use super::rig::{Rig, Wiring, ask_until_good, holding, timing, truth};

#[tokio::test]
async fn the_silence_between_frames_is_kept() {
    let pause = |unit| vec![(unit, Duration::from_millis(40))];
    for (wiring, gap_ms, pauses, expected) in [
        (Wiring::Rtu, 0, Vec::new(), Duration::from_micros(1750)),
        (Wiring::Rtu, 25, pause(2), Duration::from_millis(25)),
        (Wiring::RtuOverTcp, 25, Vec::new(), Duration::from_millis(25)),
        (Wiring::Tcp, 25, Vec::new(), Duration::from_millis(25)),
        (Wiring::Rtu, 0, pause(1), Duration::from_millis(40)),
        (Wiring::RtuOverTcp, 25, pause(1), Duration::from_millis(40)),
        (Wiring::Tcp, 0, pause(1), Duration::from_millis(40)),
    ] {
        let rig = Rig::new(wiring).await;
        let gap = Duration::from_millis(gap_ms);
        let settings = BusLink { gap, pauses, ..rig.settings.clone() };
        let mut link = Link::new(settings, Arc::default());
        for _ in 0..8 {
            let read = holding(1, 0, 2);
            assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
        }
        for pair in rig.device.diary().windows(2) {
            // From hearing one request to hearing the next there is the answer and the silence.
            let between = pair[1].at - pair[0].at;
            assert!(between >= expected, "{between:?} < {expected:?} on {wiring:?}");
        }
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_are_dropped_and_counted() {
    let rig = Rig::new(Wiring::Rtu).await;
    let (mut link, stats) = rig.link();
    let read = holding(1, 0, 1);
    assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
    // A whole valid answer to a read of another register: unit 1, function 3, value 0x0163.
    rig.device.plan(&[Act::Doubled]);
    assert_eq!(link.read(&holding(1, 99, 1), timing(500, 0)).await, Ok(truth(&holding(1, 99, 1))));
    send(&rig.sink, &[1, 3, 2]).await;
    assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
    assert_eq!(stats.snapshot().stray_bytes, 7 + 3);
}

#[tokio::test]
async fn a_line_that_never_falls_silent_is_garbled_within_a_bound_and_nothing_is_sent_into_it() {
    let rig = Rig::new(Wiring::Rtu).await;
    let (mut link, stats) = rig.link();
    let read = holding(1, 0, 1);
    assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
    let (sink, babbles) = (Arc::clone(&rig.sink), Arc::new(AtomicBool::new(true)));
    let babbling = Arc::clone(&babbles);
    let (started, has_started) = tokio::sync::oneshot::channel();
    let babbler = tokio::spawn(async move {
        send(&sink, &[0x55; 8]).await;
        started.send(()).unwrap();
        while babbling.load(Ordering::Relaxed) {
            send(&sink, &[0x55; 8]).await;
            sleep(Duration::from_millis(2)).await;
        }
    });
    has_started.await.unwrap();
    let asked_at = Instant::now();
    assert_eq!(link.read(&read, timing(500, 0)).await, Err(LinkFault::Garbled));
    assert!(asked_at.elapsed() < Duration::from_millis(1500), "{:?}", asked_at.elapsed());
    assert_eq!(rig.device.diary().len(), 1);
    babbles.store(false, Ordering::Relaxed);
    babbler.await.unwrap();
    assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
    assert!(stats.snapshot().stray_bytes > 100);
}

#[tokio::test]
async fn a_broadcast_is_sent_and_not_waited_for_and_the_units_get_time_to_act() {
    for wiring in [Wiring::Rtu, Wiring::RtuOverTcp] {
        for coils in [vec![true], vec![true; 20]] {
            let rig = Rig::new(wiring).await;
            let (mut link, stats) = rig.link();
            rig.device.plan(&[Act::BlackHole]);
            let asked_at = Instant::now();
            let write = WriteRequest { unit: 0, start: 4, coils };
            assert_eq!(link.write(&write, timing(5000, 5000)).await, Ok(()), "{wiring:?}");
            assert!(asked_at.elapsed() < Duration::from_secs(2), "{:?}", asked_at.elapsed());
            let read = holding(1, 0, 1);
            assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)), "{wiring:?}");
            let diary = rig.device.diary();
            assert_eq!((diary[0].unit, diary[0].start), (0, 4));
            let pause = diary[1].at - asked_at;
            assert!(pause >= Duration::from_millis(100), "{pause:?} on {wiring:?}");
            assert_eq!(stats.snapshot().connects, 1, "{wiring:?}");
        }
    }
}

#[tokio::test]
async fn an_unplugged_port_is_gone_and_is_opened_again_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("port");
    let rig = Rig::on_a_line(Some(path.clone()));
    let stats = Arc::new(LinkStats::default());
    let mut link = Link::new(rig.settings.clone(), Arc::clone(&stats));
    let (read, timing) = (holding(1, 0, 1), timing(300, 300));
    assert_eq!(link.read(&read, timing).await, Ok(truth(&read)));

    rig.unplug().await;
    std::fs::remove_file(&path).unwrap();
    for _ in 0..3 {
        let asked_at = Instant::now();
        assert_eq!(link.read(&read, timing).await, Err(LinkFault::Gone));
        assert!(asked_at.elapsed() < Duration::from_millis(250), "{:?}", asked_at.elapsed());
    }
    let _replugged = Rig::on_a_line(Some(path));
    assert_eq!(link.read(&read, timing).await, Ok(truth(&read)));
    assert_eq!(stats.snapshot().connects, 2);
}

#[tokio::test]
async fn a_port_that_is_pulled_while_a_request_waits_ends_it_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("port");
    let rig = Rig::on_a_line(Some(path.clone()));
    let (mut link, _) = rig.link();
    rig.device.plan(&[Act::BlackHole]);
    let (read, timing) = (holding(1, 0, 1), timing(3000, 500));
    let asked_at = Instant::now();
    let device = rig.device.clone();
    let (result, ()) = tokio::join!(link.read(&read, timing), async move {
        while device.diary().is_empty() {
            tokio::task::yield_now().await;
        }
        rig.unplug().await;
    });
    assert_eq!(result, Err(LinkFault::Gone));
    assert!(asked_at.elapsed() < Duration::from_secs(2), "{:?}", asked_at.elapsed());
    // The unit owes an answer; a port that is not there is reported without waiting for it.
    std::fs::remove_file(&path).unwrap();
    let asked_at = Instant::now();
    assert_eq!(link.read(&read, timing).await, Err(LinkFault::Gone));
    assert!(asked_at.elapsed() < Duration::from_secs(2), "{:?}", asked_at.elapsed());
    let _replugged = Rig::on_a_line(Some(path));
    ask_until_good(&mut link, &holding(2, 0, 1), timing).await;
}
