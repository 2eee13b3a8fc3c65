//! Votes (表决): how many of several alarms must stand together, and what a dead or bypassed channel changes about that.
//! Decides nothing about a channel itself: whether it is faulty or bypassed is told.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::alarm::AlarmSpec;
use crate::id::{AlarmId, PointId};

/// One alarm as a vote sees it. Where several hold, the last of them in this order counts: an alarm that stands goes on
/// standing when its point turns bad (bad clears nothing), and a bypass covers both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// Its condition does not stand.
    Quiet,
    /// Its point was not read since the start and is not stale yet, or is back from a bypass under which it stood and has
    /// shown nothing good: no reason to trip, and none to believe in quiet.
    Unread,
    /// Its point has no believable value, or none but doubtful ones for its staleness limit.
    Fault,
    /// Its condition stands.
    Trip,
    /// Taken out by a person who may, for a time.
    Bypassed,
    /// Taken out while its condition stood, or it stood meanwhile: it does not vote, and nobody has seen it end.
    Unended,
}

/// What a faulty channel does to its vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFault {
    /// It votes to trip: a dead detector must not make the other two look safer.
    #[default]
    Trip,
    /// It is left out, and no more are needed than are left; that none is left trips.
    Quiet,
}

/// What a bypassed channel does to its vote. It never votes itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnBypass {
    /// One fewer is needed, but at least one.
    #[default]
    NeedFewer,
    /// As many are needed as before, but no more than are left.
    NeedSame,
}

/// A vote: trips when `needed` of `channels` stand, or any one of `any_of` (the zone rule "one second level or two first
/// levels").
///
/// What is left of a vote among the channels that still see; `0oo…` means that it has tripped:
///
/// | configured | 1 fault, votes to trip | 1 fault, left out | 2 faults | left out | all faulty | 1 bypass, fewer | same |
/// |---|---|---|---|---|---|---|---|
/// | 1oo1 | 0oo0 | 0oo0 | – | – | 0oo0 | never trips | never trips |
/// | 1oo2 | 0oo1 | 1oo1 | 0oo0 | 0oo0 | 0oo0 | 1oo1 | 1oo1 |
/// | 2oo2 | 1oo1 | 1oo1 | 0oo0 | 0oo0 | 0oo0 | 1oo1 | 1oo1 |
/// | 2oo3 | 1oo2 | 2oo2 | 0oo1 | 1oo1 | 0oo0 | 1oo2 | 2oo2 |
///
/// Bypasses are applied first, then faults to what they left. A faulty channel of `any_of` does not trip alone: the voting
/// channel on the same detector speaks for it, and [`Self::faults`] demands that there is one. When all that vote are
/// bypassed, `any_of` trips also when none of it sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VoteSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// How many of `channels` must stand, 1 to all of them.
    pub needed: u8,
    /// The alarms that vote.
    pub channels: Vec<AlarmId>,
    /// The alarms each of which trips alone.
    pub any_of: Vec<AlarmId>,
    /// What a faulty channel does.
    pub on_fault: OnFault,
    /// What a bypassed channel does.
    pub on_bypass: OnBypass,
}

/// How a vote came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not enough stand.
    Quiet,
    /// Not enough stand among those read, and some were not read since the start.
    Unread,
    /// Every channel is bypassed: it cannot trip, which is what the bypass was approved for.
    Blind,
    /// Enough stand.
    Tripped,
}

/// The outcome of a vote, and what is left of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// How it came out.
    pub outcome: Outcome,
    /// How many of `of` must stand; 0 when faults alone trip it.
    pub needed: usize,
    /// Voting channels that are neither faulty nor bypassed.
    pub of: usize,
    /// Faulty channels, those of `any_of` among them.
    pub faulty: usize,
    /// Bypassed channels, those of `any_of` among them.
    pub bypassed: usize,
}

impl Verdict {
    /// Whether it is decided by fewer channels than configured.
    #[must_use]
    pub const fn is_degraded(&self) -> bool {
        self.faulty + self.bypassed > 0
    }
}

/// What is wrong with a vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VoteFault {
    /// Nothing votes.
    NoChannels,
    /// None is needed, so it would always trip.
    NeedsNone,
    /// More are needed than vote, so it would never trip.
    NeedsTooMany,
    /// An alarm that does not exist.
    Unknown(AlarmId),
    /// An alarm that is named more than once.
    Twice(AlarmId),
    /// An alarm on the point of another one where more than one is needed: one detector would have two votes.
    SameDetector(AlarmId),
    /// An alarm of `any_of` on whose point no channel votes: nobody would speak for its fault. A vote or a cause of its
    /// own does.
    NobodySpeaksFor(AlarmId),
}

