//! Joined reads taken apart again: some devices refuse a read that touches a register which they do not have (exceptions 2 and
//! 3), although each point alone can be read.

use alloc::vec::Vec;

use super::plan::{Block, is_for_safety};
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
            let safety = is_for_safety(site, id);
            match pieces.last_mut() {
                Some(piece) if u32::from(first) <= end(piece) => {
                    let joined = end(piece).max(u32::from(last) + 1) - u32::from(piece.request.start);
                    piece.request.count = u16::try_from(joined).unwrap_or(u16::MAX);
                    piece.safety |= safety;
                    piece.points.push(id);
                }
                Some(_) | None => {
                    let mut piece = Self { points: alloc::vec![id], safety, ..self.clone() };
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

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::plan::plan;
    use super::*;
    use crate::fixture;
    use crate::point::Shape;

    proptest! {
        /// Texts hide shorter points behind their own beginning.
        #[test]
        fn pieces_touch_the_addresses_of_their_points_and_no_other(
            points in proptest::collection::vec((0u16..60, 0usize..3, any::<bool>()), 1..12),
        ) {
            let mut tables = fixture::tables(1);
            tables.devices[0].gap_max = 20;
            for (address, shape, safety) in points {
                let mut point = fixture::point("P", 0);
                point.source.address = address;
                point.source.shape = [Shape::U16, Shape::F64, Shape::Text(8)][shape];
                point.safety = safety;
                point.period = Duration::from_secs(1);
                tables.points.push(point);
            }
            let site = Site::try_new(tables).unwrap();
            for block in plan(&site).into_iter().flatten() {
                let pieces = block.without_gaps(&site);
                let all: Vec<_> = pieces.iter().flat_map(|piece| piece.points.iter().copied()).collect();
                prop_assert_eq!(&all, &block.points);
                for piece in &pieces {
                    let spans = piece.points.iter().map(|id| site.points[id.index()].source.span());
                    let needed: BTreeSet<u32> =
                        spans.flat_map(|(first, last)| u32::from(first)..=u32::from(last)).collect();
                    let touched: BTreeSet<u32> = (u32::from(piece.request.start)..end(piece)).collect();
                    prop_assert_eq!(touched, needed);
                    let safety = piece.points.iter().any(|id| site.points[id.index()].safety);
                    prop_assert_eq!(piece.safety, safety);
                }
            }
        }
    }
}
