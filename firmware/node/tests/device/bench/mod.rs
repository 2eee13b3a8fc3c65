//! A bench for the node's firmware: its own loop on a board made of memory, with wires that a test holds.

mod flash;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use embedded_hal_nb::nb;
use embedded_hal_nb::serial;
use hazard_field::map::{CHANNELS, Quantity, UNLOCK_KEY, holding};
use hazard_field::{Mono, crc16};
use hazard_node::hal::{AnalogReading, Check, Program, Reference, ResetCause};
use hazard_node::{
    AnalogIn, Board, ChannelSettings, Clock, Device, Filter, Line, NodeSettings, Parts, SelfTest, Watchdog,
};

pub(crate) use flash::{Cut, TornFlash, WORDS};

const COUNT: usize = CHANNELS as usize;

/// An output of the board.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "as in the parts of a board")]
pub(crate) enum Out {
    Driver,
    Level1,
    Level2,
    Fault,
    Horn,
    Green,
    Yellow,
    Red,
}

/// What happens on the board's wires.
#[derive(Debug)]
pub(crate) struct Wiring {
    /// What the board's clock reads.
    pub(crate) now: Mono,
    /// Bytes on their way to the node; an error is a fault of the line.
    pub(crate) to_node: VecDeque<Result<u8, serial::ErrorKind>>,
    /// Bytes that the node sent.
    pub(crate) from_node: Vec<u8>,
    /// Levels of the outputs, low after a reset.
    pub(crate) outputs: [bool; 8],
    /// What the inputs read.
    pub(crate) inputs: [AnalogReading; COUNT],
    /// Whether the buttons are pressed: acknowledge, reset, silence.
    pub(crate) pressed: [bool; 3],
    /// How often the watchdog was fed.
    pub(crate) feeds: u64,
    /// What the memory test says.
    pub(crate) ram: Check,
    /// What the stack's guard says.
    pub(crate) stack: Check,
    /// What the converter read of 1,000,000 µV.
    pub(crate) reference: AnalogReading,
    /// Coils read back; `None` as driven.
    pub(crate) coils: Option<[bool; 3]>,
    /// Whether the transceiver hears what it sends.
    pub(crate) echoes: bool,
}

/// The wires; a clone is the same wires.
#[derive(Clone, Debug)]
pub(crate) struct Wires(Rc<RefCell<Wiring>>);

impl Wires {
    /// Clean air on four inputs of 4–20 mA.
    #[allow(clippy::new_without_default, reason = "a bench is made on purpose")]
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(Wiring {
            now: Mono::ZERO,
            to_node: VecDeque::new(),
            from_node: Vec::new(),
            outputs: [false; 8],
            inputs: [AnalogReading::Raw(4_000); COUNT],
            pressed: [false; 3],
            feeds: 0,
            ram: Check::Passed,
            stack: Check::Passed,
            reference: AnalogReading::Raw(1_000_000),
            coils: None,
            echoes: false,
        })))
    }

    /// Looks at the wires, or changes them.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Wiring) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }

    /// The level of an output.
    pub(crate) fn level(&self, out: Out) -> bool {
        self.0.borrow().outputs[out as usize]
    }
}

/// An output pin.
#[derive(Debug)]
pub(crate) struct Pin(Wires, Out);

impl ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.with(|wiring| wiring.outputs[self.1 as usize] = false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.with(|wiring| wiring.outputs[self.1 as usize] = true);
        Ok(())
    }
}

/// A button's pin, by its place.
#[derive(Debug)]
pub(crate) struct Key(Wires, usize);

impl ErrorType for Key {
    type Error = Infallible;
}

impl InputPin for Key {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        self.is_low().map(|low| !low)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.with(|wiring| wiring.pressed[self.1]))
    }
}

impl serial::ErrorType for Wires {
    type Error = serial::ErrorKind;
}

impl serial::Read<u8> for Wires {
    fn read(&mut self) -> nb::Result<u8, serial::ErrorKind> {
        match self.with(|wiring| wiring.to_node.pop_front()) {
            None => Err(nb::Error::WouldBlock),
            Some(byte) => byte.map_err(nb::Error::Other),
        }
    }
}

impl serial::Write<u8> for Wires {
    fn write(&mut self, byte: u8) -> nb::Result<(), serial::ErrorKind> {
        self.with(|wiring| {
            assert!(wiring.outputs[Out::Driver as usize], "sends while the driver is off");
            wiring.from_node.push(byte);
            if wiring.echoes {
                wiring.to_node.push_back(Ok(byte));
            }
        });
        Ok(())
    }

