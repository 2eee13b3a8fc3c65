//! What an examination of a journal found, and where.

use std::sync::Arc;

use hazard_core::Utc;
use hazard_core::id::Epoch;
use hazard_core::outbox::Lane;
use serde::{Serialize, Serializer};

use super::manifest::time;

/// What was found. Faults first, then what is only said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A block's bytes are not those that its checksum is over, or no records.
    BlockChanged,
    /// The chain does not lead from these records to the next block.
    RecordsChanged,
    /// Records that the chain counts are not there.
    RecordsRemoved,
    /// A block lies where it does not belong.
    OutOfOrder,
    /// The same numbers are there twice.
    Doubled,
    /// An opening, an index or a manifest names records behind the last one.
    EndMissing,
    /// An opening or a manifest names an epoch that is not there, and older ones are.
    EpochMissing,
    /// Records of an epoch without a readable header: nobody can name them.
    HeaderMissing,
    /// A manifest states another link or other sums than the records give.
    ManifestDiffers,
    /// A manifest's signature is not one.
    ManifestForged,
    /// A manifest is signed with another key than the trusted one.
    ManifestForeign,
    /// A manifest cannot be understood.
    ManifestUnread,
    /// A manifest follows one that is not there.
    ManifestMissing,
    /// sled refuses a segment, or it holds less than its index says; its raw bytes were read.
    SegmentDamaged,
    /// The beginning was dropped, as retention does.
    BeginningPurged,
    /// What lay between was dropped, as retention notes that it did.
    StretchPurged,
    /// Written before there were chains.
    NotChained,
    /// A manifest without a signature.
    ManifestUnsigned,
}

impl What {
    /// Whether something is wrong.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(
            self,
            Self::BeginningPurged | Self::StretchPurged | Self::NotChained | Self::ManifestUnsigned
        )
    }
}

/// Where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Place {
    /// The segment's folder, or the file.
    #[serde(serialize_with = "text")]
    pub segment: Option<Arc<str>>,
    /// The epoch, where its header is known.
    #[serde(serialize_with = "hex")]
    pub epoch: Option<Epoch>,
    /// The epoch's ordinal; 0 where it is not known.
    pub epoch_no: u64,
    /// The lane.
    #[serde(serialize_with = "lane")]
    pub lane: Option<Lane>,
    /// First number.
    pub first: u64,
    /// Last number.
    pub last: u64,
    /// Between which times, as far as records around it tell.
    #[serde(serialize_with = "times")]
    pub between: Option<(Utc, Utc)>,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub what: What,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How many records are meant, where that is known.
    pub records: Option<u64>,
    /// What the machine says of it.
    pub note: String,
}

fn text<S: Serializer>(text: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(to)
}

fn hex<S: Serializer>(epoch: &Option<Epoch>, to: S) -> Result<S::Ok, S::Error> {
    epoch.map(|epoch| format!("{:016x}", epoch.0)).serialize(to)
}

fn lane<S: Serializer>(lane: &Option<Lane>, to: S) -> Result<S::Ok, S::Error> {
    lane.map(crate::words::lane).serialize(to)
}

fn times<S: Serializer>(times: &Option<(Utc, Utc)>, to: S) -> Result<S::Ok, S::Error> {
    times.map(|(since, until)| [time(since), time(until)]).serialize(to)
}
