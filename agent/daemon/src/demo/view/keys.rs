//! The keys that the demonstration listens to.

use std::io;
use std::thread;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use tokio::sync::mpsc;

use super::label;
use crate::config::Lang;

/// Keys pressed and not yet acted on; what is beyond is dropped.
const PRESSED_MAX: usize = 16;

/// How soon the thread sees that nobody listens any more.
const LISTEN: Duration = Duration::from_millis(200);

/// What a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    /// Gas leaks.
    Leak,
    /// A device dies.
    DeadDevice,
    /// The serial line is noisy.
    LineNoise,
    /// The uplink is cut.
    CutUplink,
    /// The wall clock jumps.
    JumpClock,
    /// Acknowledge.
    Acknowledge,
    /// Silence.
    Silence,
    /// Reset.
    Reset,
    /// Silence a node's own horn, by a named command.
    NodeHorn,
    /// Quit.
    Quit,
}

impl Key {
    /// All keys, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Leak,
        Self::DeadDevice,
        Self::LineNoise,
        Self::CutUplink,
        Self::JumpClock,
        Self::Acknowledge,
        Self::Silence,
        Self::Reset,
        Self::NodeHorn,
        Self::Quit,
    ];

    /// The key to press.
    #[must_use]
    pub const fn letter(self) -> char {
        self.words().0
    }

    /// What it does, for people.
    #[must_use]
    pub fn name(self, lang: Lang) -> String {
        let (_, zh, en) = self.words();
        label(lang, zh, en)
    }

    const fn words(self) -> (char, &'static str, &'static str) {
        match self {
            Self::Leak => ('1', "泄漏", "leak"),
            Self::DeadDevice => ('2', "设备失联", "dead device"),
            Self::LineNoise => ('3', "线路干扰", "line noise"),
            Self::CutUplink => ('4', "断网", "uplink cut"),
            Self::JumpClock => ('5', "时钟跳变", "clock jump"),
            Self::Acknowledge => ('a', "确认", "ack"),
            Self::Silence => ('s', "消音", "silence"),
            Self::Reset => ('r', "复位", "reset"),
            Self::NodeHorn => ('h', "下发命令：节点消音", "command: node horn"),
            Self::Quit => ('q', "退出", "quit"),
        }
    }

    /// The key that a terminal event stands for; Ctrl-C and Escape quit.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else { return None };
        if *kind == KeyEventKind::Release {
            return None;
        }
        match *code {
            KeyCode::Esc => Some(Self::Quit),
            KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Some(Self::Quit),
            KeyCode::Char(_) if modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => None,
            KeyCode::Char(letter) => {
                Self::ALL.into_iter().find(|key| key.letter() == letter.to_ascii_lowercase())
            }
            _ => None,
        }
    }
}

/// The keys as they are pressed, read by a thread that ends with the receiver, or when the terminal is gone.
///
/// # Errors
/// The thread cannot be started.
pub fn keys() -> io::Result<mpsc::Receiver<Key>> {
    let (pressed, keys) = mpsc::channel(PRESSED_MAX);
    thread::Builder::new().name("keys".to_owned()).spawn(move || listen(&pressed))?;
    Ok(keys)
}

fn listen(pressed: &mpsc::Sender<Key>) {
    while !pressed.is_closed() {
        match poll(LISTEN) {
            Ok(false) => {}
            Ok(true) => {
                let Ok(event) = read() else { return };
                if let Some(key) = Key::of(&event) {
                    // Whoever hammers on the keys loses some.
                    let _full = pressed.try_send(key);
                }
            }
            Err(_) => return,
        }
    }
}
