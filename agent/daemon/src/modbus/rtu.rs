//! Modbus RTU on a serial port and through a serial server.
//!
//! An RTU frame carries no number: a late reply looks like the answer to the next request. So what lies in the input is
//! dropped before each request, a *dirty* line is heard out until it is silent, and a unit that owes an answer is not
//! asked again until its late window is over. A serial server passes late replies on to the next connection, so all of
//! this holds across connections too.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::link::LinkFault;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Client, rtu};
use tokio_modbus::{Error, Slave};

use super::ask::{Ask, Heard, Outcome, excess, verdict};
use super::link::Timing;
use super::opener::Opener;
use super::stats::LinkStats;
use super::tape::Tape;
use super::timer::Timer;
use super::wire::{Mute, Wire, character};
use crate::settings::{BusLink, Endpoint, Serial};

/// Bytes around a PDU: unit address and CRC (Modbus over Serial Line V1.02, §2.3).
const FRAME_BYTES: u64 = 3;

/// How long a dirty line must be silent: longer than the 16 ms for which common USB adapters hold bytes back.
const DIRTY_SILENCE: Duration = Duration::from_millis(30);

/// How long a line that does not fall silent is heard out.
const BABBLE_MAX: Duration = Duration::from_millis(500);

/// The pause in which units act on a broadcast (Modbus over Serial Line V1.02, §2.4.1: 100 to 200 ms).
const TURNAROUND: Duration = Duration::from_millis(100);

/// A serial line.
pub(super) struct Rtu {
    opener: Opener,
    stats: Arc<LinkStats>,
    timer: Option<Timer>,
    settings: BusLink,
    frame_silence: Duration,
    is_port: bool,
    wire: Option<Wire>,
    /// No exchange has ended cleanly since the line last failed or was opened.
    is_dirty: bool,
    /// Until when which unit may answer late; at most one entry per unit address.
    owing: Vec<(u8, Instant)>,
}

impl Rtu {
    pub(super) fn new(settings: BusLink, stats: Arc<LinkStats>) -> Self {
        let port = match &settings.endpoint {
            Endpoint::Rtu(serial) => Some(serial),
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => None,
        };
        let frame_silence = port.map_or(Duration::ZERO, frame_silence);
        let is_port = port.is_some();
        let opener = Opener::new(settings.clone(), Arc::clone(&stats));
        let timer = None;
        let (wire, owing) = (None, Vec::new());
        Self { opener, stats, timer, settings, frame_silence, is_port, wire, is_dirty: true, owing }
    }

    pub(super) fn keep_on(&mut self, tape: Tape) {
        self.opener.keep_on(tape);
    }

    /// Asks and waits for the answer. The line counts as dirty and the unit as owing until the exchange has ended
    /// cleanly, so a panic or a caller that stops waiting leaves nothing to be misread.
    pub(super) async fn exchange<A: Ask>(&mut self, ask: &A, timing: Timing) -> Result<A::Answer, LinkFault> {
        let wire = self.take_wire().await?;
        self.wait_for_late_answer(ask.unit()).await;
        let wire = self.silent(wire, ask.unit()).await?;
        if let Some(answer) = ask.unanswered() {
            self.broadcast(ask, wire, timing).await?;
            return Ok(answer);
        }
        self.is_dirty = true;
        self.owing.push((ask.unit(), Instant::now() + timing.timeout + timing.late_window));
        // A codec that has failed once reports a closed line for ever, and one that timed out sends the old request with
        // the next: each request has its own.
        let mut client: Box<dyn Client> = rtu::attach_slave(wire.clone(), Slave(ask.unit())).into();
        let asked_at = Instant::now();
        let outcome = timeout(timing.timeout, client.call(ask.request())).await;
        self.stats.took(Instant::now() - asked_at);
        let heard = Heard { bytes: wire.take_heard_bytes(), frame_bytes: FRAME_BYTES };
        let result = judge(ask, outcome.ok(), heard.bytes);
        if let Some(stray_bytes) = excess(ask, &result, heard) {
            self.stats.strayed(stray_bytes);
            self.is_dirty = stray_bytes > 0;
            self.owing.retain(|(unit, _)| *unit != ask.unit());
        }
        self.put_back(wire, &result);
        result
    }

    async fn broadcast<A: Ask>(&mut self, ask: &A, wire: Wire, timing: Timing) -> Result<(), LinkFault> {
        let mut client: Box<dyn Client> = rtu::attach_slave(Mute(wire.clone()), Slave(ask.unit())).into();
        match timeout(timing.timeout, client.call(ask.request())).await {
            Ok(Err(Error::Transport(error))) if error.kind() == Mute::SENT => {
                wire.stay_active_until(wire.active_at() + TURNAROUND);
                self.wire = Some(wire);
                Ok(())
            }
            Err(_) => Err(LinkFault::Silent),
            Ok(_) => Err(LinkFault::Gone),
        }
    }

