//! The node behind its register map, for reading: every table at one moment.

use hazard_field::Status;
use hazard_field::map::{self, coil, discrete, holding, input};

use crate::fitted::Fitted;
use crate::hal::AnalogReading;
use crate::node::Node;
use crate::rtu::{Bits, Exception, Object, Registers, Words};
use crate::settings::{ChannelSettings, NodeSettings};
use crate::words::{self, Holdings, Image};

const FIRMWARE_VERSION: u16 = 0x0002;

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
        self.command(address, values)
    }

    fn write_words(&mut self, address: u16, values: &[u16]) -> Result<(), Exception> {
        self.write_settings(address, values)
    }

    fn server_id(&self) -> &[u8] {
        b"hazard-node"
    }

    fn identity(&self, object: Object) -> &[u8] {
        match object {
            Object::Vendor => b"Hazard Agent",
            Object::ProductCode | Object::Model => b"hazard-node",
            Object::Revision => b"map 2, firmware 0.2",
            Object::ProductName => b"Sensor and alarm node",
        }
    }

    fn heard(&mut self) {
        self.note_heard();
    }
}

impl<const CHANNELS: usize> Node<CHANNELS> {
    pub(crate) fn fitted(&self, channel: u16) -> Option<&Fitted> {
        self.channels.get(usize::from(channel))?.as_ref()
    }

    pub(crate) fn fitted_mut(&mut self, channel: u16) -> Option<&mut Fitted> {
        self.channels.get_mut(usize::from(channel))?.as_mut()
    }

    /// The settings as holding registers hold them; what is not stored (key, window, references) is left out of flash.
    pub(crate) fn holdings(&self) -> Holdings {
        let mut image = self.stored_holdings();
        image.put_double(holding::LOG_FROM, self.log_from);
        for channel in 0..map::CHANNELS {
            let Some(fitted) = self.fitted(channel) else { continue };
            image.put_f32(holding::setup(channel).saturating_add(holding::REFERENCE), fitted.reference);
        }
        image
    }

    pub(crate) fn stored_holdings(&self) -> Holdings {
        let mut image = Image([0; words::HOLDINGS]);
        for channel in 0..map::CHANNELS {
            if let Some(fitted) = self.fitted(channel) {
                fitted.settings.put(&mut image, channel);
            }
        }
        image.put(holding::GATEWAY_TIMEOUT, self.gateway_timeout_s);
        image.put(holding::GATEWAY_LOSS, self.on_gateway_loss.code());
        words::put_line(&mut image, self.line);
        image
    }

    /// Whether stored settings go together.
    pub(crate) fn can_take(stored: &Holdings) -> bool {
        Self::stored_settings(0, stored).is_some()
    }