    fn flush(&mut self) -> nb::Result<(), serial::ErrorKind> {
        Ok(())
    }
}

impl Clock for Wires {
    fn now(&mut self) -> Mono {
        self.0.borrow().now
    }
}

impl Watchdog for Wires {
    fn feed(&mut self) {
        self.with(|wiring| wiring.feeds += 1);
    }
}

impl AnalogIn for Wires {
    fn read(&mut self, channel: usize) -> AnalogReading {
        self.0.borrow().inputs[channel]
    }
}

/// The board's self-test; its program is an image in memory.
#[derive(Debug)]
pub(crate) struct Tests {
    wires: Wires,
    program: Rc<RefCell<Vec<u8>>>,
    seen: Vec<u8>,
}

impl SelfTest for Tests {
    fn ram(&mut self) -> Check {
        self.wires.with(|wiring| wiring.ram)
    }

    fn stack(&mut self) -> Check {
        self.seen.clone_from(&self.program.borrow());
        self.wires.with(|wiring| wiring.stack)
    }

    fn reference(&mut self) -> Option<Reference> {
        let reading = self.wires.with(|wiring| wiring.reference);
        Some(Reference { reading, expected: 1_000_000, tolerance: 20_000 })
    }

    fn coils_energised(&mut self) -> Option<[bool; 3]> {
        let [_, level_1, level_2, fault, ..] = self.wires.with(|wiring| wiring.outputs);
        Some(self.wires.with(|wiring| wiring.coils).unwrap_or([level_1, level_2, fault]))
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(Program { bytes: &self.seen, header_at: 64 })
    }
}

/// The bench's types.
#[derive(Debug)]
pub(crate) struct Memory;

impl Board for Memory {
    type Serial = Wires;
    type DriverEnable = Pin;
    type Level1 = Pin;
    type Level2 = Pin;
    type Fault = Pin;
    type Horn = Pin;
    type Green = Pin;
    type Yellow = Pin;
    type Red = Pin;
    type Acknowledge = Key;
    type Reset = Key;
    type Silence = Key;
    type Analog = Wires;
    type Clock = Wires;
    type Watchdog = Wires;
    type Flash = TornFlash;
    type SelfTest = Tests;
}

/// The firmware on its bench.
pub(crate) struct Bench {
    /// Its wires.
    pub(crate) wires: Wires,
    /// Its settings' flash.
    pub(crate) flash: TornFlash,
    /// Its program.
    pub(crate) program: Rc<RefCell<Vec<u8>>>,
    /// The firmware.
    pub(crate) device: Device<Memory, COUNT>,
    /// Its unit address.
    pub(crate) unit: u8,
    /// The silence that ends a frame.
    pub(crate) silence_ms: u64,
}

impl Bench {
    /// Power on, with what a board is made with: a combustible channel, without warm-up.
    pub(crate) fn start(flash: TornFlash) -> Self {
        Self::start_on(Wires::new(), flash, ResetCause::Power)
    }

    /// Power on or reset, on wires that are there.
    pub(crate) fn start_on(wires: Wires, flash: TornFlash, cause: ResetCause) -> Self {
        let line = hazard_node::stored_line::<COUNT>(&flash).unwrap_or(Line::FACTORY);
        let (unit, silence_ms) = (line.unit(), u64::from(line.silence_us().div_ceil(1_000)));
        let program = Rc::new(RefCell::new(image()));
        let pin = |out| Pin(wires.clone(), out);
        let key = |place| Key(wires.clone(), place);
        let parts = Parts::<Memory> {
            serial: wires.clone(),
            driver_enable: pin(Out::Driver),
            level_1: pin(Out::Level1),
            level_2: pin(Out::Level2),
            fault: pin(Out::Fault),
            horn: pin(Out::Horn),
            green: pin(Out::Green),
            yellow: pin(Out::Yellow),
            red: pin(Out::Red),
            acknowledge: key(0),
            reset: key(1),
            silence: key(2),
            analog: wires.clone(),
            clock: wires.clone(),
            watchdog: wires.clone(),
            flash: flash.clone(),
            self_test: Tests {
                wires: wires.clone(),
                program: program.clone(),
                seen: program.borrow().clone(),
            },
        };
        let device = Device::start(parts, factory(), cause).unwrap_or_else(|refused| panic!("{refused:?}"));
        Self { wires, flash, program, device, unit, silence_ms }
    }

