//! A command as the site has it: where it writes, what it may write, and how it is shown to be there.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Value;
use crate::annunciate::Wiring;
use crate::decode::decode;
use crate::id::{DeviceCommandId, DeviceId};
use crate::link::{ReadRequest, Setting, Table, Words};
use crate::outbox::record::Refusal;
use crate::point::{Order, PointSpec, Report, Shape, Source};
use crate::site::SiteTables;

/// A raw number this close to a whole one is meant to be whole: a scale of 0.1 is none in binary.
const WHOLE_WITHIN: f64 = 1e-6;
/// The most coils of one command: its value is a number whose lowest bit is the first of them.
const COILS_MAX: u8 = 16;

/// A command.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceCommandSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Its device; never one of a safety instrumented system.
    pub device: DeviceId,
    /// Where and how it writes.
    pub target: Target,
    /// What it may write.
    pub bounds: Bounds,
    /// How what was written is shown to be there; `None` for a register that clears itself.
    pub read_back: Option<ReadBack>,
    /// What it can do.
    pub risk: Risk,
    /// Who and what it takes.
    pub needs: Needs,
    /// So often it is written again.
    pub retries: u8,
    /// After this time it is not sent any more.
    pub deadline: Duration,
    /// The shortest time between two of it.
    pub every: Duration,
}

/// Coils or holding registers that a command writes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Target {
    /// First address, base 0.
    pub start: u16,
    /// [`Shape::Bit`] for coils; a number's shape for registers.
    pub shape: Shape,
    /// So many coils, 1–16; 1 for registers.
    pub coils: u8,
    /// Word and byte order.
    pub order: Order,
    /// `value = raw × scale + offset`.
    pub scale: f64,
    /// In the command's unit.
    pub offset: f64,
    /// One coil or register goes by function 15 or 16 too.
    pub always_many: bool,
}

/// What a command may write.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bounds {
    /// Always the same.
    Fixed(Value),
    /// What the caller says.
    Given {
        /// At least.
        min: Value,
        /// At most.
        max: Value,
        /// In such steps from the least; any where there is none.
        step: Option<Value>,
    },
}

/// Where what was written can be seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ReadBack {
    /// The table: bits for coils, registers for registers.
    pub table: Table,
    /// First address, base 0.
    pub start: u16,
    /// So far it may be off, in the command's unit; not at all where it is zero.
    pub tolerance: Value,
}

/// What a command can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Risk {
    /// Nothing that protects changes.
    #[default]
    Routine,
    /// What is measured changes: a zero, a span.
    Calibration,
    /// Protection may be lowered: a set-point, an inhibit.
    Protection,
}

/// Who and what a command takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// Words that say why.
    pub reason: bool,
    /// Another person who approves it.
    pub second_person: bool,
}

/// What makes no sense in a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceCommandFault {
    /// It names no device.
    WithoutDevice,
    /// Its device belongs to a safety instrumented system.
    OnSis,
    /// Unit address 0 is obeyed by all and answered by none.
    OnBroadcast,
    /// It has no width, no number, ends beyond 65535, or is read back from a table of the other kind.
    BadTarget,
    /// A value that it may write does not fit into its registers.
    DoesNotFit,
    /// The panel drives this coil.
    DrivenByPanel(usize),
    /// A safety point is read here.
    ReadBySafety(usize),
    /// It has no time.
    WithoutTime,
}

impl Target {
    /// Coils or holding registers.
    #[must_use]
    pub const fn table(&self) -> Table {
        if matches!(self.shape, Shape::Bit) { Table::Coil } else { Table::Holding }
    }

    /// So many addresses.
    #[must_use]
    pub const fn count(&self) -> u16 {
        if matches!(self.shape, Shape::Bit) { self.coils as u16 } else { self.shape.words() }
    }

    /// Whether what it writes and `count` addresses of `table` from `start` have one in common.
    #[must_use]
    pub fn overlaps(&self, table: Table, (start, count): (u16, u16)) -> bool {
        let end = |from: u16, count: u16| u32::from(from) + u32::from(count);
        table == self.table()
            && u32::from(start) < end(self.start, self.count())
            && u32::from(self.start) < end(start, count)
    }

    /// The words that say `value`; `None` where they cannot.
    #[must_use]
    pub fn encode(&self, value: Value) -> Option<Words> {
        let raw = (value.get() - self.offset) / self.scale;
        if self.shape == Shape::Bit {
            let bits = whole(raw, 0.0, f64::from((1_u32 << self.coils.min(COILS_MAX)) - 1))?;
            return Some(Words::Bits((0..self.coils).map(|coil| bits >> coil & 1 == 1).collect()));
        }
        let bits = bits_of(self.shape, raw)?;
        Some(Words::Registers(self.registers(bits)))
    }

