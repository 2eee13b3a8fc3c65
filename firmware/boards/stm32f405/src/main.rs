//! The node on an STM32F405: pins, converter, clock and port by stm32f4xx-hal; the node itself is hazard-node.
//!
//! | port | pins |
//! |---|---|
//! | A | 1 the transceiver drives, 2 transmit, 3 receive (USART 2), 4 to 6 current loops over 120 Ω |
//! | B | 0 acknowledge, 1 reset, 2 silence (low is pressed), 4 contact (high is closed), 5 to 7 second contacts of the relays (low is energised), 12 green, 13 yellow, 14 red |
//! | C | 0 level 1, 1 level 2, 2 fault, 3 horn (high is energised: no alarm) |
//!
//! An 8 MHz crystal is on the board. PB2 is the boot pin 1 too: it is read after the start only.
#![no_std]
#![no_main]

mod fail;
mod flash;
mod inputs;
mod line;
mod selftest;
mod timing;

use core::cell::RefCell;

use cortex_m_rt::entry;
use hazard_cortex::Memory;
use hazard_field::map::Quantity;
use hazard_node::hal::{AnalogReading, ResetCause};
use hazard_node::image::{HEADER_LEN, unsealed};
use hazard_node::{
    AnalogIn, Board, ChannelSettings, Device, Line, NodeSettings, Parts, Refused, stored_line,
};
use stm32f4xx_hal::adc::Adc;
use stm32f4xx_hal::adc::config::AdcConfig;
use stm32f4xx_hal::gpio::{Input, Output, Pin};
use stm32f4xx_hal::pac;
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc::Config;
use stm32f4xx_hal::serial::config::Config as Framing;
use stm32f4xx_hal::signature::Uid;
use stm32f4xx_hal::watchdog::IndependentWatchdog;

use crate::flash::ChipFlash;
use crate::inputs::Inputs;
use crate::line::FieldBus;
use crate::selftest::SelfTests;
use crate::timing::{ChipWatchdog, Microseconds};

/// The image's header: `firmware/build` fills in length and checksums.
#[used]
#[unsafe(link_section = ".header")]
static HEADER: [u8; HEADER_LEN] = unsealed(*b"F405", [0, 1, 0]);

/// Longer than a page of flash is erased (0.8 s at worst), though the watchdog's oscillator may be half as fast again.
const WATCHDOG_MS: u32 = 3_000;

struct Stm32F405<'a>(core::marker::PhantomData<&'a ()>);

/// The converter, which the measurement and its self-test share.
struct Shared<'a>(&'a RefCell<Inputs>);

impl AnalogIn for Shared<'_> {
    fn read(&mut self, channel: usize) -> AnalogReading {
        self.0.try_borrow_mut().map_or(AnalogReading::Fault, |mut inputs| inputs.read(channel))
    }
}

impl<'a> Board for Stm32F405<'a> {
    type Serial = FieldBus;
    type DriverEnable = Pin<'A', 1, Output>;
    type Level1 = Pin<'C', 0, Output>;
    type Level2 = Pin<'C', 1, Output>;
    type Fault = Pin<'C', 2, Output>;
    type Horn = Pin<'C', 3, Output>;
    type Green = Pin<'B', 12, Output>;
    type Yellow = Pin<'B', 13, Output>;
    type Red = Pin<'B', 14, Output>;
    type Acknowledge = Pin<'B', 0, Input>;
    type Reset = Pin<'B', 1, Input>;
    type Silence = Pin<'B', 2, Input>;
    type Analog = Shared<'a>;
    type Clock = Microseconds;
    type Watchdog = ChipWatchdog;
    type Flash = ChipFlash;
    type SelfTest = SelfTests<'a>;
}

type Node<'a> = Device<Stm32F405<'a>, 4>;

/// What is made before the node and lives as long.
struct Bench {
    parts: Pins,
    serial: FieldBus,
    clock: Microseconds,
    watchdog: ChipWatchdog,
    flash: ChipFlash,
    contacts: selftest::Contacts,
    inputs: Inputs,
    cause: ResetCause,
}

struct Pins {
    driver_enable: Pin<'A', 1, Output>,
    relays: (Pin<'C', 0, Output>, Pin<'C', 1, Output>, Pin<'C', 2, Output>, Pin<'C', 3, Output>),
    lamps: (Pin<'B', 12, Output>, Pin<'B', 13, Output>, Pin<'B', 14, Output>),
    buttons: (Pin<'B', 0, Input>, Pin<'B', 1, Input>, Pin<'B', 2, Input>),
}

