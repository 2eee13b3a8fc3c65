//! The laws of calls, in random histories watched by somebody with a notebook.

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const GAP_MS: u64 = 60_000;
const ALARMS: u32 = 6;

#[derive(Clone, Copy, Debug)]
enum Event {
    Announced(u32),
    Answered(u32),
    PutAside(u32),
    Report(usize, Result<(), DeliveryFault>),
    Said(usize),
    Wait(u64),
    KeyPeriod(bool),
    Restart { away_s: u64, is_known: bool },
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_laws_hold_in_every_history(events in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in events {
            world.play(event);
        }
    }
}

/// What the notebook says of one open call.
#[derive(Default)]
struct Page {
    /// By role: until when it must have been told, and for which rung at least.
    owed: Vec<(RoleId, u8, u64)>,
    is_over: bool,
    /// When it was opened, or began again.
    opened: usize,
}

struct World {
    calls: Calls,
    /// True time; a run's own clock begins at `started`.
    true_ms: u64,
    started: u64,
    /// Orders, and which calls they told of.
    in_flight: Vec<(Order, Vec<usize>)>,
    opened: usize,
    pages: BTreeMap<AlarmId, Page>,
    last: BTreeMap<RoleId, (u64, Priority)>,
}

impl World {
    fn new() -> Self {
        Self {
            calls: Calls::new(Arc::new(plan()), ALARMS as usize),
            true_ms: 1_000_000,
            started: 1_000_000,
            in_flight: Vec::new(),
            opened: 0,
            pages: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    fn now(&self) -> Mono {
        Mono::from_millis(self.true_ms - self.started)
    }

    fn play(&mut self, event: Event) {
        let (now, channel) = (self.now(), Arc::from("duty"));
        let attempt = |at: usize| {
            let count = self.in_flight.len();
            (count > 0).then(|| self.in_flight[at % count].clone())
        };
        let changes = match event {
            Event::Announced(alarm) => {
                let change = self.calls.announced(now, AlarmId(alarm), colour(alarm));
                let is_due = colour(alarm) > Priority::Low
                    && self.pages.get(&AlarmId(alarm)).is_none_or(|page| page.is_over);
                assert_eq!(
                    change.is_some(),
                    is_due,
                    "one call per alarm, and each that nobody goes on with begins"
                );
                Vec::from_iter(change)
            }
            Event::Answered(alarm) => {
                let change = self.calls.answered(now, AlarmId(alarm), "王工", How::Acknowledged);
                assert_eq!(change.is_some(), self.pages.contains_key(&AlarmId(alarm)));
                Vec::from_iter(change)
            }
            Event::PutAside(alarm) => {
                Vec::from_iter(self.calls.withdrawn(AlarmId(alarm), Withheld::OutOfService))
            }
            Event::Report(at, outcome) => match attempt(at) {
                Some(order) => self.report(&order, outcome),
                None => Vec::new(),
            },
            Event::Said(at) => {
                let order = attempt(at);
                order
                    .map_or_else(Vec::new, |(order, _)| self.calls.said(now, order.attempt, "王工", &channel))
            }
            Event::Wait(ms) => {
                self.wait(ms);
                Vec::new()
            }
            Event::KeyPeriod(begins) => {
                if begins {
                    self.calls.begin_key_period()
                } else {
                    self.calls.end_key_period()
                };
                Vec::new()
            }
            Event::Restart { away_s, is_known } => self.restart(away_s * 1000, is_known),
        };
        self.note(&changes);
        self.look();
    }

    /// After a delivery that failed the next rung is called at once: nothing but the gap is between.
    fn report(
        &mut self,
        (order, opened): &(Order, Vec<usize>),
        outcome: Result<(), DeliveryFault>,
    ) -> Vec<Change> {
        let rungs: BTreeMap<AlarmId, Option<u8>> =
            self.calls.open().map(|call| (call.alarm, call.rung)).collect();
        let same: Vec<AlarmId> = self.calls.told(order.attempt).collect();
        let changes = self.calls.delivered(self.now(), order.attempt, outcome);
        if let [Change::Failed { moved_on, .. }, ..] = &changes[..] {
            for alarm in moved_on {
                assert!(same.contains(alarm));
                let next = rungs[alarm].unwrap() + 1;
                let roles = &plan().ladder(colour(alarm.0)).rungs[usize::from(next)].roles.clone();
                let by = self.true_ms + GAP_MS;
                let page = self.pages.get_mut(alarm).unwrap();
                page.owed.extend(roles.iter().map(|role| (*role, next, by)));
            }
        }
        let mut later = self.calls.step(self.now());
        let told = order.alarms.iter().zip(opened).filter(|_| outcome.is_err());
        for (told, opened) in told {
            if self.pages.get(&told.alarm).is_none_or(|page| page.opened != *opened) {
                continue;
            }
            let open = self.calls.open().find(|call| call.alarm == told.alarm).unwrap();
            let is_last = usize::from(told.rung) + 1 == plan().ladder(told.priority).rungs.len();
            assert!(open.rung > Some(told.rung) || (is_last && open.is_exhausted), "{told:?} {open:?}");
        }
        let mut all = changes;
        all.append(&mut later);
        all
    }

    fn wait(&mut self, ms: u64) {
        let end = self.true_ms + ms;
        loop {
            let due = self.calls.poll_timeout().map(|due| self.started + due.as_micros().div_ceil(1000));
            let Some(due) = due.filter(|due| *due <= end) else { break };
            assert!(due > self.true_ms, "a step leaves nothing due");
            self.true_ms = due - 1;
            assert_eq!(self.calls.clone().step(self.now()), [], "nothing happens before it is due");
            self.true_ms = due;
            self.look();
        }
        self.true_ms = end;
        self.look();
    }

    fn restart(&mut self, away_ms: u64, is_known: bool) -> Vec<Change> {
        let kept = self.calls.kept(self.now());
        let rungs: Vec<(AlarmId, Option<u8>)> =
            self.calls.open().map(|call| (call.alarm, call.rung)).collect();
        self.true_ms += away_ms;
        self.started = self.true_ms;
        self.in_flight.clear();
        if !is_known {
            self.last.clear();
        }
        let away = is_known.then(|| Duration::from_millis(away_ms));
        let (calls, changes) = Calls::restored(self.now(), Arc::new(plan()), ALARMS as usize, (&kept, away));
        self.calls = calls;
        for (alarm, rung) in rungs {
            let plan = plan();
            let ladder = plan.ladder(colour(alarm.0));
            let begun = rung.map_or(Duration::ZERO, |rung| ladder.rungs[usize::from(rung)].after);
            let page = self.pages.get_mut(&alarm).unwrap();
            for (_, owed, by) in &mut page.owed {
                let after = ladder.rungs[usize::from(*owed)].after.saturating_sub(begun);
                let afresh = if is_known { 0 } else { u64::try_from(after.as_millis()).unwrap() };
                *by = (*by).max(self.true_ms + afresh + GAP_MS);
            }
            if let Some(rung) = rung {
                let roles = &ladder.rungs[usize::from(rung)].roles;
                page.owed.extend(roles.iter().map(|role| (*role, rung, self.true_ms + GAP_MS)));
            }
        }
        changes
    }

    /// Does what is due and looks at everything.
    fn look(&mut self) {
        let changes = self.calls.step(self.now());
        self.note(&changes);
        assert_eq!(self.calls.clone().step(self.now()), [], "a second look changes nothing");
        assert!(self.in_flight.len() <= IN_FLIGHT_MAX);
        let open: Vec<AlarmId> = self.calls.open().map(|call| call.alarm).collect();
        assert!(open.iter().eq(self.pages.keys()), "a call ends by an answer or by being put aside");
        for (alarm, page) in &self.pages {
            let late = page.owed.iter().find(|(.., by)| *by < self.true_ms);
            assert_eq!(late, None, "{alarm:?} at {}", self.true_ms);
        }
    }

    fn note(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Opened { alarm, priority } => {
                    let at = self.true_ms;
                    self.opened += 1;
                    let plan = plan();
                    let owed = plan.ladder(*priority).rungs.iter().zip(0..).flat_map(|(rung, index)| {
                        let by = at + u64::try_from(rung.after.as_millis()).unwrap() + GAP_MS;
                        rung.roles.iter().map(move |role| (*role, index, by)).collect::<Vec<_>>()
                    });
                    self.pages
                        .insert(*alarm, Page { owed: owed.collect(), is_over: false, opened: self.opened });
                }
                Change::Ordered(order) => self.ordered(order),
                Change::Delivered { attempt, .. } | Change::Failed { attempt, .. } => {
                    let count = self.in_flight.len();
                    self.in_flight.retain(|(order, _)| order.attempt != *attempt);
                    assert_eq!(self.in_flight.len() + 1, count);
                }
                Change::Answered { alarm, .. } | Change::Withdrawn { alarm, .. } => {
                    assert!(self.pages.remove(alarm).is_some());
                }
                Change::Exhausted { alarm, repeats_left } => {
                    self.pages.get_mut(alarm).unwrap().is_over = *repeats_left == 0;
                }
            }
        }
        // An exhausted last rung that is still repeated ends without another word.
        for call in self.calls.open().filter(|call| call.is_exhausted) {
            let over = self.calls.clone().announced(self.now(), call.alarm, call.priority).is_some();
            self.pages.get_mut(&call.alarm).unwrap().is_over |= over;
        }
    }

