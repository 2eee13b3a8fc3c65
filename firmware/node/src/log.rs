//! What happened, in a ring with numbers that only grow. The gateway reads it by registers; the oldest goes first.

use hazard_field::map;

/// How many events are kept.
pub const LOG_LEN: usize = 64;

/// What happened; the high byte of an event's code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// A status bit was set; the detail is the bit.
    Set,
    /// A status bit was cleared; the detail is the bit.
    Cleared,
    /// The node started; the detail is the cause, the value how often.
    Started,
    /// Somebody acknowledged; the detail says who.
    Acknowledged,
    /// Somebody reset.
    Reset,
    /// Somebody silenced.
    Silenced,
    /// Settings may be written.
    Unlocked,
    /// Settings may not be written any more.
    Locked,
    /// Somebody wrote a wrong key.
    WrongKey,
    /// Set-points or other settings changed; the value is the first register.
    Changed,
    /// Settings are stored; the value is their sequence number.
    Stored,
    /// Settings could not be stored.
    StoringFailed,
    /// A zero was taken; the value is the reference.
    ZeroTaken,
    /// A span was taken; the value is the reference.
    SpanTaken,
    /// The calibration is the nominal one again.
    CalibrationUndone,
    /// A calibration step was refused; the value is the reference.
    CalibrationRefused,
    /// A self-test failed; the detail is its bit.
    SelfTestFailed,
    /// A self-test passed again; the detail is its bit.
    SelfTestPassed,
    /// The clock stepped back.
    ClockStepped,
}

impl What {
    /// All, by code from 1.
    pub const ALL: [Self; 19] = [
        Self::Set,
        Self::Cleared,
        Self::Started,
        Self::Acknowledged,
        Self::Reset,
        Self::Silenced,
        Self::Unlocked,
        Self::Locked,
        Self::WrongKey,
        Self::Changed,
        Self::Stored,
        Self::StoringFailed,
        Self::ZeroTaken,
        Self::SpanTaken,
        Self::CalibrationUndone,
        Self::CalibrationRefused,
        Self::SelfTestFailed,
        Self::SelfTestPassed,
        Self::ClockStepped,
    ];

    /// The code in the high byte.
    #[must_use]
    pub fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|what| *what == self).unwrap_or(0);
        u8::try_from(place).unwrap_or(0).saturating_add(1)
    }
}

/// Who did something; the detail of an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Who {
    /// A master on the bus.
    Bus,
    /// Somebody at the node.
    Button,
}

impl Who {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Bus => 0,
            Self::Button => 1,
        }
    }
}

/// An event as the registers show it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Event {
    /// Its number, from 1.
    pub number: u32,
    /// Seconds since the start.
    pub at_s: u32,
    /// What, channel and detail.
    pub code: u16,
    /// The number that belongs to it; NaN for none.
    pub value: f32,
}

/// Where something happened and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    channel: u8,
    detail: u8,
    value: f32,
}

impl About {
    pub(crate) const NODE: Self = Self { channel: 0, detail: 0, value: f32::NAN };

    /// Of a channel, counted from 0.
    pub(crate) fn channel(channel: usize) -> Self {
        Self { channel: u8::try_from(channel).unwrap_or(0).saturating_add(1), ..Self::NODE }
    }

    pub(crate) const fn detail(self, detail: u8) -> Self {
        Self { detail, ..self }
    }

    pub(crate) const fn value(self, value: f32) -> Self {
        Self { value, ..self }
    }
}

/// The ring.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    events: [Event; LOG_LEN],
    next: u32,
    first: u32,
}

impl Log {
    /// Empty; the first event gets this number, 1 at least.
    pub(crate) fn new(first: u32) -> Self {
        let first = first.max(1);
        let none = Event { number: 0, at_s: 0, code: 0, value: f32::NAN };
        Self { events: [none; LOG_LEN], next: first, first }
    }

    pub(crate) fn push(&mut self, at_s: u32, what: What, about: About) {
        let place = self.next as usize % LOG_LEN;
        let code =
            u16::from(what.code()) << 8 | u16::from(about.channel & 0xF) << 4 | u16::from(about.detail & 0xF);
        if let Some(slot) = self.events.get_mut(place) {
            *slot = Event { number: self.next, at_s, code, value: about.value };
        }
        self.next = self.next.saturating_add(1);
    }

    pub(crate) const fn next(&self) -> u32 {
        self.next
    }

    pub(crate) fn oldest(&self) -> u32 {
        let kept = u32::try_from(LOG_LEN).unwrap_or(u32::MAX);
        self.next.saturating_sub(kept).max(self.first)
    }

    /// The event with this number, if it is kept.
    pub(crate) fn get(&self, number: u32) -> Option<Event> {
        if number < self.oldest() || number >= self.next {
            return None;
        }
        self.events.get(number as usize % LOG_LEN).copied().filter(|event| event.number == number)
    }

    /// The window of the registers from this number; what is older than the oldest begins with the oldest.
    pub(crate) fn window(&self, from: u32) -> [Option<Event>; map::EVENTS as usize] {
        let first = from.max(self.oldest());
        let mut rows = [None; map::EVENTS as usize];
        for (row, ahead) in rows.iter_mut().zip(0..) {
            *row = first.checked_add(ahead).and_then(|number| self.get(number));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_last_and_their_numbers_only_grow() {
        let mut log = Log::new(0x0003_0000);
        for at in 0..200 {
            log.push(at, What::Set, About::channel(1).detail(2).value(at as f32));
        }
        assert_eq!((log.oldest(), log.next()), (0x0003_0000 + 136, 0x0003_0000 + 200));
        assert_eq!(log.get(log.oldest() - 1), None);
        assert_eq!(log.get(log.next()), None);
        let rows = log.window(0);
        for (row, ahead) in rows.iter().zip(0..) {
            let event = row.expect("kept");
            assert_eq!((event.number, event.at_s, event.code), (log.oldest() + ahead, 136 + ahead, 0x0122));
        }
        let tail = log.window(log.next() - 2);
        assert_eq!(tail.iter().flatten().count(), 2);
        assert!(log.window(u32::MAX).iter().all(Option::is_none));
    }

    #[test]
    fn every_kind_of_event_has_a_code_of_its_own() {
        for (what, code) in What::ALL.iter().zip(1_u8..) {
            assert_eq!(what.code(), code);
        }
    }

    #[test]
    fn numbers_stop_at_the_end_rather_than_begin_again() {
        let mut log = Log::new(u32::MAX - 1);
        for _ in 0..5 {
            log.push(0, What::Reset, About::NODE);
        }
        assert_eq!(log.next(), u32::MAX);
    }
}
