//! Where the log goes: to stderr for people and containers, to the journal of systemd where that has started the agent.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

/// Libraries that say more than a person wants to know, unless asked.
const DEFAULT_FILTER: &str = "info,rumqttc=warn,sled=warn";

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines on stderr; colours on a terminal that wants them.
    Text,
    /// One JSON object per line on stderr.
    Json,
    /// Fields in the journal of systemd.
    Journald,
    /// `Journald` where stderr is connected to it, else `Text`.
    #[default]
    Auto,
}

/// Why there is no log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogFault {
    /// The filter cannot be read.
    #[error("log filter `{filter}`: {reason}")]
    Filter {
        /// As it was written.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The journal of systemd was asked for and is not there.
    #[error("the journal of systemd does not answer: {0}")]
    NoJournald(String),
    /// The log was set up before.
    #[error("the log was set up before")]
    Taken,
}

/// Sets up the log of the whole process. `filter` is what `--log` says, else `RUST_LOG` counts, else `info` with the noisy
/// libraries at `warn`.
///
/// # Errors
/// A filter that cannot be read, a missing journal where it was asked for by name, or a second call.
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<(), LogFault> {
    let filter = chosen(filter, std::env::var("RUST_LOG").ok().as_deref())?;
    let layer = layer(format)?;
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(|_| LogFault::Taken)
}

fn chosen(flag: Option<&str>, variable: Option<&str>) -> Result<EnvFilter, LogFault> {
    let written = flag.or(variable).filter(|written| !written.trim().is_empty()).unwrap_or(DEFAULT_FILTER);
    EnvFilter::try_new(written)
        .map_err(|reason| LogFault::Filter { filter: written.to_owned(), reason: reason.to_string() })
}

fn layer(format: LogFormat) -> Result<Box<dyn Layer<Registry> + Send + Sync>, LogFault> {
    match format {
        LogFormat::Text => Ok(text()),
        LogFormat::Json => Ok(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed()),
        LogFormat::Journald => journald().map_err(|error| LogFault::NoJournald(error.to_string())),
        // Stderr reaches the journal as well, only without fields: better than no log.
        LogFormat::Auto if is_journald(std::env::var("JOURNAL_STREAM").ok().as_deref()) => {
            Ok(journald().unwrap_or_else(|_| text()))
        }
        LogFormat::Auto => Ok(text()),
    }
}

fn text() -> Box<dyn Layer<Registry> + Send + Sync> {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    layer.boxed()
}

fn journald() -> std::io::Result<Box<dyn Layer<Registry> + Send + Sync>> {
    Ok(tracing_journald::layer()?.with_field_prefix(None).with_syslog_identifier("hazard".to_owned()).boxed())
}

/// Whether stderr is the stream that `JOURNAL_STREAM` names (systemd.exec(5)); a shell started from a service inherits the
/// variable and not the stream.
fn is_journald(stream: Option<&str>) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else {
        return false;
    };
    let stderr = rustix::fs::fstat(std::io::stderr());
    stderr.is_ok_and(|stderr| device == stderr.st_dev.to_string() && inode == stderr.st_ino.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_counts_before_the_variable_and_the_variable_before_the_default() {
        let said = |flag, variable| chosen(flag, variable).map(|filter| filter.to_string());
        assert_eq!(said(Some("debug"), Some("error")), Ok("debug".to_owned()));
        assert_eq!(said(None, Some("error")), Ok("error".to_owned()));
        assert_eq!(said(None, Some(" ")).unwrap(), said(None, None).unwrap());
        let default = said(None, None).unwrap();
        assert!(["info", "rumqttc=warn", "sled=warn"].iter().all(|part| default.contains(part)), "{default}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let fault = chosen(Some("hazard=loudly"), None).unwrap_err();
        assert!(fault.to_string().contains("hazard=loudly"), "{fault}");
    }

    #[test]
    fn only_the_stream_that_stderr_is_counts_as_the_journal() {
        let stderr = rustix::fs::fstat(std::io::stderr()).unwrap();
        assert!(is_journald(Some(&format!("{}:{}", stderr.st_dev, stderr.st_ino))));
        for other in [None, Some(""), Some("8"), Some("8:"), Some("0:1")] {
            assert!(!is_journald(other), "{other:?}");
        }
    }
}
