//! The webhook against receivers that are honest, slow, broken, or lie.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod receiver;

use std::time::Duration;

use hazard_agent::clock::Clock;
use hazard_agent::settings::{PlainText, Secret, Tls, Webhook, WebhookUrl};
use hazard_agent::webhook::{Name, Notice, NoticeAlarm, Order, Orders, Report, Setup, spawn};
use hazard_core::Utc;
use hazard_core::call::DeliveryFault;
use hazard_core::id::{AttemptId, Epoch};
use receiver::{Answer, Authority, Receiver, Seen, read, reply, sign};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const SECRET: &[u8] = b"the secret of this test";
const KEY: &str = "00000000005eed00-7";

#[tokio::test]
async fn an_order_arrives_whole_and_signed() {
    let mut rig = Rig::start(vec![Answer::Bytes(reply(204, &[], ""))]).await;
    assert_eq!(rig.deliver().await, Report::Delivered { attempt: AttemptId(7) });
    let [seen] = &rig.receiver.seen()[..] else { panic!("one try") };
    assert_eq!(seen.line, "POST /call?site=1 HTTP/1.1");
    assert_eq!(seen.header("hazard-attempt"), KEY);
    assert_eq!(seen.header("content-type"), "application/json; charset=utf-8");
    let stamp = seen.header("hazard-timestamp");
    // Signed anew with ring, from the protocol's text alone.
    assert_eq!(seen.header("hazard-signature"), sign(SECRET, &[stamp.as_bytes(), b".", &seen.body].concat()));
    let mut body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    let sent_at = body["sent_at"].take();
    let expires = body["expires"].take();
    let millisecond = |text: &serde_json::Value| text.as_str().is_some_and(|text| text.len() == 24);
    assert!(millisecond(&sent_at) && sent_at.as_str() < expires.as_str(), "{sent_at} {expires}");
    for page in ["webhook.md", "webhook.zh-CN.md"] {
        let mut shown = example(page);
        for (field, value) in
            [("sent_at", None), ("expires", None), ("clock", Some("free")), ("attempt", Some(KEY))]
        {
            assert!(shown[field].is_string(), "{page}: {field}");
            shown[field] = value.into();
        }
        assert_eq!(body, shown, "{page}");
    }
}

