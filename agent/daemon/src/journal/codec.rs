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
    let before = bytes.len();
    if let Err(error) = postcard::serialize_with_flavor(&mirror::Record::from(record), Behind(bytes)) {
        bytes.truncate(before);
        tracing::error!(%error, "a record could not be encoded");
    }
}

/// Writes behind what is there.
struct Behind<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Behind<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
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
