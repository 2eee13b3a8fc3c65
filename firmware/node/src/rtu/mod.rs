//! Modbus RTU slave: frames by silence, CRC first, then the PDU.
//!
//! It never guesses a length, because on a shared bus the replies of other slaves are visible too.

pub mod frame;
pub mod port;
pub mod slave;

mod pdu;
#[cfg(test)]
mod tests;

pub use frame::{ADU_MAX, Frame, Framer};
pub use port::Port;
pub use slave::{Bits, Counts, Exception, Object, PDU_MAX, Registers, Slave, Words, answer};
