//! What a technician at the detector does: look what is due, begin a test, say gas on and gas off, finish it.

use std::path::Path;

use clap::{Args, Subcommand};
use hazard_core::Value;

use super::operate::{self, look, print_json};
use super::{OK, Person, Socket, say};
use crate::config::{Lang, Style};
use crate::control::{Deed, DutyWord, Finite};
use crate::observe::render_upkeep;

/// A step of a test.
#[derive(Debug, Subcommand)]
pub(super) enum Step {
    /// 开始；标定须先旁路，功能测试不能旁路 begin; a calibration needs a bypass, a proof test must not have one
    ///
    /// 示例 example: hazard upkeep begin GT-101 calibration --applied 50 --approver 王五 --note 标气瓶7 --actor 李四
    Begin {
        /// 位号 the point's tag
        point: String,
        /// 做什么 what is done
        duty: DutyWord,
        /// 标准气应有的读数，标定必写 what the point should read under gas; a calibration needs it
        #[arg(long, value_parser = finite)]
        applied: Option<Finite>,
        /// 批准人；联锁点须为另一人 who approved it; another person for interlocks
        #[arg(long)]
        approver: Option<String>,
        #[command(flatten)]
        person: Person,
    },
    /// 已通气 gas is on
    GasOn(At),
    /// 已停气 gas is off
    GasOff(At),
    /// 完成并判定 finish and judge
    Finish(At),
    /// 放弃 give up
    Abort(At),
}

/// Where somebody stands.
#[derive(Debug, Args)]
pub(super) struct At {
    /// 位号 the point's tag
    point: String,
    #[command(flatten)]
    person: Person,
}

pub(super) fn act(path: &Path, step: Step, lang: Lang) -> u8 {
    let (person, deed) = match step {
        Step::Begin { point, duty, applied, approver, person } => {
            (person, Deed::BeginTest { point, duty, approver, applied })
        }
        Step::GasOn(At { point, person }) => (person, Deed::GasOn { point }),
        Step::GasOff(At { point, person }) => (person, Deed::GasOff { point }),
        Step::Finish(At { point, person }) => (person, Deed::FinishTest { point }),
        Step::Abort(At { point, person }) => (person, Deed::AbortTest { point }),
    };
    operate::act(path, person, deed, lang)
}

pub(super) fn list(path: &Path, socket: &Socket, json: bool, lang: Lang) -> u8 {
    match look(path, socket, lang) {
        Ok(status) if json => print_json(&status.upkeep),
        Ok(status) => {
            say(&render_upkeep(&status, lang, Style::of_stderr()));
            OK
        }
        Err(code) => code,
    }
}

fn finite(text: &str) -> Result<Finite, String> {
    let value = text.parse().ok().and_then(Value::try_new);
    value.map(Finite).ok_or_else(|| "写一个数 write a number".to_owned())
}
