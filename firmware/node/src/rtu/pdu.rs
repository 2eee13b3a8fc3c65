//! One request and its answer, the same on a serial line and behind an MBAP header. All lengths are checked here.

use super::slave::{Bits, Exception, Object, Registers, Words};

/// The longest PDU.
pub const PDU_MAX: usize = 253;

const READ_BITS_MAX: usize = 2000;
const READ_WORDS_MAX: usize = 125;
const WRITE_COILS_MAX: usize = 1968;
const WRITE_WORDS_MAX: usize = 123;

/// Executes the request and writes the answer into `out`; returns its length, 0 when there is nothing to answer.
///
/// A code from 0x80 up is another slave's exception or an echo, never a request.
pub fn answer(registers: &mut impl Registers, pdu: &[u8], out: &mut [u8; PDU_MAX]) -> usize {
    let Some((&function, body)) = pdu.split_first() else { return 0 };
    if function >= 0x80 {
        return 0;
    }
    registers.heard();
    let mut reply = Reply { bytes: out, len: 0 };
    reply.push(function);
    let done = if pdu.len() > PDU_MAX {
        Err(Exception::IllegalValue)
    } else {
        execute(registers, function, body, &mut reply)
    };
    if let Err(exception) = done {
        reply.len = 0;
        reply.push(function | 0x80);
        reply.push(exception.code());
    }
    reply.len
}

fn execute(
    registers: &mut impl Registers,
    function: u8,
    body: &[u8],
    reply: &mut Reply<'_>,
) -> Result<(), Exception> {
    match function {
        1 => read_bits(registers, Bits::Coils, body, reply),
        2 => read_bits(registers, Bits::Discrete, body, reply),
        3 => read_words(registers, Words::Holding, body, reply),
        4 => read_words(registers, Words::Input, body, reply),
        5 => write_coil(registers, body, reply),
        6 => write_word(registers, body, reply),
        8 => diagnose(body, reply),
        15 => write_coils(registers, body, reply),
        16 => write_words(registers, body, reply),
        17 => report_id(registers, body, reply),
        43 => identify(registers, body, reply),
        _ => Err(Exception::IllegalFunction),
    }
}

/// An answer under construction; the count limits of the requests keep it within the PDU.
struct Reply<'a> {
    bytes: &'a mut [u8; PDU_MAX],
    len: usize,
}

impl Reply<'_> {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len = self.len.saturating_add(1);
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    fn push_len(&mut self, len: usize) {
        self.push(u8::try_from(len).unwrap_or(u8::MAX));
    }
}

/// A span of addresses that exists in principle.
struct Span {
    address: u16,
    count: usize,
}

impl Span {
    fn parse(head: [u8; 4], count_max: usize) -> Result<Self, Exception> {
        let [address_high, address_low, count_high, count_low] = head;
        let address = u16::from_be_bytes([address_high, address_low]);
        let count = usize::from(u16::from_be_bytes([count_high, count_low]));
        if count == 0 || count > count_max {
            return Err(Exception::IllegalValue);
        }
        if usize::from(address).saturating_add(count) > 0x1_0000 {
            return Err(Exception::IllegalAddress);
        }
        Ok(Self { address, count })
    }
}

