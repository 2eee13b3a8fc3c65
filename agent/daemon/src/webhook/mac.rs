//! Signatures: HMAC-SHA256 over what is sent and when, in hex behind the version of the scheme.
//!
//! An order signs `timestamp.body`, a reply `timestamp.attempt.body`. A body begins with `{` and an attempt never does, so
//! that neither can be passed off as the other.

use ring::hmac;

use crate::settings::Secret;

/// Before the hex digits of a signature.
const SCHEME: &str = "v1=";

/// The signature of an order.
#[must_use]
pub fn sign_order(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    sign(secret, &[timestamp.as_bytes(), body])
}

/// The signature of a reply to the order `attempt`.
#[must_use]
pub fn sign_reply(secret: &Secret, timestamp: &str, attempt: &str, body: &[u8]) -> String {
    sign(secret, &[timestamp.as_bytes(), attempt.as_bytes(), body])
}

/// Whether `signature` is that of a reply to the order `attempt`; compared in constant time.
#[must_use]
pub fn verify_reply(
    secret: &Secret,
    (timestamp, attempt): (&str, &str),
    body: &[u8],
    signature: &str,
) -> bool {
    verify(secret, &[timestamp.as_bytes(), attempt.as_bytes(), body], signature)
}

/// Whether `signature` is that of an order; compared in constant time.
#[must_use]
pub fn verify_order(secret: &Secret, timestamp: &str, body: &[u8], signature: &str) -> bool {
    verify(secret, &[timestamp.as_bytes(), body], signature)
}

fn sign(secret: &Secret, parts: &[&[u8]]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    let tag = hmac::sign(&key, &parts.join(&b'.'));
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{SCHEME}{hex}")
}

fn verify(secret: &Secret, parts: &[&[u8]], signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    let tag = signature.strip_prefix(SCHEME).and_then(unhex);
    tag.is_some_and(|tag| hmac::verify(&key, &parts.join(&b'.'), &tag).is_ok())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests are from Python: `hmac.new(secret, b'1780000000.{"v":1}', hashlib.sha256).hexdigest()`.
    #[test]
    fn a_signature_is_what_any_other_implementation_makes() {
        let secret = secret();
        assert_eq!(sign_order(&secret, "1780000000", b"{\"v\":1}"), ORDER);
        assert_eq!(sign_reply(&secret, "1780000000", "a-1", b"{\"v\":1}"), REPLY);
    }

    #[test]
    fn every_part_is_signed_and_nothing_else_passes() {
        let secret = secret();
        let verify = |timestamp, attempt, body: &[u8], signature: &str| {
            verify_reply(&secret, (timestamp, attempt), body, signature)
        };
        assert!(verify("1780000000", "a-1", b"{\"v\":1}", REPLY));
        assert!(verify("1780000000", "a-1", b"{\"v\":1}", &REPLY.to_uppercase().replace("V1=", "v1=")));
        assert!(!verify("1780000001", "a-1", b"{\"v\":1}", REPLY));
        assert!(!verify("1780000000", "a-2", b"{\"v\":1}", REPLY));
        assert!(!verify("1780000000", "a-1", b"{\"v\":2}", REPLY));
        assert!(!verify("1780000000", "a-1", b"{\"v\":1}", ORDER), "an order is no reply");
        for signature in ["", "v1=", "v2=00", "v1=zz", "v1=é0", &REPLY[..REPLY.len() - 1], &REPLY[3..]] {
            assert!(!verify("1780000000", "a-1", b"{\"v\":1}", signature), "{signature}");
        }
        assert!(verify_order(&secret, "1780000000", b"{\"v\":1}", ORDER));
        assert!(!verify_order(&Secret::new(b"another secret!!").unwrap(), "1780000000", b"{\"v\":1}", ORDER));
    }

    const ORDER: &str = "v1=a1cfab8a70e64053448e35c97cad7d1c75e6d2cf623e545a2b44d61be6a0fee3";
    const REPLY: &str = "v1=3a0a0a52c0191d589ede909da785eb8b129c126fdb08b1dafdc12024bb801c95";

    fn secret() -> Secret {
        Secret::new(b"sixteen letters!").unwrap()
    }
}
