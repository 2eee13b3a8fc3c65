//! `hazard plan`: which requests will be sent when, whether each bus can keep its periods, and how long an alarm may take.
//! It computes from the configuration and opens no bus.

mod accepted;
mod json;
mod ladders;

use std::fmt::Write as _;
use std::time::Duration;

use hazard_core::Site;
use hazard_core::annunciate::Wiring;
use hazard_core::link::Table;
use hazard_core::poll::{
    BusPrediction, DelayParts, DelayPrediction, LOAD_MAX_PPM, PlannedRead, PlannedWrite, Verdict, predict,
};
use hazard_core::site::{BusKind, SiteTables};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::config::{Lang, Loaded};

/// The names of the buses that cannot keep their periods and may not run nevertheless.
#[must_use]
pub fn refuses(loaded: &Loaded) -> Vec<String> {
    let buses = predict(&loaded.site).buses;
    let refused = buses.iter().filter(|bus| stand(loaded, bus) == Stand::Refused);
    refused.map(|bus| loaded.site.buses[bus.bus.index()].name.to_string()).collect()
}

/// The plan as tables for people; columns are aligned where a Chinese character is two columns wide.
#[must_use]
pub fn render(loaded: &Loaded, lang: Lang) -> String {
    let prediction = predict(&loaded.site);
    let page = Page { loaded, lang };
    let mut text = String::new();
    for bus in &prediction.buses {
        page.bus(bus, &mut text);
    }
    page.delays(&prediction.points, &mut text);
    ladders::write(&loaded.site.calls, lang, &mut text);
    accepted::write(&loaded.accepted, lang, &mut text);
    text
}

/// The plan for programs: times in microseconds, shares in millionths.
#[must_use]
pub fn to_json(loaded: &Loaded) -> Value {
    let prediction = predict(&loaded.site);
    let buses: Vec<_> = prediction.buses.iter().map(|bus| json::bus(loaded, bus)).collect();
    let points: Vec<_> = prediction.points.iter().map(|delay| json::delay(loaded, delay)).collect();
    json!({ "buses": buses, "points": points, "accepted": accepted::to_json(&loaded.accepted) })
}

/// What becomes of a bus.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Fits,
    Allowed,
    Refused,
}

fn stand(loaded: &Loaded, bus: &BusPrediction) -> Stand {
    match bus.verdict {
        Verdict::Fits => Stand::Fits,
        Verdict::Stretch { .. } | Verdict::Full if loaded.site.buses[bus.bus.index()].overload_allowed => {
            Stand::Allowed
        }
        Verdict::Stretch { .. } | Verdict::Full => Stand::Refused,
    }
}

/// The least usual speed of the line at which the bus fits.
fn faster_line(loaded: &Loaded, bus: &BusPrediction) -> Option<u32> {
    let fits = |faster: u32| {
        let mut tables = SiteTables::clone(&loaded.site);
        match &mut tables.buses[bus.bus.index()].kind {
            BusKind::Tcp => return false,
            BusKind::Rtu { baud, .. } | BusKind::RtuOverTcp { baud, .. } if faster <= *baud => return false,
            BusKind::Rtu { baud, .. } | BusKind::RtuOverTcp { baud, .. } => *baud = faster,
        }
        let Ok(site) = Site::try_new(tables) else { return false };
        predict(&site).buses[bus.bus.index()].verdict == Verdict::Fits
    };
    [19_200, 38_400, 57_600, 115_200].into_iter().find(|baud| fits(*baud))
}

/// What every table is made from.
struct Page<'a> {
    loaded: &'a Loaded,
    lang: Lang,
}

