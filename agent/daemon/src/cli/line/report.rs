//! What a scan found, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use hazard_core::link::{Exception, Table};
use serde_json::{Value, json};

use super::grid::Grid;
use super::open::Chosen;
use super::words;
use crate::cli::plan::table_key;
use crate::cli::word;
use crate::config::Lang;
use crate::modbus::diagnosis::{Cause, Medium, Others, Tally, diagnose};
use crate::modbus::{Frames, Shape};
use crate::observe::causes;

/// A Modbus TCP device that minds no unit address answers to all of them.
const ANY_UNIT: usize = 100;

/// What was heard before anything was asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Heard {
    requests: usize,
    answers: usize,
    pub(super) bytes: usize,
}

impl Heard {
    pub(super) fn of(frames: &Frames) -> Self {
        let requests = frames.count(Shape::Request);
        let in_frames: usize = frames.frames.iter().map(|frame| frame.at.len()).sum();
        Self { requests, answers: frames.frames.len() - requests, bytes: in_frames + frames.noise_bytes }
    }

    /// Whole frames come only where a master asks, or a unit talks unasked.
    pub(super) fn is_master(self) -> bool {
        self.requests + self.answers > 0
    }

    pub(super) fn shown(self, lang: Lang) -> String {
        let Self { requests, answers, bytes } = self;
        match lang {
            Lang::Zh => format!("听到请求 {requests} 帧、应答 {answers} 帧、共 {bytes} 字节"),
            Lang::En => format!("heard {requests} requests, {answers} answers, {bytes} bytes in all"),
        }
    }
}

/// A setting that was tried.
#[derive(Debug)]
pub(super) struct Tried {
    speed: String,
    baud: Option<u32>,
    tally: Tally,
    found: usize,
}

impl Tried {
    pub(super) fn new(speed: String, baud: Option<u32>) -> Self {
        Self { speed, baud, tally: Tally::default(), found: 0 }
    }
}

/// A unit that is there.
#[derive(Debug)]
pub(super) struct Found {
    unit: u8,
    speed: String,
    baud: Option<u32>,
    pub(super) table: Table,
    pub(super) exception: Option<Exception>,
    /// The shortest and the median.
    pub(super) latency: (Duration, Duration),
    pub(super) identity: Option<String>,
    /// What came of the requests to this unit alone.
    pub(super) tally: Tally,
}

impl Found {
    pub(super) fn new(unit: u8) -> Self {
        Self {
            unit,
            speed: String::new(),
            baud: None,
            table: Table::Holding,
            exception: None,
            latency: (Duration::ZERO, Duration::ZERO),
            identity: None,
            tally: Tally::default(),
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) line: String,
    pub(super) heard: Option<Heard>,
    pub(super) tried: Vec<Tried>,
    pub(super) units: Vec<Found>,
    pub(super) ended: &'static str,
    medium: Medium,
}

impl Report {
    pub(super) fn new(chosen: &Chosen) -> Self {
        let line = chosen.name();
        let medium = Medium::of(&chosen.settings.endpoint);
        Self { line, heard: None, tried: Vec::new(), units: Vec::new(), ended: "complete", medium }
    }

    pub(super) fn counted(&mut self, tally: &Tally) {
        if let Some(tried) = self.tried.last_mut() {
            tried.tally.add(tally);
        }
    }

    pub(super) fn found(&mut self, mut found: Found) {
        if let Some(tried) = self.tried.last_mut() {
            found.speed.clone_from(&tried.speed);
            found.baud = tried.baud;
            tried.found += 1;
        }
        self.units.push(found);
    }

    pub(super) fn has_at_last_setting(&self, unit: u8) -> bool {
        let speed = self.tried.last().map(|tried| &tried.speed);
        self.units.iter().any(|found| found.unit == unit && Some(&found.speed) == speed)
    }

    pub(super) fn render(&self, lang: Lang) -> String {
        let mut text = format!("{}\n", self.line);
        if let Some(heard) = self.heard {
            let _ = writeln!(text, "{}", heard.shown(lang));
        }
        match self.ended {
            "interrupted" => {
                text.push_str(word(lang, "已中断，以下是已找到的\n", "interrupted; what was found so far\n"))
            }
            "time_limit" => text.push_str(word(
                lang,
                "到了时限，以下是已找到的\n",
                "out of time; what was found so far\n",
            )),
            _ => {}
        }
        if self.units.is_empty() {
            text.push_str(&self.nothing(lang));
            return text;
        }
        let _ = write!(text, "{}", self.table(lang));
        if self.units.len() >= ANY_UNIT {
            text.push_str(word(
                lang,
                "几乎所有站号都应答：这台设备不看站号，用 1 即可\n",
                "nearly every unit answers: the device minds no unit address, use 1\n",
            ));
        }
        for found in &self.units {
            let told = words::told(&self.causes(found), &found.tally, lang);
            if !told.is_empty() {
                let _ = writeln!(text, "{} {}: {told}", word(lang, "站号", "unit"), found.unit);
            }
        }
        if let Some(first) = self.units.first() {
            let next = word(lang, "下一步：hazard probe", "next: hazard probe");
            let _ = writeln!(text, "{next} … -a {} -r 40001 -n 10", first.unit);
        }
        text
    }

