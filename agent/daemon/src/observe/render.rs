//! The operator's screen. A sign never stands without its word, and colour never without both: ▲ unacknowledged, ◆ seen
//! and standing, ■ the monitoring itself is impaired, ○ nothing to do.

use std::cmp::Reverse;

use jiff::Timestamp;
use jiff::tz::Offset;
use unicode_width::UnicodeWidthStr;

use super::causes;
use super::lines::DeviceRow;
use super::status::{AlarmRow, Shown, Standing, Status, Word};
use super::texts::{self, pick};
use super::upkeep::UpkeepRow;
use super::uplinks::uplink_cells;
use crate::config::{Lang, Style};

/// More rows than a screen has; the rest is only counted.
const ROWS_MAX: usize = 20;
/// China has one time zone and no summer time.
const ZONE: Offset = Offset::constant(8);

pub(super) fn screen(status: &Status, lang: Lang, style: Style) -> String {
    let mut screen = Screen { lines: Vec::new(), lang };
    screen.verdict(status);
    screen.lines.push(headline(status, lang));
    screen.lines.extend(status.site_file.iter().flat_map(|file| file.lines(lang)));
    screen.notices(status);
    screen.lines.extend(status.figures.line(lang));
    screen.alarms(status);
    screen.calls(status);
    screen.interlocks(status, false);
    screen.withheld(status);
    screen.sensors(status);
    screen.upkeep(status, false);
    screen.sent(status);
    screen.hazards(status);
    screen.impaired(status);
    screen.delays(status);
    screen.carried(status);
    painted(&screen.lines, style)
}

pub(super) fn alarms(status: &Status, lang: Lang, style: Style) -> String {
    let mut screen = Screen { lines: Vec::new(), lang };
    screen.verdict(status);
    screen.alarms(status);
    screen.interlocks(status, false);
    screen.withheld(status);
    screen.sensors(status);
    painted(&screen.lines, style)
}

pub(super) fn interlocks(status: &Status, lang: Lang, style: Style) -> String {
    let mut screen = Screen { lines: Vec::new(), lang };
    screen.interlocks(status, true);
    if screen.lines.is_empty() {
        screen.lines.push(pick(lang, "没有联锁", "there are no interlocks").to_owned());
    }
    screen.lines.extend(status.figures.line(lang));
    painted(&screen.lines, style)
}

pub(super) fn upkeep(status: &Status, lang: Lang, style: Style) -> String {
    let mut screen = Screen { lines: Vec::new(), lang };
    screen.upkeep(status, true);
    if screen.lines.is_empty() {
        let none = "没有标定与测试：写 [[upkeep]]";
        screen.lines.push(pick(lang, none, "no upkeep is configured: write [[upkeep]]").to_owned());
    }
    painted(&screen.lines, style)
}

pub(super) fn calls(status: &Status, lang: Lang, style: Style) -> String {
    let mut screen = Screen { lines: Vec::new(), lang };
    screen.calls(status);
    if screen.lines.is_empty() {
        let nobody = pick(lang, "没有配置叫应", "no roles are configured: nobody is called");
        let quiet = pick(lang, "○ 没有未应答的呼叫", "○ no open calls");
        screen.lines.push(if status.calls.roles == 0 { nobody } else { quiet }.to_owned());
    }
    painted(&screen.lines, style)
}

pub(super) fn commands(status: &Status, lang: Lang, style: Style) -> String {
    let mut screen = Screen { lines: Vec::new(), lang };
    let mut rows: Vec<_> = status.commands.iter().map(|row| row.cells(lang)).collect();
    rows.iter_mut().flatten().for_each(|cell| *cell = clean(cell));
    screen.section(pick(lang, "命令", "Commands"), rows);
    if screen.lines.is_empty() {
        let none = "没有命令：写 [[commands]]";
        screen.lines.push(pick(lang, none, "no commands are configured: write [[commands]]").to_owned());
    }
    painted(&screen.lines, style)
}

