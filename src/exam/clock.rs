//! The exam's clock: reckoned from the start, so that it is right after a crash and a restart.

use jiff::Timestamp;

/// Minutes left at which a learner is warned, the last of them being the end.
pub const WARNINGS: [u64; 3] = [30, 10, 0];

/// What the clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Seconds since the start.
    pub spent: u64,
    /// Seconds left; 0 when time is up.
    pub left: u64,
}

impl Clock {
    /// The clock of an exam of `limit` seconds that began at `started`.
    pub fn at(started: Timestamp, limit: u64, now: Timestamp) -> Self {
        // A machine's clock that was set back does not lengthen the exam beyond its limit.
        let spent = u64::try_from(now.as_second() - started.as_second()).unwrap_or(0);
        Self { spent: spent.min(limit), left: limit.saturating_sub(spent) }
    }

    /// Whether time is up.
    pub fn is_over(self) -> bool {
        self.left == 0
    }

    /// `1:02:03`, `12:03`: the time left.
    pub fn shown(self) -> String {
        let (hours, minutes, seconds) = (self.left / 3600, self.left / 60 % 60, self.left % 60);
        match hours {
            0 => format!("{minutes:02}:{seconds:02}"),
            _ => format!("{hours}:{minutes:02}:{seconds:02}"),
        }
    }
}

/// A warning that is due: the minutes that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning(pub u64);

/// The latest warning that is due and was not given; `given` is the last one that was. An exam that is not longer than a
/// warning's minutes goes without it.
pub fn due(clock: Clock, limit: u64, given: Option<u64>) -> Option<Warning> {
    let reached = |minutes: &&u64| **minutes * 60 < limit && clock.left <= **minutes * 60;
    let latest = WARNINGS.iter().filter(reached).min()?;
    given.is_none_or(|given| *latest < given).then_some(Warning(*latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(spent: i64, limit: u64) -> Clock {
        let at = |s| Timestamp::from_second(1_000_000 + s).unwrap_or(Timestamp::UNIX_EPOCH);
        Clock::at(at(0), limit, at(spent))
    }

    #[test]
    fn it_counts_from_the_start_and_stops_at_the_limit() {
        assert_eq!(clock(0, 7200).shown(), "2:00:00");
        assert_eq!(clock(3601, 7200).shown(), "59:59");
        assert_eq!(clock(9000, 7200), Clock { spent: 7200, left: 0 });
        assert!(clock(7200, 7200).is_over() && !clock(7199, 7200).is_over());
        assert_eq!(clock(-50, 600), Clock { spent: 0, left: 600 }, "a clock that was set back");
    }

    #[test]
    fn each_warning_is_given_once_and_those_missed_are_not_repeated() {
        let limit = 7200;
        for (left, given, expected) in [
            (1801, None, None),
            (1800, None, Some(30)),
            (1500, Some(30), None),
            (600, Some(30), Some(10)),
            (599, Some(10), None),
            (0, Some(10), Some(0)),
            (0, Some(0), None),
            // The program did not run while the first two were due.
            (300, None, Some(10)),
        ] {
            let clock = Clock { spent: limit - left, left };
            assert_eq!(due(clock, limit, given), expected.map(Warning), "{left} {given:?}");
        }
        assert_eq!(due(Clock { spent: 1, left: 1199 }, 1200, None), None, "20 minutes have no warning at 30");
        assert_eq!(due(Clock { spent: 600, left: 600 }, 1200, None), Some(Warning(10)));
    }
}
