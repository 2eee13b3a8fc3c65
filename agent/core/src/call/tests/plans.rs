//! What a plan may look like.

use super::*;

#[test]
fn everything_wrong_with_a_plan_is_said() {
    let good = plan();
    assert_eq!(good.faults(), []);
    assert_eq!(CallPlan::default().faults(), []);
    let rung = |minutes: u64, roles: &[u16]| Rung {
        after: Duration::from_millis(minutes * MINUTE),
        roles: roles.iter().copied().map(RoleId).collect(),
    };
    let red = |rungs: Vec<Rung>, repeat| {
        let ladder = Ladder { rungs, repeat };
        let ladders = [Ladder::default(), Ladder::default(), Ladder::default(), ladder];
        let faults = CallPlan { ladders, ..plan() }.faults().into_iter();
        faults
            .map(|fault| match fault {
                CallFault::Ladder(Priority::Critical, fault) => fault,
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    let every = |seconds| Duration::from_secs(seconds);
    assert_eq!(
        red(vec![rung(5, &[0]), rung(5, &[]), rung(4, &[1, 1, 3])], None),
        [
            LadderFault::NotAscending { rung: 1 },
            LadderFault::Empty { rung: 1 },
            LadderFault::NotAscending { rung: 2 },
            LadderFault::Twice { rung: 2, role: RoleId(1) },
            LadderFault::Unknown { rung: 2, role: RoleId(3) },
        ]
    );
    assert_eq!(
        red(vec![], Some(Repeat { every: every(59), max: 0 })),
        [LadderFault::NothingToRepeat, LadderFault::RepeatsWithinGap, LadderFault::RepeatsNever]
    );
    assert_eq!(red(vec![rung(0, &[0])], Some(Repeat { every: every(60), max: 1 })), []);
    let many = |count: u64| (0..count).map(|minutes| rung(minutes, &[0])).collect::<Vec<_>>();
    assert_eq!(red(many(16), None), []);
    assert_eq!(red(many(17), None), [LadderFault::TooManyRungs]);
}

#[test]
fn names_gap_and_key_periods_are_looked_at_too() {
    let named = |names: &[&str]| names.iter().map(|name| RoleSpec { name: (*name).into() }).collect();
    let roles: Vec<RoleSpec> = named(&["A", " ", "A"]);
    let plan = CallPlan { roles, gap: Duration::ZERO, shorten: 0, ..CallPlan::default() };
    assert_eq!(
        plan.faults(),
        [
            CallFault::Nameless(RoleId(1)),
            CallFault::SameName(RoleId(2)),
            CallFault::NoGap,
            CallFault::Shorten
        ]
    );
    for (shorten, is_good) in [(1, true), (1000, true), (1001, false)] {
        assert_eq!(CallPlan { shorten, ..CallPlan::default() }.faults().is_empty(), is_good, "{shorten}");
    }
}

#[test]
fn a_colour_has_its_usual_ladder_as_far_as_there_are_roles() {
    let colours = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];
    let minutes = [vec![], vec![0, 10], vec![0, 5, 10], vec![0, 5, 10, 15]];
    for count in 0..6_u16 {
        let roles = (0..count).map(|role| RoleSpec { name: format!("{role}").into() }).collect();
        let plan = CallPlan::usual(roles);
        assert_eq!(plan.faults(), [], "{count} roles");
        for (colour, minutes) in colours.into_iter().zip(&minutes) {
            let ladder = plan.ladder(colour);
            let found = ladder.rungs.iter().map(|rung| rung.after.as_secs() / 60);
            let expected = minutes.iter().copied().take(count.into());
            assert!(found.eq(expected), "{colour:?}, {count} roles: {ladder:?}");
            let called = ladder.rungs.iter().flat_map(|rung| &rung.roles);
            assert!(called.eq(&(0..count.min(4)).map(RoleId).take(minutes.len()).collect::<Vec<_>>()));
            assert_eq!(ladder.repeat.is_none(), ladder.rungs.is_empty());
        }
    }
}
