//! Too many alarms: the flood of a whole site and the chatter of one alarm (ISA-18.2-2016 §16, EEMUA 191 figures).

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::Priority;
use crate::Mono;
use crate::id::AlarmId;

/// The time over which alarms are counted.
pub const WINDOW: Duration = Duration::from_secs(600);
/// More new alarms than this within [`WINDOW`] are a flood.
pub const FLOOD_BEGINS: usize = 10;
/// A flood ends when fewer than this are left within [`WINDOW`].
pub const FLOOD_ENDS: usize = 5;
/// So often within [`CHATTER_WITHIN`] one alarm chatters.
const CHATTER: usize = 3;
const CHATTER_WITHIN: Duration = Duration::from_secs(60);

/// The sums that alarm management asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AlarmCount {
    /// Announcements by priority, low first.
    pub raised: [u64; 4],
    /// Windows of ten minutes that have passed.
    pub windows: u64,
    /// Those with more than [`FLOOD_BEGINS`] announcements.
    pub crowded: u64,
}

/// What the announcements so far amount to.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The latest announcements, one more than makes a flood.
    latest: VecDeque<Mono>,
    /// The latest announcements of each alarm.
    of: Vec<[Option<Mono>; CHATTER]>,
    flooded: bool,
    chatter: Vec<AlarmId>,
    count: AlarmCount,
    in_window: u64,
    window_ends: Mono,
    totals: Vec<u64>,
}

impl Flood {
    /// Nothing was announced.
    #[must_use]
    pub fn new(alarms: usize, now: Mono) -> Self {
        Self {
            latest: VecDeque::new(),
            of: vec![[None; CHATTER]; alarms],
            flooded: false,
            chatter: Vec::new(),
            count: AlarmCount::default(),
            in_window: 0,
            window_ends: now + WINDOW,
            totals: vec![0; alarms],
        }
    }

    /// An alarm was announced.
    pub fn announced(&mut self, now: Mono, alarm: AlarmId, priority: Priority) {
        self.pass(now);
        self.count.raised[priority as usize] += 1;
        self.in_window += 1;
        self.latest.push_back(now);
        if self.latest.len() > FLOOD_BEGINS + 1 {
            self.latest.pop_front();
        }
        if let (Some(times), Some(total)) =
            (self.of.get_mut(alarm.index()), self.totals.get_mut(alarm.index()))
        {
            times.rotate_left(1);
            times[CHATTER - 1] = Some(now);
            *total += 1;
            let first = times[0];
            let chatters = first.is_some_and(|first| now.since(first) < CHATTER_WITHIN);
            if chatters && !self.chatter.contains(&alarm) {
                self.chatter.push(alarm);
            }
        }
        self.look(now);
    }

    /// Lets time pass: floods and chatter end.
    pub fn look(&mut self, now: Mono) {
        self.pass(now);
        let recent = self.latest.iter().filter(|at| now.since(**at) < WINDOW).count();
        self.flooded = if self.flooded { recent >= FLOOD_ENDS } else { recent > FLOOD_BEGINS };
        let of = &self.of;
        self.chatter.retain(|alarm| {
            let last = of.get(alarm.index()).and_then(|times| times[CHATTER - 1]);
            last.is_some_and(|last| now.since(last) < WINDOW)
        });
    }

    /// Whether there is a flood.
    #[must_use]
    pub const fn is_flooded(&self) -> bool {
        self.flooded
    }

    /// The alarms that chatter, in the order in which they began.
    #[must_use]
    pub fn chatter(&self) -> &[AlarmId] {
        &self.chatter
    }

    /// The sums since the start.
    #[must_use]
    pub const fn count(&self) -> AlarmCount {
        self.count
    }

    /// How often each alarm was announced since the start, in site order.
    #[must_use]
    pub fn totals(&self) -> &[u64] {
        &self.totals
    }

    fn pass(&mut self, now: Mono) {
        while now >= self.window_ends {
            self.count.windows += 1;
            self.count.crowded += u64::from(self.in_window > FLOOD_BEGINS as u64);
            self.in_window = 0;
            // After a long pause the empty windows count, but not one by one.
            let more = now.since(self.window_ends).as_secs() / WINDOW.as_secs();
            self.count.windows += more;
            let passed = u32::try_from(more + 1).unwrap_or(u32::MAX);
            self.window_ends = self.window_ends + WINDOW * passed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_ten_in_ten_minutes_are_a_flood_until_fewer_than_five_are_left() {
        let mut flood = Flood::new(20, Mono::ZERO);
        for alarm in 0..10 {
            flood.announced(second(alarm), AlarmId(alarm), Priority::Low);
            assert!(!flood.is_flooded(), "{alarm}");
        }
        flood.announced(second(10), AlarmId(10), Priority::High);
        assert!(flood.is_flooded());
        // At 606 s those of 0 to 6 s are older than the window: four are left.
        flood.look(second(605));
        assert!(flood.is_flooded());
        flood.look(second(606));
        assert!(!flood.is_flooded());
        assert_eq!(flood.count().raised, [10, 0, 1, 0]);
        assert_eq!((flood.count().windows, flood.count().crowded), (1, 1));
    }

    #[test]
    fn three_times_in_a_minute_is_chatter_until_ten_quiet_minutes() {
        let mut flood = Flood::new(2, Mono::ZERO);
        for at in [0, 30, 60, 89] {
            flood.announced(second(at), AlarmId(1), Priority::Low);
            let expected: &[AlarmId] = if at == 89 { &[AlarmId(1)] } else { &[] };
            assert_eq!(flood.chatter(), expected, "{at}");
        }
        flood.look(second(688));
        assert_eq!(flood.chatter(), [AlarmId(1)]);
        flood.look(second(689));
        assert_eq!(flood.chatter(), []);
        assert_eq!(flood.totals(), [0, 4]);
    }

    #[test]
    fn a_flood_of_ten_thousand_is_counted_and_not_kept() {
        let mut flood = Flood::new(2, Mono::ZERO);
        for at in 0..10_000 {
            flood.announced(second(at), AlarmId(at % 2), Priority::Low);
        }
        assert_eq!((flood.count().raised, flood.totals()), ([10_000, 0, 0, 0], [5_000; 2].as_slice()));
        assert_eq!((flood.latest.len(), flood.chatter.len()), (FLOOD_BEGINS + 1, 2));
    }

    #[test]
    fn a_year_without_alarms_is_counted_at_once() {
        let mut flood = Flood::new(1, Mono::ZERO);
        flood.look(second(600 * 50_000));
        assert_eq!(flood.count().windows, 50_000);
    }

    fn second(second: u32) -> Mono {
        Mono::from_millis(u64::from(second) * 1000)
    }
}
