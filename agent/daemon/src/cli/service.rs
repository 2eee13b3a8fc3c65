//! `hazard run`: the daemon as a service: signals, watchdog, metrics and the local socket around one run after another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::home::{Home, Taken};
use super::{CONFIG, IN_USE, OK, OS_REFUSES, SOFTWARE, USAGE, load, obstacles, word};
use crate::clock::Clock;
use crate::config::{self, Lang, Loaded};
use crate::control;
use crate::observe::log::{self, LogFormat};
use crate::observe::{Status, http};
use crate::run::{self, End, Legacy, Request, Surroundings};

const REQUESTS_MAX: usize = 32;

pub(super) fn run(path: &Path, format: LogFormat, lang: Lang) -> u8 {
    let clock = Clock::new(std::path::PathBuf::new());
    let loaded = match load(path, lang) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let refused = obstacles(&loaded, lang);
    if !refused.is_empty() {
        refused.iter().for_each(|why| eprintln!("{why}"));
        return CONFIG;
    }
    if let Err(fault) = log::init(format, None) {
        eprintln!("{fault}");
        return USAGE;
    }
    let _home = match Home::take(&loaded.state_dir) {
        Ok(home) => home,
        Err(Taken) => {
            let why = word(
                lang,
                "已有代理在使用这个数据目录；先停止它，或换一个 state_dir",
                "another agent uses this folder; stop it first, or choose another state_dir",
            );
            eprintln!("{}: {why}", loaded.state_dir.display());
            return IN_USE;
        }
    };
    // One thread for the loop, the buses and the uplinks: handing each reply from thread to thread costs more than all
    // they do with it. Files, names and the journal have threads of their own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            error!(%fault, "no runtime");
            return SOFTWARE;
        }
    };
    let code = runtime.block_on(serve(path, loaded, clock));
    runtime.shutdown_timeout(Duration::from_secs(5));
    code
}

async fn serve(path: &Path, mut loaded: Loaded, clock: Clock) -> u8 {
    let stop = CancellationToken::new();
    let (requests, mut inbox) = mpsc::channel(REQUESTS_MAX);
    if let Err(fault) = watch_signals(&loaded.state_dir, path, (&requests, &stop)) {
        error!(%fault, "signals cannot be watched");
        return OS_REFUSES;
    }
    listen_locally(&loaded, &requests, &stop);
    let around = Surroundings { clock, stop: stop.clone(), turns: kick_watchdog };
    let mut legacy = Legacy::default();
    loop {
        let metrics = stop.child_token();
        let served = serve_metrics(&loaded, &requests, metrics.clone()).await;
        notify(&[NotifyState::Ready, NotifyState::Status(&loaded.hash)]);
        let end = run::run(&loaded, &around, legacy, &mut inbox).await;
        metrics.cancel();
        if let Some(served) = served {
            // The next run binds the same port.
            drop(served.await);
        }
        match end {
            Ok(End::Stopped) => return OK,
            Ok(End::Reload(next, left)) => {
                loaded = *next;
                legacy = left;
            }
            Err(fault) => {
                error!(%fault, "the agent cannot run");
                return OS_REFUSES;
            }
        }
    }
}

fn watch_signals(
    home: &Path,
    path: &Path,
    (requests, stop): (&mpsc::Sender<Request>, &CancellationToken),
) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (home, path) = (home.to_owned(), path.to_owned());
    let (requests, stop) = (requests.clone(), stop.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => reload(&home, &path, &requests).await,
            }
        }
        notify(&[NotifyState::Stopping]);
        stop.cancel();
    });
    Ok(())
}

/// Reads the configuration again; one that cannot be used changes nothing.
async fn reload(home: &Path, path: &Path, requests: &mpsc::Sender<Request>) {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || config::load(&path)).await;
    let loaded = match read {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(report)) => {
            let faults = report.to_json();
            error!(%faults, "the configuration has faults; the last good one stays");
            return;
        }
        Err(fault) => {
            error!(%fault, "the configuration could not be read; the last good one stays");
            return;
        }
    };
    let refused = obstacles(&loaded, Lang::En);
    if !refused.is_empty() {
        error!(obstacles = refused.join("; "), "the configuration cannot be run; the last good one stays");
        return;
    }
    if loaded.state_dir != home {
        error!(dir = %loaded.state_dir.display(), "another state_dir takes a restart; the last good configuration stays");
        return;
    }
    info!(config = loaded.hash, "the configuration is read again");
    if requests.send(Request::Reload(Box::new(loaded))).await.is_err() {
        warn!("the agent is ending; the configuration is not used");
    }
}

fn listen_locally(loaded: &Loaded, requests: &mpsc::Sender<Request>, stop: &CancellationToken) {
    let path = loaded.state_dir.join(control::SOCKET);
    match control::bind(&path) {
        Ok(listener) => drop(tokio::spawn(control::serve(listener, requests.clone(), stop.clone()))),
        Err(fault) => {
            error!(socket = %path.display(), %fault, "no local socket: hazard status will not work")
        }
    }
}

async fn serve_metrics(
    loaded: &Loaded,
    requests: &mpsc::Sender<Request>,
    stop: CancellationToken,
) -> Option<JoinHandle<()>> {
    let listener = match TcpListener::bind(loaded.listen).await {
        Ok(listener) => listener,
        Err(fault) => {
            error!(address = %loaded.listen, %fault, "metrics are not served");
            return None;
        }
    };
    let (source, mut asked) = mpsc::channel::<oneshot::Sender<Arc<Status>>>(4);
    let requests = requests.clone();
    tokio::spawn(async move {
        while let Some(reply) = asked.recv().await {
            if requests.send(Request::Status(reply)).await.is_err() {
                return;
            }
        }
    });
    Some(tokio::spawn(http::serve(listener, http::Source::new(source), stop)))
}

/// Tells systemd that a turn was completed, at half the interval that it asks for.
fn kick_watchdog() {
    static LAST_MS: AtomicU64 = AtomicU64::new(0);
    static HALF_MS: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();
    static CLOCK: std::sync::OnceLock<Clock> = std::sync::OnceLock::new();
    let half =
        HALF_MS.get_or_init(|| sd_notify::watchdog_enabled().map(|interval| interval.as_millis() as u64 / 2));
    let Some(half) = half else {
        return;
    };
    let clock = CLOCK.get_or_init(|| Clock::new(std::path::PathBuf::new()));
    let now = clock.now().as_micros() / 1000;
    if now.saturating_sub(LAST_MS.load(Ordering::Relaxed)) >= *half {
        LAST_MS.store(now, Ordering::Relaxed);
        notify(&[NotifyState::Watchdog]);
    }
}

fn notify(states: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    drop(sd_notify::notify(states));
}
