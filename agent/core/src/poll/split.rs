//! Joined reads taken apart again: some devices refuse a read that touches a register which they do not have (exceptions 2 and
//! 3), although each point alone can be read.

use alloc::vec::Vec;

use super::plan::Block;
use super::slot::Slot;
use crate::Mono;
use crate::id::DeviceId;
use crate::link::{Exception, LinkFault};
use crate::site::Site;

impl Block {
    /// The same points in reads that touch no other address; one read where there is none.
    pub(super) fn without_gaps(&self, site: &Site) -> Vec<Self> {
        let mut pieces: Vec<Self> = Vec::new();
        for &id in &self.points {
            let point = &site.points[id.index()];
            let (first, last) = point.source.span();
            match pieces.last_mut() {
                Some(piece) if u32::from(first) <= end(piece) => {
                    let joined = end(piece).max(u32::from(last) + 1) - u32::from(piece.request.start);
                    piece.request.count = u16::try_from(joined).unwrap_or(u16::MAX);
                    piece.safety |= point.safety;
                    piece.points.push(id);
                }
                Some(_) | None => {
                    let mut piece = Self { points: alloc::vec![id], safety: point.safety, ..self.clone() };
                    piece.request.start = first;
                    piece.request.count = last - first + 1;
                    pieces.push(piece);
                }
            }
        }
        pieces
    }
}

/// The devices of a bus that refuse joined reads.
#[derive(Clone, Default, Debug)]
pub(super) struct Splits {
    /// One that has just refused: its reads are taken apart before the next one.
    refused: Option<DeviceId>,
    /// Those whose reads were taken apart.
    apart: Vec<DeviceId>,
}

impl Splits {
    /// Exceptions 2 and 3 may be about an address that no point needs.
    pub(super) fn note(&mut self, block: &Block, result: Result<(), LinkFault>, site: &Site) {
        let is_about_addresses =
            matches!(result, Err(LinkFault::Refused(Exception::IllegalAddress | Exception::IllegalValue)));
        if is_about_addresses && block.without_gaps(site).len() > 1 {
            self.refused = Some(block.device);
        }
    }

    /// Takes all joined reads of the device that has refused apart, each due at `now`; a piece stands behind all slots there
    /// were. Not before whoever hears of the refusal has looked its block up. Whether there was one.
    pub(super) fn take_apart(&mut self, slots: &mut Vec<Slot>, now: Mono, site: &Site) -> bool {
        let Some(device) = self.refused.take() else { return false };
        let mut more = Vec::new();
        for (index, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| slot.block.device == device) {
            let mut pieces = slot.block.without_gaps(site).into_iter();
            let (Some(first), true) = (pieces.next(), pieces.len() > 0) else { continue };
            more.extend(pieces.map(|piece| slot.piece(index, piece, now)));
            slot.narrow(first, now);
        }
        slots.extend(more);
        if !self.has(device) {
            self.apart.push(device);
        }
        true
    }

    /// Whether a device's reads were taken apart.
    pub(super) fn has(&self, device: DeviceId) -> bool {
        self.apart.contains(&device)
    }
}

/// The address behind a read.
fn end(block: &Block) -> u32 {
    u32::from(block.request.start) + u32::from(block.request.count)
}
