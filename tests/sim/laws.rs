//! Laws that a random world rarely tempts, as short stories: one device, one point, one moment that matters.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::alarm::{AlarmKind, AlarmSpec, Priority};
use hazard_core::annunciate::{OutputSpec, Role, Wiring};
use hazard_core::id::{AlarmId, BusId, DeviceId, Epoch, PointId, Ticket, UplinkId};
use hazard_core::input::{JournalReport, UplinkReport};
use hazard_core::link::{LinkFault, ReadResult, Table, Words};
use hazard_core::outbox::Record;
use hazard_core::outbox::record::{AlarmState, Body, LossPlace};
use hazard_core::point::{Order, PointSpec, Report, Shape, Source};
use hazard_core::reading::{Doubt, Sample};
use hazard_core::site::{BusKind, BusSpec, DeviceSpec, Site, SiteTables, UplinkSpec};
use hazard_core::{
    ClockTrust, Engine, Input, Mono, Output, Polarity, Publish, Side, Start, Threshold, Utc, Value,
};

const PERIOD: Duration = Duration::from_secs(1);
const ON_DELAY: Duration = Duration::from_millis(1_500);
const LATE_WINDOW: Duration = Duration::from_millis(3_000);
const PLATFORM: UplinkId = UplinkId(0);

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

/// Law 12. What sounds is handed out before what is written down or sent.
#[test]
fn the_panel_is_the_first_thing_that_is_done() {
    let mut story = Story::new(Duration::ZERO);
    story.answer(5);
    story.happen(Input::Journal(opened()));
    story.happen(Input::Uplink { uplink: PLATFORM, report: UplinkReport::Up });
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

/// Law 8. A message that the platform will never take is a loss, and the platform is told so.
#[test]
fn what_the_platform_refuses_is_stated_as_lost_to_it() {
    let mut story = Story::new(Duration::ZERO);
    story.happen(Input::Journal(opened()));
    story.happen(Input::Uplink { uplink: PLATFORM, report: UplinkReport::Up });
    story.answer(5);
    let refused = story.published(|records| records.iter().any(|record| record.readings() > 0));
    let report = UplinkReport::Rejected(refused.message);
    story.happen(Input::Uplink { uplink: PLATFORM, report });
    let seq = refused.records[0].seq;
    let told = story.published(|records| records.iter().any(|record| matches!(record.body, Body::Loss(_))));
    let covers = told.records.iter().any(|record| match &record.body {
        Body::Loss(loss) => {
            loss.place == LossPlace::Uplink(PLATFORM) && (loss.first..=loss.last).contains(&seq)
        }
        _ => false,
    });
    assert!(covers, "{seq:?} in {told:?}");
    assert!(story.engine.snapshot().ledger.is_even());
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

    /// Lets time pass until such a message was published.
    fn published(&mut self, is_it: impl Fn(&[Arc<Record>]) -> bool) -> Publish {
        for _ in 0..1_000 {
            self.outputs();
            let found = self.seen.iter().find_map(|output| match output {
                Output::Publish(publish) if is_it(&publish.records) => Some(publish.clone()),
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
        while self.now < at {
            self.outputs();
            self.step(at);
        }
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

fn opened() -> JournalReport {
    JournalReport::Opened { epoch: Epoch(7), ordinal: 1, previous: None, past: Vec::new() }
}

fn site(on_delay: Duration) -> Site {
    let threshold = Threshold { on_delay, setpoint: Value::from_i32(25), ..Threshold::switch(Side::High) };
    let alarm = AlarmSpec {
        point: PointId(0),
        kind: AlarmKind::High,
        threshold,
        priority: Priority::High,
        latch: false,
    };
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
        uplinks: vec![UplinkSpec { name: "platform".into(), window: 16, message_records_max: 20 }],
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
        registers_max: 125,
        bits_max: 2000,
        gap_max: 0,
        offline_after: 3,
        probe_max: Duration::from_secs(10),
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
    }
}
