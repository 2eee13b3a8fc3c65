//! What the core asks of a field bus, and how a bus can fail: requests, replies and faults, without any wire format.

use alloc::vec::Vec;

/// A Modbus table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Table {
    /// Coils, 0x references, function codes 1, 5, 15.
    Coil,
    /// Discrete inputs, 1x references, function code 2.
    Discrete,
    /// Input registers, 3x references, function code 4.
    Input,
    /// Holding registers, 4x references, function codes 3, 6, 16.
    Holding,
}

impl Table {
    /// Whether an address of this table names one bit.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// The most addresses one read may ask for (Modbus Application Protocol V1.1b3, §6.1–6.4).
    #[must_use]
    pub const fn count_max(self) -> u16 {
        if self.is_bits() { 2000 } else { 125 }
    }

    /// The function that reads it.
    #[must_use]
    pub const fn function(self) -> u8 {
        match self {
            Self::Coil => 1,
            Self::Discrete => 2,
            Self::Holding => 3,
            Self::Input => 4,
        }
    }
}

/// One read: `count` addresses from `start` (PDU addressing, base 0) of one table of one unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadRequest {
    /// Unit address, 0–255 on TCP, 1–247 on a serial line.
    pub unit: u8,
    /// The table.
    pub table: Table,
    /// First address, base 0.
    pub start: u16,
    /// Number of registers or bits, at least 1.
    pub count: u16,
}

/// One write of neighbouring coils.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteRequest {
    /// Unit address.
    pub unit: u8,
    /// First coil, base 0.
    pub start: u16,
    /// The coils' levels, at least one.
    pub coils: Vec<bool>,
}

impl WriteRequest {
    /// The function that writes so many coils.
    #[must_use]
    pub const fn function(&self) -> u8 {
        if self.coils.len() == 1 { 5 } else { 15 }
    }
}

/// Coils or registers to be set: a named command, or what a person on site writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Unit address; never the broadcast.
    pub unit: u8,
    /// First address, base 0.
    pub start: u16,
    /// Coils or holding registers.
    pub words: Words,
    /// One value goes by function 15 or 16 too: some devices know no other.
    pub always_many: bool,
}

impl Setting {
    /// The table that is written.
    #[must_use]
    pub const fn table(&self) -> Table {
        match self.words {
            Words::Bits(_) => Table::Coil,
            Words::Registers(_) => Table::Holding,
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        match &self.words {
            Words::Bits(bits) => bits.len(),
            Words::Registers(words) => words.len(),
        }
    }

    /// The function code that carries it.
    #[must_use]
    pub const fn function(&self) -> u8 {
        match (&self.words, self.is_single()) {
            (Words::Bits(_), true) => 5,
            (Words::Bits(_), false) => 15,
            (Words::Registers(_), true) => 6,
            (Words::Registers(_), false) => 16,
        }
    }

    /// Whether function 5 or 6 carries it.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.count() == 1 && !self.always_many
    }
}

/// What a read returned: exactly as many as were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Words {
    /// Holding or input registers.
    Registers(Vec<u16>),
    /// Coils or discrete inputs.
    Bits(Vec<bool>),
}

/// A device's refusal (Modbus exception code).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Exception {
    /// 01: the device does not know the function.
    IllegalFunction,
    /// 02: the device does not have the address.
    IllegalAddress,
    /// 03: the device does not accept the value or the count.
    IllegalValue,
    /// 04: the device has failed.
    DeviceFailure,
    /// 05: accepted, not done yet.
    Acknowledge,
    /// 06: busy.
    Busy,
    /// 0A: the gateway has no path to the unit.
    GatewayPath,
    /// 0B: the unit behind the gateway does not answer.
    GatewayTarget,
    /// Any other code.
    Other(u8),
}

/// Why a request brought nothing. Each variant has its own reaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LinkFault {
    /// No answer in time: the line is dirty, the device may answer late.
    Silent,
    /// An answer that is not the answer to this request: discarded, the line is dirty.
    Garbled,
    /// The device answered with an exception: the line is clean.
    Refused(Exception),
    /// The port or the connection is not there: nothing was sent.
    Gone,
}

/// What came of one request.
pub type ReadResult = Result<Words, LinkFault>;
