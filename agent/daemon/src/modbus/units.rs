//! What each unit of a line did lately, and what is probably wrong with it: counts over its last requests, so that what was
//! mended is soon forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use hazard_core::link::LinkFault;

use super::diagnosis::{Cause, Exchange, Medium, Others, Tally, diagnose};
use super::frames::{Frames, Shape};

/// A unit's counts are halved in age after so many requests: what is told is of its last 24 to 48.
const REQUESTS: u32 = 24;

/// Fewer requests than this that came to nothing are chance.
const FAULTS_MIN: u32 = 2;

/// What is known of the units of one line; at most one entry per unit address.
#[derive(Clone, Default, Debug)]
pub(super) struct Units(BTreeMap<u8, Unit>);

#[derive(Clone, Copy, Default, Debug)]
struct Unit {
    recent: Window,
    before: Window,
    /// Its last request was not answered.
    owes: bool,
}

#[derive(Clone, Copy, Default, Debug)]
struct Window {
    tally: Tally,
    took: Took,
}

/// How long answers took, from the request's first byte to the answer's last.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Took {
    answers: u32,
    sum: Duration,
    longest: Duration,
}

/// One unit lately.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct UnitHealth {
    /// What is probably wrong, the likeliest first.
    pub causes: Vec<Cause>,
    /// How long its answers took on average, from the request's first byte to the answer's last; `None` without any.
    pub took: Option<Duration>,
    /// The longest of them.
    pub took_longest: Option<Duration>,
}

impl Units {
    /// Counts one request.
    pub(super) fn note(&mut self, exchange: &Exchange<'_>, took: Duration) {
        let mut tally = Tally::default();
        tally.note(exchange);
        if tally.strangers > 0 || tally.foreign > 0 {
            self.note_late(exchange, &mut tally);
        }
        let unit = self.0.entry(exchange.unit).or_default();
        if unit.recent.tally.asked >= REQUESTS {
            unit.before = std::mem::take(&mut unit.recent);
        }
        unit.recent.tally.add(&tally);
        unit.owes = matches!(exchange.fault, Some(LinkFault::Silent | LinkFault::Garbled));
        if exchange.fault.is_none() {
            unit.recent.took.note(took);
        }
    }

    /// An answer that comes when another unit is asked speaks for a slow unit, not against the one that was asked; an echo of
    /// a write looks like a request, but not of a unit that owes its answer.
    fn note_late(&mut self, exchange: &Exchange<'_>, tally: &mut Tally) {
        let found = Frames::find(exchange.heard);
        for frame in found.frames.iter().filter(|frame| frame.unit != exchange.unit) {
            let Some(late) = self.0.get_mut(&frame.unit) else { continue };
            let is_request = frame.shape == Shape::Request;
            if is_request && !late.owes {
                continue;
            }
            late.recent.tally.strangers += 1;
            late.owes = false;
            let counted = if is_request { &mut tally.foreign } else { &mut tally.strangers };
            *counted = 0;
        }
    }

    /// What is known of a unit.
    pub(super) fn health(&self, unit: u8, medium: Medium) -> UnitHealth {
        let Some(known) = self.0.get(&unit) else { return UnitHealth::default() };
        let others = self.0.iter().any(|(other, known)| *other != unit && known.lately().answered > 0);
        let others = if others { Others::Answer } else { Others::Unknown };
        let took = known.recent.took.and(known.before.took);
        UnitHealth {
            causes: probable(&known.lately(), others, medium),
            took: took.sum.checked_div(took.answers),
            took_longest: (took.answers > 0).then_some(took.longest),
        }
    }

    /// What is probably wrong with the line itself.
    pub(super) fn line(&self, medium: Medium) -> Vec<Cause> {
        let all = self.0.values().fold(Tally::default(), |mut all, unit| {
            all.add(&unit.lately());
            all
        });
        let mut causes = probable(&all, Others::Unknown, medium);
        causes.retain(|cause| cause.is_of_the_line());
        causes
    }
}

impl Unit {
    fn lately(&self) -> Tally {
        let mut tally = self.recent.tally;
        tally.add(&self.before.tally);
        tally
    }
}

impl Took {
    fn note(&mut self, took: Duration) {
        self.answers += 1;
        self.sum += took;
        self.longest = self.longest.max(took);
    }

    fn and(mut self, other: Self) -> Self {
        self.answers += other.answers;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
        self
    }
}

/// What whole frames prove counts at once, what may be chance does not.
fn probable(tally: &Tally, others: Others, medium: Medium) -> Vec<Cause> {
    let mut causes = diagnose(tally, others, medium);
    if tally.faults() < FAULTS_MIN {
        causes.retain(|cause| matches!(cause, Cause::SecondMaster | Cause::AddressConflict));
    }
    causes
}

