//! One small site: role A is called at once, B and C after five minutes and once more after five.

mod laws;
mod plans;
mod stories;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use super::*;

const ALARM: AlarmId = AlarmId(0);
const MINUTE: u64 = 60_000;

/// What a row of the table begins with.
const STATES: [&str; 7] = ["none", "opened", "ordered", "delivered", "climbed", "repeated", "exhausted"];

/// Every state of a call against everything that can happen: what changes in that moment, and when the next is due.
const ROWS: [(&str, [&str; 7]); 11] = [
    ("announced", ["open A0 @120", "A0 @120", "- @120", "- @300", "- @420", "- @720", "open A0 @1020"]),
    ("arrived", ["- @never", "A0 @120", "ok @300", "- @300", "ok @420", "ok @720", "- @never"]),
    (
        "failed",
        [
            "- @never",
            "A0 @120",
            "fail> B1 C1 @120",
            "- @300",
            "fail nobody(1) @420",
            "fail nobody(0) @720",
            "- @never",
        ],
    ),
    (
        "answered",
        [
            "- @never",
            "answer @never",
            "answer @120",
            "answer @never",
            "answer @420",
            "answer @720",
            "answer @never",
        ],
    ),
    (
        "said",
        ["- @never", "A0 @120", "ok answer @never", "- @300", "ok answer @420", "ok answer @720", "- @never"],
    ),
    (
        "put aside",
        [
            "- @never",
            "withdraw @never",
            "withdraw @120",
            "withdraw @never",
            "withdraw @420",
            "withdraw @720",
            "withdraw @never",
        ],
    ),
    ("key period", ["- @never", "A0 @120", "- @120", "- @150", "- @420", "- @720", "- @never"]),
    ("minute", ["- @never", "A0 @180", "- @120", "- @300", "- @420", "- @720", "- @never"]),
    (
        "two minutes",
        [
            "- @never",
            "A0 @240",
            "late> B1 C1 @240",
            "- @300",
            "late nobody(1) late @600",
            "late nobody(0) late @never",
            "- @never",
        ],
    ),
    (
        "five minutes",
        [
            "- @never",
            "A0 B1 C1 @420",
            "late B1 C1 @420",
            "B1 C1 @420",
            "late nobody(1) late B1 C1 @720",
            "late nobody(0) late @never",
            "- @never",
        ],
    ),
    ("restart", ["- @never", "A0 @120", "A0 @120", "A0 @120", "B1 C1 @120", "B1 C1 @120", "B1 C1 @120"]),
];

#[test]
fn every_state_meets_everything_that_can_happen() {
    for (event, cells) in ROWS {
        for (state, expected) in STATES.into_iter().zip(cells) {
            let mut site = Site::new();
            site.bring(state);
            assert_eq!(site.play(event), expected, "{state}, {event}");
        }
    }
}

/// The small site, with the orders that are in flight.
struct Site {
    calls: Calls,
    now: Mono,
    in_flight: Vec<AttemptId>,
}

impl Site {
    fn new() -> Self {
        let calls = Calls::new(Arc::new(plan()), 8);
        Self { calls, now: Mono::ZERO, in_flight: Vec::new() }
    }

    fn bring(&mut self, state: &str) {
        let steps: &[&str] = match state {
            "none" => &[],
            "opened" => {
                self.calls.announced(self.now, ALARM, Priority::Critical);
                &[]
            }
            "ordered" => &["announced"],
            "delivered" => &["announced", "arrived"],
            "climbed" => &["announced", "arrived", "five minutes"],
            "repeated" => &["announced", "arrived", "five minutes", "arrived", "arrived", "five minutes"],
            "exhausted" => &[
                "announced",
                "arrived",
                "five minutes",
                "arrived",
                "arrived",
                "five minutes",
                "arrived",
                "arrived",
                "five minutes",
            ],
            other => panic!("{other}"),
        };
        for step in steps {
            self.play(step);
        }
    }

