//! Scenario D: the line to the broker is cut, and in the middle of the outage the agent is killed and started again.

use std::collections::HashSet;
use std::time::Duration;

use crate::broker::Line;
use crate::plant::LEVEL_HIGH;
use crate::platform::{Arrival, Arrivals, Via};
use crate::report::{Figure, Outcome};
use crate::rig::{Options, Rig};
use crate::site::Load;
use crate::stats::ms;
use crate::subject::{Subject, Who};

/// Readings become durable within this time; what is younger may die with the process.
const COMMIT_US: u64 = 250_000;
/// Fresh readings are polled for so long after the line is back.
const FRESH: Duration = Duration::from_secs(10);
/// Back-fill that stands still for so long has ended.
const STILL: Duration = Duration::from_secs(10);
const DRAIN_WITHIN: Duration = Duration::from_secs(300);

/// The moments of the run, in microseconds since the bench began.
#[derive(Clone, Copy, Debug)]
struct Moments {
    killed: u64,
    /// The line is back.
    back: u64,
    /// Polls answered later are not asked for.
    end: u64,
}

/// Readings that the agent had and the platform never got, by when they were polled.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Missing {
    durable: u64,
    in_commit: u64,
    after_restart: u64,
}

impl Missing {
    /// What the commit interval held at the kill may be gone.
    const fn is_complete(self) -> bool {
        self.durable == 0 && self.after_restart == 0
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Outcome> {
    let rig = Rig::new(Load::WIDE, options)?;
    let mut line = Line::to(rig.broker.port)?;
    let mut subject = rig.start(Who::Agent, line.port)?;
    rig.until_polled(&mut subject, &[])?;
    std::thread::sleep(options.warm_up);
    line.cut();
    std::thread::sleep(options.outage / 4);
    rig.polled()[0].set_level(LEVEL_HIGH);
    std::thread::sleep(options.outage / 4);
    subject.kill()?;
    let killed = rig.clock.now_us();
    let before: Vec<usize> = rig.polled().iter().map(|device| device.polls()).collect();
    let mut subject = rig.start(Who::Agent, line.port)?;
    let restart = rig.until_polled(&mut subject, &before)?;
    std::thread::sleep((options.outage / 4).saturating_sub(restart));
    rig.polled()[1].set_level(LEVEL_HIGH);
    std::thread::sleep(options.outage / 4);
    line.restore()?;
    let back = rig.clock.now_us();
    std::thread::sleep(FRESH);
    let moments = Moments { killed, back, end: rig.clock.now_us() };
    drain(&rig, &mut subject, moments)?;
    let arrivals = rig.platform.arrivals();
    subject.stop()?;
    let mut figures = figures(&rig, &arrivals, moments);
    figures.push(("restart_to_all_polled_ms", Some(restart.as_secs_f64() * 1_000.0)));
    Ok(Outcome { scenario: 'D', who: Who::Agent, figures })
}

/// Waits until every durable poll has arrived, or until nothing asked for arrives any more.
fn drain(rig: &Rig, subject: &mut Subject, moments: Moments) -> anyhow::Result<()> {
    let until = rig.clock.now_us() + DRAIN_WITHIN.as_micros() as u64;
    let (mut known, mut since) = (Missing::default(), rig.clock.now_us());
    while rig.clock.now_us() < until {
        subject.check()?;
        let missing = missing(&served(rig), &rig.platform.arrivals().polls(), moments);
        let moved = missing != known;
        if moved {
            (known, since) = (missing, rig.clock.now_us());
        }
        let still = rig.clock.now_us() - since > STILL.as_micros() as u64;
        if missing.is_complete() || still {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn served(rig: &Rig) -> Vec<Vec<u64>> {
    rig.polled().iter().map(|device| device.served()).collect()
}

fn missing(served: &[Vec<u64>], arrived: &HashSet<(usize, u32)>, moments: Moments) -> Missing {
    let mut missing = Missing::default();
    for (device, times) in served.iter().enumerate() {
        for (counter, at) in (1..).zip(times) {
            if *at > moments.end || arrived.contains(&(device, counter)) {
                continue;
            }
            if *at > moments.killed {
                missing.after_restart += 1;
            } else if *at + COMMIT_US > moments.killed {
                missing.in_commit += 1;
            } else {
                missing.durable += 1;
            }
        }
    }
    missing
}

fn figures(rig: &Rig, arrivals: &Arrivals, moments: Moments) -> Vec<Figure> {
    let served = served(rig);
    let missing = missing(&served, &arrivals.polls(), moments);
    let repeats = arrivals.repeats();
    let asked = served.iter().flatten().filter(|at| **at <= moments.end).count();
    let count = |number: u64| Some(number as f64);
    let after = |at: Option<u64>| at.map(|at| ms(at - moments.back));
    let reached = reached(arrivals, moments);
    let in_order =
        matches!((reached.alarms, reached.backlog), (Some(alarms), Some(backlog)) if alarms <= backlog);
    vec![
        ("polls", Some(asked as f64)),
        ("durable_lost", count(missing.durable)),
        ("lost_in_commit_window", count(missing.in_commit)),
        ("lost_after_restart", count(missing.after_restart)),
        ("repeats_marked", count(repeats.marked)),
        ("repeats_unmarked", count(repeats.unmarked)),
        ("link_to_fresh_ms", after(reached.fresh)),
        ("link_to_alarms_ms", after(reached.alarms)),
        ("link_to_backlog_ms", after(reached.backlog)),
        ("drained_after_ms", after(reached.drained.filter(|_| missing.is_complete()))),
        ("alarms_before_backlog", Some(f64::from(u8::from(in_order)))),
    ]
}

/// When things arrived after the line was back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reached {
    /// The first reading that was polled after the line was back.
    fresh: Option<u64>,
    /// The last of the alarms raised during the outage.
    alarms: Option<u64>,
    /// The first back-filled reading.
    backlog: Option<u64>,
    /// The last reading that was polled before the line was back.
    drained: Option<u64>,
}

fn reached(arrivals: &Arrivals, moments: Moments) -> Reached {
    let later = || arrivals.readings.iter().filter(|arrival| arrival.at_us > moments.back);
    let is_fresh = |arrival: &&Arrival| arrival.latency_us() < arrival.at_us - moments.back;
    let fresh = later().find(is_fresh).map(|arrival| arrival.at_us);
    let drained = later().filter(|arrival| !is_fresh(arrival)).map(|arrival| arrival.at_us).max();
    let backlog = later().find(|arrival| arrival.via == Via::BackFill);
    let first_of = |tag: &str| {
        let mut later = arrivals.alarms.iter().filter(|alarm| alarm.at_us > moments.back);
        later.find(|alarm| alarm.alarm.starts_with(tag)).map(|alarm| alarm.at_us)
    };
    let alarms = first_of("D0-level").zip(first_of("D1-level")).map(|(one, other)| one.max(other));
    Reached { fresh, alarms, backlog: backlog.map(|arrival| arrival.at_us), drained }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::AlarmArrival;

    const MOMENTS: Moments = Moments { killed: 10_000_000, back: 20_000_000, end: 30_000_000 };

    #[test]
    fn what_is_missing_is_told_by_when_it_was_polled() {
        let served = [vec![1_000_000, 9_749_999, 9_750_001, 10_000_000, 12_000_000, 31_000_000]];
        let none = missing(&served, &HashSet::new(), MOMENTS);
        assert_eq!(none, Missing { durable: 2, in_commit: 2, after_restart: 1 });
        let all = (1..=5).map(|counter| (0, counter)).collect();
        assert_eq!(missing(&served, &all, MOMENTS), Missing::default());
    }

    #[test]
    fn alarms_count_from_the_last_of_them_and_only_fresh_readings_are_fresh() {
        let reading = |at_us: u64, polled_us: u64, via| Arrival {
            at_us,
            via,
            device: 0,
            stamp: polled_us as u32,
            counter: 1,
            record: None,
        };
        let alarm = |at_us, tag: &str| AlarmArrival { at_us, alarm: format!("{tag}-level/high") };
        let arrivals = Arrivals {
            readings: vec![
                reading(5_000_000, 4_999_000, Via::BackFill),
                reading(20_300_000, 19_000_000, Via::Live),
                reading(20_400_000, 20_399_000, Via::Live),
                reading(20_500_000, 11_000_000, Via::BackFill),
            ],
            alarms: vec![alarm(20_100_000, "D0"), alarm(20_200_000, "D1"), alarm(20_900_000, "D0")],
            foreign: 0,
        };
        let expected = Reached {
            fresh: Some(20_400_000),
            alarms: Some(20_200_000),
            backlog: Some(20_500_000),
            drained: Some(20_500_000),
        };
        assert_eq!(reached(&arrivals, MOMENTS), expected);
    }
}