/// What an exchange came to, for [`Units::note`].
pub(super) fn fault_of<T>(result: &Result<T, LinkFault>) -> Option<LinkFault> {
    result.as_ref().err().copied()
}

#[cfg(test)]
mod tests {
    use hazard_core::link::Exception;
    use hazard_field::crc::crc16;

    use super::*;

    const TOOK: Duration = Duration::from_millis(20);
    const SILENT: Option<LinkFault> = Some(LinkFault::Silent);

    fn framed(body: &[u8]) -> Vec<u8> {
        [body, &crc16(body).to_le_bytes()].concat()
    }

    fn ask(units: &mut Units, unit: u8, fault: Option<LinkFault>, heard: &[u8]) {
        units.note(&Exchange { unit, function: 3, fault, heard }, TOOK);
    }

    fn answer(unit: u8) -> Vec<u8> {
        framed(&[unit, 3, 2, 0, 42])
    }

    #[test]
    fn one_fault_is_chance_two_are_not_and_what_was_mended_is_forgotten() {
        let mut units = Units::default();
        let causes = |units: &Units| units.health(1, Medium::Line).causes;
        ask(&mut units, 1, None, &answer(1));
        ask(&mut units, 1, SILENT, &[]);
        assert_eq!(causes(&units), []);
        ask(&mut units, 1, SILENT, &[]);
        assert_eq!(causes(&units), [Cause::Intermittent]);
        for _ in 0..2 * REQUESTS {
            ask(&mut units, 1, None, &answer(1));
        }
        assert_eq!(causes(&units), []);
        assert_eq!(units.health(1, Medium::Line).took, Some(TOOK));
    }

    #[test]
    fn a_dead_unit_among_living_ones_is_absent_and_a_line_where_none_answers_is_dead() {
        let mut units = Units::default();
        for _ in 0..3 {
            ask(&mut units, 1, SILENT, &[]);
        }
        assert_eq!(units.health(1, Medium::Line).causes, [Cause::Dead]);
        assert_eq!(units.line(Medium::Line), [Cause::Dead]);
        assert_eq!(units.line(Medium::Network), [Cause::Mute]);
        ask(&mut units, 2, None, &answer(2));
        assert_eq!(units.health(1, Medium::Line).causes, [Cause::UnitAbsent]);
        assert_eq!(units.line(Medium::Line), []);
        assert_eq!(units.health(1, Medium::Line).took, None);
    }

    #[test]
    fn a_late_answer_speaks_for_the_unit_that_gave_it() {
        let mut units = Units::default();
        for _ in 0..2 {
            ask(&mut units, 7, SILENT, &[]);
            ask(&mut units, 2, None, &[answer(7), answer(2)].concat());
        }
        assert_eq!(units.health(7, Medium::Line).causes, [Cause::Slow]);
        assert_eq!(units.health(2, Medium::Line).causes, []);
    }

    #[test]
    fn a_late_echo_of_a_write_is_no_other_master() {
        let mut units = Units::default();
        let echo = framed(&[7, 5, 0, 1, 0xFF, 0]);
        units.note(&Exchange { unit: 7, function: 5, fault: SILENT, heard: &[] }, TOOK);
        ask(&mut units, 2, None, &[&echo[..], &answer(2)].concat());
        assert_eq!(units.line(Medium::Line), []);
        ask(&mut units, 2, None, &[&echo[..], &answer(2)].concat());
        assert_eq!(units.line(Medium::Line), [Cause::SecondMaster], "it owes no second answer");
    }

    #[test]
    fn another_master_and_a_doubled_address_are_told_at_once() {
        let mut units = Units::default();
        ask(&mut units, 1, None, &[framed(&[9, 3, 0, 0, 0, 1]), answer(1)].concat());
        assert_eq!(units.health(1, Medium::Line).causes, [Cause::SecondMaster]);
        assert_eq!(units.line(Medium::Line), [Cause::SecondMaster]);
        ask(&mut units, 2, None, &[answer(2), answer(2)].concat());
        assert_eq!(units.health(2, Medium::Line).causes, [Cause::AddressConflict]);
    }

    #[test]
    fn refusals_busy_devices_and_absent_ports_have_their_own_causes() {
        let of = |fault| {
            let mut units = Units::default();
            for _ in 0..3 {
                ask(&mut units, 1, Some(fault), &[]);
            }
            units.health(1, Medium::Network).causes
        };
        assert_eq!(of(LinkFault::Refused(Exception::IllegalAddress)), [Cause::Refusing]);
        assert_eq!(of(LinkFault::Refused(Exception::Busy)), [Cause::Busy]);
        assert_eq!(of(LinkFault::Refused(Exception::GatewayTarget)), [Cause::UnitAbsent]);
        assert_eq!(of(LinkFault::Gone), [Cause::Gone]);
    }
}
