//! The registers of devices that are not ours, filled from the plant as their templates in config/devices say.

use hazard_field::Mono;
use hazard_field::map::Kind;
use hazard_node::{Bits, Exception, Registers, Words};

use super::layout::{COIL_COUNT, DETECTORS};
use super::model::Model;

/// Neighbouring registers.
struct Page {
    first: usize,
    words: Vec<u16>,
}

/// A device's read-only registers at one moment.
pub(super) struct Table {
    holding: Vec<Page>,
    discrete: Vec<bool>,
}

impl Table {
    fn of(first: usize, words: Vec<u16>) -> Self {
        Self { holding: vec![Page { first, words }], discrete: Vec::new() }
    }

    pub(super) fn midas(model: &Model, n: usize) -> Self {
        const MONITORING: u16 = 1;
        const PPM: u16 = 1;
        let [level_1, level_2] = levels(model, n);
        let state = MONITORING | u16::from(level_1) << 6 | u16::from(level_2) << 7;
        let low_word_first = |value: f64| {
            let bits = (value as f32).to_bits();
            [bits as u16, (bits >> 16) as u16]
        };
        let setpoints = DETECTORS.get(n).map_or([0.0; 2], |detector| detector.gas.setpoints);
        let mut words = vec![state, 0];
        words.extend(low_word_first(model.gas(n)));
        words.extend([0, 0, PPM << 8, 24, 8_760, 0, 500, 0]);
        words.extend(setpoints.into_iter().flat_map(low_word_first));
        Self::of(0, words)
    }

    pub(super) fn vortex(model: &Model, n: usize) -> Self {
        const CHANNELS: usize = 4;
        const STRIDE: usize = 10;
        let mut words = vec![0; CHANNELS * STRIDE];
        for (channel, detector) in (n..n + 2).enumerate() {
            let [level_1, level_2] = levels(model, detector);
            words[channel * STRIDE] = tenths(model.gas(detector));
            words[channel * STRIDE + 1] = u16::from(level_1) | u16::from(level_2) << 1;
        }
        let mut table = Self::of(11, vec![0, 0]);
        table.holding.push(Page { first: 2999, words });
        table
    }

    pub(super) fn six_in_one(model: &Model, n: usize) -> Self {
        const ONE_DECIMAL: u16 = 1 << 10;
        let state = match levels(model, n) {
            [_, true] => 6,
            [true, false] => 5,
            [false, false] => 1,
        };
        let gas = tenths(model.gas(n));
        Self::of(0, vec![ONE_DECIMAL, gas, 0, 0, 0, state, 0, tenths(26.0 + 50.0), 0, tenths(58.0)])
    }

    pub(super) fn collector(model: &Model, n: usize) -> Self {
        let Some(collector) = model.collectors.get(n) else { return Self::of(0, Vec::new()) };
        let pressure = collector.pressure().round() as i16 as u16;
        let mut table = Self::of(0, vec![tenths(collector.temperature()), pressure]);
        table.discrete = vec![collector.is_valve_jammed, collector.is_fan_running];
        table
    }

    pub(super) fn contacts(model: &Model) -> Self {
        let mut discrete = model.interlocks.to_vec();
        discrete.resize(8, false);
        Self { holding: Vec::new(), discrete }
    }
}

impl Registers for Table {
    fn read_bits(&self, table: Bits, address: u16, out: &mut [bool]) -> Result<(), Exception> {
        match table {
            Bits::Coils => Err(Exception::IllegalAddress),
            Bits::Discrete => copy(&self.discrete, usize::from(address), out),
        }
    }

    fn read_words(&self, table: Words, address: u16, out: &mut [u16]) -> Result<(), Exception> {
        let address = usize::from(address);
        let page =
            self.holding.iter().find(|page| (page.first..page.first + page.words.len()).contains(&address));
        match (table, page) {
            (Words::Holding, Some(page)) => copy(&page.words, address - page.first, out),
            (Words::Holding, None) | (Words::Input, _) => Err(Exception::IllegalAddress),
        }
    }

