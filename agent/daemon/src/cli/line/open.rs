//! Which line, in one way for every command, and in words why it cannot be opened. A line that an agent asks is left to it.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::ports;
use super::words;
use crate::cli::home::Home;
use crate::cli::{IN_USE, NO_INPUT, NOT_PERMITTED, UNAVAILABLE, USAGE, word};
use crate::config::{self, Lang, Loaded, Style};
use crate::modbus;
use crate::settings::{BusLink, Endpoint, Parity, Serial};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const TCP_PORT: u16 = 502;
const BAUD: u32 = 9600;

/// Which line.
#[derive(Debug, Args, Clone)]
pub(in crate::cli) struct Place {
    /// 站点文件里的总线 a bus of the site file
    #[arg(long, value_name = "NAME", conflicts_with_all = ["port", "tcp"])]
    pub(in crate::cli) bus: Option<String>,
    /// 串口 a serial port, best /dev/serial/by-id/…
    #[arg(long, value_name = "/dev/ttyUSB0", conflicts_with = "tcp")]
    port: Option<PathBuf>,
    /// Modbus TCP 主机 host, port 502 unless told
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Option<String>,
    /// TCP 上走 RTU 帧（串口服务器） RTU frames over TCP, a serial server
    #[arg(long, requires = "tcp")]
    rtu_over_tcp: bool,
}

/// How a serial port is set; a bus of the site file has its own.
#[derive(Debug, Args, Clone, Default)]
pub(in crate::cli) struct Speed {
    /// 波特率，默认 9600 bits per second, 9600 unless told
    #[arg(short, long, value_parser = clap::value_parser!(u32).range(300..=1_000_000))]
    pub(in crate::cli) baud: Option<u32>,
    /// 校验，默认 N parity, N unless told
    #[arg(short = 'P', long)]
    pub(in crate::cli) parity: Option<ParityWord>,
    /// 停止位，默认 1 stop bits, 1 unless told
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(in crate::cli) stop: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(in crate::cli) enum ParityWord {
    #[value(name = "N", aliases = ["n", "none"])]
    None,
    #[value(name = "E", aliases = ["e", "even"])]
    Even,
    #[value(name = "O", aliases = ["o", "odd"])]
    Odd,
}

impl From<ParityWord> for Parity {
    fn from(word: ParityWord) -> Self {
        match word {
            ParityWord::None => Self::None,
            ParityWord::Even => Self::Even,
            ParityWord::Odd => Self::Odd,
        }
    }
}

/// A line that was named.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Chosen {
    pub(in crate::cli) settings: BusLink,
    /// The site, where its file can be read.
    pub(in crate::cli) site: Site,
}

/// What the site file says of the gateway.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Site {
    Loaded(Box<Loaded>),
    /// There is no such file.
    None,
    /// There is one, and it has faults.
    Faulty,
}

impl Chosen {
    /// The line and its speed.
    pub(in crate::cli) fn shown(&self) -> String {
        match &self.settings.endpoint {
            Endpoint::Rtu(Serial { baud, parity, stop_bits, .. }) => {
                format!("{} {baud} {}", self.name(), words::frame(*parity, *stop_bits))
            }
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => self.name(),
        }
    }

    /// How people would name it: the port with its other names, or the host.
    pub(in crate::cli) fn name(&self) -> String {
        match &self.settings.endpoint {
            Endpoint::Rtu(Serial { path, .. }) => {
                let names = ports::by_id(Path::new("/"), path);
                let names: Vec<_> = names.iter().map(|name| format!(" ({})", name.display())).collect();
                format!("{}{}", path.display(), names.concat())
            }
            Endpoint::Tcp { host, port } => format!("tcp {host}:{port}"),
            Endpoint::RtuOverTcp { host, port } => format!("rtu-over-tcp {host}:{port}"),
        }
    }

