//! Small files that are read whole or not at all: a length, a checksum and a generation before the bytes.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Fault, synced};

const MAGIC: [u8; 4] = *b"HZS1";
const HEAD_BYTES: usize = 20;

/// A larger file is not ours.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Writes a file so that its name never shows anything but all of `body`, whatever a power cut does.
pub(super) fn write_whole(path: &Path, body: &[u8], disk: &Disk) -> Result<(), Fault> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Fault::Refused("a file without a folder".to_owned()).at(path));
    };
    let mut draft_name = std::ffi::OsString::from("tmp-");
    draft_name.push(name);
    let draft = folder.join(draft_name);
    write(&draft, &sealed(0, body), disk)?;
    std::fs::rename(&draft, path).map_err(|error| Fault::from(error).at(path))?;
    synced(disk.folder(folder))
}

/// The body of a file that [`write_whole`] wrote; `None` when it is absent or damaged.
pub(super) fn read_whole(path: &Path) -> Option<Vec<u8>> {
    read(path).map(|(_, body)| body)
}

/// The younger body of the two files that [`TwoSlots`] writes.
pub(super) fn read_younger(dir: &Path, name: &str) -> Option<Vec<u8>> {
    let slots = [0, 1].map(|slot| read(&dir.join(format!("{name}.{slot}"))));
    slots.into_iter().flatten().max_by_key(|(generation, _)| *generation).map(|(_, body)| body)
}

/// Two files that take turns, so that one of them is whole at any moment.
#[derive(Debug)]
pub(super) struct TwoSlots {
    paths: [PathBuf; 2],
    generation: u64,
}

impl TwoSlots {
    /// Opens `<dir>/<name>.0` and `.1`, making them durable entries of the folder, with the younger body of the two.
    pub(super) fn open(dir: &Path, name: &str, disk: &Disk) -> Result<(Self, Option<Vec<u8>>), Fault> {
        let paths = [0, 1].map(|slot| dir.join(format!("{name}.{slot}")));
        for path in &paths {
            if !path.exists() {
                write(path, &[], disk)?;
                synced(disk.folder(dir))?;
            }
        }
        let best = paths.iter().filter_map(|path| read(path)).max_by_key(|(generation, _)| *generation);
        let generation = best.as_ref().map_or(0, |(generation, _)| *generation);
        Ok((Self { paths, generation }, best.map(|(_, body)| body)))
    }

    /// Replaces the older of the two.
    pub(super) fn save(&mut self, body: &[u8], disk: &Disk) -> Result<(), Fault> {
        let next = self.generation.wrapping_add(1);
        write(&self.paths[usize::from(next % 2 == 1)], &sealed(next, body), disk)?;
        self.generation = next;
        Ok(())
    }
}

fn sealed(generation: u64, body: &[u8]) -> Vec<u8> {
    let mut rest = generation.to_le_bytes().to_vec();
    rest.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    rest.extend_from_slice(body);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&crc32fast::hash(&rest).to_le_bytes());
    bytes.extend_from_slice(&rest);
    bytes
}

fn unsealed(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (generation, rest) = rest.split_first_chunk::<8>()?;
    let (len, body) = rest.split_first_chunk::<4>()?;
    (body.len() == u32::from_le_bytes(*len) as usize)
        .then(|| (u64::from_le_bytes(*generation), body.to_vec()))
}

fn write(path: &Path, bytes: &[u8], disk: &Disk) -> Result<(), Fault> {
    let put = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        Ok(file)
    };
    let file = put().map_err(|error: std::io::Error| Fault::from(error).at(path))?;
    // The caller still has the older slot or the older name: a failed sync costs this write only.
    disk.file(&file, path).map_err(|error| Fault::from(error).at(path))
}

fn read(path: &Path) -> Option<(u64, Vec<u8>)> {
    let file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    if len < HEAD_BYTES as u64 || len > FILE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    unsealed(&bytes)
}
