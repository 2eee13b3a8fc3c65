//! Laws that a random world rarely tempts, as short stories: one device, one point, one moment that matters.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Kept, Priority};
use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::id::{AlarmId, BusId, DeviceId, Epoch, PointId, Seq, Ticket, UplinkId};
use hazard_core::input::{JournalReport, UplinkReport};
use hazard_core::link::{LinkFault, ReadResult, Table, Words};
use hazard_core::outbox::record::{AlarmState, Body, LossPlace, Opening, PreviousEpoch};
use hazard_core::outbox::{Lane, Record};
use hazard_core::point::{Order, PointSpec, Report, Shape, Source};
use hazard_core::reading::{Doubt, Sample};
use hazard_core::retentive::Retained;
use hazard_core::site::{BusKind, BusSpec, DeviceSpec, Limits, Site, SiteTables, UplinkSpec};
use hazard_core::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Publish, Side, Start, Threshold, Utc, Value,
};

const PERIOD: Duration = Duration::from_secs(1);
const ON_DELAY: Duration = Duration::from_millis(1_500);
const LATE_WINDOW: Duration = Duration::from_millis(3_000);
const PLATFORM: UplinkId = UplinkId(0);
const WINDOW: usize = 16;
const FEW: Limits = Limits { recent_readings_max: 20, recent_events_max: 20, journal_backlog_max: 10 };

/// Law 1. The device falls silent in the middle of the on-delay; the alarm comes all the same, and at its time.
#[test]
fn an_on_delay_ends_without_another_sample() {
    let mut story = Story::new(ON_DELAY);
    story.answer(30);
    let (almost, due) = (story.now + (ON_DELAY - Duration::from_millis(1)), story.now + ON_DELAY);
    story.wait_until(almost);
    assert_eq!(story.alarm(), AlarmState::Normal);
    story.wait_until(due);
    assert_eq!(story.alarm(), AlarmState::Unacked);
}

/// Law 1. What is worth a record is one question, what is worth an alarm another.
#[test]
fn an_alarm_does_not_wait_for_its_value_to_be_worth_a_record() {
    let mut story = Story::new(Duration::ZERO);
    story.answer(23);
    assert_eq!(story.alarm(), AlarmState::Normal);
    story.answer(25);
    assert_eq!(story.alarm(), AlarmState::Unacked, "the change is within the deadband of reports");
}

/// Law 3. RTU frames do not say which request they answer.
#[test]
fn the_first_value_after_a_silence_is_doubted_and_clears_nothing() {
    let mut story = Story::new(Duration::ZERO);
    story.answer(30);
    story.fail(LinkFault::Silent);
    story.answer(0);
    let sample = story.sample();
    assert!(matches!(sample, Sample::Suspect(_, Doubt::AfterFault)), "{sample:?}");
    assert_eq!(story.alarm(), AlarmState::Unacked);
    story.answer(0);
    assert_eq!(story.alarm(), AlarmState::RtnUnacked);
}

/// Law 3. While the answer to the last request may still come, there is no next one that it could be taken for.
#[test]
fn a_device_is_not_asked_while_a_late_answer_may_come() {
    let mut story = Story::new(Duration::ZERO);
    story.answer(5);
    story.fail(LinkFault::Silent);
    let silent = story.now;
    story.ask();
    assert!(story.now >= silent + LATE_WINDOW, "asked after {:?}", story.now.since(silent));
}

/// Law 10. Years forth and back, in the middle of an on-delay.
#[test]
fn a_jump_of_the_wall_clock_neither_ends_nor_stretches_a_delay() {
    let mut story = Story::new(ON_DELAY);
    story.answer(30);
    let (almost, due) = (story.now + (ON_DELAY - Duration::from_millis(1)), story.now + ON_DELAY);
    for (ms, unix_ms) in [(100, 2_500_000_000_000), (200, 0), (300, 1_780_000_000_000)] {
        story.wait_until(Mono::ZERO + Duration::from_millis(ms));
        story.happen(Input::Clock { utc: Utc::from_unix_ms(unix_ms), trust: ClockTrust::Free });
    }
    story.wait_until(almost);
    assert_eq!(story.alarm(), AlarmState::Normal);
    story.wait_until(due);
    assert_eq!(story.alarm(), AlarmState::Unacked);
}

