//! The node on the Stellaris LM3S6965 evaluation board: pins, converter, clock and port; the node itself is hazard-node.
//!
//! | port | pins |
//! |---|---|
//! | A | 0 receive, 1 transmit (UART 0) |
//! | E | 0 acknowledge, 1 reset, 2 silence (low is pressed), 3 contact (high is closed) |
//! | F | 0 level 1, 1 level 2, 2 fault, 3 horn (high is energised: no alarm) |
//! | G | 0 green, 1 yellow, 2 red, 3 the transceiver drives |
#![no_std]
#![no_main]

mod boots;
mod chip;
mod clock;
mod fail;
mod flash;
mod gpio;
mod inputs;
mod register;
mod selftest;
mod uart;
mod watchdog;

use core::time::Duration;

use cortex_m_rt::entry;
use hazard_cortex::Memory;
use hazard_field::map::Quantity;
use hazard_node::hal::ResetCause;
use hazard_node::image::{HEADER_LEN, unsealed};
use hazard_node::{Board, ChannelSettings, Device, Line, NodeSettings, Parts, Refused, stored_line};

use crate::chip::{PORT_E, PORT_F, PORT_G};
use crate::clock::SysTick;
use crate::flash::FlashModel;
use crate::gpio::{Input, Output};
use crate::inputs::Inputs;
use crate::selftest::SelfTests;
use crate::uart::Uart;
use crate::watchdog::ChipWatchdog;

/// The image's header: `firmware/build` fills in length and checksums.
#[used]
#[unsafe(link_section = ".header")]
static HEADER: [u8; HEADER_LEN] = unsealed(*b"LM3S", [0, 1, 0]);

/// Longer than any turn of the loop and shorter than anybody waits for an alarm.
const WATCHDOG: Duration = Duration::from_secs(2);
const SERIAL: u32 = 0x6965_0001;

struct Lm3s6965Evb;

impl Board for Lm3s6965Evb {
    type Serial = Uart;
    type DriverEnable = Output;
    type Level1 = Output;
    type Level2 = Output;
    type Fault = Output;
    type Horn = Output;
    type Green = Output;
    type Yellow = Output;
    type Red = Output;
    type Acknowledge = Input;
    type Reset = Input;
    type Silence = Input;
    type Analog = Inputs;
    type Clock = SysTick;
    type Watchdog = ChipWatchdog;
    type Flash = FlashModel;
    type SelfTest = SelfTests;
}

#[entry]
fn main() -> ! {
    cortex_m::interrupt::disable();
    // SAFETY: first thing after the start, and no interrupt is taken.
    let self_test = SelfTests(unsafe { Memory::at_start() });
    let boots = boots::count();
    chip::start_clocks();
    // The watchdog runs before anything can go wrong.
    let watchdog = ChipWatchdog::start(WATCHDOG);
    let mut device = wire(self_test, watchdog, baud());
    if open(&mut device, boots).is_err() {
        fail::alarm_and_wait();
    }
    loop {
        run(&mut device);
        SysTick::doze();
    }
}

// Calls of their own, so that the stack of the start is free again when the loop runs.
#[inline(never)]
fn run(device: &mut Device<Lm3s6965Evb, 4>) {
    device.turn();
}

#[inline(never)]
fn baud() -> u32 {
    stored_line::<4>(&FlashModel).unwrap_or(line()).baud()
}

#[inline(never)]
fn wire(self_test: SelfTests, watchdog: ChipWatchdog, baud: u32) -> Device<Lm3s6965Evb, 4> {
    Device::wire(Parts {
        serial: Uart::start(baud),
        driver_enable: Output::low(PORT_G, 3),
        level_1: Output::low(PORT_F, 0),
        level_2: Output::low(PORT_F, 1),
        fault: Output::low(PORT_F, 2),
        horn: Output::low(PORT_F, 3),
        green: Output::low(PORT_G, 0),
        yellow: Output::low(PORT_G, 1),
        red: Output::low(PORT_G, 2),
        acknowledge: Input::button(PORT_E, 0),
        reset: Input::button(PORT_E, 1),
        silence: Input::button(PORT_E, 2),
        analog: Inputs::new(Input::contact(PORT_E, 3)),
        clock: SysTick::start(),
        watchdog,
        flash: FlashModel,
        self_test,
    })
}

#[inline(never)]
fn open(device: &mut Device<Lm3s6965Evb, 4>, boots: u32) -> Result<(), Refused> {
    device.open(&factory(), reset_cause(boots))
}

/// Gas, oxygen, temperature and the contact of an interlock. What is emulated needs no warm-up.
fn factory() -> NodeSettings<4> {
    let fitted = [Quantity::Combustible, Quantity::Oxygen, Quantity::Temperature, Quantity::Contact];
    let channels = fitted.map(|quantity| {
        Some(ChannelSettings { warm_up: Duration::ZERO, ..ChannelSettings::preset(quantity)? })
    });
    NodeSettings { line: line(), ..NodeSettings::new(SERIAL, channels) }
}

/// Slow: the emulator hands bytes over one by one, a busy host pauses between two of them, and only at 1,200 baud is the silence that
/// ends a frame, 32 ms, longer than such a pause.
fn line() -> Line {
    Line::try_new(1, 1_200).unwrap_or(Line::FACTORY)
}

/// Why the chip started. The emulator's register of causes stays empty: there, a start that finds its counter in RAM was a reset, and
/// nothing but the watchdog resets.
fn reset_cause(boots: u32) -> ResetCause {
    let cause = chip::take_reset_cause();
    let causes = [
        (chip::CAUSE_WATCHDOG, ResetCause::Watchdog),
        (chip::CAUSE_SOFTWARE, ResetCause::Software),
        (chip::CAUSE_BROWN_OUT, ResetCause::BrownOut),
        (chip::CAUSE_POWER, ResetCause::Power),
        (chip::CAUSE_PIN, ResetCause::Pin),
    ];
    let untold = if boots > 1 { ResetCause::Watchdog } else { ResetCause::Power };
    causes.into_iter().find(|(bit, _)| cause & bit != 0).map_or(untold, |(_, cause)| cause)
}
