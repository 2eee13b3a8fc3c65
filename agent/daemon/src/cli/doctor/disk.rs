//! The state folder and the disk under it. A file without a name tries out writing and syncing: nothing in the folder changes.

use std::fs;
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, StatVfs, open, statvfs};

use super::Chart;
use crate::config::{Lang, Loaded};

const MIB: u64 = 1024 * 1024;
/// Below this, or this share, the journal stops at the next busy day.
const FREE_MIN: u64 = 64 * MIB;
const FREE_MIN_PERCENT: u64 = 5;

pub(super) fn look(root: &Path, loaded: &Loaded, chart: &mut Chart) {
    let dir = &loaded.state_dir;
    let Some(there) = dir.ancestors().find(|folder| folder.is_dir()) else { return };
    file_system(root, there, chart);
    match statvfs(there) {
        Ok(disk) => space(&disk, loaded.journal.quota_bytes, chart),
        Err(error) => chart.warn(
            "disk",
            format!("{}: {error}", there.display()),
            chart.word("查磁盘", "look at the disk"),
        ),
    }
    if there == dir {
        writable(dir, chart);
    } else {
        let todo = chart.word("首次 hazard run 会建立它", "the first hazard run makes it");
        chart.warn(
            "state",
            format!("{} {}", dir.display(), chart.word("还不存在", "is not there yet")),
            todo,
        );
    }
}

fn space(disk: &StatVfs, quota: u64, chart: &mut Chart) {
    let (free, total) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
    let what = match chart.lang {
        Lang::Zh => format!("剩余 {} MiB，共 {} MiB", free / MIB, total / MIB),
        Lang::En => format!("{} MiB of {} MiB free", free / MIB, total / MIB),
    };
    if free < FREE_MIN || free * 100 < total * FREE_MIN_PERCENT {
        chart.fault(
            "disk",
            what,
            chart.word(
                "清理或换更大的盘；日志快写不下了",
                "make room or fit a larger disk; the journal is about to run out",
            ),
        );
    } else if total < quota {
        chart.warn(
            "disk",
            what,
            chart.word(
                "盘比日志限额小：调小 journal 的 quota_mb",
                "the disk is smaller than the journal's quota: lower quota_mb",
            ),
        );
    } else {
        chart.ok("disk", what);
    }
}

/// The mount under the folder: what it is, and whether it keeps what is written.
fn file_system(root: &Path, dir: &Path, chart: &mut Chart) {
    let real = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mounts = fs::read_to_string(root.join("proc/mounts")).unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((PathBuf::from(words.next()?), words.next()?.to_owned(), words.next()?.to_owned()))
    });
    let under = mounts
        .filter(|(point, ..)| real.starts_with(point))
        .max_by_key(|(point, ..)| point.as_os_str().len());
    let Some((point, kind, options)) = under else { return };
    let what = format!("{} {kind}", point.display());
    if options.split(',').any(|option| option == "ro") {
        let todo = chart.word(
            "盘可能已损坏被内核改成只读：看 dmesg，备份后换盘",
            "the kernel may have made it so after an error: read dmesg, back up, change the disk",
        );
        chart.fault("disk", format!("{what} {}", chart.word("是只读的", "is read only")), todo);
    } else if ["tmpfs", "ramfs", "overlay"].contains(&kind.as_str()) {
        let todo =
            chart.word("断电即失；把 state_dir 放到磁盘上", "lost with the power; put state_dir on a disk");
        chart.warn("disk", format!("{what} {}", chart.word("不保存内容", "keeps nothing")), todo);
    } else if ["vfat", "exfat", "ntfs", "fuseblk", "nfs", "nfs4", "cifs"].contains(&kind.as_str()) {
        let todo =
            chart.word("改用 ext4：这种文件系统经不起断电", "use ext4: this one does not stand power cuts");
        chart.warn("disk", what, todo);
    } else {
        chart.ok("disk", what);
    }
}

fn writable(dir: &Path, chart: &mut Chart) {
    let shown = dir.display();
    match try_out(dir) {
        Ok(()) => chart
            .ok("state", format!("{shown} {}", chart.word("可写，落盘正常", "can be written and synced"))),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let todo =
                chart.word("用 sudo 或代理的用户再查一次", "look again with sudo or as the agent's user");
            chart.warn(
                "state",
                format!("{shown} {}", chart.word("当前用户无权写", "may not be written by this user")),
                todo,
            );
        }
        Err(error) => {
            let todo = chart.word(
                "看 dmesg 和磁盘余量；写不进去时记录只在内存里",
                "read dmesg and make room; what cannot be written stays in memory",
            );
            chart.fault("state", format!("{shown}: {error}"), todo);
        }
    }
}

fn try_out(dir: &Path) -> Result<(), Error> {
    let file = open(dir, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
    let mut file = fs::File::from(file);
    file.write_all(&[0; 4096])?;
    file.sync_all()
}
