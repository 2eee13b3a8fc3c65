//! What a terminal would show: the painted bytes are read back by a small one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;

#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

/// A terminal that knows the few sequences that the view uses.
#[derive(Default)]
struct Terminal {
    rows: Vec<String>,
    row: usize,
}

impl Terminal {
    fn take(&mut self, text: &str) {
        for (n, part) in text.split("\u{1b}[").enumerate() {
            let end = if n == 0 { 0 } else { part.find(|c: char| c.is_ascii_alphabetic()).unwrap() + 1 };
            let (sequence, text) = part.split_at(end);
            match sequence {
                "2J" => self.rows.clear(),
                "K" => {}
                _ if sequence.ends_with('H') => {
                    let (row, column) = sequence.trim_end_matches('H').split_once(';').unwrap();
                    assert_eq!(column, "1");
                    self.row = row.parse::<usize>().unwrap() - 1;
                    self.rows.resize(self.rows.len().max(self.row + 1), String::new());
                    self.rows[self.row].clear();
                }
                _ => {}
            }
            if !text.is_empty() {
                self.rows[self.row] += text;
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Fact {
    Fact { name: name.to_owned(), value: value.to_owned(), tone: Tone::Good }
}

fn screen(alarms: usize) -> Screen {
    let alarm = |n| AlarmRow {
        at: "16:40:01".to_owned(),
        tag: format!("GT-{n}"),
        what: "高高报警 high-high".to_owned(),
        value: "61.8 %LEL".to_owned(),
        state: "未确认 unacked".to_owned(),
        tone: Tone::Unacked,
    };
    let point = |n| PointRow {
        tag: format!("GT-{n}"),
        name: "1号烧毛机天然气".to_owned(),
        value: "1.5 %LEL".to_owned(),
        tone: Tone::Good,
    };
    Screen {
        heading: "嘉福纺织 gw-demo 2026-11-22 16:40:09".to_owned(),
        alarms: (101..101 + alarms).map(alarm).collect(),
        points: (101..113).map(point).collect(),
        buses: vec![fact("nodes", "120 ok 0 bad"), fact("rs485", "98 ok 3 bad")],
        uplink: vec![fact("district", "已连接 connected")],
        journal: vec![fact("durable", "8812")],
        ledger: vec![fact("已确认 acked", "8800")],
        panel: vec![fact("HORN-1", "●"), fact("BEACON-1", "○")],
        log: (0..50).map(|n| format!("event {n}")).collect(),
        switched_on: vec![Key::Leak],
    }
}

fn shown(lines: &[Line]) -> Vec<String> {
    let text = |line: &Line| line.spans().iter().map(|(text, _)| text.as_str()).collect();
    lines.iter().map(text).collect()
}

#[test]
fn every_size_is_painted_within_its_edges() {
    for lang in [Lang::Zh, Lang::En] {
        for width in (0..20).step_by(3).chain(20..=200) {
            for height in [0, 1, 2, 5, 10, 24, 60, 200] {
                for alarms in [0, 1, 40] {
                    let lines = page::lines(&screen(alarms), lang, (width, height));
                    assert_eq!(lines.len(), usize::from(height), "{width}×{height}");
                    let columns = lines.iter().map(Line::columns).max().unwrap_or(0);
                    assert!(columns < usize::from(width).max(1), "{columns} of {width}×{height}");
                }
            }
        }
    }
}

#[test]
fn heading_alarms_log_and_keys_are_there_on_any_usual_terminal() {
    for (width, height) in [(40, 24), (80, 24), (120, 40), (200, 60)] {
        let rows = shown(&page::lines(&screen(2), Lang::Zh, (width, height)));
        let text = rows.join("\n");
        for part in [
            "嘉福纺织",
            "报警 Alarms 2",
            "GT-101",
            "GT-102",
            "测点 Points",
            "事件 Events",
            "event 49",
            "q 退出",
        ] {
            assert!(text.contains(part), "{part} at {width}×{height}:\n{text}");
        }
        assert_eq!(rows.len(), usize::from(height));
    }
    let wide = shown(&page::lines(&screen(0), Lang::Zh, (120, 50))).join("\n");
    for part in
        ["报警 Alarms 0", "GT-112", "总线 Buses", "上传 Uplink", "日志 Journal", "账目 Ledger", "HORN-1 ●"]
    {
        assert!(wide.contains(part), "{part}:\n{wide}");
    }
}

#[test]
fn alarms_without_room_are_counted() {
    let text = shown(&page::lines(&screen(40), Lang::En, (80, 24))).join("\n");
    let rows = text.lines().filter(|row| row.contains("61.8 %LEL")).count();
    assert!(rows > 2 && text.contains(&format!("+{}", 40 - rows)), "{text}");
    assert!(text.contains("Alarms 40") && !text.contains("报警 Alarms"));
}

#[test]
fn only_what_changed_is_painted_and_the_terminal_shows_the_same_as_after_a_whole_paint() {
    let out = Out::default();
    let mut view = View::new(out.clone(), Lang::Zh).unwrap();
    let mut terminal = Terminal::default();
    let mut screen = screen(3);
    let mut paint = |view: &mut View<Out>, screen: &Screen, size| {
        view.draw_at(screen, size).unwrap();
        let bytes = out.take();
        terminal.take(&bytes);
        let whole = shown(&page::lines(screen, Lang::Zh, size));
        assert_eq!(terminal.rows, whole);
        bytes.matches(";1H").count()
    };
    assert_eq!(paint(&mut view, &screen, (100, 30)), 30);
    assert_eq!(paint(&mut view, &screen, (100, 30)), 0);
    screen.points[4].value = "2.5 %LEL".to_owned();
    assert_eq!(paint(&mut view, &screen, (100, 30)), 1);
    screen.alarms.clear();
    assert!(paint(&mut view, &screen, (100, 30)) < 30);
    assert_eq!(paint(&mut view, &screen, (60, 20)), 20);
}

#[test]
fn the_terminal_is_given_back_at_the_end_and_on_a_panic() {
    const GIVEN_BACK: &str = "\u{1b}[?25h\u{1b}[?1049l";
    let out = Out::default();
    let mut view = View::new(out.clone(), Lang::En).unwrap();
    assert!(out.take().starts_with("\u{1b}[?1049h\u{1b}[?25l"));
    view.draw_at(&screen(1), (80, 24)).unwrap();
    assert!(!out.take().contains(GIVEN_BACK));
    drop(view);
    assert!(out.take().ends_with(GIVEN_BACK));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _view = View::new(out.clone(), Lang::En).unwrap();
        std::panic::resume_unwind(Box::new("a drawing that panics"));
    }));
    assert!(panicked.is_err() && out.take().ends_with(GIVEN_BACK));
}

#[test]
fn each_key_is_found_by_its_letter_and_nothing_else_is() {
    let press = |code, modifiers| Key::of(&Event::Key(KeyEvent::new(code, modifiers)));
    for key in Key::ALL {
        assert_eq!(press(KeyCode::Char(key.letter()), KeyModifiers::NONE), Some(key));
        assert_eq!(press(KeyCode::Char(key.letter().to_ascii_uppercase()), KeyModifiers::SHIFT), Some(key));
        assert_eq!(press(KeyCode::Char(key.letter()), KeyModifiers::ALT), None);
    }
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Quit));
    assert_eq!(press(KeyCode::Char('a'), KeyModifiers::CONTROL), None);
    assert_eq!(press(KeyCode::Char('x'), KeyModifiers::NONE), None);
    assert_eq!(Key::of(&Event::Resize(80, 24)), None);
}
