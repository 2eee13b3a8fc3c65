//! What a heap of microseconds says: percentiles, and gaps in a series of polls.

/// The span that is measured, in microseconds since the bench began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Window {
    pub(crate) const fn len(self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    pub(crate) const fn holds(self, at: u64) -> bool {
        self.from < at && at <= self.to
    }
}

/// The value below which `percent` of the values lie (nearest rank); `None` without values.
pub(crate) fn percentile(values: &mut [u64], percent: f64) -> Option<u64> {
    values.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is small and positive"
    )]
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// How many of the ascending `times` lie in the window.
pub(crate) fn count_in(times: &[u64], window: Window) -> u64 {
    times.iter().filter(|at| window.holds(**at)).count() as u64
}

/// How many of the polls that were due in the window took place. A device's last poll before the window says when its next
/// ones are due; each may come half a period early or late, so that a device polled on the window's very edge is not
/// counted one short.
pub(crate) fn polls_kept(times: &[u64], window: Window, period_us: u64) -> u64 {
    let before = times.partition_point(|at| *at <= window.from).checked_sub(1);
    let anchor = before.and_then(|index| times.get(index)).copied().unwrap_or(window.from);
    let from = anchor + period_us / 2;
    count_in(times, Window { from, to: from + window.len() })
}

/// The longest time between two neighbours of the ascending `times` that touches the window. The time before the first
/// and after the last counts up to the window's ends: a device that fell silent has a gap that has not ended.
pub(crate) fn longest_gap(times: &[u64], window: Window) -> u64 {
    let first = times.partition_point(|at| *at <= window.from);
    let before = first.checked_sub(1).and_then(|index| times.get(index));
    let mut previous = before.copied().unwrap_or(window.from);
    let mut longest = 0;
    for at in times.iter().skip(first) {
        longest = longest.max(at - previous);
        previous = *at;
        if *at > window.to {
            return longest;
        }
    }
    longest.max(window.to.saturating_sub(previous))
}

/// Microseconds as milliseconds.
pub(crate) fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { from: 100, to: 200 };

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let mut hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut hundred, 50.0), Some(50));
        assert_eq!(percentile(&mut hundred, 99.0), Some(99));
        assert_eq!(percentile(&mut hundred, 100.0), Some(100));
        assert_eq!(percentile(&mut [7], 1.0), Some(7));
        assert_eq!(percentile(&mut [], 50.0), None);
    }

    #[test]
    fn a_poll_at_the_windows_start_belongs_to_the_time_before() {
        assert_eq!(count_in(&[99, 100, 101, 200, 201], WINDOW), 2);
    }

    #[test]
    fn a_device_polled_on_the_windows_edge_is_not_counted_one_short() {
        for edge in [95, 100, 105] {
            let times: Vec<u64> = (0..20).map(|poll| edge - 40 + poll * 20).collect();
            assert_eq!(polls_kept(&times, WINDOW, 20), 5, "{edge}");
        }
        let jittered = [99, 121, 139, 160, 180, 202, 221];
        assert_eq!((polls_kept(&jittered, WINDOW, 20), count_in(&jittered, WINDOW)), (5, 4));
        assert_eq!(polls_kept(&[100, 120, 160, 180, 200, 220], WINDOW, 20), 4, "the poll at 140 is missing");
        assert_eq!(polls_kept(&[], WINDOW, 20), 0);
    }

    #[test]
    fn a_gap_that_reaches_into_the_window_counts_in_full() {
        assert_eq!(longest_gap(&[40, 130, 160, 190, 210], WINDOW), 90);
        assert_eq!(longest_gap(&[90, 130, 160, 280], WINDOW), 120);
    }

    #[test]
    fn a_device_that_fell_silent_has_a_gap_to_the_windows_end() {
        assert_eq!(longest_gap(&[90, 110], WINDOW), 90);
        assert_eq!(longest_gap(&[50], WINDOW), 150);
        assert_eq!(longest_gap(&[], WINDOW), 100);
    }

    #[test]
    fn gaps_outside_the_window_do_not_count() {
        assert_eq!(longest_gap(&[0, 80, 120, 150, 180, 210, 900], WINDOW), 40);
    }
}
