//! A receiver over real TLS that answers each connection with the next of a list, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the receiver does with one request.
#[derive(Clone)]
pub(super) enum Answer {
    /// Answers with these bytes and closes.
    Bytes(Vec<u8>),
    /// Answers with these bytes and stays.
    Hold(Vec<u8>),
    /// Stays and says nothing.
    Never,
    /// Closes without a word.
    Close,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        let found: Vec<_> = self.headers.iter().filter(|(known, _)| known == name).collect();
        let [(_, value)] = found[..] else { panic!("{name}: {found:?}") };
        value
    }

    pub(super) fn nth_try(&self) -> u64 {
        serde_json::from_slice::<serde_json::Value>(&self.body).unwrap()["try"].as_u64().unwrap()
    }
}

pub(super) struct Receiver {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start(authority: &Authority, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let acceptor = authority.acceptor();
        let (log, mut answers) = (Arc::clone(&seen), answers.into_iter());
        let serving = tokio::spawn(async move {
            let mut held = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                // A handshake that breaks off uses up no answer.
                let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
                let Some(request) = read(&mut tls).await else { continue };
                log.lock().unwrap().push(request);
                match answers.next().unwrap_or(Answer::Close) {
                    Answer::Bytes(bytes) => {
                        let _ = tls.write_all(&bytes).await;
                        let _ = tls.shutdown().await;
                    }
                    Answer::Hold(bytes) => {
                        let _ = tls.write_all(&bytes).await;
                        held.spawn(async move { while tls.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {} });
                    }
                    Answer::Never => {
                        held.spawn(async move { while tls.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {} });
                    }
                    Answer::Close => {}
                }
            }
        });
        Self { port, seen, serving }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Reads one request; `None` when it broke off.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(seen) = parsed(&bytes) {
            return Some(seen);
        }
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn parsed(bytes: &[u8]) -> Option<Seen> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    let body = &bytes[end + 4..];
    (body.len() >= length).then(|| Seen { line, headers, body: body.to_vec() })
}

/// A reply as bytes.
pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// What the protocol's text says of a signature.
pub(super) fn sign(secret: &[u8], signed: &[u8]) -> String {
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), signed);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={hex}")
}

/// Issues the certificates of one test.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(super) fn write(&self, dir: &Path) -> PathBuf {
        let file = dir.join("ca.crt");
        fs::write(&file, &self.pem).unwrap();
        file
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
