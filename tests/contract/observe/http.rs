//! Metrics and health as a scraper sees them, over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hazard_agent::observe::http::{CONNECTIONS_MAX, Source, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::lint;
use super::plant::{Scene, status};

const LIMIT: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

/// A server over a run loop that answers at once.
async fn running() -> Server {
    let (questions, mut asked) = mpsc::channel::<tokio::sync::oneshot::Sender<_>>(4);
    let status = Arc::new(status(Scene::Leak));
    tokio::spawn(async move {
        while let Some(answer) = asked.recv().await {
            drop(answer.send(Arc::clone(&status)));
        }
    });
    server(Source::new(questions)).await
}

async fn server(source: Source) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let served = tokio::spawn(serve(listener, source, stop.clone()));
    Server { address, stop, served }
}

/// Everything that the server says to `request` until it closes; nothing where it cuts the connection.
async fn say(stream: &mut TcpStream, request: &str) -> String {
    let mut answer = Vec::new();
    let talk = async {
        drop(stream.write_all(request.as_bytes()).await);
        drop(stream.read_to_end(&mut answer).await);
    };
    timeout(LIMIT, talk).await.expect("the server closes in time");
    String::from_utf8(answer).unwrap()
}

async fn ask(address: SocketAddr, request: &str) -> String {
    say(&mut TcpStream::connect(address).await.unwrap(), request).await
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")
}

#[tokio::test]
async fn a_scraper_gets_valid_openmetrics_and_its_content_type() {
    let server = running().await;
    let answer = ask(server.address, &get("/metrics")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{head}"
    );
    let series = lint::page(body).unwrap();
    assert!(series.iter().any(|one| one.name == "hazard_build_info"));
}

#[tokio::test]
async fn health_is_the_engines_life_and_not_its_worries() {
    let server = running().await;
    let answer = ask(server.address, &get("/healthz")).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
}

#[tokio::test]
async fn there_is_nothing_else_and_nothing_can_be_sent() {
    let server = running().await;
    for path in ["/", "/metrics/", "/metrics/x", "/status", "/../etc/passwd"] {
        assert!(ask(server.address, &get(path)).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    let post = "POST /metrics HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\n\r\nhello";
    assert!(ask(server.address, post).await.starts_with("HTTP/1.1 405 "));
    assert!(ask(server.address, "not http at all\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn an_engine_that_hangs_or_has_ended_is_a_503_on_both_pages() {
    let (questions, mut asked) = mpsc::channel(1);
    let hung = server(Source::new(questions)).await;
    // The first question is taken and never answered, the second one waits in the queue, the third one has no place.
    let held = tokio::spawn(async move { (asked.recv().await, asked) });
    let (metrics, health) = (get("/metrics"), get("/healthz"));
    let [one, two, three] = [&metrics, &health, &metrics].map(|request| ask(hung.address, request));
    let (one, two, three) = tokio::join!(one, two, three);
    for answer in [one, two, three] {
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    drop(held.await.unwrap());
    assert!(ask(hung.address, &metrics).await.starts_with("HTTP/1.1 503 "), "the run loop has ended");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_a_freed_seat_is_taken() {
    let server = running().await;
    let mut seated = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        seated.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert_eq!(ask(server.address, &get("/healthz")).await, "", "one too many");
    let mut last = seated.pop().unwrap();
    assert!(say(&mut last, &get("/healthz")).await.starts_with("HTTP/1.1 200 "), "a seat is a seat");
    let served = async {
        while !ask(server.address, &get("/healthz")).await.starts_with("HTTP/1.1 200 ") {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, served).await.expect("the freed seat is taken");
}

#[tokio::test]
async fn whoever_dawdles_over_a_request_is_cut_off() {
    let server = running().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let answer = timeout(Duration::from_secs(10), say(&mut stream, "GET /metrics HTT")).await;
    assert!(!answer.expect("cut off before the connection's life ends").contains(" 200 "));
}

#[tokio::test]
async fn an_endless_head_is_not_read_to_its_end() {
    let server = running().await;
    let head = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!(!ask(server.address, &head).await.contains(" 200 "));
}

#[tokio::test]
async fn a_stop_ends_the_server_and_the_connections_that_stand() {
    let server = running().await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    assert!(ask(server.address, &get("/healthz")).await.contains("200"), "the idle one was accepted before");
    server.stop.cancel();
    timeout(LIMIT, server.served).await.expect("the server ends").unwrap();
    let closed = timeout(Duration::from_secs(3), idle.read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok(), "the idle connection is dropped at once");
}
