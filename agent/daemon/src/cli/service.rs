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
use tracing::{error, warn};

use super::changes::{Bell, Changes, give_back_at_once, in_the_way, last_good, recover};
use super::configure::standing;
use super::home::{Home, Taken};
use super::reach::write_down;
use super::{CONFIG, IN_USE, OK, OS_REFUSES, SOFTWARE, USAGE, obstacles, word};
use crate::clock::Clock;
use crate::config::{self, Lang, Loaded, Style};
use crate::control::{self, Rooms};
use crate::observe::log::{self, LogFormat};
use crate::observe::{SiteFile, Status, http};
use crate::run::{self, End, Legacy, Request, Surroundings};

const REQUESTS_MAX: usize = 32;

pub(super) fn run(path: &Path, format: LogFormat, lang: Lang) -> u8 {
    let clock = Clock::new(std::path::PathBuf::new());
    let recovered = match recover(path, &clock) {
        Ok(recovered) => recovered,
        Err(Taken) => return in_use(path, lang),
    };
    let mut usable = self::usable(path, lang);
    if usable.is_err() && recovered.as_ref().is_some_and(|found| found.goes_on) {
        // A trial that cannot even start is over.
        usable = match give_back_at_once(path, &clock) {
            Ok(()) => self::usable(path, lang),
            Err(fault) => {
                eprintln!("{}: {fault}", path.display());
                usable
            }
        };
    }
    let (loaded, invalid) = match usable {
        // One on trial ran before this start.
        Ok(loaded) if recovered.as_ref().is_some_and(|found| found.goes_on) => (loaded, None),
        Ok(loaded) => would_drop_what_stands(path, loaded),
        Err(invalid) => match last_good(path) {
            Some(loaded) => (loaded, Some(*invalid)),
            None => return CONFIG,
        },
    };
    if let Err(fault) = log::init(format, None) {
        eprintln!("{fault}");
        return USAGE;
    }
    let taken = recovered.map_or_else(|| Home::take(&loaded.state_dir), |found| Ok(found.home));
    let Ok(_home) = taken else { return in_use(&loaded.state_dir, lang) };
    if let Some(invalid) = &invalid {
        error!(
            ?invalid,
            config = loaded.hash,
            "the site file cannot be used; the last good configuration runs"
        );
    }
    if let Err(fault) = write_down(path, &loaded.state_dir) {
        warn!(%fault, "the state folder cannot be written down beside the site file");
    }
    // One thread for the loop, the buses and the uplinks: handing each reply from thread to thread costs more than all
    // they do with it. Files, names and the journal have threads of their own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            error!(%fault, "no runtime");
            return SOFTWARE;
        }
    };
    let code = runtime.block_on(serve(path, (loaded, invalid), clock));
    runtime.shutdown_timeout(Duration::from_secs(5));
    code
}

/// A site file that would drop a trip that stands or is held is not run at a start either, where what ran is known.
fn would_drop_what_stands(path: &Path, loaded: Loaded) -> (Loaded, Option<SiteFile>) {
    let Some(ran) = last_good(path).filter(|ran| ran.fingerprint != loaded.fingerprint) else {
        return (loaded, None);
    };
    let refused = standing(&ran, &loaded).map(|found| found.refused).unwrap_or_default();
    if refused.is_empty() {
        return (loaded, None);
    }
    (ran, Some(in_the_way(path.display().to_string(), refused)))
}

/// A configuration that can be run, or, after all of it was told, why it cannot.
fn usable(path: &Path, lang: Lang) -> Result<Loaded, Box<SiteFile>> {
    let loaded = config::load(path).map_err(|report| {
        eprint!("{}", report.render(lang, Style::of_stderr()));
        Box::new(SiteFile::of_report(path.display().to_string(), &report))
    })?;
    let Some(invalid) = unusable(path, &loaded) else {
        return Ok(loaded);
    };
    obstacles(&loaded, lang).iter().for_each(|why| eprintln!("{why}"));
    Err(Box::new(invalid))
}

/// What keeps a faultless site file from being run.
pub(super) fn unusable(path: &Path, loaded: &Loaded) -> Option<SiteFile> {
    let obstacles = (obstacles(loaded, Lang::Zh), obstacles(loaded, Lang::En));
    let is_any = !obstacles.0.is_empty();
    is_any.then(|| SiteFile::of_obstacles(path.display().to_string(), obstacles))
}

/// Tells systemd which configuration runs.
pub(super) fn say_what_runs(hash: &str, invalid: bool) {
    let last_good = format!("site file invalid, last good configuration runs: {hash}");
    notify(&[NotifyState::Status(if invalid { &last_good } else { hash })]);
}

fn in_use(dir: &Path, lang: Lang) -> u8 {
    let why = word(
        lang,
        "已有代理在使用这个数据目录；先停止它，或换一个 state_dir",
        "another agent uses this folder; stop it first, or choose another state_dir",
    );
    eprintln!("{}: {why}", dir.display());
    IN_USE
}

async fn serve(path: &Path, (loaded, invalid): (Loaded, Option<SiteFile>), clock: Clock) -> u8 {
    let mut loaded = Arc::new(loaded);
    let stop = CancellationToken::new();
    let (requests, mut inbox) = mpsc::channel(REQUESTS_MAX);
    let changes = match Changes::start(path, (&loaded, invalid), (requests.clone(), &clock)) {
        Ok(changes) => changes,
        Err(fault) => {
            error!(%fault, "no thread for the configuration");
            return OS_REFUSES;
        }
    };
    if let Err(fault) = watch_signals(changes.bell(), &stop) {
        error!(%fault, "signals cannot be watched");
        return OS_REFUSES;
    }
    let rooms = Rooms { requests: requests.clone(), configurer: changes.bell().configurer() };
    listen_locally(&loaded, rooms, &stop);
    let around = Surroundings { clock, stop: stop.clone(), turns: kick_watchdog };
    let mut legacy = Legacy::default();
    loop {
        let metrics = stop.child_token();
        let served = serve_metrics(&loaded, &requests, metrics.clone()).await;
        notify(&[NotifyState::Ready]);
        let end = run::run(&loaded, &around, legacy, &mut inbox).await;
        metrics.cancel();
        if let Some(served) = served {
            // The next run binds the same port.
            drop(served.await);
        }
        match end {
            Ok(End::Stopped) => {
                drop(inbox);
                changes.close();
                return OK;
            }
            Ok(End::Reload(next, left)) => {
                loaded = next;
                legacy = left;
            }
            Err(fault) => {
                error!(%fault, "the agent cannot run");
                return OS_REFUSES;
            }
        }
    }
}

fn watch_signals(bell: Bell, stop: &CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => bell.hang_up(),
            }
        }
        notify(&[NotifyState::Stopping]);
        stop.cancel();
    });
    Ok(())
}

fn listen_locally(loaded: &Loaded, rooms: Rooms, stop: &CancellationToken) {
    let path = loaded.state_dir.join(control::SOCKET);
    match control::bind(&path) {
        Ok(listener) => drop(tokio::spawn(control::serve(listener, rooms, stop.clone()))),
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
