//! Everything the engine asks of the world, in the order in which it must be done.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::Utc;
use crate::annunciate::Panel;
use crate::call::Order;
use crate::id::{BusId, DeviceId, Epoch, MessageId, Seq, Ticket, UplinkId};
use crate::link::{ReadRequest, Setting, WriteRequest};
use crate::outbox::record::Record;
use crate::outbox::{AckedSet, Lane};

/// Something to do. Whoever carries it out never waits for it.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Drive the gateway's own lines to this image.
    Drive(Panel),
    /// Write coils on a bus; answered by [`crate::Input::Written`].
    Write {
        /// Where.
        bus: BusId,
        /// Which request.
        ticket: Ticket,
        /// To which device.
        device: DeviceId,
        /// What.
        request: WriteRequest,
    },
    /// Write what a named command says; answered by [`crate::Input::Written`].
    Set {
        /// Where.
        bus: BusId,
        /// Which request.
        ticket: Ticket,
        /// To which device.
        device: DeviceId,
        /// What.
        request: Setting,
    },
    /// Read from a bus; answered by [`crate::Input::Reply`].
    Read {
        /// Where.
        bus: BusId,
        /// Which request.
        ticket: Ticket,
        /// From which device.
        device: DeviceId,
        /// What.
        request: ReadRequest,
    },
    /// Call somebody; answered by [`crate::Input::Call`].
    Call(Order),
    /// Hand a message to an uplink; answered by [`crate::input::UplinkReport`].
    Publish(Publish),
    /// Make records durable, in this order; answered by [`crate::input::JournalReport::Durable`].
    Append {
        /// The epoch they belong to.
        epoch: Epoch,
        /// In ascending order.
        records: Vec<Arc<Record>>,
        /// An event is among them: make them durable at once.
        urgent: bool,
    },
    /// Read records back; answered by [`crate::input::JournalReport::Fetched`].
    Fetch {
        /// For whom.
        uplink: UplinkId,
        /// Of which epoch.
        epoch: Epoch,
        /// Of which lane.
        lane: Lane,
        /// The first number wanted.
        first: Seq,
        /// The last number wanted.
        last: Seq,
        /// At most so many records.
        records_max: u16,
    },
    /// Look where records of a time are; answered by [`crate::input::JournalReport::Located`].
    Find {
        /// For whom.
        uplink: UplinkId,
        /// From this stamp on.
        from: Utc,
        /// Up to and with this one.
        to: Utc,
    },
    /// Remember what an uplink has confirmed; need not be durable at once.
    SaveCursor {
        /// Who.
        uplink: UplinkId,
        /// Of which epoch.
        epoch: Epoch,
        /// Event lane then reading lane.
        acked: [AckedSet; 2],
    },
    /// Set the broken store aside and open a fresh one for a fresh epoch; answered by
    /// [`crate::input::JournalReport::Opened`] or `Failed`.
    Reopen,
}

/// A message for a platform: records of one lane of one epoch, in ascending order.
#[derive(Clone, PartialEq, Debug)]
pub struct Publish {
    /// To whom.
    pub uplink: UplinkId,
    /// Which message; its confirmation names it.
    pub message: MessageId,
    /// The epoch the records belong to.
    pub epoch: Epoch,
    /// The lane they travel in.
    pub lane: Lane,
    /// They are older than the connection.
    pub back_fill: bool,
    /// The platform asked for them, by this name.
    pub replay: Option<Arc<str>>,
    /// At least one.
    pub records: Vec<Arc<Record>>,
}