#[entry]
fn main() -> ! {
    // SAFETY: first thing after the start, and no interrupt is enabled yet.
    let memory = unsafe { Memory::at_start() };
    let Some(bench) = start() else { fail::alarm_and_wait() };
    let Bench { parts, serial, clock, watchdog, flash, contacts, inputs, cause } = bench;
    let inputs = RefCell::new(inputs);
    let self_test = SelfTests { memory, inputs: &inputs, contacts };
    let (acknowledge, reset, silence) = parts.buttons;
    let (level_1, level_2, fault, horn) = parts.relays;
    let (green, yellow, red) = parts.lamps;
    let driver_enable = parts.driver_enable;
    let analog = Shared(&inputs);
    let mut device = wire(Parts {
        serial,
        driver_enable,
        level_1,
        level_2,
        fault,
        horn,
        green,
        yellow,
        red,
        acknowledge,
        reset,
        silence,
        analog,
        clock,
        watchdog,
        flash,
        self_test,
    });
    if open(&mut device, cause).is_err() {
        fail::alarm_and_wait();
    }
    loop {
        run(&mut device);
    }
}

// Calls of their own, so that the stack of the start is free again when the loop runs.
#[inline(never)]
fn run(device: &mut Node<'_>) {
    device.turn();
}

#[inline(never)]
fn wire<'a>(parts: Parts<Stm32F405<'a>>) -> Node<'a> {
    Device::wire(parts)
}

#[inline(never)]
fn open(device: &mut Node<'_>, cause: ResetCause) -> Result<(), Refused> {
    device.open(&factory(), cause)
}

/// Starts the chip, its watchdog first. `None` when a part of it does not start.
#[inline(never)]
fn start() -> Option<Bench> {
    let chip = pac::Peripherals::take()?;
    let mut watchdog = IndependentWatchdog::new(chip.IWDG);
    watchdog.start(WATCHDOG_MS.millis());
    let cause = reset_cause(&chip.RCC);
    let mut rcc = chip.RCC.freeze(Config::hse(8.MHz()).sysclk(84.MHz()));
    let (a, b, c) = (chip.GPIOA.split(&mut rcc), chip.GPIOB.split(&mut rcc), chip.GPIOC.split(&mut rcc));
    let flash = ChipFlash(chip.FLASH);
    let baud = stored_line::<4>(&flash).unwrap_or(Line::FACTORY).baud();
    let serial =
        chip.USART2.serial((a.pa2, a.pa3), Framing::default().baudrate(baud.bps()), &mut rcc).ok()?;
    let mut timer = chip.TIM2.counter_us(&mut rcc);
    timer.start(u32::MAX.micros()).ok()?;
    let adc = Adc::new(chip.ADC1, true, AdcConfig::default(), &mut rcc);
    let loops = (a.pa4.into_analog(), a.pa5.into_analog(), a.pa6.into_analog());
    Some(Bench {
        parts: Pins {
            driver_enable: a.pa1.into_push_pull_output(),
            relays: (
                c.pc0.into_push_pull_output(),
                c.pc1.into_push_pull_output(),
                c.pc2.into_push_pull_output(),
                c.pc3.into_push_pull_output(),
            ),
            lamps: (
                b.pb12.into_push_pull_output(),
                b.pb13.into_push_pull_output(),
                b.pb14.into_push_pull_output(),
            ),
            buttons: (b.pb0.into_pull_up_input(), b.pb1.into_pull_up_input(), b.pb2.into_pull_up_input()),
        },
        serial: FieldBus::start(serial),
        clock: Microseconds::new(timer),
        watchdog: ChipWatchdog(watchdog),
        flash,
        contacts: (b.pb5.into_pull_up_input(), b.pb6.into_pull_up_input(), b.pb7.into_pull_up_input()),
        inputs: Inputs::new(adc, loops, b.pb4.into_pull_down_input()),
        cause,
    })
}

/// Gas, oxygen, temperature and the contact of an interlock.
fn factory() -> NodeSettings<4> {
    let fitted = [Quantity::Combustible, Quantity::Oxygen, Quantity::Temperature, Quantity::Contact];
    NodeSettings::new(serial_number(), fitted.map(ChannelSettings::preset))
}

/// Lot, wafer and place on it: the chip's own number, folded.
fn serial_number() -> u32 {
    let id = Uid::get();
    u32::from(id.lot_num().as_bytes().iter().fold(0_u16, |sum, byte| sum.rotate_left(3) ^ u16::from(*byte)))
        << 16
        ^ u32::from(id.x()) << 8
        ^ u32::from(id.y())
        ^ u32::from(id.waf_num()) << 24
}

fn reset_cause(rcc: &pac::RCC) -> ResetCause {
    let causes = rcc.csr().read();
    let cause = if causes.wdgrstf().bit() || causes.wwdgrstf().bit() {
        ResetCause::Watchdog
    } else if causes.sftrstf().bit() {
        ResetCause::Software
    } else if causes.porrstf().bit() {
        ResetCause::Power
    } else if causes.borrstf().bit() {
        ResetCause::BrownOut
    } else {
        ResetCause::Pin
    };
    rcc.csr().modify(|_, w| w.rmvf().set_bit());
    cause
}