    fn ordered(&mut self, order: &Order) {
        let top = order.alarms.first().unwrap().priority;
        if let Some((at, told)) = self.last.insert(order.role, (self.true_ms, top)) {
            assert!(
                self.true_ms - at >= GAP_MS || top > told,
                "{order:?} {} ms after the last",
                self.true_ms - at
            );
        }
        for (index, told) in order.alarms.iter().enumerate() {
            assert!(order.alarms[..index].iter().all(|other| other.alarm != told.alarm));
            assert!(order.alarms[..index].iter().all(|other| other.priority >= told.priority));
            let page = self.pages.get_mut(&told.alarm).expect("only open calls are told of");
            page.owed.retain(|(role, rung, _)| *role != order.role || *rung > told.rung);
        }
        let opened = order.alarms.iter().map(|told| self.pages[&told.alarm].opened).collect();
        self.in_flight.push((order.clone(), opened));
    }
}

const fn colour(alarm: u32) -> Priority {
    match alarm {
        0 | 1 => Priority::Critical,
        2 | 3 => Priority::High,
        4 => Priority::Medium,
        _ => Priority::Low,
    }
}

fn event() -> impl Strategy<Value = Event> {
    let fault =
        prop_oneof![Just(Ok(())), Just(Err(DeliveryFault::Unreachable)), Just(Err(DeliveryFault::Refused)),];
    prop_oneof![
        4 => (0..ALARMS).prop_map(Event::Announced),
        1 => (0..ALARMS).prop_map(Event::Answered),
        1 => (0..ALARMS).prop_map(Event::PutAside),
        4 => (0..8_usize, fault).prop_map(|(at, outcome)| Event::Report(at, outcome)),
        1 => (0..8_usize).prop_map(Event::Said),
        3 => (0..120_000_u64).prop_map(Event::Wait),
        2 => (0..900_000_u64).prop_map(Event::Wait),
        1 => any::<bool>().prop_map(Event::KeyPeriod),
        1 => (0..1_200_u64, any::<bool>())
            .prop_map(|(away_s, is_known)| Event::Restart { away_s, is_known }),
    ]
}
