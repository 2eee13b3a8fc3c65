//! The outbox against a small model of a disk and two platforms: whatever breaks in whatever order, each record arrives or
//! a loss that arrives covers it, the ledger is even after each step, and memory stays within its bounds.

extern crate std;

mod disk;
mod fair;
mod receipts;
mod rng;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::{Arc, Weak};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use disk::{Disk, Order};
use rng::Rng;

use super::record::{AlarmEvent, AlarmState, Body, LossPlace};
use super::ring::Fill;
use super::{AckedSet, Lane, Outbox, Record};
use crate::id::{AlarmId, Epoch, MessageId, PointId, Seq, UplinkId};
use crate::input::{JournalReport, PastEpoch, UplinkReport};
use crate::output::{Output, Publish};
use crate::reading::{NoData, Reading, Sample};
use crate::site::{Confirm, Limits, SiteTables, UplinkSpec};
use crate::{ClockTrust, Mono, Stamp, Utc};

const UPLINKS: u8 = 2;
const WINDOW: u16 = 12;
const MESSAGE_RECORDS_MAX: u16 = 4;
const READINGS_MAX: u64 = 120;
const EVENTS_MAX: u64 = 40;
const BACKLOG_MAX: u32 = 50;
/// The second platform gives receipts, and its broker forgets messages that it has confirmed.
const RECEIPTS: UplinkId = UplinkId(1);
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn every_record_arrives_or_a_loss_that_arrives_covers_it() {
    for seed in 1..=300 {
        std::println!("seed {seed}");
        let mut world = World::new(seed);
        for _ in 0..world.rng.below(600) {
            world.step();
        }
        world.heal();
        world.look_at_platforms();
    }
}

#[test]
fn a_connection_that_confirms_nothing_does_not_fill_memory() {
    let mut world = World::new(1);
    world.disk_answers();
    for _ in 0..400 {
        world.connect(UplinkId(0));
        for _ in 0..20 {
            world.offer_readings();
            world.disk_answers();
            world.carry_out();
            world.look();
        }
        world.cut(UplinkId(0));
    }
    world.heal();
    world.look_at_platforms();
}

#[test]
fn events_do_not_pile_up_before_a_disk_that_never_answers() {
    let mut world = World::new(1);
    world.disk_answers();
    for _ in 0..1000 {
        world.offer_event();
        world.carry_out();
        world.look();
    }
}

#[test]
fn what_retention_took_before_the_platform_had_it_is_stated() {
    let mut world = World::new(1);
    world.disk_answers();
    for _ in 0..400 {
        world.offer_readings();
        world.carry_out();
        world.disk_answers();
    }
    assert!(!world.outbox.is_journal_full(world.now));
    world.disk_forgets();
    world.look();
    let day = Duration::from_secs(24 * 3600);
    assert!(world.outbox.is_journal_full(world.now) && !world.outbox.is_journal_full(world.now + day));
    let ledger = world.outbox.ledger();
    // The opening is still in memory.
    assert!(ledger.uplinks[0].lost.records + 1 == ledger.purged.records, "{ledger:?}");
    world.heal();
    world.look_at_platforms();
}

#[test]
fn what_every_platform_has_may_go_and_nobody_is_told() {
    let mut world = World::new(1);
    world.disk_answers();
    for uplink in (0..UPLINKS).map(UplinkId) {
        world.connect(uplink);
    }
    world.offer_event();
    world.heal();
    world.disk_forgets();
    let ledger = world.outbox.ledger();
    assert!(!ledger.purged.is_zero() && ledger.uplinks[0].lost.is_zero(), "{ledger:?}");
    assert!(!world.outbox.is_journal_full(world.now));
}

#[test]
fn what_cannot_be_read_any_more_is_stated_and_the_rest_arrives() {
    let mut world = World::new(1);
    world.disk_answers();
    for _ in 0..400 {
        world.offer_readings();
        world.carry_out();
        world.disk_answers();
    }
    for _ in 0..4 {
        world.disk_rots();
    }
    world.heal();
    let ledger = world.outbox.ledger();
    assert!((1..=36).contains(&ledger.uplinks[0].lost.records), "{ledger:?}");
    world.look_at_platforms();
}

