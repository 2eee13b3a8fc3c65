//! What goes on in the plant: values that idle with a little noise, and what the faults do to them.

use super::controls::{Controls, Fault};
use super::dice::Dice;
use super::layout::{COLLECTOR_COUNT, DETECTOR_COUNT, DETECTORS, Gas, INTERLOCK_COUNT};

/// Seconds from one step to the next.
pub(super) const STEP_S: f64 = 0.05;

/// Steps after which a leak has been found and stopped: half a minute.
const LEAK_STEPS: u32 = 600;

/// Seconds in which gas comes, and in which it goes, to a third.
const GAS_RISE_S: f64 = 1.2;
const GAS_FALL_S: f64 = 5.0;

/// A quantity that follows its cause with a lag, as it is and as it is measured.
#[derive(Clone, Copy, Debug)]
struct Drift {
    value: f64,
    jitter: f64,
}

impl Drift {
    const fn at(value: f64) -> Self {
        Self { value, jitter: 0.0 }
    }

    fn step(&mut self, target: f64, lag_s: f64, swing: f64) {
        self.value += (target - self.value) * (STEP_S / lag_s).min(1.0);
        self.jitter = 0.95 * self.jitter + 0.05 * swing;
    }

    fn measured(self) -> f64 {
        self.value + self.jitter
    }
}

/// A dust collector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collector {
    temperature: Drift,
    pressure: Drift,
    pub(super) is_valve_jammed: bool,
    pub(super) is_fan_running: bool,
}

impl Collector {
    const fn idle() -> Self {
        Self {
            temperature: Drift::at(38.0),
            pressure: Drift::at(820.0),
            is_valve_jammed: false,
            is_fan_running: true,
        }
    }

    /// Hopper temperature in °C.
    pub(super) fn temperature(&self) -> f64 {
        self.temperature.measured()
    }

    /// Pressure difference in Pa.
    pub(super) fn pressure(&self) -> f64 {
        self.pressure.measured()
    }

    fn step(&mut self, n: usize, controls: &Controls, dice: &mut Dice) {
        self.is_valve_jammed = controls.is_on(Fault::ValveJam(n));
        // The first interlock is the first collector's fan.
        self.is_fan_running = !(n == 0 && controls.is_on(Fault::Trip(0)));
        let temperature = if self.is_valve_jammed { 66.0 } else { 38.0 };
        let pressure = match (self.is_fan_running, controls.is_on(Fault::HighPressure(n))) {
            (false, _) => 0.0,
            (true, true) => 1_850.0,
            (true, false) => 820.0,
        };
        self.temperature.step(temperature, 15.0, dice.swing());
        self.pressure.step(pressure, 4.0, 40.0 * dice.swing());
    }
}

/// The plant behind the registers.
#[derive(Clone, Debug)]
pub(super) struct Model {
    gases: [Drift; DETECTOR_COUNT],
    leaking_steps: [u32; DETECTOR_COUNT],
    pub(super) collectors: [Collector; COLLECTOR_COUNT],
    pub(super) interlocks: [bool; INTERLOCK_COUNT],
    dice: Dice,
}

