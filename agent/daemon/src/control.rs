//! The local socket between the daemon and the command line: one JSON line in, one JSON line out. Whoever may open the socket
//! may act, and says who he is; nothing on the network reaches it.

mod configure;
pub mod person;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::Value;
use hazard_core::outbox::record::Cause;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::observe::{Status, TestReport};
use crate::run::{Act, Done, Request, UnknownName};

pub use configure::{Configure, Configured, Configurer};

/// The socket's name in the gateway's folder.
pub const SOCKET: &str = "hazard.sock";

/// A whole site file with every character escaped fits.
const LINE_MAX: u64 = 20 << 20;
const CONNECTIONS_MAX: usize = 8;
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may hold its place without asking: whoever wants to silence the horn waits for it.
const QUESTION_WITHIN: Duration = Duration::from_secs(1);

/// A question to the daemon.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// What is now.
    Status,
    /// A person does something.
    Act {
        /// Who.
        actor: String,
        /// What.
        deed: Deed,
        /// The actor's words.
        note: String,
    },
    /// A person does something to the configuration.
    Configure(Configure),
}

/// What a person does. An alarm is written `GT-101/high`, a point by its tag.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// 消音.
    Silence {
        /// All that sound when absent.
        alarm: Option<String>,
    },
    /// 确认.
    Acknowledge {
        /// All that were shown and that nobody has acknowledged when absent.
        alarm: Option<String>,
        /// The [`Status::view`] in which they were shown; what was raised since stays. Without an alarm it is needed.
        #[serde(default)]
        seen: Option<String>,
    },
    /// 复位.
    Reset {
        /// All that latch when absent.
        alarm: Option<String>,
    },
    /// 处置.
    Handle {
        /// The alarm.
        alarm: String,
        /// What was behind it.
        cause: CauseWord,
    },
    /// 搁置.
    Shelve {
        /// The alarm.
        alarm: String,
        /// For so many seconds.
        lasts_s: u64,
    },
    /// Take a shelved alarm back.
    Unshelve {
        /// The alarm.
        alarm: String,
    },
    /// 旁路.
    Bypass {
        /// The point.
        point: String,
        /// Who approved it.
        approver: String,
        /// For so many seconds.
        lasts_s: u64,
        /// It is approved that no detector of a vote is left.
        #[serde(default)]
        whole_vote: bool,
    },
    /// 恢复投用: end a bypass.
    Rearm {
        /// The point.
        point: String,
    },
    /// 应答: somebody has heard the call and sees to it.
    Answer {
        /// The alarm.
        alarm: String,
    },
    /// 命令: write what a named command says.
    Send {
        /// The command.
        command: String,
        /// What to write, where the caller says it.
        #[serde(default)]
        value: Option<Finite>,
        /// Who approved it.
        #[serde(default)]
        approver: Option<String>,
    },
    /// 联锁复位: make a trip ready again.
    ResetTrip {
        /// Its name.
        trip: String,
    },
    /// 掉电保持复位: somebody has looked at the plant after what stood was lost.
    ResetRetentive,
    /// Begin a calibration or a proof test.
    BeginTest {
        /// The point.
        point: String,
        /// Which of its duties.
        duty: DutyWord,
        /// Who approved it.
        #[serde(default)]
        approver: Option<String>,
        /// What the point should read under test.
        #[serde(default)]
        applied: Option<Finite>,
    },
    /// Gas on.
    GasOn {
        /// The point under test.
        point: String,
    },
    /// Gas off.
    GasOff {
        /// The point under test.
        point: String,
    },
    /// Finish a test and judge it.
    FinishTest {
        /// The point under test.
        point: String,
    },
    /// Give a test up.
    AbortTest {
        /// The point under test.
        point: String,
    },
}

/// A number that can be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Finite(pub Value);

impl TryFrom<f64> for Finite {
    type Error = &'static str;

    fn try_from(raw: f64) -> Result<Self, Self::Error> {
        Value::try_new(raw).map(Self).ok_or("not a finite number")
    }
}

impl From<Finite> for f64 {
    fn from(Finite(value): Finite) -> Self {
        value.get()
    }
}

/// A duty of upkeep as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum DutyWord {
    /// 标定 compared with a known gas
    Calibration,
    /// 功能测试 the whole chain to the valve
    ProofTest,
}

impl DutyWord {
    /// As in the dictionary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calibration => "calibration",
            Self::ProofTest => "proof_test",
        }
    }
}

/// A cause as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum CauseWord {
    /// 真实险情 a real hazard
    Hazard,
    /// 工艺波动 the process left its band
    Upset,
    /// 检维修 work on the plant
    Maintenance,
    /// 设备故障 detector, line or relay
    Equipment,
    /// 误报 nothing was there
    FalseAlarm,
    /// 测试 drill, proof test, calibration
    Test,
}