    async fn wait_for_late_answer(&mut self, unit: u8) {
        if let Some(at) = self.owing.iter().position(|(owing, _)| *owing == unit) {
            sleep_until(self.owing[at].1).await;
            self.owing.swap_remove(at);
        }
    }

    async fn take_wire(&mut self) -> Result<Wire, LinkFault> {
        match self.wire.take() {
            Some(wire) => Ok(wire),
            None => self.open().await,
        }
    }

    async fn open(&mut self) -> Result<Wire, LinkFault> {
        // What was asked before the line was opened, by us or by a run before us, may be answered now.
        self.is_dirty = true;
        self.opener.open().await
    }

    async fn silent(&mut self, wire: Wire, unit: u8) -> Result<Wire, LinkFault> {
        match self.await_silence(&wire, unit).await {
            // Closed or unplugged while idle: that is no fault of the request that finds it so.
            Err(LinkFault::Gone) => {
                let wire = self.open().await?;
                self.await_silence(&wire, unit).await.map(|()| wire)
            }
            heard_out => heard_out.map(|()| wire),
        }
    }

    async fn await_silence(&mut self, wire: &Wire, unit: u8) -> Result<(), LinkFault> {
        let give_up_at = wire.active_at().max(Instant::now()) + self.required_silence(unit) + BABBLE_MAX;
        loop {
            self.stray(wire.drain())?;
            let silent_at = wire.active_at() + self.required_silence(unit);
            let now = Instant::now();
            if now >= silent_at {
                wire.take_heard_bytes();
                return Ok(());
            }
            if now >= give_up_at {
                return Err(LinkFault::Garbled);
            }
            let timer = self.timer.get_or_insert_with(Timer::new);
            let heard = tokio::select! {
                heard = wire.listen() => Some(heard),
                () = timer.until(silent_at) => None,
            };
            if let Some(heard) = heard {
                self.stray(heard)?;
            }
        }
    }

    fn stray(&mut self, heard: std::io::Result<u64>) -> Result<(), LinkFault> {
        let bytes = heard.map_err(|_| LinkFault::Gone)?;
        self.stats.strayed(bytes);
        self.is_dirty |= bytes > 0;
        Ok(())
    }

    fn put_back<T>(&mut self, wire: Wire, result: &Result<T, LinkFault>) {
        let keep = match result {
            Ok(_) | Err(LinkFault::Refused(_)) => true,
            // A port has no other end that could still hold bytes back; a connection to a serial server has.
            Err(LinkFault::Silent | LinkFault::Garbled) => self.is_port,
            Err(LinkFault::Gone) => false,
        };
        self.wire = keep.then_some(wire);
    }

    fn required_silence(&self, unit: u8) -> Duration {
        let silence = self.settings.silence(unit).max(self.frame_silence);
        if self.is_dirty { silence.max(DIRTY_SILENCE) } else { silence }
    }
}

/// What came of a request on a line on which so many bytes were heard; `None` where its time was over.
pub(super) fn judge<A: Ask>(ask: &A, outcome: Outcome, heard_bytes: u64) -> Result<A::Answer, LinkFault> {
    verdict(ask, outcome).map_err(|fault| match fault {
        // What the library could make no frame of: noise, a wrong parity, half an answer.
        LinkFault::Silent if heard_bytes > 0 => LinkFault::Garbled,
        LinkFault::Silent | LinkFault::Garbled | LinkFault::Refused(_) | LinkFault::Gone => fault,
    })
}

/// The silence between two frames: 3.5 characters, fixed above 19200 baud (Modbus over Serial Line V1.02, §2.5.1.1).
fn frame_silence(serial: &Serial) -> Duration {
    const FIXED: Duration = Duration::from_micros(1750);
    (character(serial) * 7 / 2).max(FIXED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Parity;

    #[test]
    fn the_silence_between_frames_is_three_and_a_half_characters_and_never_below_1750_us() {
        let of = |baud, parity, stop_bits| {
            frame_silence(&Serial { path: "tty".into(), baud, parity, stop_bits }).as_micros()
        };
        assert_eq!(of(9600, Parity::None, 1), 3645);
        assert_eq!(of(9600, Parity::Even, 1), 4010);
        assert_eq!(of(9600, Parity::None, 2), 4010);
        assert_eq!(of(19_200, Parity::Odd, 1), 2005);
        assert_eq!(of(115_200, Parity::None, 1), 1750);
        assert!(of(0, Parity::None, 1) > 30_000_000);
    }
}
