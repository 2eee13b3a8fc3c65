//! The machine: serial ports and who may use them, clocks.

use std::fs;
use std::path::{Path, PathBuf};

use hazard_core::{ClockTrust, Utc};
use rustix::fs::{Access, access};

use super::Chart;
use crate::cli::line::ports::{self, Port};
use crate::clock::Clock;
use crate::config::{Lang, Loaded};
use crate::modbus::usb;
use crate::settings::{Endpoint, Usb};

/// systemd's mark of a synchronised clock, where no site file names another.
const SYNC_FILE: &str = "run/systemd/timesync/synchronized";
/// An RTC further off than this starts the gateway with a wrong time.
const RTC_OFF_S: i64 = 60;
/// Nothing that runs this was built before.
const RTC_FLOOR_S: i64 = 1_767_225_600;

pub(super) fn sync_file(root: &Path, loaded: Option<&Loaded>) -> PathBuf {
    loaded.map_or_else(|| root.join(SYNC_FILE), |loaded| loaded.clock_sync_file.clone())
}

pub(super) fn ports(root: &Path, loaded: Option<&Loaded>, chart: &mut Chart) {
    let found = ports::ports(root);
    if found.is_empty() {
        let todo = chart.word(
            "插上 USB-RS485 转换器后再看 dmesg；只用 Modbus TCP 时可不理",
            "plug the USB-RS485 adapter in and read dmesg; ignore this where all buses are Modbus TCP",
        );
        chart.warn("ports", chart.word("没有串口", "there is no serial port"), todo);
    }
    for port in &found {
        one(root, port, chart);
    }
    let buses = loaded.map_or(&[][..], |loaded| &loaded.buses);
    for bus in buses {
        if let Endpoint::Rtu(serial) = &bus.endpoint {
            named(root, &bus.name, &serial.path, chart);
        }
    }
}

fn one(root: &Path, port: &Port, chart: &mut Chart) {
    let node = inside(root, &port.path);
    let shown = port.shown();
    if !node.exists() {
        let todo =
            chart.word("查 udev：设备在而没有节点", "look at udev: the device is there and its node is not");
        chart.fault("ports", format!("{shown} {}", chart.word("没有设备节点", "has no node")), todo);
    } else if access(&node, Access::READ_OK | Access::WRITE_OK).is_err() {
        let todo = chart.word(
            "sudo usermod -aG dialout $USER 后重新登录；服务用户见 hazard.service",
            "sudo usermod -aG dialout $USER and log in again; the service's user is in hazard.service",
        );
        chart.warn(
            "ports",
            format!("{shown} {}", chart.word("当前用户无权打开", "may not be opened by this user")),
            todo,
        );
    } else {
        chart.ok("ports", shown);
    }
    let name = port.path.file_name().unwrap_or_default();
    let tree = root.join("sys/class/tty").join(name).join("device/of_node");
    if tree.join("linux,rs485-enabled-at-boot-time").exists() {
        let what = chart.word("内核收发切换已启用", "the kernel switches its direction");
        chart.ok("rs485", format!("{} {what}", port.path.display()));
    }
}

/// The port of a bus, as the site file names it.
fn named(root: &Path, bus: &str, path: &Path, chart: &mut Chart) {
    let port = ports::ports(root).into_iter().find(|port| port.path == path);
    let shown = port.map_or_else(|| path.display().to_string(), |port| port.shown());
    let what = format!("{bus}: {shown}");
    if let Some(Some(adapter)) = Usb::named(path) {
        match usb::port(root, &adapter) {
            Ok(port) => chart.ok("bus", format!("{what} → {}", port.display())),
            Err(why) => {
                let todo = chart.word(
                    "插上它；同型号有几个时写上序列号，见 lsusb -v",
                    "plug it in; where there are several of a kind write its serial number, see lsusb -v",
                );
                chart.fault("bus", format!("{what}: {why}"), todo);
            }
        }
    } else if !inside(root, path).exists() {
        let todo = chart.word(
            "核对名字；hazard doctor 上面列出了本机的串口",
            "look at the name; the ports of this machine are listed above",
        );
        chart.fault("bus", format!("{what} {}", chart.word("不存在", "does not exist")), todo);
    } else if let Some(todo) = ports::advice(root, path, chart.lang) {
        chart.warn("bus", what, &todo);
    } else {
        chart.ok("bus", what);
    }
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

pub(super) fn time(root: &Path, clock: &Clock, chart: &mut Chart) {
    let (now, trust) = clock.wall();
    if trust == ClockTrust::Unset {
        let todo = chart.word(
            "对时，或 sudo date -s；记录会标“时间不可信”",
            "set it, or sudo date -s; records are marked as of an unset clock",
        );
        chart.fault(
            "clock",
            chart.word("系统时间早于本程序", "the system's time is before this program was made"),
            todo,
        );
    } else {
        chart.ok("clock", chart.word("合理", "plausible"));
    }
    rtc(root, now, chart);
    if trust == ClockTrust::Synced {
        chart.ok("ntp", chart.word("已同步", "synchronised"));
    } else {
        let todo = chart.word(
            "timedatectl set-ntp true，并在防火墙放行 NTP；网关标注为“自走时”",
            "timedatectl set-ntp true, and let NTP through the firewall; until then records are marked as of a free clock",
        );
        chart.warn("ntp", chart.word("没有同步", "not synchronised"), todo);
    }
}

fn rtc(root: &Path, now: Utc, chart: &mut Chart) {
    let folder = root.join("sys/class/rtc");
    let mut names: Vec<_> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let read = |name: &std::ffi::OsString| {
        let text = fs::read_to_string(folder.join(name).join("since_epoch")).ok()?;
        Some((name.to_string_lossy().into_owned(), text.trim().parse::<i64>().ok()?))
    };
    let Some((name, seconds)) = names.iter().find_map(read) else {
        let todo = chart.word(
            "断电后时间从头开始，直到对时；加装带电池的 RTC",
            "after a power cut time starts over until it is synchronised; fit an RTC with a battery",
        );
        chart.warn("rtc", chart.word("没有时钟芯片", "there is no RTC"), todo);
        return;
    };
    let off = seconds - now.unix_ms() / 1000;
    if seconds < RTC_FLOOR_S {
        let todo = chart
            .word("换电池，然后 sudo hwclock --systohc", "change its battery, then sudo hwclock --systohc");
        chart.fault(
            "rtc",
            format!(
                "{name} {}",
                chart.word("没有走时，电池可能已耗尽", "has lost its time, its battery may be flat")
            ),
            todo,
        );
    } else if off.abs() > RTC_OFF_S {
        let what = match chart.lang {
            Lang::Zh => format!("{name} 与系统时间相差 {off} 秒"),
            Lang::En => format!("{name} is {off} s off the system's time"),
        };
        chart.warn(
            "rtc",
            what,
            chart.word(
                "对时后 sudo hwclock --systohc",
                "sudo hwclock --systohc once the clock is synchronised",
            ),
        );
    } else {
        chart.ok("rtc", name);
    }
}
