//! The field bus: USART 2 behind embedded-hal-nb's serial traits.
//!
//! The chip keeps one received byte, and a measuring pass takes longer than a byte at 115,200 baud. An interrupt moves bytes and
//! the line's faults into a ring; nothing else is done in it.

use core::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use embedded_hal_nb::nb;
use embedded_hal_nb::serial::{ErrorKind, ErrorType, Read, Write};
use stm32f4xx_hal::pac::{self, NVIC, interrupt};
use stm32f4xx_hal::serial::{RxListen, Serial, Tx};

const RING: usize = 64;
const FAULTS: u16 = 0xF;

static BYTES: [AtomicU16; RING] = [const { AtomicU16::new(0) }; RING];
static WRITTEN: AtomicUsize = AtomicUsize::new(0);
static READ: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicUsize = AtomicUsize::new(0);

/// The line.
pub(crate) struct FieldBus {
    tx: Tx<pac::USART2>,
}

impl FieldBus {
    /// Starts receiving.
    pub(crate) fn start(serial: Serial<pac::USART2>) -> Self {
        let (tx, mut rx) = serial.split();
        rx.listen();
        // SAFETY: the handler below touches atomics and the receiver only, which nothing else touches.
        unsafe { NVIC::unmask(pac::Interrupt::USART2) };
        Self { tx }
    }
}

/// A byte and the chip's fault bits (PE, FE, NF, ORE) above it.
#[interrupt]
fn USART2() {
    // SAFETY: reading the status and then the byte is what takes both; only this handler reads them.
    let usart = unsafe { &*pac::USART2::ptr() };
    let status = usart.sr().read().bits();
    let byte = usart.dr().read().bits();
    if status & (FAULTS | 1 << 5) == 0 {
        return;
    }
    let word = (status & FAULTS) << 8 | byte & 0xFF;
    let (written, read) = (WRITTEN.load(Ordering::Relaxed), READ.load(Ordering::Acquire));
    if written.wrapping_sub(read) < RING {
        if let Some(slot) = BYTES.get(written % RING) {
            slot.store(word, Ordering::Relaxed);
        }
        WRITTEN.store(written.wrapping_add(1), Ordering::Release);
    } else {
        LOST.store(1, Ordering::Release);
    }
}

impl ErrorType for FieldBus {
    type Error = ErrorKind;
}

impl Read<u8> for FieldBus {
    fn read(&mut self) -> nb::Result<u8, ErrorKind> {
        if LOST.swap(0, Ordering::AcqRel) != 0 {
            return Err(nb::Error::Other(ErrorKind::Overrun));
        }
        let read = READ.load(Ordering::Relaxed);
        if read == WRITTEN.load(Ordering::Acquire) {
            return Err(nb::Error::WouldBlock);
        }
        let word = BYTES.get(read % RING).map_or(0, |slot| slot.load(Ordering::Relaxed));
        READ.store(read.wrapping_add(1), Ordering::Release);
        let faults = [
            (1 << 11, ErrorKind::Overrun),
            (1 << 9, ErrorKind::FrameFormat),
            (1 << 8, ErrorKind::Parity),
            (1 << 10, ErrorKind::Noise),
        ];
        match faults.into_iter().find(|(bit, _)| word & bit != 0) {
            Some((_, kind)) => Err(nb::Error::Other(kind)),
            None => Ok(word as u8),
        }
    }
}

impl Write<u8> for FieldBus {
    fn write(&mut self, byte: u8) -> nb::Result<(), ErrorKind> {
        self.tx.write(byte).map_err(|error| error.map(|_| ErrorKind::Other))
    }

    fn flush(&mut self) -> nb::Result<(), ErrorKind> {
        self.tx.flush().map_err(|error| error.map(|_| ErrorKind::Other))
    }
}