    fn write_coils(&mut self, _: u16, _: &[bool]) -> Result<(), Exception> {
        Err(Exception::IllegalFunction)
    }

    fn write_words(&mut self, _: u16, _: &[u16]) -> Result<(), Exception> {
        Err(Exception::IllegalFunction)
    }
}

/// A relay of the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coil {
    /// Energised.
    pub is_on: bool,
    /// When it last changed, on the clock of [`super::Plant::now`]; `None` if it never did.
    pub changed_at: Option<Mono>,
    /// How often it changed.
    pub changes: u64,
}

/// The relay module.
#[derive(Clone, Debug, Default)]
pub(super) struct Relays {
    pub(super) coils: [Coil; COIL_COUNT],
    pub(super) now: Mono,
}

impl Registers for Relays {
    fn read_bits(&self, table: Bits, address: u16, out: &mut [bool]) -> Result<(), Exception> {
        match table {
            Bits::Coils => copy(&self.coils.map(|coil| coil.is_on), usize::from(address), out),
            Bits::Discrete => Err(Exception::IllegalAddress),
        }
    }

    fn read_words(&self, _: Words, _: u16, _: &mut [u16]) -> Result<(), Exception> {
        Err(Exception::IllegalFunction)
    }

    fn write_coils(&mut self, address: u16, values: &[bool]) -> Result<(), Exception> {
        let first = usize::from(address);
        let coils = self.coils.get_mut(first..first + values.len()).ok_or(Exception::IllegalAddress)?;
        for (coil, &is_on) in coils.iter_mut().zip(values).filter(|(coil, is_on)| coil.is_on != **is_on) {
            *coil = Coil { is_on, changed_at: Some(self.now), changes: coil.changes + 1 };
        }
        Ok(())
    }

    fn write_words(&mut self, _: u16, _: &[u16]) -> Result<(), Exception> {
        Err(Exception::IllegalFunction)
    }
}

fn copy<T: Copy>(cells: &[T], first: usize, out: &mut [T]) -> Result<(), Exception> {
    out.copy_from_slice(cells.get(first..first + out.len()).ok_or(Exception::IllegalAddress)?);
    Ok(())
}

/// Whether a device with alarm levels of its own shows level 1 and level 2; these devices do not latch.
fn levels(model: &Model, n: usize) -> [bool; 2] {
    let Some(detector) = DETECTORS.get(n) else { return [false; 2] };
    let (value, [level_1, level_2]) = (model.gas(n), detector.gas.setpoints);
    match detector.gas.kind {
        Kind::Rising => [value >= level_1, value >= level_2],
        Kind::Falling => [value <= level_1, value <= level_2],
        Kind::TwoSided => [value <= level_1, value >= level_2],
        Kind::NotFitted => [false; 2],
    }
}

fn tenths(value: f64) -> u16 {
    (value * 10.0).round() as i16 as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_leaves_the_table_is_refused_whole() {
        let table = Table::vortex(&Model::new(1), 9);
        for (address, count, served) in [
            (11, 2, true),
            (2999, 40, true),
            (11, 3, false),
            (2998, 2, false),
            (65_535, 1, false),
            (0, 1, false),
        ] {
            let read = table.read_words(Words::Holding, address, &mut vec![0; count]);
            assert_eq!(read.is_ok(), served, "{count} from {address}");
            assert!(table.read_words(Words::Input, address, &mut vec![0; count]).is_err());
        }
    }

    #[test]
    fn a_coil_remembers_when_it_changed_and_not_when_it_was_repeated() {
        let mut relays = Relays::default();
        for (at_ms, on) in [(5, false), (10, true), (20, true)] {
            relays.now = Mono::from_millis(at_ms);
            assert_eq!(relays.write_coils(3, &[on]), Ok(()));
        }
        assert_eq!(
            relays.coils[3],
            Coil { is_on: true, changed_at: Some(Mono::from_millis(10)), changes: 1 }
        );
        assert_eq!(relays.coils[2], Coil::default());
        assert_eq!(relays.write_coils(7, &[true, true]), Err(Exception::IllegalAddress));
        assert_eq!(relays.coils[7], Coil::default());
    }
}
