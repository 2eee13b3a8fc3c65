//! What the platform says to us, read and told on; in a flood most of it is only counted.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::link::Heard;
use super::{Report, Said};
use crate::uplink::downlink;
use crate::uplink::topic::Listen;

/// Messages read in one such time.
const WHILE: Duration = Duration::from_secs(1);
const READ_MAX: u32 = 256;
/// Reports that may wait for the core before nothing more is read.
const QUEUE_MAX: usize = 2048;

/// Counts and reads.
pub(super) struct Ear {
    since: Instant,
    heard: u32,
    unread: u32,
    warned: bool,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), heard: 0, unread: 0, warned: false }
    }

    /// What is to be told of a message, while `queued` reports wait.
    pub(super) fn hear(&mut self, heard: &Heard, listen: &Listen, queued: usize) -> [Option<Report>; 2] {
        if self.since.elapsed() >= WHILE {
            (self.since, self.heard, self.warned) = (Instant::now(), 0, false);
        }
        self.heard += 1;
        if self.heard > READ_MAX || queued > QUEUE_MAX {
            self.unread = self.unread.saturating_add(1);
            return [None, None];
        }
        let said = match read(heard, listen) {
            Ok(said) => {
                if let Said::Request(request) = &said {
                    info!(?request, "the platform asks");
                }
                Some(Report::Said(said))
            }
            Err(reason) => {
                if !std::mem::replace(&mut self.warned, true) {
                    let bytes = heard.payload.len();
                    warn!(topic = heard.topic, bytes, reason, "a message to the gateway is not read");
                }
                self.unread = self.unread.saturating_add(1);
                None
            }
        };
        let unread = std::mem::take(&mut self.unread);
        [said, (unread > 0).then_some(Report::Unread(unread))]
    }
}

fn read(heard: &Heard, listen: &Listen) -> Result<Said, &'static str> {
    if heard.retained {
        return Err("retained: nobody knows when it was said");
    }
    if *heard.topic == *listen.receipt {
        downlink::receipt(&heard.payload)
    } else if *heard.topic == *listen.request {
        downlink::request(&heard.payload)
    } else {
        Err("not a topic of ours")
    }
}
