//! Modbus TCP: one connection, kept while every exchange on it ends cleanly.

use std::sync::Arc;

use hazard_core::link::LinkFault;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::Slave;
use tokio_modbus::client::{Client, tcp};

use super::ask::{Ask, Heard, excess, verdict};
use super::link::Timing;
use super::opener::Opener;
use super::stats::LinkStats;
use super::tape::Tape;
use super::wire::Wire;
use crate::settings::BusLink;

/// Bytes around a PDU: the MBAP header (MODBUS Messaging on TCP/IP V1.0b, §3.1.3).
const FRAME_BYTES: u64 = 7;

/// A Modbus TCP endpoint.
pub(super) struct Tcp {
    opener: Opener,
    settings: BusLink,
    stats: Arc<LinkStats>,
    connection: Option<Connection>,
}

struct Connection {
    client: Box<dyn Client>,
    wire: Wire,
}

impl Tcp {
    pub(super) fn new(settings: BusLink, stats: Arc<LinkStats>) -> Self {
        let opener = Opener::new(settings.clone(), Arc::clone(&stats));
        Self { opener, settings, stats, connection: None }
    }

    pub(super) fn keep_on(&mut self, tape: Tape) {
        self.opener.keep_on(tape);
    }

    /// Asks and waits for the answer. The connection is put back only after a clean exchange: a fault, a panic or a
    /// caller that stops waiting drops it, and with it whatever was half read.
    pub(super) async fn exchange<A: Ask>(&mut self, ask: &A, timing: Timing) -> Result<A::Answer, LinkFault> {
        let mut connection = self.take_connection(ask.unit()).await?;
        connection.client.set_slave(Slave(ask.unit()));
        let asked_at = Instant::now();
        let outcome = timeout(timing.timeout, connection.client.call(ask.request())).await;
        self.stats.took(Instant::now() - asked_at);
        let result = verdict(ask, outcome.ok());
        let heard = Heard { bytes: connection.wire.take_heard_bytes(), frame_bytes: FRAME_BYTES };
        match excess(ask, &result, heard) {
            Some(0) => self.connection = Some(connection),
            Some(bytes) => self.stats.strayed(bytes),
            None => {}
        }
        result
    }

    async fn take_connection(&mut self, unit: u8) -> Result<Connection, LinkFault> {
        if let Some(connection) = self.connection.take() {
            let silence = self.settings.silence(unit);
            if !silence.is_zero() {
                sleep_until(connection.wire.active_at() + silence).await;
            }
            // Many devices close an idle connection: that is no fault of the request that finds it closed.
            if connection.wire.is_quiet() {
                return Ok(connection);
            }
            self.stats.strayed(connection.wire.take_heard_bytes());
        }
        let wire = self.opener.open().await?;
        Ok(Connection { client: tcp::attach(wire.clone()).into(), wire })
    }
}
