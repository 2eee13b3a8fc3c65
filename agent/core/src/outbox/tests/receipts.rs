//! A platform that gives receipts: what it says it misses comes again, what it says nothing of comes again later, and what it asks
//! for is sent without any sum moving.

use super::*;
use crate::outbox::receipt::{Receipt, Request, Wish};

impl World {
    /// The platform looks through what it has of some epoch and says so; now and then nobody hears it.
    pub(super) fn receipt(&mut self) {
        if !self.platforms[RECEIPTS.index()].up || (self.forgetful && self.rng.below(4) == 0) {
            return;
        }
        let known = &self.platforms[RECEIPTS.index()].records;
        let epochs: BTreeSet<Epoch> = known.keys().map(|(epoch, _)| *epoch).collect();
        let lanes = [Lane::Event, Lane::Reading];
        let receipts: Vec<Receipt> =
            epochs.iter().flat_map(|epoch| lanes.map(|lane| self.receipt_of(*epoch, lane))).collect();
        for receipt in receipts {
            self.say(RECEIPTS, &UplinkReport::Receipt(receipt));
        }
    }

    /// A platform cannot tell of which lane a number is that it does not have.
    fn receipt_of(&self, epoch: Epoch, lane: Lane) -> Receipt {
        let known = &self.platforms[RECEIPTS.index()].records;
        let has = |seq: u64| known.contains_key(&(epoch, Seq(seq)));
        let of_lane = known.iter().filter(|(key, record)| key.0 == epoch && record.lane() == lane);
        let through = of_lane.map(|(key, _)| key.1).max().unwrap_or_default();
        let mut missing: Vec<(Seq, Seq)> = Vec::new();
        for seq in (1..=through.0).filter(|seq| !has(*seq)).map(Seq) {
            match missing.last_mut() {
                Some(range) if range.1.next() == seq => range.1 = seq,
                _ => missing.push((seq, seq)),
            }
        }
        missing.truncate(Receipt::MISSING_MAX);
        Receipt { epoch, lane, through: missing_end(&missing, through), missing }
    }

    fn drained_of(&mut self, times: usize) {
        for _ in 0..times {
            self.carry_out();
            self.disk_answers();
            self.confirm(RECEIPTS);
            self.look();
        }
    }

    fn sent_again(&mut self) -> Vec<Publish> {
        let mut seen = Vec::new();
        for _ in 0..200 {
            self.carry_out();
            let waiting = core::mem::take(&mut self.platforms[RECEIPTS.index()].waiting);
            for (publish, _) in waiting {
                self.arrive(&publish);
                self.say(RECEIPTS, &UplinkReport::Acked(publish.message));
                seen.push(publish);
            }
            self.disk_answers();
            self.outbox.timeout(self.stamp());
        }
        seen
    }

    fn ledger(&self) -> crate::outbox::UplinkLedger {
        self.outbox.ledger().uplinks[RECEIPTS.index()]
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.outbox.timeout(self.stamp());
    }

    fn receipted(&mut self, through: u64, missing: &[(u64, u64)]) {
        let missing = missing.iter().map(|(a, b)| (Seq(*a), Seq(*b))).collect();
        let (epoch, lane) = (self.outbox.epoch(), Lane::Reading);
        let receipt = Receipt { epoch, lane, through: Seq(through), missing };
        self.say(RECEIPTS, &UplinkReport::Receipt(receipt));
    }
}

/// With more gaps than one receipt holds, it ends before the first that it does not name.
fn missing_end(missing: &[(Seq, Seq)], through: Seq) -> Seq {
    if missing.len() < Receipt::MISSING_MAX {
        through
    } else {
        missing.last().map_or(through, |range| range.1)
    }
}

fn seqs(publishes: &[Publish]) -> Vec<u64> {
    let mut seqs: Vec<u64> =
        publishes.iter().flat_map(|publish| &publish.records).map(|record| record.seq.0).collect();
    seqs.sort_unstable();
    seqs
}

/// Ten messages of one reading each, numbers 2 to 11, taken by the broker.
fn ten_messages() -> World {
    let mut world = World::new(1);
    world.forgetful = false;
    world.disk_answers();
    world.connect(RECEIPTS);
    world.drained_of(3);
    for _ in 0..10 {
        world.offer_readings();
        world.carry_out();
        world.sent_again();
    }
    world
}

#[test]
fn a_puback_confirms_nothing_where_receipts_do() {
    let mut world = ten_messages();
    assert_eq!((world.ledger().sent.records, world.ledger().confirmed.records), (11, 0));
    assert!(!world.outbox.is_drained());
    let dirty = world.disk.cursors.get(&(Epoch(1), RECEIPTS));
    assert!(dirty.is_none_or(|[_, acked]| (2..=11).all(|seq| !acked.contains(Seq(seq)))), "no cursor moves");
    world.receipted(6, &[]);
    assert_eq!((world.ledger().sent.records, world.ledger().confirmed.records), (6, 5));
    world.receipted(u64::MAX, &[]);
    assert_eq!((world.ledger().sent.records, world.ledger().confirmed.records), (1, 10), "the opening waits");
}

#[test]
fn what_was_never_sent_is_not_confirmed_by_a_receipt() {
    let mut world = ten_messages();
    world.cut(RECEIPTS);
    for _ in 0..5 {
        world.offer_readings();
    }
    world.receipted(u64::MAX, &[]);
    assert_eq!((world.ledger().confirmed.records, world.ledger().pending.records), (10, 5));
    world.connect(RECEIPTS);
    assert_eq!(seqs(&world.sent_again()), [12, 13, 14, 15, 16]);
}

