//! The device of the tests, and the engine before it.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::device_command::*;
use crate::fixture;
use crate::id::{BusId, DeviceCommandId, DeviceId, Epoch};
use crate::input::{Action, Command, JournalReport};
use crate::link::{Exception, LinkFault, ReadRequest, Setting, Table, Words};
use crate::outbox::record::{Body, Refusal};
use crate::point::{Order, Shape};
use crate::site::SiteTables;
use crate::{ClockTrust, Engine, Input, Mono, Output, Site, Start, Utc, Value};

pub(super) const SILENT: LinkFault = LinkFault::Silent;

/// What the device does with the next write.
#[derive(Clone, Copy)]
pub(super) enum Whim {
    /// Says that it took it, and did not.
    Lost,
    Stores(u16),
    Refuses(Exception),
    Fails(LinkFault),
    /// Takes it, and its answer gets lost.
    DoneInSilence,
}

pub(super) struct Plant {
    pub(super) engine: Engine,
    pub(super) now: Mono,
    pub(super) registers: [u16; 32],
    pub(super) whims: Vec<Whim>,
    pub(super) dead: bool,
    /// The line does not answer at all for the moment: what is asked waits.
    pub(super) hold: bool,
    pub(super) held: Vec<Output>,
    pub(super) writes: usize,
    pub(super) asked: Vec<char>,
    pub(super) polled: Vec<Mono>,
    pub(super) commanded: Vec<Mono>,
    pub(super) told: Vec<CommandEvent>,
}

impl Plant {
    pub(super) fn new(tables: SiteTables) -> Self {
        let site = Arc::new(Site::try_new(tables).unwrap());
        let start = Start { epoch: Epoch(7), utc: Utc::from_unix_ms(0), trust: ClockTrust::Synced };
        let now = Mono::from_micros(1_000_000);
        let mut engine = Engine::new(site, &start, now);
        let (epoch, previous, past) = (start.epoch, Vec::new(), Vec::new());
        engine.handle(now, Input::Journal(JournalReport::Opened { epoch, ordinal: 1, previous, past }));
        Self {
            engine,
            now,
            registers: [0; 32],
            whims: Vec::new(),
            dead: false,
            hold: false,
            held: Vec::new(),
            writes: 0,
            asked: Vec::new(),
            polled: Vec::new(),
            commanded: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, command: DeviceCommandId, value: Option<f64>) -> Result<(), Refusal> {
        self.ask(command, value, ["张三", "李四", "monthly"])
    }

    pub(super) fn ask(
        &mut self,
        command: DeviceCommandId,
        value: Option<f64>,
        [actor, approver, note]: [&str; 3],
    ) -> Result<(), Refusal> {
        let value = value.and_then(Value::try_new);
        let action = Action::Send { command, value, approver: approver.into() };
        let said = Command { actor: actor.into(), action, note: note.into() };
        let answer = self.engine.command(self.now, said);
        self.collect();
        match answer.refused[..] {
            [] => Ok(()),
            [(_, refusal)] => Err(refusal),
            ref refused => panic!("{refused:?}"),
        }
    }

    pub(super) fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        if !self.hold {
            for output in core::mem::take(&mut self.held) {
                self.answer(output);
            }
        }
        loop {
            self.collect();
            let Some((at, _)) = self.engine.poll_timeout().filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
        }
        self.now = end;
    }

