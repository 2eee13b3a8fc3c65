//! Where orders to call somebody go: an address that can be trusted, and a secret that does not print itself.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::Tls;

/// Bytes of a secret at least: what is shorter can be guessed.
pub const SECRET_BYTES_MIN: usize = 16;

/// Whether an address may do without TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlainText {
    /// Never.
    Never,
    /// To a program on this machine.
    OnLoopback,
}

/// What is wrong with the address of a webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlFault {
    /// It is no `https://host[:port][/path]`.
    NotAnAddress,
    /// It is `http:`, which is not allowed, or leads away from this machine.
    PlainText,
    /// It holds a user or a password, which would stand in logs.
    Login,
}

/// An address to which orders are posted; valid by construction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookUrl {
    host: String,
    port: u16,
    path: String,
    is_tls: bool,
}

impl WebhookUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, plain: PlainText) -> Result<Self, UrlFault> {
        let not_an_address = |_| UrlFault::NotAnAddress;
        let uri: hyper::Uri = text.parse().map_err(not_an_address)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(UrlFault::NotAnAddress);
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if authority.as_str().contains('@') {
            return Err(UrlFault::Login);
        }
        if host.is_empty() || text.contains('#') {
            return Err(UrlFault::NotAnAddress);
        }
        let is_near = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let (is_tls, usual) = match scheme {
            "https" => (true, 443),
            "http" if plain == PlainText::OnLoopback && is_near => (false, 80),
            "http" => return Err(UrlFault::PlainText),
            _ => return Err(UrlFault::NotAnAddress),
        };
        let port = match authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((_, port)) => port.parse().map_err(|_| UrlFault::NotAnAddress)?,
            None => usual,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { host, port, path, is_tls })
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is reached through TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Host and port as a `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// What gateway and receiver both know, and nobody else.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The content of a secret's file; line ends at its end do not belong to it. `None` when it is too short.
    #[must_use]
    pub fn new(content: &[u8]) -> Option<Self> {
        let end = content.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        (end >= SECRET_BYTES_MIN).then(|| Self(content[..end].to_vec()))
    }

    /// Its bytes, for signing.
    #[must_use]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Its name on the site.
    pub name: String,
    /// Where orders go.
    pub url: WebhookUrl,
    /// The authorities that the receiver's certificate may come from; needed for `https`.
    pub tls: Option<Tls>,
    /// How long one try may take, from the name look-up to the answer's head.
    pub timeout: Duration,
    /// Tries of one order, at least 1.
    pub tries: u8,
    /// The pause after the first try that failed; it doubles, and jitter adds up to a half.
    pub pause: Duration,
    /// How long one order may take with waiting and all its tries; shorter than what the core waits for a report.
    pub give_up_after: Duration,
    /// Orders carried at once, at least 1.
    pub concurrency: usize,
    /// Orders that wait at most, at least 1.
    pub queue: usize,
    /// How long orders in flight may go on when the agent stops.
    pub stop_within: Duration,
}

impl Webhook {
    /// A webhook with the usual times: 10 s for a try, 3 tries, pauses from 1 s, 90 s in all, 4 at once, 64 waiting, and
    /// 3 s to stop.
    #[must_use]
    pub const fn new(name: String, url: WebhookUrl, tls: Option<Tls>) -> Self {
        Self {
            name,
            url,
            tls,
            timeout: Duration::from_secs(10),
            tries: 3,
            pause: Duration::from_secs(1),
            give_up_after: Duration::from_secs(90),
            concurrency: 4,
            queue: 64,
            stop_within: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        let parse = |text| WebhookUrl::parse(text, PlainText::Never);
        let near = |text| WebhookUrl::parse(text, PlainText::OnLoopback);
        let url = parse("https://duty.example/call?site=1").unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("duty.example", 443, "/call?site=1"));
        assert!(url.is_tls());
        let url = parse("https://[::1]:8443").unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("::1", 8443, "/"));
        assert_eq!(url.authority(), "[::1]:8443");
        for text in ["http://127.0.0.1:80/", "http://localhost:80/", "http://[::1]:80/"] {
            assert_eq!(parse(text), Err(UrlFault::PlainText), "{text}");
            assert!(!near(text).unwrap().is_tls(), "{text}");
        }
        for text in ["http://duty.example/", "http://127.0.0.1.example/", "http://10.0.0.1/"] {
            assert_eq!(near(text), Err(UrlFault::PlainText), "{text}");
        }
        assert_eq!(parse("https://a:b@duty.example/"), Err(UrlFault::Login));
        for text in [
            "",
            "duty.example",
            "/call",
            "ftp://duty.example/",
            "https://h:0x1/",
            "https://h:99999/",
            "https://h/#a",
        ] {
            assert_eq!(parse(text), Err(UrlFault::NotAnAddress), "{text}");
        }
    }

    #[test]
    fn a_secret_has_a_length_and_never_prints_itself() {
        assert!(Secret::new(b"fifteen letters\r\n").is_none());
        let secret = Secret::new(b"sixteen letters!\n").unwrap();
        assert_eq!(secret.bytes(), b"sixteen letters!");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
