//! A screen as lines: two columns where the terminal is wide enough, else one below the other. What has no room is left out,
//! the alarms last.

use super::line::Line;
use super::{AlarmRow, Fact, Key, PointRow, Screen, Tone, label};
use crate::config::Lang;

/// From so many columns on, points and states stand side by side.
const WIDE: usize = 96;

/// Lines that the log keeps where there is room for anything else.
const LOG_MIN: usize = 4;

/// The lines of a screen: as many as `size` has rows, each shorter than its columns.
pub(super) fn lines(screen: &Screen, lang: Lang, size: (u16, u16)) -> Vec<Line> {
    // The last column stays free: a terminal wraps when it is written.
    let width = usize::from(size.0).saturating_sub(1);
    let height = usize::from(size.1);
    let footer = footer(screen, lang, width);
    let room = height.saturating_sub(footer.len());
    let mut lines = vec![Line::of(&screen.heading, Tone::Heading)];
    lines.extend(alarms(&screen.alarms, lang, (room / 3).max(2)));
    let left = room.saturating_sub(lines.len() + LOG_MIN);
    lines.extend(middle(screen, lang, width).into_iter().take(left));
    let left = room.saturating_sub(lines.len());
    lines.extend(log(&screen.log, lang, left));
    lines.truncate(room);
    lines.resize(room, Line::default());
    lines.extend(footer);
    lines.truncate(height);
    lines.into_iter().map(|line| line.cut(width)).collect()
}

fn title(lang: Lang, zh: &str, en: &str) -> Line {
    Line::of(&label(lang, zh, en), Tone::Heading)
}

/// The alarms in at most `rows` lines, the last of which tells how many have no room.
fn alarms(alarms: &[AlarmRow], lang: Lang, rows: usize) -> Vec<Line> {
    let count = format!(" {}", alarms.len());
    let tone = if alarms.is_empty() { Tone::Good } else { Tone::Alarm };
    let mut lines = vec![title(lang, "报警", "Alarms").and(&count, tone)];
    let shown = if alarms.len() < rows { alarms.len() } else { rows.saturating_sub(2) };
    lines.extend(alarms.iter().take(shown).map(alarm));
    if shown < alarms.len() {
        lines.push(Line::of(&format!("  … +{}", alarms.len() - shown), Tone::Alarm));
    }
    lines
}

fn alarm(row: &AlarmRow) -> Line {
    Line::default()
        .cell(&row.at, 10, Tone::Faint)
        .cell(&row.tag, 12, row.tone)
        .cell(&row.value, 16, row.tone)
        .cell(&row.state, 24, row.tone)
        .and(&row.what, Tone::Plain)
}

fn middle(screen: &Screen, lang: Lang, width: usize) -> Vec<Line> {
    let points = points(&screen.points, lang);
    let states = states(screen, lang);
    if width < WIDE {
        return points.into_iter().chain(states).collect();
    }
    let column = width / 2;
    let rows = points.len().max(states.len());
    let (mut points, mut states) = (points.into_iter(), states.into_iter());
    (0..rows)
        .map(|_| {
            let left = points.next().unwrap_or_default().cut(column - 2).filled(column);
            left.join(states.next().unwrap_or_default())
        })
        .collect()
}

fn points(points: &[PointRow], lang: Lang) -> Vec<Line> {
    let row = |point: &PointRow| {
        Line::default()
            .cell(&point.tag, 12, Tone::Plain)
            .cell(&point.value, 16, point.tone)
            .and(&point.name, Tone::Faint)
    };
    block(title(lang, "测点", "Points"), points.iter().map(row))
}

fn states(screen: &Screen, lang: Lang) -> Vec<Line> {
    let panel = screen.panel.iter().fold(Line::default(), |line, output| {
        line.and(&format!("{} ", output.name), Tone::Plain).and(&format!("{}  ", output.value), output.tone)
    });
    let panel = (!screen.panel.is_empty()).then_some(panel);
    let mut lines = block(title(lang, "声光", "Panel"), panel.into_iter());
    for (facts, zh, en) in [
        (&screen.buses, "总线", "Buses"),
        (&screen.uplink, "上传", "Uplink"),
        (&screen.journal, "日志", "Journal"),
        (&screen.ledger, "账目", "Ledger"),
    ] {
        lines.extend(block(title(lang, zh, en), facts.iter().map(fact)));
    }
    lines
}

fn fact(fact: &Fact) -> Line {
    Line::default().cell(&fact.name, 20, Tone::Plain).and(&fact.value, fact.tone)
}

/// A title and its lines; nothing where there are none.
fn block(title: Line, lines: impl Iterator<Item = Line>) -> Vec<Line> {
    let mut block = vec![title];
    block.extend(lines);
    if block.len() == 1 { Vec::new() } else { block }
}

/// The latest lines of the log in at most `rows` lines.
fn log(log: &[String], lang: Lang, rows: usize) -> Vec<Line> {
    let first = log.len().saturating_sub(rows.saturating_sub(1));
    let lines =
        block(title(lang, "事件", "Events"), log[first..].iter().map(|text| Line::of(text, Tone::Plain)));
    lines.into_iter().take(rows).collect()
}

/// The keys, on as many lines as they take.
fn footer(screen: &Screen, lang: Lang, width: usize) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    for key in Key::ALL {
        let tone = if screen.switched_on.contains(&key) { Tone::Unacked } else { Tone::Faint };
        let cell = Line::of(&key.letter().to_string(), Tone::Heading)
            .and(&format!(" {}", key.name(lang)), tone)
            .and("  ", Tone::Plain);
        match lines.last_mut() {
            Some(last) if last.columns() + cell.columns() <= width + 2 => {
                *last = std::mem::take(last).join(cell)
            }
            Some(_) | None => lines.push(cell),
        }
    }
    lines.retain(|line| line.columns() > 0);
    lines
}
