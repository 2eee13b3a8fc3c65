//! The bytes of records on disk, versioned: a block that was written once is readable for ever.
//!
//! Core types are not serializable; [`super::mirror`] says how each field lies on disk. tests/contract holds the bytes.

use std::sync::Arc;

use hazard_core::outbox::Record;
use serde::Deserialize;

use super::mirror;

/// The version that [`encode`] writes.
pub const VERSION: u8 = 1;

/// Records of one block at most; more in a block that claims to be ours is damage.
pub(super) const RECORDS_MAX: usize = 200;

/// Bytes that are no records of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bytes that are no records")]
pub struct NotRecords;

/// The bytes of one record, appended to `bytes`.
///
/// Texts longer than 1024 bytes are cut.
pub fn encode(record: &Record, bytes: &mut Vec<u8>) {
    match postcard::to_stdvec(&mirror::Record::from(record)) {
        Ok(more) => bytes.extend_from_slice(&more),
        Err(error) => tracing::error!(%error, "a record could not be encoded"),
    }
}

/// The `count` records of a block that was written with codec `version`.
///
/// # Errors
/// Whatever the bytes are, when they are not exactly so many records.
pub fn decode(version: u8, count: usize, mut bytes: &[u8]) -> Result<Vec<Arc<Record>>, NotRecords> {
    if version != VERSION || count > RECORDS_MAX {
        return Err(NotRecords);
    }
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let (record, rest) = take::<mirror::Record>(bytes)?;
        records.push(Arc::new(Record::try_from(record)?));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(records) } else { Err(NotRecords) }
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), NotRecords> {
    postcard::take_from_bytes(bytes).map_err(|_| NotRecords)
}
