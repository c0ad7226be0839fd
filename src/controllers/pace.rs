//! How often something looks at what changes all the time.

use std::time::Duration;

use tokio::time::Instant;

/// How long changes are gathered at first.
const SHORT: Duration = Duration::from_millis(5);
/// How long they are gathered at most.
const LONG: Duration = Duration::from_millis(200);
/// How many times in a row the short wait is taken: what people do comes to its end in fewer.
const QUICK: u32 = 12;

/// How long changes are gathered before they are looked at: shortly, unless they never end.
///
/// A real control plane has such limits in its work queues (`client-go/util/workqueue`).
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<Instant>,
    streak: u32,
}

impl Pace {
    /// How long to gather what begins to come now.
    pub fn gather(&mut self, now: Instant) -> Duration {
        let rest = LONG * 2;
        let goes_on = self.last.is_some_and(|last| now.duration_since(last) < rest);
        self.last = Some(now);
        self.streak = if goes_on { self.streak.saturating_add(1) } else { 0 };
        let doublings = self.streak.saturating_sub(QUICK).min(10);
        (SHORT * (1 << doublings)).min(LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_looked_at_less_often_and_rest_makes_it_quick_again() {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..30 {
            let wait = pace.gather(now);
            waits.push(wait);
            now += wait;
        }
        assert!(waits[..10].iter().all(|wait| *wait == SHORT), "{waits:?}");
        assert_eq!(waits.last(), Some(&LONG));
        assert!(waits.is_sorted());
        now += LONG * 3;
        assert_eq!(pace.gather(now), SHORT);
    }
}
