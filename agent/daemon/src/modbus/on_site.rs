//! What named commands and a person on site ask: to set coils or registers; and who a device is, which only the person asks.

use std::borrow::Cow;

use hazard_core::link::{Setting, Words};
use tokio_modbus::prelude::ReadCode;
use tokio_modbus::{Request, Response};

use super::ask::Ask;

/// The most registers of one write (Modbus Application Protocol V1.1b3, §6.12).
const REGISTERS_MAX: usize = 0x7B;
const COILS_MAX: usize = 0x07B0;

/// PDU bytes at most: what an answer without a length of its own may have.
const PDU_BYTES_MAX: u64 = 253;

impl Ask for Setting {
    type Answer = ();

    fn unit(&self) -> u8 {
        self.unit
    }

    fn is_lawful(&self) -> bool {
        let max = if self.table().is_bits() { COILS_MAX } else { REGISTERS_MAX };
        let end = usize::from(self.start) + self.count();
        self.unit != 0 && (1..=max).contains(&self.count()) && end <= 1 << 16
    }

    fn request(&self) -> Request<'_> {
        match &self.words {
            Words::Bits(bits) if self.is_single() => Request::WriteSingleCoil(self.start, bits[0]),
            Words::Bits(bits) => Request::WriteMultipleCoils(self.start, Cow::Borrowed(bits)),
            Words::Registers(words) if self.is_single() => Request::WriteSingleRegister(self.start, words[0]),
            Words::Registers(words) => Request::WriteMultipleRegisters(self.start, Cow::Borrowed(words)),
        }
    }

    fn answer_bytes(&self) -> u64 {
        5
    }

    fn check(&self, response: Response) -> Option<()> {
        let whole = |start, count| start == self.start && usize::from(count) == self.count();
        let echoed = match (self.function(), response, &self.words) {
            (5, Response::WriteSingleCoil(start, level), Words::Bits(bits)) => {
                start == self.start && [level] == **bits
            }
            (6, Response::WriteSingleRegister(start, word), Words::Registers(words)) => {
                start == self.start && [word] == **words
            }
            (15, Response::WriteMultipleCoils(start, count), _)
            | (16, Response::WriteMultipleRegisters(start, count), _) => whole(start, count),
            _ => false,
        };
        echoed.then_some(())
    }

    fn unanswered(&self) -> Option<()> {
        None
    }
}

/// Who a device is: function 43 / 14, the basic objects (vendor, product, revision).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identify {
    pub(super) unit: u8,
}

impl Ask for Identify {
    type Answer = Vec<String>;

    fn unit(&self) -> u8 {
        self.unit
    }

    fn is_lawful(&self) -> bool {
        true
    }

    fn request(&self) -> Request<'_> {
        Request::ReadDeviceIdentification(ReadCode::Basic, 0)
    }

    fn answer_bytes(&self) -> u64 {
        PDU_BYTES_MAX
    }

    fn check(&self, response: Response) -> Option<Vec<String>> {
        let Response::ReadDeviceIdentification(told) = response else { return None };
        let shown = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
        };
        Some(told.device_id_objects.iter().map(|object| shown(&object.value)).collect())
    }

    fn unanswered(&self) -> Option<Vec<String>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(words: Words, always_many: bool) -> Setting {
        Setting { unit: 1, start: 9, words, always_many }
    }

    #[test]
    fn a_setting_is_confirmed_by_its_own_echo_only() {
        let one = setting(Words::Registers(vec![7]), false);
        assert_eq!(one.check(Response::WriteSingleRegister(9, 7)), Some(()));
        assert_eq!(one.check(Response::WriteSingleRegister(9, 8)), None);
        assert_eq!(one.check(Response::WriteSingleRegister(8, 7)), None);
        assert_eq!(one.check(Response::WriteMultipleRegisters(9, 1)), None);
        let many = setting(Words::Registers(vec![7]), true);
        assert_eq!(many.check(Response::WriteMultipleRegisters(9, 1)), Some(()));
        assert_eq!(many.check(Response::WriteMultipleRegisters(9, 2)), None);
        let coil = setting(Words::Bits(vec![true]), false);
        assert_eq!(coil.check(Response::WriteSingleCoil(9, true)), Some(()));
        assert_eq!(coil.check(Response::WriteSingleCoil(9, false)), None);
    }

    #[test]
    fn a_setting_to_everybody_or_beyond_the_last_address_is_not_lawful() {
        let lawful = |unit, start, count| {
            Setting { unit, start, words: Words::Registers(vec![0; count]), always_many: false }.is_lawful()
        };
        assert!(lawful(1, 0, 1) && lawful(1, 0, 123) && lawful(1, 65_535, 1));
        assert!(!lawful(0, 0, 1) && !lawful(1, 0, 0) && !lawful(1, 0, 124) && !lawful(1, 65_535, 2));
    }
}
