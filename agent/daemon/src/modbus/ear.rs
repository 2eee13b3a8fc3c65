//! Listens to a line and says nothing on it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::frames::Frames;
use super::opener::Opener;
use super::stats::LinkStats;
use super::tape::Tape;
use crate::settings::BusLink;

/// Opens the bus and hears what is said on it for `span`, or until `enough` of it; a span of zero only opens.
///
/// # Errors
///
/// The system's reason why the port or the connection cannot be opened, or was lost.
pub async fn listen(
    settings: BusLink,
    span: Duration,
    enough: impl Fn(&Frames) -> bool,
) -> io::Result<Frames> {
    let tape = Tape::default();
    let mut opener = Opener::new(settings, Arc::new(LinkStats::default()));
    opener.keep_on(tape.clone());
    let wire = opener.try_open().await?;
    let end = Instant::now() + span;
    let mut heard = Vec::new();
    // Bytes come in pieces: the frames are looked for in all of them.
    while let Ok(bytes) = timeout_at(end, wire.listen()).await {
        bytes?;
        heard.extend(tape.take());
        let frames = Frames::find(&heard);
        if enough(&frames) {
            return Ok(frames);
        }
    }
    Ok(Frames::find(&heard))
}