fn read_bits(
    registers: &impl Registers,
    table: Bits,
    body: &[u8],
    reply: &mut Reply<'_>,
) -> Result<(), Exception> {
    let span = Span::parse(exact(body)?, READ_BITS_MAX)?;
    let mut buffer = [false; READ_BITS_MAX];
    let bits = buffer.get_mut(..span.count).ok_or(Exception::IllegalValue)?;
    registers.read_bits(table, span.address, bits)?;
    reply.push_len(span.count.div_ceil(8));
    for eight in bits.chunks(8) {
        reply.push(eight.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
    }
    Ok(())
}

fn read_words(
    registers: &impl Registers,
    table: Words,
    body: &[u8],
    reply: &mut Reply<'_>,
) -> Result<(), Exception> {
    let span = Span::parse(exact(body)?, READ_WORDS_MAX)?;
    let mut buffer = [0; READ_WORDS_MAX];
    let words = buffer.get_mut(..span.count).ok_or(Exception::IllegalValue)?;
    registers.read_words(table, span.address, words)?;
    reply.push_len(span.count.saturating_mul(2));
    for word in words.iter() {
        reply.extend(&word.to_be_bytes());
    }
    Ok(())
}

fn write_coil(registers: &mut impl Registers, body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    let [address_high, address_low, value_high, value_low] = exact(body)?;
    let on = match [value_high, value_low] {
        [0xFF, 0x00] => true,
        [0x00, 0x00] => false,
        _ => return Err(Exception::IllegalValue),
    };
    registers.write_coils(u16::from_be_bytes([address_high, address_low]), &[on])?;
    reply.extend(body);
    Ok(())
}

fn write_word(registers: &mut impl Registers, body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    let [address_high, address_low, value_high, value_low] = exact(body)?;
    let address = u16::from_be_bytes([address_high, address_low]);
    registers.write_words(address, &[u16::from_be_bytes([value_high, value_low])])?;
    reply.extend(body);
    Ok(())
}

fn diagnose(body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    let (sub_function, echoed) = body.split_first_chunk::<2>().ok_or(Exception::IllegalValue)?;
    if *sub_function != [0, 0] {
        return Err(Exception::IllegalFunction);
    }
    if !echoed.len().is_multiple_of(2) {
        return Err(Exception::IllegalValue);
    }
    reply.extend(body);
    Ok(())
}

fn write_coils(registers: &mut impl Registers, body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    let (head, payload) = counted(body)?;
    let span = Span::parse(*head, WRITE_COILS_MAX)?;
    if payload.len() != span.count.div_ceil(8) {
        return Err(Exception::IllegalValue);
    }
    let mut buffer = [false; WRITE_COILS_MAX];
    let coils = buffer.get_mut(..span.count).ok_or(Exception::IllegalValue)?;
    for (eight, &byte) in coils.chunks_mut(8).zip(payload) {
        for (place, coil) in eight.iter_mut().enumerate() {
            *coil = byte >> place & 1 == 1;
        }
    }
    registers.write_coils(span.address, coils)?;
    reply.extend(head);
    Ok(())
}

fn write_words(registers: &mut impl Registers, body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    let (head, payload) = counted(body)?;
    let span = Span::parse(*head, WRITE_WORDS_MAX)?;
    if payload.len() != span.count.saturating_mul(2) {
        return Err(Exception::IllegalValue);
    }
    let mut buffer = [0; WRITE_WORDS_MAX];
    let words = buffer.get_mut(..span.count).ok_or(Exception::IllegalValue)?;
    for (word, pair) in words.iter_mut().zip(payload.as_chunks::<2>().0) {
        *word = u16::from_be_bytes(*pair);
    }
    registers.write_words(span.address, words)?;
    reply.extend(head);
    Ok(())
}

fn report_id(registers: &impl Registers, body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    const RUNNING: u8 = 0xFF;
    exact::<0>(body)?;
    let whole = registers.server_id();
    let id = whole.get(..PDU_MAX - 4).unwrap_or(whole);
    reply.push_len(id.len().saturating_add(1));
    reply.extend(id);
    reply.push(RUNNING);
    Ok(())
}

/// Read device identification: as many whole objects as fit, and where to go on.
fn identify(registers: &impl Registers, body: &[u8], reply: &mut Reply<'_>) -> Result<(), Exception> {
    const MEI: u8 = 14;
    const REGULAR_AND_INDIVIDUAL: u8 = 0x82;
    if body.first() != Some(&MEI) || registers.identity(Object::Vendor).is_empty() {
        return Err(Exception::IllegalFunction);
    }
    let [_, code, first] = exact(body)?;
    let (from, to) = match code {
        // Who asks for a stream from an object that is not there gets it from the beginning.
        1 => (if first <= 2 { first } else { 0 }, 2),
        2 | 3 => (if object(registers, first).is_some() { first } else { 0 }, 0x7F),
        4 => (object(registers, first).map(|_| first).ok_or(Exception::IllegalAddress)?, first),
        _ => return Err(Exception::IllegalValue),
    };
    reply.extend(&[MEI, code, REGULAR_AND_INDIVIDUAL, 0, 0, 0]);
    let (mut count, mut next) = (0, None);
    for object in Object::ALL.into_iter().filter(|object| (from..=to).contains(&object.id())) {
        let text = registers.identity(object);
        if text.is_empty() {
            continue;
        }
        if reply.len.saturating_add(2).saturating_add(text.len()) > PDU_MAX && count > 0 {
            next = Some(object.id());
            break;
        }
        reply.push(object.id());
        let room = PDU_MAX.saturating_sub(reply.len.saturating_add(1));
        let text = text.get(..room).unwrap_or(text);
        reply.push_len(text.len());
        reply.extend(text);
        count = u8::saturating_add(count, 1);
    }
    if let Some([more, from, objects]) = reply.bytes.get_mut(4..7) {
        (*more, *from, *objects) = (if next.is_some() { 0xFF } else { 0 }, next.unwrap_or(0), count);
    }
    Ok(())
}

fn object(registers: &impl Registers, id: u8) -> Option<Object> {
    Object::ALL.into_iter().find(|object| object.id() == id && !registers.identity(*object).is_empty())
}

fn exact<const LEN: usize>(body: &[u8]) -> Result<[u8; LEN], Exception> {
    body.try_into().map_err(|_| Exception::IllegalValue)
}

/// Address and count, and the payload, whose length must be the byte count before it.
fn counted(body: &[u8]) -> Result<(&[u8; 4], &[u8]), Exception> {
    let (head, rest) = body.split_first_chunk::<4>().ok_or(Exception::IllegalValue)?;
    let (&byte_count, payload) = rest.split_first().ok_or(Exception::IllegalValue)?;
    if payload.len() != usize::from(byte_count) {
        return Err(Exception::IllegalValue);
    }
    Ok((head, payload))
}
