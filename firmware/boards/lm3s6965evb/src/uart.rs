//! The field bus: UART 0 (PL011) with its FIFO, behind embedded-hal-nb's serial traits.
//!
//! What the line broke is told: overrun, framing, parity. A break counts as framing.

use embedded_hal_nb::nb;
use embedded_hal_nb::serial::{ErrorKind, ErrorType, Read, Write};

use crate::chip::{CLOCK_HZ, PORT_A, PORT_G, UART_0};
use crate::register::Register;

const BYTES: Register = UART_0.register(0x000);
const FLAGS: Register = UART_0.register(0x018);
const BAUD_INTEGER: Register = UART_0.register(0x024);
const BAUD_FRACTION: Register = UART_0.register(0x028);
const LINE: Register = UART_0.register(0x02C);
const CONTROL: Register = UART_0.register(0x030);
const MASK: Register = UART_0.register(0x038);
const CLEAR: Register = UART_0.register(0x044);
const ALTERNATE: Register = PORT_A.register(0x420);
const DIGITAL: Register = PORT_A.register(0x51C);

/// The transceiver's direction, pin 3.
const DRIVING: Register = PORT_G.register(1 << 3 << 2);

const BUSY: u32 = 1 << 3;
const RECEIVE_EMPTY: u32 = 1 << 4;
const TRANSMIT_FULL: u32 = 1 << 5;

/// Bytes in the receiver, or one that waits there for longer than four characters.
const RECEIVED: u32 = 1 << 4 | 1 << 6;
const EIGHT_BITS_WITH_FIFO: u32 = 0b111_0000;

const FRAMING: u32 = 1 << 8;
const PARITY: u32 = 1 << 9;
const BREAK: u32 = 1 << 10;
const OVERRUN: u32 = 1 << 11;

/// The UART. The transceiver's direction is the node's affair.
pub(crate) struct Uart;

impl Uart {
    /// Starts it: eight bits, no parity, one stop bit.
    pub(crate) fn start(baud: u32) -> Self {
        ALTERNATE.set(0b11);
        DIGITAL.set(0b11);
        CONTROL.write(0);
        // PL011: divisor in 64ths of 1/16 of the clock, rounded.
        let divisor = (8 * CLOCK_HZ / baud.max(1)).div_ceil(2);
        BAUD_INTEGER.write(divisor >> 6);
        BAUD_FRACTION.write(divisor & 63);
        LINE.write(EIGHT_BITS_WITH_FIFO);
        CLEAR.write(0x7FF);
        // Received bytes wake the core; nothing is taken in a handler.
        MASK.write(RECEIVED);
        CONTROL.write(1 | 1 << 8 | 1 << 9);
        Self
    }
}

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl Read<u8> for Uart {
    fn read(&mut self) -> nb::Result<u8, ErrorKind> {
        // The transceiver hears nothing while it drives. In the emulator an answer takes no time, and what a quick master asks next may
        // wait here before the node has let go of the line: it is no echo.
        if DRIVING.read() != 0 {
            return Err(nb::Error::WouldBlock);
        }
        if FLAGS.read() & RECEIVE_EMPTY != 0 {
            CLEAR.write(RECEIVED);
            return Err(nb::Error::WouldBlock);
        }
        let word = BYTES.read();
        let faults = [
            (OVERRUN, ErrorKind::Overrun),
            (BREAK | FRAMING, ErrorKind::FrameFormat),
            (PARITY, ErrorKind::Parity),
        ];
        match faults.into_iter().find(|(bits, _)| word & bits != 0) {
            Some((_, kind)) => Err(nb::Error::Other(kind)),
            None => Ok(word as u8),
        }
    }
}

impl Write<u8> for Uart {
    fn write(&mut self, byte: u8) -> nb::Result<(), ErrorKind> {
        if FLAGS.read() & TRANSMIT_FULL != 0 {
            return Err(nb::Error::WouldBlock);
        }
        BYTES.write(byte.into());
        Ok(())
    }

    fn flush(&mut self) -> nb::Result<(), ErrorKind> {
        if FLAGS.read() & BUSY != 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}