    /// The same line at another speed.
    pub(in crate::cli) fn at(&self, baud: u32, parity: Parity, stop_bits: u8) -> BusLink {
        let mut settings = self.settings.clone();
        if let Endpoint::Rtu(serial) = &mut settings.endpoint {
            *serial = Serial { path: serial.path.clone(), baud, parity, stop_bits };
        }
        settings
    }

    pub(in crate::cli) fn is_port(&self) -> bool {
        matches!(self.settings.endpoint, Endpoint::Rtu(_))
    }

    /// Whether the agent of the site runs and has a bus at a host; of a port the system says so itself, and who holds it.
    fn is_held(&self) -> bool {
        // Without a site that can be run there is no agent of it.
        let Site::Loaded(loaded) = &self.site else { return false };
        let shares = |bus: &BusLink| is_same_host(&bus.endpoint, &self.settings.endpoint);
        loaded.buses.iter().any(shares) && Home::is_taken(&loaded.state_dir)
    }
}

fn is_same_host(one: &Endpoint, other: &Endpoint) -> bool {
    match (one, other) {
        (
            Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port },
            Endpoint::Tcp { host: at, port: on } | Endpoint::RtuOverTcp { host: at, port: on },
        ) => host.eq_ignore_ascii_case(at) && port == on,
        (Endpoint::Rtu(_), _) | (_, Endpoint::Rtu(_)) => false,
    }
}

/// Finds the line that is named, or says why not.
pub(in crate::cli) fn choose(site: &Path, place: &Place, speed: &Speed, lang: Lang) -> Result<Chosen, u8> {
    let site_file = site;
    let site = match config::load(site) {
        Ok(loaded) => Site::Loaded(Box::new(loaded)),
        Err(_) if !site.exists() => Site::None,
        Err(report) if place.bus.is_some() => {
            eprint!("{}", report.render(lang, Style::of_stderr()));
            return Err(crate::cli::CONFIG);
        }
        Err(_) => Site::Faulty,
    };
    let (name, endpoint) = match (&place.bus, &place.port, &place.tcp) {
        (Some(bus), ..) => return of_site(bus, site_file, site, (speed, lang)),
        (None, Some(path), _) => {
            let serial = Serial {
                path: path.clone(),
                baud: speed.baud.unwrap_or(BAUD),
                parity: speed.parity.map_or(Parity::None, Parity::from),
                stop_bits: speed.stop.unwrap_or(1),
            };
            (path.display().to_string(), Endpoint::Rtu(serial))
        }
        (None, None, Some(host)) => (host.clone(), tcp(host, place.rtu_over_tcp, lang)?),
        (None, None, None) => {
            let why = word(
                lang,
                "写明哪条线：--bus 名称、--port /dev/ttyUSB0 或 --tcp 主机:端口；本机串口：",
                "say which line: --bus NAME, --port /dev/ttyUSB0 or --tcp HOST:PORT; ports of this machine:",
            );
            eprintln!("{why}{}", port_list());
            return Err(USAGE);
        }
    };
    let settings = BusLink {
        name,
        endpoint,
        connect_timeout: CONNECT_WITHIN,
        pause_after_connect: Duration::ZERO,
        gap: Duration::ZERO,
        pauses: Vec::new(),
    };
    Ok(Chosen { settings, site })
}

fn of_site(bus: &str, file: &Path, site: Site, (speed, lang): (&Speed, Lang)) -> Result<Chosen, u8> {
    let buses = match &site {
        Site::Loaded(loaded) => loaded.buses.as_slice(),
        Site::None | Site::Faulty => &[],
    };
    let Some(settings) = buses.iter().find(|known| known.name == bus) else {
        let names: Vec<_> = buses.iter().map(|known| known.name.as_str()).collect();
        let why = word(lang, "站点文件里没有这条总线；有", "the site file has no such bus; it has");
        eprintln!("--bus {bus}: {why}: {} ({})", names.join(", "), file.display());
        return Err(USAGE);
    };
    let mut settings = settings.clone();
    if let Endpoint::Rtu(serial) = &mut settings.endpoint {
        serial.baud = speed.baud.unwrap_or(serial.baud);
        serial.parity = speed.parity.map_or(serial.parity, Parity::from);
        serial.stop_bits = speed.stop.unwrap_or(serial.stop_bits);
    }
    Ok(Chosen { settings, site })
}

