//! What is probably wrong with a line, from what came back when it was asked. Counts in, causes out: it asks nothing, and
//! its words are the caller's.

use hazard_core::link::{Exception, LinkFault};

use super::frames::{Frame, Frames, Shape};
use crate::settings::Endpoint;

/// What came of requests, counted; a request may count in several.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Requests.
    pub asked: u32,
    /// Answers and refusals that were theirs.
    pub answered: u32,
    /// Nothing came.
    pub silent: u32,
    /// Bytes came and were no frame, with an answer or without.
    pub garbled: u32,
    /// Of those, as many bytes as the answer would have, from the right unit: single bits are wrong.
    pub near: u32,
    /// Our own request came back.
    pub echoes: u32,
    /// More than one answer to one request.
    pub doubled: u32,
    /// Whole answers of a unit that was not asked.
    pub strangers: u32,
    /// Whole requests that were not ours.
    pub foreign: u32,
    /// No port, or no connection.
    pub gone: u32,
    /// Refusals of the address, the function or the value.
    pub refused: u32,
    /// Refusals by a device that is busy.
    pub busy: u32,
    /// Refusals by a gateway behind which the unit does not answer.
    pub behind: u32,
}

/// One request and all that was heard until it ended.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// Which unit was asked.
    pub unit: u8,
    /// By which function.
    pub function: u8,
    /// What came of it.
    pub fault: Option<LinkFault>,
    /// RTU bytes; empty on Modbus TCP.
    pub heard: &'a [u8],
}

impl Tally {
    /// Counts one request.
    pub fn note(&mut self, exchange: &Exchange<'_>) {
        let found = Frames::find(exchange.heard);
        let count =
            |counts: &dyn Fn(&Frame) -> bool| found.frames.iter().filter(|frame| counts(frame)).count();
        let ours = |frame: &Frame| (frame.unit, frame.function) == (exchange.unit, exchange.function);
        let answers = count(&|frame| ours(frame) && frame.shape != Shape::Request);
        let echoes = count(&|frame| ours(frame) && frame.shape == Shape::Request);
        let strangers = count(&|frame| !ours(frame) && frame.shape != Shape::Request);
        let foreign = count(&|frame| !ours(frame) && frame.shape == Shape::Request);
        self.asked += 1;
        self.echoes += u32::from(echoes > 0);
        self.doubled += u32::from(answers > 1);
        self.strangers += u32::from(strangers > 0);
        self.foreign += u32::from(foreign > 0);
        let is_garbled = found.noise_bytes > 0;
        self.garbled += u32::from(is_garbled);
        if let Some(LinkFault::Refused(exception)) = exchange.fault {
            self.note_refusal(exception);
        }
        match exchange.fault {
            None | Some(LinkFault::Refused(_)) => self.answered += 1,
            Some(LinkFault::Gone) => self.gone += 1,
            Some(LinkFault::Garbled) if exchange.heard.is_empty() => self.garbled += 1,
            Some(LinkFault::Silent | LinkFault::Garbled) if is_garbled => {
                self.near += u32::from(is_near(exchange));
            }
            Some(LinkFault::Silent) if found.frames.is_empty() => self.silent += 1,
            Some(LinkFault::Silent | LinkFault::Garbled) => {}
        }
    }

    const fn note_refusal(&mut self, exception: Exception) {
        match exception {
            Exception::IllegalFunction | Exception::IllegalAddress | Exception::IllegalValue => {
                self.refused += 1
            }
            Exception::Acknowledge | Exception::Busy => self.busy += 1,
            Exception::GatewayPath | Exception::GatewayTarget => self.behind += 1,
            Exception::DeviceFailure | Exception::Other(_) => {}
        }
    }

    /// Signs that something is wrong.
    #[must_use]
    pub const fn faults(&self) -> u32 {
        let heard = self.garbled + self.echoes + self.doubled + self.strangers + self.foreign;
        heard + self.silent + self.gone + self.refused + self.busy + self.behind
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.answered += other.answered;
        self.silent += other.silent;
        self.garbled += other.garbled;
        self.near += other.near;
        self.echoes += other.echoes;
        self.doubled += other.doubled;
        self.strangers += other.strangers;
        self.foreign += other.foreign;
        self.gone += other.gone;
        self.refused += other.refused;
        self.busy += other.busy;
        self.behind += other.behind;
    }
}