/// Law 11. A disk that takes everything and never says that it is durable.
#[test]
fn what_waits_for_a_silent_journal_is_bounded() {
    let mut story = Story::connected();
    for turn in 0..60 {
        story.answer(if turn % 2 == 0 { 0 } else { 20 });
        let ledger = story.engine.snapshot().ledger;
        assert!(ledger.waiting.readings <= u64::from(FEW.journal_backlog_max), "{ledger:?}");
        assert!(ledger.is_even(), "{ledger:?}");
    }
    assert!(story.engine.snapshot().ledger.store_lost.readings > 0);
}

/// Law 11. Neither disk nor platform: memory alone holds records, and it holds so many and no more.
#[test]
fn what_memory_holds_for_an_absent_platform_is_bounded() {
    let mut story = Story::new(Duration::ZERO);
    story.happen(Input::Journal(JournalReport::Failed));
    for turn in 0..60 {
        story.answer(if turn % 2 == 0 { 0 } else { 20 });
        let ledger = story.engine.snapshot().ledger;
        assert!(ledger.uplinks[0].pending.readings <= u64::from(FEW.recent_readings_max), "{ledger:?}");
        assert!(ledger.is_even(), "{ledger:?}");
    }
    assert!(story.engine.snapshot().ledger.uplinks[0].lost.readings > 0);
}

/// Law 11. A platform that takes everything and confirms nothing.
#[test]
fn messages_in_flight_are_bounded() {
    let mut story = Story::connected();
    let mut most = 0;
    for turn in 0..60 {
        story.answer(if turn % 2 == 0 { 0 } else { 20 });
        story.outputs();
        most = most.max(story.engine.snapshot().uplinks[0].in_flight);
    }
    assert!((WINDOW / 2..=WINDOW).contains(&most), "{most}");
}

/// Law 12. What sounds is handed out before what is written down or sent.
#[test]
fn the_panel_is_the_first_thing_that_is_done() {
    let mut story = Story::connected();
    story.answer(5);
    story.outputs();
    let ticket = story.ask();
    story.happen(reply(ticket, Ok(Words::Registers(vec![30]))));
    let outputs = story.outputs();
    let Some(Output::Drive(panel)) = outputs.first() else {
        panic!("first came {:?}", outputs.first());
    };
    assert_eq!(panel.energised, [false], "de-energised in alarm");
    assert!(outputs.iter().any(|output| matches!(output, Output::Publish(_))), "{outputs:?}");
    assert!(outputs.iter().any(|output| matches!(output, Output::Append { .. })), "{outputs:?}");
}

/// Law 8. A message that the platform will never take is a loss, and the platform is told so; when it does not take that
/// either, it is told again.
#[test]
fn what_the_platform_refuses_is_stated_as_lost_to_it() {
    let mut story = Story::connected();
    story.answer(5);
    let refused = story.published(|record| record.readings() > 0);
    let seq = refused.records[0].seq;
    story.refuse(&refused);
    let told = story.published(|record| covers(record, seq));
    story.refuse(&told);
    let again = story.published(|record| covers(record, seq));
    assert_ne!(again.message, told.message);
    assert!(story.engine.snapshot().ledger.is_even());
}

/// Law 8. A power cut must find on disk what the platform confirmed, not what was merely sent.
#[test]
fn a_cursor_never_runs_ahead_of_the_confirmation() {
    let mut story = Story::connected();
    story.answer(5);
    let first = story.published(|record| record.readings() > 0);
    story.seen.clear();
    story.answer(20);
    let second = story.published(|record| record.readings() > 0);
    story.happen(Input::Uplink { uplink: PLATFORM, report: UplinkReport::Acked(first.message) });
    story.wait_until(story.now + Duration::from_secs(5));
    assert!(story.saved(first.records[0].seq), "never saved");
    assert!(!story.saved(second.records[0].seq), "saved before it was confirmed");
}

