//! Each way in which a reply can be wrong, on each transport.

use std::time::Duration;

use hazard_core::link::{Exception, LinkFault, ReadRequest, Table, WriteRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::device::Act;
use super::rig::{Rig, Wiring, assert_no_lie, holding, timing, truth};

/// What a fault must come to; `None` is the true value.
fn expected(wiring: Wiring, act: Act) -> Option<&'static [LinkFault]> {
    use LinkFault::{Garbled, Gone, Refused, Silent};
    match (act, wiring) {
        (Act::Answer | Act::Doubled, _) => None,
        // A resynchronised RTU frame has its CRC; a TCP stream has nothing to resynchronise on.
        (Act::NoiseBefore, Wiring::Rtu | Wiring::RtuOverTcp) => None,
        (Act::NoiseBefore, Wiring::Tcp) => Some(&[Garbled, Silent]),
        // Bytes that are no frame are not silence.
        (Act::BadCheck | Act::Truncated, Wiring::Rtu | Wiring::RtuOverTcp) => Some(&[Garbled]),
        (Act::Truncated | Act::BlackHole | Act::Late(_) | Act::LateAside(_), _) => Some(&[Silent]),
        (Act::Refuse(_), _) => Some(&[Refused(Exception::Busy)]),
        (Act::Close, _) => Some(&[Gone]),
        _ => Some(&[Garbled]),
    }
}

const FAULTS: [Act; 11] = [
    Act::ForeignUnit,
    Act::WrongFunction,
    Act::OneShort,
    Act::OneLong,
    Act::BadCheck,
    Act::Truncated,
    Act::Doubled,
    Act::NoiseBefore,
    Act::Refuse(6),
    Act::BlackHole,
    Act::Close,
];

async fn one_fault_then_good(wiring: Wiring, act: Act) {
    let context = format!("{act:?} on {wiring:?}");
    let rig = Rig::new(wiring).await;
    let (mut link, stats) = rig.link();
    let timing = timing(300, 200);
    rig.device.plan(&[Act::Answer, act]);
    let first = holding(3, 10, 4);
    assert_eq!(link.read(&first, timing).await, Ok(truth(&first)), "{context}");
    let result = link.read(&first, timing).await;
    assert_no_lie(&first, &result, &context);
    match expected(wiring, act) {
        None => assert_eq!(result, Ok(truth(&first)), "{context}"),
        Some(faults) => {
            assert!(faults.contains(&result.clone().unwrap_err()), "{result:?}: {context}")
        }
    }
    // Another start of the same unit and the same start of another one: both could be mistaken for the first.
    for next in [holding(3, 50, 4), holding(4, 10, 4), holding(3, 90, 4), holding(5, 10, 1)] {
        assert_eq!(link.read(&next, timing).await, Ok(truth(&next)), "{next:?} after {context}");
    }
    let counts = stats.snapshot();
    assert_eq!(counts.requests, 6, "{context}");
    // Only a clean exchange keeps a connection; a port is kept, for there is nothing behind it that could hold bytes back.
    let is_clean =
        matches!(result, Ok(_) | Err(LinkFault::Refused(_))) && (act, wiring) != (Act::Doubled, Wiring::Tcp);
    let connects = if is_clean || wiring == Wiring::Rtu { 1 } else { 2 };
    assert_eq!(counts.connects, connects, "{context}");
    let ended = counts.replies + counts.silent + counts.garbled + counts.refused + counts.gone;
    assert_eq!(ended, counts.requests, "{context}: {counts:?}");
}

#[tokio::test]
async fn no_fault_of_a_reply_becomes_a_value_and_the_next_exchange_is_good() {
    let mut cases = JoinSet::new();
    for wiring in Wiring::ALL {
        for act in FAULTS {
            // A serial device cannot hang up; pulling its plug has a test of its own.
            if (wiring, act) != (Wiring::Rtu, Act::Close) {
                cases.spawn(one_fault_then_good(wiring, act));
            }
        }
    }
    cases.spawn(one_fault_then_good(Wiring::Tcp, Act::WrongTransaction));
    cases.join_all().await;
}

