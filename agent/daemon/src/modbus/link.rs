//! One bus: a request in, its answer or a fault out.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::link::{Exception, LinkFault, ReadRequest, ReadResult, WriteRequest};
use tracing::error;

use super::ask::Ask;
use super::caught::caught;
use super::rtu::Rtu;
use super::stats::LinkStats;
use super::tcp::Tcp;
use crate::settings::{BusLink, Endpoint};

/// How long a device may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// To answer.
    pub timeout: Duration,
    /// Beyond `timeout`, to answer late on a serial line: until then the unit is not asked again.
    pub late_window: Duration,
}

/// A bus; owns its port or connection, opens it when it is first asked, and again after it was lost.
pub struct Link {
    transport: Transport,
    stats: Arc<LinkStats>,
}

enum Transport {
    Tcp(Tcp),
    Rtu(Rtu),
}

impl Link {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(settings: BusLink, stats: Arc<LinkStats>) -> Self {
        let transport = match settings.endpoint {
            Endpoint::Tcp { .. } => Transport::Tcp(Tcp::new(settings, Arc::clone(&stats))),
            Endpoint::Rtu(_) | Endpoint::RtuOverTcp { .. } => {
                Transport::Rtu(Rtu::new(settings, Arc::clone(&stats)))
            }
        };
        Self { transport, stats }
    }

    /// Reads, and waits for as long as opening, silence on the line, an earlier late window and `timing` may take.
    ///
    /// # Errors
    ///
    /// What is not the answer to this request. A request that the protocol cannot carry is refused with
    /// [`Exception::IllegalValue`] and not sent.
    pub async fn read(&mut self, request: &ReadRequest, timing: Timing) -> ReadResult {
        self.exchange(request, timing).await
    }

    /// Writes coils, and returns when the device has echoed the request; on a serial line unit 0 addresses all devices and
    /// is not answered.
    ///
    /// # Errors
    ///
    /// As for [`Link::read`]. After any fault but a refusal the coils may or may not be written.
    pub async fn write(&mut self, request: &WriteRequest, timing: Timing) -> Result<(), LinkFault> {
        self.exchange(request, timing).await
    }

    async fn exchange<A: Ask>(&mut self, ask: &A, timing: Timing) -> Result<A::Answer, LinkFault> {
        self.stats.asked();
        let result = if ask.is_lawful() {
            caught(self.transport.exchange(ask, timing)).await.unwrap_or_else(|| {
                error!(unit = ask.unit(), "the Modbus library panicked; the bus is opened afresh");
                Err(LinkFault::Garbled)
            })
        } else {
            Err(LinkFault::Refused(Exception::IllegalValue))
        };
        self.stats.ended(&result);
        result
    }
}

impl Transport {
    async fn exchange<A: Ask>(&mut self, ask: &A, timing: Timing) -> Result<A::Answer, LinkFault> {
        match self {
            Self::Tcp(tcp) => tcp.exchange(ask, timing).await,
            Self::Rtu(rtu) => rtu.exchange(ask, timing).await,
        }
    }
}