/// The order that the protocol's page shows.
fn example(page: &str) -> serde_json::Value {
    let page = format!("{}/../docs/platform/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(page).unwrap();
    let block = text.split("```json").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(block).unwrap()
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
    let ok = || Answer::Bytes(reply(200, &[], "ok"));
    let status = |status| Answer::Bytes(reply(status, &[("retry-after", "0")], ""));
    for again in [500, 503, 408, 425, 429] {
        let mut rig = Rig::start(vec![status(again), status(again), ok()]).await;
        assert_eq!(rig.deliver().await, Report::Delivered { attempt: AttemptId(7) }, "{again}");
        let seen = rig.receiver.seen();
        let tries: Vec<u64> = seen.iter().map(Seen::nth_try).collect();
        assert_eq!(tries, [1, 2, 3], "{again}");
        assert!(seen.iter().all(|seen| seen.header("hazard-attempt") == KEY), "one order, one key");
    }
    for never in [400, 401, 404, 410, 302, 307] {
        let mut rig = Rig::start(vec![status(never), ok()]).await;
        rig.assert_failed(DeliveryFault::Refused, &format!("answered {never}")).await;
        assert_eq!(rig.receiver.seen().len(), 1, "{never}");
    }
    let mut rig = Rig::start(vec![status(500), status(502), status(503), ok()]).await;
    rig.assert_failed(DeliveryFault::Unreachable, "answered 503, after 3 tries").await;
    assert_eq!(rig.receiver.seen().len(), 3);
    let mut rig = Rig::start(vec![Answer::Close, ok()]).await;
    assert_eq!(rig.deliver().await, Report::Delivered { attempt: AttemptId(7) }, "the line broke once");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start(&Authority::new("plant"), vec![Answer::Bytes(reply(200, &[], ""))]).await;
    let there = format!("https://localhost:{}/", elsewhere.port);
    let mut rig = Rig::start(vec![Answer::Bytes(reply(307, &[("location", &there)], ""))]).await;
    rig.assert_failed(DeliveryFault::Refused, "answered 307").await;
    assert_eq!((rig.receiver.seen().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_receiver_that_never_answers_costs_its_timeouts_and_no_more() {
    let mut rig = Rig::start(vec![Answer::Never, Answer::Never, Answer::Never]).await;
    rig.assert_failed(
        DeliveryFault::Unreachable,
        "timed out waiting for the receiver's answer, after 3 tries",
    )
    .await;
    // A pause that the receiver asks for and that nothing can follow is not waited for.
    let wait = || Answer::Bytes(reply(503, &[("retry-after", "50")], ""));
    let mut rig = Rig::start(vec![wait(), wait()]).await;
    rig.assert_failed(DeliveryFault::Unreachable, "answered 503, after 1 tries").await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_or_shows_a_wrong_certificate_is_named() {
    let rig = Rig::start(vec![]).await;
    let stranger = Authority::new("another authority");
    let strange = TempDir::new().unwrap();
    let ca = stranger.write(strange.path());
    let with = |change: &dyn Fn(&mut Webhook)| {
        let mut settings = rig.settings.clone();
        change(&mut settings);
        Rig::spawned(settings)
    };
    let tls = |ca: std::path::PathBuf, name: Option<&str>| {
        Some(Tls { ca, client: None, server_name: name.map(str::to_owned) })
    };
    let own_ca = rig.settings.tls.clone().unwrap().ca;
    let gone = rig.dir.path().join("gone.crt");
    for (tls, reason) in [
        (tls(ca, None), "the receiver's certificate comes from an unknown authority"),
        (tls(own_ca, Some("elsewhere.example")), "the receiver's certificate is for another name"),
        (tls(gone, None), "gone.crt does not exist"),
        (None, "no authority is set"),
    ] {
        let (orders, mut reports, _task) = with(&|settings| settings.tls = tls.clone());
        orders.send(order(7)).unwrap();
        assert_failed(&next(&mut reports).await, DeliveryFault::Refused, reason);
    }
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = WebhookUrl::parse(&format!("https://localhost:{free}/"), PlainText::Never).unwrap();
    let (orders, mut reports, _task) = with(&|settings| settings.url = url.clone());
    orders.send(order(7)).unwrap();
    assert_failed(&next(&mut reports).await, DeliveryFault::Unreachable, "refused");
    assert_eq!(rig.receiver.seen().len(), 0, "nothing was posted to a receiver that was not verified");
}

#[tokio::test]
async fn an_answer_counts_when_it_is_signed_for_this_order() {
    let said = r#"{"answered": {"by": " 王工\n", "note": "on my way"}}"#;
    let mut rig = Rig::start(vec![signed(KEY, now_s(), said, SECRET)]).await;
    let answered = Report::Answered { attempt: AttemptId(7), by: "王工".into(), note: "on my way".into() };
    assert_eq!(rig.deliver().await, answered);
    let old = now_s() - 301;
    let other_key = "00000000005eed00-6";
    let order_mac = sign(SECRET, format!("{}.{said}", now_s()).as_bytes());
    let as_order = [("hazard-timestamp", &*now_s().to_string()), ("hazard-signature", &*order_mac)];
    let anonymous = r#"{"answered": {"by": " "}}"#;
    for (what, answer) in [
        ("unsigned", Answer::Bytes(reply(200, &[], said))),
        ("signed by another", signed(KEY, now_s(), said, b"another secret of a test")),
        ("for another order", signed(other_key, now_s(), said, SECRET)),
        ("an order's signature", Answer::Bytes(reply(200, &as_order, said))),
        ("old", signed(KEY, old, said, SECRET)),
        ("early", signed(KEY, now_s() + 330, said, SECRET)),
        ("by nobody", signed(KEY, now_s(), anonymous, SECRET)),
        ("garbage", signed(KEY, now_s(), "}{\0", SECRET)),
        ("a receipt only", signed(KEY, now_s(), r#"{"read": true}"#, SECRET)),
        ("huge", signed(KEY, now_s(), &format!("{}{said}", " ".repeat(64 * 1024)), SECRET)),
        ("half", Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"answ".to_vec())),
        ("without end", Answer::Hold(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"answ".to_vec())),
    ] {
        let mut rig = Rig::start_synced(vec![answer, Answer::Close]).await;
        assert_eq!(rig.deliver().await, Report::Delivered { attempt: AttemptId(7) }, "{what}");
        assert_eq!(rig.receiver.seen().len(), 1, "{what}: it arrived, and must not ring again");
    }
    // A clock that nothing confirms refutes nobody's; the signature still binds the reply to this order.
    let mut rig = Rig::start(vec![signed(KEY, old, said, SECRET)]).await;
    assert_eq!(rig.deliver().await, answered);
}

#[tokio::test]
async fn a_receiver_on_this_machine_may_do_without_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut rig = Rig::start(vec![]).await;
    let url = format!("http://{}/here", listener.local_addr().unwrap());
    rig.settings.url = WebhookUrl::parse(&url, PlainText::OnLoopback).unwrap();
    rig.settings.tls = None;
    let serving = tokio::spawn(async move {
        let mut tcp = listener.accept().await.unwrap().0;
        let seen = read(&mut tcp).await.unwrap();
        tcp.write_all(&reply(200, &[], "")).await.unwrap();
        seen.line
    });
    assert_eq!(rig.deliver().await, Report::Delivered { attempt: AttemptId(7) });
    assert_eq!(within("the request", serving).await.unwrap(), "POST /here HTTP/1.1");
}

#[tokio::test]
async fn noise_for_a_head_is_a_broken_line() {
    let endless = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 100_000]].concat();
    for noise in [b"\x16\x03 not http".to_vec(), b"HTTP/1.1 2000 Oh\r\n\r\n".to_vec(), endless] {
        let mut rig = Rig::start(vec![Answer::Bytes(noise), Answer::Bytes(reply(200, &[], ""))]).await;
        assert_eq!(rig.deliver().await, Report::Delivered { attempt: AttemptId(7) });
        assert_eq!(rig.receiver.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_full_queue_is_a_report_and_stopping_leaves_no_order_without_one() {
    let mut rig = Rig::start(vec![Answer::Never; 2]).await;
    rig.settings.timeout = Duration::from_secs(60);
    (rig.settings.concurrency, rig.settings.queue) = (2, 3);
    let (orders, mut reports, task) = Rig::spawned(rig.settings.clone());
    for attempt in 1..=2 {
        orders.send(order(attempt)).unwrap();
    }
    within("both to be carried", async {
        while rig.receiver.seen().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for attempt in 3..=5 {
        orders.send(order(attempt)).unwrap();
    }
    let full = orders.send(order(6)).unwrap_err();
    assert_failed(&full, DeliveryFault::Crowded, "too many orders");
    assert_eq!(full.attempt(), AttemptId(6));
    drop(orders);
    let mut ended = Vec::new();
    while let Some(report) = within("a report", reports.recv()).await {
        assert_failed(&report, DeliveryFault::Unreachable, "the agent stopped");
        ended.push(report.attempt().0);
    }
    ended.sort_unstable();
    assert_eq!(ended, [1, 2, 3, 4, 5]);
    within("the webhook to end", task).await.unwrap();
}

#[tokio::test]
async fn an_order_that_waited_too_long_is_given_up_unsent() {
    let mut rig = Rig::start(vec![Answer::Never; 4]).await;
    (rig.settings.concurrency, rig.settings.give_up_after) = (1, Duration::from_millis(500));
    let (orders, mut reports, _task) = Rig::spawned(rig.settings.clone());
    for attempt in 1..=2 {
        orders.send(order(attempt)).unwrap();
    }
    for attempt in 1..=2 {
        let report = next(&mut reports).await;
        assert_eq!(report.attempt(), AttemptId(attempt));
        assert_failed(&report, DeliveryFault::Unreachable, "timed out");
    }
    let seen = rig.receiver.seen();
    assert!(seen.iter().all(|seen| seen.header("hazard-attempt").ends_with("-1")), "{seen:?}");
}

#[tokio::test]
async fn stopping_is_bounded_although_nobody_takes_the_reports() {
    let ok = || Answer::Bytes(reply(200, &[], ""));
    let rig = Rig::start(vec![ok(), ok(), ok()]).await;
    let setup = rig.setup();
    let (sender, _kept) = mpsc::channel(1);
    let (orders, task) = spawn(setup, sender);
    for attempt in 1..=3 {
        orders.send(order(attempt)).unwrap();
    }
    drop(orders);
    within("the webhook to end", task).await.unwrap();
}

/// A receiver and a webhook that sends to it.
struct Rig {
    receiver: Receiver,
    settings: Webhook,
    dir: TempDir,
    synced: bool,
}

impl Rig {
    async fn start(answers: Vec<Answer>) -> Self {
        let authority = Authority::new("plant");
        let receiver = Receiver::start(&authority, answers).await;
        let dir = TempDir::new().unwrap();
        let url = format!("https://localhost:{}/call?site=1", receiver.port);
        let url = WebhookUrl::parse(&url, PlainText::Never).unwrap();
        let tls = Tls { ca: authority.write(dir.path()), client: None, server_name: None };
        let mut settings = Webhook::new("duty".into(), url, Some(tls));
        settings.timeout = Duration::from_millis(700);
        settings.pause = Duration::from_millis(1);
        settings.give_up_after = Duration::from_secs(20);
        settings.stop_within = Duration::from_millis(200);
        Self { receiver, settings, dir, synced: false }
    }

    async fn start_synced(answers: Vec<Answer>) -> Self {
        Self { synced: true, ..Self::start(answers).await }
    }

    fn setup(&self) -> Setup {
        let file = if self.synced { self.settings.tls.clone().unwrap().ca } else { "/nowhere".into() };
        setup(self.settings.clone(), Clock::new(file))
    }

    fn spawned(settings: Webhook) -> (Orders, mpsc::Receiver<Report>, JoinHandle<()>) {
        let (sender, reports) = mpsc::channel(8);
        let (orders, task) = spawn(setup(settings, Clock::new("/nowhere".into())), sender);
        (orders, reports, task)
    }

    async fn deliver(&mut self) -> Report {
        let (sender, mut reports) = mpsc::channel(8);
        let (orders, task) = spawn(self.setup(), sender);
        orders.send(order(7)).unwrap();
        let report = next(&mut reports).await;
        drop(orders);
        within("the webhook to end", task).await.unwrap();
        assert_eq!(reports.recv().await, None, "one report for one order");
        report
    }

    async fn assert_failed(&mut self, fault: DeliveryFault, reason: &str) {
        assert_failed(&self.deliver().await, fault, reason);
    }
}

fn setup(settings: Webhook, clock: Clock) -> Setup {
    Setup { settings, secret: Secret::new(SECRET).unwrap(), run: Epoch(0x005e_ed00), clock }
}

fn order(attempt: u64) -> Order {
    let alarm = NoticeAlarm {
        tag: "GT-101".into(),
        kind: "high_high".into(),
        name: Name { zh: "可燃气体".into(), en: "Combustible gas".into() },
        priority: "red",
        value: Some(51.5),
        unit: Some("%LEL".into()),
        raised_at: Utc::from_unix_ms(1_780_028_800_250),
        state: "unacked".into(),
    };
    let notice =
        Notice { gateway: "GW-01".into(), role: "班长".into(), rung: 2, nth: 3, alarms: vec![alarm] };
    Order { attempt: AttemptId(attempt), notice }
}

fn signed(attempt: &str, at_s: i64, body: &str, secret: &[u8]) -> Answer {
    let signature = sign(secret, format!("{at_s}.{attempt}.{body}").as_bytes());
    let headers = [("hazard-timestamp", &*at_s.to_string()), ("hazard-signature", &*signature)];
    Answer::Bytes(reply(200, &headers, body))
}

fn now_s() -> i64 {
    Clock::new("/nowhere".into()).utc().unix_ms() / 1000
}

fn assert_failed(report: &Report, expected: DeliveryFault, text: &str) {
    let Report::Failed { fault, reason, .. } = report else { panic!("{report:?}, expected {text}") };
    assert!(*fault == expected && reason.contains(text), "expected {expected:?} {text:?}, got {report:?}");
}

async fn next(reports: &mut mpsc::Receiver<Report>) -> Report {
    within("a report", reports.recv()).await.expect("a report")
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), work).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
