//! Metrics and health over HTTP, for the gateway's own network. Two pages, no bodies, no state; whoever connects can
//! slow down neither the engine nor each other for long.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::metrics;
use super::status::Status;

/// Connections at once; one more is closed at once.
pub const CONNECTIONS_MAX: usize = 16;
/// How long the run loop may take to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long a request's head may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection lives, whatever happens on it.
const CONNECTION_LIFE: Duration = Duration::from_secs(15);
/// After a failed accept: out of descriptors, most likely, and that does not pass by asking again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Asks the run loop for the status document; the loop answers each question once, between two turns.
#[derive(Clone, Debug)]
pub struct Source(mpsc::Sender<oneshot::Sender<Arc<Status>>>);

impl Source {
    /// A source whose questions arrive at `questions`' other end.
    #[must_use]
    pub const fn new(questions: mpsc::Sender<oneshot::Sender<Arc<Status>>>) -> Self {
        Self(questions)
    }

    /// The status, or nothing when the run loop does not answer in two seconds.
    pub async fn ask(&self) -> Option<Arc<Status>> {
        let ask = async {
            let (answer, answered) = oneshot::channel();
            self.0.send(answer).await.ok()?;
            answered.await.ok()
        };
        timeout(ANSWER_WITHIN, ask).await.ok().flatten()
    }
}

/// Serves `GET /metrics` and `GET /healthz` until `stop`; connections that stand then are dropped.
///
/// `/healthz` is liveness only: 200 while the engine completes its turns. A full disk or a lost platform is no reason to
/// restart the agent, it is a condition and shown as one.
pub async fn serve(listener: TcpListener, source: Source, stop: CancellationToken) {
    let router =
        Router::new().route("/metrics", get(metrics)).route("/healthz", get(health)).with_state(source);
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let accept = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the metrics listener cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Ok(seat) = Arc::clone(&seats).try_acquire_owned() {
                let (router, stop) = (router.clone(), stop.clone());
                drop(tokio::spawn(async move {
                    stop.run_until_cancelled(connection(stream, router, seat)).await;
                }));
            }
        }
    };
    stop.run_until_cancelled(accept).await;
}

async fn connection(stream: TcpStream, router: Router, _seat: OwnedSemaphorePermit) {
    // One request each: an idle scraper does not keep a seat.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_LIFE, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a metrics connection ended early"),
        Err(_) => tracing::debug!("a metrics connection was cut off"),
    }
}

async fn metrics(State(source): State<Source>) -> Response {
    match source.ask().await {
        None => hung(),
        Some(status) => ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics::encode(&status, &status.latency))
            .into_response(),
    }
}

async fn health(State(source): State<Source>) -> Response {
    match source.ask().await {
        None => hung(),
        Some(_) => "ok\n".into_response(),
    }
}

fn hung() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the engine does not answer\n").into_response()
}
