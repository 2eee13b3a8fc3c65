//! What is asked, and whether what came back is its answer.
//!
//! tokio-modbus compares unit and function only; its typed methods check counts and echoes by `debug_assert`, so a release
//! build takes a wrong count for a value and a debug build panics. Every check is made here, in both.

use std::borrow::Cow;
use std::io::{self, ErrorKind};

use hazard_core::link::{Exception, LinkFault, ReadRequest, Table, Words, WriteRequest};
use tokio_modbus::{Error, ExceptionCode, Request, Response};

/// The most coils of one write (Modbus Application Protocol V1.1b3, §6.11).
const COILS_MAX: usize = 0x07B0;

/// PDU bytes of an exception (Modbus Application Protocol V1.1b3, §7).
const EXCEPTION_BYTES: u64 = 2;

/// The unit address that all units of a serial line obey and none answers (Modbus over Serial Line V1.02, §2.1).
const BROADCAST: u8 = 0;

/// A request that knows its answer.
pub(super) trait Ask: Sync {
    /// What the answer holds.
    type Answer: Send;

    fn unit(&self) -> u8;
    /// Whether the protocol can carry it at all.
    fn is_lawful(&self) -> bool;
    fn request(&self) -> Request<'_>;
    /// PDU bytes of the answer.
    fn answer_bytes(&self) -> u64;
    /// The answer; `None` if the response is not the answer to this request.
    fn check(&self, response: Response) -> Option<Self::Answer>;
    /// What it comes to where no unit answers; `None` if an answer is due.
    fn unanswered(&self) -> Option<Self::Answer>;
}

impl Ask for ReadRequest {
    type Answer = Words;

    fn unit(&self) -> u8 {
        self.unit
    }

    fn is_lawful(&self) -> bool {
        (1..=self.table.count_max()).contains(&self.count)
    }

    fn request(&self) -> Request<'_> {
        match self.table {
            Table::Coil => Request::ReadCoils(self.start, self.count),
            Table::Discrete => Request::ReadDiscreteInputs(self.start, self.count),
            Table::Input => Request::ReadInputRegisters(self.start, self.count),
            Table::Holding => Request::ReadHoldingRegisters(self.start, self.count),
        }
    }

    fn answer_bytes(&self) -> u64 {
        let count = u64::from(self.count);
        2 + if self.table.is_bits() { count.div_ceil(8) } else { 2 * count }
    }

    fn check(&self, response: Response) -> Option<Words> {
        let count = usize::from(self.count);
        match (self.table, response) {
            (Table::Input, Response::ReadInputRegisters(words))
            | (Table::Holding, Response::ReadHoldingRegisters(words)) => {
                (words.len() == count).then_some(Words::Registers(words))
            }
            (Table::Coil, Response::ReadCoils(mut bits))
            | (Table::Discrete, Response::ReadDiscreteInputs(mut bits)) => {
                // The wire carries whole bytes.
                let fits = bits.len() == count.next_multiple_of(8) || bits.len() == count;
                bits.truncate(count);
                fits.then_some(Words::Bits(bits))
            }
            _ => None,
        }
    }

    fn unanswered(&self) -> Option<Words> {
        None
    }
}

impl Ask for WriteRequest {
    type Answer = ();

    fn unit(&self) -> u8 {
        self.unit
    }

    fn is_lawful(&self) -> bool {
        (1..=COILS_MAX).contains(&self.coils.len())
    }

    fn request(&self) -> Request<'_> {
        match *self.coils.as_slice() {
            [coil] => Request::WriteSingleCoil(self.start, coil),
            _ => Request::WriteMultipleCoils(self.start, Cow::Borrowed(&self.coils)),
        }
    }

    fn answer_bytes(&self) -> u64 {
        5
    }

    fn check(&self, response: Response) -> Option<()> {
        let echoed = match (self.coils.as_slice(), response) {
            ([coil], Response::WriteSingleCoil(start, level)) => start == self.start && level == *coil,
            ([_, _, ..], Response::WriteMultipleCoils(start, count)) => {
                start == self.start && usize::from(count) == self.coils.len()
            }
            _ => false,
        };
        echoed.then_some(())
    }

    fn unanswered(&self) -> Option<()> {
        (self.unit == BROADCAST).then_some(())
    }
}

/// What tokio-modbus brought back within the time limit; `None` if that was over before.
pub(super) type Outcome = Option<tokio_modbus::Result<Response>>;

