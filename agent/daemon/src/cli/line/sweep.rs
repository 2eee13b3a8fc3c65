//! All units at one setting of the line.

use std::time::Duration;

use hazard_core::link::{Exception, LinkFault, ReadRequest, Table};
use indicatif::ProgressBar;

use super::asker::{Asked, Asker};
use super::report::{Found, Report};
use crate::modbus::Timing;
use crate::modbus::diagnosis::Tally;
use crate::settings::BusLink;

/// Reads that a unit that was found is looked at with: latency, noise, and a second unit of the same address.
const LOOKS: u32 = 5;

/// How much longer a unit may take that was heard when another was asked.
const SLOWER: u32 = 5;

pub(super) struct Sweep<'a> {
    asker: Asker,
    timeout: Duration,
    bar: &'a ProgressBar,
    /// Who is silent to function 3 is asked by function 4.
    pub(super) thorough: bool,
    /// Who is found is asked who it is.
    pub(super) identifies: bool,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(settings: &BusLink, timeout: Duration, bar: &'a ProgressBar) -> Self {
        // Each unit is asked one and the same question: an answer that comes late is still its own.
        let timing = Timing { timeout, late_window: Duration::ZERO };
        let asker = Asker::new(settings.clone(), timing);
        Self { asker, timeout, bar, thorough: false, identifies: true }
    }

    /// Puts what is found into the report as soon as it is.
    pub(super) async fn run(&mut self, units: &[u8], report: &mut Report) {
        let mut late = Vec::new();
        for &unit in units {
            let asked = self.ask(unit).await;
            if asked.tally.strangers > 0 {
                // Units are asked in order: it was one of the last.
                late.extend(units.iter().copied().take_while(|other| *other != unit).last());
            }
            self.judge(unit, asked, report).await;
            self.bar.inc(1);
        }
        self.asker.wait(self.timeout * SLOWER);
        for unit in late.into_iter().filter(|unit| !report.has_at_last_setting(*unit)).collect::<Vec<_>>() {
            let asked = self.ask(unit).await;
            self.judge(unit, asked, report).await;
        }
        self.asker.wait(self.timeout);
    }

    async fn judge(&mut self, unit: u8, asked: Asked, report: &mut Report) {
        if is_there(&asked) {
            let found = self.look(unit, asked).await;
            report.found(found);
        }
        report.counted(&std::mem::take(&mut self.asker.tally));
    }

    async fn ask(&mut self, unit: u8) -> Asked {
        let asked = self.asker.read(&question(unit, Table::Holding)).await;
        if self.thorough && !is_there(&asked) {
            return self.asker.read(&question(unit, Table::Input)).await;
        }
        asked
    }

    /// Looks at a unit that is there.
    async fn look(&mut self, unit: u8, first: Asked) -> Found {
        let mut tally = Tally::default();
        let mut took = Vec::new();
        let mut found = Found::new(unit);
        found.table = Table::Holding;
        found.exception = refusal(&first);
        if matches!(found.exception, Some(Exception::IllegalFunction | Exception::IllegalAddress)) {
            let other = self.asker.read(&question(unit, Table::Input)).await;
            if other.result.is_ok() {
                found.table = Table::Input;
                found.exception = None;
            }
        }
        for _ in 0..LOOKS {
            let asked = self.asker.read(&question(unit, found.table)).await;
            tally.add(&asked.tally);
            if is_there(&asked) {
                took.push(asked.took);
            }
        }
        if took.is_empty() {
            took.push(first.took);
        }
        took.sort();
        found.latency = (took[0], took[took.len() / 2]);
        found.tally = tally;
        if self.identifies {
            found.identity = self.asker.identify(unit).await;
        }
        found
    }
}

/// One register at the first address: what every device knows or refuses, and what changes nothing.
const fn question(unit: u8, table: Table) -> ReadRequest {
    ReadRequest { unit, table, start: 0, count: 1 }
}

/// Whether the unit itself answered: a gateway that speaks for it says that it is not there.
fn is_there(asked: &Asked) -> bool {
    match asked.result {
        Ok(_) => true,
        Err(LinkFault::Refused(exception)) => {
            !matches!(exception, Exception::GatewayPath | Exception::GatewayTarget)
        }
        Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => false,
    }
}

fn refusal(asked: &Asked) -> Option<Exception> {
    match asked.result {
        Err(LinkFault::Refused(exception)) => Some(exception),
        Ok(_) | Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone) => None,
    }
}