    /// Lets time pass, a turn each millisecond, unless the power goes.
    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            if self.flash.is_dead() {
                return;
            }
            self.wires.with(|wiring| wiring.now = wiring.now + std::time::Duration::from_millis(1));
            self.device.turn();
        }
    }

    /// Sends a request and returns the answer's PDU; empty for none.
    pub(crate) fn ask(&mut self, pdu: &[u8]) -> Vec<u8> {
        let unit = self.unit;
        self.send(&adu(unit, pdu));
        let answer = self.received();
        let Some((body, _)) = answer.split_last_chunk::<2>() else { return Vec::new() };
        assert_eq!(answer, adu(unit, &body[1..]), "the answer's unit and CRC");
        body[1..].to_vec()
    }

    /// Sends bytes, and the silence behind them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.wires.with(|wiring| wiring.to_node.extend(bytes.iter().map(|byte| Ok(*byte))));
        self.run(self.silence_ms + 3);
    }

    /// What the node sent since the last time.
    pub(crate) fn received(&mut self) -> Vec<u8> {
        self.wires.with(|wiring| std::mem::take(&mut wiring.from_node))
    }

    /// Reads registers.
    pub(crate) fn read(&mut self, function: u8, address: u16, count: u16) -> Vec<u16> {
        let answer = self.ask(&request(function, address, count));
        assert_eq!(answer.first(), Some(&function), "{answer:?}");
        answer[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    /// Writes registers; an exception is the error.
    pub(crate) fn write(&mut self, address: u16, words: &[u16]) -> Result<(), u8> {
        let mut pdu = request(16, address, words.len() as u16);
        pdu.push((words.len() * 2) as u8);
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        match self.ask(&pdu)[..] {
            [16, ..] => Ok(()),
            [0x90, exception] => Err(exception),
            ref other => panic!("{other:?}"),
        }
    }

    /// Writes a coil; an exception is the error.
    pub(crate) fn coil(&mut self, address: u16, on: bool) -> Result<(), u8> {
        match self.ask(&request(5, address, if on { 0xFF00 } else { 0 }))[..] {
            [5, ..] => Ok(()),
            [0x85, exception] => Err(exception),
            ref other => panic!("{other:?}"),
        }
    }

    /// Unlocks the settings.
    pub(crate) fn unlock(&mut self) {
        assert_eq!(self.write(holding::UNLOCK, &[UNLOCK_KEY]), Ok(()));
    }

    /// The signal of a channel, in µA.
    pub(crate) fn apply(&self, channel: usize, counts: i32) {
        self.wires.with(|wiring| wiring.inputs[channel] = AnalogReading::Raw(counts));
    }
}

/// What the bench's board is made with.
pub(crate) fn factory() -> NodeSettings<COUNT> {
    let preset = ChannelSettings::preset(Quantity::Combustible).expect("a preset");
    let channel = ChannelSettings { filter: Filter::Off, warm_up: std::time::Duration::ZERO, ..preset };
    let settings = NodeSettings::new(0x0001_0002, [Some(channel), None, None, None]);
    NodeSettings { gateway_timeout_s: 0, ..settings }
}

/// A sealed program image.
fn image() -> Vec<u8> {
    let mut image: Vec<u8> = (0..4_096_u32).map(|at| (at * 13) as u8).collect();
    image[64..96].copy_from_slice(&hazard_node::image::unsealed(*b"TEST", [1, 2, 3]));
    hazard_node::image::seal(&mut image, 64).expect("a header");
    image
}

/// A request of function, address and count or value.
pub(crate) fn request(function: u8, address: u16, count: u16) -> Vec<u8> {
    [&[function][..], &address.to_be_bytes(), &count.to_be_bytes()].concat()
}

/// A frame.
pub(crate) fn adu(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let body = [&[unit], pdu].concat();
    [&body[..], &crc16(&body).to_le_bytes()].concat()
}

/// The two words of a float.
pub(crate) fn float(value: f32) -> [u16; 2] {
    [(value.to_bits() >> 16) as u16, value.to_bits() as u16]
}

/// The float of two words.
pub(crate) fn of_float(words: &[u16]) -> f32 {
    f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1]))
}