impl Page<'_> {
    fn say<'w>(&self, zh: &'w str, en: &'w str) -> &'w str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    fn bus(&self, bus: &BusPrediction, text: &mut String) {
        let spec = &self.loaded.site.buses[bus.bus.index()];
        let load = bus.load;
        let _ = writeln!(text, "{} {}  {}", self.say("总线", "Bus"), spec.name, kind_name(spec.kind));
        let _ = writeln!(text, "  {}  {}", self.say("一轮用时", "One round "), ms(bus.cycle));
        let _ = writeln!(
            text,
            "  {}  {} = {} {} + {} {} + {} {}  ({} {})",
            self.say("线路占用", "Line load "),
            percent(load.total_ppm()),
            self.say("读", "reads"),
            percent(load.reads_ppm),
            self.say("写", "writes"),
            percent(load.writes_ppm),
            self.say("探测", "probes"),
            percent(load.probes_ppm),
            self.say("上限", "at most"),
            percent(LOAD_MAX_PPM),
        );
        let _ = writeln!(text, "  {}  {}", self.say("结论    ", "Verdict   "), self.verdict(bus));
        for change in self.changes(bus) {
            let _ = writeln!(text, "    - {change}");
        }
        text.push('\n');
        self.reads(bus, text);
        self.writes(bus, text);
    }

    fn verdict(&self, bus: &BusPrediction) -> String {
        let verdict = match bus.verdict {
            Verdict::Fits => self.say("可行", "fits").to_owned(),
            Verdict::Stretch { permille } => {
                let factor = factor(permille);
                match self.lang {
                    Lang::Zh => format!("超载，周期要延长到 {factor} 倍才可行"),
                    Lang::En => format!("overloaded; fits once periods are {factor} times as long"),
                }
            }
            Verdict::Full => self
                .say("超载，仅写线圈和探测就占满线路", "overloaded by coil writes and probes alone")
                .to_owned(),
        };
        let consequence = match stand(self.loaded, bus) {
            Stand::Fits => "",
            Stand::Allowed => self.say(
                "；已设 allow_overload，照常运行但会漏采",
                "; allow_overload is set: runs and skips polls",
            ),
            Stand::Refused => self.say("；拒绝启动", "; refused"),
        };
        verdict + consequence
    }

    fn changes(&self, bus: &BusPrediction) -> Vec<String> {
        let longer = match bus.verdict {
            Verdict::Fits => return Vec::new(),
            Verdict::Stretch { permille } => self.longer_periods(bus, permille),
            Verdict::Full => None,
        };
        let faster = faster_line(self.loaded, bus).map(|baud| match self.lang {
            Lang::Zh => format!("把 baud 提高到 {baud}（设备都支持时）"),
            Lang::En => format!("raise baud to {baud}, if every device has it"),
        });
        let split = self.say("把一部分设备移到另一条总线", "move some of the devices to another bus");
        let allow = self.say(
            "或在总线上写 allow_overload = true，接受漏采；安全点仍先读",
            "or write allow_overload = true on the bus and accept skipped polls; safety points still go first",
        );
        let allow = (stand(self.loaded, bus) == Stand::Refused).then(|| allow.to_owned());
        [longer, faster, Some(split.to_owned()), allow].into_iter().flatten().collect()
    }

    fn longer_periods(&self, bus: &BusPrediction, permille: u64) -> Option<String> {
        let shortest = bus.reads.iter().map(|read| read.block.period).min()?.as_millis();
        let hundredths = permille.div_ceil(10);
        let longer = shortest.saturating_mul(hundredths.into()).div_ceil(100);
        let factor = factor(permille);
        Some(match self.lang {
            Lang::Zh => format!("把本总线的 poll_ms 都乘以 {factor}，例如 {shortest} 改为 {longer}"),
            Lang::En => {
                format!("multiply each poll_ms on this bus by {factor}, such as {shortest} to {longer}")
            }
        })
    }

    fn reads(&self, bus: &BusPrediction, text: &mut String) {
        if bus.reads.is_empty() {
            return;
        }
        let heads = match self.lang {
            Lang::Zh => "设备,站号,表,编号,PDU,数量,周期,相位,耗时,安全,点",
            Lang::En => "device,unit,table,reference,PDU,count,period,phase,cost,safety,points",
        };
        let mut rows = vec![head(heads)];
        for PlannedRead { block, cost } in &bus.reads {
            let request = block.request;
            let safety = if block.safety { self.say("是", "yes") } else { "" };
            rows.push(vec![
                self.loaded.site.devices[block.device.index()].name.to_string(),
                request.unit.to_string(),
                self.table_name(request.table).to_owned(),
                reference(request.table, request.start),
                request.start.to_string(),
                request.count.to_string(),
                ms(block.period),
                ms(block.phase),
                ms(*cost),
                safety.to_owned(),
                tags(self.loaded, block.points.iter().map(|point| point.index())),
            ]);
        }
        aligned(&rows, "<><>>>>>><<", text);
    }

    fn writes(&self, bus: &BusPrediction, text: &mut String) {
        if bus.writes.is_empty() {
            return;
        }
        let heads = match self.lang {
            Lang::Zh => "写线圈,站号,编号,PDU,数量,间隔,耗时,输出",
            Lang::En => "coil write,unit,reference,PDU,count,every,cost,outputs",
        };
        let mut rows = vec![head(heads)];
        for write in &bus.writes {
            let device = &self.loaded.site.devices[write.device.index()];
            let start = first_coil(self.loaded, write);
            rows.push(vec![
                device.name.to_string(),
                device.unit.to_string(),
                reference(Table::Coil, start),
                start.to_string(),
                write.outputs.len().to_string(),
                ms(write.every),
                ms(write.cost),
                output_names(self.loaded, write).join(", "),
            ]);
        }
        aligned(&rows, "<>>>>>><", text);
    }

    fn delays(&self, delays: &[DelayPrediction], text: &mut String) {
        let title = self.say(
            "安全点：从数值越限到最后一个输出动作的最长时间，含一次通信失败",
            "Safety points: longest time from the value passing its set-point to the last output, one request failing",
        );
        let _ = writeln!(text, "{title}");
        let heads = match self.lang {
            Lang::Zh => "位号,报警,最长,周期,占线,先到,写线圈,本次,失败重试,延时,输出",
            Lang::En => "tag,alarm,worst,period,blocking,earlier,writes,own,failed,on-delay,output",
        };
        let mut rows = vec![head(heads)];
        for delay in delays {
            let alarm = self.loaded.dictionary.alarms.get(delay.alarm.index());
            let mut row = vec![
                self.loaded.site.points[delay.point.index()].tag.to_string(),
                alarm.map(|alarm| alarm.kind.clone()).unwrap_or_default(),
            ];
            match &delay.parts {
                Some(parts) => {
                    row.push(ms(parts.total()));
                    row.extend(named(parts).map(|(_, part)| ms(part)));
                }
                None => row.push(self.say("无上限", "no bound").to_owned()),
            }
            rows.push(row);
        }
        aligned(&rows, "<<>>>>>>>>>", text);
        let late = delays.iter().filter(|delay| delay.parts.is_some_and(|parts| parts.may_skip()));
        let late = tags(self.loaded, late.map(|delay| delay.point.index()));
        if !late.is_empty() {
            let note =
                self.say("最坏时要等一个周期以上、会漏采一次", "May wait a whole period and skip a poll");
            let _ = writeln!(text, "{note}: {late}");
        }
        if !delays.is_empty() {
            let first = self.say(
                "启动、重载或设备恢复通信后同样成立：立即读一遍，先读设备状态，再读安全点",
                "This also holds after a start, a reload or a reconnection: everything is read at once, device statuses first, then safety points",
            );
            let _ = writeln!(text, "{first}");
        }
    }

    fn table_name(&self, table: Table) -> &'static str {
        match (table, self.lang) {
            (Table::Coil, Lang::Zh) => "线圈",
            (Table::Discrete, Lang::Zh) => "离散输入",
            (Table::Input, Lang::Zh) => "输入寄存器",
            (Table::Holding, Lang::Zh) => "保持寄存器",
            (Table::Coil | Table::Discrete | Table::Input | Table::Holding, Lang::En) => table_key(table),
        }
    }
}