fn painted(lines: &[String], style: Style) -> String {
    let paint = |line: &String| match style {
        Style::Plain => line.clone(),
        Style::Coloured => coloured(line),
    };
    let lines: Vec<_> = lines.iter().map(paint).collect();
    lines.join("\n") + "\n"
}

struct Screen {
    lines: Vec<String>,
    lang: Lang,
}

impl Screen {
    fn sent(&mut self, status: &Status) {
        let mut rows: Vec<_> = status.commands.iter().filter_map(|row| row.last_cells(self.lang)).collect();
        rows.iter_mut().flatten().for_each(|cell| *cell = clean(cell));
        self.section(pick(self.lang, "命令的上次结果", "Last outcome of commands"), rows);
    }

    fn verdict(&mut self, status: &Status) {
        let lang = self.lang;
        let (unacked, standing, impaired) = (status.unacked(), status.announced().count(), status.impaired());
        let alarms = match (unacked, standing) {
            (0, 0) => pick(lang, "○ 无报警", "○ no alarms").to_owned(),
            (0, _) => said(
                lang,
                &format!("◆ {standing} 条报警已确认，未解除"),
                &format!("◆ alarms acknowledged and standing: {standing}"),
            ),
            _ => said(
                lang,
                &format!("▲ {unacked} 条报警未确认（共 {standing} 条）"),
                &format!("▲ unacknowledged alarms: {unacked} (of {standing})"),
            ),
        };
        let health = match impaired {
            0 => pick(lang, "○ 监测自身正常", "○ monitoring is healthy").to_owned(),
            _ => said(
                lang,
                &format!("■ 监测自身 {impaired} 项异常"),
                &format!("■ monitoring impaired: {impaired}"),
            ),
        };
        let hazards = match status.hazards().count() {
            0 => String::new(),
            count => said(
                lang,
                &format!("  ◆ 重大隐患 {count} 项"),
                &format!("  ◆ major hazards standing: {count}"),
            ),
        };
        self.lines.push(format!("{alarms}  {health}{hazards}"));
        if let Some(first) = status.alarms.iter().find(|alarm| alarm.first_up) {
            let title = pick(lang, "首警", "first-up");
            self.lines.push(format!(
                "{} {title}: {}",
                sign(first),
                alarm_cells(first, lang)[2..].join("  ").trim_end()
            ));
        }
    }

    fn alarms(&mut self, status: &Status) {
        let rows = status.announced().map(|alarm| alarm_cells(alarm, self.lang)).collect();
        self.section(pick(self.lang, "报警", "Alarms"), rows);
    }

    /// What people have put aside: nobody may forget it.
    fn withheld(&mut self, status: &Status) {
        let lang = self.lang;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for bypass in &status.bypasses {
            let (hours, minutes) = (bypass.left_s / 3600, bypass.left_s / 60 % 60);
            let left =
                said(lang, &format!("剩余 {hours}:{minutes:02}"), &format!("{hours}:{minutes:02} left"));
            let persons = format!("{} / {}", clean(&bypass.actor), clean(&bypass.approver));
            rows.push(vec![
                format!("■ {}", pick(lang, "旁路", "bypassed")),
                clean(&bypass.point),
                left,
                persons,
                clean(&bypass.reason),
            ]);
        }
        for alarm in status.alarms.iter().filter(|alarm| alarm.is_withheld()) {
            let until = alarm.shelved_until.as_deref().map(|until| local(until, "%H:%M"));
            let until = until.map(|at| said(lang, &format!("到 {at}"), &format!("until {at}")));
            rows.push(vec![
                format!("■ {}", texts::state(&alarm.state, lang)),
                format!("{}/{}", clean(&alarm.point), alarm.kind),
                until.unwrap_or_default(),
            ]);
        }
        self.section(pick(lang, "搁置与旁路", "Put aside"), rows);
    }

    fn notices(&mut self, status: &Status) {
        let lang = self.lang;
        for standing in status.conditions.iter().filter(|standing| standing.is_notice()) {
            let about = texts::subject(&standing.condition, lang);
            let name = clean(standing.of.as_deref().unwrap_or_default());
            let words = texts::condition(&standing.condition, lang);
            self.lines.push(format!("  {about} {name}: {words}"));
        }
    }

