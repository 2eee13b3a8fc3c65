//! Asks over one line and counts what was heard.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::link::{LinkFault, ReadRequest, Setting, Words};

use crate::modbus::diagnosis::{Exchange, Tally};
use crate::modbus::{Link, LinkStats, Tape, Timing};
use crate::settings::{BusLink, Endpoint};

/// Characters of the longest exchange that a scan makes: 8 of a request, 7 of its answer, twice the silence of 3.5.
const CHARACTERS: u32 = 22;
/// How long common USB adapters hold bytes back.
const ADAPTER: Duration = Duration::from_millis(16);
/// How long a network and a serial server may take.
const NETWORK: Duration = Duration::from_millis(200);

/// How long a unit may take to answer a short request: the characters of 11 bits at the line's speed, what the adapter holds
/// back, and the unit's own time.
pub(super) fn patience(endpoint: &Endpoint, turnaround: Duration) -> Duration {
    turnaround
        + match endpoint {
            Endpoint::Rtu(serial) => Duration::from_secs(11) * CHARACTERS / serial.baud.max(1) + ADAPTER,
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => NETWORK,
        }
}

/// Who asks one thing after another must not take a late answer for that of the next question.
pub(super) const fn guarded(timeout: Duration) -> Timing {
    Timing { timeout, late_window: timeout.saturating_mul(2) }
}

/// A line that is asked.
pub(super) struct Asker {
    link: Link,
    stats: Arc<LinkStats>,
    tape: Tape,
    timing: Timing,
    is_rtu: bool,
    /// What came of all requests.
    pub(super) tally: Tally,
}

/// What came of one request.
pub(super) struct Asked {
    pub(super) result: Result<Words, LinkFault>,
    /// What it alone counted.
    pub(super) tally: Tally,
    /// From the first byte of the request to the last of the answer.
    pub(super) took: Duration,
}

impl Asker {
    pub(super) fn new(settings: BusLink, timing: Timing) -> Self {
        let is_rtu = !matches!(settings.endpoint, Endpoint::Tcp { .. });
        let (stats, tape) = (Arc::new(LinkStats::default()), Tape::default());
        let mut link = Link::new(settings, Arc::clone(&stats));
        link.keep_on(tape.clone());
        Self { link, stats, tape, timing, is_rtu, tally: Tally::default() }
    }

    /// Waits so long from here on.
    pub(super) fn wait(&mut self, timeout: Duration) {
        self.timing.timeout = timeout;
    }

    pub(super) async fn read(&mut self, request: &ReadRequest) -> Asked {
        let result = self.link.read(request, self.timing).await;
        let tally = self.note((request.unit, request.table.function()), result.as_ref().err().copied());
        Asked { result, tally, took: self.stats.last_took() }
    }

    pub(super) async fn set(&mut self, setting: &Setting) -> Result<(), LinkFault> {
        let result = self.link.set(setting, self.timing).await;
        self.note((setting.unit, setting.function()), result.err());
        result
    }

    /// Who the unit says it is, if it says.
    pub(super) async fn identify(&mut self, unit: u8) -> Option<String> {
        let told = self.link.identify(unit, self.timing).await.ok()?;
        drop(self.tape.take());
        let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).collect();
        (!told.is_empty()).then(|| told.join(" "))
    }

    fn note(&mut self, (unit, function): (u8, u8), fault: Option<LinkFault>) -> Tally {
        let heard = self.tape.take();
        // Modbus TCP's frames have no CRC to be found by, and its connection is no line.
        let heard = if self.is_rtu { heard.as_slice() } else { &[] };
        let mut tally = Tally::default();
        tally.note(&Exchange { unit, function, fault, heard });
        self.tally.add(&tally);
        tally
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{Parity, Serial};

    use super::*;

    #[test]
    fn patience_follows_the_speed_of_the_line() {
        let at = |baud| {
            let serial = Serial { path: "/dev/ttyUSB0".into(), baud, parity: Parity::None, stop_bits: 1 };
            patience(&Endpoint::Rtu(serial), Duration::from_millis(60)).as_millis()
        };
        assert_eq!([at(1200), at(9600), at(115_200)], [277, 101, 78]);
    }
}
