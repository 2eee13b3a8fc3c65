//! The fault switches of the plant, thrown while it runs.

use std::sync::atomic::{AtomicU32, Ordering};

use super::layout::{COLLECTOR_COUNT, DETECTOR_COUNT, DEVICE_COUNT, INTERLOCK_COUNT};

/// What can go wrong in the plant; numbers count from 0, and one that does not exist does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// Gas at a detector, by its position in [`super::DETECTORS`]; it is found and stopped after half a minute.
    Leak(usize),
    /// A device stops answering, by its position in [`super::DEVICES`].
    Dead(usize),
    /// Replies on the serial line are spoilt, cut short, late or missing.
    Noise,
    /// The filter of a dust collector clogs.
    HighPressure(usize),
    /// The rotary valve of a dust collector jams, and its hopper warms up.
    ValveJam(usize),
    /// An interlock trips, by its position in [`super::INTERLOCKS`].
    Trip(usize),
}

/// The switches; all are off at the start.
#[derive(Default, Debug)]
pub struct Controls {
    leak: AtomicU32,
    dead: AtomicU32,
    noise: AtomicU32,
    high_pressure: AtomicU32,
    valve_jam: AtomicU32,
    trip: AtomicU32,
}

impl Controls {
    /// Lets the fault begin.
    pub fn begin(&self, fault: Fault) {
        let (switches, bit) = self.place(fault);
        switches.fetch_or(bit, Ordering::Relaxed);
    }

    /// Ends the fault; what it did to the plant fades.
    pub fn end(&self, fault: Fault) {
        let (switches, bit) = self.place(fault);
        switches.fetch_and(!bit, Ordering::Relaxed);
    }

    /// Begins a fault that is not, ends one that is; says whether it is there afterwards.
    pub fn toggle(&self, fault: Fault) -> bool {
        let (switches, bit) = self.place(fault);
        switches.fetch_xor(bit, Ordering::Relaxed) & bit == 0 && bit != 0
    }

    /// Whether the fault is there.
    #[must_use]
    pub fn is_on(&self, fault: Fault) -> bool {
        let (switches, bit) = self.place(fault);
        switches.load(Ordering::Relaxed) & bit != 0
    }

    /// Ends every fault.
    pub fn end_all(&self) {
        for switches in
            [&self.leak, &self.dead, &self.noise, &self.high_pressure, &self.valve_jam, &self.trip]
        {
            switches.store(0, Ordering::Relaxed);
        }
    }

    /// Whether gas leaks anywhere.
    pub(super) fn is_leaking(&self) -> bool {
        self.leak.load(Ordering::Relaxed) != 0
    }

    fn place(&self, fault: Fault) -> (&AtomicU32, u32) {
        let (switches, number, count) = match fault {
            Fault::Leak(n) => (&self.leak, n, DETECTOR_COUNT),
            Fault::Dead(n) => (&self.dead, n, DEVICE_COUNT),
            Fault::Noise => (&self.noise, 0, 1),
            Fault::HighPressure(n) => (&self.high_pressure, n, COLLECTOR_COUNT),
            Fault::ValveJam(n) => (&self.valve_jam, n, COLLECTOR_COUNT),
            Fault::Trip(n) => (&self.trip, n, INTERLOCK_COUNT),
        };
        (switches, if number < count { 1 << number } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_moves_alone_and_all_go_back_together() {
        let faults = (0..DETECTOR_COUNT)
            .map(Fault::Leak)
            .chain((0..DEVICE_COUNT).map(Fault::Dead))
            .chain([Fault::Noise])
            .chain((0..COLLECTOR_COUNT).flat_map(|n| [Fault::HighPressure(n), Fault::ValveJam(n)]))
            .chain((0..INTERLOCK_COUNT).map(Fault::Trip));
        let faults: Vec<Fault> = faults.collect();
        let controls = Controls::default();
        let on = || faults.iter().copied().filter(|fault| controls.is_on(*fault)).collect::<Vec<_>>();
        for fault in &faults {
            assert!(controls.toggle(*fault));
            assert_eq!(on(), [*fault]);
            assert!(!controls.toggle(*fault));
        }
        faults.iter().for_each(|fault| controls.begin(*fault));
        assert_eq!(on(), faults);
        controls.end(Fault::Noise);
        assert_eq!(on().len(), faults.len() - 1);
        controls.end_all();
        assert_eq!(on(), []);
    }

    #[test]
    fn a_fault_of_what_does_not_exist_does_nothing() {
        let controls = Controls::default();
        for fault in [Fault::Leak(DETECTOR_COUNT), Fault::Dead(usize::MAX), Fault::Trip(32)] {
            controls.begin(fault);
            assert!(!controls.is_on(fault) && !controls.is_leaking());
            assert!(!controls.toggle(fault));
        }
    }
}