    /// What is the matter with sensors, and whose alarms are held.
    fn sensors(&mut self, status: &Status) {
        let mut rows: Vec<_> = status.sensors.iter().map(|row| row.cells(self.lang)).collect();
        for cell in rows.iter_mut().flatten() {
            *cell = clean(cell);
        }
        self.section(pick(self.lang, "传感器（NE 107）", "Sensors (NE 107)"), rows);
    }

    /// 叫应: whom the alarms have called, and how far up.
    fn calls(&mut self, status: &Status) {
        let mut rows = status.calls.cells(self.lang);
        for cell in rows.iter_mut().flatten() {
            *cell = clean(cell);
        }
        self.section(pick(self.lang, "叫应：没有人应答", "Calls that nobody answered"), rows);
    }

    fn interlocks(&mut self, status: &Status, whole: bool) {
        let mut rows = status.interlocks.cells(whole, self.lang);
        for cell in rows.iter_mut().flatten() {
            *cell = clean(cell);
        }
        self.section(pick(self.lang, "联锁", "Interlocks"), rows);
    }

    /// What comes due and what runs, or everything.
    fn upkeep(&mut self, status: &Status, whole: bool) {
        let lang = self.lang;
        let shown = status.upkeep.iter().filter(|row| whole || !row.is_quiet());
        let day = |at: &str| local(at, "%Y-%m-%d");
        let cells = |row: &UpkeepRow| row.cells(day, lang).iter().map(|cell| clean(cell)).collect();
        let rows = shown.map(cells).collect();
        self.section(pick(lang, "标定与测试", "Upkeep"), rows);
    }

    fn hazards(&mut self, status: &Status) {
        let lang = self.lang;
        let row = |standing: &Standing| {
            let about = texts::subject(&standing.condition, lang);
            let name = clean(standing.of.as_deref().unwrap_or_default());
            vec![format!("◆ {about}"), name, texts::condition(&standing.condition, lang).to_owned()]
        };
        self.section(pick(lang, "重大隐患", "Major hazards"), status.hazards().map(row).collect());
    }

    fn impaired(&mut self, status: &Status) {
        let lang = self.lang;
        let row =
            |about: &str, name: &str, words: &str| vec![format!("■ {about}"), clean(name), clean(words)];
        let mut rows = Vec::new();
        let of_agent = |standing: &&Standing| !standing.is_hazard() && !standing.is_notice();
        for standing in status.conditions.iter().filter(of_agent) {
            let about = texts::subject(&standing.condition, lang);
            let name = standing.of.as_deref().unwrap_or_default();
            rows.push(row(about, name, texts::condition(&standing.condition, lang)));
        }
        for device in status.devices.iter().filter(|device| !device.online) {
            let fault = texts::fault(device.fault.as_deref().unwrap_or_default(), lang);
            let fault =
                if device.diagnosis.is_empty() { fault.to_owned() } else { likely(&device.diagnosis, lang) };
            rows.push(row(pick(lang, "设备", "device"), &device.device, &fault));
        }
        let ailing = |device: &&DeviceRow| device.online && !device.diagnosis.is_empty();
        for device in status.devices.iter().filter(ailing) {
            rows.push(row(pick(lang, "设备", "device"), &device.device, &likely(&device.diagnosis, lang)));
        }
        for bus in status.buses.iter().filter(|bus| !bus.diagnosis.is_empty()) {
            rows.push(row(pick(lang, "总线", "bus"), &bus.bus, &likely(&bus.diagnosis, lang)));
        }
        let mut points: Vec<_> = status.points.iter().filter(|point| point.quality != "good").collect();
        points.sort_by_key(|point| (!point.safety, point.quality != "bad"));
        for point in points {
            let why = texts::doubt(point.reason.as_deref().unwrap_or("bad"), lang);
            rows.push(row(pick(lang, "位号", "point"), &point.point, why));
        }
        self.section(pick(lang, "监测自身", "The monitoring itself"), rows);
    }

