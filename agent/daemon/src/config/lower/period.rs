//! Key periods: their times.

use hazard_core::Utc;
use hazard_core::period::KeyPeriodSpec;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Arg, Fault, args};
use crate::config::file::KeyPeriodFile;
use crate::config::names::Names;
use crate::config::tree::Node;

/// China has one time zone and no summer time.
const ZONE: TimeZone = TimeZone::fixed(Offset::constant(8));

impl<'a> Lowering<'a> {
    pub(super) fn key_periods(&mut self, site: Section<'a, '_>) {
        let mut names = Names::default();
        for (node, period) in self.list::<KeyPeriodFile>(site, "key_periods", self.recovered) {
            let Some(period) = period else { continue };
            if let Err(first) = names.claim(&period.id, node.at("id")) {
                let words = vec![Arg::Each("重点时段", "key periods"), period.id.into()];
                self.faults.push(Fault::new(Code::DuplicateName, node.at("id"), words).against(first));
                continue;
            }
            let from = self.moment(node, "from", &period.from);
            let until = self.moment(node, "until", &period.until);
            let (Some(from), Some(until)) = (from, until) else { continue };
            if until <= from {
                let words = args![&period.id, &period.from, &period.until];
                let fault = Fault::new(Code::PeriodEmpty, node.at("until"), words);
                self.faults.push(fault.against(node.at("from")));
                continue;
            }
            self.dictionary.key_periods.push(period.id.clone());
            self.tables.key_periods.push(KeyPeriodSpec {
                name: period.id.into(),
                from,
                until,
                bypass_allowed: period.allow_bypass,
            });
        }
    }

    fn moment(&mut self, node: Node<'a>, key: &str, written: &str) -> Option<Utc> {
        let local =
            |written: &str| written.parse::<DateTime>().ok()?.to_zoned(ZONE).ok().map(|at| at.timestamp());
        let moment = written.parse::<Timestamp>().ok().or_else(|| local(written));
        if moment.is_none() {
            self.faults.push(Fault::new(Code::BadMoment, node.at(key), args![key, written]));
        }
        moment.map(|at| Utc::from_unix_ms(at.as_millisecond()))
    }
}