/// Law 8. The first record does not wait for the disk for ever, and what it could not say is said later.
#[test]
fn a_disk_that_answers_late_still_closes_the_epochs_before() {
    let previous = vec![PreviousEpoch { epoch: Epoch(6), durable_through: Seq(40) }];
    let mut story = Story::new(Duration::ZERO);
    story.happen(Input::Uplink { uplink: PLATFORM, report: UplinkReport::Up });
    let first = story.published(|record| record.seq == Seq(1));
    let unknown = Opening { ordinal: None, previous: Vec::new() };
    assert_eq!(first.records[0].body, Body::Opening(unknown));
    let report =
        JournalReport::Opened { epoch: Epoch(7), ordinal: 2, previous: previous.clone(), past: Vec::new() };
    story.happen(Input::Journal(report));
    let known = Body::Opening(Opening { ordinal: Some(2), previous });
    story.published(|record| record.seq > Seq(1) && record.body == known);
}

/// Law 6. A restart is no reset.
#[test]
fn a_restored_alarm_stands_where_it_stood() {
    use AlarmState::{Acked, LatchedAcked, LatchedUnacked, RtnUnacked, Unacked};
    for state in [Unacked, Acked, RtnUnacked, LatchedUnacked, LatchedAcked] {
        let mut story = Story::new(Duration::ZERO);
        let kept = Kept { state, handled: false, shelved_for: None, since: None };
        let retained = Retained { alarms: vec![(AlarmId(0), kept)], ..Retained::default() };
        story.engine.resume(&retained, None);
        story.wait_until(Mono::from_millis(100));
        assert_eq!(story.alarm(), state);
    }
}

/// An engine with one device, one point, one alarm at 25, and every output it ever gave.
struct Story {
    engine: Engine,
    now: Mono,
    seen: Vec<Output>,
}

impl Story {
    fn new(on_delay: Duration) -> Self {
        let start =
            Start { epoch: Epoch(7), utc: Utc::from_unix_ms(1_780_000_000_000), trust: ClockTrust::Synced };
        let engine = Engine::new(Arc::new(site(on_delay)), &start, Mono::ZERO);
        Self { engine, now: Mono::ZERO, seen: Vec::new() }
    }

    /// With a journal and a platform that are there.
    fn connected() -> Self {
        let mut story = Self::new(Duration::ZERO);
        story.happen(Input::Journal(opened()));
        story.happen(Input::Uplink { uplink: PLATFORM, report: UplinkReport::Up });
        story
    }

    fn answer(&mut self, value: u16) {
        let ticket = self.ask();
        self.happen(reply(ticket, Ok(Words::Registers(vec![value]))));
    }

    fn fail(&mut self, fault: LinkFault) {
        let ticket = self.ask();
        self.happen(reply(ticket, Err(fault)));
    }

    fn happen(&mut self, input: Input) {
        self.engine.handle(self.now, input);
    }

    /// Lets time pass until the next request.
    fn ask(&mut self) -> Ticket {
        for _ in 0..1_000 {
            let outputs = self.outputs();
            let asked = outputs.iter().find_map(|output| match output {
                Output::Read { ticket, .. } => Some(*ticket),
                _ => None,
            });
            if let Some(ticket) = asked {
                return ticket;
            }
            self.step(Mono::from_millis(3_600_000));
        }
        panic!("no request");
    }

    /// The platform will never take this message; what was published before does not count from here on.
    fn refuse(&mut self, publish: &Publish) {
        self.outputs();
        self.seen.clear();
        let report = UplinkReport::Rejected(publish.message);
        self.happen(Input::Uplink { uplink: PLATFORM, report });
    }

    /// Lets time pass until a message with such a record was published.
    fn published(&mut self, is_it: impl Fn(&Record) -> bool) -> Publish {
        for _ in 0..1_000 {
            self.outputs();
            let found = self.seen.iter().find_map(|output| match output {
                Output::Publish(publish) if publish.records.iter().any(|record| is_it(record)) => {
                    Some(publish.clone())
                }
                _ => None,
            });
            if let Some(publish) = found {
                return publish;
            }
            self.step(Mono::from_millis(3_600_000));
        }
        panic!("nothing of the kind was published");
    }

