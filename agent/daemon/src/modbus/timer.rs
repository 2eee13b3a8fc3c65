//! Waits that end within a fraction of a millisecond: the gap between two frames at 115200 baud is 1.75 ms, and tokio's timer
//! counts in whole ones.

use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep_until};

/// Beyond this a millisecond does not matter.
const FINE_MAX: Duration = Duration::from_millis(20);

/// A timer of the kernel's; where there is none, tokio's. The reactor reads it as it reads the end of a pipe.
pub(super) struct Timer(Option<Receiver>);

impl Timer {
    /// A timer within the current runtime.
    pub(super) fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok();
        Self(timer.and_then(|timer| Receiver::from_owned_fd_unchecked(timer).ok()))
    }

    /// Waits until `at`.
    pub(super) async fn until(&self, at: Instant) {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            match self.0.as_ref().filter(|_| left <= FINE_MAX) {
                Some(timer) if set(timer, left) => expired(timer).await,
                Some(_) | None => sleep_until(at).await,
            }
        }
    }
}

fn set(timer: &Receiver, after: Duration) -> bool {
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    let once = Timespec { tv_sec: 0, tv_nsec: after.subsec_nanos().max(1).into() };
    let spec = Itimerspec { it_interval: none, it_value: once };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &spec).is_ok()
}

/// What an earlier wait that nobody ended has left behind ends this one too early; the caller looks at the time again.
async fn expired(timer: &Receiver) {
    if timer.readable().await.is_ok() {
        let _ = timer.try_read(&mut [0; 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_at_its_time_and_never_before_also_after_one_that_was_given_up() {
        let timer = Timer::new();
        assert!(timer.0.is_some());
        for micros in [0, 1, 300, 1_750, 4_010, 25_000] {
            let given_up = Instant::now() + Duration::from_micros(200);
            tokio::select! { biased; () = timer.until(given_up) => {}, () = tokio::task::yield_now() => {} }
            let at = Instant::now() + Duration::from_micros(micros);
            timer.until(at).await;
            assert!(Instant::now() >= at, "{micros} µs");
        }
    }
}
