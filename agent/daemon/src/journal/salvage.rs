//! Takes what whole blocks the raw bytes of a damaged segment still hold into a fresh one.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::disk::Fault;
use super::frame::{Frame, MAGIC};
use super::segment::Segment;

const WINDOW_BYTES: usize = 1 << 20;

/// A block may lie across two windows.
const OVERLAP_BYTES: usize = 128 << 10;

/// Blocks that are inserted at once.
const BATCH_MAX: usize = 64;

/// Inserts every whole block of the file at `raw` into `fresh`; returns how many were found (a block may be found twice).
pub(super) fn salvage(raw: &Path, fresh: &mut Segment) -> Result<usize, Fault> {
    let (mut found, mut batch) = (0, Vec::new());
    scan(raw, |bytes| {
        let Some(frame) = Frame::parse(bytes) else { return Ok(MAGIC.len()) };
        let Ok(records) = frame.records() else { return Ok(MAGIC.len()) };
        records.iter().for_each(|record| fresh.index.stamp(record));
        let len = frame.bytes().len();
        batch.push(frame);
        found += 1;
        if batch.len() >= BATCH_MAX {
            fresh.insert(&batch)?;
            batch.clear();
        }
        Ok(len)
    })?;
    fresh.insert(&batch)?;
    Ok(found)
}

/// Shows every place in the file at `raw` at which a block may begin; `look` says how many bytes it has understood.
pub(super) fn scan(raw: &Path, mut look: impl FnMut(&[u8]) -> Result<usize, Fault>) -> Result<(), Fault> {
    let Ok(mut file) = File::open(raw) else { return Ok(()) };
    let mut window = Vec::new();
    loop {
        let read = file.by_ref().take(WINDOW_BYTES as u64).read_to_end(&mut window)?;
        let keep = if read == 0 { 0 } else { OVERLAP_BYTES.min(window.len()) };
        let end = window.len() - keep;
        let mut at = 0;
        while let Some(begin) = magic_from(&window, at).filter(|begin| *begin < end) {
            at = begin + look(&window[begin..])?;
        }
        if read == 0 {
            return Ok(());
        }
        window.drain(..end.max(at).min(window.len()));
    }
}

fn magic_from(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MAGIC.len()).position(|four| four == MAGIC).map(|at| from + at)
}
