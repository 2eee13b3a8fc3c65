//! The gateway's own output lines, driven by a thread of their own: the latest panel image wins, and a line that cannot be
//! driven is tried again and reported.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use embedded_hal::digital::OutputPin;
use gpiocdev_embedded_hal::OutputPin as ChipLine;
use hazard_core::annunciate::Panel;
use hazard_core::id::OutputId;
use hazard_core::link::LinkFault;
use hazard_core::{Input, Polarity};
use hazard_node::Relay;
use tokio::sync::mpsc;
use tracing::{error, info};

use crate::settings::GpioLine;

const RETRY: Duration = Duration::from_secs(1);

/// An output on a line of the gateway's own.
#[derive(Clone, Debug)]
pub struct OwnLine {
    /// Which output.
    pub output: OutputId,
    /// Its line.
    pub line: GpioLine,
    /// How its relay is driven.
    pub polarity: Polarity,
}

#[derive(Debug, Default)]
struct Slot {
    panel: Option<Panel>,
    closed: bool,
}

/// The thread that drives the lines; the last image stands until the handle is dropped.
#[derive(Debug)]
pub struct PanelHandle {
    slot: Arc<(Mutex<Slot>, Condvar)>,
}

impl PanelHandle {
    /// Drives the lines to this image, soon; never waits.
    pub fn drive(&self, panel: Panel) {
        let (slot, changed) = &*self.slot;
        slot.lock().unwrap_or_else(PoisonError::into_inner).panel = Some(panel);
        changed.notify_one();
    }
}

impl Drop for PanelHandle {
    fn drop(&mut self) {
        let (slot, changed) = &*self.slot;
        slot.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        changed.notify_one();
    }
}

/// Starts the thread; what came of each change is reported as [`Input::Driven`].
///
/// # Errors
/// When no thread can be started.
pub fn spawn(lines: Vec<OwnLine>, reports: mpsc::Sender<Input>) -> std::io::Result<PanelHandle> {
    let slot = Arc::new((Mutex::new(Slot::default()), Condvar::new()));
    let handle = PanelHandle { slot: Arc::clone(&slot) };
    let outputs =
        lines.into_iter().map(|line| Output { line, relay: None, level: None, failed: None }).collect();
    std::thread::Builder::new()
        .name("panel".to_owned())
        .spawn(move || drive_all(outputs, &slot, &reports))?;
    Ok(handle)
}

struct Output {
    line: OwnLine,
    relay: Option<Relay<Line<ChipLine>>>,
    level: Option<bool>,
    failed: Option<bool>,
}

fn drive_all(mut outputs: Vec<Output>, slot: &(Mutex<Slot>, Condvar), reports: &mpsc::Sender<Input>) {
    let mut panel = None;
    loop {
        let Some(next) = wait(slot) else {
            return;
        };
        panel = next.or(panel);
        let Some(panel) = &panel else {
            continue;
        };
        for output in &mut outputs {
            if let Some(energised) = panel.energised.get(output.line.output.index()) {
                output.drive(*energised, reports);
            }
        }
    }
}

/// Waits for another image or for the next attempt; `None` when the handle is gone.
#[allow(clippy::option_option)]
fn wait(slot: &(Mutex<Slot>, Condvar)) -> Option<Option<Panel>> {
    let (lock, changed) = slot;
    let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut guard, _) = changed
        .wait_timeout_while(guard, RETRY, |slot| slot.panel.is_none() && !slot.closed)
        .unwrap_or_else(PoisonError::into_inner);
    if guard.closed { None } else { Some(guard.panel.take()) }
}

impl Output {
    fn drive(&mut self, energised: bool, reports: &mpsc::Sender<Input>) {
        if self.level == Some(energised) {
            return;
        }
        let outcome = self.try_drive(energised);
        self.level = outcome.is_ok().then_some(energised);
        let failed = outcome.is_err();
        if self.failed.replace(failed) == Some(failed) {
            return;
        }
        let GpioLine { chip, offset, .. } = &self.line.line;
        match &outcome {
            Ok(()) => info!(chip = %chip.display(), offset, "output line driven"),
            Err(fault) => error!(chip = %chip.display(), offset, %fault, "output line cannot be driven"),
        }
        let result = outcome.map_err(|_| LinkFault::Gone);
        // A full queue means that the engine is far behind; it hears of the line at the next change.
        if reports.try_send(Input::Driven { output: self.line.output, result }).is_err() {
            self.failed = None;
        }
    }

    fn try_drive(&mut self, energised: bool) -> Result<(), gpiocdev_embedded_hal::Error> {
        let polarity = self.line.polarity;
        // The image holds coil levels; polarity is its own inverse, so this is the output's active state again.
        let active = polarity.energised(energised);
        if self.relay.is_none() {
            let GpioLine { chip, offset, active_low } = &self.line.line;
            let level = if energised != *active_low { PinState::High } else { PinState::Low };
            let pin = ChipLine::new(chip, *offset, level)?;
            self.relay = Some(Relay::new(Line { pin, inverted: *active_low }, polarity));
        }
        let Some(relay) = &mut self.relay else {
            return Ok(());
        };
        relay.set(active).inspect_err(|_| self.relay = None)
    }
}

use embedded_hal::digital::{ErrorType, PinState};

/// A line that the board may invert.
struct Line<P> {
    pin: P,
    inverted: bool,
}

impl<P: ErrorType> ErrorType for Line<P> {
    type Error = P::Error;
}

impl<P: OutputPin> OutputPin for Line<P> {
    fn set_low(&mut self) -> Result<(), Self::Error> {
        if self.inverted { self.pin.set_high() } else { self.pin.set_low() }
    }

    fn set_high(&mut self) -> Result<(), Self::Error> {
        if self.inverted { self.pin.set_low() } else { self.pin.set_high() }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    struct Fake(bool);

    impl ErrorType for Fake {
        type Error = Infallible;
    }

    impl OutputPin for Fake {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0 = false;
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0 = true;
            Ok(())
        }
    }

    #[test]
    fn a_line_follows_the_image_through_polarity_and_board() {
        for polarity in [Polarity::EnergiseToAlarm, Polarity::DeEnergiseToAlarm] {
            for inverted in [false, true] {
                for energised in [false, true] {
                    let mut relay = Relay::new(Line { pin: Fake(false), inverted }, polarity);
                    relay.set(polarity.energised(energised)).unwrap();
                    assert_eq!(relay.release().pin.0, energised != inverted);
                }
            }
        }
    }

    #[test]
    fn a_chip_that_is_not_there_is_reported_once_and_tried_again() {
        let (reports, mut inbox) = mpsc::channel(4);
        let line = GpioLine { chip: "/nonexistent/gpiochip9".into(), offset: 3, active_low: false };
        let output = OutputId(0);
        let own = OwnLine { output, line, polarity: Polarity::DeEnergiseToAlarm };
        let handle = spawn(vec![own], reports).unwrap();
        handle.drive(Panel { energised: vec![true] });
        let report = inbox.blocking_recv();
        assert!(matches!(report, Some(Input::Driven { output: OutputId(0), result: Err(LinkFault::Gone) })));
        drop(handle);
        assert!(inbox.blocking_recv().is_none(), "said once, and the thread ends with its handle");
    }
}