fn named(parts: &DelayParts) -> [(&'static str, Duration); 8] {
    [
        ("period", parts.period),
        ("blocking", parts.blocking),
        ("earlier", parts.earlier),
        ("writes", parts.writes),
        ("own", parts.own),
        ("failed", parts.failed),
        ("on_delay", parts.on_delay),
        ("output", parts.output),
    ]
}

fn tags(loaded: &Loaded, points: impl Iterator<Item = usize>) -> String {
    points.map(|point| &*loaded.site.points[point].tag).collect::<Vec<_>>().join(", ")
}

fn output_names<'a>(loaded: &'a Loaded, write: &PlannedWrite) -> Vec<&'a str> {
    write.outputs.iter().map(|output| &*loaded.site.outputs[output.index()].name).collect()
}

fn first_coil(loaded: &Loaded, write: &PlannedWrite) -> u16 {
    write.outputs.first().map_or(0, |output| match loaded.site.outputs[output.index()].wiring {
        Wiring::Coil { address, .. } => address,
        Wiring::Gpio => 0,
    })
}

/// The number in a manual, base 1: `40001`, and `410000` from the ten-thousandth on.
pub(in crate::cli) fn reference(table: Table, start: u16) -> String {
    let prefix = match table {
        Table::Coil => 0,
        Table::Discrete => 1,
        Table::Input => 3,
        Table::Holding => 4,
    };
    let number = u32::from(start) + 1;
    if number > 9_999 { format!("{prefix}{number:05}") } else { format!("{prefix}{number:04}") }
}