    /// What the words say.
    #[must_use]
    pub fn decode(&self, words: &Words) -> Option<Value> {
        if let Words::Bits(bits) = words {
            let join = |bits: u32, level: &bool| bits << 1 | u32::from(*level);
            let raw = f64::from(bits.iter().rev().take(COILS_MAX.into()).fold(0, join));
            return Value::try_new(raw * self.scale + self.offset);
        }
        decode(&self.as_point(), words, self.start).number()
    }

    /// Most significant word first, unless the order says otherwise.
    fn registers(&self, bits: u64) -> Vec<u16> {
        let count = u32::from(self.count().min(4));
        #[allow(clippy::cast_possible_truncation, reason = "one register after the other is cut out")]
        let cut = |place: u32| (bits >> (16 * place)) as u16;
        let swap = |word: u16| if self.order.low_byte_first { word.swap_bytes() } else { word };
        if self.order.low_word_first {
            (0..count).map(|place| swap(cut(place))).collect()
        } else {
            (0..count).rev().map(|place| swap(cut(place))).collect()
        }
    }

    fn as_point(&self) -> PointSpec {
        let (shape, order) = (self.shape, self.order);
        PointSpec {
            tag: "".into(),
            device: DeviceId(0),
            source: Source { table: self.table(), address: self.start, shape, order, exponent: None },
            scale: self.scale,
            offset: self.offset,
            range: None,
            sentinels: Vec::new(),
            period: Duration::ZERO,
            stale_after: Duration::ZERO,
            report: Report { deadband: Value::ZERO, heartbeat: Duration::ZERO },
            safety: false,
            interlock: false,
            button: None,
        }
    }
}

impl Bounds {
    /// What is written where the caller says `told`.
    ///
    /// # Errors
    /// When a value is missing, is not wanted, is out of bounds, or lies between two steps.
    pub fn choose(self, told: Option<Value>) -> Result<Value, Refusal> {
        match (self, told) {
            (Self::Fixed(value), None) => Ok(value),
            (Self::Fixed(value), Some(told)) if told == value => Ok(value),
            (Self::Fixed(_), Some(_)) => Err(Refusal::ValueFixed),
            (Self::Given { .. }, None) => Err(Refusal::NoValue),
            (Self::Given { min, max, step }, Some(told)) => {
                let within = min <= told && told <= max;
                let steps = step.map(|step| (told.get() - min.get()) / step.get());
                if !within {
                    Err(Refusal::OutOfBounds)
                } else if steps.is_some_and(|steps| !is_whole(steps)) {
                    Err(Refusal::BetweenSteps)
                } else {
                    Ok(told)
                }
            }
        }
    }
}

impl DeviceCommandSpec {
    /// The write that says `value`.
    ///
    /// # Errors
    /// When the registers cannot say it: with a scale of 0.1, 12.34 lies between two steps.
    pub fn setting(&self, value: Value, unit: u8) -> Result<Setting, Refusal> {
        let words = self.target.encode(value).ok_or(Refusal::BetweenSteps)?;
        Ok(Setting { unit, start: self.target.start, words, always_many: self.target.always_many })
    }

    /// The read that shows what stands there; `None` where nothing can.
    #[must_use]
    pub fn look(&self, unit: u8) -> Option<ReadRequest> {
        let ReadBack { table, start, .. } = self.read_back?;
        Some(ReadRequest { unit, table, start, count: self.target.count() })
    }

    /// What the words that were read back say.
    #[must_use]
    pub fn shown(&self, words: &Words) -> Option<Value> {
        let start = self.read_back.map_or(self.target.start, |read_back| read_back.start);
        Target { start, ..self.target }.decode(words)
    }

    /// Whether `shown` is what was written, as far as its registers can say it.
    #[must_use]
    pub fn is_there(&self, value: Value, shown: Value) -> bool {
        let written = self.target.encode(value).and_then(|words| self.target.decode(&words));
        let off = written.unwrap_or(value).get() - shown.get();
        let tolerance = self.read_back.map_or(0.0, |read_back| read_back.tolerance.get());
        off.abs() <= tolerance + (WHOLE_WITHIN * self.target.scale).abs()
    }

    /// What makes no sense in it on this site.
    #[must_use]
    pub fn fault(&self, site: &SiteTables) -> Option<DeviceCommandFault> {
        let Some(device) = site.devices.get(self.device.index()) else {
            return Some(DeviceCommandFault::WithoutDevice);
        };
        if device.sis {
            return Some(DeviceCommandFault::OnSis);
        }
        if device.unit == 0 {
            return Some(DeviceCommandFault::OnBroadcast);
        }
        let target = &self.target;
        let numeric =
            !matches!(target.shape, Shape::Text(_) | Shape::RegisterBit(_) | Shape::BitField { .. });
        let coils =
            (1..=COILS_MAX).contains(&target.coils) && (target.shape == Shape::Bit || target.coils == 1);
        let ends = |start: u16| u32::from(start) + u32::from(target.count()) <= 0x1_0000;
        let shown = self.read_back.is_none_or(|read_back| {
            ends(read_back.start) && read_back.table.is_bits() == target.table().is_bits()
        });
        if !(numeric && coils && target.count() > 0 && ends(target.start) && shown && target.scale != 0.0) {
            return Some(DeviceCommandFault::BadTarget);
        }
        let fits = match self.bounds {
            Bounds::Fixed(value) => target.encode(value).is_some(),
            Bounds::Given { min, max, step } => {
                let steps = step.is_none_or(|step| step > Value::ZERO);
                min < max && steps && target.encode(min).is_some() && target.encode(max).is_some()
            }
        };
        if !fits {
            return Some(DeviceCommandFault::DoesNotFit);
        }
        if self.deadline.is_zero() {
            return Some(DeviceCommandFault::WithoutTime);
        }
        self.trespass(site)
    }