    /// Lets time pass up to `at`; nobody answers meanwhile.
    fn wait_until(&mut self, at: Mono) {
        for _ in 0..10_000 {
            if self.now >= at {
                return;
            }
            self.outputs();
            self.step(at);
        }
        panic!("time stands still at {:?}: {:?}", self.now, self.engine.poll_timeout());
    }

    /// To the engine's next deadline, and no further than `end`.
    fn step(&mut self, end: Mono) {
        let wake = self.engine.poll_timeout().map_or(end, |(at, _)| at);
        self.now = self.now.max(wake).min(end);
        self.engine.handle_timeout(self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.engine.poll_output()).collect();
        self.seen.extend(outputs.iter().cloned());
        outputs
    }

    /// Whether a cursor that says so was handed to the disk.
    fn saved(&self, seq: Seq) -> bool {
        self.seen.iter().any(|output| match output {
            Output::SaveCursor { acked, .. } => acked[Lane::Reading as usize].contains(seq),
            _ => false,
        })
    }

    fn alarm(&self) -> AlarmState {
        let alarms = self.engine.snapshot().alarms;
        alarms.iter().find(|active| active.alarm == AlarmId(0)).map_or(AlarmState::Normal, |a| a.state)
    }

    fn sample(&self) -> Sample {
        self.engine.snapshot().table.get(PointId(0)).unwrap().sample.clone()
    }
}

fn reply(ticket: Ticket, result: ReadResult) -> Input {
    Input::Reply { bus: BusId(0), ticket, result }
}

fn covers(record: &Record, seq: Seq) -> bool {
    let Body::Loss(loss) = &record.body else {
        return false;
    };
    let place = (loss.place, loss.lane);
    place == (LossPlace::Uplink(PLATFORM), Lane::Reading) && (loss.first..=loss.last).contains(&seq)
}

fn opened() -> JournalReport {
    JournalReport::Opened { epoch: Epoch(7), ordinal: 1, previous: Vec::new(), past: Vec::new() }
}

fn site(on_delay: Duration) -> Site {
    let threshold = Threshold { on_delay, setpoint: Value::from_i32(25), ..Threshold::switch(Side::High) };
    let alarm =
        AlarmSpec { priority: Priority::High, ..AlarmSpec::new(PointId(0), AlarmKind::High, threshold) };
    let horn = OutputSpec {
        name: "horn".into(),
        role: Role::Horn(Priority::Low),
        wiring: Wiring::Gpio,
        polarity: Polarity::DeEnergiseToAlarm,
    };
    let line = BusSpec {
        name: "line".into(),
        kind: BusKind::Rtu { baud: 9_600, character_bits: 11 },
        probe_share_permille: 50,
        gap: Duration::ZERO,
        overload_allowed: false,
    };
    Site::try_new(SiteTables {
        buses: vec![line],
        devices: vec![device()],
        points: vec![point()],
        alarms: vec![alarm],
        outputs: vec![horn],
        uplinks: vec![UplinkSpec {
            name: "platform".into(),
            window: 16,
            message_records_max: 20,
            ..UplinkSpec::default()
        }],
        safeguards: Vec::new(),
        limits: FEW,
        ..SiteTables::default()
    })
    .unwrap()
}

fn device() -> DeviceSpec {
    DeviceSpec {
        name: "device".into(),
        bus: BusId(0),
        unit: 1,
        timeout: Duration::from_millis(200),
        late_window: LATE_WINDOW,
        turnaround: Duration::from_millis(10),
        pause: Duration::ZERO,
        registers_max: 125,
        bits_max: 2000,
        gap_max: 0,
        single: false,
        offline_after: 3,
        probe_max: Duration::from_secs(10),
        sis: false,
    }
}

fn point() -> PointSpec {
    PointSpec {
        tag: "GT-101".into(),
        device: DeviceId(0),
        source: Source {
            table: Table::Holding,
            address: 0,
            shape: Shape::U16,
            order: Order::default(),
            exponent: None,
        },
        scale: 1.0,
        offset: 0.0,
        range: None,
        sentinels: Vec::new(),
        period: PERIOD,
        stale_after: PERIOD * 30,
        report: Report { deadband: Value::from_i32(5), heartbeat: Duration::from_secs(600) },
        safety: true,
        interlock: false,
        button: None,
    }
}
