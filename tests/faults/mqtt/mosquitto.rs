//! The uplink against a broker that we did not write.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hazard_agent::settings::{Mqtt, MqttVersion, Tls};
use hazard_agent::uplink::mqtt::{Order, TlsProblem, check_tls};
use hazard_tests::tools::tool;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tempfile::TempDir;

use super::model::{Core, LIMIT, retained, settings, within};

/// More than the broker takes in one of the tests.
const LARGE: &str = match std::str::from_utf8(&[b'x'; 200]) {
    Ok(text) => text,
    Err(_) => "",
};

#[tokio::test]
async fn mosquitto_takes_everything_over_mqtt_3_1_1_and_5() {
    for version in [MqttVersion::V311, MqttVersion::V5] {
        let Some(broker) = Mosquitto::start("") else { return };
        let received = Subscriber::connect(broker.port).await;
        let (mut core, uplink) = Core::start(Mqtt { version, ..settings(broker.port) }, 64);
        core.submit(0..3_000);
        core.until("all confirmed", |core| core.acked.len() == 3_000).await;
        received.until("all to arrive", |seen| *seen == (0..3_000).collect()).await;
        assert_eq!((core.ups, &core.downs), (1, &vec![]), "{version:?}");
        core.order(Order::Stop);
        within("the uplink to end", uplink).await.unwrap();
    }
}

#[tokio::test]
async fn an_mqtt_5_broker_that_finds_a_message_too_large_loses_only_that_message_and_that_state() {
    let Some(broker) = Mosquitto::start("message_size_limit 100\n") else { return };
    let (mut core, _uplink) = Core::start(Mqtt { version: MqttVersion::V5, ..settings(broker.port) }, 64);
    core.until("up", |core| core.up).await;
    core.order(Order::Retain(retained("plant/large", LARGE)));
    core.submit(0..10);
    core.submit_large(99, 101);
    core.submit(10..20);
    core.until("all answered", |core| core.acked.len() + core.rejected.len() == 21).await;
    assert_eq!(core.rejected, [99]);
    assert_eq!(core.acked, (0..20).collect());
}

#[tokio::test]
async fn nothing_is_lost_when_mosquitto_is_killed_and_comes_back_empty() {
    let Some(mut broker) = Mosquitto::start("") else { return };
    let (mut core, _uplink) = Core::start(settings(broker.port), 64);
    core.submit(0..4_000);
    core.until("some to be confirmed", |core| core.acked.len() >= 500).await;
    broker.kill();
    core.until("down", |core| !core.up).await;
    let unconfirmed = core.unconfirmed();
    assert!(unconfirmed.len() >= 2_000, "the kill came too late to show anything");
    broker.restart();
    let received = Subscriber::connect(broker.port).await;
    core.until("all confirmed", |core| core.acked.len() == 4_000).await;
    received.until("what was not confirmed to arrive", |seen| unconfirmed.is_subset(seen)).await;
}

#[tokio::test]
async fn mutual_tls_carries_messages_and_each_broken_certificate_is_named() {
    let dir = TempDir::new().unwrap();
    let plant = Authority::new("plant authority");
    let stranger = Authority::new("another authority");
    let server = plant.issue(dir.path(), "server", 2099);
    let client = plant.issue(dir.path(), "client", 2099);
    let (ca, other_ca) = (plant.write(dir.path(), "ca"), stranger.write(dir.path(), "other"));
    let Some(broker) = Mosquitto::start_tls(&ca, &server) else { return };
    let tls =
        |ca: &Path, client: Option<&Pair>| Tls { ca: ca.into(), client: client.cloned(), server_name: None };

    let good = tls(&ca, Some(&client));
    for version in [MqttVersion::V311, MqttVersion::V5] {
        let (mut core, uplink) = Core::start(Mqtt { version, ..over(&good, broker.port) }, 64);
        core.submit(0..1_000);
        core.until("all confirmed", |core| core.acked.len() == 1_000).await;
        core.order(Order::Stop);
        within("the uplink to end", uplink).await.unwrap();
        assert_eq!((core.ups, &core.downs), (1, &vec![]), "{version:?}");
    }
    let expired = plant.issue(dir.path(), "expired", 2020);
    let foreign = stranger.issue(dir.path(), "foreign", 2099);
    let misnamed = Tls { server_name: Some("elsewhere.example".into()), ..good.clone() };
    let missing = tls(&ca, Some(&(dir.path().join("gone.crt"), client.1.clone())));
    for (tls, reason) in [
        (tls(&other_ca, Some(&client)), "unknown authority"),
        (tls(&ca, None), "requires a client certificate"),
        (tls(&ca, Some(&expired)), "our certificate has expired"),
        (tls(&ca, Some(&foreign)), "does not know the authority"),
        (misnamed, "is for another name"),
        (missing, "gone.crt does not exist"),
    ] {
        assert_down(&over(&tls, broker.port), reason).await;
    }
    let Some(old) = Mosquitto::start_tls(&ca, &expired) else { return };
    assert_down(&over(&good, old.port), "the broker's certificate has expired").await;
}

