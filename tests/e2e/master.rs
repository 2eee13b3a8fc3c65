//! tokio-modbus as a master on the node's line.

use std::time::Duration;

use hazard_field::Status;
use hazard_field::map::input;
use tokio_modbus::client::{Context, rtu};
use tokio_modbus::prelude::{Reader, Slave, Writer};

use crate::tools::wait_for;

/// tokio-modbus on the node's line.
pub(crate) struct Master {
    runtime: tokio::runtime::Runtime,
    line: Context,
}

impl Master {
    pub(crate) fn connect(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = wait_for("the node's line", || {
            runtime.block_on(tokio::net::TcpStream::connect(("127.0.0.1", port))).ok()
        });
        stream.set_nodelay(true).unwrap();
        let _inside = runtime.enter();
        let line = rtu::attach_slave(stream, Slave(1));
        Self { line, runtime }
    }

    /// Asks, and asks again when nobody answers, as every master does: on a busy host the emulator hands a frame's bytes over with
    /// pauses, and the node rightly takes a pause for the frame's end.
    fn ask<T>(
        &mut self,
        what: impl AsyncFn(&mut Context) -> tokio_modbus::Result<T>,
    ) -> Result<T, tokio_modbus::ExceptionCode> {
        let Self { runtime, line } = self;
        wait_for("an answer", || {
            let asked = async { tokio::time::timeout(Duration::from_secs(3), what(line)).await };
            runtime.block_on(asked).ok()
        })
        .unwrap()
    }

    pub(crate) fn inputs(&mut self, address: u16, count: u16) -> Vec<u16> {
        self.ask(async |line| line.read_input_registers(address, count).await).unwrap()
    }

    pub(crate) fn input(&mut self, address: u16) -> u16 {
        self.inputs(address, 1)[0]
    }

    pub(crate) fn bit(&mut self, address: u16) -> bool {
        self.ask(async |line| line.read_discrete_inputs(address, 1).await).unwrap()[0]
    }

    pub(crate) fn holding(&mut self, address: u16, count: u16) -> Vec<u16> {
        self.ask(async |line| line.read_holding_registers(address, count).await).unwrap()
    }

    pub(crate) fn set(&mut self, address: u16, words: &[u16]) -> Result<(), tokio_modbus::ExceptionCode> {
        self.ask(async |line| line.write_multiple_registers(address, words).await)
    }

    pub(crate) fn switch(&mut self, coil: u16, on: bool) -> Result<(), tokio_modbus::ExceptionCode> {
        self.ask(async |line| line.write_single_coil(coil, on).await)
    }

    pub(crate) fn status(&mut self) -> Status {
        Status::from_bits(self.input(input::STATUS))
    }

    pub(crate) fn value(&mut self, channel: u16) -> f32 {
        let words = self.inputs(input::channel(channel), 2);
        f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1]))
    }
}