    /// What took longer than the plan says, or else what came nearest to it.
    fn delays(&mut self, status: &Status) {
        let lang = self.lang;
        let mut worst: Vec<_> = status.delays.iter().filter(|row| row.longest_ms.is_some()).collect();
        worst.sort_by_key(|row| Reverse(row.permille()));
        let exceeded = worst.iter().filter(|row| row.is_exceeded()).count();
        worst.truncate(exceeded.max(1));
        let rows = worst.into_iter().map(|row| {
            // The sign of impairment is the condition's, which ends; what was is told for the rest of the run.
            let against = if row.is_exceeded() {
                pick(lang, "超过预计最坏", "beyond the predicted worst")
            } else {
                pick(lang, "预计最坏", "predicted at worst")
            };
            vec![
                format!("○ {}", pick(lang, "最长", "longest")),
                clean(&row.point),
                seconds(row.longest_ms, lang),
                format!("{against} {}", seconds(row.predicted_ms, lang)),
            ]
        });
        self.section(pick(lang, "报警延迟", "Alarm delay"), rows.collect());
    }

    fn carried(&mut self, status: &Status) {
        let lang = self.lang;
        let rows = status.uplinks.iter().map(|uplink| uplink_cells(uplink, lang)).collect();
        self.section(pick(lang, "上行", "Uplinks"), rows);
        self.section(pick(lang, "日志", "Journal"), vec![journal_cells(status, lang)]);
        self.section(pick(lang, "对账", "Ledgers"), status.ledger.cells(lang));
    }

    /// A title and its rows, columns aligned; nothing where there are no rows.
    fn section(&mut self, title: &str, rows: Vec<Vec<String>>) {
        if rows.is_empty() {
            return;
        }
        self.lines.push(String::new());
        self.lines.push(title.to_owned());
        let hidden = rows.len().saturating_sub(ROWS_MAX);
        self.lines.extend(aligned(&rows[..rows.len() - hidden]));
        if hidden > 0 {
            self.lines.push(said(
                self.lang,
                &format!("  … 另有 {hidden} 项"),
                &format!("  … and {hidden} more"),
            ));
        }
    }
}

/// The likeliest cause with its next step, and the names of the others.
fn likely(diagnosis: &[Word], lang: Lang) -> String {
    let told = diagnosis.iter().map(|word| causes::told_of(word, lang));
    let mut words = String::new();
    for (at, (name, step)) in told.enumerate() {
        let between = pick(lang, "；也可能", "; or ");
        words.push_str(if at > 0 { between } else { "" });
        words.push_str(&name);
        if at == 0 && !step.is_empty() {
            words.push_str(pick(lang, "：", ": "));
            words.push_str(step);
        }
    }
    words
}

fn headline(status: &Status, lang: Lang) -> String {
    let (site, agent) = (&status.site, &status.agent);
    let (days, hours, minutes) =
        (agent.uptime_s / 86_400, agent.uptime_s / 3_600 % 24, agent.uptime_s / 60 % 60);
    let up = said(
        lang,
        &format!("已运行 {days} 天 {hours:02}:{minutes:02}"),
        &format!("up {days} d {hours:02}:{minutes:02}"),
    );
    let clock = texts::clock(&status.clock.trust, lang);
    let at = local(&status.clock.utc, "%Y-%m-%d %H:%M:%S +08:00");
    clean(&format!(
        "  {} · {} · hazard {} · {at} ({clock}) · {up}",
        site.enterprise_name, site.gateway, agent.version
    ))
}

fn sign(alarm: &AlarmRow) -> char {
    if alarm.is_unacked() { '▲' } else { '◆' }
}

