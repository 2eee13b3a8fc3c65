//! One try: connect, post, and read as much of the answer as may be believed.

use std::io;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout_at};

use crate::settings::Webhook;
use crate::tls::{self, Broken, Handshake};

/// Who is at the far end, in words for people.
const PEER: &str = "the receiver";
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The headers of an order and of a signed reply.
pub(super) const TIMESTAMP: &str = "hazard-timestamp";
pub(super) const SIGNATURE: &str = "hazard-signature";
pub(super) const ATTEMPT: &str = "hazard-attempt";

/// What is posted.
pub(super) struct Letter {
    pub(super) attempt: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

/// An answer that says that the order arrived.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) timestamp: Option<String>,
    pub(super) signature: Option<String>,
    /// The whole body, or why it was not read.
    pub(super) body: Result<Bytes, &'static str>,
}

/// Why a try failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Trying again does not help.
    Refused(String),
    /// It may help, after this time where the receiver named one.
    Later(String, Option<Duration>),
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Refused(reason) => Self::Refused(reason),
            Broken::Line(reason) => Self::Later(reason, None),
        }
    }
}

/// Posts a letter; the answer's head must be there by `deadline`.
pub(super) async fn post(settings: &Webhook, letter: &Letter, deadline: Instant) -> Result<Receipt, Fault> {
    let url = &settings.url;
    let handshake = match (&settings.tls, url.is_tls()) {
        (Some(tls), true) => Some(Handshake::prepare(tls, url.host()).await?),
        (None, true) => return Err(Fault::Refused("no authority is set for its certificate".into())),
        (_, false) => None,
    };
    let tcp = within(deadline, "the TCP connection", TcpStream::connect((url.host(), url.port()))).await?;
    let tcp = tcp.map_err(|error| Fault::Later(error.to_string(), None))?;
    let _ = tcp.set_nodelay(true);
    match handshake {
        None => exchange(settings, letter, (tcp, deadline)).await,
        Some(handshake) => {
            let tls = within(deadline, "the TLS handshake", handshake.shake(tcp)).await?;
            let tls = tls.map_err(|error| tls::explain(&error, PEER))?;
            exchange(settings, letter, (tls, deadline)).await
        }
    }
}

async fn within<T>(deadline: Instant, stage: &str, work: impl Future<Output = T>) -> Result<T, Fault> {
    timeout_at(deadline, work).await.map_err(|_| Fault::Later(format!("timed out waiting for {stage}"), None))
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    settings: &Webhook,
    letter: &Letter,
    (stream, deadline): (S, Instant),
) -> Result<Receipt, Fault> {
    let mut http = http1::Builder::new();
    let greeted = http.max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = greeted.map_err(|error| explain(&error))?;
    let request = request(settings, letter)?;
    let answer = async {
        let head = within(deadline, "the receiver's answer", sender.send_request(request)).await?;
        read(head.map_err(|error| explain(&error))?, deadline).await
    };
    let (mut answer, mut connection) = (pin!(answer), pin!(connection));
    let mut is_open = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = &mut connection, if is_open => is_open = false,
        }
    }
}

fn request(settings: &Webhook, letter: &Letter) -> Result<Request<Full<Bytes>>, Fault> {
    Request::post(settings.url.path())
        .header(HOST, settings.url.authority())
        .header(USER_AGENT, concat!("hazard-agent/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(ATTEMPT, &letter.attempt)
        .header(TIMESTAMP, &letter.timestamp)
        .header(SIGNATURE, &letter.signature)
        .body(Full::new(Bytes::from(letter.body.clone())))
        .map_err(|error| Fault::Refused(error.to_string()))
}

/// With a good status the order has arrived, whatever becomes of the body: posting it again would ring again.
async fn read(response: Response<Incoming>, deadline: Instant) -> Result<Receipt, Fault> {
    let status = response.status();
    let reason = format!("the receiver answered {}", status.as_u16());
    if !status.is_success() {
        let again = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
        let is_later = again || status.is_server_error();
        let after = retry_after(response.headers());
        return Err(if is_later { Fault::Later(reason, after) } else { Fault::Refused(reason) });
    }
    let text = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (timestamp, signature) = (text(TIMESTAMP), text(SIGNATURE));
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
    let body = match timeout_at(deadline, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err("its body is too long"),
        Ok(Err(_)) => Err("its body broke off"),
        Err(_) => Err("its body did not end in time"),
    };
    Ok(Receipt { timestamp, signature, body })
}

/// Whole seconds; a date would need both clocks to agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What is wrong with a certificate may show only here: with TLS 1.3 the server objects after the handshake.
fn explain(error: &hyper::Error) -> Fault {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return tls::explain(error, PEER).into();
        }
        source = cause.source();
    }
    Fault::Later(format!("the exchange broke off: {error}"), None)
}
