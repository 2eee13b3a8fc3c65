//! Who may take out how much of a vote.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::{AlarmKind, AlarmSpec};
use crate::id::{AlarmId, Epoch, PointId};
use crate::input::{Action, Command};
use crate::outbox::record::Refusal;
use crate::vote::{OnBypass, OnFault, VoteSpec};
use crate::{ClockTrust, Engine, Mono, Side, Site, Start, Threshold, Utc, fixture};

const LASTS: Duration = Duration::from_secs(60);

#[test]
fn the_last_detector_of_a_vote_is_bypassed_by_that_name_and_by_two_persons_only() {
    // In each order of the three detectors, and with one person enough for a safety point.
    for second_person in [true, false] {
        for first in 0..3 {
            let mut engine = engine(3, second_person);
            let [first, next, last] = [first, (first + 1) % 3, (first + 2) % 3];
            assert_eq!(asks(&mut engine, bypass(first, "Li")), None);
            assert_eq!(asks(&mut engine, bypass(next, "Li")), None);
            assert_eq!(asks(&mut engine, bypass(last, "Li")), Some(Refusal::WholeVote));
            assert_eq!(asks(&mut engine, whole(last, "wang ")), Some(Refusal::SecondPerson));
            assert_eq!(asks(&mut engine, whole(last, " ")), Some(Refusal::NoApprover));
            assert_eq!(asks(&mut engine, Action::EndBypass(PointId(next))), None);
            assert_eq!(asks(&mut engine, bypass(last, "Li")), None, "another one is left");
            assert_eq!(asks(&mut engine, whole(next, "Li")), None);
        }
    }
}

#[test]
fn a_vote_of_one_detector_is_that_detector_s_bypass() {
    assert_eq!(asks(&mut engine(1, true), bypass(0, "Li")), None);
}

/// So many detectors, of which one less, or one alone, trips the vote.
fn engine(detectors: u32, second_person: bool) -> Engine {
    let mut tables = fixture::tables(1);
    for (address, tag) in (0..).zip(["A", "B", "C"]).take(detectors as usize) {
        let mut point = fixture::point(tag, 0);
        point.source.address = address;
        tables.points.push(point);
    }
    let alarm = |point| AlarmSpec::new(PointId(point), AlarmKind::High, Threshold::switch(Side::High));
    tables.alarms = (0..detectors).map(alarm).collect();
    tables.matrix.votes.push(VoteSpec {
        name: "gas".into(),
        needed: 1,
        channels: (0..detectors).map(AlarmId).collect(),
        any_of: Vec::new(),
        on_fault: OnFault::Trip,
        on_bypass: OnBypass::NeedFewer,
    });
    tables.practice.bypass_second_person = second_person;
    let start = Start { epoch: Epoch(1), utc: Utc::from_unix_ms(0), trust: ClockTrust::Synced };
    Engine::new(Arc::new(Site::try_new(tables).unwrap()), &start, Mono::ZERO)
}

fn bypass(point: u32, approver: &str) -> Action {
    Action::Bypass { point: PointId(point), approver: approver.into(), lasts: LASTS }
}

fn whole(point: u32, approver: &str) -> Action {
    Action::BypassWholeVote { point: PointId(point), approver: approver.into(), lasts: LASTS }
}

fn asks(engine: &mut Engine, action: Action) -> Option<Refusal> {
    let command = Command { actor: "Wang".into(), action, note: "because".into() };
    engine.command(Mono::ZERO, command).refused.first().map(|(_, why)| *why)
}