    /// The stored settings; `None` when they do not go together.
    pub(crate) fn stored_settings(serial: u32, stored: &Holdings) -> Option<NodeSettings<CHANNELS>> {
        let mut channels = [None; CHANNELS];
        for (slot, channel) in channels.iter_mut().zip(0..) {
            *slot = ChannelSettings::from_image(stored, channel)?;
        }
        if channels.iter().flatten().any(|channel: &ChannelSettings| channel.check().is_none()) {
            return None;
        }
        Some(NodeSettings {
            serial,
            gateway_timeout_s: stored.word(holding::GATEWAY_TIMEOUT),
            on_gateway_loss: words::on_gateway_loss(stored)?,
            line: words::line(stored)?,
            channels,
        })
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
            self.put_channel(&mut image, channel);
        }
        self.put_facts(&mut image);
        self.put_events(&mut image);
        image
    }

    fn put_channel(&self, image: &mut Image<u16, { input::END as usize }>, channel: u16) {
        let at = |offset: u16| input::channel(channel).saturating_add(offset);
        let more = |offset: u16| input::detail(channel).saturating_add(offset);
        let Some(fitted) = self.fitted(channel) else {
            image.put_f32(at(input::VALUE), f32::NAN);
            image.put(at(input::CHANNEL_STATUS), Status::NOT_FITTED.bits());
            return;
        };
        let value = fitted.measured.value().map_or(f32::NAN, |value| value.get() as f32);
        image.put_f32(at(input::VALUE), value);
        image.put(at(input::CHANNEL_STATUS), fitted.status().bits());
        image.put(at(input::KIND), fitted.settings.kind.code());
        image.put(at(input::UNIT), fitted.settings.unit.code());
        image.put(at(input::RAW), raw_word(fitted.reading));
        image.put(more(input::CHANNEL_CATEGORY), fitted.status().category().code());
        image.put(more(input::QUANTITY), fitted.settings.quantity.code());
        image.put(more(input::STEADY), u16::from(fitted.is_steady(self.now)));
    }

    fn put_facts(&self, image: &mut Image<u16, { input::END as usize }>) {
        let facts = &self.facts;
        image.put(input::CATEGORY, self.status().category().code());
        image.put(input::SELF_TEST_FAILED, facts.tests.failed_bits());
        image.put(input::SELF_TEST_DONE, facts.tests.done_bits());
        image.put(input::RESET_CAUSE, facts.reset_cause.code());
        image.put_double(input::STARTS, facts.starts);
        image.put(input::SETTINGS_STATE, facts.settings.code());
        image.put_double(input::SETTINGS_SEQUENCE, facts.sequence);
        image.put_double(input::IMAGE_VERSION, facts.image.map_or(0, |header| header.version));
        image.put_double(input::IMAGE_CRC, facts.image.map_or(0, |header| header.crc));
        image.put(input::UNLOCKED, self.lock.left_s(self.now));
        image.put_double(input::LOOP_MAX, facts.loop_max_us);
        image.put(input::REQUESTS, facts.line.requests);
        image.put(input::CRC_ERRORS, facts.line.crc_errors);
        image.put(input::LINE_ERRORS, facts.line.line_errors);
        image.put(input::REFUSALS, facts.line.refusals);
    }

    fn put_events(&self, image: &mut Image<u16, { input::END as usize }>) {
        image.put_double(input::LOG_OLDEST, self.log.oldest());
        image.put_double(input::LOG_NEXT, self.log.next());
        for (row, event) in (0..).zip(self.log.window(self.log_from)) {
            let at = |offset: u16| input::event(row).saturating_add(offset);
            let Some(event) = event else {
                image.put_f32(at(input::EVENT_VALUE), f32::NAN);
                continue;
            };
            image.put_double(at(input::EVENT_NUMBER), event.number);
            image.put_double(at(input::EVENT_TIME), event.at_s);
            image.put(at(input::EVENT_CODE), event.code);
            image.put_f32(at(input::EVENT_VALUE), event.value);
        }
    }

    fn coils(&self) -> Image<bool, { coil::END as usize }> {
        let mut image = Image([false; coil::END as usize]);
        for channel in 0..map::CHANNELS {
            let Some(fitted) = self.fitted(channel) else { continue };
            let (base, work) = (coil::channel(channel), fitted.work.status());
            image.put(base.saturating_add(coil::INHIBIT), work.has_any(Status::INHIBIT));
            image.put(base.saturating_add(coil::CALIBRATION), work.has_any(Status::CALIBRATION));
        }
        image
    }

    fn discretes(&self) -> Image<bool, { discrete::END as usize }> {
        let mut image = Image([false; discrete::END as usize]);
        for channel in 0..map::CHANNELS {
            let Some(fitted) = self.fitted(channel) else { continue };
            let at = |offset: u16| discrete::channel(channel).saturating_add(offset);
            let status = fitted.status();
            image.put(at(discrete::ALARM_L1), status.has_any(Status::ALARM_L1));
            image.put(at(discrete::ALARM_L2), status.has_any(Status::ALARM_L2));
            image.put(at(discrete::FAULT), status.is_fault());
        }
        let status = self.status();
        image.put(discrete::HORN, self.is_horn_on());
        image.put(discrete::HORN_SILENCED, status.has_any(Status::HORN_SILENCED));
        image.put(discrete::GATEWAY_LOST, status.has_any(Status::GATEWAY_LOST));
        image.put(discrete::ANY_FAULT, status.is_fault());
        image.put(discrete::UNLOCKED, self.lock.is_open(self.now));
        image.put(discrete::UNSAVED, self.is_unsaved());
        image.put(discrete::SELF_TEST_FAILED, self.facts.tests.failed_bits() != 0);
        image
    }

    fn is_unsaved(&self) -> bool {
        use crate::store::SettingsState::{StoringFailed, ToBeStored};
        self.has_unsaved || matches!(self.facts.settings, ToBeStored | StoringFailed)
    }
}

fn raw_word(reading: AnalogReading) -> u16 {
    match reading {
        AnalogReading::Raw(raw) => u16::try_from(raw.max(0)).unwrap_or(u16::MAX),
        AnalogReading::Fault => 0,
    }
}
