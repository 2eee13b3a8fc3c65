//! One order with all its tries, and what came of it.

use std::sync::Arc;

use hazard_core::call::DeliveryFault;
use hazard_core::{ClockTrust, Utc};
use tokio::time::{Duration, Instant, sleep};
use tracing::warn;

use super::notice::{Said, Stamp, body, claimed};
use super::post::{Fault, Letter, Receipt, post};
use super::{Order, Report, Setup, mac};

/// The longest pause that a receiver may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// How far the stamp of a reply may be from a clock that is synchronised.
const REPLY_AGE_MAX_S: u64 = 300;

/// Carries one order; there is always exactly one report.
pub(super) async fn deliver(setup: Arc<Setup>, order: Order, since: Instant) -> Report {
    let settings = &setup.settings;
    let give_up_at = since + settings.give_up_after;
    let expires = expires(&setup, give_up_at.saturating_duration_since(Instant::now()));
    let attempt = format!("{}-{}", setup.run, order.attempt.0);
    let mut nth_try = 1;
    loop {
        let deadline = give_up_at.min(Instant::now() + settings.timeout);
        let sent_at = setup.clock.wall();
        let body = body(&order.notice, &Stamp { attempt: &attempt, nth_try, sent_at, expires });
        let timestamp = sent_at.0.unix_ms().div_euclid(1000).to_string();
        let signature = mac::sign_order(&setup.secret, &timestamp, &body);
        let letter = Letter { attempt: attempt.clone(), timestamp, signature, body };
        let (reason, after) = match post(settings, &letter, deadline).await {
            Ok(receipt) => return arrived(&setup, &order, (&attempt, receipt)),
            Err(Fault::Refused(reason)) => return failed(&order, DeliveryFault::Refused, reason),
            Err(Fault::Later(reason, after)) => (reason, after),
        };
        let pause = after.map_or_else(|| pause(settings.pause, nth_try), |after| after.min(RETRY_AFTER_MAX));
        // A pause that nothing can follow only delays the next rung.
        if nth_try >= settings.tries || Instant::now() + pause >= give_up_at {
            return failed(&order, DeliveryFault::Unreachable, format!("{reason}, after {nth_try} tries"));
        }
        sleep(pause).await;
        nth_try += 1;
    }
}

fn expires(setup: &Setup, lasts: Duration) -> Utc {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
    Utc::from_unix_ms(setup.clock.utc().unix_ms().saturating_add(lasts))
}

/// Doubles with each try; up to a half more, so that gateways do not come back in step.
fn pause(first: Duration, nth_try: u8) -> Duration {
    let pause = first.saturating_mul(1_u32.checked_shl(u32::from(nth_try) - 1).unwrap_or(u32::MAX));
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause.saturating_add((pause / 2).mul_f64(f64::from(random) / f64::from(u32::MAX)))
}

fn failed(order: &Order, fault: DeliveryFault, reason: String) -> Report {
    Report::Failed { attempt: order.attempt, fault, reason }
}

fn arrived(setup: &Setup, order: &Order, (attempt, receipt): (&str, Receipt)) -> Report {
    match answer(setup, attempt, receipt) {
        Ok(Some(Said { by, note })) => Report::Answered { attempt: order.attempt, by, note },
        Ok(None) => Report::Delivered { attempt: order.attempt },
        Err(reason) => {
            warn!(webhook = %setup.settings.name, attempt, reason, "an answer is not believed");
            Report::Delivered { attempt: order.attempt }
        }
    }
}

/// The answer that a reply holds, if it is authentic: signed with our secret, for this very order, and not of another day.
fn answer(setup: &Setup, attempt: &str, receipt: Receipt) -> Result<Option<Said>, &'static str> {
    let body = receipt.body?;
    let Some(said) = claimed(&body) else { return Ok(None) };
    let (Some(timestamp), Some(signature)) = (receipt.timestamp, receipt.signature) else {
        return Err("it is not signed");
    };
    if !mac::verify_reply(&setup.secret, (&timestamp, attempt), &body, &signature) {
        return Err("its signature is wrong");
    }
    let stamp: i64 = timestamp.parse().map_err(|_| "its timestamp is no number of seconds")?;
    let (utc, trust) = setup.clock.wall();
    let away = utc.unix_ms().div_euclid(1000).abs_diff(stamp);
    // An own clock that nothing confirms can refute nobody's; the signature still binds the reply to this order.
    if trust == ClockTrust::Synced && away > REPLY_AGE_MAX_S {
        return Err("its timestamp is not of this time");
    }
    Ok(Some(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_jitter_adds_at_most_a_half() {
        let second = Duration::from_secs(1);
        for (nth_try, least) in [(1, 1), (2, 2), (3, 4), (9, 256)] {
            let least = second * least;
            for _ in 0..50 {
                let pause = pause(second, nth_try);
                assert!(pause >= least && pause <= least + least / 2, "{nth_try}: {pause:?}");
            }
        }
        assert!(pause(second, 255) > second, "no overflow");
    }
}
