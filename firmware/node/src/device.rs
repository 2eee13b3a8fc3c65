//! The loop around the node: samples, measures, drives, answers, stores and tests, a slice at a time, and never waits. A board is
//! wiring: it makes the [`Parts`] and calls [`Device::turn`] for ever.

use core::time::Duration;

use embedded_hal::digital::{InputPin, OutputPin};
use embedded_hal_nb::serial::{Read, Write};
use hazard_field::{Mono, Polarity};

use crate::button::PushButton;
use crate::clock::Steady;
use crate::conversions::Conversions;
use crate::facts::Facts;
use crate::hal::{AnalogIn, Check, Clock, Flash, ResetCause, SelfTest, Watchdog};
use crate::log::{About, What};
use crate::node::{Button, Led, Node, Outputs, Refused};
use crate::relay::Relay;
use crate::rtu::{Port, Slave};
use crate::selftest::{Results, Rounds, Tested};
use crate::settings::{Line, NodeSettings, OVERSAMPLING_MAX};
use crate::store::{Progress, SettingsState, Store};

/// From one measuring pass to the next.
pub const PASS: Duration = Duration::from_millis(100);

/// The types of a board's parts.
pub trait Board {
    /// The line.
    type Serial: Read<u8> + Write<u8>;
    /// High while the transceiver drives the line.
    type DriverEnable: OutputPin;
    /// High while the relay of level 1 is energised, which is while there is no alarm.
    type Level1: OutputPin;
    /// High while the relay of level 2 is energised, which is while there is no alarm.
    type Level2: OutputPin;
    /// High while the fault relay is energised, which is while there is no fault.
    type Fault: OutputPin;
    /// High while the horn's relay is energised, which is while the horn is quiet.
    type Horn: OutputPin;
    /// High while the green lamp is lit.
    type Green: OutputPin;
    /// High while the yellow lamp is lit.
    type Yellow: OutputPin;
    /// High while the red lamp is lit.
    type Red: OutputPin;
    /// Low while the button is pressed.
    type Acknowledge: InputPin;
    /// Low while the button is pressed.
    type Reset: InputPin;
    /// Low while the button is pressed.
    type Silence: InputPin;
    /// The channels' inputs.
    type Analog: AnalogIn;
    /// The clock.
    type Clock: Clock;
    /// The watchdog.
    type Watchdog: Watchdog;
    /// Two pages for settings.
    type Flash: Flash;
    /// What the board can test of itself.
    type SelfTest: SelfTest;
}

/// A board's parts. What a board does not have is [`crate::hal::Absent`]; a pin of the other polarity is
/// [`crate::hal::Inverted`].
#[derive(Debug)]
#[allow(missing_docs, reason = "each is told at its type in Board")]
pub struct Parts<B: Board> {
    pub serial: B::Serial,
    pub driver_enable: B::DriverEnable,
    pub level_1: B::Level1,
    pub level_2: B::Level2,
    pub fault: B::Fault,
    pub horn: B::Horn,
    pub green: B::Green,
    pub yellow: B::Yellow,
    pub red: B::Red,
    pub acknowledge: B::Acknowledge,
    pub reset: B::Reset,
    pub silence: B::Silence,
    pub analog: B::Analog,
    pub clock: B::Clock,
    pub watchdog: B::Watchdog,
    pub flash: B::Flash,
    pub self_test: B::SelfTest,
}

/// What must have been done since the watchdog was last fed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Done {
    line: bool,
    buttons: bool,
    store: bool,
    tests: bool,
    lamps: bool,
}

impl Done {
    const ALL: Self = Self { line: true, buttons: true, store: true, tests: true, lamps: true };
}

/// A node on its board.
pub struct Device<B: Board, const CHANNELS: usize> {
    node: Node<CHANNELS>,
    port: Port<B::Serial, B::DriverEnable>,
    level_1: Relay<B::Level1>,
    level_2: Relay<B::Level2>,
    fault: Relay<B::Fault>,
    horn: Relay<B::Horn>,
    lamps: (B::Green, B::Yellow, B::Red),
    acknowledge: PushButton<B::Acknowledge>,
    reset: PushButton<B::Reset>,
    silence: PushButton<B::Silence>,
    analog: B::Analog,
    clock: Steady<B::Clock>,
    watchdog: B::Watchdog,
    store: Store<B::Flash>,
    self_test: B::SelfTest,
    conversions: [Conversions; CHANNELS],
    rounds: Rounds,
    outputs: Option<Outputs>,
    next_pass: Mono,
    last_turn: Option<Mono>,
    steps_back: u32,
    done: Done,
}