#[tokio::test]
async fn a_wrong_count_is_garbled_on_every_table_and_never_a_panic() {
    for wiring in Wiring::ALL {
        let rig = Rig::new(wiring).await;
        let (mut link, _) = rig.link();
        for (table, count) in
            [(Table::Holding, 7), (Table::Input, 125), (Table::Coil, 17), (Table::Discrete, 9)]
        {
            for act in [Act::OneShort, Act::OneLong] {
                let read = ReadRequest { unit: 9, table, start: 3, count };
                rig.device.plan(&[act]);
                // 125 registers and one more do not fit the byte that counts them: any fault will do.
                let result = link.read(&read, timing(100, 20)).await;
                assert!(result.is_err(), "{result:?}: {act:?} {table:?} on {wiring:?}");
                if (act, count) != (Act::OneLong, 125) {
                    assert_eq!(result, Err(LinkFault::Garbled), "{act:?} {table:?} on {wiring:?}");
                }
                let good = link.read(&read, timing(500, 20)).await;
                assert_eq!(good, Ok(truth(&read)), "{table:?} on {wiring:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_write_is_confirmed_by_its_own_echo_only() {
    for wiring in Wiring::ALL {
        let rig = Rig::new(wiring).await;
        let (mut link, _) = rig.link();
        for coils in [vec![true], vec![false], vec![true, false, true]] {
            let write = WriteRequest { unit: 2, start: 8, coils };
            let timing = timing(300, 20);
            assert_eq!(link.write(&write, timing).await, Ok(()), "{wiring:?}");
            rig.device.plan(&[Act::WrongEcho]);
            let echoed_wrongly = link.write(&write, timing).await;
            assert_eq!(echoed_wrongly, Err(LinkFault::Garbled), "{write:?} on {wiring:?}");
            rig.device.plan(&[Act::Refuse(2)]);
            let refused = Err(LinkFault::Refused(Exception::IllegalAddress));
            assert_eq!(link.write(&write, timing).await, refused, "{wiring:?}");
            assert_eq!(link.write(&write, timing).await, Ok(()), "{wiring:?}");
        }
    }
}

#[tokio::test]
async fn each_exception_keeps_its_meaning_and_leaves_the_line_clean() {
    use Exception::*;
    let meanings = [
        (1, IllegalFunction),
        (2, IllegalAddress),
        (3, IllegalValue),
        (4, DeviceFailure),
        (5, Acknowledge),
        (6, Busy),
        (7, Other(7)),
        (8, Other(8)),
        (10, GatewayPath),
        (11, GatewayTarget),
        (0xE0, Other(0xE0)),
    ];
    for wiring in Wiring::ALL {
        let rig = Rig::new(wiring).await;
        let (mut link, stats) = rig.link();
        for (code, meaning) in meanings {
            rig.device.plan(&[Act::Refuse(code)]);
            let result = link.read(&holding(1, 0, 2), timing(500, 5000)).await;
            assert_eq!(result, Err(LinkFault::Refused(meaning)), "{wiring:?}");
        }
        assert_eq!(stats.snapshot().connects, 1, "{wiring:?}");
        assert_eq!(stats.snapshot().stray_bytes, 0, "{wiring:?}");
    }
}

#[tokio::test]
async fn a_request_that_the_protocol_cannot_carry_is_refused_without_being_sent() {
    let rig = Rig::new(Wiring::Tcp).await;
    let (mut link, _) = rig.link();
    let refused = Err(LinkFault::Refused(Exception::IllegalValue));
    assert_eq!(link.read(&holding(1, 0, 0), timing(100, 0)).await, refused.clone());
    assert_eq!(link.read(&holding(1, 0, 126), timing(100, 0)).await, refused);
    let write = WriteRequest { unit: 1, start: 0, coils: vec![true; 1969] };
    assert_eq!(link.write(&write, timing(100, 0)).await, Err(LinkFault::Refused(Exception::IllegalValue)));
    assert!(rig.device.diary().is_empty());
}

#[tokio::test]
async fn a_healthy_tcp_connection_is_kept_and_one_that_the_device_closed_is_opened_again_without_a_fault() {
    for wiring in [Wiring::Tcp, Wiring::RtuOverTcp] {
        let rig = Rig::new(wiring).await;
        let (mut link, stats) = rig.link();
        let read = holding(1, 0, 2);
        for _ in 0..20 {
            assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
        }
        assert_eq!(stats.snapshot().connects, 1, "{wiring:?}");
        rig.device.plan(&[Act::AnswerThenClose]);
        assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)));
        // One runtime runs device and link: let the device hang up and the reactor notice.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(link.read(&read, timing(500, 0)).await, Ok(truth(&read)), "{wiring:?}");
        assert_eq!(stats.snapshot().connects, 2, "{wiring:?}");
    }
}

#[tokio::test]
async fn a_bus_that_cannot_be_opened_is_gone_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let host = || "127.0.0.1".to_owned();
    let path = "/dev/serial/by-path/there-is-no-such-port".into();
    let serial = hazard_agent::settings::Serial {
        path,
        baud: 9600,
        parity: hazard_agent::settings::Parity::Even,
        stop_bits: 1,
    };
    use hazard_agent::settings::Endpoint;
    let rig = Rig::new(Wiring::Tcp).await;
    for endpoint in [
        Endpoint::Tcp { host: host(), port },
        Endpoint::RtuOverTcp { host: host(), port },
        Endpoint::Rtu(serial),
    ] {
        let settings = hazard_agent::settings::BusLink { endpoint, ..rig.settings.clone() };
        let stats = std::sync::Arc::default();
        let mut link = hazard_agent::modbus::Link::new(settings, std::sync::Arc::clone(&stats));
        let asked_at = Instant::now();
        for _ in 0..3 {
            let result = link.read(&holding(1, 0, 1), timing(5000, 5000)).await;
            assert_eq!(result, Err(LinkFault::Gone));
        }
        assert!(asked_at.elapsed() < Duration::from_secs(2), "{:?}", asked_at.elapsed());
        assert_eq!(stats.snapshot().connect_failures, 3);
    }
}
