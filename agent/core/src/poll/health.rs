//! A device's health: failures in a row make it offline, and offline it is only probed, ever more rarely.

use core::time::Duration;

use crate::Mono;
use crate::link::LinkFault;
use crate::site::DeviceSpec;

const PROBE_FIRST: Duration = Duration::from_secs(1);

/// Whether a device answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It answers, or has failed fewer times in a row than makes it offline.
    Online {
        /// Failures in a row.
        failures: u8,
    },
    /// It does not answer and is only probed.
    Offline {
        /// How it failed last.
        fault: LinkFault,
        /// When it may be probed next.
        probe_at: Mono,
        /// The pause after the next probe that fails.
        pause: Duration,
    },
}

/// What a request's outcome changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Nothing.
    Same,
    /// It is offline.
    WentOffline(LinkFault),
    /// It answers again.
    CameBack,
}

/// The health of one device.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    standing: Standing,
    /// Not asked before: a reply to an earlier request may still come.
    hold_until: Mono,
    /// The line was dirty since its last good answer.
    doubtful: bool,
    /// Good answers.
    pub replies: u64,
    /// Requests that brought nothing.
    pub faults: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            standing: Standing::Online { failures: 0 },
            hold_until: Mono::ZERO,
            doubtful: false,
            replies: 0,
            faults: 0,
        }
    }
}

impl Health {
    /// Where it stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether it is offline.
    #[must_use]
    pub const fn is_offline(&self) -> bool {
        matches!(self.standing, Standing::Offline { .. })
    }

    /// The earliest time at which it may be asked.
    #[must_use]
    pub const fn hold_until(&self) -> Mono {
        self.hold_until
    }

    /// When an offline device may be probed.
    #[must_use]
    pub const fn probe_at(&self) -> Option<Mono> {
        match self.standing {
            Standing::Online { .. } => None,
            Standing::Offline { probe_at, .. } => Some(probe_at),
        }
    }

    /// Whether the value of this answer may be a late one; asked once per answer.
    pub const fn take_doubt(&mut self) -> bool {
        core::mem::replace(&mut self.doubtful, false)
    }

    /// It answered: with values, or with a refusal of its own.
    pub const fn answered(&mut self) -> Turn {
        self.replies += 1;
        let was_offline = self.is_offline();
        self.standing = Standing::Online { failures: 0 };
        if was_offline { Turn::CameBack } else { Turn::Same }
    }

    /// A request to it failed. `late` is how long a reply may still come; zero where replies name their request.
    pub fn failed(&mut self, now: Mono, fault: LinkFault, spec: &DeviceSpec, late: Duration) -> Turn {
        self.faults += 1;
        self.hold_until = now + late;
        self.doubtful |= !late.is_zero();
        match self.standing {
            Standing::Online { failures } if failures + 1 < spec.offline_after => {
                self.standing = Standing::Online { failures: failures + 1 };
                Turn::Same
            }
            Standing::Online { .. } => {
                let pause = PROBE_FIRST.min(spec.probe_max);
                self.standing = Standing::Offline { fault, probe_at: now + pause, pause };
                Turn::WentOffline(fault)
            }
            Standing::Offline { pause, .. } => {
                let pause = (pause * 2).min(spec.probe_max);
                self.standing = Standing::Offline { fault, probe_at: now + pause, pause };
                Turn::Same
            }
        }
    }
}
