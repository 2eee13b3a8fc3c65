//! Scenarios A, B and C: steady polling, in C with a fifth of the devices failing when the measuring begins.

use std::collections::HashSet;
use std::time::Duration;

use crate::platform::Arrivals;
use crate::report::{Figure, Outcome};
use crate::rig::{Options, Rig};
use crate::site::Load;
use crate::stats::{Window, count_in, longest_gap, ms, percentile, polls_kept};
use crate::step::{Followed, Steps, follow};
use crate::subject::{Subject, Usage, Who};

/// What happens to the devices when the measuring begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    None,
    /// Every fifth device fails: half of them close their port, half take requests and answer none.
    FifthFails,
}

/// A steady scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    pub(crate) letter: char,
    pub(crate) load: Load,
    pub(crate) trouble: Trouble,
}

/// What a run left behind.
struct Measured {
    window: Window,
    /// When the second usage was read.
    counted_to: u64,
    usage: [Usage; 2],
    steps: Followed,
    arrivals: Arrivals,
}

impl Steady {
    pub(crate) fn run(self, who: Who, options: &Options) -> anyhow::Result<Outcome> {
        let rig = Rig::new(self.load, options)?;
        let mut subject = rig.start(who, rig.broker.port)?;
        rig.until_polled(&mut subject, &[])?;
        std::thread::sleep(options.warm_up);
        let measured = self.measure(&rig, &mut subject, options)?;
        subject.stop()?;
        Ok(Outcome { scenario: self.letter, who, figures: self.figures(who, &rig, measured) })
    }

    fn measure(self, rig: &Rig, subject: &mut Subject, options: &Options) -> anyhow::Result<Measured> {
        let living = self.strike(rig);
        let before = subject.usage()?;
        let from = rig.clock.now_us();
        let measure_us = u64::try_from(options.measure.as_micros())?;
        let window = Window { from, to: from + measure_us };
        let mut steps = Steps::new(options.seed, window);
        loop {
            let now_us = rig.clock.now_us();
            if now_us >= window.to {
                break;
            }
            steps.turn(now_us, &rig.polled()[..living]);
            std::thread::sleep(Duration::from_millis(2));
        }
        steps.turn(window.to, &rig.polled()[..living]);
        let after = subject.usage()?;
        let counted_to = rig.clock.now_us();
        // What was polled or raised last still has to arrive.
        std::thread::sleep(Duration::from_millis(2_000 + 2 * self.load.period_ms));
        subject.check()?;
        let served: Vec<_> = rig.polled().iter().map(|device| device.served()).collect();
        let steps = follow(steps.raised(), &rig.relay().coil_changes(), &served);
        Ok(Measured { window, counted_to, usage: [before, after], steps, arrivals: rig.platform.arrivals() })
    }

    /// Lets devices fail; returns how many live on, from the first.
    fn strike(self, rig: &Rig) -> usize {
        let living = self.living();
        for index in living..self.load.devices {
            if index % 2 == 0 {
                rig.servers.refuse(index);
            } else {
                rig.servers.devices[index].fall_silent();
            }
        }
        living
    }

    const fn living(self) -> usize {
        match self.trouble {
            Trouble::None => self.load.devices,
            Trouble::FifthFails => self.load.devices - self.load.devices / 5,
        }
    }

    fn figures(self, who: Who, rig: &Rig, measured: Measured) -> Vec<Figure> {
        let Measured { window, counted_to, usage: [before, after], steps, arrivals } = measured;
        let served: Vec<Vec<u64>> = rig.polled().iter().map(|device| device.served()).collect();
        let living = &served[..self.living()];
        let period_us = self.load.period_ms * 1_000;
        let polls: u64 = living.iter().map(|times| polls_kept(times, window, period_us)).sum();
        let scheduled = (living.len() as u64 * window.len()) as f64 / period_us as f64;
        let counted = Window { from: window.from, to: counted_to };
        let polls_counted: u64 = served.iter().map(|times| count_in(times, counted)).sum();
        let cpu_ms = after.cpu_ms.saturating_sub(before.cpu_ms) as f64;
        let mut figures = vec![
            ("polls_percent", Some(100.0 * polls as f64 / scheduled)),
            ("polls_per_s", Some(polls as f64 / (window.len() as f64 / 1e6))),
            ("cpu_percent_of_a_core", Some(cpu_ms * 1e5 / counted.len() as f64)),
            ("cpu_ms_per_poll", Some(cpu_ms / polls_counted as f64).filter(|value| value.is_finite())),
            ("rss_mb", Some(after.rss_kb as f64 / 1024.0)),
            ("rss_peak_mb", Some(after.peak_kb as f64 / 1024.0)),
            ("delivered_percent", delivered(living, &arrivals.polls(), window)),
        ];
        figures.extend(latencies(&arrivals, window));
        figures.extend(gaps(living, window, self.load));
        if who == Who::Agent {
            figures.extend(step_figures(steps, self.load));
        }
        figures
    }
}

