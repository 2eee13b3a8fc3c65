//! The targets, all in one place: what the agent must reach in which scenario.

use std::fmt;

/// A bound.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// What could not be measured meets nothing.
    pub(crate) fn is_met(self, value: Option<f64>) -> bool {
        match (self, value) {
            (_, None) => false,
            (Self::AtLeast(bound), Some(value)) => value >= bound,
            (Self::AtMost(bound), Some(value)) => value <= bound,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

/// The target of a figure of the agent; `ratio.` before a name means agent : bare loop.
pub(crate) fn target(scenario: char, figure: &str) -> Option<Target> {
    use Target::{AtLeast, AtMost};
    let target = match (scenario, figure) {
        // A poll on the edge of the window falls in or out: a hundred per cent within a thousandth.
        ('A'..='C', "polls_percent" | "delivered_percent") => AtLeast(99.9),
        ('A'..='C', "longest_gap_periods_max") => AtMost(1.1),
        ('A'..='C', "read_to_mqtt_ms_p50") => AtMost(5.0),
        ('A'..='C', "read_to_mqtt_ms_p99") => AtMost(50.0),
        ('A'..='C', "step_to_output_missed") => AtMost(0.0),
        ('A'..='C', "step_less_period_ms_p99") => AtMost(5.0),
        // From decoding to the output command at most 20 ms, never more than 100 ms.
        ('A'..='C', "reply_to_output_ms_p99") => AtMost(20.0),
        ('A'..='C', "step_less_period_ms_max" | "reply_to_output_ms_max") => AtMost(100.0),
        ('A'..='B', "ratio.cpu_ms_per_poll") => AtMost(2.5),
        ('A' | 'C', "rss_mb") => AtMost(32.0),
        ('B', "rss_mb") => AtMost(48.0),
        ('D', "durable_lost" | "lost_after_restart" | "repeats_unmarked") => AtMost(0.0),
        ('D', "alarms_before_backlog") => AtLeast(1.0),
        ('D', "link_to_fresh_ms") => AtMost(1_000.0),
        ('E', "first_poll_ms") => AtMost(300.0),
        ('F', "drain_of_bare") => AtLeast(0.8),
        _ => return None,
    };
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_met_on_the_bound_and_never_without_a_value() {
        assert!(Target::AtMost(1.1).is_met(Some(1.1)));
        assert!(!Target::AtMost(1.1).is_met(Some(1.2)));
        assert!(Target::AtLeast(99.9).is_met(Some(100.0)));
        assert!(!Target::AtLeast(99.9).is_met(Some(99.8)));
        assert!(!Target::AtMost(1.0).is_met(None));
        assert!(!Target::AtMost(1.0).is_met(Some(f64::NAN)));
    }
}
