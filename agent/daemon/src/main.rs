//! `hazard`, the edge agent: see `hazard --help`.

fn main() -> std::process::ExitCode {
    hazard_agent::cli::main()
}