impl VoteSpec {
    /// Counts the channels as they are.
    #[must_use]
    pub fn judge(&self, channel: impl Fn(AlarmId) -> Channel) -> Verdict {
        let votes = Tally::of(&self.channels, &channel);
        let alone = Tally::of(&self.any_of, &channel);
        let needed = usize::from(self.needed);
        let needed = match self.on_bypass {
            OnBypass::NeedFewer => needed.saturating_sub(votes.bypassed).max(1).min(votes.present()),
            OnBypass::NeedSame => needed.min(votes.present()),
        };
        let needed = match self.on_fault {
            OnFault::Trip => needed.saturating_sub(votes.faulty),
            OnFault::Quiet => needed.min(votes.seeing),
        };
        let voted = votes.present() > 0 && votes.trips >= needed;
        let unseen = votes.present() == 0 && alone.seeing == 0 && alone.faulty > 0;
        let outcome = if alone.trips > 0 || voted || unseen {
            Outcome::Tripped
        } else if votes.present() + alone.present() == 0 {
            Outcome::Blind
        } else if votes.unread + alone.unread > 0 {
            Outcome::Unread
        } else {
            Outcome::Quiet
        };
        let (faulty, bypassed) = (votes.faulty + alone.faulty, votes.bypassed + alone.bypassed);
        Verdict { outcome, needed, of: votes.seeing, faulty, bypassed }
    }

    /// Whether a channel of it was taken out while it stood: what the others say is not what it saw.
    #[must_use]
    pub fn is_unended(&self, channel: impl Fn(AlarmId) -> Channel) -> bool {
        self.channels.iter().chain(&self.any_of).any(|alarm| channel(*alarm) == Channel::Unended)
    }

    /// Everything that is wrong with it, given the site's alarms.
    #[must_use]
    pub fn faults(&self, alarms: &[AlarmSpec]) -> Vec<VoteFault> {
        let point = |alarm: AlarmId| -> Option<PointId> { alarms.get(alarm.index()).map(|spec| spec.point) };
        let mut faults = Vec::new();
        match usize::from(self.needed) {
            _ if self.channels.is_empty() => faults.push(VoteFault::NoChannels),
            0 => faults.push(VoteFault::NeedsNone),
            needed if needed > self.channels.len() => faults.push(VoteFault::NeedsTooMany),
            _ => {}
        }
        let named: Vec<AlarmId> = self.channels.iter().chain(&self.any_of).copied().collect();
        for (index, alarm) in named.iter().copied().enumerate() {
            let is_voter = index < self.channels.len();
            let mut others = self.channels[..index.min(self.channels.len())].iter().copied();
            let shares = others.any(|other| point(other) == point(alarm));
            if point(alarm).is_none() {
                faults.push(VoteFault::Unknown(alarm));
            } else if named[..index].contains(&alarm) {
                faults.push(VoteFault::Twice(alarm));
            } else if is_voter && shares && self.needed > 1 {
                faults.push(VoteFault::SameDetector(alarm));
            } else if !is_voter && !shares {
                faults.push(VoteFault::NobodySpeaksFor(alarm));
            }
        }
        faults
    }
}

#[derive(Default)]
struct Tally {
    seeing: usize,
    unread: usize,
    trips: usize,
    faulty: usize,
    bypassed: usize,
}

impl Tally {
    fn of(alarms: &[AlarmId], channel: impl Fn(AlarmId) -> Channel) -> Self {
        let mut tally = Self::default();
        for alarm in alarms {
            match channel(*alarm) {
                Channel::Quiet => tally.seeing += 1,
                Channel::Unread => (tally.seeing, tally.unread) = (tally.seeing + 1, tally.unread + 1),
                Channel::Fault => tally.faulty += 1,
                Channel::Trip => (tally.seeing, tally.trips) = (tally.seeing + 1, tally.trips + 1),
                Channel::Bypassed | Channel::Unended => tally.bypassed += 1,
            }
        }
        tally
    }

