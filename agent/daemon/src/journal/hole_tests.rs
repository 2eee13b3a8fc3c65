//! Segments that open without a part of what they held, and what becomes of it.

use std::path::Path;
use std::sync::Arc;

use hazard_core::id::{Epoch, PointId, Seq};
use hazard_core::outbox::record::Body;
use hazard_core::outbox::{Count, Lane, Record};
use hazard_core::reading::{Quantity, Reading, Sample};
use hazard_core::{ClockTrust, Mono, Stamp, Utc, Value};

use super::chain::origins;
use super::disk::{Disk, Kernel};
use super::frame::{Frame, frames};
use super::name::{Kind, Name};
use super::quarantine::Damage;
use super::ring::Ring;
use super::segment::Segment;
use super::series::Tail;

const ORDINAL: u64 = 1;
const OF: (Lane, u64) = (Lane::Reading, ORDINAL);

fn record(seq: u64) -> Arc<Record> {
    let sample = Sample::Good(Quantity::Number(Value::try_new(7.5).unwrap()));
    let utc = Utc::from_unix_ms(1_780_000_000_000);
    let stamp = Stamp { mono: Mono::from_micros(seq), utc, trust: ClockTrust::Synced };
    Arc::new(Record {
        seq: Seq(seq),
        stamp,
        body: Body::Readings(vec![Reading { point: PointId(0), sample }; 2]),
    })
}

/// Five blocks of ten records each.
fn blocks() -> Vec<Frame> {
    let mut marks = origins(Epoch(1));
    let ten = |block: u64| (block * 10 + 1..=block * 10 + 10).map(record).collect::<Vec<_>>();
    (0..5).flat_map(|block| frames(ORDINAL, &ten(block), &mut marks)).collect()
}

/// A segment that holds other blocks than its index says, as sled makes it that opens a damaged file without a part of it.
fn silently_lost(dir: &Path, name: Name, blocks: &[Frame], lost: &[usize]) {
    let disk: Disk = Arc::new(Kernel);
    let (whole, holed) = (dir.join("tmp-whole"), name.folder(dir));
    let fill = |folder: &Path, blocks: &[Frame]| {
        let mut segment = Segment::create(folder, &disk).unwrap();
        segment.insert(blocks).unwrap();
        segment.seal().unwrap();
    };
    fill(&whole, blocks);
    let left: Vec<_> = (0..).zip(blocks).filter(|(at, _)| !lost.contains(at)).collect();
    fill(&holed, &left.into_iter().map(|(_, block)| block.clone()).collect::<Vec<_>>());
    std::fs::copy(whole.join("index-3"), holed.join("index-3")).unwrap();
    std::fs::remove_dir_all(whole).unwrap();
}

fn opened(dir: &Path) -> Ring {
    Ring::open(dir, &(Arc::new(Kernel) as Disk), 1 << 30, (Tail::Trusted, ORDINAL)).unwrap()
}

/// Numbers that are read, and the first and last number of each hole with its records.
fn read(ring: &mut Ring, first: u64, last: u64) -> (Vec<u64>, Vec<(u64, u64, u64)>) {
    let gathered = ring.fetch(OF, &(first..=last), 1_000).unwrap();
    let holes = gathered.holes.iter().map(|hole| (hole.first, hole.last, hole.count.records));
    (gathered.records.iter().map(|record| record.seq.0).collect(), holes.collect())
}

const THIRD: Damage = Damage {
    lane: Lane::Reading,
    ordinal: ORDINAL,
    within: (1, 50),
    count: Count { records: 10, readings: 20 },
};

#[test]
fn blocks_that_vanish_between_others_are_told_once() {
    for kind in [Kind::Archive(Lane::Reading), Kind::Hot] {
        let dir = tempfile::tempdir().unwrap();
        silently_lost(dir.path(), Name { kind, number: 1 }, &blocks(), &[2]);
        let mut ring = opened(dir.path());
        assert_eq!(ring.take_damages(), [], "nothing shows that it is damaged before it is read");
        let left: Vec<u64> = (1..=20).chain(31..=50).collect();
        assert_eq!(read(&mut ring, 1, 50), (left.clone(), vec![(21, 30, 10)]));
        assert_eq!(ring.take_damages(), [THIRD]);
        assert_eq!(read(&mut ring, 1, 50).0, left);
        assert_eq!(ring.take_damages(), [], "it is known now");
        drop(ring);
        let mut ring = opened(dir.path());
        assert_eq!(read(&mut ring, 1, 50), (left, vec![(21, 30, 10)]));
        assert_eq!(ring.take_damages(), [], "and stays known");
    }
}

#[test]
fn a_hole_at_the_end_of_what_is_asked_for_is_noticed() {
    for last in [20, 21, 25, 30] {
        let dir = tempfile::tempdir().unwrap();
        silently_lost(dir.path(), Name { kind: Kind::Archive(Lane::Reading), number: 1 }, &blocks(), &[2]);
        let mut ring = opened(dir.path());
        let (read, holes) = read(&mut ring, 15, last);
        assert_eq!(read, (15..=20).collect::<Vec<_>>());
        let expected = if last == 20 { Vec::new() } else { vec![(21, 30, 10)] };
        assert_eq!(holes, expected, "{last}");
    }
}

#[test]
fn packing_does_not_take_a_hole_for_what_was_never_there() {
    let dir = tempfile::tempdir().unwrap();
    silently_lost(dir.path(), Name { kind: Kind::Hot, number: 1 }, &blocks(), &[2]);
    let mut ring = opened(dir.path());
    while ring.has_packing() {
        ring.pack().unwrap();
    }
    assert_eq!(ring.take_damages(), [THIRD]);
    let left: Vec<u64> = (1..=20).chain(31..=50).collect();
    assert_eq!(read(&mut ring, 1, 50), (left, vec![(21, 30, 10)]));
    assert_eq!(ring.take_damages(), [], "the archive knows what its hot segment had lost");
}
