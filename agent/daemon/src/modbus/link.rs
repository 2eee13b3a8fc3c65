//! One bus: a request in, its answer or a fault out.

use std::sync::Arc;
use std::time::Duration;

use hazard_core::link::{Exception, LinkFault, ReadRequest, ReadResult, Setting, WriteRequest};
use tracing::error;

use super::ask::Ask;
use super::caught::caught;
use super::on_site::Identify;
use super::rtu::Rtu;
use super::stats::LinkStats;
use super::tape::Tape;
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
    bus: String,
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
        let bus = settings.name.clone();
        let transport = match settings.endpoint {
            Endpoint::Tcp { .. } => Transport::Tcp(Tcp::new(settings, Arc::clone(&stats))),
            Endpoint::Rtu(_) | Endpoint::RtuOverTcp { .. } => {
                Transport::Rtu(Rtu::new(settings, Arc::clone(&stats)))
            }
        };
        Self { bus, transport, stats }
    }

    /// Keeps what comes in, from the next opening on.
    pub fn keep_on(&mut self, tape: Tape) {
        match &mut self.transport {
            Transport::Tcp(tcp) => tcp.keep_on(tape),
            Transport::Rtu(rtu) => rtu.keep_on(tape),
        }
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

    /// Sets coils or registers for a named command or a person on site, and returns when the device has echoed the request.
    ///
    /// # Errors
    ///
    /// As for [`Link::write`].
    pub async fn set(&mut self, setting: &Setting, timing: Timing) -> Result<(), LinkFault> {
        self.exchange(setting, timing).await
    }

    /// Asks a device who it is (function 43 / 14): vendor, product, revision, as far as it says.
    ///
    /// # Errors
    ///
    /// As for [`Link::read`]; many devices do not know the function.
    pub async fn identify(&mut self, unit: u8, timing: Timing) -> Result<Vec<String>, LinkFault> {
        self.exchange(&Identify { unit }, timing).await
    }

    async fn exchange<A: Ask>(&mut self, ask: &A, timing: Timing) -> Result<A::Answer, LinkFault> {
        self.stats.asked();
        let result = if ask.is_lawful() {
            caught(self.transport.exchange(ask, timing)).await.unwrap_or_else(|| {
                error!(
                    bus = self.bus,
                    unit = ask.unit(),
                    "the Modbus library panicked; the bus is opened afresh"
                );
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

#[cfg(test)]
mod tests {
    use hazard_core::link::{Table, Words};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_modbus::{Request, Response};

    use super::*;

    /// A request that the library chokes on.
    struct Poison;

    impl Ask for Poison {
        type Answer = ();

        fn unit(&self) -> u8 {
            1
        }

        fn is_lawful(&self) -> bool {
            true
        }

        fn request(&self) -> Request<'_> {
            Request::ReadHoldingRegisters(0, 1)
        }

        fn answer_bytes(&self) -> u64 {
            4
        }

        fn check(&self, _: Response) -> Option<()> {
            panic!("poison")
        }

        fn unanswered(&self) -> Option<()> {
            None
        }
    }

    async fn answer_all_with(listener: TcpListener, answer: &'static [u8]) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 64];
            while let Ok(1..) = stream.read(&mut request).await {
                stream.write_all(answer).await.unwrap();
            }
        }
    }

    async fn poison_then_read(answer: &'static [u8], at: impl FnOnce(u16) -> Endpoint) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = at(listener.local_addr().unwrap().port());
        tokio::spawn(answer_all_with(listener, answer));
        let settings = BusLink {
            name: "bus".to_owned(),
            endpoint,
            connect_timeout: Duration::from_secs(2),
            pause_after_connect: Duration::ZERO,
            gap: Duration::ZERO,
            pauses: Vec::new(),
        };
        let stats = Arc::new(LinkStats::default());
        let mut link = Link::new(settings, Arc::clone(&stats));
        let timing = Timing { timeout: Duration::from_millis(500), late_window: Duration::ZERO };
        assert_eq!(link.exchange(&Poison, timing).await, Err(LinkFault::Garbled));
        let read = ReadRequest { unit: 1, table: Table::Holding, start: 0, count: 1 };
        assert_eq!(link.read(&read, timing).await, Ok(Words::Registers(vec![5])));
        assert_eq!(stats.snapshot().connects, 2);
    }

    #[tokio::test]
    async fn a_panic_costs_one_request_and_the_next_one_opens_the_bus_afresh() {
        let host = || "127.0.0.1".to_owned();
        let tcp_answer = &[0, 0, 0, 0, 0, 5, 1, 3, 2, 0, 5];
        poison_then_read(tcp_answer, |port| Endpoint::Tcp { host: host(), port }).await;
        let rtu_answer = &[1, 3, 2, 0, 5, 0x78, 0x47];
        poison_then_read(rtu_answer, |port| Endpoint::RtuOverTcp { host: host(), port }).await;
    }
}