    pub(super) fn collect(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            if let Output::Append { records, .. } = &output {
                for record in records {
                    if let Body::Command(event) = &record.body {
                        self.told.push((**event).clone());
                    }
                }
            }
            let asks = matches!(output, Output::Read { .. } | Output::Write { .. } | Output::Set { .. });
            match asks {
                true if self.hold => self.held.push(output),
                true => self.answer(output),
                false => {}
            }
        }
    }

    fn answer(&mut self, output: Output) {
        self.asked.push(match &output {
            Output::Write { .. } => 'w',
            Output::Set { .. } => 's',
            _ => 'r',
        });
        match output {
            Output::Read { bus, ticket, request, .. } => {
                let polls = request.start == 0;
                if polls { &mut self.polled } else { &mut self.commanded }.push(self.now);
                let result = if self.dead { Err(SILENT) } else { Ok(self.read(request)) };
                self.pass(result.is_err());
                self.engine.handle(self.now, Input::Reply { bus, ticket, result });
            }
            Output::Write { bus, ticket, .. } => {
                self.pass(false);
                self.engine.handle(self.now, Input::Written { bus, ticket, result: Ok(()) });
            }
            Output::Set { bus, ticket, request, .. } => {
                self.commanded.push(self.now);
                let result = if self.dead { Err(SILENT) } else { self.set(&request) };
                self.pass(result == Err(SILENT));
                self.engine.handle(self.now, Input::Written { bus, ticket, result });
            }
            _ => unreachable!(),
        }
    }

    fn pass(&mut self, silent: bool) {
        self.now = self.now + Duration::from_millis(if silent { 200 } else { 5 });
    }

    fn read(&self, request: ReadRequest) -> Words {
        let first = usize::from(request.start);
        match request.table {
            Table::Coil | Table::Discrete => Words::Bits(vec![false; request.count.into()]),
            Table::Input | Table::Holding => {
                Words::Registers(self.registers[first..first + usize::from(request.count)].to_vec())
            }
        }
    }

    fn set(&mut self, request: &Setting) -> Result<(), LinkFault> {
        assert_eq!((request.unit, request.function()), (1, 6));
        self.writes += 1;
        let Words::Registers(words) = &request.words else { panic!("coils") };
        let whim = if self.whims.is_empty() { None } else { Some(self.whims.remove(0)) };
        let place = &mut self.registers[usize::from(request.start)];
        match whim {
            None => *place = words[0],
            Some(Whim::Lost) => {}
            Some(Whim::Stores(other)) => *place = other,
            Some(Whim::Refuses(exception)) => return Err(LinkFault::Refused(exception)),
            Some(Whim::Fails(fault)) => return Err(fault),
            Some(Whim::DoneInSilence) => {
                *place = words[0];
                return Err(SILENT);
            }
        }
        Ok(())
    }

    pub(super) fn changes(&self) -> Vec<CommandChange> {
        self.told.iter().map(|event| event.change).collect()
    }

    pub(super) fn changes_of(&self, command: DeviceCommandId) -> Vec<CommandChange> {
        self.told.iter().filter(|event| event.command == command).map(|event| event.change).collect()
    }
}

/// A device with a safety point at register 0, a set-point in tenths at 10 and a zero at 20.
pub(super) fn tables() -> SiteTables {
    let mut tables = fixture::tables(1);
    tables.points = vec![fixture::point("P", 0)];
    let register = |start, scale| Target {
        start,
        shape: Shape::U16,
        coils: 1,
        order: Order::default(),
        scale,
        offset: 0.0,
        always_many: false,
    };
    let tenths = |tenths| Value::try_new(f64::from(tenths) / 10.0).unwrap();
    let setpoint = DeviceCommandSpec {
        name: "GT-101 set-point".into(),
        device: DeviceId(0),
        target: register(10, 0.1),
        bounds: Bounds::Given { min: tenths(50), max: tenths(500), step: Some(tenths(5)) },
        read_back: Some(ReadBack { table: Table::Holding, start: 10, tolerance: Value::ZERO }),
        risk: Risk::Protection,
        needs: Needs { reason: true, second_person: true },
        retries: 2,
        deadline: Duration::from_secs(30),
        every: Duration::from_secs(10),
    };
    let zero = DeviceCommandSpec {
        name: "GT-101 zero".into(),
        target: register(20, 1.0),
        bounds: Bounds::Fixed(Value::ONE),
        read_back: None,
        risk: Risk::Calibration,
        needs: Needs::default(),
        retries: 1,
        ..setpoint.clone()
    };
    tables.commands = vec![setpoint, zero];
    assert_eq!(tables.devices[0].bus, BusId(0));
    tables
}

pub(super) fn value(number: f64) -> Option<Value> {
    Value::try_new(number)
}
