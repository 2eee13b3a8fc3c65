//! How much of a serial line the agent uses: the real program on a pty whose far end is as slow as the wire.
//!
//! `line-bench [--baud 9600] [--devices 8] [--dead 0] [--period-ms 10] [--seconds 20] [--agent target/release/hazard]` prints one
//! line of JSON. `share` is the time that the requests and answers need at this baud rate (their characters, 3.5 characters of
//! silence before each frame, the devices' turnaround), divided by the time that passed. With `--dead N` the last N devices never
//! answer; `longest_gap` is the longest time between two requests to one living device, in periods.
#![allow(clippy::unwrap_used, missing_docs)]

mod device;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Parser;
use device::{Device, Line};

#[derive(Parser, Clone)]
struct Args {
    #[arg(long, default_value_t = 9600)]
    baud: u32,
    #[arg(long, default_value_t = 8)]
    devices: u8,
    #[arg(long, default_value_t = 0)]
    dead: u8,
    /// Of every device; far too short for the line unless told.
    #[arg(long, default_value_t = 50)]
    period_ms: u64,
    #[arg(long, default_value_t = 10)]
    registers: u16,
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    #[arg(long, default_value = "target/release/hazard")]
    agent: String,
}

/// Ends with the bench.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn main() {
    let args = Args::parse();
    let line = Line { baud: args.baud, bits: 10, turnaround: Duration::from_millis(2) };
    let device = Device::start(line, args.devices - args.dead);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("site.toml");
    std::fs::write(&config, site(&args, &dir.path().join("state"), device.port())).unwrap();
    let run = |verb: &str| {
        let mut command = Command::new(&args.agent);
        command.arg("-c").arg(&config).arg(verb).stdin(Stdio::null()).stdout(Stdio::null());
        command
    };
    assert!(run("check").status().unwrap().success(), "the site file is not right");
    let _agent = Agent(run("run").stderr(Stdio::null()).spawn().unwrap());
    device.wait_for(50 + 20 * usize::from(args.devices));
    let (began, before) = (std::time::Instant::now(), device.count());
    let seen = device.measure(Duration::from_secs(args.seconds));
    let took = began.elapsed();
    let exchange = line.exchange(args.registers);
    let answered = seen.answered - before;
    let share = exchange.as_secs_f64() * answered as f64 / took.as_secs_f64();
    let report = serde_json::json!({
        "baud": args.baud,
        "devices": args.devices,
        "dead": args.dead,
        "period_ms": args.period_ms,
        "exchange_ms": exchange.as_secs_f64() * 1_000.0,
        "polls_per_s": answered as f64 / took.as_secs_f64(),
        "share": share,
        "longest_gap": seen.longest_gap.as_secs_f64() * 1_000.0 / args.period_ms as f64,
    });
    println!("{report}");
}

fn site(args: &Args, state: &std::path::Path, port: &str) -> String {
    let mut text = format!(
        "[enterprise]\ndistrict = \"511303\"\nid = \"ENT-1\"\nname = \"测试企业\"\n\n[gateway]\nid = \"GW-1\"\nstate_dir = \"{}\"\n\n\
         [[buses]]\nid = \"line\"\nkind = \"rtu\"\npath = \"{port}\"\nbaud = {}\nparity = \"none\"\nstop_bits = 1\n\
         allow_overload = true\n",
        state.display(),
        args.baud
    );
    for unit in 1..=args.devices {
        let (period, last) = (args.period_ms, args.registers - 1);
        text.push_str(&format!(
            "\n[[devices]]\nid = \"D{unit}\"\nbus = \"line\"\nunit = {unit}\npoll_ms = {period}\ntimeout_ms = 200\ngap_max = 125\n"
        ));
        for address in [0, last] {
            text.push_str(&format!(
                "\n[[points]]\ntag = \"P-{unit}-{address}\"\ndevice = \"D{unit}\"\ntable = \"holding\"\naddress = {address}\n\
                 type = \"u16\"\nsafety = false\n"
            ));
        }
    }
    text
}
