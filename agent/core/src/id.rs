//! Names of things inside one engine: small indices into the tables of [`crate::Site`], and the numbering of records.

use core::fmt;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $repr);

        impl $name {
            /// The position in the site's table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// A bus: one line or one TCP endpoint with one request in flight.
    BusId(u16)
);
index!(
    /// A device: one unit address on a bus.
    DeviceId(u16)
);
index!(
    /// A point: one measured quantity.
    PointId(u32)
);
index!(
    /// An alarm: one condition on one point.
    AlarmId(u32)
);
index!(
    /// A zone: a room or a line whose alarms belong together. 0 is the whole site.
    ZoneId(u16)
);
index!(
    /// An output of the annunciator.
    OutputId(u16)
);
index!(
    /// An uplink: one platform.
    UplinkId(u8)
);
index!(
    /// A vote over several alarms.
    VoteId(u16)
);
index!(
    /// A trip: one row of the cause & effect matrix.
    TripId(u16)
);
index!(
    /// A start permit of one line.
    PermitId(u16)
);
index!(
    /// A safeguard: something fitted, or that should be, so that a hazard does less.
    SafeguardId(u16)
);
index!(
    /// One duty of upkeep: a calibration or a proof test of one point.
    UpkeepId(u16)
);

index!(
    /// A role: somebody on duty who is called when an alarm is not answered, whoever it is today.
    RoleId(u16)
);

index!(
    /// A named command: what may be written to a device.
    DeviceCommandId(u16)
);

index!(
    /// A key period.
    KeyPeriodId(u16)
);

/// One request in flight on a bus; never used twice in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// One message handed to an uplink; never used twice in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MessageId(pub u64);

/// One order to call a role; never used twice in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AttemptId(pub u64);

/// The number of a record within its epoch; starts at 1 and has no gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one; the last has itself, for what a damaged disk says may be anything.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The numbering that begins at each start: random, so that it cannot repeat even with a dead disk or a lost clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
