//! What people on shift would notice.

use super::*;

#[test]
fn a_flood_is_one_order_per_role_and_minute_and_a_higher_colour_does_not_wait() {
    let mut calls = Calls::new(Arc::new(plan()), 100);
    for alarm in 0..50 {
        calls.announced(second(0), AlarmId(alarm), Priority::High);
    }
    let first = only_order(&calls.step(second(0)));
    assert_eq!((first.role, first.alarms.len()), (RoleId(0), 50));
    for alarm in 50..60 {
        calls.announced(second(10), AlarmId(alarm), Priority::High);
    }
    assert_eq!(calls.step(second(10)), []);
    assert_eq!(calls.poll_timeout(), Some(second(60)));
    calls.announced(second(20), AlarmId(60), Priority::Critical);
    let higher = only_order(&calls.step(second(20)));
    assert_eq!(higher.alarms.len(), 11, "what waited goes along");
    assert_eq!(higher.alarms[0].alarm, AlarmId(60), "highest colour first");
    calls.announced(second(21), AlarmId(61), Priority::Critical);
    assert_eq!(calls.step(second(79)), [], "as high is not higher");
    assert_eq!(only_order(&calls.step(second(80))).alarms.len(), 1);
}

#[test]
fn what_was_ordered_before_an_answer_says_nothing_about_the_call_after_it() {
    for is_failure in [false, true] {
        let mut calls = Calls::new(Arc::new(plan()), 1);
        calls.announced(second(0), ALARM, Priority::Critical);
        let old = only_order(&calls.step(second(0))).attempt;
        calls.answered(second(1), ALARM, "王工", How::Acknowledged);
        calls.announced(second(2), ALARM, Priority::Critical);
        calls.step(second(2));
        let role = RoleId(0);
        if is_failure {
            let changes = calls.delivered(second(3), old, Err(DeliveryFault::Refused));
            let fault = DeliveryFault::Refused;
            assert_eq!(changes, [Change::Failed { attempt: old, role, fault, moved_on: vec![] }]);
        } else {
            let changes = calls.said(second(3), old, "王工", &"duty".into());
            assert_eq!(changes, [Change::Delivered { attempt: old, role }]);
        }
        assert_eq!(calls.open().count(), 1);
        assert_eq!(calls.open().next().unwrap().last_delivery, None);
        assert_eq!(calls.poll_timeout(), Some(second(60)), "A is called for it when the minute is over");
    }
}

#[test]
fn an_answer_names_who_how_and_after_how_long_and_nobody_is_no_answer() {
    let mut calls = Calls::new(Arc::new(plan()), 2);
    calls.announced(second(0), ALARM, Priority::Critical);
    calls.announced(second(0), AlarmId(1), Priority::High);
    let order = only_order(&calls.step(second(0)));
    assert_eq!(calls.answered(second(1), ALARM, "  ", How::Acknowledged), None);
    assert_eq!(calls.told(order.attempt).collect::<Vec<_>>(), [ALARM, AlarmId(1)]);
    let said = calls.said(second(7), order.attempt, " 王工 ", &"duty".into());
    let answered = |alarm| Change::Answered {
        alarm,
        by: "王工".into(),
        how: How::Said { role: Some(RoleId(0)), channel: "duty".into() },
        after: Duration::from_secs(7),
    };
    let arrived = Change::Delivered { attempt: order.attempt, role: RoleId(0) };
    assert_eq!(said, [arrived, answered(ALARM), answered(AlarmId(1))]);
    assert_eq!(calls.said(second(8), order.attempt, "王工", &"duty".into()), []);
    assert_eq!(calls.poll_timeout(), None);
}

#[test]
fn a_delivery_is_no_answer() {
    let mut calls = Calls::new(Arc::new(plan()), 1);
    calls.announced(second(0), ALARM, Priority::Medium);
    assert_eq!(calls.open().next().unwrap().rung, None, "the first rung is not due");
    let order = only_order(&calls.step(second(120)));
    calls.delivered(second(121), order.attempt, Ok(()));
    let open = calls.open().next().unwrap();
    assert_eq!((open.rung, open.attempts), (Some(0), 1));
    assert_eq!(open.last_delivery, Some((second(121), Ok(()))));
    // The one rung has five minutes to answer, and then nobody is left.
    assert_eq!(calls.poll_timeout(), Some(second(420)));
    assert_eq!(calls.step(second(420)), [Change::Exhausted { alarm: ALARM, repeats_left: 0 }]);
    assert!(calls.open().next().unwrap().is_exhausted);
    assert_eq!((calls.poll_timeout(), calls.step(second(9_999))), (None, vec![]));
}

