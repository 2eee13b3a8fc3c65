//! A day's sums are even with the moments at which it began and ended.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::daybook::DayLedger;
use crate::id::{Epoch, Seq, UplinkId};
use crate::input::{JournalReport, UplinkReport};
use crate::link::{LinkFault, Words};
use crate::outbox::record::Body;
use crate::site::UplinkSpec;
use crate::{ClockTrust, Engine, Input, Mono, Output, Site, Start, Utc, fixture};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn each_day_is_told_once_and_the_days_of_a_run_add_up_to_its_ledgers() {
    let mut plant = Plant::new();
    plant.run(HOUR * 60);
    assert_eq!(plant.days.len(), 2);
    assert_eq!([plant.days[0].lasted, plant.days[1].lasted], [HOUR * 24; 2]);
    let now = plant.engine.snapshot().stamp.mono;
    plant.engine.end(now);
    plant.carry_out();
    assert_eq!(plant.days[2].lasted, HOUR * 12, "the broken day is told at an orderly end");
    let snapshot = plant.engine.snapshot();
    for day in &plant.days {
        assert!(day.is_even(), "{day:?}");
        assert!(day.polls.count.read > 0 && day.polls.count.skipped > 0 && day.polls.count.failed > 0);
        assert!(
            day.journal.offered.records > 100 && day.uplinks[0].ledger.confirmed.records > 100,
            "{day:?}"
        );
    }
    let sum = |of: fn(&DayLedger) -> u64| plant.days.iter().map(of).sum::<u64>();
    let polls = snapshot.buses[0].polls;
    assert_eq!(sum(|day| day.polls.count.scheduled), polls.scheduled);
    assert_eq!(sum(|day| day.polls.count.skipped), polls.skipped);
    // The last record tells the sums before it and is not in them.
    assert_eq!(sum(|day| day.journal.offered.records) + 1, snapshot.ledger.offered.records);
    for pair in plant.days.windows(2) {
        assert_eq!(pair[1].polls.before, pair[0].polls.count.open);
        assert_eq!(pair[1].journal.before, pair[0].journal.waiting);
        assert_eq!(pair[1].uplinks[0].before, pair[0].uplinks[0].ledger.pending);
    }
}

#[test]
fn a_day_of_which_one_poll_or_record_is_missing_is_uneven() {
    let mut plant = Plant::new();
    plant.run(HOUR * 25);
    let day = plant.days.remove(0);
    assert!(day.is_even());
    let breaks: [fn(&mut DayLedger); 6] = [
        |day| day.polls.count.skipped -= 1,
        |day| day.polls.before += 1,
        |day| day.journal.stored.records -= 1,
        |day| day.journal.lost.readings += 1,
        |day| day.uplinks[0].ledger.confirmed.records -= 1,
        |day| day.uplinks[0].before.readings += 1,
    ];
    for (index, change) in breaks.into_iter().enumerate() {
        let mut day = day.clone();
        change(&mut day);
        assert!(!day.is_even(), "break {index} is not seen");
    }
}

/// One device that answers, one that does not, a disk and a platform that confirm at once.
struct Plant {
    engine: Engine,
    now: Mono,
    value: u16,
    days: Vec<DayLedger>,
}

impl Plant {
    fn new() -> Self {
        let mut tables = fixture::tables(2);
        tables.points = (0..2).map(|device| fixture::point("P", device)).collect();
        for point in &mut tables.points {
            point.period = Duration::from_secs(30);
            point.stale_after = Duration::from_secs(90);
        }
        tables.devices[1].probe_max = Duration::from_secs(100);
        tables.uplinks =
            [UplinkSpec { name: "u".into(), window: 4, message_records_max: 20, ..UplinkSpec::default() }]
                .into();
        let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Free };
        let engine = Engine::new(Arc::new(Site::try_new(tables).unwrap()), &start, Mono::ZERO);
        let mut plant = Self { engine, now: Mono::ZERO, value: 0, days: Vec::new() };
        let (previous, past) = (Vec::new(), Vec::new());
        plant.journal(JournalReport::Opened { epoch: Epoch(1), ordinal: 1, previous, past });
        plant.uplink(UplinkReport::Up);
        plant
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some((at, _)) = self.engine.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
            self.carry_out();
        }
        self.now = end;
        self.engine.handle_timeout(end);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Read { bus, ticket, device, .. } => {
                    self.value = self.value.wrapping_add(1);
                    let words = Ok(Words::Registers([self.value].into()));
                    let result = if device.0 == 0 { words } else { Err(LinkFault::Silent) };
                    self.engine.handle(self.now, Input::Reply { bus, ticket, result });
                }
                Output::Append { records, .. } => {
                    let through = records.last().map_or(Seq(0), |record| record.seq);
                    let days = records.iter().filter_map(|record| match &record.body {
                        Body::Ledger(day) => Some(DayLedger::clone(day)),
                        _ => None,
                    });
                    self.days.extend(days);
                    self.journal(JournalReport::Durable { through });
                }
                Output::Publish(publish) => self.uplink(UplinkReport::Acked(publish.message)),
                _ => {}
            }
        }
    }

    fn journal(&mut self, report: JournalReport) {
        self.engine.handle(self.now, Input::Journal(report));
    }

    fn uplink(&mut self, report: UplinkReport) {
        self.engine.handle(self.now, Input::Uplink { uplink: UplinkId(0), report });
    }
}