impl Model {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            gases: DETECTORS.map(|detector| Drift::at(detector.gas.idle)),
            leaking_steps: [0; DETECTOR_COUNT],
            collectors: [Collector::idle(); COLLECTOR_COUNT],
            interlocks: [false; INTERLOCK_COUNT],
            dice: Dice::new(seed),
        }
    }

    /// One step of [`STEP_S`] seconds; ends leaks that have lasted.
    pub(super) fn step(&mut self, controls: &Controls) {
        for (n, detector) in DETECTORS.iter().enumerate() {
            self.step_gas(n, &detector.gas, controls);
        }
        for (n, collector) in self.collectors.iter_mut().enumerate() {
            collector.step(n, controls, &mut self.dice);
        }
        for (n, tripped) in self.interlocks.iter_mut().enumerate() {
            *tripped = controls.is_on(Fault::Trip(n));
        }
    }

    fn step_gas(&mut self, n: usize, gas: &Gas, controls: &Controls) {
        let leaks = controls.is_on(Fault::Leak(n));
        self.leaking_steps[n] = if leaks { self.leaking_steps[n] + 1 } else { 0 };
        if self.leaking_steps[n] > LEAK_STEPS {
            controls.end(Fault::Leak(n));
        }
        let (target, lag_s) = if leaks { (gas.leak, GAS_RISE_S) } else { (gas.idle, GAS_FALL_S) };
        let width = gas.range[1] - gas.range[0];
        self.gases[n].step(target, lag_s, 0.02 * width * self.dice.swing());
    }

    /// What a detector measures, within its range; 0 for one that does not exist.
    pub(super) fn gas(&self, n: usize) -> f64 {
        let (Some(drift), Some(detector)) = (self.gases.get(n), DETECTORS.get(n)) else { return 0.0 };
        let [least, greatest] = detector.gas.range;
        drift.measured().clamp(least, greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hazard_field::map::Kind;

    fn steps(model: &mut Model, controls: &Controls, seconds: f64) {
        for _ in 0..(seconds / STEP_S).round() as u32 {
            model.step(controls);
        }
    }

    fn alarms(model: &Model, n: usize) -> bool {
        let Gas { kind, setpoints: [level_1, level_2], .. } = DETECTORS[n].gas;
        let value = model.gas(n);
        if kind == Kind::TwoSided { value < level_1 || value > level_2 } else { value >= level_1 }
    }

    #[test]
    fn an_hour_without_faults_raises_nothing() {
        for seed in 0..4 {
            let (mut model, controls) = (Model::new(seed), Controls::default());
            for _ in 0..(3_600.0 / STEP_S) as u32 {
                model.step(&controls);
                assert!((0..DETECTOR_COUNT).all(|n| !alarms(&model, n)), "seed {seed}");
                assert!(model.collectors.iter().all(|dust| (200.0..1_400.0).contains(&dust.pressure())));
                assert!(model.collectors.iter().all(|dust| (20.0..55.0).contains(&dust.temperature())));
            }
        }
    }

    #[test]
    fn a_leak_alarms_within_seconds_is_stopped_by_itself_and_decays() {
        for n in 0..DETECTOR_COUNT {
            let (mut model, controls) = (Model::new(7), Controls::default());
            controls.begin(Fault::Leak(n));
            steps(&mut model, &controls, 4.0);
            let alarming: Vec<usize> = (0..DETECTOR_COUNT).filter(|m| alarms(&model, *m)).collect();
            assert_eq!(alarming, [n]);
            steps(&mut model, &controls, 27.0);
            assert!(!controls.is_on(Fault::Leak(n)));
            steps(&mut model, &controls, 30.0);
            assert!(!alarms(&model, n), "{}", model.gas(n));
        }
    }

    #[test]
    fn a_leak_of_methane_reaches_60_percent() {
        let (mut model, controls) = (Model::new(1), Controls::default());
        controls.begin(Fault::Leak(0));
        steps(&mut model, &controls, 8.0);
        assert!((58.0..66.0).contains(&model.gas(0)), "{}", model.gas(0));
    }

    #[test]
    fn a_clogged_filter_a_jammed_valve_and_a_trip_show_and_go_back() {
        let (mut model, controls) = (Model::new(3), Controls::default());
        for fault in [Fault::HighPressure(1), Fault::ValveJam(1), Fault::Trip(0)] {
            controls.begin(fault);
        }
        steps(&mut model, &controls, 60.0);
        let [stopped, clogged] = model.collectors;
        assert!(clogged.pressure() > 1_600.0 && clogged.temperature() > 62.0 && clogged.is_valve_jammed);
        assert!(stopped.pressure() < 80.0 && !stopped.is_fan_running && !stopped.is_valve_jammed);
        assert_eq!(model.interlocks, [true, false, false]);
        controls.end_all();
        steps(&mut model, &controls, 60.0);
        assert!(model.collectors.iter().all(|dust| dust.pressure() < 1_400.0 && dust.temperature() < 45.0));
        assert!(model.collectors.iter().all(|dust| dust.is_fan_running && !dust.is_valve_jammed));
        assert_eq!(model.interlocks, [false; 3]);
    }
}
