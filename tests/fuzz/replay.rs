//! The fuzz targets without a fuzzer: over their corpus, and over seeded mutations of it. What cargo-fuzz once found stays found.
//!
//! `HAZARD_FUZZ_ROUNDS` says how many mutations of each target, `HAZARD_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use hazard_tests::power::{asked, seed};
use hazard_tests::rng::Rng;
use targets::{ALL, Target};

const ROUNDS: u64 = 4_000;
const BYTES_MAX: usize = 4_096;

#[test]
fn no_bytes_of_the_corpus_break_anything() {
    for (name, target) in ALL {
        for (file, bytes) in corpus(name) {
            run((name, target), &bytes, &file);
        }
    }
}

#[test]
fn no_mutation_of_the_corpus_breaks_anything() {
    let (seed, rounds) = (seed(), asked("HAZARD_FUZZ_ROUNDS", ROUNDS));
    for (place, (name, target)) in ALL.into_iter().enumerate() {
        let corpus: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
        // Whole files are parsed and lowered: these two take most of the time.
        let rounds = if matches!(name, "template" | "site") { rounds / 8 } else { rounds };
        for round in 0..rounds {
            let mut rng = Rng::new(seed ^ (place as u64) << 56 ^ round.wrapping_mul(0x9E37_79B9));
            let bytes = mutated(&mut rng, &corpus);
            run((name, target), &bytes, &format!("seed {seed}, round {round}"));
        }
    }
}

#[test]
fn every_target_has_a_run_of_its_own_and_a_corpus_that_reaches_far() {
    let manifest = read("Cargo.toml");
    for (name, _) in ALL {
        assert!(manifest.contains(&format!("path = \"runs/{name}.rs\"")), "{name}");
        assert!(read(&format!("runs/{name}.rs")).contains(&format!("targets::{name}(")), "{name}");
        assert!(corpus(name).len() >= 3, "{name}");
    }
}

fn run((name, target): Target, bytes: &[u8], told: &str) {
    let outcome = catch_unwind(AssertUnwindSafe(|| target(bytes)));
    assert!(outcome.is_ok(), "{name}, {told}: put these bytes into tests/fuzz/corpus/{name}: {bytes:02X?}");
}

/// The files of a target's corpus, in the order of their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join("corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (named(path), std::fs::read(path).unwrap())).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap()
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

/// A file of the corpus with a few changes, or joined with another.
fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let pick = |rng: &mut Rng| corpus[place(rng, corpus.len())].clone();
    let mut bytes = pick(rng);
    for _ in 0..rng.between(1, 6) {
        let (from, to) = (place(rng, bytes.len() + 1), place(rng, bytes.len() + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 64));
        match rng.between(0, 6) {
            0 | 1 if from < bytes.len() => bytes[from] ^= 1 << rng.between(0, 7),
            2 if from < bytes.len() => bytes[from] = [0, 1, 0x7F, 0x80, 0xFF, b'"', b'-'][place(rng, 7)],
            3 => drop(bytes.drain(from..to)),
            4 => drop(bytes.splice(from..from, bytes[from..to].to_vec())),
            5 => drop(
                bytes
                    .splice(from..from, (0..rng.between(1, 8)).map(|_| rng.bits() as u8).collect::<Vec<_>>()),
            ),
            _ => {
                let other = pick(rng);
                let begin = place(rng, other.len() + 1);
                bytes.truncate(from);
                bytes.extend_from_slice(&other[begin..]);
            }
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn place(rng: &mut Rng, len: usize) -> usize {
    rng.between(0, len.max(1) as u64 - 1) as usize
}