/// An answer to a read of one register has 7 bytes, a refusal 5.
fn is_near(exchange: &Exchange<'_>) -> bool {
    matches!(exchange.heard.len(), 5 | 7) && exchange.heard.first() == Some(&exchange.unit)
}

/// Whether other units of the same line answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Others {
    /// At least one does.
    Answer,
    /// None does, or nobody asked.
    Unknown,
}

/// What the units are reached by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// A serial port of this machine.
    Line,
    /// A connection.
    Network,
}

impl Medium {
    /// How an endpoint is reached.
    #[must_use]
    pub const fn of(endpoint: &Endpoint) -> Self {
        match endpoint {
            Endpoint::Rtu(_) => Self::Line,
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => Self::Network,
        }
    }
}

/// What is probably wrong, by what has to be done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// 第二主站: somebody else asks on this line.
    SecondMaster,
    /// 地址冲突: two units of one address.
    AddressConflict,
    /// 只有回波: the adapter hears itself and nobody else.
    EchoOnly,
    /// 奇偶校验不符: bytes have the right length and wrong bits.
    Parity,
    /// 波特率不符: what comes is no frame at all.
    Baud,
    /// 干扰: some answers are whole and some are not: termination, bias, shield.
    Noise,
    /// 应答太慢: whole answers come when another unit is asked.
    Slow,
    /// 时断时续: some requests are not answered.
    Intermittent,
    /// 站号无应答: the line works, this unit does not answer.
    UnitAbsent,
    /// 全线无声: nobody answers.
    Dead,
    /// 连上无应答: the connection stands and nobody answers on it.
    Mute,
    /// 端口或连接不存在: no port, or no connection.
    Gone,
    /// 设备拒绝: it does not have what it is asked for.
    Refusing,
    /// 设备忙: it asks to be asked later.
    Busy,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::SecondMaster,
        Self::AddressConflict,
        Self::EchoOnly,
        Self::Parity,
        Self::Baud,
        Self::Noise,
        Self::Slow,
        Self::Intermittent,
        Self::UnitAbsent,
        Self::Dead,
        Self::Mute,
        Self::Gone,
        Self::Refusing,
        Self::Busy,
    ];

    /// Whether it concerns all units of the line.
    #[must_use]
    pub const fn is_of_the_line(self) -> bool {
        match self {
            Self::SecondMaster | Self::EchoOnly | Self::Parity | Self::Baud | Self::Noise => true,
            Self::Dead | Self::Mute | Self::Gone => true,
            Self::AddressConflict | Self::Slow | Self::Intermittent | Self::UnitAbsent => false,
            Self::Refusing | Self::Busy => false,
        }
    }
}

/// The causes that the counts speak for, the likeliest first; none if all is well.
#[must_use]
pub fn diagnose(tally: &Tally, others: Others, medium: Medium) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut speak = |speaks: bool, cause| {
        if speaks {
            causes.push(cause);
        }
    };
    // A gateway's refusal is no answer of the unit.
    let answered = tally.answered > tally.behind;
    speak(tally.foreign > 0, Cause::SecondMaster);
    speak(tally.doubled > 0, Cause::AddressConflict);
    speak(!answered && tally.echoes > 0, Cause::EchoOnly);
    let near = tally.near * 2 >= tally.garbled;
    speak(!answered && tally.garbled > 0 && near, Cause::Parity);
    speak(!answered && tally.garbled > 0 && !near, Cause::Baud);
    speak(answered && tally.garbled > 0, Cause::Noise);
    speak(tally.strangers > 0, Cause::Slow);
    speak(answered && tally.silent > 0, Cause::Intermittent);
    let silent = !answered && tally.asked > 0 && tally.silent == tally.asked && tally.strangers == 0;
    speak(silent && others == Others::Answer, Cause::UnitAbsent);
    let dead = match medium {
        Medium::Line => Cause::Dead,
        Medium::Network => Cause::Mute,
    };
    speak(silent && others == Others::Unknown, dead);
    speak(tally.behind > 0, Cause::UnitAbsent);
    speak(tally.gone * 2 > tally.asked, Cause::Gone);
    speak(tally.refused > 0, Cause::Refusing);
    speak(tally.busy > 0, Cause::Busy);
    causes
}

