//! `hazard-image`: sizes of firmware images against their budget.

use std::path::Path;
use std::process::ExitCode;

use hazard_image::budget::{Budget, FLASH_MAX, RAM_MAX};
use hazard_image::elf::Elf;
use hazard_image::header::sealed;

const USAGE: &str = "usage: hazard-image check|seal ELF...\n\
    check: one line for each image: flash, RAM, deepest stack. Fails for one that is over its budget or whose stack has no bound.\n\
    seal: as check, and fills in the image's header; writes ELF.bin beside it with what belongs into flash.\n\
    HAZARD_IMAGE_STACK=1 shows the deepest path of calls.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((verb, files)) if verb == "check" && !files.is_empty() => each(files, |_, _| Ok(())),
        Some((verb, files)) if verb == "seal" && !files.is_empty() => each(files, seal),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(64)
        }
    }
}

fn each(files: &[String], then: fn(&Path, &Elf) -> Result<(), String>) -> ExitCode {
    println!(
        "{:<16}{:>8}{:>8}{:>8}{:>8}{:>16}{:>16}{:>8}",
        "image", "code", "data", "bss", "stack", "flash", "RAM", "panics"
    );
    let all = files.iter().map(|file| look(Path::new(file), then).unwrap_or_else(|why| refuse(file, &[why])));
    // All are looked at, also behind one that does not fit.
    if all.filter(|fits| !fits).count() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn look(file: &Path, then: fn(&Path, &Elf) -> Result<(), String>) -> Result<bool, String> {
    let bytes = std::fs::read(file).map_err(|e| e.to_string())?;
    let elf = Elf::parse(bytes).map_err(|e| e.to_string())?;
    let budget = Budget::of(&elf).ok_or(
        "no _stack_start, _stack_end, Reset or HardFault: it is not linked with cortex-m-rt's script",
    )?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    show(&name, &budget);
    then(file, &elf)?;
    Ok(refuse(&name, &budget.refusals()))
}

fn show(name: &str, budget: &Budget) {
    println!(
        "{name:<16}{:>8}{:>8}{:>8}{:>8}{:>16}{:>16}{:>8}",
        budget.code,
        budget.initialised,
        budget.zeroed,
        budget.stack.bytes,
        format!("{} of {}K", budget.flash(), FLASH_MAX / 1024),
        format!("{} of {}K", budget.ram(), RAM_MAX / 1024),
        budget.panics.len(),
    );
    if std::env::var_os("HAZARD_IMAGE_STACK").is_some() {
        for (function, bytes) in &budget.stack.calls {
            println!("{bytes:>8}  {function}");
        }
        for panic in &budget.panics {
            println!("          a panic is linked: {panic}");
        }
    }
}

fn seal(file: &Path, elf: &Elf) -> Result<(), String> {
    let sealed = sealed(elf).map_err(|e| e.to_string())?;
    std::fs::write(file, sealed.elf)
        .and_then(|()| std::fs::write(file.with_extension("bin"), sealed.flash))
        .map_err(|e| e.to_string())
}

/// Says why; whether there was nothing to say.
fn refuse(name: &str, why: &[String]) -> bool {
    for why in why {
        eprintln!("{name}: {why}");
    }
    why.is_empty()
}
