//! Keeps what was synced, and only that: the disk after a power cut in which the kernel had written nothing by itself.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use hazard_agent::journal::Syncs;

use super::made::mix;

/// A file or folder whatever its name; with the time it was made, since inode numbers are used again.
type Inode = (u64, Option<SystemTime>);

const PAGE_BYTES: usize = 4096;

/// What is durable.
#[derive(Clone, Default)]
pub(super) struct Image {
    contents: HashMap<Inode, Vec<u8>>,
    folders: HashMap<Inode, BTreeMap<OsString, (Inode, PathBuf, bool)>>,
    root: Option<Inode>,
}

/// A disk that remembers its syncs, cuts the power at one of them, and can fail.
pub(super) struct Recorder {
    image: Mutex<Image>,
    pub(super) syncs: AtomicU64,
    pub(super) db_syncs: AtomicU64,
    pub(super) failing: AtomicBool,
    /// The last number that the journal called durable.
    pub(super) durable: AtomicU64,
    cut_at: u64,
    cut: Mutex<Option<Cut>>,
    /// Is shown the disk as a cut just before each sync would leave it.
    witness: Option<Witness>,
}

pub(super) type Witness = Box<dyn Fn(Cut) + Send + Sync>;

/// The disk at the moment of the cut, what the kernel held in memory, and what had been promised.
pub(super) struct Cut {
    image: Image,
    cached: HashMap<Inode, Vec<u8>>,
    pub(super) promised: u64,
}

impl Recorder {
    /// A disk whose power is cut just before sync `cut_at`.
    pub(super) fn new(cut_at: u64) -> Self {
        Self {
            image: Mutex::default(),
            syncs: AtomicU64::new(0),
            db_syncs: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            durable: AtomicU64::new(0),
            cut_at,
            cut: Mutex::new(None),
            witness: None,
        }
    }

    /// A disk whose power is never cut, with somebody who looks what each cut would leave.
    pub(super) fn watched(witness: Witness) -> Self {
        Self { witness: Some(witness), ..Self::new(u64::MAX) }
    }

    /// What the cut left, once it has come.
    pub(super) fn take_cut(&self) -> Option<Cut> {
        self.cut.lock().unwrap().take()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.syncs.load(Ordering::SeqCst) > self.cut_at
    }

    /// What a cut at this moment leaves.
    fn now(&self) -> Cut {
        let image = self.image.lock().unwrap().clone();
        let listed = image.folders.values().flat_map(BTreeMap::values);
        let files = listed.filter(|(_, _, is_folder)| !is_folder);
        let cached = files.filter_map(|(id, path, _)| Some((*id, std::fs::read(path).ok()?)));
        let cached = cached.collect();
        let promised = self.durable.load(Ordering::SeqCst);
        Cut { image, cached, promised }
    }

    fn count(&self) -> io::Result<()> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let is_cut = self.syncs.fetch_add(1, Ordering::SeqCst) == self.cut_at;
        if let Some(witness) = &self.witness {
            witness(self.now());
        }
        if is_cut {
            *self.cut.lock().unwrap() = Some(self.now());
        }
        Ok(())
    }
}

impl Syncs for Recorder {
    fn file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.count()?;
        if path.ends_with("db") {
            self.db_syncs.fetch_add(1, Ordering::SeqCst);
        }
        let content = std::fs::read(path)?;
        self.image.lock().unwrap().contents.insert(inode(&file.metadata()?), content);
        Ok(())
    }

    fn folder(&self, path: &Path) -> io::Result<()> {
        self.count()?;
        let mut entries = BTreeMap::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let seen = entry.metadata()?;
            entries.insert(entry.file_name(), (inode(&seen), entry.path(), seen.is_dir()));
        }
        let mut image = self.image.lock().unwrap();
        let id = inode(&std::fs::metadata(path)?);
        image.root.get_or_insert(id);
        image.folders.insert(id, entries);
        Ok(())
    }

    fn everything(&self, path: &Path) -> io::Result<()> {
        panic!("something outside the main file of {}", path.display());
    }
}

impl Cut {
    /// Lays the disk out under `to`. With a seed, some pages that were not synced had been written by the kernel.
    pub(super) fn lay_out(&self, to: &Path, seed: Option<u64>) {
        if let Some(root) = self.image.root {
            self.lay_out_folder(root, to, seed);
        }
    }

    fn lay_out_folder(&self, id: Inode, to: &Path, seed: Option<u64>) {
        std::fs::create_dir_all(to).unwrap();
        let Some(entries) = self.image.folders.get(&id) else { return };
        for (name, (id, _, is_folder)) in entries {
            let path = to.join(name);
            if *is_folder {
                self.lay_out_folder(*id, &path, seed);
            } else {
                std::fs::write(path, self.content(*id, seed)).unwrap();
            }
        }
    }

    fn content(&self, id: Inode, seed: Option<u64>) -> Vec<u8> {
        let mut content = self.image.contents.get(&id).cloned().unwrap_or_default();
        let (Some(seed), Some(cached)) = (seed, self.cached.get(&id)) else { return content };
        for (page, bytes) in cached.chunks(PAGE_BYTES).enumerate() {
            let begin = page * PAGE_BYTES;
            if mix(seed ^ id.0 ^ ((page as u64) << 20)).is_multiple_of(2) {
                content.resize(content.len().max(begin + bytes.len()), 0);
                content[begin..begin + bytes.len()].copy_from_slice(bytes);
            }
        }
        content
    }
}

fn inode(metadata: &Metadata) -> Inode {
    (metadata.ino(), metadata.created().ok())
}