    /// One thing happens, and all that is due is done: `B1` is an order for B on rung 1.
    fn play(&mut self, event: &str) -> String {
        let attempt = self.in_flight.first().copied().unwrap_or(AttemptId(0));
        let mut changes = match event {
            "announced" => Vec::from_iter(self.calls.announced(self.now, ALARM, Priority::Critical)),
            "arrived" => self.calls.delivered(self.now, attempt, Ok(())),
            "failed" => self.calls.delivered(self.now, attempt, Err(DeliveryFault::Unreachable)),
            "answered" => Vec::from_iter(self.calls.answered(self.now, ALARM, "王工", How::Acknowledged)),
            "said" => self.calls.said(self.now, attempt, "王工", &"duty".into()),
            "put aside" => Vec::from_iter(self.calls.withdrawn(ALARM, Withheld::Shelved)),
            "key period" => {
                self.calls.begin_key_period();
                vec![]
            }
            "minute" => self.wait(1),
            "two minutes" => self.wait(2),
            "five minutes" => self.wait(5),
            "restart" => self.restart(),
            other => panic!("{other}"),
        };
        changes.extend(self.calls.step(self.now));
        self.note(&changes);
        let said: Vec<String> = changes.iter().map(text).collect();
        let said = if said.is_empty() { "-".into() } else { said.join(" ") };
        let due = self.calls.poll_timeout().map(|at| at.as_micros() / 1_000_000);
        format!("{said} @{}", due.map_or_else(|| "never".into(), |due| format!("{due}")))
    }

    fn wait(&mut self, minutes: u64) -> Vec<Change> {
        self.now = self.now + Duration::from_millis(minutes * MINUTE);
        Vec::new()
    }

    /// The gateway was away for ten minutes, and no clock tells.
    fn restart(&mut self) -> Vec<Change> {
        let kept = self.calls.kept(self.now);
        self.in_flight.clear();
        self.now = Mono::ZERO;
        let (calls, changes) = Calls::restored(self.now, Arc::new(plan()), 8, (&kept, None));
        self.calls = calls;
        changes
    }

    fn note(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Ordered(order) => self.in_flight.push(order.attempt),
                Change::Delivered { attempt, .. } | Change::Failed { attempt, .. } => {
                    self.in_flight.retain(|open| open != attempt);
                }
                Change::Opened { .. }
                | Change::Answered { .. }
                | Change::Withdrawn { .. }
                | Change::Exhausted { .. } => {}
            }
        }
    }
}

fn text(change: &Change) -> String {
    match change {
        Change::Opened { .. } => "open".into(),
        Change::Ordered(order) => format!("{}{}", letter(order.role), order.rung()),
        Change::Delivered { .. } => "ok".into(),
        Change::Failed { fault, moved_on, .. } => {
            let why = if *fault == DeliveryFault::Unreported { "late" } else { "fail" };
            format!("{why}{}", if moved_on.is_empty() { "" } else { ">" })
        }
        Change::Answered { by, .. } => {
            assert_eq!(&**by, "王工");
            "answer".into()
        }
        Change::Withdrawn { why, .. } => {
            assert_eq!(*why, Withdrawal::Withheld(Withheld::Shelved));
            "withdraw".into()
        }
        Change::Exhausted { repeats_left, .. } => format!("nobody({repeats_left})"),
    }
}

fn letter(role: RoleId) -> char {
    char::from(b'A' + u8::try_from(role.0).unwrap())
}

/// Red: A at once, B and C after 5 min, once more after 5; orange: A at once; yellow: B after 2 min; blue: nobody.
fn plan() -> CallPlan {
    let ladder = |rungs: &[(u64, &[u16])], repeat: Option<u8>| Ladder {
        rungs: rungs
            .iter()
            .map(|(minutes, roles)| Rung {
                after: Duration::from_millis(minutes * MINUTE),
                roles: roles.iter().copied().map(RoleId).collect(),
            })
            .collect(),
        repeat: repeat.map(|max| Repeat { every: Duration::from_millis(5 * MINUTE), max }),
    };
    CallPlan {
        roles: ["A", "B", "C"].map(|name| RoleSpec { name: name.into() }).into(),
        ladders: [
            ladder(&[], None),
            ladder(&[(2, &[1])], None),
            ladder(&[(0, &[0]), (3, &[0, 2])], Some(2)),
            ladder(&[(0, &[0]), (5, &[1, 2])], Some(1)),
        ],
        ..CallPlan::default()
    }
}
