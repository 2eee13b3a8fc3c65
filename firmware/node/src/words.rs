//! A table at one moment, and settings as holding registers hold them: the one form on the bus and in flash.

use core::time::Duration;

use hazard_field::map::{CURVE_POINTS, Kind, Quantity, holding};
use hazard_field::{Unit, Value};

use crate::alarm::RawLimits;
use crate::channel::{Calibration, Filter};
use crate::rtu::Exception;
use crate::settings::{ChannelSettings, Curve, Latch, Line, OnGatewayLoss, Signal};

/// The number of holding registers.
pub(crate) const HOLDINGS: usize = holding::END as usize;
/// Settings as holding registers hold them.
pub(crate) type Holdings = Image<u16, HOLDINGS>;

/// One table at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Image<T, const LEN: usize>(pub(crate) [T; LEN]);

impl<T: Copy, const LEN: usize> Image<T, LEN> {
    pub(crate) fn put(&mut self, address: u16, value: T) {
        if let Some(slot) = self.0.get_mut(usize::from(address)) {
            *slot = value;
        }
    }

    pub(crate) fn put_all(&mut self, address: u16, values: &[T]) -> Result<(), Exception> {
        let first = usize::from(address);
        let span = first.checked_add(values.len()).and_then(|end| self.0.get_mut(first..end));
        span.ok_or(Exception::IllegalAddress)?.copy_from_slice(values);
        Ok(())
    }

    pub(crate) fn copy_to(&self, address: u16, out: &mut [T]) -> Result<(), Exception> {
        let first = usize::from(address);
        let span = first.checked_add(out.len()).and_then(|end| self.0.get(first..end));
        out.copy_from_slice(span.ok_or(Exception::IllegalAddress)?);
        Ok(())
    }
}

impl<const LEN: usize> Image<u16, LEN> {
    pub(crate) fn put_double(&mut self, address: u16, value: u32) {
        self.put(address, (value >> 16) as u16);
        self.put(address.saturating_add(1), value as u16);
    }

    pub(crate) fn put_f32(&mut self, address: u16, value: f32) {
        self.put_double(address, value.to_bits());
    }

    pub(crate) fn word(&self, address: u16) -> u16 {
        self.0.get(usize::from(address)).copied().unwrap_or(0)
    }

    pub(crate) fn double(&self, address: u16) -> u32 {
        u32::from(self.word(address)) << 16 | u32::from(self.word(address.saturating_add(1)))
    }

    pub(crate) fn f32(&self, address: u16) -> f32 {
        f32::from_bits(self.double(address))
    }
}

impl ChannelSettings {
    /// Writes the channel's set-points and setup into the image.
    pub(crate) fn put(&self, image: &mut Holdings, channel: u16) {
        put_limits(image, channel, &self.limits);
        let at = |offset: u16| holding::setup(channel).saturating_add(offset);
        let (low, high) = self.calibration.range();
        let (nominal, calibrated) = (self.signal.nominal(), self.calibration.counts());
        image.put(at(holding::QUANTITY), self.quantity.code());
        image.put(at(holding::KIND), self.kind.code());
        image.put(at(holding::SIGNAL), self.signal.code());
        image.put(at(holding::UNIT), self.unit.code());
        image.put_f32(at(holding::RANGE_LOW), low.get() as f32);
        image.put_f32(at(holding::RANGE_HIGH), high.get() as f32);
        image.put(at(holding::FILTER), filter_code(self.filter));
        image.put(at(holding::OVERSAMPLING), self.oversampling);
        image.put(at(holding::WARM_UP), u16::try_from(self.warm_up.as_secs()).unwrap_or(u16::MAX));
        image.put(at(holding::LATCH), self.latch.bits());
        image.put_f32(at(holding::SIGNAL_LOW), nominal.0 as f32);
        image.put_f32(at(holding::SIGNAL_HIGH), nominal.1 as f32);
        image.put_f32(at(holding::CALIBRATED_LOW), calibrated.0 as f32);
        image.put_f32(at(holding::CALIBRATED_HIGH), calibrated.1 as f32);
        image.put(at(holding::CURVE_COUNT), u16::try_from(self.curve.points().len()).unwrap_or(0));
        let mut next = at(holding::CURVE);
        for slot in 0..usize::from(CURVE_POINTS) {
            let (signal, value) = self.curve.points().get(slot).copied().unwrap_or((0, 0));
            image.put(next, signal);
            image.put(next.saturating_add(1), value);
            next = next.saturating_add(2);
        }
    }