/// How many of the polls answered in the window reached the platform.
fn delivered(served: &[Vec<u64>], arrived: &HashSet<(usize, u32)>, window: Window) -> Option<f64> {
    let (mut answered, mut delivered) = (0_u64, 0_u64);
    for (device, times) in served.iter().enumerate() {
        for (counter, at) in (1..).zip(times) {
            if window.holds(*at) {
                answered += 1;
                delivered += u64::from(arrived.contains(&(device, counter)));
            }
        }
    }
    Some(100.0 * delivered as f64 / answered as f64).filter(|percent| percent.is_finite())
}

fn latencies(arrivals: &Arrivals, window: Window) -> [Figure; 3] {
    let inside = arrivals.readings.iter().filter(|arrival| window.holds(arrival.at_us));
    let mut latencies: Vec<u64> = inside.map(|arrival| arrival.latency_us()).collect();
    let mut at = |percent| percentile(&mut latencies, percent).map(ms);
    [("read_to_mqtt_ms_p50", at(50.0)), ("read_to_mqtt_ms_p99", at(99.0)), ("read_to_mqtt_ms_max", at(100.0))]
}

fn gaps(served: &[Vec<u64>], window: Window, load: Load) -> [Figure; 3] {
    let mut gaps: Vec<u64> = served.iter().map(|times| longest_gap(times, window)).collect();
    let mut at = |percent| percentile(&mut gaps, percent).map(ms);
    let max = at(100.0);
    [
        ("longest_gap_ms_p99", at(99.0)),
        ("longest_gap_ms_max", max),
        ("longest_gap_periods_max", max.map(|max| max / load.period_ms as f64)),
    ]
}

fn step_figures(steps: Followed, load: Load) -> [Figure; 10] {
    let Followed { mut latencies, mut from_reply, missed } = steps;
    let count = latencies.len() as f64;
    let mut at = |percent| percentile(&mut latencies, percent).map(ms);
    let (p50, p99, max) = (at(50.0), at(99.0), at(100.0));
    let mut own = |percent| percentile(&mut from_reply, percent).map(ms);
    let less_period = |value: Option<f64>| value.map(|value| value - load.period_ms as f64);
    [
        ("steps", Some(count + missed as f64)),
        ("step_to_output_missed", Some(missed as f64)),
        ("step_to_output_ms_p50", p50),
        ("step_to_output_ms_p99", p99),
        ("step_to_output_ms_max", max),
        ("step_less_period_ms_p99", less_period(p99)),
        ("step_less_period_ms_max", less_period(max)),
        ("reply_to_output_ms_p50", own(50.0)),
        ("reply_to_output_ms_p99", own(99.0)),
        ("reply_to_output_ms_max", own(100.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { from: 1_000, to: 5_000 };

    #[test]
    fn only_polls_of_the_window_count_as_delivered_or_not() {
        let served = [vec![500, 1_500, 2_500], vec![1_200, 9_000]];
        let arrived = HashSet::from([(0, 2), (1, 1), (1, 2)]);
        assert_eq!(delivered(&served, &arrived, WINDOW), Some(200.0 / 3.0));
        assert_eq!(delivered(&[], &arrived, WINDOW), None);
    }

    #[test]
    fn a_step_is_judged_by_what_the_poll_period_does_not_explain() {
        let figures = step_figures(
            Followed { latencies: vec![100_000, 130_000], from_reply: vec![1_500], missed: 1 },
            Load::FAST,
        );
        let value = |name| figures.iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!(value("steps"), Some(3.0));
        assert_eq!(value("step_to_output_ms_max"), Some(130.0));
        assert_eq!(value("step_less_period_ms_max"), Some(30.0));
        assert_eq!(value("reply_to_output_ms_max"), Some(1.5));
    }

    #[test]
    fn a_gap_is_told_in_periods_too() {
        let served = [vec![1_000, 2_000, 3_000, 4_000, 5_000], vec![1_000, 4_000, 5_000]];
        let load = Load { devices: 2, registers: 12, period_ms: 1 };
        assert_eq!(gaps(&served, WINDOW, load)[2], ("longest_gap_periods_max", Some(3.0)));
    }
}