#[test]
fn a_call_that_begins_again_begins_with_nothing_left_over() {
    let mut calls = Calls::new(Arc::new(plan()), 1);
    calls.announced(second(0), ALARM, Priority::Critical);
    calls.step(second(0));
    calls.step(second(300));
    calls.step(second(590));
    // The repeat at 600 s finds B and C called ten seconds before: by a restart.
    let kept = calls.kept(second(590));
    let away = Some(Duration::from_secs(9));
    let (mut calls, _) = Calls::restored(second(0), Arc::new(plan()), 1, (&kept, away));
    assert_eq!(orders(&calls.step(second(0))).len(), 2);
    assert_eq!(calls.step(second(1)), [], "they wait for their minute");
    calls.begin_key_period();
    for order in [1, 2].map(AttemptId) {
        calls.delivered(second(1), order, Err(DeliveryFault::Refused));
    }
    calls.announced(second(2), ALARM, Priority::Critical);
    let order = only_order(&calls.step(second(2)));
    assert_eq!((order.role, order.rung()), (RoleId(0), 0));
    assert_eq!(calls.step(second(61)), [], "B and C are not due before their rung");
}

#[test]
fn colours_that_call_nobody_and_alarms_that_do_not_exist_open_nothing() {
    let mut calls = Calls::new(Arc::new(plan()), 1);
    assert_eq!(calls.announced(second(0), ALARM, Priority::Low), None);
    assert_eq!(calls.announced(second(0), AlarmId(1), Priority::Critical), None);
    assert_eq!(calls.open().count(), 0);
}

#[test]
fn a_key_period_halves_times_and_its_end_gives_nobody_more_time() {
    let mut calls = Calls::new(Arc::new(plan()), 3);
    calls.announced(second(0), ALARM, Priority::Critical);
    let order = only_order(&calls.step(second(0)));
    calls.delivered(second(0), order.attempt, Ok(()));
    calls.begin_key_period();
    assert_eq!(calls.poll_timeout(), Some(second(150)));
    calls.end_key_period();
    assert_eq!(calls.poll_timeout(), Some(second(150)));
    calls.begin_key_period();
    assert_eq!(calls.poll_timeout(), Some(second(150)), "a period is not applied twice");
    calls.end_key_period();
    calls.announced(second(0), AlarmId(1), Priority::Medium);
    assert_eq!(calls.poll_timeout(), Some(second(120)), "a later call has the time as written");
    calls.answered(second(0), AlarmId(1), "王工", How::Acknowledged);
    // Four minutes in, half of five is over already.
    calls.answered(second(0), ALARM, "王工", How::Acknowledged);
    calls.announced(second(100), AlarmId(2), Priority::Critical);
    let order = only_order(&calls.step(second(100)));
    calls.delivered(second(100), order.attempt, Ok(()));
    calls.begin_key_period();
    assert_eq!(calls.step(second(340)).len(), 2, "B and C");
}

#[test]
fn what_does_not_fit_in_flight_waits_and_higher_colours_go_first() {
    let ladder = |first: u16, count: u16| Ladder {
        rungs: vec![Rung { after: Duration::ZERO, roles: (first..first + count).map(RoleId).collect() }],
        repeat: None,
    };
    let many = u16::try_from(IN_FLIGHT_MAX).unwrap();
    let plan = CallPlan {
        roles: (0..2 * many).map(|role| RoleSpec { name: format!("{role}").into() }).collect(),
        ladders: [Ladder::default(), Ladder::default(), ladder(0, many), ladder(many, many)],
        ..CallPlan::default()
    };
    assert_eq!(plan.faults(), []);
    let mut calls = Calls::new(Arc::new(plan), 2);
    calls.announced(second(0), AlarmId(0), Priority::High);
    calls.announced(second(0), AlarmId(1), Priority::Critical);
    let orders = orders(&calls.step(second(0)));
    assert_eq!(orders.len(), IN_FLIGHT_MAX);
    assert!(orders.iter().all(|order| order.role.0 >= many), "red first");
    assert_eq!(calls.step(second(0)), []);
    assert_eq!(
        calls.poll_timeout(),
        Some(second(120)),
        "no room, so nothing is due before an order is given up"
    );
    calls.delivered(second(1), orders[0].attempt, Ok(()));
    assert!(calls.poll_timeout() <= Some(second(1)));
    assert_eq!(only_order(&calls.step(second(1))).role, RoleId(0));
}

