//! What a master may write, and what becomes of it. A write is checked whole before anything changes.

use core::ops::Range;

use hazard_field::map::{self, HOLDINGS, Quantity, coil, holding};

use crate::alarm::{Limits, RawLimits};
use crate::fitted::{Calibrate, Fitted, WORK_MAX, Work};
use crate::lock::Turned;
use crate::log::{About, What, Who};
use crate::node::{Button, Node};
use crate::rtu::Exception;
use crate::settings::ChannelSettings;
use crate::words::{self, Holdings};

/// The settings are locked, see [`map::UNLOCK_KEY`].
const LOCKED: Exception = Exception::DeviceFailure;

enum Command {
    Nothing,
    Press(Button),
    Work(u16, Work),
}

/// What a write makes of a channel.
enum Draft {
    Same,
    Limits(Limits, RawLimits),
    Setup(Option<ChannelSettings>),
}

impl<const CHANNELS: usize> Node<CHANNELS> {
    /// Coils from `address`.
    pub(crate) fn command(&mut self, address: u16, values: &[bool]) -> Result<(), Exception> {
        for (address, &on) in (u32::from(address)..).zip(values) {
            self.parse_command(address, on)?;
        }
        for (address, &on) in (u32::from(address)..).zip(values) {
            match self.parse_command(address, on)? {
                Command::Nothing => {}
                Command::Press(button) => self.act(button, Who::Bus),
                Command::Work(channel, work) => {
                    if let Some(fitted) = self.fitted_mut(channel) {
                        fitted.work = work;
                    }
                }
            }
        }
        Ok(())
    }

    fn parse_command(&self, address: u32, on: bool) -> Result<Command, Exception> {
        let address = u16::try_from(address).map_err(|_| Exception::IllegalAddress)?;
        let button = match address {
            coil::ACKNOWLEDGE => Button::Acknowledge,
            coil::RESET => Button::Reset,
            coil::SILENCE => Button::Silence,
            _ => return self.parse_work(address, on),
        };
        Ok(if on { Command::Press(button) } else { Command::Nothing })
    }

    // What makes a channel quiet is locked; what ends that is not.
    fn parse_work(&self, address: u16, on: bool) -> Result<Command, Exception> {
        let ends_at = self.now.after(WORK_MAX);
        for channel in 0..map::CHANNELS {
            let Some(offset) = address.checked_sub(coil::channel(channel)) else { continue };
            let asked = match offset {
                coil::INHIBIT => Work::Inhibit { ends_at },
                coil::CALIBRATION => Work::Calibration { ends_at },
                _ => continue,
            };
            let fitted = self.fitted(channel).ok_or(Exception::IllegalAddress)?;
            let is_this_work = fitted.work.status() == asked.status();
            return match (on, is_this_work) {
                (true, _) if !self.lock.is_open(self.now) => Err(LOCKED),
                (true, _) => Ok(Command::Work(channel, asked)),
                (false, true) => Ok(Command::Work(channel, Work::None)),
                (false, false) => Ok(Command::Nothing),
            };
        }
        Err(Exception::IllegalAddress)
    }

    /// Holding registers from `address`. Keys, the window and calibration steps are writes of their own.
    pub(crate) fn write_settings(&mut self, address: u16, values: &[u16]) -> Result<(), Exception> {
        let first = usize::from(address);
        let written = first..first.saturating_add(values.len());
        if splits_a_register(&written) {
            return Err(Exception::IllegalAddress);
        }
        let mut image = self.holdings();
        image.put_all(address, values)?;
        if written.contains(&usize::from(holding::UNLOCK)) {
            return if values.len() == 1 {
                self.turn_key(image.word(holding::UNLOCK))
            } else {
                Err(Exception::IllegalAddress)
            };
        }
        if written == span(holding::LOG_FROM, 2) {
            self.log_from = image.double(holding::LOG_FROM);
            return Ok(());
        }
        if !self.lock.is_open(self.now) {
            return Err(LOCKED);
        }
        for channel in 0..map::CHANNELS {
            let steps = span(holding::setup(channel).saturating_add(holding::REFERENCE), 3);
            if steps.start <= written.start && written.end <= steps.end {
                return self.calibrate(channel, &image);
            }
        }
        self.write_image(&written, values, image)
    }

    fn turn_key(&mut self, key: u16) -> Result<(), Exception> {
        let (what, outcome) = match self.lock.turn(self.now, key) {
            Turned::Unlocked => (What::Unlocked, Ok(())),
            Turned::Locked => (What::Locked, Ok(())),
            Turned::Wrong => (What::WrongKey, Err(Exception::IllegalValue)),
            Turned::Barred => return Err(Exception::Busy),
        };
        self.note(what, About::NODE);
        outcome
    }

    fn calibrate(&mut self, channel: u16, image: &Holdings) -> Result<(), Exception> {
        let (now, base) = (self.now, holding::setup(channel));
        let reference = image.f32(base.saturating_add(holding::REFERENCE));
        let code = image.word(base.saturating_add(holding::CALIBRATE));
        let step = match code {
            0 => None,
            code => Some(Calibrate::from_code(code).ok_or(Exception::IllegalValue)?),
        };
        let fitted = self.fitted_mut(channel).ok_or(Exception::IllegalAddress)?;
        if !reference.is_finite() {
            return Err(Exception::IllegalValue);
        }
        let about = About::channel(usize::from(channel)).value(reference);
        let Some(step) = step else {
            fitted.reference = reference;
            return Ok(());
        };
        let made = fitted.calibrated(now, step, reference);
        if made.and_then(|made| fitted.take_calibration(made)).is_none() {
            self.note(What::CalibrationRefused, about);
            return Err(Exception::IllegalValue);
        }
        fitted.reference = reference;
        self.has_unsaved = true;
        self.note(
            match step {
                Calibrate::Zero => What::ZeroTaken,
                Calibrate::Span => What::SpanTaken,
                Calibrate::Factory => What::CalibrationUndone,
            },
            about,
        );
        Ok(())
    }

