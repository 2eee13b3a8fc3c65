//! Our own rustls handshake, for every adapter that speaks TLS: the files, the clock that dates certificates, and in plain
//! words what is wrong with either side's.
//!
//! The files are read again for each connection: a rotated certificate needs no restart. Nothing here needs a disk that can
//! be written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{AlertDescription, CertificateError, ClientConfig, InconsistentKeys, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::settings::Tls;

/// A gateway that lost its clock starts in 1970; certificates are checked against this moment at the earliest.
const BUILT_AT_S: u64 = match option_env!("SOURCE_DATE_EPOCH") {
    Some(text) => match u64::from_str_radix(text, 10) {
        Ok(seconds) => seconds,
        Err(_) => panic!("SOURCE_DATE_EPOCH is not a number of seconds"),
    },
    // 2026-08-01.
    None => 1_785_542_400,
};

/// What is wrong with one of the TLS files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFault {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: TlsProblem,
}

/// A fault of a TLS file, by what has to be done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsProblem {
    /// There is no such file.
    Missing,
    /// It is there, but the agent may not read it.
    Unreadable,
    /// It is not in PEM.
    NotPem,
    /// It holds no certificate.
    NoCertificate,
    /// It holds a certificate that cannot be read.
    BadCertificate,
    /// It holds no private key that can be used; an encrypted one cannot.
    NoKey,
    /// The key is not the certificate's.
    KeyMismatch,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            TlsProblem::Missing => "does not exist",
            TlsProblem::Unreadable => "cannot be read",
            TlsProblem::NotPem => "is not a PEM file",
            TlsProblem::NoCertificate => "holds no certificate",
            TlsProblem::BadCertificate => "holds a certificate that cannot be read",
            TlsProblem::NoKey => "holds no usable private key",
            TlsProblem::KeyMismatch => "holds a key that does not belong to the certificate",
        };
        write!(f, "{} {problem}", self.file.display())
    }
}

/// Checks the TLS files of a connection; all faults at once.
///
/// # Errors
/// Each file that is missing or wrong, with what is wrong.
pub fn check_tls(tls: &Tls) -> Result<(), Vec<TlsFault>> {
    load(tls).map(|_| ())
}

fn load(tls: &Tls) -> Result<ClientConfig, Vec<TlsFault>> {
    let provider = Arc::new(ring::default_provider());
    let mut faults = Vec::new();
    let roots = roots(&tls.ca).map_err(|fault| faults.push(fault)).ok();
    let mut key = None;
    if let Some((chain_file, key_file)) = &tls.client {
        let chain = certificates(chain_file).map_err(|fault| faults.push(fault)).ok();
        let secret = private_key(key_file).map_err(|fault| faults.push(fault)).ok();
        if let (Some(chain), Some(secret)) = (chain, secret) {
            key = pair((chain_file, chain), (key_file, secret), &provider)
                .map_err(|fault| faults.push(fault))
                .ok();
        }
    }
    let (Some(roots), true) = (roots, faults.is_empty()) else { return Err(faults) };
    let unusable = |_| vec![fault(&tls.ca, TlsProblem::BadCertificate)];
    let builder = ClientConfig::builder_with_details(provider, Arc::new(FlooredClock))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    Ok(match key {
        Some(key) => builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key))),
        None => builder.with_no_client_auth(),
    })
}

fn roots(file: &Path) -> Result<RootCertStore, TlsFault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|_| fault(file, TlsProblem::BadCertificate))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let sections = sections(file)?.into_iter();
    let found: Vec<_> = sections.filter_map(|(kind, der)| CertificateDer::from_pem(kind, der)).collect();
    if found.is_empty() { Err(fault(file, TlsProblem::NoCertificate)) } else { Ok(found) }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsFault> {
    let mut sections = sections(file)?.into_iter();
    sections
        .find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der))
        .ok_or_else(|| fault(file, TlsProblem::NoKey))
}