/// What an outcome means for the request.
pub(super) fn verdict<A: Ask>(ask: &A, outcome: Outcome) -> Result<A::Answer, LinkFault> {
    match outcome {
        None => Err(LinkFault::Silent),
        Some(Err(Error::Protocol(_))) => Err(LinkFault::Garbled),
        Some(Err(Error::Transport(error))) => Err(transport_fault(&error)),
        Some(Ok(Err(code))) => Err(LinkFault::Refused(exception(code))),
        Some(Ok(Ok(response))) => ask.check(response).ok_or(LinkFault::Garbled),
    }
}

/// How many of the bytes `heard` belong to no answer; `None` if the exchange brought no whole answer.
pub(super) fn excess<A: Ask>(ask: &A, result: &Result<A::Answer, LinkFault>, heard: Heard) -> Option<u64> {
    let pdu_bytes = match result {
        Ok(_) => ask.answer_bytes(),
        Err(LinkFault::Refused(_)) => EXCEPTION_BYTES,
        Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => return None,
    };
    Some(heard.bytes.saturating_sub(pdu_bytes + heard.frame_bytes))
}

/// What came in during an exchange.
pub(super) struct Heard {
    /// All bytes.
    pub(super) bytes: u64,
    /// Bytes that the transport puts around a PDU.
    pub(super) frame_bytes: u64,
}

fn transport_fault(error: &io::Error) -> LinkFault {
    // The library's decoder reports a malformed frame as an error of its own making, without a number of the system.
    let is_decoder = error.raw_os_error().is_none()
        && matches!(
            error.kind(),
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof
        );
    if is_decoder { LinkFault::Garbled } else { LinkFault::Gone }
}

fn exception(code: ExceptionCode) -> Exception {
    match code {
        ExceptionCode::IllegalFunction => Exception::IllegalFunction,
        ExceptionCode::IllegalDataAddress => Exception::IllegalAddress,
        ExceptionCode::IllegalDataValue => Exception::IllegalValue,
        ExceptionCode::ServerDeviceFailure => Exception::DeviceFailure,
        ExceptionCode::Acknowledge => Exception::Acknowledge,
        ExceptionCode::ServerDeviceBusy => Exception::Busy,
        ExceptionCode::GatewayPathUnavailable => Exception::GatewayPath,
        ExceptionCode::GatewayTargetDevice => Exception::GatewayTarget,
        other => Exception::Other(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_number_of_registers_is_an_answer() {
        let read = ReadRequest { unit: 1, table: Table::Holding, start: 0, count: 2 };
        for count in 0..=125 {
            let answer = read.check(Response::ReadHoldingRegisters(vec![7; count]));
            assert_eq!(answer.is_some(), count == 2, "{count} registers");
        }
        assert_eq!(read.check(Response::ReadInputRegisters(vec![7; 2])), None);
    }

    #[test]
    fn bits_come_in_whole_bytes_and_are_cut_to_the_count() {
        for count in [1_u16, 7, 8, 9, 16, 2000] {
            let read = ReadRequest { unit: 1, table: Table::Coil, start: 0, count };
            let bytes = count.div_ceil(8);
            for sent in [bytes - 1, bytes, bytes + 1] {
                let answer = read.check(Response::ReadCoils(vec![true; usize::from(sent) * 8]));
                let expected = (sent == bytes).then(|| Words::Bits(vec![true; usize::from(count)]));
                assert_eq!(answer, expected, "{count} bits in {sent} bytes");
            }
        }
    }

    #[test]
    fn a_write_is_confirmed_by_its_own_echo_only() {
        let one = WriteRequest { unit: 1, start: 5, coils: vec![true] };
        assert_eq!(one.check(Response::WriteSingleCoil(5, true)), Some(()));
        assert_eq!(one.check(Response::WriteSingleCoil(5, false)), None);
        assert_eq!(one.check(Response::WriteSingleCoil(6, true)), None);
        assert_eq!(one.check(Response::WriteMultipleCoils(5, 1)), None);
        let two = WriteRequest { unit: 1, start: 5, coils: vec![true, false] };
        assert_eq!(two.check(Response::WriteMultipleCoils(5, 2)), Some(()));
        assert_eq!(two.check(Response::WriteMultipleCoils(5, 3)), None);
        assert_eq!(two.check(Response::WriteMultipleCoils(4, 2)), None);
    }

    #[test]
    fn a_request_that_the_protocol_cannot_carry_is_not_lawful() {
        let read = |table, count| ReadRequest { unit: 1, table, start: 0, count }.is_lawful();
        assert!(!read(Table::Holding, 0) && read(Table::Holding, 125) && !read(Table::Holding, 126));
        assert!(!read(Table::Coil, 0) && read(Table::Coil, 2000) && !read(Table::Coil, 2001));
        let write = |count| WriteRequest { unit: 1, start: 0, coils: vec![true; count] }.is_lawful();
        assert!(!write(0) && write(1) && write(1968) && !write(1969));
    }
}