impl<B: Board, const CHANNELS: usize> Device<B, CHANNELS> {
    /// Takes the parts and the stored settings, or `factory` where none are whole, which the status then tells. Relays and horn stay
    /// as reset left them, de-energised, until the first measuring pass is complete. The port must already have the speed of
    /// [`crate::stored_line`], or of `factory`.
    ///
    /// Refused when `factory` does not go together: a fault of the board crate.
    pub fn start(
        parts: Parts<B>,
        factory: NodeSettings<CHANNELS>,
        cause: ResetCause,
    ) -> Result<Self, Refused> {
        let mut device = Self::wire(parts);
        device.open(&factory, cause)?;
        Ok(device)
    }

    /// Takes the parts. A board whose stack has no room for a second device on its way calls this and [`Self::open`] instead of
    /// [`Self::start`].
    pub fn wire(parts: Parts<B>) -> Self {
        let polarity = Polarity::DeEnergiseToAlarm;
        Self {
            node: Node::unfitted(),
            port: Port::new(parts.serial, parts.driver_enable, Slave::at(Line::FACTORY)),
            level_1: Relay::new(parts.level_1, polarity),
            level_2: Relay::new(parts.level_2, polarity),
            fault: Relay::new(parts.fault, polarity),
            horn: Relay::new(parts.horn, polarity),
            lamps: (parts.green, parts.yellow, parts.red),
            acknowledge: PushButton::new(parts.acknowledge),
            reset: PushButton::new(parts.reset),
            silence: PushButton::new(parts.silence),
            analog: parts.analog,
            clock: Steady::new(parts.clock),
            watchdog: parts.watchdog,
            store: Store::new(parts.flash),
            self_test: parts.self_test,
            conversions: [Conversions::NONE; CHANNELS],
            rounds: Rounds::new(),
            outputs: None,
            next_pass: Mono::ZERO,
            last_turn: None,
            steps_back: 0,
            done: Done::default(),
        }
    }

    /// Takes the stored settings, or `factory`, before the first [`Self::turn`].
    pub fn open(&mut self, factory: &NodeSettings<CHANNELS>, cause: ResetCause) -> Result<(), Refused> {
        let opened = self.store.open(Node::<CHANNELS>::can_take);
        let taken = opened.holdings.and_then(|stored| Node::stored_settings(factory.serial, &stored));
        match taken {
            Some(stored) => self.node.fit(&stored)?,
            None => self.node.fit(factory)?,
        }
        self.port.move_to(self.node.line);
        self.begin(cause, opened.state);
        Ok(())
    }

    fn begin(&mut self, reset_cause: ResetCause, settings: SettingsState) {
        let starts = self.store.count_start(&self.node.stored_holdings());
        let sequence = self.store.sequence();
        self.node.begin(Facts { reset_cause, starts, settings, sequence, ..Facts::default() });
    }

    /// One turn of the loop; a board calls it without pause. Returns at once, except while a flash page is being erased.
    pub fn turn(&mut self) {
        let now = self.clock.now();
        let mut facts = *self.node.facts();
        self.note_turn(now, &mut facts);
        self.port.pump(now, &mut self.node);
        facts.line = self.port.counts();
        self.done.line = true;
        self.poll_buttons(now, &mut facts.tests);
        self.rounds.step(now, &mut self.self_test, &mut facts.tests);
        facts.image = self.rounds.header;
        self.done.tests = true;
        self.sample();
        if now >= self.next_pass && self.is_sampled() {
            self.measure(now, &mut facts.tests);
        }
        self.keep(now, &mut facts);
        self.show(now, &mut facts.tests);
        self.node.tell(facts);
    }

    /// The node.
    #[must_use]
    pub const fn node(&self) -> &Node<CHANNELS> {
        &self.node
    }

    fn note_turn(&mut self, now: Mono, facts: &mut Facts) {
        if let Some(last) = self.last_turn.replace(now) {
            let took = u32::try_from(now.since(last).as_micros()).unwrap_or(u32::MAX);
            facts.loop_max_us = facts.loop_max_us.max(took);
        }
        let stepped = self.clock.steps_back() != self.steps_back;
        if stepped {
            self.steps_back = self.clock.steps_back();
            self.node.note(What::ClockStepped, About::NODE);
        }
        // It stays failed until the next start: a clock that steps back once does it again.
        facts.tests.note(Tested::Clock, if self.steps_back > 0 { Check::Failed } else { Check::Passed });
    }

