//! mosquitto, plain or with client certificates, on a port that stays the same when it is killed and started again.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::tools::{free_port, send, tool, wait_for};

pub(crate) struct Mosquitto {
    program: PathBuf,
    config: PathBuf,
    child: Option<Child>,
    pub(crate) port: u16,
}

impl Mosquitto {
    /// A broker that anybody may use; `tls` are the lines that make it ask for certificates.
    pub(crate) fn start(dir: &Path, tls: &str) -> Option<Self> {
        let program = tool("mosquitto")?;
        let port = free_port();
        let config = dir.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n\
             user root\nset_tcp_nodelay true\n{tls}\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut broker = Self { program, config, child: None, port };
        broker.run();
        Some(broker)
    }

    pub(crate) fn run(&mut self) {
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(&self.config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let port = self.port;
        wait_for("mosquitto", || TcpStream::connect(("127.0.0.1", port)).ok());
    }

    /// Stops it half-open (`STOP`) or lets it go on (`CONT`).
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        send(self.child.as_ref().unwrap(), signal);
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Files of a small authority: `ca.pem`, `server.pem`, `server.key`, `client.pem`, `client.key`.
pub(crate) fn certificates(dir: &Path) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "district authority");
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    std::fs::write(dir.join("ca.pem"), ca_cert.pem()).unwrap();
    let roles =
        [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)];
    for (name, usage) in roles {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        params.distinguished_name.push(DnType::CommonName, name);
        let cert = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), cert.pem()).unwrap();
        std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}