#[tokio::test]
async fn a_line_that_swallows_the_handshake_costs_no_more_than_the_connect_timeout() {
    let dir = TempDir::new().unwrap();
    let ca = Authority::new("plant authority").write(dir.path(), "ca");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = Tls { ca, client: None, server_name: None };
    let mut settings = over(&tls, silent.local_addr().unwrap().port());
    settings.connect_timeout = Duration::from_millis(300);
    assert_down(&settings, "timed out waiting for the TLS handshake").await;
}

#[test]
fn a_check_of_the_tls_files_names_every_file_and_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    let plant = Authority::new("plant authority");
    let (one, two) = (plant.issue(dir.path(), "one", 2099), plant.issue(dir.path(), "two", 2099));
    let ca = plant.write(dir.path(), "ca");
    let gone = dir.path().join("gone.pem");
    let noise = dir.path().join("noise.pem");
    fs::write(&noise, "not PEM at all").unwrap();
    let folder = dir.path().to_path_buf();
    let check = |ca: &PathBuf, chain: &PathBuf, key: &PathBuf| {
        let client = Some((chain.clone(), key.clone()));
        let found = check_tls(&Tls { ca: ca.clone(), client, server_name: None });
        found
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|fault| (fault.file, fault.problem))
            .collect::<Vec<_>>()
    };
    assert_eq!(check(&ca, &one.0, &one.1), vec![]);
    assert_eq!(check(&ca, &one.0, &two.1), [(two.1.clone(), TlsProblem::KeyMismatch)]);
    assert_eq!(check(&ca, &one.1, &one.1), [(one.1.clone(), TlsProblem::NoCertificate)]);
    assert_eq!(check(&ca, &one.0, &one.0), [(one.0.clone(), TlsProblem::NoKey)]);
    assert_eq!(
        check(&gone, &noise, &folder),
        [(gone, TlsProblem::Missing), (noise, TlsProblem::NotPem), (folder, TlsProblem::Unreadable)]
    );
}

async fn assert_down(settings: &Mqtt, reason: &str) {
    let (mut core, uplink) = Core::start(settings.clone(), 64);
    core.until("down", |core| !core.downs.is_empty()).await;
    assert!(core.downs[0].contains(reason), "expected \"{reason}\", got {:?}", core.downs);
    assert_eq!(core.ups, 0);
    uplink.abort();
}

fn over(tls: &Tls, port: u16) -> Mqtt {
    Mqtt { host: "localhost".into(), tls: Some(tls.clone()), ..settings(port) }
}

type Pair = (PathBuf, PathBuf);

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn write(&self, dir: &Path, name: &str) -> PathBuf {
        let file = dir.join(format!("{name}.crt"));
        fs::write(&file, &self.pem).unwrap();
        file
    }

    fn issue(&self, dir: &Path, name: &str, until_year: i32) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(until_year, 1, 1);
        let files = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
        fs::write(&files.0, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

struct Mosquitto {
    port: u16,
    program: PathBuf,
    dir: TempDir,
    child: Child,
}

impl Mosquitto {
    fn start(extra: &str) -> Option<Self> {
        let program = tool("mosquitto")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = TempDir::new().unwrap();
        let config = format!(
            "user root\npersistence false\nallow_anonymous true\nmax_queued_messages 0\n{extra}\nlistener {port}\n"
        );
        Some(Self::launch(port, program, dir, &config))
    }

    fn start_tls(ca: &Path, server: &Pair) -> Option<Self> {
        let program = tool("mosquitto")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = TempDir::new().unwrap();
        let (ca, cert, key) = (ca.display(), server.0.display(), server.1.display());
        let config = format!(
            "user root\npersistence false\nallow_anonymous true\nlistener {port}\n\
             cafile {ca}\ncertfile {cert}\nkeyfile {key}\nrequire_certificate true\n"
        );
        Some(Self::launch(port, program, dir, &config))
    }

    fn launch(port: u16, program: PathBuf, dir: TempDir, config: &str) -> Self {
        fs::write(dir.path().join("mosquitto.conf"), config).unwrap();
        let child = run(&program, dir.path(), port);
        Self { port, program, dir, child }
    }

    /// As by `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = run(&self.program, self.dir.path(), self.port);
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &Path, dir: &Path, port: u16) -> Child {
    let config = dir.join("mosquitto.conf");
    let child = Command::new(program)
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed() < LIMIT, "mosquitto does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

/// The platform's side: which numbers have arrived.
struct Subscriber(Arc<Mutex<BTreeSet<u64>>>);

impl Subscriber {
    async fn connect(port: u16) -> Self {
        let mut options = MqttOptions::new("platform", "127.0.0.1", port);
        options.set_inflight(1_000);
        let (client, mut events) = AsyncClient::new(options, 10);
        client.subscribe("plant/#", QoS::AtLeastOnce).await.unwrap();
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let ready =
            async { while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {} };
        within("the subscription", ready).await;
        let collecting = Arc::clone(&seen);
        tokio::spawn(async move {
            let _client = client;
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::Publish(publish)) = event {
                    collecting.lock().unwrap().extend(super::numbers(&[publish.payload]));
                }
            }
        });
        Self(seen)
    }

    async fn until(&self, what: &str, done: impl Fn(&BTreeSet<u64>) -> bool) {
        within(what, async {
            while !done(&self.0.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}
