//! A slave on a serial port of embedded-hal-nb: moves bytes and turns the transceiver, never waits.

use core::time::Duration;

use embedded_hal::digital::OutputPin;
use embedded_hal_nb::nb;
use embedded_hal_nb::serial::{Read, Write};
use hazard_field::Mono;

use super::frame::ADU_MAX;
use super::slave::{Counts, Registers, Slave};
use crate::settings::Line;

/// The longest answer takes 2.4 s at 1,200 baud. A port that has not sent it by then is broken and must not keep others off the line.
pub const DRIVEN_MAX: Duration = Duration::from_secs(3);

/// A slave, its serial port and the pin that makes the transceiver drive the line while it is high.
#[derive(Debug)]
pub struct Port<S, D> {
    serial: S,
    driver: D,
    slave: Slave,
    reply: [u8; ADU_MAX],
    sent: usize,
    len: usize,
    is_driving: bool,
    driven_since: Mono,
}

impl<S: Read<u8> + Write<u8>, D: OutputPin> Port<S, D> {
    /// Puts the slave on the port; the transceiver listens. [`crate::hal::Absent`] is the pin of one that turns by itself.
    pub fn new(serial: S, mut driver: D, slave: Slave) -> Self {
        // A pin that cannot be set is seen by the master: nothing answers.
        let _ = driver.set_low();
        Self {
            serial,
            driver,
            slave,
            reply: [0; ADU_MAX],
            sent: 0,
            len: 0,
            is_driving: false,
            driven_since: Mono::ZERO,
        }
    }

    /// Moves the slave to another place, before the first byte.
    pub(crate) const fn move_to(&mut self, line: Line) {
        self.slave.move_to(line);
    }

    /// Sends what is due, takes at most one frame's bytes and executes a finished request; returns at once.
    pub fn pump(&mut self, now: Mono, registers: &mut impl Registers) {
        self.send();
        self.release(now);
        self.receive(now);
        if self.is_driving {
            return;
        }
        let Some(reply) = self.slave.poll(now, registers) else { return };
        let Some(room) = self.reply.get_mut(..reply.len()) else { return };
        room.copy_from_slice(reply);
        (self.sent, self.len) = (0, reply.len());
        self.is_driving = self.driver.set_high().is_ok();
        self.driven_since = now;
        if !self.is_driving {
            self.len = 0;
        }
        self.send();
        self.release(now);
    }