#[cfg(test)]
mod tests {
    use hazard_core::link::Exception;
    use hazard_field::crc::crc16;

    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        [body, &crc16(body).to_le_bytes()].concat()
    }

    fn noted(fault: Option<LinkFault>, heard: &[u8]) -> Tally {
        let mut tally = Tally::default();
        tally.note(&Exchange { unit: 3, function: 3, fault, heard });
        tally
    }

    #[test]
    fn counts_speak_for_causes() {
        let none = Tally { asked: 10, ..Tally::default() };
        let good = Tally { answered: 10, ..none };
        let rows: [(Tally, Others, &[Cause]); 14] = [
            (Tally::default(), Others::Unknown, &[]),
            (good, Others::Answer, &[]),
            (Tally { silent: 10, ..none }, Others::Unknown, &[Cause::Dead]),
            (Tally { silent: 10, ..none }, Others::Answer, &[Cause::UnitAbsent]),
            (Tally { answered: 7, silent: 3, ..none }, Others::Answer, &[Cause::Intermittent]),
            (Tally { echoes: 10, ..none }, Others::Unknown, &[Cause::EchoOnly]),
            (Tally { echoes: 10, ..good }, Others::Unknown, &[]),
            (Tally { garbled: 4, near: 3, ..none }, Others::Unknown, &[Cause::Parity]),
            (Tally { garbled: 4, near: 2, ..none }, Others::Unknown, &[Cause::Parity]),
            (Tally { garbled: 4, near: 1, ..none }, Others::Unknown, &[Cause::Baud]),
            (Tally { garbled: 2, ..good }, Others::Answer, &[Cause::Noise]),
            (
                Tally { doubled: 1, garbled: 2, ..good },
                Others::Answer,
                &[Cause::AddressConflict, Cause::Noise],
            ),
            (Tally { strangers: 1, ..none }, Others::Unknown, &[Cause::Slow]),
            (Tally { foreign: 1, ..good }, Others::Answer, &[Cause::SecondMaster]),
        ];
        for (tally, others, expected) in rows {
            assert_eq!(diagnose(&tally, others, Medium::Line), expected, "{tally:?}");
        }
    }

    #[test]
    fn every_byte_that_was_heard_counts_as_what_it_was() {
        let answer = framed(&[3, 3, 2, 0, 42]);
        let echo = framed(&[3, 3, 0, 0, 0, 1]);
        let silent = Some(LinkFault::Silent);
        let one = Tally { asked: 1, ..Tally::default() };
        let mut near = answer.clone();
        near[4] ^= 1;
        let rows: [(Option<LinkFault>, Vec<u8>, Tally); 11] = [
            (None, answer.clone(), Tally { answered: 1, ..one }),
            (
                Some(LinkFault::Refused(Exception::Busy)),
                framed(&[3, 0x83, 6]),
                Tally { answered: 1, busy: 1, ..one },
            ),
            (None, [answer.clone(), answer.clone()].concat(), Tally { answered: 1, doubled: 1, ..one }),
            (None, [&answer[..], &[0xFF]].concat(), Tally { answered: 1, garbled: 1, ..one }),
            (None, Vec::new(), Tally { answered: 1, ..one }),
            (silent, Vec::new(), Tally { silent: 1, ..one }),
            (silent, echo, Tally { echoes: 1, ..one }),
            (silent, near, Tally { garbled: 1, near: 1, ..one }),
            (silent, vec![0xF8, 0, 0x1E], Tally { garbled: 1, ..one }),
            (silent, framed(&[4, 3, 2, 0, 42]), Tally { strangers: 1, ..one }),
            (Some(LinkFault::Garbled), framed(&[9, 4, 0, 0, 0, 2]), Tally { foreign: 1, ..one }),
        ];
        for (fault, heard, expected) in rows {
            assert_eq!(noted(fault, &heard), expected, "{fault:?} {heard:02X?}");
        }
    }
}