fn tcp(text: &str, rtu_over_tcp: bool, lang: Lang) -> Result<Endpoint, u8> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (text, Some(TCP_PORT)),
    };
    let Some(port) = port.filter(|_| !host.is_empty()) else {
        eprintln!("--tcp {text}: {}", word(lang, "写成 192.168.1.10:502", "write it as 192.168.1.10:502"));
        return Err(USAGE);
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    Ok(if rtu_over_tcp { Endpoint::RtuOverTcp { host, port } } else { Endpoint::Tcp { host, port } })
}

/// Opens the line once and leaves it, so that what keeps it from being opened is said in words.
pub(in crate::cli) async fn try_open(chosen: &Chosen, lang: Lang) -> Result<(), u8> {
    let settings = &chosen.settings;
    if chosen.is_held() {
        let why = word(
            lang,
            "hazard 代理正在使用这条总线；先停止它（systemctl stop hazard），两个主站会互相干扰",
            "a hazard agent uses this bus; stop it first (systemctl stop hazard): two masters disturb each other",
        );
        eprintln!("{}: {why}", settings.name);
        return Err(IN_USE);
    }
    match modbus::listen(settings.clone(), Duration::ZERO, |_| true).await {
        Ok(_) => Ok(()),
        Err(error) => Err(not_opened(settings, &error, lang)),
    }
}

/// Says why a line cannot be opened and what to do; the exit code.
pub(in crate::cli) fn not_opened(settings: &BusLink, error: &Error, lang: Lang) -> u8 {
    let (at, why, code) = match &settings.endpoint {
        Endpoint::Rtu(Serial { path, .. }) => {
            let (why, code) = port_closed(path, error, lang);
            (path.display().to_string(), why, code)
        }
        Endpoint::Tcp { host, port } | Endpoint::RtuOverTcp { host, port } => {
            (format!("{host}:{port}"), host_closed(error, lang), UNAVAILABLE)
        }
    };
    eprintln!("{at}: {why}");
    code
}

fn port_closed(path: &Path, error: &Error, lang: Lang) -> (String, u8) {
    match error.kind() {
        ErrorKind::PermissionDenied => (
            word(
                lang,
                "无权打开；执行 sudo usermod -aG dialout $USER 后重新登录，或用 sudo",
                "not permitted; run sudo usermod -aG dialout $USER and log in again, or use sudo",
            )
            .to_owned(),
            NOT_PERMITTED,
        ),
        // What tokio-serial says of a port that somebody has locked, too.
        ErrorKind::NotFound | ErrorKind::WouldBlock if path.exists() => (in_use(path, lang), IN_USE),
        ErrorKind::NotFound => {
            let why = word(lang, "没有这个串口；本机串口：", "there is no such port; ports of this machine:");
            (format!("{why}{}", port_list()), NO_INPUT)
        }
        _ => {
            let why = word(lang, "打不开，可能不是串口", "cannot be opened, it may be no serial port");
            (format!("{why}: {error}"), UNAVAILABLE)
        }
    }
}

fn in_use(path: &Path, lang: Lang) -> String {
    let holders = ports::holders(path);
    let named: Vec<_> = holders.iter().map(|(number, name)| format!("{name} ({number})")).collect();
    let by = if named.is_empty() {
        word(lang, "别的程序", "another program").to_owned()
    } else {
        named.join(", ")
    };
    match lang {
        Lang::Zh => format!(
            "端口正被 {by} 占用；若是代理在轮询，先 sudo systemctl stop hazard，做完再 start（期间不监测，先告知值班）；否则结束该程序"
        ),
        Lang::En => format!(
            "the port is in use by {by}; if the agent polls it, sudo systemctl stop hazard, and start it afterwards (nothing is watched meanwhile: tell the shift first); else end that program"
        ),
    }
}