#[test]
fn what_is_missing_is_sent_again_even_when_it_was_confirmed() {
    let mut world = ten_messages();
    world.receipted(9, &[(4, 5), (8, 8)]);
    assert_eq!(seqs(&world.sent_again()), [4, 5, 8], "not confirmed yet");
    world.receipted(11, &[]);
    let before = world.ledger();
    world.receipted(11, &[(3, 3), (7, 11)]);
    world.receipted(11, &[(3, 3), (7, 11)]);
    let again = world.sent_again();
    assert_eq!(seqs(&again), [3, 7, 8, 9, 10, 11], "confirmed before, and once for two receipts");
    assert!(again.iter().all(|publish| publish.back_fill));
    assert_eq!(world.ledger(), before, "what is sent again moves no sum");
}

#[test]
fn a_receipt_of_an_unknown_epoch_is_counted_and_dropped() {
    let mut world = ten_messages();
    let before = world.ledger();
    let (lane, missing) = (Lane::Reading, Vec::from([(Seq(1), Seq(9))]));
    let receipt = Receipt { epoch: Epoch(99), lane, through: Seq(9), missing };
    world.say(RECEIPTS, &UplinkReport::Receipt(receipt));
    world.say(RECEIPTS, &UplinkReport::Unread(3));
    assert!(world.sent_again().is_empty());
    assert_eq!(world.ledger(), before);
    assert_eq!(world.outbox.uplink_state(RECEIPTS).heard.rejected, 4);
}

#[test]
fn what_nobody_receipts_is_sent_again_after_growing_pauses() {
    let mut world = ten_messages();
    assert!(!world.outbox.lacks_receipts(RECEIPTS));
    let mut pauses = Vec::new();
    let mut quiet = 0;
    for _ in 0..700 {
        world.wait(1);
        quiet += 1;
        if !world.sent_again().is_empty() {
            pauses.push(quiet);
            quiet = 0;
        }
    }
    assert_eq!(pauses, [20, 40, 80, 160, 320], "seconds");
    assert!(world.outbox.lacks_receipts(RECEIPTS));
    assert!(world.outbox.ledger().is_even());
    let epoch = world.outbox.epoch();
    for lane in [Lane::Event, Lane::Reading] {
        let receipt = Receipt { epoch, lane, through: Seq(11), missing: Vec::new() };
        world.say(RECEIPTS, &UplinkReport::Receipt(receipt));
    }
    assert!(!world.outbox.lacks_receipts(RECEIPTS));
    assert_eq!(world.ledger().confirmed.records, 11);
    assert!(world.ledger().sent.is_zero() && world.ledger().pending.is_zero());
}

#[test]
fn a_receipt_that_comes_late_confirms_what_was_about_to_be_sent_again() {
    let mut world = ten_messages();
    world.cut(UplinkId(0));
    world.wait(21);
    world.receipted(11, &[]);
    assert_eq!(world.ledger().confirmed.records, 10);
    let again = world.sent_again();
    assert!(again.iter().all(|publish| publish.lane == Lane::Event), "only the opening: {again:?}");
}

#[test]
fn a_number_that_is_in_neither_lane_holds_no_message_back() {
    let mut world = ten_messages();
    world.offer_event();
    world.offer_readings();
    world.sent_again();
    // 12 is the event: to the platform only a number that it does not have.
    world.receipted(13, &[(12, 12)]);
    assert_eq!(world.ledger().confirmed.records, 11);
}

#[test]
fn a_time_is_sent_again_behind_everything_else_and_both_ends_are_told() {
    let mut world = ten_messages();
    world.receipted(11, &[]);
    let before = world.ledger();
    let at = |ms| Utc::from_unix_ms(ms);
    let wish = |id: &str, from, to| Request::Replay(Wish { id: id.into(), from: at(from), to: at(to) });
    world.say(RECEIPTS, &UplinkReport::Request(wish("r1", 0, 0)));
    world.say(RECEIPTS, &UplinkReport::Request(wish("r1", 0, 0)));
    world.say(RECEIPTS, &UplinkReport::Request(wish("r2", 5, 6)));
    assert_eq!(world.outbox.uplink_state(RECEIPTS).replay.map(|replay| replay.waiting), Some(1));
    let mut seen = world.sent_again();
    world.wait(11);
    seen.extend(world.sent_again());
    let (replayed, told): (Vec<Publish>, Vec<Publish>) =
        seen.into_iter().partition(|publish| publish.replay.is_some());
    assert!(replayed.iter().all(|publish| publish.back_fill && publish.replay.as_deref() == Some("r1")));
    assert_eq!(seqs(&replayed)[..11], (1..=11).collect::<Vec<u64>>());
    let ends: Vec<_> = told
        .iter()
        .flat_map(|publish| &publish.records)
        .filter_map(|record| match &record.body {
            Body::Replay(event) => Some((&*event.wish.id, event.ended.map(|count| count.records))),
            _ => None,
        })
        .collect();
    let count = replayed.iter().map(|publish| publish.records.len() as u64).sum();
    assert_eq!(ends, [("r1", None), ("r1", Some(count)), ("r2", None), ("r2", Some(0))]);
    assert_eq!(world.ledger().confirmed, before.confirmed, "a replay moves no sum");
    assert!(world.outbox.uplink_state(RECEIPTS).replay.is_none());
}

#[test]
fn wishes_that_wait_are_bounded() {
    let mut world = ten_messages();
    world.cut(RECEIPTS);
    for id in 0..10 {
        let (id, time) = (std::format!("{id}"), Utc::from_unix_ms(0));
        let wish = Wish { id: id.as_str().into(), from: time, to: time };
        world.say(RECEIPTS, &UplinkReport::Request(Request::Replay(wish)));
    }
    let state = world.outbox.uplink_state(RECEIPTS);
    assert_eq!((state.heard.requests, state.heard.rejected), (4, 6));
}
