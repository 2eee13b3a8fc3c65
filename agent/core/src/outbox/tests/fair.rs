//! Live before back-fill, whatever the backlog and however slow the platform, and one platform never before another.

use super::*;
use crate::outbox::receipt::Request;

/// A platform that takes so many readings a second, one message after another, and says so when it has.
struct Taker {
    per_second: u64,
    /// When it is done with what it was given.
    free_at: Mono,
    queue: VecDeque<(Mono, MessageId)>,
    live_longest: Duration,
    old: u64,
}

impl Taker {
    fn new(per_second: u64) -> Self {
        let (free_at, live_longest) = (Mono::ZERO, Duration::ZERO);
        Self { per_second, free_at, queue: VecDeque::new(), live_longest, old: 0 }
    }

    fn take(&mut self, now: Mono, publish: &Publish) {
        let readings: u64 = publish.records.iter().map(|record| record.readings().max(1)).sum();
        let took = Duration::from_micros(readings * 1_000_000 / self.per_second + 1000);
        self.free_at = self.free_at.max(now) + took;
        self.queue.push_back((self.free_at, publish.message));
        if publish.back_fill {
            self.old += readings;
        } else {
            let oldest = publish.records.iter().map(|record| record.stamp.mono).min().unwrap();
            self.live_longest = self.live_longest.max(self.free_at.since(oldest));
        }
    }
}

/// Hours of backlog of both lanes on disk, and a platform at a time that takes so many readings a second.
struct Drain {
    outbox: Outbox,
    takers: Vec<Taker>,
    now: Mono,
    backlog: u64,
}

impl Drain {
    fn new(per_second: &[u64]) -> Self {
        let spec =
            UplinkSpec { name: "u".into(), window: 16, message_records_max: 200, ..UplinkSpec::default() };
        let tables = SiteTables { uplinks: vec![spec; per_second.len()], ..SiteTables::default() };
        let takers = per_second.iter().copied().map(Taker::new).collect();
        let outbox = Outbox::new(&tables, Epoch(2), Mono::ZERO);
        let mut drain = Self { outbox, takers, now: Mono::ZERO, backlog: 1_000_000 };
        let acked = vec![<[AckedSet; 2]>::default(); per_second.len()];
        let past = vec![PastEpoch { epoch: Epoch(1), last: Seq(drain.backlog), acked }];
        let opened = JournalReport::Opened { epoch: Epoch(2), ordinal: 2, previous: Vec::new(), past };
        drain.outbox.journal_said(drain.stamp(), opened);
        for uplink in (0..).map(UplinkId).take(per_second.len()) {
            drain.outbox.uplink_said(drain.now, uplink, &UplinkReport::Up);
        }
        drain
    }

    /// So many seconds with five live records of four readings and an event a second.
    fn run(&mut self, seconds: u64) {
        for ms in 0..seconds * 1000 {
            self.now = self.now + Duration::from_millis(1);
            if ms % 200 == 0 {
                self.outbox.offer(self.stamp(), Body::Readings(vec![bad(); 4]));
            }
            if ms % 1000 == 0 {
                let event = AlarmEvent {
                    alarm: AlarmId(0),
                    from: AlarmState::Normal,
                    to: AlarmState::Unacked,
                    value: None,
                    actor: None,
                };
                self.outbox.offer(self.stamp(), Body::Alarm(event));
            }
            for (uplink, taker) in (0..).map(UplinkId).zip(&mut self.takers) {
                while let Some((_, message)) = taker.queue.pop_front_if(|(at, _)| *at <= self.now) {
                    self.outbox.uplink_said(self.now, uplink, &UplinkReport::Acked(message));
                }
            }
            self.outbox.timeout(self.stamp());
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.outbox.poll_output(self.now) {
            match output {
                Output::Publish(publish) => {
                    self.takers[publish.uplink.index()].take(self.now, &publish);
                }
                Output::Append { records, .. } => {
                    let through = records.last().unwrap().seq;
                    self.outbox.journal_said(self.stamp(), JournalReport::Durable { through });
                }
                Output::Fetch { uplink, epoch, lane, first, last, records_max } => {
                    let seqs = (first.0..=last.0).filter(|seq| (seq % 50 == 0) == (lane == Lane::Event));
                    let records: Vec<_> =
                        seqs.take(usize::from(records_max)).map(|seq| self.record(seq, lane)).collect();
                    let through = records.last().map_or(last, |record| record.seq);
                    let damaged = Vec::new();
                    let fetched = JournalReport::Fetched { uplink, epoch, lane, through, records, damaged };
                    self.outbox.journal_said(self.stamp(), fetched);
                }
                Output::SaveCursor { .. } => {}
                other => unreachable!("{other:?}"),
            }
        }
    }

    fn record(&self, seq: u64, lane: Lane) -> Arc<Record> {
        let body = match lane {
            Lane::Event => Body::ClockStep(crate::outbox::record::ClockStep {
                from: Utc::from_unix_ms(0),
                to: Utc::from_unix_ms(0),
            }),
            Lane::Reading => Body::Readings(vec![bad(); 10]),
        };
        Arc::new(Record { seq: Seq(seq), stamp: Stamp::default(), body })
    }

    fn stamp(&self) -> Stamp {
        Stamp { mono: self.now, utc: Utc::from_unix_ms(0), trust: ClockTrust::Free }
    }
}

fn bad() -> Reading {
    Reading { point: PointId(0), sample: Sample::Bad(NoData::Stale) }
}

#[test]
fn nothing_live_waits_longer_than_a_second_behind_back_fill_however_slow_the_platform() {
    for per_second in [100, 400, 2_000, 20_000, 200_000] {
        let mut drain = Drain::new(&[per_second]);
        drain.run(60);
        let taker = &drain.takers[0];
        assert!(taker.live_longest <= Duration::from_secs(1), "{per_second}/s: {:?}", taker.live_longest);
        // 21 of them are live.
        let left = (per_second - 21) * 60;
        std::println!("{per_second}/s: back-fill {} of {left}, live {:?}", taker.old, taker.live_longest);
        assert!(taker.old * 10 >= left.min(1_000_000) * 6, "{per_second}/s: {} of {left}", taker.old);
    }
}

#[test]
fn a_dead_or_slow_platform_holds_up_no_other() {
    let mut alone = Drain::new(&[20_000]);
    alone.run(20);
    let mut among = Drain::new(&[1, 20_000, 50]);
    among.run(20);
    assert_eq!(among.takers[1].old, alone.takers[0].old, "as if it were alone");
    assert_eq!(among.takers[1].live_longest, alone.takers[0].live_longest);
    assert!(among.takers[0].old < 100, "the first takes nearly nothing");
}

#[test]
fn the_platform_sets_the_pace_of_back_fill_and_never_that_of_live_readings() {
    let mut drain = Drain::new(&[20_000]);
    let ask = |drain: &mut Drain, rate| {
        drain.outbox.uplink_said(drain.now, UplinkId(0), &UplinkReport::Request(Request::Rate(rate)));
        let before = drain.takers[0].old;
        drain.run(20);
        drain.takers[0].old - before
    };
    // The events of the past are not readings: they come first and are not limited.
    drain.run(30);
    let limited = ask(&mut drain, Some(500));
    assert!((8_000..=12_000).contains(&limited), "{limited} in 20 s");
    let paused = ask(&mut drain, Some(0));
    assert!(paused <= 700, "what was on its way when the pause came: {paused}");
    let free = ask(&mut drain, None);
    assert!(free > 100_000, "{free} in 20 s");
    assert!(drain.takers[0].live_longest <= Duration::from_secs(1));
}
