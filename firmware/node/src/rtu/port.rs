//! A slave on a serial port of embedded-hal-nb: moves bytes, never waits.

use embedded_hal_nb::nb;
use embedded_hal_nb::serial::{Read, Write};
use hazard_field::Mono;

use super::frame::ADU_MAX;
use super::slave::{Registers, Slave};

/// A slave and its serial port. The transceiver's direction is the port's affair.
#[derive(Debug)]
pub struct Port<S> {
    serial: S,
    slave: Slave,
    reply: [u8; ADU_MAX],
    sent: usize,
    len: usize,
}

impl<S: Read<u8> + Write<u8>> Port<S> {
    /// Puts the slave on the port.
    pub const fn new(serial: S, slave: Slave) -> Self {
        Self { serial, slave, reply: [0; ADU_MAX], sent: 0, len: 0 }
    }

    /// Sends what is due, takes at most one frame's bytes and executes a finished request; returns at once.
    pub fn pump(&mut self, now: Mono, registers: &mut impl Registers) {
        self.send();
        self.receive(now);
        if self.is_sending() {
            return;
        }
        let Some(reply) = self.slave.poll(now, registers) else { return };
        let Some(room) = self.reply.get_mut(..reply.len()) else { return };
        room.copy_from_slice(reply);
        (self.sent, self.len) = (0, reply.len());
        self.send();
    }

    const fn is_sending(&self) -> bool {
        self.sent < self.len
    }

    fn send(&mut self) {
        while let Some(&byte) = self.reply.get(..self.len).and_then(|due| due.get(self.sent)) {
            match self.serial.write(byte) {
                Ok(()) => self.sent += 1,
                Err(nb::Error::WouldBlock) => return,
                // The master sees a broken frame and asks again.
                Err(nb::Error::Other(_)) => self.sent = self.len,
            }
        }
    }

    fn receive(&mut self, now: Mono) {
        for _ in 0..ADU_MAX {
            match self.serial.read() {
                // What arrives while sending is the own echo: executed, it would answer itself forever.
                Ok(_) if self.is_sending() => {}
                Ok(byte) => self.slave.feed(byte, now),
                Err(nb::Error::WouldBlock) => return,
                Err(nb::Error::Other(_)) => self.slave.spoil(now),
            }
        }
    }
}
