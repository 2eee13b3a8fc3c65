//! Which line a person means: a bus of the site, a port or a host. A line that an agent asks is left to it.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::home::Home;
use super::{IN_USE, NO_INPUT, OS_REFUSES, USAGE, load, word};
use crate::config::{self, Lang};
use crate::settings::{BusLink, Endpoint, Parity, Serial};

/// Parity on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ParityWord {
    /// 无校验 none
    #[value(name = "N")]
    None,
    /// 偶校验 even
    #[value(name = "E")]
    Even,
    /// 奇校验 odd
    #[value(name = "O")]
    Odd,
}

/// A line.
#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "line")]
pub(super) struct Place {
    /// 站点文件中的总线 a bus of the site file
    #[arg(long, group = "line")]
    bus: Option<String>,
    /// 串口，如 /dev/ttyUSB0 a serial port
    #[arg(long, group = "line")]
    port: Option<PathBuf>,
    /// Modbus TCP，如 192.0.2.7:502 a Modbus TCP host
    #[arg(long, group = "line", value_name = "HOST:PORT")]
    tcp: Option<String>,
}

/// How a serial port is set.
#[derive(Debug, Args)]
pub(super) struct Setting {
    /// 波特率 baud rate
    #[arg(long, default_value_t = 9_600, value_parser = clap::value_parser!(u32).range(300..=1_000_000))]
    baud: u32,
    /// 校验 parity
    #[arg(long, default_value = "N", ignore_case = true)]
    parity: ParityWord,
    /// 停止位 stop bits
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    stop: u8,
}

/// The settings of the line, or why it cannot be asked, told.
pub(super) fn settings(path: &Path, place: &Place, setting: &Setting, lang: Lang) -> Result<BusLink, u8> {
    let link = if let Some(name) = &place.bus {
        let loaded = load(path, lang)?;
        let known = loaded.buses.into_iter().find(|bus| bus.name == *name);
        known.ok_or_else(|| {
            eprintln!("{name}: {}", word(lang, "站点文件里没有这条总线", "the site file has no such bus"));
            USAGE
        })?
    } else if let Some(port) = &place.port {
        serial(port, setting)
    } else {
        let host = place.tcp.as_deref().unwrap_or_default();
        tcp(host).ok_or_else(|| {
            eprintln!(
                "{host}: {}",
                word(lang, "写成 主机:端口，如 192.0.2.7:502", "write HOST:PORT, such as 192.0.2.7:502")
            );
            USAGE
        })?
    };
    if is_held(path, &link.endpoint) {
        let why = word(
            lang,
            "hazard 代理正在使用这条总线；先停止它（systemctl stop hazard），两个主站会互相干扰",
            "a hazard agent uses this bus; stop it first (systemctl stop hazard): two masters disturb each other",
        );
        eprintln!("{}: {why}", link.name);
        return Err(IN_USE);
    }
    if let Endpoint::Rtu(serial) = &link.endpoint {
        try_port(&serial.path, lang)?;
    }
    Ok(link)
}

fn serial(port: &Path, setting: &Setting) -> BusLink {
    let parity = match setting.parity {
        ParityWord::None => Parity::None,
        ParityWord::Even => Parity::Even,
        ParityWord::Odd => Parity::Odd,
    };
    let serial = Serial { path: port.to_path_buf(), baud: setting.baud, parity, stop_bits: setting.stop };
    link(port.display().to_string(), Endpoint::Rtu(serial))
}

fn tcp(written: &str) -> Option<BusLink> {
    let (host, port) = written.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let endpoint = Endpoint::Tcp { port: port.parse().ok().filter(|_| !host.is_empty())?, host };
    Some(link(written.to_owned(), endpoint))
}

const fn link(name: String, endpoint: Endpoint) -> BusLink {
    BusLink {
        name,
        endpoint,
        connect_timeout: Duration::from_secs(3),
        pause_after_connect: Duration::ZERO,
        gap: Duration::ZERO,
        pauses: Vec::new(),
    }
}

/// Whether the agent of the site file runs and has a bus at this endpoint.
fn is_held(path: &Path, endpoint: &Endpoint) -> bool {
    // Without a site that can be run there is no agent of it.
    let Ok(loaded) = config::load(path) else { return false };
    let shares = loaded.buses.iter().any(|bus| is_same(&bus.endpoint, endpoint));
    shares && Home::is_taken(&loaded.state_dir)
}