    fn write_image(
        &mut self,
        written: &Range<usize>,
        values: &[u16],
        mut image: Holdings,
    ) -> Result<(), Exception> {
        for channel in 0..map::CHANNELS {
            self.load_preset(channel, &mut image);
        }
        if (0..map::CHANNELS).any(|channel| image.word(step_register(channel)) != 0) {
            // A calibration step is a write of its own: its signal must not be another setup's.
            return Err(Exception::IllegalAddress);
        }
        // What is written stands above what a preset brings.
        let first = u16::try_from(written.start).map_err(|_| Exception::IllegalAddress)?;
        image.put_all(first, values)?;
        let line = words::line(&image).ok_or(Exception::IllegalValue)?;
        let on_gateway_loss = words::on_gateway_loss(&image).ok_or(Exception::IllegalValue)?;
        for channel in 0..map::CHANNELS {
            self.draft(channel, written, &image)?;
        }
        for channel in 0..map::CHANNELS {
            let draft = self.draft(channel, written, &image)?;
            self.take(channel, draft);
        }
        self.line = line;
        self.on_gateway_loss = on_gateway_loss;
        self.gateway_timeout_s = image.word(holding::GATEWAY_TIMEOUT);
        self.log_from = image.double(holding::LOG_FROM);
        for channel in 0..map::CHANNELS {
            let reference = image.f32(holding::setup(channel).saturating_add(holding::REFERENCE));
            if let Some(fitted) = self.fitted_mut(channel).filter(|_| reference.is_finite()) {
                fitted.reference = reference;
            }
        }
        self.has_unsaved = true;
        self.note(What::Changed, About::NODE.value(f32::from(first)));
        Ok(())
    }

    fn load_preset(&self, channel: u16, image: &mut Holdings) {
        let quantity =
            Quantity::from_code(image.word(holding::setup(channel).saturating_add(holding::QUANTITY)));
        let before = self.fitted(channel).map_or(Quantity::NotFitted, |fitted| fitted.settings.quantity);
        if let Some(preset) = quantity.filter(|asked| *asked != before).and_then(ChannelSettings::preset) {
            preset.put(image, channel);
        }
    }

    fn draft(&self, channel: u16, written: &Range<usize>, image: &Holdings) -> Result<Draft, Exception> {
        let limits = span(holding::channel(channel), holding::OFF_DELAY + 1);
        let setup = span(holding::setup(channel), holding::CALIBRATE + 1);
        let [of_limits, of_setup] =
            [limits, setup].map(|place| written.start < place.end && written.end > place.start);
        if !of_limits && !of_setup {
            return Ok(Draft::Same);
        }
        let before = self.fitted(channel);
        if usize::from(channel) >= CHANNELS || (before.is_none() && !of_setup) {
            return Err(Exception::IllegalAddress);
        }
        if let Some(fitted) = before.filter(|_| self.has_setup(channel, image)) {
            let settings = ChannelSettings { limits: words::limits(image, channel), ..fitted.settings };
            let limits = settings.check().ok_or(Exception::IllegalValue)?;
            return Ok(Draft::Limits(limits, settings.limits));
        }
        let settings = ChannelSettings::from_image(image, channel).ok_or(Exception::IllegalValue)?;
        // Another setup begins anew: an alarm that stands would be gone.
        if before.is_some_and(|fitted| fitted.alarm.is_active()) {
            return Err(Exception::Busy);
        }
        if settings.is_some_and(|settings| settings.check().is_none()) {
            return Err(Exception::IllegalValue);
        }
        Ok(Draft::Setup(settings))
    }

    /// Whether the image has the setup that the channel has, whatever its set-points and its reference.
    fn has_setup(&self, channel: u16, image: &Holdings) -> bool {
        let (now, setup) = (self.stored_holdings(), span(holding::setup(channel), holding::REFERENCE));
        now.0.get(setup.clone()) == image.0.get(setup)
    }

    fn take(&mut self, channel: u16, draft: Draft) {
        let Some(slot) = self.channels.get_mut(usize::from(channel)) else { return };
        match draft {
            Draft::Same => {}
            Draft::Limits(limits, raw) => {
                if let Some(fitted) = slot {
                    (fitted.limits, fitted.settings.limits) = (limits, raw);
                }
            }
            Draft::Setup(settings) => *slot = settings.and_then(Fitted::try_new),
        }
    }
}

const fn step_register(channel: u16) -> u16 {
    holding::setup(channel).saturating_add(holding::CALIBRATE)
}

fn span(first: u16, len: u16) -> Range<usize> {
    usize::from(first)..usize::from(first).saturating_add(usize::from(len))
}

/// Half a set-point is another set-point, so a write covers a register's words together or not at all.
fn splits_a_register(written: &Range<usize>) -> bool {
    HOLDINGS.iter().any(|row| {
        let place = span(row.address, row.shape.words());
        written.contains(&place.start) != written.contains(&(place.end.saturating_sub(1)))
    })
}