#[test]
fn time_away_counts_where_a_clock_tells_and_every_rung_missed_is_called() {
    type Case = (Option<u64>, &'static [(u16, u8)], u64);
    let cases: [Case; 4] = [
        // The minute for which A was not to be called again is long over, unless nobody knows.
        (Some(10), &[], 50),
        (Some(120), &[(0, 0)], 240),
        (Some(250), &[(0, 0), (1, 1), (2, 1)], 120),
        (None, &[(0, 0)], 120),
    ];
    for (away, expected, due) in cases {
        let mut calls = Calls::new(Arc::new(plan()), 1);
        calls.announced(second(500), ALARM, Priority::Critical);
        let order = only_order(&calls.step(second(500)));
        calls.delivered(second(500), order.attempt, Ok(()));
        let kept = calls.kept(second(if away == Some(10) { 500 } else { 560 }));
        let away = away.map(Duration::from_secs);
        let (mut calls, changes) = Calls::restored(Mono::ZERO, Arc::new(plan()), 1, (&kept, away));
        assert_eq!(changes, []);
        let orders = orders(&calls.step(Mono::ZERO));
        let found: Vec<(u16, u8)> = orders.iter().map(|order| (order.role.0, order.rung())).collect();
        assert_eq!(found, expected, "{away:?}");
        for order in orders.iter().filter(|_| away == Some(Duration::from_secs(120))) {
            calls.delivered(Mono::ZERO, order.attempt, Ok(()));
            assert_eq!(calls.poll_timeout(), Some(second(120)), "5 min less 1 min before and 2 min away");
        }
        assert!(calls.poll_timeout() <= Some(second(due)), "{away:?}: {:?}", calls.poll_timeout());
        let before = calls.open().next().unwrap().before;
        assert!(before >= away.unwrap_or_default(), "{before:?}");
    }
}

#[test]
fn a_last_rung_that_was_reached_late_still_has_its_time_to_answer() {
    let mut calls = Calls::new(Arc::new(plan()), 1);
    calls.announced(second(0), ALARM, Priority::Critical);
    calls.step(second(0));
    let away = Some(Duration::from_secs(700));
    let (mut calls, _) = Calls::restored(second(0), Arc::new(plan()), 1, (&calls.kept(second(0)), away));
    for order in orders(&calls.step(second(0))) {
        calls.delivered(second(0), order.attempt, Ok(()));
    }
    assert_eq!(calls.poll_timeout(), Some(second(300)));
}

#[test]
fn a_restart_with_another_configuration_says_which_calls_it_cannot_go_on_with() {
    let mut calls = Calls::new(Arc::new(plan()), 3);
    for alarm in 0..3 {
        calls.announced(second(0), AlarmId(alarm), Priority::Critical);
    }
    calls.step(second(0));
    calls.step(second(300));
    let mut kept = calls.kept(second(300));
    kept.calls[1].priority = Priority::Low;
    let (mut calls, changes) =
        Calls::restored(Mono::ZERO, Arc::new(CallPlan { roles: vec![], ..plan() }), 2, (&kept, None));
    let gone = |alarm| Change::Withdrawn { alarm: AlarmId(alarm), why: Withdrawal::Gone };
    assert_eq!(changes, [gone(1), gone(2)]);
    assert_eq!(calls.open().map(|call| call.alarm).collect::<Vec<_>>(), [ALARM]);
    calls.step(Mono::ZERO);
}

pub(super) fn orders(changes: &[Change]) -> Vec<Order> {
    let order = |change: &Change| match change {
        Change::Ordered(order) => Some(order.clone()),
        _ => None,
    };
    changes.iter().filter_map(order).collect()
}

fn only_order(changes: &[Change]) -> Order {
    let [Change::Ordered(order)] = changes else { panic!("{changes:?}") };
    order.clone()
}

fn second(second: u64) -> Mono {
    Mono::from_millis(second * 1000)
}