fn is_same(one: &Endpoint, other: &Endpoint) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    match (one, other) {
        (Endpoint::Rtu(one), Endpoint::Rtu(other)) => real(&one.path) == real(&other.path),
        (
            Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port },
            Endpoint::Tcp { host: at, port: on } | Endpoint::RtuOverTcp { host: at, port: on },
        ) => host.eq_ignore_ascii_case(at) && port == on,
        (Endpoint::Rtu(_), Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. })
        | (Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. }, Endpoint::Rtu(_)) => false,
    }
}

/// Opens the port once, for the words that the adapter does not have: whoever holds it has it alone (TIOCEXCL).
fn try_port(port: &Path, lang: Lang) -> Result<(), u8> {
    // Opening must neither wait for a modem's carrier nor make the port this program's terminal.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let opened =
        OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(port);
    let Err(fault) = opened else { return Ok(()) };
    let (why, code) = match fault.kind() {
        ErrorKind::ResourceBusy => (
            word(
                lang,
                "串口被别的程序占用；先停止它（fuser 可查是谁）",
                "another program holds the port; stop it first (fuser tells which)",
            ),
            IN_USE,
        ),
        ErrorKind::NotFound => (
            word(
                lang,
                "没有这个串口；插好适配器，再看 ls /dev/tty*",
                "there is no such port; plug the adapter in and look at ls /dev/tty*",
            ),
            NO_INPUT,
        ),
        ErrorKind::PermissionDenied => (
            word(
                lang,
                "没有权限；把用户加入 dialout 组，或用 sudo",
                "no permission; add the user to the group dialout, or use sudo",
            ),
            OS_REFUSES,
        ),
        _ => (word(lang, "打不开串口", "the port cannot be opened"), OS_REFUSES),
    };
    eprintln!("{}: {why} ({fault})", port.display());
    Err(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_with_its_port() {
        let host = |written| {
            tcp(written).map(|link| match link.endpoint {
                Endpoint::Tcp { host, port } => (host, port),
                Endpoint::Rtu(_) | Endpoint::RtuOverTcp { .. } => panic!("tcp"),
            })
        };
        assert_eq!(host("192.0.2.7:502"), Some(("192.0.2.7".to_owned(), 502)));
        assert_eq!(host("[2001:db8::7]:1502"), Some(("2001:db8::7".to_owned(), 1502)));
        assert_eq!([host("192.0.2.7"), host(":502"), host("h:x")], [None, None, None]);
    }

    #[test]
    fn one_port_under_two_names_is_one_port() {
        let dir = tempfile::tempdir().unwrap();
        let (real, name) = (dir.path().join("ttyUSB0"), dir.path().join("by-path"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &name).unwrap();
        let setting = Setting { baud: 9_600, parity: ParityWord::None, stop: 1 };
        let at = |path| serial(path, &setting).endpoint;
        assert!(is_same(&at(&real), &at(&name)));
        assert!(!is_same(&at(&real), &at(dir.path())));
    }

    #[test]
    fn a_port_that_is_not_there_is_told_apart() {
        assert_eq!(try_port(Path::new("/nowhere/ttyUSB0"), Lang::En), Err(NO_INPUT));
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(try_port(dir.path(), Lang::En), Err(OS_REFUSES));
    }

    #[test]
    fn a_bus_is_left_to_the_agent_that_runs_and_to_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let (state, path) = (dir.path().join("state"), dir.path().join("site.toml"));
        let site = format!(
            "[enterprise]\ndistrict = \"510107\"\nid = \"E0001\"\nname = \"示例企业\"\n\
             [gateway]\nid = \"GW-01\"\nstate_dir = \"{}\"\n\
             [[buses]]\nid = \"net\"\nkind = \"tcp\"\nhost = \"192.0.2.7\"\n",
            state.display()
        );
        std::fs::write(&path, site).unwrap();
        let held = |written| is_held(&path, &tcp(written).unwrap().endpoint);
        assert!(!held("192.0.2.7:502"), "nobody runs");
        let home = Home::take(&state);
        assert!(home.is_ok() && held("192.0.2.7:502") && !held("192.0.2.8:502"));
        let place = Place { bus: Some("net".to_owned()), port: None, tcp: None };
        let setting = Setting { baud: 9_600, parity: ParityWord::None, stop: 1 };
        assert_eq!(settings(&path, &place, &setting, Lang::En), Err(IN_USE));
        drop(home);
        assert!(settings(&path, &place, &setting, Lang::En).is_ok());
    }
}