impl From<CauseWord> for Cause {
    fn from(word: CauseWord) -> Self {
        match word {
            CauseWord::Hazard => Self::Hazard,
            CauseWord::Upset => Self::Upset,
            CauseWord::Maintenance => Self::Maintenance,
            CauseWord::Equipment => Self::Equipment,
            CauseWord::FalseAlarm => Self::FalseAlarm,
            CauseWord::Test => Self::Test,
        }
    }
}

/// Something that was not done, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// The alarm or the point.
    pub subject: String,
    /// One of the words of `words::refusal`.
    pub why: String,
    /// The bound that was passed: seconds for `too_long` and `too_soon`, a number for `too_many`.
    pub max: Option<u64>,
}

/// The daemon's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// What is now.
    Status(Box<Status>),
    /// The command was carried out as far as it is permitted.
    Done {
        /// How many alarms or points it changed.
        changed: u32,
        /// The alarms that it silenced, acknowledged or reset.
        #[serde(default)]
        alarms: Vec<String>,
        /// What it did not change.
        refused: Vec<Refused>,
        /// The test that it ended.
        #[serde(default)]
        test: Option<Box<TestReport>>,
    },
    /// The configuration is another one, or was confirmed.
    Configured(Configured),
    /// The configuration stays as it is.
    NotConfigured {
        /// A word for the reason.
        why: String,
        /// What exactly; may be empty.
        detail: String,
    },
    /// There is no alarm or point of this name.
    UnknownName {
        /// The name.
        name: String,
    },
    /// The question was not understood.
    Refused {
        /// Why.
        why: String,
    },
    /// The daemon did not answer in time.
    Busy,
}

/// Binds the socket; one that a dead daemon left is replaced.
///
/// # Errors
/// When the folder cannot be written.
pub fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => return Err(fault),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Whom the socket leads to.
#[derive(Clone)]
pub struct Rooms {
    /// The run.
    pub requests: mpsc::Sender<Request>,
    /// Whoever changes the configuration.
    pub configurer: Configurer,
}

/// Answers until `stop`.
pub async fn serve(listener: UnixListener, rooms: Rooms, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let rooms = rooms.clone();
        tokio::spawn(async move {
            let _place = place;
            match tokio::time::timeout(ANSWER_WITHIN * 2, talk(stream, rooms)).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => warn!(%fault, "a local connection broke"),
                Err(_) => warn!("a local connection said nothing"),
            }
        });
    }
}

async fn talk(stream: UnixStream, rooms: Rooms) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_MAX));
    let asked = tokio::time::timeout(QUESTION_WITHIN, reader.read_line(&mut line)).await;
    asked.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let answer = match serde_json::from_str(&line) {
        Ok(ask) => tokio::time::timeout(ANSWER_WITHIN, answer(ask, rooms)).await.unwrap_or(Answer::Busy),
        Err(fault) => Answer::Refused { why: fault.to_string() },
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await
}

async fn answer(ask: Ask, Rooms { requests, configurer }: Rooms) -> Answer {
    let ask = match person::named(ask) {
        Ok(ask) => ask,
        Err(answer) => return answer,
    };
    match ask {
        Ask::Status => {
            let (reply, status) = oneshot::channel();
            if requests.send(Request::Status(reply)).await.is_err() {
                return Answer::Busy;
            }
            status.await.map_or(Answer::Busy, |status| Answer::Status(Box::new(Status::clone(&status))))
        }
        Ask::Configure(ask) => {
            let (reply, answer) = oneshot::channel();
            if !configurer(ask, reply) {
                return Answer::Busy;
            }
            answer.await.unwrap_or(Answer::Busy)
        }
        Ask::Act { actor, deed, note } => {
            let (reply, done) = oneshot::channel();
            let act = Act { actor, deed, note };
            if requests.send(Request::Act(act, reply)).await.is_err() {
                return Answer::Busy;
            }
            match done.await {
                Ok(Ok(Done { changed, alarms, refused, test })) => {
                    Answer::Done { changed, alarms, refused, test }
                }
                Ok(Err(UnknownName(name))) => Answer::UnknownName { name },
                Err(_) => Answer::Busy,
            }
        }
    }
}

/// Asks the daemon behind the socket.
///
/// # Errors
/// When no daemon answers there, or its answer is not one.
pub async fn ask(path: &Path, ask: &Ask) -> std::io::Result<Answer> {
    let stream = UnixStream::connect(path).await?;
    let (reader, mut writer) = stream.into_split();
    let mut bytes = serde_json::to_vec(ask)?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await?;
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader);
    tokio::time::timeout(ANSWER_WITHIN * 2, reader.read_until(b'\n', &mut line))
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    Ok(serde_json::from_slice(&line)?)
}