pub(in crate::cli) const fn table_key(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Input => "input",
        Table::Holding => "holding",
    }
}

fn kind_name(kind: BusKind) -> String {
    match kind {
        BusKind::Tcp => "tcp".to_owned(),
        BusKind::Rtu { baud, .. } => format!("rtu {baud} Bd"),
        BusKind::RtuOverTcp { baud, .. } => format!("rtu_over_tcp {baud} Bd"),
    }
}

/// Rounded up to a tenth, so that a table never shows less than what may happen.
fn ms(time: Duration) -> String {
    let tenths = time.as_micros().div_ceil(100);
    format!("{}.{} ms", tenths / 10, tenths % 10)
}

fn percent(ppm: u64) -> String {
    let permille = ppm.div_ceil(1_000);
    format!("{}.{}%", permille / 10, permille % 10)
}

fn factor(permille: u64) -> String {
    let hundredths = permille.div_ceil(10);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn head(names: &str) -> Vec<String> {
    names.split(',').map(str::to_owned).collect()
}

/// Writes rows with two spaces between columns; `sides` has `<` or `>` for each column.
fn aligned(rows: &[Vec<String>], sides: &str, text: &mut String) {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..sides.len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::from("  ");
        for ((cell, width), side) in row.iter().zip(&widths).zip(sides.chars()) {
            let pad = " ".repeat(width - cell.width());
            let (before, after) = if side == '>' { (pad.as_str(), "") } else { ("", pad.as_str()) };
            let _ = write!(line, "{before}{cell}{after}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_character_is_two_columns_wide() {
        let rows = [["线圈", "1"], ["ab", "1000"]].map(|row| row.map(str::to_owned).to_vec());
        let mut text = String::new();
        aligned(&rows, "<>", &mut text);
        assert_eq!(text, "  线圈     1\n  ab    1000\n\n");
    }

    #[test]
    fn a_reference_counts_from_one_and_grows_a_digit() {
        let holding = |start| reference(Table::Holding, start);
        assert_eq!([holding(0), holding(9_998), holding(9_999)], ["40001", "49999", "410000"]);
        assert_eq!([reference(Table::Coil, 7), reference(Table::Input, 65_535)], ["00008", "365536"]);
    }

    #[test]
    fn what_is_shown_is_never_less_than_what_was_computed() {
        assert_eq!(ms(Duration::from_micros(1_001)), "1.1 ms");
        assert_eq!([percent(950_000), percent(950_001)], ["95.0%", "95.1%"]);
        assert_eq!([factor(1_231), factor(1_230)], ["1.24", "1.23"]);
    }
}
