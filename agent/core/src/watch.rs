//! What the engine looks after besides the plant: its journal, its uplinks, push buttons, the number of its alarms, key periods, safeguards, and what must
//! outlive a power cut. Each is a condition that people see.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Mono;
use crate::annunciate::Impaired;
use crate::engine::Engine;
use crate::id::{KeyPeriodId, PointId, SafeguardId, UplinkId};
use crate::outbox::JournalState;
use crate::outbox::record::Condition;
use crate::poll::Health;
use crate::site::SafeguardState;

/// An uplink may be away so long before a person is told.
const UPLINK_GRACE: Duration = Duration::from_secs(10);

impl Engine {
    pub(crate) fn watch_journal(&mut self) {
        let down = match self.outbox.journal() {
            JournalState::Open => false,
            JournalState::Opening { until } => self.now() >= until,
            JournalState::Down { .. } => true,
        };
        self.set(Condition::JournalDown, down);
        self.set(Condition::JournalBehind, self.outbox.is_journal_behind());
        self.set(Condition::JournalFull, self.outbox.is_journal_full(self.now()));
    }

    pub(crate) fn watch_uplinks(&mut self) {
        for index in 0..self.uplinks_down_at.len() {
            let away = self.uplinks_down_at[index].is_some_and(|at| self.now().since(at) >= UPLINK_GRACE);
            if away && let Ok(index) = u8::try_from(index) {
                self.set(Condition::UplinkDown(UplinkId(index)), true);
            }
            if let Ok(uplink) = u8::try_from(index).map(UplinkId) {
                self.set(Condition::ReceiptsMissing(uplink), self.outbox.lacks_receipts(uplink));
            }
        }
    }

    /// What buttons that people touch have shown.
    pub(crate) fn note_buttons(&mut self, felt: Vec<PointId>) {
        for point in felt {
            let button = self.plant.button(point);
            let (flapping, stuck) = button.map_or((false, false), |b| (b.is_flapping(), b.is_stuck()));
            self.set(Condition::ButtonFlapping(point), flapping);
            self.set(Condition::ButtonStuck(point), stuck);
        }
    }

    /// Whether the agent, a device or a point is impaired.
    pub(crate) fn impaired(&self) -> Impaired {
        let offline = self.health.iter().any(Health::is_offline);
        if self.lost_sounds {
            Impaired::Heard
        } else if offline
            || self.plant.has_lost(&self.site)
            || self.conditions.iter().any(|condition| condition.impairs())
        {
            Impaired::Yes
        } else {
            Impaired::No
        }
    }

    pub(crate) fn watch_flood(&mut self) {
        self.plant.flood.look(self.now());
        self.set(Condition::AlarmFlood, self.plant.flood.is_flooded());
        let chatter: BTreeSet<Condition> =
            self.plant.flood.chatter().iter().map(|alarm| Condition::AlarmChatter(*alarm)).collect();
        let known = self.conditions.iter().filter(|known| matches!(known, Condition::AlarmChatter(_)));
        let over: Vec<Condition> = known.filter(|known| !chatter.contains(known)).copied().collect();
        for condition in over {
            self.set(condition, false);
        }
        for condition in chatter {
            self.set(condition, true);
        }
    }

    /// What must outlive a power cut can be kept, or not.
    pub fn retentive_said(&mut self, now: Mono, down: bool) {
        self.reach(now);
        self.set(Condition::RetentiveDown, down);
        self.finish_turn();
    }

    /// The site file can be used, or the last good configuration runs in its place.
    pub fn site_file_said(&mut self, now: Mono, invalid: bool) {
        self.reach(now);
        self.set(Condition::SiteFileInvalid, invalid);
        self.finish_turn();
    }

    pub(crate) fn watch_periods(&mut self) {
        let site = Arc::clone(&self.site);
        self.periods.look(&site.key_periods, self.stamp());
        self.plant.key_period = self.periods.any();
        self.calls_in_key_period(self.periods.any());
        for id in (0..).map(KeyPeriodId).take(site.key_periods.len()) {
            self.set(Condition::KeyPeriod(id), self.periods.is_active(id));
        }
    }

    pub(crate) fn note_safeguards(&mut self) {
        let site = Arc::clone(&self.site);
        for (id, safeguard) in (0..).map(SafeguardId).zip(&site.safeguards) {
            self.set(Condition::SafeguardAbsent(id), safeguard.state == SafeguardState::Absent);
        }
    }
}