    /// What is there belongs to the panel, or a safety point is read there: writing it would drive an output past the panel, or
    /// make up a measurement.
    fn trespass(&self, site: &SiteTables) -> Option<DeviceCommandFault> {
        let is_driven = |wiring: &Wiring| match *wiring {
            Wiring::Coil { device, address } => {
                device == self.device && self.target.overlaps(Table::Coil, (address, 1))
            }
            Wiring::Gpio => false,
        };
        if let Some(output) = site.outputs.iter().position(|output| is_driven(&output.wiring)) {
            return Some(DeviceCommandFault::DrivenByPanel(output));
        }
        let is_read = |point: &PointSpec| {
            let source = &point.source;
            let own = (source.address, source.shape.words());
            let scaling = source.exponent.map(|exponent| (exponent.address(), 1));
            let mut spans = core::iter::once(own).chain(scaling);
            point.safety
                && point.device == self.device
                && spans.any(|span| self.target.overlaps(source.table, span))
        };
        site.points.iter().position(is_read).map(DeviceCommandFault::ReadBySafety)
    }
}

/// What is wrong with the commands of a site.
pub(crate) fn faults(site: &SiteTables) -> Vec<(DeviceCommandId, DeviceCommandFault)> {
    let commands = (0..).map(DeviceCommandId).zip(&site.commands);
    commands.filter_map(|(id, command)| Some((id, command.fault(site)?))).collect()
}

/// The raw number as the shape's bits; `None` where it is not whole or does not fit.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "single precision rounds what is written, and what does not fit is refused before any cast"
)]
fn bits_of(shape: Shape, raw: f64) -> Option<u64> {
    let signed = |width: u32| {
        let half = (1_u64 << (width - 1)) as f64;
        let number = whole_signed(raw, (-half, half - 1.0))?;
        Some(number.cast_unsigned() & (u64::MAX >> (64 - width)))
    };
    match shape {
        Shape::U16 => whole(raw, 0.0, f64::from(u16::MAX)),
        Shape::U32 => whole(raw, 0.0, f64::from(u32::MAX)),
        // Beyond 2^53 a caller's number names no single whole one.
        Shape::U64 => whole(raw, 0.0, (1_u64 << 53) as f64),
        Shape::I16 => signed(16),
        Shape::I32 => signed(32),
        Shape::I64 => {
            let exact = (1_u64 << 53) as f64;
            whole_signed(raw, (-exact, exact)).map(i64::cast_unsigned)
        }
        Shape::F32 => {
            let single = raw as f32;
            single.is_finite().then(|| single.to_bits().into())
        }
        Shape::F64 => Some(raw.to_bits()),
        Shape::Bcd(words) => {
            let digits = u32::from(words.min(4)) * 4;
            let most = (10_u64.pow(digits) - 1) as f64;
            let number = whole(raw, 0.0, if digits > 15 { (1_u64 << 53) as f64 } else { most })?;
            Some((0..digits).fold(0, |bits, place| bits | (number / 10_u64.pow(place) % 10) << (4 * place)))
        }
        Shape::Bit | Shape::RegisterBit(_) | Shape::BitField { .. } | Shape::Text(_) => None,
    }
}

fn whole(raw: f64, least: f64, most: f64) -> Option<u64> {
    whole_signed(raw, (least, most)).and_then(|number| u64::try_from(number).ok())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the number lies within the bounds, which are exact"
)]
fn whole_signed(raw: f64, (least, most): (f64, f64)) -> Option<i64> {
    if !is_whole(raw) {
        return None;
    }
    let number = nearest(raw);
    let fits = least <= number as f64 && number as f64 <= most;
    fits.then_some(number)
}

#[allow(clippy::cast_precision_loss, reason = "beyond 2^53 every number is whole")]
fn is_whole(raw: f64) -> bool {
    let off = raw - nearest(raw) as f64;
    (-WHOLE_WITHIN..=WHOLE_WITHIN).contains(&off)
}

#[allow(clippy::cast_possible_truncation, reason = "saturates; what is that large fits no register")]
const fn nearest(raw: f64) -> i64 {
    (if raw < 0.0 { raw - 0.5 } else { raw + 0.5 }) as i64
}
