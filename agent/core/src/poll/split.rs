//! Joined reads taken apart again: some devices refuse a read that touches a register which they do not have (exceptions 2 and
//! 3), although each point alone can be read.

use alloc::vec::Vec;

use super::plan::Block;
use super::slot::Slot;
use crate::Mono;
use crate::id::DeviceId;
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

/// Takes all joined reads of a device apart, each due at `now`; a piece stands behind all slots there were.
pub(super) fn take_apart(slots: &mut Vec<Slot>, device: DeviceId, now: Mono, site: &Site) {
    let mut more = Vec::new();
    for (index, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| slot.block.device == device) {
        let mut pieces = slot.block.without_gaps(site).into_iter();
        let (Some(first), true) = (pieces.next(), pieces.len() > 0) else { continue };
        more.extend(pieces.map(|piece| slot.piece(index, piece, now)));
        slot.narrow(first, now);
    }
    slots.extend(more);
}

/// The address behind a read.
fn end(block: &Block) -> u32 {
    u32::from(block.request.start) + u32::from(block.request.count)
}
