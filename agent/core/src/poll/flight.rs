//! The one request of a bus that is in flight, and whether a reply can be its answer at all.

use alloc::vec::Vec;

use super::poller::Poller;
use crate::Mono;
use crate::id::{DeviceId, Ticket};
use crate::link::{LinkFault, Words};

#[derive(Clone, Debug)]
pub(super) enum Purpose {
    Read(usize),
    /// Which group is read back, and its levels once they have come.
    Prove(usize, Vec<bool>),
    /// Which group, the levels, and since when the panel has asked for them.
    Write(usize, Vec<bool>, Option<Mono>),
    /// A read of a named command: how many words of which kind, and they once they have come.
    Look(usize, bool, Option<Words>),
    /// A write of a named command.
    Set,
}

#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) ticket: Ticket,
    pub(super) device: DeviceId,
    pub(super) purpose: Purpose,
    pub(super) sent: Mono,
    pub(super) expires: Mono,
}

impl Poller {
    /// A reply of the wrong kind or size is garbage, whatever the adapter thought of it.
    ///
    /// # Errors
    /// [`LinkFault::Garbled`] when the words do not fit the read with this ticket.
    pub fn check(&mut self, ticket: Ticket, words: Words) -> Result<Words, LinkFault> {
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.ticket == ticket) else {
            return Ok(words);
        };
        let index = match &mut flight.purpose {
            Purpose::Read(index) => index,
            Purpose::Prove(group, levels) => {
                let Words::Bits(bits) = &words else { return Err(LinkFault::Garbled) };
                levels.clone_from(bits);
                let fits = bits.len() == self.groups[*group].outputs().len();
                return if fits { Ok(words) } else { Err(LinkFault::Garbled) };
            }
            Purpose::Look(count, bits, shown) => {
                *shown = Some(words.clone());
                return if fits(&words, (*count, *bits)) { Ok(words) } else { Err(LinkFault::Garbled) };
            }
            Purpose::Write(..) | Purpose::Set => return Err(LinkFault::Garbled),
        };
        let request = &self.slots[*index].block.request;
        let is_answer = fits(&words, (request.count.into(), request.table.is_bits()));
        if is_answer { Ok(words) } else { Err(LinkFault::Garbled) }
    }

    /// The confirmation of a write that answers a read says nothing about the points.
    ///
    /// # Errors
    /// [`LinkFault::Garbled`] when the request with this ticket is no write.
    pub fn check_written(&self, ticket: Ticket) -> Result<(), LinkFault> {
        let purpose = self.flight.as_ref().filter(|flight| flight.ticket == ticket);
        match purpose.map(|flight| &flight.purpose) {
            Some(Purpose::Read(_) | Purpose::Prove(..) | Purpose::Look(..)) => Err(LinkFault::Garbled),
            Some(Purpose::Write(..) | Purpose::Set) | None => Ok(()),
        }
    }
}

fn fits(words: &Words, (count, bits): (usize, bool)) -> bool {
    match words {
        Words::Registers(registers) => !bits && registers.len() == count,
        Words::Bits(levels) => bits && levels.len() == count,
    }
}