/// State, priority, tag, kind, value, since, name, horn.
fn alarm_cells(alarm: &AlarmRow, lang: Lang) -> Vec<String> {
    let value = match &alarm.value {
        None => pick(lang, "无数据", "no value").to_owned(),
        Some(Shown::Switch(on)) => {
            if *on { pick(lang, "通", "on") } else { pick(lang, "断", "off") }.to_owned()
        }
        Some(Shown::Number(number)) => format!("{} {}", rounded(*number), alarm.unit),
        Some(Shown::Text(text)) => text.clone(),
    };
    let setpoint = match alarm.setpoint.as_str() {
        "" => String::new(),
        setpoint => format!(" ({} {setpoint})", pick(lang, "限值", "set-point")),
    };
    let cells = [
        format!("{} {}", sign(alarm), texts::state(&alarm.state, lang)),
        texts::priority(&alarm.priority, lang).to_owned(),
        alarm.point.clone(),
        texts::kind(&alarm.kind, lang).to_owned(),
        format!("{}{setpoint}", value.trim_end()),
        alarm.since.as_deref().map(|since| local(since, "%m-%d %H:%M:%S")).unwrap_or_default(),
        alarm.name.clone(),
        if alarm.sounds { pick(lang, "鸣响", "horn") } else { "" }.to_owned(),
    ];
    cells.iter().map(|cell| clean(cell)).collect()
}

fn journal_cells(status: &Status, lang: Lang) -> Vec<String> {
    let journal = &status.journal;
    let sign = if journal.state == "open" { '○' } else { '■' };
    let size = journal.bytes.map(|bytes| format!("{} MiB", bytes.div_ceil(1 << 20))).unwrap_or_default();
    let oldest = journal.oldest.as_deref().map(|oldest| local(oldest, "%Y-%m-%d %H:%M"));
    let oldest = oldest.map(|at| said(lang, &format!("自 {at}"), &format!("since {at}"))).unwrap_or_default();
    let left = journal
        .days_left
        .map(|days| said(lang, &format!("约可再存 {days} 天"), &format!("room for about {days} more days")));
    let outage = journal.outage_days.map(|days| {
        said(lang, &format!("平台中断可存 {days} 天"), &format!("{days} days without a platform fit"))
    });
    let aside = match journal.set_aside_bytes {
        None | Some(0) => String::new(),
        Some(bytes) => {
            said(lang, &format!("■ 已隔离损坏 {bytes} 字节"), &format!("■ damaged, set aside: {bytes} bytes"))
        }
    };
    let unsigned = match journal.unsigned {
        Some(true) => said(lang, "■ 存证清单未签名", "■ manifests are unsigned"),
        Some(false) | None => String::new(),
    };
    vec![
        format!("{sign} {}", texts::journal(&journal.state, lang)),
        size,
        oldest,
        left.unwrap_or_default(),
        outage.unwrap_or_default(),
        aside,
        unsigned,
    ]
}

pub(super) fn said(lang: Lang, zh: &str, en: &str) -> String {
    match lang {
        Lang::Zh => zh.to_owned(),
        Lang::En => en.to_owned(),
    }
}

/// Pads every column to its widest cell; Chinese characters are two columns wide.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width().min(*width) + 2));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Names come from files and reasons from the network: neither may move the cursor or change a colour.
pub(super) fn clean(text: &str) -> String {
    let is_sly = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_sly(c) { '\u{fffd}' } else { c }).collect()
}

/// Six digits at most: nobody reads more from across the room.
pub(super) fn rounded(number: f64) -> String {
    if number.abs() >= 1e6 || (number != 0.0 && number.abs() < 1e-3) {
        return format!("{number:.3e}");
    }
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn seconds(ms: Option<u64>, lang: Lang) -> String {
    let unbounded = || pick(lang, "无上限", "no bound").to_owned();
    ms.map_or_else(unbounded, |ms| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100))
}

fn local(rfc3339: &str, format: &str) -> String {
    let shown = rfc3339.parse::<Timestamp>().map(|at| ZONE.to_datetime(at).strftime(format).to_string());
    shown.unwrap_or_else(|_| rfc3339.to_owned())
}

fn coloured(line: &str) -> String {
    let colour = if line.starts_with('▲') {
        "\x1b[1;31m"
    } else if line.starts_with('◆') {
        "\x1b[31m"
    } else if line.contains('■') {
        "\x1b[33m"
    } else {
        return line.to_owned();
    };
    format!("{colour}{line}\x1b[0m")
}
