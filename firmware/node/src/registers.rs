//! The node behind its register map. A write is checked whole before anything changes.

use hazard_field::Status;
use hazard_field::map::{self, HOLDINGS, coil, discrete, holding, input};

use crate::alarm::{Limits, RawLimits};
use crate::fitted::{Fitted, WORK_MAX, Work};
use crate::hal::AnalogReading;
use crate::node::{Button, Node};
use crate::rtu::{Bits, Exception, Registers, Words};

const FIRMWARE_VERSION: u16 = 0x0001;

impl<const CHANNELS: usize> Registers for Node<CHANNELS> {
    fn read_bits(&self, table: Bits, address: u16, out: &mut [bool]) -> Result<(), Exception> {
        match table {
            Bits::Coils => self.coils().copy_to(address, out),
            Bits::Discrete => self.discretes().copy_to(address, out),
        }
    }

    fn read_words(&self, table: Words, address: u16, out: &mut [u16]) -> Result<(), Exception> {
        match table {
            Words::Holding => self.holdings().copy_to(address, out),
            Words::Input => self.inputs().copy_to(address, out),
        }
    }

    fn write_coils(&mut self, address: u16, values: &[bool]) -> Result<(), Exception> {
        for (address, &on) in (u32::from(address)..).zip(values) {
            self.command(address, on)?;
        }
        for (address, &on) in (u32::from(address)..).zip(values) {
            match self.command(address, on)? {
                Command::Nothing => {}
                Command::Press(button) => self.press(button),
                Command::Work(channel, work) => {
                    if let Some(fitted) = self.fitted_mut(channel) {
                        fitted.work = work;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_words(&mut self, address: u16, values: &[u16]) -> Result<(), Exception> {
        let written = usize::from(address)..usize::from(address) + values.len();
        if splits_a_register(&written) {
            return Err(Exception::IllegalAddress);
        }
        let mut image = self.holdings();
        image.0.get_mut(written.clone()).ok_or(Exception::IllegalAddress)?.copy_from_slice(values);
        let mut drafts = [None; CHANNELS];
        for channel in 0..map::CHANNELS {
            let base = holding::channel(channel);
            if written.start < usize::from(holding::channel(channel + 1)) && written.end > usize::from(base) {
                let fitted = self.fitted(channel).ok_or(Exception::IllegalAddress)?;
                let limits = draft(fitted, &image, base).ok_or(Exception::IllegalValue)?;
                if let Some(slot) = drafts.get_mut(usize::from(channel)) {
                    *slot = Some(limits);
                }
            }
        }
        for (channel, limits) in self.channels.iter_mut().zip(drafts) {
            if let (Some(fitted), Some(limits)) = (channel, limits) {
                fitted.limits = limits;
            }
        }
        self.gateway_timeout_s = image.word(holding::GATEWAY_TIMEOUT);
        Ok(())
    }

    fn server_id(&self) -> &[u8] {
        b"hazard-node"
    }

    fn heard(&mut self) {
        self.note_heard();
    }
}

enum Command {
    Nothing,
    Press(Button),
    Work(u16, Work),
}

impl<const CHANNELS: usize> Node<CHANNELS> {
    fn fitted(&self, channel: u16) -> Option<&Fitted> {
        self.channels.get(usize::from(channel))?.as_ref()
    }

    fn fitted_mut(&mut self, channel: u16) -> Option<&mut Fitted> {
        self.channels.get_mut(usize::from(channel))?.as_mut()
    }

    fn command(&self, address: u32, on: bool) -> Result<Command, Exception> {
        let address = u16::try_from(address).map_err(|_| Exception::IllegalAddress)?;
        let button = match address {
            coil::ACKNOWLEDGE => Button::Acknowledge,
            coil::RESET => Button::Reset,
            coil::SILENCE => Button::Silence,
            _ => return self.work_command(address, on),
        };
        Ok(if on { Command::Press(button) } else { Command::Nothing })
    }

    fn work_command(&self, address: u16, on: bool) -> Result<Command, Exception> {
        let ends_at = self.now + WORK_MAX;
        for channel in 0..map::CHANNELS {
            let Some(offset) = address.checked_sub(coil::channel(channel)) else { continue };
            let asked = match offset {
                coil::INHIBIT => Work::Inhibit { ends_at },
                coil::CALIBRATION => Work::Calibration { ends_at },
                _ => continue,
            };
            let fitted = self.fitted(channel).ok_or(Exception::IllegalAddress)?;
            let is_this_work = fitted.work.status() == asked.status();
            return Ok(match (on, is_this_work) {
                (true, _) => Command::Work(channel, asked),
                (false, true) => Command::Work(channel, Work::None),
                (false, false) => Command::Nothing,
            });
        }
        Err(Exception::IllegalAddress)
    }

    fn inputs(&self) -> Image<u16, { input::END as usize }> {
        let mut image = Image([0; input::END as usize]);
        image.put(input::MAP_VERSION, map::VERSION);
        image.put(input::FIRMWARE_VERSION, FIRMWARE_VERSION);
        image.put_double(input::SERIAL, self.serial);
        image.put(input::CHANNELS, u16::try_from(CHANNELS).unwrap_or(map::CHANNELS));
        image.put(input::STATUS, self.status().bits());
        image.put(input::HEARTBEAT, self.heartbeat);
        image.put_double(input::UPTIME, self.uptime_s());
        for channel in 0..map::CHANNELS {
            let base = input::channel(channel);
            let Some(fitted) = self.fitted(channel) else {
                image.put_f32(base + input::VALUE, f32::NAN);
                image.put(base + input::CHANNEL_STATUS, Status::NOT_FITTED.bits());
                continue;
            };
            let value = fitted.measured.value().map_or(f32::NAN, |value| value.get() as f32);
            image.put_f32(base + input::VALUE, value);
            image.put(base + input::CHANNEL_STATUS, fitted.status().bits());
            image.put(base + input::KIND, fitted.settings.kind.code());
            image.put(base + input::UNIT, fitted.settings.unit.code());
            image.put(base + input::RAW, raw_word(fitted.reading));
        }
        image
    }

    fn holdings(&self) -> Image<u16, { holding::END as usize }> {
        let mut image = Image([0; holding::END as usize]);
        for channel in 0..map::CHANNELS {
            let Some(fitted) = self.fitted(channel) else { continue };
            let (base, raw) = (holding::channel(channel), fitted.limits.raw());
            image.put_f32(base + holding::SETPOINT_L1, raw.setpoint_l1);
            image.put_f32(base + holding::SETPOINT_L2, raw.setpoint_l2);
            image.put_f32(base + holding::DEADBAND, raw.deadband);
            image.put(base + holding::ON_DELAY, raw.on_delay_ms);
            image.put(base + holding::OFF_DELAY, raw.off_delay_ms);
        }
        image.put(holding::GATEWAY_TIMEOUT, self.gateway_timeout_s);
        image
    }

    fn coils(&self) -> Image<bool, { coil::END as usize }> {
        let mut image = Image([false; coil::END as usize]);
        for channel in 0..map::CHANNELS {
            let Some(fitted) = self.fitted(channel) else { continue };
            let (base, work) = (coil::channel(channel), fitted.work.status());
            image.put(base + coil::INHIBIT, work.has_any(Status::INHIBIT));
            image.put(base + coil::CALIBRATION, work.has_any(Status::CALIBRATION));
        }
        image
    }

    fn discretes(&self) -> Image<bool, { discrete::END as usize }> {
        let mut image = Image([false; discrete::END as usize]);
        for channel in 0..map::CHANNELS {
            let Some(fitted) = self.fitted(channel) else { continue };
            let (base, status) = (discrete::channel(channel), fitted.status());
            image.put(base + discrete::ALARM_L1, status.has_any(Status::ALARM_L1));
            image.put(base + discrete::ALARM_L2, status.has_any(Status::ALARM_L2));
            image.put(base + discrete::FAULT, status.is_fault());
        }
        let status = self.status();
        image.put(discrete::HORN, self.is_horn_on());
        image.put(discrete::HORN_SILENCED, status.has_any(Status::HORN_SILENCED));
        image.put(discrete::GATEWAY_LOST, status.has_any(Status::GATEWAY_LOST));
        image.put(discrete::ANY_FAULT, status.is_fault());
        image
    }
}

/// One table at one moment.
struct Image<T, const LEN: usize>([T; LEN]);

impl<T: Copy, const LEN: usize> Image<T, LEN> {
    fn put(&mut self, address: u16, value: T) {
        if let Some(slot) = self.0.get_mut(usize::from(address)) {
            *slot = value;
        }
    }

    fn copy_to(&self, address: u16, out: &mut [T]) -> Result<(), Exception> {
        let first = usize::from(address);
        let span = self.0.get(first..first + out.len()).ok_or(Exception::IllegalAddress)?;
        out.copy_from_slice(span);
        Ok(())
    }
}

impl<const LEN: usize> Image<u16, LEN> {
    fn put_double(&mut self, address: u16, value: u32) {
        self.put(address, (value >> 16) as u16);
        self.put(address + 1, value as u16);
    }

    fn put_f32(&mut self, address: u16, value: f32) {
        self.put_double(address, value.to_bits());
    }

    fn word(&self, address: u16) -> u16 {
        self.0.get(usize::from(address)).copied().unwrap_or(0)
    }

    fn f32(&self, address: u16) -> f32 {
        let (high, low) = (self.word(address), self.word(address + 1));
        f32::from_bits(u32::from(high) << 16 | u32::from(low))
    }
}

fn draft(fitted: &Fitted, image: &Image<u16, { holding::END as usize }>, base: u16) -> Option<Limits> {
    let raw = RawLimits {
        setpoint_l1: image.f32(base + holding::SETPOINT_L1),
        setpoint_l2: image.f32(base + holding::SETPOINT_L2),
        deadband: image.f32(base + holding::DEADBAND),
        on_delay_ms: image.word(base + holding::ON_DELAY),
        off_delay_ms: image.word(base + holding::OFF_DELAY),
    };
    Limits::try_new(fitted.settings.kind, &fitted.settings.calibration, raw)
}

/// Half a set-point is another set-point, so a write covers a register's words together or not at all.
fn splits_a_register(written: &core::ops::Range<usize>) -> bool {
    HOLDINGS.iter().any(|row| {
        let first = usize::from(row.address);
        let last = first + usize::from(row.shape.words()) - 1;
        written.contains(&first) != written.contains(&last)
    })
}

fn raw_word(reading: AnalogReading) -> u16 {
    match reading {
        AnalogReading::Raw(raw) => u16::try_from(raw.max(0)).unwrap_or(u16::MAX),
        AnalogReading::Fault => 0,
    }
}
