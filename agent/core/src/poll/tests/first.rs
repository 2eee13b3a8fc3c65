//! First reads: after a start and after a device came back, nothing is known of its points until they are read.

use super::*;
use crate::id::PointId;
use crate::sensor::{StatusSpec, Test, Trouble};

/// A value each second, what its device says of it each 200 s, and two points each minute.
fn slow() -> SiteTables {
    let mut tables = points(1);
    for (address, seconds) in [(100, 200), (200, 60), (300, 60)] {
        let mut point = fixture::point("P", 0);
        point.source.address = address;
        point.period = Duration::from_secs(seconds);
        point.safety = address == 300;
        tables.points.push(point);
    }
    let trouble = Trouble::WarmUp;
    tables.statuses = vec![StatusSpec {
        source: PointId(1),
        test: Test::Bit(0),
        of: vec![PointId(0)],
        trouble,
        category: trouble.category(),
        limit: Duration::from_secs(60),
    }];
    tables
}

/// What is read until nothing is due.
fn all(line: &mut Line) -> Vec<u16> {
    let mut asked = Vec::new();
    while let Some((start, _)) = line.asks().pop() {
        asked.push(start);
        line.settle(Ok(()));
    }
    asked
}

#[test]
fn at_a_start_everything_is_read_at_once_safety_first_and_before_a_value_what_its_device_says() {
    let mut line = Line::new(slow(), Duration::from_millis(1));
    assert_eq!(all(&mut line), [100, 0, 300, 200]);
    line.now = Mono::from_millis(1000);
    assert_eq!(all(&mut line), [0], "the rest has its turns on the grid");
    assert!(line.count().is_even(), "{:?}", line.count());
}

#[test]
fn a_device_that_came_back_is_read_at_once_the_same_way() {
    let mut line = Line::new(slow(), Duration::from_millis(1));
    all(&mut line);
    line.dead = vec![DeviceId(0)];
    line.run(Duration::from_secs(8));
    assert!(line.health[0].is_offline());
    line.dead.clear();
    line.now = line.now.max(line.wake());
    let mut read = Vec::new();
    // The probe, and what its answer makes due.
    while read.len() < 4 && line.now < Mono::from_millis(40_000) {
        read.extend(all(&mut line));
        line.now = line.now.max(line.wake());
    }
    assert_eq!(read, [100, 0, 300, 200]);
}

#[test]
fn a_status_that_was_refused_is_asked_for_at_once_when_its_device_came_back() {
    let mut line = Line::new(slow(), Duration::from_millis(1));
    for _ in 0..6 {
        while !matches!(line.asks().pop(), Some((100, _))) {
            if line.poller.is_busy() {
                line.settle(Ok(()));
            }
            line.now = line.now.max(line.wake());
        }
        line.settle(REFUSED);
    }
    while !line.health[0].is_offline() {
        line.now = line.now.max(line.wake());
        if line.send().is_some() {
            line.settle(SILENT);
        }
    }
    line.now = line.wake();
    assert_eq!(line.asks().pop().map(|(start, _)| start), Some(100));
}
