//! 重点时段: days of special duty on which set-points are tighter, calls climb faster and nobody begins a bypass.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::id::KeyPeriodId;
use crate::{ClockTrust, Stamp, Utc};

/// A key period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPeriodSpec {
    /// Its name on the site.
    pub name: Arc<str>,
    /// Its first moment.
    pub from: Utc,
    /// The moment after its last.
    pub until: Utc,
    /// Bypasses may be begun.
    pub bypass_allowed: bool,
}

/// Which key periods there are at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct KeyPeriods {
    active: Vec<KeyPeriodId>,
}

impl KeyPeriods {
    /// Looks at the clock. One that was never set neither begins nor ends a period: what holds goes on.
    pub(crate) fn look(&mut self, specs: &[KeyPeriodSpec], stamp: Stamp) {
        if stamp.trust == ClockTrust::Unset {
            return;
        }
        let holds = |spec: &KeyPeriodSpec| spec.from <= stamp.utc && stamp.utc < spec.until;
        let all = (0..).map(KeyPeriodId).zip(specs);
        self.active = all.filter(|(_, spec)| holds(spec)).map(|(id, _)| id).collect();
    }

    pub(crate) fn is_active(&self, id: KeyPeriodId) -> bool {
        self.active.contains(&id)
    }

    /// Whether there is any: set-points are tight and ladders short.
    pub(crate) const fn any(&self) -> bool {
        !self.active.is_empty()
    }

    /// Whether one of them forbids to begin a bypass.
    pub(crate) fn forbids_bypass(&self, specs: &[KeyPeriodSpec]) -> bool {
        self.active.iter().any(|id| specs.get(id.index()).is_some_and(|spec| !spec.bypass_allowed))
    }
}