    /// From an image: `Some(None)` is not fitted, `None` what cannot be read as a channel. Not yet checked as a whole.
    pub(crate) fn from_image(image: &Holdings, channel: u16) -> Option<Option<Self>> {
        let at = |offset: u16| holding::setup(channel).saturating_add(offset);
        let word = |offset| image.word(at(offset));
        let quantity = Quantity::from_code(word(holding::QUANTITY))?;
        if quantity == Quantity::NotFitted {
            return Some(None);
        }
        let counts = |low, high| Some((whole(image.f32(at(low)))?, whole(image.f32(at(high)))?));
        let value = |offset| Value::try_new(f64::from(image.f32(at(offset))));
        let calibrated = counts(holding::CALIBRATED_LOW, holding::CALIBRATED_HIGH)?;
        let (low, high) = (value(holding::RANGE_LOW)?, value(holding::RANGE_HIGH)?);
        let nominal = counts(holding::SIGNAL_LOW, holding::SIGNAL_HIGH)?;
        Some(Some(Self {
            quantity,
            kind: Kind::from_code(word(holding::KIND))?,
            unit: Unit::from_code(word(holding::UNIT))?,
            signal: Signal::from_parts(word(holding::SIGNAL), nominal)?,
            calibration: Calibration::try_new((calibrated.0, low), (calibrated.1, high))?,
            curve: curve(image, at(holding::CURVE), word(holding::CURVE_COUNT))?,
            filter: filter(word(holding::FILTER))?,
            oversampling: word(holding::OVERSAMPLING),
            warm_up: Duration::from_secs(u64::from(word(holding::WARM_UP))),
            latch: Latch::from_bits(word(holding::LATCH))?,
            limits: limits(image, channel),
        }))
    }
}

/// Writes set-points and delays into the image.
pub(crate) fn put_limits(image: &mut Holdings, channel: u16, raw: &RawLimits) {
    let at = |offset: u16| holding::channel(channel).saturating_add(offset);
    image.put_f32(at(holding::SETPOINT_L1), raw.setpoint_l1);
    image.put_f32(at(holding::SETPOINT_L2), raw.setpoint_l2);
    image.put_f32(at(holding::DEADBAND), raw.deadband);
    image.put(at(holding::ON_DELAY), raw.on_delay_ms);
    image.put(at(holding::OFF_DELAY), raw.off_delay_ms);
}

/// Set-points and delays from the image; not yet checked.
pub(crate) fn limits(image: &Holdings, channel: u16) -> RawLimits {
    let at = |offset: u16| holding::channel(channel).saturating_add(offset);
    RawLimits {
        setpoint_l1: image.f32(at(holding::SETPOINT_L1)),
        setpoint_l2: image.f32(at(holding::SETPOINT_L2)),
        deadband: image.f32(at(holding::DEADBAND)),
        on_delay_ms: image.word(at(holding::ON_DELAY)),
        off_delay_ms: image.word(at(holding::OFF_DELAY)),
    }
}

/// The node's place on the line from the image.
pub(crate) fn line(image: &Holdings) -> Option<Line> {
    let unit = u8::try_from(image.word(holding::UNIT_ADDRESS)).ok()?;
    Line::try_new(unit, u32::from(image.word(holding::BAUD)).checked_mul(100)?)
}

pub(crate) fn put_line(image: &mut Holdings, line: Line) {
    image.put(holding::UNIT_ADDRESS, u16::from(line.unit()));
    image.put(holding::BAUD, u16::try_from(line.baud() / 100).unwrap_or(0));
}

/// What a lost gateway does from the image.
pub(crate) fn on_gateway_loss(image: &Holdings) -> Option<OnGatewayLoss> {
    OnGatewayLoss::from_code(image.word(holding::GATEWAY_LOSS))
}

/// A count as an f32 register holds it: whole, or it is none.
fn whole(raw: f32) -> Option<i32> {
    let count = raw as i32;
    (count as f32 == raw).then_some(count)
}

fn curve(image: &Holdings, first: u16, count: u16) -> Option<Curve> {
    let mut points = [(0, 0); CURVE_POINTS as usize];
    for (point, at) in points.iter_mut().zip((first..).step_by(2)) {
        *point = (image.word(at), image.word(at.saturating_add(1)));
    }
    Curve::try_new(points.get(..usize::from(count))?)
}

const fn filter_code(filter: Filter) -> u16 {
    match filter {
        Filter::Off => 0,
        Filter::MedianOf3 => 1,
        Filter::MovingAverage(depth) => depth as u16,
    }
}

fn filter(code: u16) -> Option<Filter> {
    match code {
        0 => Some(Filter::Off),
        1 => Some(Filter::MedianOf3),
        depth => Some(Filter::MovingAverage(u8::try_from(depth).ok()?)),
    }
}
