//! Who is called and when, as the site's configuration describes it, and everything that can be wrong with it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alarm::Priority;
use crate::id::RoleId;

/// Rungs of one ladder at most.
pub const RUNGS_MAX: usize = 16;

/// The colours, low first; each has a ladder of its own.
const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];

/// Somebody on duty: "shift leader". Who that is today, and at which number, is known where the order is carried to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleSpec {
    /// Its name on the site.
    pub name: Arc<str>,
}

/// The roles that are called together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// How long after the alarm was announced.
    pub after: Duration,
    /// Who is called. Who is also to be called again on a later rung is named there again.
    pub roles: Vec<RoleId>,
}

/// The whole last rung is called again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeat {
    /// This often.
    pub every: Duration,
    /// So many times at most.
    pub max: u8,
}

/// Who is called, and after what time, until somebody answers. Without rungs nobody is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ladder {
    /// Ascending in time.
    pub rungs: Vec<Rung>,
    /// What happens after the last.
    pub repeat: Option<Repeat>,
}

impl Ladder {
    /// The ladder that a colour has where the site says nothing, over these roles from the nearest to the highest.
    ///
    /// | colour | called after, in minutes | the last again |
    /// |---|---|---|
    /// | red | 0, 5, 10, 15 | every 5 min, 12 times |
    /// | orange | 0, 5, 10 | every 10 min, 6 times |
    /// | yellow | 0, 10 | every 15 min, 4 times |
    /// | blue | nobody: it waits on the screen | |
    ///
    /// These numbers are ours: we found no standard that gives any. Rungs for which there is no role are left out, and so
    /// are roles above the last rung.
    #[must_use]
    pub fn usual(priority: Priority, roles: &[RoleId]) -> Self {
        let (minutes, every, max): (&[u64], u64, u8) = match priority {
            Priority::Critical => (&[0, 5, 10, 15], 5, 12),
            Priority::High => (&[0, 5, 10], 10, 6),
            Priority::Medium => (&[0, 10], 15, 4),
            Priority::Low => (&[], 0, 0),
        };
        let rung = |(minutes, role): (&u64, &RoleId)| Rung { after: minute(*minutes), roles: [*role].into() };
        let rungs: Vec<Rung> = minutes.iter().zip(roles).map(rung).collect();
        let repeat = (!rungs.is_empty()).then(|| Repeat { every: minute(every), max });
        Self { rungs, repeat }
    }

    fn faults(&self, plan: &CallPlan) -> Vec<LadderFault> {
        let mut faults = Vec::new();
        if self.rungs.len() > RUNGS_MAX {
            faults.push(LadderFault::TooManyRungs);
        }
        for (index, rung) in self.rungs.iter().enumerate() {
            if index > 0 && rung.after <= self.rungs[index - 1].after {
                faults.push(LadderFault::NotAscending { rung: index });
            }
            if rung.roles.is_empty() {
                faults.push(LadderFault::Empty { rung: index });
            }
            for (place, role) in rung.roles.iter().enumerate() {
                if role.index() >= plan.roles.len() {
                    faults.push(LadderFault::Unknown { rung: index, role: *role });
                } else if rung.roles[..place].contains(role) {
                    faults.push(LadderFault::Twice { rung: index, role: *role });
                }
            }
        }
        if let Some(repeat) = self.repeat {
            let wrongs = [
                (self.rungs.is_empty(), LadderFault::NothingToRepeat),
                (repeat.every < plan.gap, LadderFault::RepeatsWithinGap),
                (repeat.max == 0, LadderFault::RepeatsNever),
            ];
            faults.extend(wrongs.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, fault)| fault));
        }
        faults
    }
}

/// What is wrong with a ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LadderFault {
    /// More than [`RUNGS_MAX`] rungs.
    TooManyRungs,
    /// A rung is not later than the one below it.
    NotAscending {
        /// Which, from 0.
        rung: usize,
    },
    /// A rung calls nobody, so a failure would climb into nothing.
    Empty {
        /// Which, from 0.
        rung: usize,
    },
    /// A rung names a role that does not exist.
    Unknown {
        /// Which, from 0.
        rung: usize,
        /// The role.
        role: RoleId,
    },
    /// A rung names a role again.
    Twice {
        /// Which, from 0.
        rung: usize,
        /// The role.
        role: RoleId,
    },
    /// It repeats a last rung and has none.
    NothingToRepeat,
    /// It repeats sooner than the same role may be called again.
    RepeatsWithinGap,
    /// It repeats no times.
    RepeatsNever,
}

/// Roles and ladders of a site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallPlan {
    /// Roles.
    pub roles: Vec<RoleSpec>,
    /// Ladders by colour, low first: the place of a [`Priority`] is its number.
    pub ladders: [Ladder; 4],
    /// The least time between two orders for the same role; only a higher colour than the last order told comes sooner.
    pub gap: Duration,
    /// 重点时段: in a key period every time of a ladder is this many thousandths of what is written, 1 to 1000.
    pub shorten: u16,
}

impl Default for CallPlan {
    /// Nobody is ever called; a minute between two orders, and key periods that halve the times.
    fn default() -> Self {
        Self { roles: Vec::new(), ladders: Default::default(), gap: Duration::from_secs(60), shorten: 500 }
    }
}

impl CallPlan {
    /// The plan over these roles, from the nearest to the highest, with [`Ladder::usual`] for each colour.
    #[must_use]
    pub fn usual(roles: Vec<RoleSpec>) -> Self {
        let ids: Vec<RoleId> = (0..).map(RoleId).zip(&roles).map(|(id, _)| id).collect();
        Self { ladders: PRIORITIES.map(|priority| Ladder::usual(priority, &ids)), roles, ..Self::default() }
    }

    /// The ladder of a colour.
    #[must_use]
    pub fn ladder(&self, priority: Priority) -> &Ladder {
        &self.ladders[priority as usize]
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<CallFault> {
        let mut faults = Vec::new();
        for (id, role) in (0..).map(RoleId).zip(&self.roles) {
            if role.name.trim().is_empty() {
                faults.push(CallFault::Nameless(id));
            } else if self.roles[..id.index()].iter().any(|other| other.name == role.name) {
                faults.push(CallFault::SameName(id));
            }
        }
        if self.gap.is_zero() {
            faults.push(CallFault::NoGap);
        }
        if !(1..=1000).contains(&self.shorten) {
            faults.push(CallFault::Shorten);
        }
        for (priority, ladder) in PRIORITIES.into_iter().zip(&self.ladders) {
            let wrong = ladder.faults(self).into_iter();
            faults.extend(wrong.map(|fault| CallFault::Ladder(priority, fault)));
        }
        faults
    }
}

/// Something that is wrong with a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallFault {
    /// A role has no name.
    Nameless(RoleId),
    /// A role has the name of one before it.
    SameName(RoleId),
    /// There is no least time between two orders: in a flood of alarms a telephone would never stop ringing.
    NoGap,
    /// The thousandths of key periods are not 1 to 1000: a key period never makes anybody wait longer.
    Shorten,
    /// In the ladder of a colour.
    Ladder(Priority, LadderFault),
}

const fn minute(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}
