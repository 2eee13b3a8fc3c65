//! The outbox: every record gets its number here, and is kept until the journal and each platform have it or a loss says so.

mod acked;
pub mod record;

pub use acked::AckedSet;
pub use record::{Lane, Record};