fn host_closed(error: &Error, lang: Lang) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => word(
            lang,
            "主机在，但这个端口没有 Modbus 服务；核对端口号，或串口服务器只许一个连接",
            "the host is there, but nothing serves this port; look at the port number, or the serial server takes one client only",
        )
        .to_owned(),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            word(lang, "主机不通；查网线、IP 和防火墙", "the host does not answer; look at cable, address and firewall").to_owned()
        }
        _ => format!("{}: {error}", word(lang, "连不上", "cannot be reached")),
    }
}

fn port_list() -> String {
    let ports = ports::ports(Path::new("/"));
    if ports.is_empty() {
        " -".to_owned()
    } else {
        ports.iter().map(|port| format!("\n  {}", port.shown())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bus: Option<&str>, port: Option<&Path>, tcp: Option<&str>) -> Place {
        Place {
            bus: bus.map(str::to_owned),
            port: port.map(Path::to_path_buf),
            tcp: tcp.map(str::to_owned),
            rtu_over_tcp: false,
        }
    }

    fn choose_at(site: &Path, place: &Place) -> Chosen {
        choose(site, place, &Speed::default(), Lang::En).unwrap_or_else(|code| panic!("{code}"))
    }

    #[test]
    fn a_host_is_written_with_its_port_or_has_the_usual_one() {
        let host = |written| match tcp(written, false, Lang::En) {
            Ok(Endpoint::Tcp { host, port }) => Ok((host, port)),
            Ok(other) => panic!("{other:?}"),
            Err(code) => Err(code),
        };
        assert_eq!(host("192.0.2.7:1502"), Ok(("192.0.2.7".to_owned(), 1502)));
        assert_eq!(host("[2001:db8::7]:1502"), Ok(("2001:db8::7".to_owned(), 1502)));
        assert_eq!(host("192.0.2.7"), Ok(("192.0.2.7".to_owned(), TCP_PORT)));
        assert_eq!([host(":502"), host("h:x")], [Err(USAGE), Err(USAGE)]);
    }

    #[tokio::test]
    async fn a_port_that_is_not_there_is_told_from_one_that_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site.toml");
        let absent = dir.path().join("ttyUSB0");
        for (port, code) in [(absent.as_path(), NO_INPUT), (dir.path(), UNAVAILABLE)] {
            let chosen = choose_at(&site, &place(None, Some(port), None));
            assert_eq!(try_open(&chosen, Lang::En).await, Err(code), "{}", port.display());
        }
    }

    #[tokio::test]
    async fn a_bus_is_left_to_the_agent_that_runs_and_to_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, path) = (dir.path().join("state"), dir.path().join("site.toml"));
        let site = format!(
            "[enterprise]\ndistrict = \"510107\"\nid = \"E0001\"\nname = \"示例企业\"\n\
             [gateway]\nid = \"GW-01\"\nstate_dir = \"{}\"\n\
             [[buses]]\nid = \"net\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\n",
            state.display()
        );
        std::fs::write(&path, site).unwrap();
        let host = format!("127.0.0.1:{port}");
        let ways = [place(Some("net"), None, None), place(None, None, Some(&host))];
        for way in &ways {
            assert_eq!(try_open(&choose_at(&path, way), Lang::En).await, Ok(()), "nobody runs");
        }
        let home = Home::take(&state);
        assert!(home.is_ok());
        for way in &ways {
            assert_eq!(try_open(&choose_at(&path, way), Lang::En).await, Err(IN_USE));
        }
        assert!(!choose_at(&path, &place(None, None, Some("127.0.0.1:1"))).is_held());
        drop(home);
        assert_eq!(try_open(&choose_at(&path, &ways[0]), Lang::En).await, Ok(()));
    }
}
