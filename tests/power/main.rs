//! Power cuts and kills of the journal's thread, by the dozen. Apart from `faults`: they keep the whole machine busy, and tests of
//! lines measure milliseconds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cuts;
mod images;
#[path = "../faults/journal/made.rs"]
mod made;
#[allow(dead_code, reason = "shared with `faults`, which uses the rest")]
#[path = "../faults/journal/recorder.rs"]
mod recorder;
#[allow(dead_code, reason = "shared with `faults`, which uses the rest")]
#[path = "../faults/journal/rig.rs"]
mod rig;
