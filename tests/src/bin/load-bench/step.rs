//! Steps: levels that jump at random times, and how long the agent takes to move the coil.
//!
//! Each level is raised once: an alarm stays active until a person acknowledges it, and nobody does here.

use std::sync::Arc;

use hazard_tests::rng::Rng;

use crate::plant::{CoilChange, Device, LEVEL_HIGH};
use crate::site::STEPPED;
use crate::stats::Window;

/// A level that was raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Raise {
    pub(crate) device: usize,
    pub(crate) at_us: u64,
}

/// Raises the levels of the first devices, each at a random time of the window.
#[derive(Debug)]
pub(crate) struct Steps {
    /// The latest first.
    planned: Vec<Raise>,
    raised: Vec<Raise>,
}

impl Steps {
    pub(crate) fn new(seed: u64, window: Window) -> Self {
        let mut rng = Rng::new(seed);
        let mut plan = |device| Raise { device, at_us: rng.between(window.from, window.to) };
        let mut planned: Vec<Raise> = (0..STEPPED).map(&mut plan).collect();
        planned.sort_by_key(|raise| std::cmp::Reverse(raise.at_us));
        Self { planned, raised: Vec::new() }
    }

    /// Raises every level whose time has come.
    pub(crate) fn turn(&mut self, now_us: u64, devices: &[Arc<Device>]) {
        while let Some(raise) = self.planned.pop_if(|raise| raise.at_us <= now_us) {
            if let Some(device) = devices.get(raise.device) {
                // Read before the level moves: a poll in between is no head start.
                let at_us = device.clock.now_us();
                device.set_level(LEVEL_HIGH);
                self.raised.push(Raise { at_us, ..raise });
            }
        }
    }

    pub(crate) fn raised(&self) -> &[Raise] {
        &self.raised
    }
}

/// What became of the raises.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Followed {
    /// From each raise to its coil, in microseconds.
    pub(crate) latencies: Vec<u64>,
    /// From the reply that showed the raise to its coil: the agent's own share.
    pub(crate) from_reply: Vec<u64>,
    /// Raises that no coil followed.
    pub(crate) missed: u64,
}

/// Finds the coil that followed each raise: outputs are de-energised in alarm. `served` says when each device answered.
pub(crate) fn follow(raises: &[Raise], changes: &[CoilChange], served: &[Vec<u64>]) -> Followed {
    let mut followed = Followed::default();
    for raise in raises {
        let answer = changes.iter().find(|change| {
            usize::from(change.coil) == raise.device && !change.energised && change.at_us >= raise.at_us
        });
        let Some(change) = answer else {
            followed.missed += 1;
            continue;
        };
        followed.latencies.push(change.at_us - raise.at_us);
        let replies = served.get(raise.device).into_iter().flatten();
        if let Some(reply) = replies.copied().find(|at| *at >= raise.at_us) {
            followed.from_reply.push(change.at_us.saturating_sub(reply));
        }
    }
    followed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::{BenchClock, LEVEL_AT};

    #[test]
    fn a_raise_is_followed_by_its_own_coil_after_it() {
        let change = |at_us, coil, energised| CoilChange { at_us, coil, energised };
        let raises = [(0, 100), (1, 150), (2, 900)].map(|(device, at_us)| Raise { device, at_us });
        let changes = [
            change(50, 0, false),
            change(120, 0, true),
            change(140, 1, false),
            change(180, 0, false),
            change(901, 2, false),
        ];
        let served = [vec![90, 170, 175], vec![160], vec![899, 900]];
        let expected = Followed { latencies: vec![80, 1], from_reply: vec![10, 1], missed: 1 };
        assert_eq!(follow(&raises, &changes, &served), expected);
    }

    #[test]
    fn each_level_is_raised_once_and_within_the_window() {
        let clock = BenchClock::start();
        let devices: Vec<_> = (0..=STEPPED).map(|_| Arc::new(Device::new(clock))).collect();
        let mut steps = Steps::new(1, Window { from: 1_000, to: 2_000 });
        let raised = |devices: &[Arc<Device>]| {
            let level = |device: &Arc<Device>| device.read_registers(LEVEL_AT, 1).next();
            devices.iter().filter(|device| level(device) == Some(LEVEL_HIGH)).count()
        };
        steps.turn(999, &devices);
        assert_eq!(raised(&devices), 0);
        steps.turn(1_500, &devices);
        let half = raised(&devices);
        assert!((1..STEPPED).contains(&half), "{half} of {STEPPED} at half time");
        for _ in 0..2 {
            steps.turn(2_000, &devices);
            assert_eq!((raised(&devices), steps.raised().len()), (STEPPED, STEPPED));
        }
    }
}