    fn table(&self, lang: Lang) -> Grid {
        let head = [
            word(lang, "站号", "unit"),
            word(lang, "设置", "settings"),
            word(lang, "最短", "min"),
            word(lang, "中位", "median"),
            word(lang, "乱码", "noise"),
            word(lang, "表", "table"),
            word(lang, "应答", "answer"),
            word(lang, "设备", "device"),
        ];
        let mut grid = Grid::new(head.iter().map(ToString::to_string).collect());
        for found in &self.units {
            let ms = |time: Duration| format!("{:.1}ms", time.as_secs_f64() * 1000.0);
            let exception = found.exception.map(|exception| words::exception(exception, lang));
            grid.push(vec![
                found.unit.to_string(),
                found.speed.clone(),
                ms(found.latency.0),
                ms(found.latency.1),
                format!("{}/{}", found.tally.garbled, found.tally.asked),
                table_key(found.table).to_owned(),
                exception.unwrap_or_else(|| word(lang, "正常", "ok").to_owned()),
                found.identity.clone().unwrap_or_default(),
            ]);
        }
        grid
    }

    /// What the counts of the setting that was heard most at say.
    fn nothing(&self, lang: Lang) -> String {
        let mut text = format!("{}\n", word(lang, "没有找到设备", "no unit was found"));
        let most = self.tried.iter().max_by_key(|tried| tried.tally.asked - tried.tally.silent);
        if let Some(tried) = most.filter(|tried| tried.tally.asked > 0) {
            let told = words::told(&diagnose(&tried.tally, Others::Unknown, self.medium), &tried.tally, lang);
            let _ = writeln!(text, "{}: {told}", tried.speed);
        }
        text
    }

    /// What is wrong with a unit that answers; that it does not have the address of the question is none of it.
    fn causes(&self, found: &Found) -> Vec<Cause> {
        let mut causes = diagnose(&found.tally, Others::Answer, self.medium);
        causes.retain(|cause| *cause != Cause::Refusing);
        causes
    }

    pub(super) fn to_json(&self, lang: Lang) -> Value {
        let ms = |time: Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
        let units = self.units.iter().map(|found| {
            let likely = self.causes(found);
            json!({
                "unit": found.unit,
                "settings": found.speed,
                "baud": found.baud,
                "latency_ms": { "min": ms(found.latency.0), "median": ms(found.latency.1) },
                "table": table_key(found.table),
                "exception": found.exception.map(|exception| words::exception(exception, lang)),
                "device": found.identity,
                "counts": counts(&found.tally),
                "causes": likely.iter().map(|cause| causes::word(*cause)).collect::<Vec<_>>(),
            })
        });
        let tried = self.tried.iter().map(|tried| {
            let others = if tried.found > 0 { Others::Answer } else { Others::Unknown };
            let likely =
                if tried.found > 0 { Vec::new() } else { diagnose(&tried.tally, others, self.medium) };
            json!({
                "settings": tried.speed,
                "found": tried.found,
                "counts": counts(&tried.tally),
                "causes": likely.iter().map(|cause| causes::word(*cause)).collect::<Vec<_>>(),
            })
        });
        json!({
            "line": self.line,
            "heard": self.heard.map(|heard| json!({
                "requests": heard.requests, "answers": heard.answers, "bytes": heard.bytes,
                "another_master": heard.is_master(),
            })),
            "ended": self.ended,
            "units": units.collect::<Vec<_>>(),
            "tried": tried.collect::<Vec<_>>(),
        })
    }
}

fn counts(tally: &Tally) -> Value {
    let Tally { asked, answered, silent, garbled, near, echoes, doubled, strangers, foreign, .. } = *tally;
    let Tally { gone, refused, busy, behind, .. } = *tally;
    json!({
        "asked": asked, "answered": answered, "silent": silent, "garbled": garbled, "near": near,
        "echoes": echoes, "doubled": doubled, "strangers": strangers, "foreign": foreign, "gone": gone, "refused": refused, "busy": busy, "behind_gateway": behind,
    })
}