#[test]
fn a_platform_that_takes_nothing_is_not_told_of_each_loss_on_its_own() {
    let mut world = World::new(1);
    world.disk_answers();
    world.connect(UplinkId(0));
    for turn in 0..2000 {
        world.offer_readings();
        world.offer_event();
        world.carry_out();
        world.reject(UplinkId(0));
        world.confirm(UplinkId(0));
        world.disk_answers();
        if turn % 100 == 0 {
            world.now = world.now + Duration::from_secs(11);
            world.outbox.timeout(world.stamp());
        }
        world.look();
    }
    let offered = world.outbox.ledger().offered.records;
    assert!(offered < 4000 + 20 * 40, "{offered} records for 4000 that were offered");
}

#[derive(Default)]
struct Platform {
    up: bool,
    /// Messages under way, and whether they arrived.
    waiting: Vec<(Publish, bool)>,
    records: BTreeMap<(Epoch, Seq), Record>,
}

struct World {
    rng: Rng,
    now: Mono,
    outbox: Outbox,
    platforms: Vec<Platform>,
    disk: Disk,
    offered: BTreeMap<(Epoch, Seq), (Lane, Weak<Record>)>,
    epochs: u64,
    forgetful: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let spec = UplinkSpec {
            name: "u".into(),
            window: WINDOW,
            message_records_max: MESSAGE_RECORDS_MAX,
            ..UplinkSpec::default()
        };
        let confirm = Confirm::Receipt { timeout: RECEIPT_TIMEOUT };
        let limits = Limits {
            recent_readings_max: u32::try_from(READINGS_MAX).unwrap(),
            recent_events_max: u32::try_from(EVENTS_MAX).unwrap(),
            journal_backlog_max: BACKLOG_MAX,
        };
        let tables = SiteTables {
            limits,
            uplinks: vec![spec.clone(), UplinkSpec { confirm, ..spec }],
            ..SiteTables::default()
        };
        Self {
            rng: Rng(seed),
            now: Mono::ZERO,
            outbox: Outbox::new(&tables, Epoch(1), Mono::ZERO),
            platforms: (0..UPLINKS).map(|_| Platform::default()).collect(),
            disk: Disk::new(),
            offered: BTreeMap::new(),
            epochs: 1,
            forgetful: true,
        }
    }

    fn step(&mut self) {
        let uplink = UplinkId(u8::try_from(self.rng.below(u64::from(UPLINKS))).unwrap());
        match self.rng.below(100) {
            0..25 => self.offer_readings(),
            25..35 => self.offer_event(),
            35..39 => self.connect(uplink),
            39..42 => self.cut(uplink),
            42..62 => self.confirm(uplink),
            62..64 => self.reject(uplink),
            64..65 => self.receipt(),
            65..66 => {
                let stranger = MessageId(self.rng.below(u64::MAX));
                self.say(uplink, &UplinkReport::Acked(stranger));
            }
            66..82 => self.disk_answers(),
            82..84 => self.disk_fails(),
            84..85 => self.disk_forgets(),
            85..86 => self.disk_repeats_itself(),
            86..88 => self.disk_rots(),
            _ => self.let_time_pass(),
        }
        self.carry_out();
        self.look();
    }

    fn offer_readings(&mut self) {
        let readings = (0..=self.rng.below(5)).map(|point| Reading {
            point: PointId(u32::try_from(point).unwrap()),
            sample: Sample::Bad(NoData::Stale),
        });
        self.outbox.offer(self.stamp(), Body::Readings(readings.collect()));
    }

    fn offer_event(&mut self) {
        let event = AlarmEvent {
            alarm: AlarmId(0),
            from: AlarmState::Normal,
            to: AlarmState::Unacked,
            value: None,
            actor: None,
        };
        self.outbox.offer(self.stamp(), Body::Alarm(event));
    }

    fn connect(&mut self, uplink: UplinkId) {
        let platform = &mut self.platforms[uplink.index()];
        // A second `Up` without a `Down` means a new connection as well.
        platform.waiting.clear();
        platform.up = true;
        self.say(uplink, &UplinkReport::Up);
    }

    fn cut(&mut self, uplink: UplinkId) {
        let platform = &mut self.platforms[uplink.index()];
        platform.waiting.clear();
        platform.up = false;
        self.say(uplink, &UplinkReport::Down);
    }

    fn confirm(&mut self, uplink: UplinkId) {
        let Some(index) = self.some_message(uplink) else { return };
        let (publish, _) = self.platforms[uplink.index()].waiting.swap_remove(index);
        if uplink != RECEIPTS || !self.forgetful || self.rng.below(10) > 0 {
            self.arrive(&publish);
        }
        self.say(uplink, &UplinkReport::Acked(publish.message));
    }

    /// A message that arrived before, unconfirmed, is not rejected the second time.
    fn reject(&mut self, uplink: UplinkId) {
        let Some(index) = self.some_message(uplink) else { return };
        let platform = &mut self.platforms[uplink.index()];
        let (publish, arrived) = &platform.waiting[index];
        let known =
            publish.records.iter().any(|record| platform.records.contains_key(&(publish.epoch, record.seq)));
        if *arrived || known {
            return;
        }
        let (publish, _) = platform.waiting.swap_remove(index);
        self.say(uplink, &UplinkReport::Rejected(publish.message));
    }

    fn some_message(&mut self, uplink: UplinkId) -> Option<usize> {
        let len = self.platforms[uplink.index()].waiting.len();
        (len > 0).then(|| usize::try_from(self.rng.below(len as u64)).unwrap())
    }

    fn arrive(&mut self, publish: &Publish) {
        for record in &publish.records {
            let key = (publish.epoch, record.seq);
            let records = &mut self.platforms[publish.uplink.index()].records;
            let known = records.entry(key).or_insert_with(|| Record::clone(record));
            assert_eq!(known, &**record, "one number never names two records");
        }
    }

    fn let_time_pass(&mut self) {
        self.now = self.now + Duration::from_millis(self.rng.below(4000));
        self.outbox.timeout(self.stamp());
    }

    fn carry_out(&mut self) {
        for turn in 0.. {
            assert!(turn < 10_000, "the outbox is never content");
            let Some(output) = self.outbox.poll_output(self.now) else { break };
            match output {
                Output::Publish(publish) => self.publish(publish),
                Output::Append { epoch, records, .. } if !self.disk.failed => {
                    self.learn(epoch, &records);
                    let through = records.last().unwrap().seq;
                    let records = records.into_iter().map(|record| (epoch, Record::clone(&record)));
                    self.disk.unsynced.extend(records);
                    self.disk.answers.push_back(Order::Sync(epoch, through));
                }
                Output::Fetch { uplink, epoch, lane, first, last, records_max } => {
                    assert!(first <= last && records_max > 0);
                    self.disk.answers.push_back(Order::Fetch(
                        uplink,
                        epoch,
                        lane,
                        (first, last),
                        records_max,
                    ));
                }
                Output::Find { uplink, from, to } => {
                    self.disk.answers.push_back(Order::Find(uplink, (from, to)));
                }
                Output::Reopen => {
                    self.disk.answers.clear();
                    self.disk.answers.push_back(Order::Open);
                }
                Output::SaveCursor { uplink, epoch, acked } => {
                    self.disk.cursors.insert((epoch, uplink), acked);
                }
                Output::Append { .. } => {}
                Output::Drive(_)
                | Output::Call(_)
                | Output::Write { .. }
                | Output::Set { .. }
                | Output::Read { .. } => {
                    unreachable!()
                }
            }
        }
    }

    fn publish(&mut self, publish: Publish) {
        assert!(publish.records.iter().all(|record| record.lane() == publish.lane), "one lane");
        assert!(publish.records.is_sorted_by(|a, b| a.seq < b.seq) && !publish.records.is_empty());
        self.learn(publish.epoch, &publish.records);
        let arrives = self.rng.below(2) == 0;
        if arrives {
            self.arrive(&publish);
        }
        let platform = &mut self.platforms[publish.uplink.index()];
        assert!(platform.up, "nothing is published without a connection");
        platform.waiting.push((publish, arrives));
    }

    fn learn(&mut self, epoch: Epoch, records: &[Arc<Record>]) {
        for record in records {
            let known = (record.lane(), Arc::downgrade(record));
            self.offered.entry((epoch, record.seq)).or_insert(known);
        }
    }

    fn say(&mut self, uplink: UplinkId, report: &UplinkReport) {
        self.outbox.uplink_said(self.now, uplink, report);
    }

    fn look(&mut self) {
        let all = Fill { records_max: usize::MAX, readings_max: u64::MAX };
        for lane in [Lane::Event, Lane::Reading] {
            let epoch = self.outbox.epoch();
            let (records, _) = self.outbox.rings[lane as usize].take(epoch, (Seq(1), Seq(u64::MAX)), all);
            self.learn(epoch, &records);
        }
        let ledger = self.outbox.ledger();
        assert_eq!(ledger.offered.records, self.offered.len() as u64, "the test knows every record");
        assert!(ledger.is_even(), "{ledger:?}");
        for uplink in (0..UPLINKS).map(UplinkId) {
            assert!(self.outbox.in_flight(uplink) <= usize::from(WINDOW));
        }
        let waiting = ledger.waiting;
        assert!(waiting.records <= u64::from(BACKLOG_MAX) + 1, "{waiting:?}");
        let alive = self.offered.values().filter(|(_, record)| record.strong_count() > 0).count() as u64;
        let held = 4 * u64::from(WINDOW) * u64::from(MESSAGE_RECORDS_MAX) * u64::from(UPLINKS);
        let bound = READINGS_MAX + EVENTS_MAX + u64::from(BACKLOG_MAX) + held;
        assert!(alive <= bound, "{alive} records are in memory, {bound} may be");
    }

    /// All faults end; the outbox must come to rest.
    fn heal(&mut self) {
        for uplink in (0..UPLINKS).map(UplinkId) {
            self.connect(uplink);
        }
        self.forgetful = false;
        let mut calm = 0;
        for _ in 0..20_000 {
            calm = if self.outbox.is_drained() { calm + 1 } else { 0 };
            if calm > 100 {
                return;
            }
            self.carry_out();
            self.look();
            self.disk_answers();
            for uplink in (0..UPLINKS).map(UplinkId) {
                self.confirm(uplink);
            }
            self.receipt();
            self.let_time_pass();
        }
        panic!("healed and not drained at {:?}: {:?}", self.now, self.outbox.ledger());
    }

    /// For each platform, epoch and lane: as many records are missing as losses say, each within a loss.
    fn look_at_platforms(&self) {
        for (uplink, platform) in (0..).map(UplinkId).zip(&self.platforms) {
            let mut missing: BTreeMap<(Epoch, Lane), u64> = BTreeMap::new();
            let losses = platform.records.values().filter_map(|record| match &record.body {
                Body::Loss(loss) if loss.place == LossPlace::Uplink(uplink) => Some(*loss),
                _ => None,
            });
            let losses: Vec<_> = losses.collect();
            for (&(epoch, seq), &(lane, _)) in &self.offered {
                if platform.records.contains_key(&(epoch, seq)) {
                    continue;
                }
                *missing.entry((epoch, lane)).or_default() += 1;
                let covered = losses.iter().any(|loss| {
                    (loss.epoch, loss.lane) == (epoch, lane) && (loss.first..=loss.last).contains(&seq)
                });
                assert!(covered, "{epoch} {seq:?} is missing at {uplink:?} and nobody says so: {losses:?}");
            }
            let mut stated: BTreeMap<(Epoch, Lane), u64> = BTreeMap::new();
            for loss in &losses {
                *stated.entry((loss.epoch, loss.lane)).or_default() += loss.records;
            }
            stated.retain(|(epoch, _), _| !self.disk.found.contains(epoch));
            missing.retain(|(epoch, _), _| !self.disk.found.contains(epoch));
            if uplink == RECEIPTS {
                // What nobody has any more and the platform did not confirm in time is stated although it may have arrived.
                let more = |key: &(Epoch, Lane)| stated.get(key).copied().unwrap_or_default();
                assert!(missing.iter().all(|(key, count)| *count <= more(key)), "{missing:?} {stated:?}");
                continue;
            }
            assert_eq!(missing, stated, "{uplink:?}");
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { mono: self.now, utc: Utc::from_unix_ms(0), trust: ClockTrust::Free }
    }
}
