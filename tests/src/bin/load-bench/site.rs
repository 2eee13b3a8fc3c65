//! The site of a load: what the agent is told to poll, and the same for the bare loop.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::plant::{LEVEL_AT, LEVEL_HIGH};

/// Devices whose level the bench raises; each has a coil of its own.
pub(crate) const STEPPED: usize = 64;
/// Pause between two attempts to connect to the broker, at most.
pub(crate) const RETRY_MAX_S: u32 = 1;

/// How much is polled how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) devices: usize,
    pub(crate) registers: u16,
    pub(crate) period_ms: u64,
}

impl Load {
    /// A hundred devices of 60 registers each second.
    pub(crate) const WIDE: Self = Self { devices: 100, registers: 60, period_ms: 1_000 };
    /// Two hundred devices of 10 points, ten times a second.
    pub(crate) const FAST: Self = Self { devices: 200, registers: 12, period_ms: 100 };
}

/// Where things are for one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// Of the devices, the relay module last.
    pub(crate) ports: &'a [u16],
    pub(crate) broker_port: u16,
    pub(crate) dir: &'a Path,
}

/// Writes `site.toml` and returns the command that runs the agent with it.
pub(crate) fn agent(program: &Path, load: Load, places: Places<'_>) -> anyhow::Result<Command> {
    let config = places.dir.join("site.toml");
    std::fs::write(&config, text(load, places)?)?;
    std::fs::write(places.dir.join("synchronised"), "")?;
    let mut command = Command::new(program);
    command.arg("run").arg("--config").arg(&config);
    Ok(command)
}

/// The command that runs the bare loop on the same work.
pub(crate) fn bare(load: Load, places: Places<'_>) -> anyhow::Result<Command> {
    let ports: Vec<String> = places.ports.iter().take(load.devices).map(u16::to_string).collect();
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bare").arg("--broker").arg(places.broker_port.to_string());
    command.arg("--registers").arg(load.registers.to_string());
    command.arg("--period-ms").arg(load.period_ms.to_string());
    command.arg("--ports").arg(ports.join(","));
    Ok(command)
}

fn text(load: Load, places: Places<'_>) -> anyhow::Result<String> {
    let mut out = String::new();
    let dir = places.dir.display();
    write!(
        out,
        r#"[enterprise]
district = "510107"
id = "E0001"
name = "负载测试"

[gateway]
id = "GW-01"
state_dir = "{dir}/state"
listen = "127.0.0.1:0"
clock_sync_file = "{dir}/synchronised"

[[uplinks]]
id = "district"
kind = "mqtt"
host = "127.0.0.1"
port = {}
retry_max_s = {RETRY_MAX_S}
"#,
        places.broker_port
    )?;
    let (relay, devices) = places.ports.split_last().context("no relay module")?;
    for (device, port) in devices.iter().enumerate() {
        write_device(&mut out, &format!("D{device}"), *port)?;
        writeln!(out, "poll_ms = {}", load.period_ms)?;
    }
    write_device(&mut out, "RELAY", *relay)?;
    for device in 0..devices.len() {
        write_points(&mut out, device, load)?;
    }
    for device in 0..STEPPED.min(devices.len()) {
        write!(
            out,
            "\n[[outputs]]\nid = \"OUT-{device}\"\nrole = \"alarms\"\nalarms = [\"D{device}-level:high\"]\n\
             coil = {{ device = \"RELAY\", address = {device} }}\n"
        )?;
    }
    Ok(out)
}

fn write_device(out: &mut String, name: &str, port: u16) -> std::fmt::Result {
    write!(
        out,
        "\n[[buses]]\nid = \"bus-{name}\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         \n[[devices]]\nid = \"{name}\"\nbus = \"bus-{name}\"\nunit = 1\n"
    )
}

fn write_points(out: &mut String, device: usize, load: Load) -> std::fmt::Result {
    let mut point = |name: &str, address: u16, kind: &str| {
        write!(
            out,
            "\n[[points]]\ntag = \"D{device}-{name}\"\ndevice = \"D{device}\"\ntable = \"holding\"\n\
             address = {address}\ntype = \"{kind}\"\ndeadband = 0.0\n"
        )
    };
    point("stamp", 0, "u32")?;
    point("counter", 2, "u32")?;
    for address in LEVEL_AT + 1..load.registers {
        point(&address.to_string(), address, "u16")?;
    }
    point("level", LEVEL_AT, "u16")?;
    if device < STEPPED {
        let setpoint = LEVEL_HIGH / 2;
        writeln!(out, "alarms = [{{ kind = \"high\", setpoint = {setpoint}, latch = false }}]")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hazard_agent::config;

    use super::*;

    #[test]
    fn the_agent_takes_every_site_the_bench_writes_and_reads_each_device_once_per_period() {
        for load in [Load::WIDE, Load::FAST] {
            let dir = tempfile::TempDir::new().unwrap();
            let ports: Vec<u16> = (0..=load.devices).map(|device| 20_000 + device as u16).collect();
            let places = Places { ports: &ports, broker_port: 1883, dir: dir.path() };
            agent(Path::new("hazard"), load, places).unwrap();
            let loaded = match config::load(&dir.path().join("site.toml")) {
                Ok(loaded) => loaded,
                Err(report) => panic!("{report:?}"),
            };
            assert_eq!(loaded.site.points.len(), load.devices * (usize::from(load.registers) - 2));
            assert_eq!(loaded.site.outputs.len(), STEPPED);
            let blocks = hazard_core::poll::plan(&loaded.site);
            let polls: Vec<usize> = blocks.iter().map(Vec::len).collect();
            assert_eq!(polls, [vec![1; load.devices], vec![0]].concat());
            assert!(blocks.iter().flatten().all(|block| block.request.count == load.registers));
        }
    }
}
