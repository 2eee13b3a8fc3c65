//! The demonstration: a simulated plant, an embedded broker and the real agent in one process, without set-up; left out of
//! the packaged build.

pub mod broker;
mod commanding;
mod headless;
mod live;
pub mod plant;
mod screen;
pub mod site;
pub mod view;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{self, Lang, Loaded};
use crate::control::{self, Rooms};
use crate::observe::Status;
use crate::run::{self, Legacy, Request, Surroundings};
use broker::Broker;
use plant::Plant;

/// Options of `hazard demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// 不显示界面，按固定脚本运行并检查各条定律 run a fixed script without a view and check the laws
    #[arg(long)]
    headless: bool,
    /// 脚本时长，不少于 20s how long the script runs, at least 20s
    #[arg(long = "for", value_name = "30s", default_value = "30s", value_parser = seconds)]
    span: Duration,
    /// 以 JSON 打印结果 print the outcome as JSON
    #[arg(long)]
    json: bool,
    /// 噪声的随机种子 seed of the noise
    #[arg(long, default_value_t = 20_260_529)]
    seed: u64,
}

/// Runs the demonstration; the exit code.
#[must_use]
pub fn main(args: &DemoArgs, lang: Lang) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("{fault}");
            return crate::cli::OS_REFUSES;
        }
    };
    let folder = std::env::temp_dir().join(format!("hazard-demo-{}", std::process::id()));
    let code = runtime.block_on(async {
        let stage = match Stage::set(args.seed, folder.clone()).await {
            Ok(stage) => stage,
            Err(fault) => {
                eprintln!("{fault}");
                return crate::cli::OS_REFUSES;
            }
        };
        if args.headless || !std::io::stdout().is_terminal() {
            headless::run(stage, args.span, args.json).await
        } else {
            live::run(stage, lang).await
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    // What cannot be removed stays in the system's folder for temporary files.
    drop(std::fs::remove_dir_all(folder));
    code
}

/// Everything that plays: plant, broker and agent.
struct Stage {
    plant: Plant,
    broker: Broker,
    clock: Clock,
    agent: tokio::task::JoinHandle<()>,
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
    seed: u64,
    /// Its site file, for the command line beside it.
    file: PathBuf,
    /// After how long each point's value is stale, by tag.
    stale_after: HashMap<String, Duration>,
}

impl Stage {
    async fn set(seed: u64, folder: PathBuf) -> anyhow::Result<Self> {
        let plant = Plant::start(seed).await?;
        let broker = Broker::bind("127.0.0.1:0").await?;
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("site.toml");
        std::fs::write(&file, site::site_toml(&plant, broker.addr().port(), &folder.join("state")))?;
        std::fs::create_dir_all(folder.join("state"))?;
        let loaded = config::load(&file)
            .map_err(|report| anyhow::anyhow!(report.render(Lang::En, config::Style::Plain)))?;
        let points = loaded.site.points.iter();
        let stale_after = points.map(|point| (point.tag.to_string(), point.stale_after)).collect();
        let clock = Clock::new(PathBuf::new());
        let stop = CancellationToken::new();
        let (requests, inbox) = mpsc::channel(16);
        // The command line of another terminal finds the agent as it finds any other; its configuration stays.
        let rooms = Rooms { requests: requests.clone(), configurer: Arc::new(|_, _| false) };
        let socket = control::bind(&loaded.state_dir.join(control::SOCKET))?;
        tokio::spawn(control::serve(socket, rooms, stop.clone()));
        let around = Surroundings { clock: clock.clone(), stop: stop.clone(), turns: || {} };
        let agent = tokio::spawn(play(loaded, around, inbox));
        Ok(Self { plant, broker, clock, agent, requests, stop, seed, file, stale_after })
    }

    async fn status(&self) -> Option<Arc<Status>> {
        let (reply, status) = oneshot::channel();
        self.requests.send(Request::Status(reply)).await.ok()?;
        tokio::time::timeout(Duration::from_secs(5), status).await.ok()?.ok()
    }

    /// Takes the platform away or gives it back.
    fn cut_uplink(&self, cut: Cut) {
        self.broker.faults().refuse.store(cut == Cut::Away, Ordering::Relaxed);
        if cut == Cut::Away {
            self.broker.cut_all();
        }
    }

    async fn end(self) {
        self.stop.cancel();
        // The agent's own end is bounded.
        drop(self.agent.await);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    Away,
    Back,
}

async fn play(loaded: Loaded, around: Surroundings, mut inbox: mpsc::Receiver<Request>) {
    if let Err(fault) = run::run(&loaded, &around, Legacy::default(), &mut inbox).await {
        eprintln!("{fault}");
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text}: 写成 30s 或 2m; write it like 30s or 2m");
    let (number, unit) =
        text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "" | "s" => number,
        "m" => number.saturating_mul(60),
        _ => return Err(wrong()),
    };
    if (20..=86_400).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(format!("{text}: 20s 到 24h 之间 between 20s and 24h"))
    }
}