    fn poll_buttons(&mut self, now: Mono, tests: &mut Results) {
        let presses = [
            (self.silence.poll(now), Button::Silence),
            (self.acknowledge.poll(now), Button::Acknowledge),
            (self.reset.poll(now), Button::Reset),
        ];
        for (_, button) in presses.into_iter().filter(|(pressed, _)| *pressed) {
            self.node.press(button);
        }
        let stuck = self.silence.is_stuck(now) || self.acknowledge.is_stuck(now) || self.reset.is_stuck(now);
        tests.note(Tested::Buttons, if stuck { Check::Failed } else { Check::Passed });
        self.done.buttons = true;
    }

    fn sample(&mut self) {
        for (channel, conversions) in self.conversions.iter_mut().enumerate() {
            let wanted = self.node.oversampling(channel).min(OVERSAMPLING_MAX);
            if conversions.count() < wanted {
                conversions.push(self.analog.read(channel));
            }
        }
    }

    fn is_sampled(&self) -> bool {
        let mut channels = self.conversions.iter().enumerate();
        channels.all(|(channel, conversions)| conversions.count() >= self.node.oversampling(channel))
    }

    fn measure(&mut self, now: Mono, tests: &mut Results) {
        let readings = self.conversions.map(|conversions| conversions.reading());
        self.conversions = [Conversions::NONE; CHANNELS];
        self.next_pass = now.after(PASS);
        let outputs = self.node.step(now, readings);
        self.outputs = Some(outputs);
        let is_driven = self.drive(outputs);
        tests.note(Tested::Pins, if is_driven { Check::Passed } else { Check::Failed });
        let Outputs { relays, .. } = outputs;
        let energised = [relays.level_1, relays.level_2, relays.fault];
        self.rounds.note_driven(now, energised.map(|active| Polarity::DeEnergiseToAlarm.energised(active)));
        if self.done == Done::ALL {
            self.watchdog.feed();
            self.done = Done::default();
        }
    }

    fn drive(&mut self, outputs: Outputs) -> bool {
        let Outputs { relays, horn, .. } = outputs;
        let driven = [
            self.level_1.set(relays.level_1).is_ok(),
            self.level_2.set(relays.level_2).is_ok(),
            self.fault.set(relays.fault).is_ok(),
            self.horn.set(horn).is_ok(),
        ];
        driven == [true; 4]
    }

    fn keep(&mut self, now: Mono, facts: &mut Facts) {
        if self.node.take_unsaved() {
            self.store.note_change(now);
            facts.settings = SettingsState::ToBeStored;
        }
        let node = &self.node;
        match self.store.step(now, || node.stored_holdings()) {
            Progress::None => {}
            Progress::Stored => {
                facts.settings =
                    if self.store.is_busy() { SettingsState::ToBeStored } else { SettingsState::Stored };
                facts.sequence = self.store.sequence();
                facts.tests.note(Tested::Settings, Check::Passed);
                self.node.note(What::Stored, About::NODE.value(facts.sequence as f32));
            }
            Progress::Failed => {
                facts.settings = SettingsState::StoringFailed;
                facts.tests.note(Tested::Settings, Check::Failed);
                self.node.note(What::StoringFailed, About::NODE);
            }
        }
        // Numbers of events that ran into the next start's are kept from it by another start.
        let run_over = self.node.next_event() >> 16 > facts.starts & 0xFFFF;
        if facts.starts > 0 && run_over && !self.store.is_writing() {
            facts.starts = self.store.count_start(&self.node.stored_holdings());
        }
        self.done.store = true;
    }

    /// Normal green, fault yellow, alarm red; red flashes once a second, twice for level 2 (GB 16808, 4.2.2).
    fn show(&mut self, now: Mono, tests: &mut Results) {
        let Some(outputs) = self.outputs else { return };
        let half =
            |period_us: u64| now.as_micros().checked_rem(period_us).is_some_and(|at| at < period_us / 2);
        let (green, yellow, red) = match outputs.led {
            Led::Normal => (true, false, false),
            Led::Fault => (false, half(1_000_000), false),
            Led::Level1 => (false, false, half(1_000_000)),
            Led::Level2 => (false, false, half(500_000)),
        };
        let lit = [
            self.lamps.0.set_state(green.into()).is_ok(),
            self.lamps.1.set_state(yellow.into()).is_ok(),
            self.lamps.2.set_state(red.into()).is_ok(),
        ];
        if lit != [true; 3] {
            tests.note(Tested::Pins, Check::Failed);
        }
        self.done.lamps = true;
    }
}