    const fn present(&self) -> usize {
        self.seeing + self.faulty
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::Channel::{Bypassed, Fault, Quiet, Trip, Unread};
    use super::*;
    use crate::fixture;

    const CHANNELS: [Channel; 5] = [Quiet, Unread, Fault, Trip, Bypassed];

    /// The table above [`VoteSpec`], cell by cell, with the channels that are left quiet.
    #[test]
    fn the_written_table_of_degraded_votes() {
        let rows = [
            ("1oo1", ["0oo0", "0oo0", "", "", "0oo0", "never", "never"]),
            ("1oo2", ["0oo1", "1oo1", "0oo0", "0oo0", "0oo0", "1oo1", "1oo1"]),
            ("2oo2", ["1oo1", "1oo1", "0oo0", "0oo0", "0oo0", "1oo1", "1oo1"]),
            ("2oo3", ["1oo2", "2oo2", "0oo1", "1oo1", "0oo0", "1oo2", "2oo2"]),
        ];
        for (name, cells) in rows {
            let digit = |at: usize| name.as_bytes()[at] - b'0';
            let (needed, of) = (digit(0), digit(3));
            let left = |(on_fault, on_bypass), lost: Channel, count: u8| -> String {
                let spec = VoteSpec { on_fault, on_bypass, ..vote(needed, of, 0) };
                let verdict = spec.judge(|id| if id.0 < u32::from(count) { lost } else { Quiet });
                match verdict.outcome {
                    Outcome::Blind => "never".into(),
                    Outcome::Tripped | Outcome::Quiet | Outcome::Unread => {
                        assert_eq!(verdict.outcome == Outcome::Tripped, verdict.needed == 0);
                        format!("{}oo{}", verdict.needed, verdict.of)
                    }
                }
            };
            let default = (OnFault::Trip, OnBypass::NeedFewer);
            let other = (OnFault::Quiet, OnBypass::NeedSame);
            let found = [
                left(default, Fault, 1),
                left(other, Fault, 1),
                if of > 1 { left(default, Fault, 2) } else { String::new() },
                if of > 1 { left(other, Fault, 2) } else { String::new() },
                left(default, Fault, of),
                left(default, Bypassed, 1),
                left(other, Bypassed, 1),
            ];
            assert_eq!(found, cells, "{name}");
            assert_eq!(left(other, Fault, of), "0oo0", "{name}: blindness looks safe");
        }
    }

    #[test]
    fn every_vote_of_up_to_four_channels_agrees_with_rewriting_it_channel_by_channel() {
        for_every_vote(|spec, states| {
            let verdict = judge(spec, states);
            assert_eq!(verdict.outcome, rewritten(spec, states), "{spec:?} {states:?}");
        });
    }

    #[test]
    fn no_channel_that_gets_worse_takes_a_trip_back() {
        for_every_vote(|spec, states| {
            if judge(spec, states).outcome != Outcome::Tripped {
                return;
            }
            for (index, from) in states.iter().enumerate() {
                let worse: &[Channel] = match from {
                    Quiet => &[Unread, Fault, Trip, Bypassed],
                    Unread => &[Fault, Trip, Bypassed],
                    Fault => &[Trip],
                    Trip if spec.on_fault == OnFault::Trip && index < spec.channels.len() => &[Fault],
                    Trip | Bypassed | Channel::Unended => &[],
                };
                for to in worse {
                    let mut changed = states.to_vec();
                    changed[index] = *to;
                    assert_eq!(judge(spec, &changed).outcome, Outcome::Tripped, "{spec:?} {states:?} {to:?}");
                }
            }
        });
    }

    #[test]
    fn one_second_level_or_two_first_levels_trip_a_zone() {
        let zone = vote(2, 2, 2);
        let cases = [
            ([Trip, Quiet, Quiet, Quiet], Outcome::Quiet),
            ([Trip, Trip, Quiet, Quiet], Outcome::Tripped),
            ([Quiet, Quiet, Trip, Quiet], Outcome::Tripped),
            // One dead detector is one vote, although both of its alarms are faulty.
            ([Fault, Quiet, Fault, Quiet], Outcome::Quiet),
            ([Fault, Trip, Fault, Quiet], Outcome::Tripped),
            ([Bypassed, Bypassed, Fault, Quiet], Outcome::Quiet),
            ([Bypassed, Bypassed, Fault, Bypassed], Outcome::Tripped),
            ([Bypassed, Bypassed, Bypassed, Bypassed], Outcome::Blind),
        ];
        for (states, outcome) in cases {
            assert_eq!(judge(&zone, &states).outcome, outcome, "{states:?}");
        }
    }

    #[test]
    fn everything_wrong_with_a_vote_is_said() {
        let alarm = |point: u32| fixture::alarm(PointId(point));
        let alarms = [alarm(0), alarm(0), alarm(1), alarm(2)];
        let faults = |needed, channels: &[u32], any_of: &[u32]| {
            let ids = |ids: &[u32]| ids.iter().copied().map(AlarmId).collect();
            VoteSpec { needed, channels: ids(channels), any_of: ids(any_of), ..vote(1, 1, 0) }.faults(&alarms)
        };
        assert_eq!(faults(2, &[0, 2, 3], &[1]), []);
        assert_eq!(faults(1, &[0, 1], &[]), [], "both sides of one band");
        assert_eq!(faults(1, &[], &[]), [VoteFault::NoChannels]);
        assert_eq!(faults(0, &[0], &[]), [VoteFault::NeedsNone]);
        assert_eq!(faults(3, &[0, 2], &[]), [VoteFault::NeedsTooMany]);
        assert_eq!(
            faults(2, &[0, 0, 9, 1], &[0, 3]),
            [
                VoteFault::Twice(AlarmId(0)),
                VoteFault::Unknown(AlarmId(9)),
                VoteFault::SameDetector(AlarmId(1)),
                VoteFault::Twice(AlarmId(0)),
                VoteFault::NobodySpeaksFor(AlarmId(3))
            ]
        );
    }

    /// Takes the lost channels away one after the other, each time writing down the vote that remains.
    fn rewritten(spec: &VoteSpec, states: &[Channel]) -> Outcome {
        let (votes, alone) = states.split_at(spec.channels.len());
        let (mut needed, mut of) = (spec.needed, votes.len());
        for _ in votes.iter().filter(|state| **state == Bypassed) {
            of -= 1;
            match spec.on_bypass {
                OnBypass::NeedFewer if needed > 1 => needed -= 1,
                OnBypass::NeedSame if usize::from(needed) > of => needed -= 1,
                OnBypass::NeedFewer | OnBypass::NeedSame => {}
            }
        }
        let all_bypassed = of == 0;
        for _ in votes.iter().filter(|state| **state == Fault) {
            of -= 1;
            match spec.on_fault {
                OnFault::Trip if needed > 0 => needed -= 1,
                OnFault::Quiet if usize::from(needed) > of => needed -= 1,
                OnFault::Trip | OnFault::Quiet => {}
            }
        }
        let standing = votes.iter().filter(|state| **state == Trip).count();
        let lost = |state: &Channel| matches!(state, Fault | Bypassed);
        match all_bypassed {
            _ if alone.contains(&Trip) => Outcome::Tripped,
            false if standing >= usize::from(needed) => Outcome::Tripped,
            true if alone.iter().all(|state| *state == Bypassed) => Outcome::Blind,
            true if alone.iter().all(lost) => Outcome::Tripped,
            _ if states.contains(&Unread) => Outcome::Unread,
            _ => Outcome::Quiet,
        }
    }

    fn for_every_vote(mut check: impl FnMut(&VoteSpec, &[Channel])) {
        for (of, alone) in [(1, 0), (2, 0), (3, 0), (4, 0), (1, 2), (2, 2), (3, 1)] {
            for needed in 1..=of {
                for (on_fault, on_bypass) in [
                    (OnFault::Trip, OnBypass::NeedFewer),
                    (OnFault::Trip, OnBypass::NeedSame),
                    (OnFault::Quiet, OnBypass::NeedFewer),
                    (OnFault::Quiet, OnBypass::NeedSame),
                ] {
                    let spec = VoteSpec { on_fault, on_bypass, ..vote(needed, of, alone) };
                    let count = usize::from(of + alone);
                    for code in 0..CHANNELS.len().pow(u32::from(of + alone)) {
                        let states: Vec<Channel> = (0..count)
                            .scan(code, |rest, _| {
                                let state = CHANNELS[*rest % CHANNELS.len()];
                                *rest /= CHANNELS.len();
                                Some(state)
                            })
                            .collect();
                        check(&spec, &states);
                    }
                }
            }
        }
    }

    fn judge(spec: &VoteSpec, states: &[Channel]) -> Verdict {
        spec.judge(|alarm| states[alarm.index()])
    }

    fn vote(needed: u8, channels: u8, any_of: u8) -> VoteSpec {
        VoteSpec {
            name: "vote".into(),
            needed,
            channels: (0..channels).map(|id| AlarmId(id.into())).collect(),
            any_of: (channels..channels + any_of).map(|id| AlarmId(id.into())).collect(),
            on_fault: OnFault::default(),
            on_bypass: OnBypass::default(),
        }
    }
}
