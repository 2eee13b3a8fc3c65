//! The local socket between the daemon and the command line: one JSON line in, one JSON line out. Whoever may open the socket
//! may act, and says who he is; nothing on the network reaches it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::outbox::record::Verb;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::observe::Status;
use crate::run::{Act, Request, UnknownAlarm};

/// The socket's name in the gateway's folder.
pub const SOCKET: &str = "hazard.sock";

const LINE_MAX: u64 = 64 * 1024;
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
    /// 消音, 确认 or 复位.
    Act {
        /// Who.
        actor: String,
        /// `silence`, `acknowledge` or `reset`.
        verb: VerbWord,
        /// `GT-101/high`; all that the verb applies to when absent.
        alarm: Option<String>,
        /// The actor's words.
        note: String,
    },
}

/// A verb as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerbWord {
    /// 消音.
    Silence,
    /// 确认.
    Acknowledge,
    /// 复位.
    Reset,
}

impl From<VerbWord> for Verb {
    fn from(word: VerbWord) -> Self {
        match word {
            VerbWord::Silence => Self::Silence,
            VerbWord::Acknowledge => Self::Acknowledge,
            VerbWord::Reset => Self::Reset,
        }
    }
}

/// The daemon's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// What is now.
    Status(Box<Status>),
    /// The command was carried out.
    Done {
        /// How many alarms it changed.
        changed: u32,
    },
    /// There is no alarm of this name.
    UnknownAlarm {
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

/// Answers until `stop`.
pub async fn serve(listener: UnixListener, requests: mpsc::Sender<Request>, stop: CancellationToken) {
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
        let requests = requests.clone();
        tokio::spawn(async move {
            let _place = place;
            match tokio::time::timeout(ANSWER_WITHIN * 2, talk(stream, requests)).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => warn!(%fault, "a local connection broke"),
                Err(_) => warn!("a local connection said nothing"),
            }
        });
    }
}

async fn talk(stream: UnixStream, requests: mpsc::Sender<Request>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_MAX));
    let asked = tokio::time::timeout(QUESTION_WITHIN, reader.read_line(&mut line)).await;
    asked.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let answer = match serde_json::from_str(&line) {
        Ok(ask) => tokio::time::timeout(ANSWER_WITHIN, answer(ask, requests)).await.unwrap_or(Answer::Busy),
        Err(fault) => Answer::Refused { why: fault.to_string() },
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await
}

async fn answer(ask: Ask, requests: mpsc::Sender<Request>) -> Answer {
    match ask {
        Ask::Status => {
            let (reply, status) = oneshot::channel();
            if requests.send(Request::Status(reply)).await.is_err() {
                return Answer::Busy;
            }
            status.await.map_or(Answer::Busy, |status| Answer::Status(Box::new(Status::clone(&status))))
        }
        Ask::Act { actor, verb, alarm, note } => {
            if actor.trim().is_empty() {
                return Answer::Refused { why: "an action needs an actor".to_owned() };
            }
            let (reply, done) = oneshot::channel();
            let act = Act { actor, verb: verb.into(), alarm, note };
            if requests.send(Request::Act(act, reply)).await.is_err() {
                return Answer::Busy;
            }
            match done.await {
                Ok(Ok(changed)) => Answer::Done { changed },
                Ok(Err(UnknownAlarm(name))) => Answer::UnknownAlarm { name },
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