fn sections(file: &Path) -> Result<Vec<(SectionKind, Vec<u8>)>, TlsFault> {
    let pem = std::fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => fault(file, TlsProblem::Missing),
        _ => fault(file, TlsProblem::Unreadable),
    })?;
    let sections: Result<Vec<_>, _> = <(SectionKind, Vec<u8>)>::pem_slice_iter(&pem).collect();
    match sections {
        Ok(sections) if !sections.is_empty() => Ok(sections),
        _ => Err(fault(file, TlsProblem::NotPem)),
    }
}

fn pair(
    (chain_file, chain): (&Path, Vec<CertificateDer<'static>>),
    (key_file, key): (&Path, PrivateKeyDer<'static>),
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsFault> {
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            fault(key_file, TlsProblem::KeyMismatch)
        }
        rustls::Error::InvalidCertificate(_) => fault(chain_file, TlsProblem::BadCertificate),
        _ => fault(key_file, TlsProblem::NoKey),
    })
}

fn fault(file: &Path, problem: TlsProblem) -> TlsFault {
    TlsFault { file: file.to_owned(), problem }
}

/// The wall clock, but never before the agent was built: a lost clock must not make every certificate "not yet valid".
#[derive(Debug)]
struct FlooredClock;

impl TimeProvider for FlooredClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(floored(DefaultTimeProvider.current_time()))
    }
}

fn floored(clock: Option<UnixTime>) -> UnixTime {
    let seconds = clock.map_or(0, |clock| clock.as_secs());
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(BUILT_AT_S)))
}

/// Why a TLS connection did not come about or broke, by what it needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// A file, a name or a certificate is wrong: trying again does not help soon.
    Refused(String),
    /// The line failed.
    Line(String),
}

/// Everything that a handshake needs, read from the files.
pub(crate) struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Handshake {
    /// Reads the files; the certificate must be for `host` where the settings name nothing else.
    pub(crate) async fn prepare(tls: &Tls, host: &str) -> Result<Self, Broken> {
        let files = tls.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&files)).await;
        let loaded = loaded.map_err(|_| Broken::Line("reading the TLS files failed".into()))?;
        let config = loaded.map_err(|faults| {
            Broken::Refused(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        })?;
        let name = tls.server_name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name.clone())
            .map_err(|_| Broken::Refused(format!("\"{name}\" is not a name that a certificate can hold")))?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// Shakes hands; [`explain`] says what an error means.
    pub(crate) async fn shake(self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(self.config).connect(self.name, tcp).await
    }
}

/// What an error of a TLS connection to `peer` ("the broker") means.
pub(crate) fn explain(error: &io::Error, peer: &str) -> Broken {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return Broken::Line(format!("TLS connection: {error}"));
    };
    match tls {
        rustls::Error::InvalidCertificate(why) => {
            Broken::Refused(format!("{peer}'s certificate {}", peer_fault(why)))
        }
        rustls::Error::AlertReceived(alert) => Broken::Refused(our_fault(*alert, peer)),
        other => Broken::Line(format!("TLS: {other}")),
    }
}

fn peer_fault(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => "comes from an unknown authority".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name".into()
        }
        CertificateError::BadSignature => "is not signed by the authority that it names".into(),
        other => format!("was not accepted: {other}"),
    }
}

fn our_fault(alert: AlertDescription, peer: &str) -> String {
    match alert {
        AlertDescription::CertificateRequired => format!("{peer} requires a client certificate"),
        AlertDescription::UnknownCA => format!("{peer} does not know the authority of our certificate"),
        AlertDescription::CertificateExpired => format!("{peer} says that our certificate has expired"),
        AlertDescription::CertificateRevoked => format!("{peer} says that our certificate was revoked"),
        other => format!("{peer} ended the TLS handshake: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_clock_is_taken_as_the_day_of_the_build() {
        let at = |seconds| Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        assert_eq!(floored(at(0)).as_secs(), BUILT_AT_S);
        assert_eq!(floored(None).as_secs(), BUILT_AT_S);
        assert_eq!(floored(at(BUILT_AT_S + 1)).as_secs(), BUILT_AT_S + 1);
    }
}
