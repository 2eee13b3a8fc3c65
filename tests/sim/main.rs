//! Simulation: the real engine in a faulty world, seed by seed, with the laws looked at after each step.
//!
//! `HAZARD_SIM_SEEDS` and `HAZARD_SIM_HOURS` set the size of the run, `HAZARD_SIM_FIRST` its first seed; a failing seed is
//! named in the message and belongs into `REGRESSIONS`.
#![cfg(test)]

mod laws;

use std::time::Duration;

use hazard_tests::world::{Excuses, Faults, Outcome, World};

/// Seeds that once broke a law.
const REGRESSIONS: [u64; 2] = [241, 124];

#[test]
fn the_laws_hold_in_every_world() {
    let (first, seeds) = (setting("HAZARD_SIM_FIRST", 0), setting("HAZARD_SIM_SEEDS", 200));
    let range = first..first + seeds;
    let hours = setting("HAZARD_SIM_HOURS", 1);
    let span = Duration::from_secs(3600 * hours);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let workers: Vec<_> = (0..threads)
        .map(|worker| {
            let range = range.clone();
            std::thread::spawn(move || {
                let mut sum = Outcome::default();
                let others = REGRESSIONS.into_iter().filter(|seed| first == 0 && !range.contains(seed));
                let all: Vec<u64> = range.clone().chain(others).collect();
                let own = all.iter().skip(usize::try_from(worker).unwrap());
                for &seed in own.step_by(usize::try_from(threads).unwrap()) {
                    add(&mut sum, seed, &World::new(seed, Faults::ALL).run(span));
                }
                sum
            })
        })
        .collect();
    let mut sum = Outcome::default();
    for worker in workers {
        add(&mut sum, 0, &worker.join().unwrap());
    }
    println!(
        "{seeds} seeds × {hours} h: {} steps, {} faults, {} restarts, {} trips, {} calls, {} readings delivered, {} stated as lost",
        sum.steps, sum.faults, sum.restarts, sum.trips, sum.calls, sum.delivered, sum.lost
    );
    println!("sensors: {:?} checks, checks overdue, failures, failed loops, held ranges", sum.sensors);
    assert!(seeds < 20 || sum.sensors.iter().all(|count| *count > seeds), "{:?}", sum.sensors);
    let Excuses { due, aside, on_one } = sum.excuses;
    println!("excused: {aside} of {due} looks at alarms that had to stand; {on_one} acts on one alarm");
    assert!(aside * 100 < due && on_one > seeds, "the worlds excuse too much, or people do too little");
    assert!(
        seeds < 20 || sum.back_dated > 100,
        "no gateway began in 1970: {} records were back-dated",
        sum.back_dated
    );
    assert!(
        sum.faults > seeds && sum.restarts > 0 && sum.trips > seeds && sum.calls > seeds,
        "the worlds were too kind to prove anything"
    );
}

/// The oracle asks for it in each world whose lines are calm; here are some, and a world that shows that it can be asked.
#[test]
fn on_lines_without_faults_no_alarm_takes_longer_than_predicted() {
    let mut commands = 0;
    for seed in 0..setting("HAZARD_SIM_TWINS", 12) {
        let outcome = World::new(seed, Faults { lines: false, ..Faults::ALL }).run(Duration::from_secs(1200));
        assert_eq!(outcome.broken, Vec::<String>::new(), "seed {seed}");
        commands += outcome.commands[0];
    }
    assert!(commands > 0, "no command was ever done: the plan was not tried with any");
    let faulty = World::new(0, Faults::ALL).run(Duration::from_secs(3600));
    assert!(faulty.delays_exceeded, "nothing was ever late: the test would pass without any measuring");
}

#[test]
fn alarms_do_not_care_about_disk_and_broker() {
    for seed in 0..setting("HAZARD_SIM_TWINS", 12) {
        let faults = Faults { power: false, clock: false, ..Faults::ALL };
        let calm = Faults { disk: false, broker: false, ..faults };
        assert_eq!(annunciation(seed, faults), annunciation(seed, calm), "law 12, seed {seed}");
    }
}

#[test]
fn alarms_do_not_care_about_the_wall_clock() {
    for seed in 0..setting("HAZARD_SIM_TWINS", 12) {
        let faults = Faults { power: false, ..Faults::ALL };
        let calm = Faults { clock: false, ..faults };
        assert_eq!(annunciation(seed, faults), annunciation(seed, calm), "law 10, seed {seed}");
    }
}

/// Every change of horn and beacon, with its time.
fn annunciation(seed: u64, faults: Faults) -> Vec<(hazard_core::Mono, Vec<bool>)> {
    let outcome = World::new(seed, faults).run(Duration::from_secs(1200));
    assert_eq!(outcome.broken, Vec::<String>::new(), "seed {seed}");
    let mut changes = outcome.panel;
    // Horn, beacon, and what the interlocks drive.
    for (_, levels) in &mut changes {
        let kept = [0, 1, 4, 5, 6];
        *levels = kept.iter().filter_map(|output| levels.get(*output).copied()).collect();
    }
    changes.dedup_by(|later, earlier| later.1 == earlier.1);
    changes
}

fn add(sum: &mut Outcome, seed: u64, outcome: &Outcome) {
    assert_eq!(outcome.broken, Vec::<String>::new(), "seed {seed} broke a law after {} steps", outcome.steps);
    sum.steps += outcome.steps;
    sum.faults += outcome.faults;
    sum.restarts += outcome.restarts;
    sum.delivered += outcome.delivered;
    sum.lost += outcome.lost;
    sum.back_dated += outcome.back_dated;
    sum.excuses.due += outcome.excuses.due;
    sum.excuses.aside += outcome.excuses.aside;
    sum.excuses.on_one += outcome.excuses.on_one;
    sum.trips += outcome.trips;
    sum.calls += outcome.calls;
    sum.sensors.iter_mut().zip(outcome.sensors).for_each(|(sum, count)| *sum += count);
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