    /// What the line brought so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.slave.counts()
    }

    fn send(&mut self) {
        while let Some(&byte) = self.reply.get(..self.len).and_then(|due| due.get(self.sent)) {
            match self.serial.write(byte) {
                Ok(()) => self.sent = self.sent.saturating_add(1),
                Err(nb::Error::WouldBlock) => return,
                // The master sees a broken frame and asks again.
                Err(nb::Error::Other(_)) => self.sent = self.len,
            }
        }
    }

    // Lets go of the line once the last bit has left: earlier cuts the answer off, later cuts the next request off. What was heard
    // until then is the own echo.
    fn release(&mut self, now: Mono) {
        if !self.is_driving {
            return;
        }
        let has_left = self.sent >= self.len && !matches!(self.serial.flush(), Err(nb::Error::WouldBlock));
        if !has_left {
            if now.since(self.driven_since) < DRIVEN_MAX {
                return;
            }
            self.sent = self.len;
            self.slave.spoil(now);
        }
        self.receive(now);
        // A pin that does not fall is tried again at the next turn.
        self.is_driving = self.driver.set_low().is_err();
    }

    fn receive(&mut self, now: Mono) {
        for _ in 0..ADU_MAX {
            match self.serial.read() {
                // What arrives while sending is the own echo: executed, it would answer itself forever.
                Ok(_) if self.is_driving => {}
                Ok(byte) => self.slave.feed(byte, now),
                Err(nb::Error::WouldBlock) => return,
                Err(nb::Error::Other(_)) if self.is_driving => {}
                Err(nb::Error::Other(_)) => self.slave.spoil(now),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use embedded_hal_mock::eh1::digital::{Mock as Pin, State, Transaction as Level};
    use embedded_hal_mock::eh1::serial::{Mock, Transaction};
    use embedded_hal_nb::serial::ErrorKind;
    use hazard_field::crc16;
    use std::vec::Vec;

    use super::*;
    use crate::rtu::{Bits, Exception, Words};

    struct Echo;

    impl Registers for Echo {
        fn read_bits(&self, _: Bits, _: u16, _: &mut [bool]) -> Result<(), Exception> {
            Err(Exception::IllegalAddress)
        }

        fn read_words(&self, _: Words, _: u16, _: &mut [u16]) -> Result<(), Exception> {
            Err(Exception::IllegalAddress)
        }

        fn write_coils(&mut self, _: u16, _: &[bool]) -> Result<(), Exception> {
            Err(Exception::IllegalAddress)
        }

        fn write_words(&mut self, _: u16, _: &[u16]) -> Result<(), Exception> {
            Err(Exception::IllegalAddress)
        }
    }

    fn frame(pdu: &[u8]) -> Vec<u8> {
        let body = [&[7], pdu].concat();
        [&body[..], &crc16(&body).to_le_bytes()].concat()
    }

    const NOTHING: nb::Error<ErrorKind> = nb::Error::WouldBlock;

    fn pump_all(serial: &[Transaction<u8>], levels: &[State], times_ms: &[u64]) -> Counts {
        let levels: Vec<_> = levels.iter().map(|level| Level::set(*level)).collect();
        let (mut line, mut pin) = (Mock::new(serial), Pin::new(&levels));
        let slave = Slave::try_new(7, 1_750).expect("a unit");
        let mut port = Port::new(line.clone(), pin.clone(), slave);
        times_ms.iter().for_each(|at| port.pump(Mono::from_millis(*at), &mut Echo));
        line.done();
        pin.done();
        port.counts()
    }

    #[test]
    fn the_driver_rises_before_the_first_byte_and_falls_when_the_last_has_left() {
        let request = frame(&[8, 0, 0, 0xA5, 0x37]);
        let (first, rest) = request.split_at(1);
        let serial = [
            Transaction::read_many(&request),
            Transaction::read_error(NOTHING),
            Transaction::read_error(NOTHING),
            // The answer: the second byte has to wait, and the last one leaves after the flush was asked for once.
            Transaction::write_many(first),
            Transaction::write_error(rest[0], NOTHING),
            Transaction::write_many(rest),
            Transaction::flush_error(NOTHING),
            // The transceiver hears itself.
            Transaction::read_many(&request),
            Transaction::read_error(NOTHING),
            Transaction::flush(),
            Transaction::read_error(NOTHING),
            Transaction::read_error(NOTHING),
        ];
        // At 10 ms it answers; nothing is asked or answered at 30 ms.
        let counts = pump_all(&serial, &[State::Low, State::High, State::Low], &[0, 10, 11, 30]);
        assert_eq!(counts, Counts { requests: 1, ..Counts::NONE });
    }

    #[test]
    fn a_port_that_never_sends_its_last_bit_lets_go_of_the_line_after_three_seconds() {
        let request = frame(&[8, 0, 0, 0xA5, 0x37]);
        let serial = [
            Transaction::read_many(&request),
            Transaction::read_error(NOTHING),
            Transaction::read_error(NOTHING),
            Transaction::write_many(&request),
            Transaction::flush_error(NOTHING),
            Transaction::flush_error(NOTHING),
            Transaction::read_error(NOTHING),
            Transaction::flush_error(NOTHING),
            Transaction::read_error(NOTHING),
            Transaction::read_error(NOTHING),
            Transaction::read_error(NOTHING),
        ];
        let counts = pump_all(&serial, &[State::Low, State::High, State::Low], &[0, 10, 3_009, 3_010, 3_011]);
        assert_eq!(counts, Counts { requests: 1, line_errors: 1, ..Counts::NONE });
    }

    #[test]
    fn an_overrun_spoils_the_frame_under_way_and_is_counted() {
        let request = frame(&[8, 0, 0, 1, 2]);
        let serial = [
            Transaction::read_many(&request[..3]),
            Transaction::read_error(nb::Error::Other(ErrorKind::Overrun)),
            Transaction::read_many(&request[3..]),
            Transaction::read_error(NOTHING),
            Transaction::read_error(NOTHING),
        ];
        let counts = pump_all(&serial, &[State::Low], &[0, 10]);
        assert_eq!(counts, Counts { line_errors: 1, ..Counts::NONE });
    }
}
