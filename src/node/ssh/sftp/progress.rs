//! The line that shows how far a copy is (OpenSSH's progressmeter.c).

use std::io::Write;
use std::time::{Duration, Instant};

/// A copy that is under way, drawn on standard output.
pub struct Progress {
    name: String,
    size: u64,
    begun: Instant,
    drawn: Instant,
}

const WIDTH: usize = 80;

impl Progress {
    /// Begins with a file of a size.
    pub fn begin(name: &str, size: u64) -> Self {
        let now = Instant::now();
        let progress = Self { name: name.to_owned(), size, begun: now, drawn: now };
        progress.draw(0, None);
        progress
    }

    /// Tells how much is done; drawn once a second.
    pub fn at(&mut self, done: u64) {
        if self.drawn.elapsed() >= Duration::from_secs(1) {
            self.drawn = Instant::now();
            self.draw(done, None);
        }
    }

    /// Ends the line.
    pub fn end(self, done: u64) {
        self.draw(done, Some(()));
    }

    fn draw(&self, done: u64, ended: Option<()>) {
        let took = self.begun.elapsed();
        let line = line(&self.name, done, self.size, took, ended.is_some());
        let _ = write!(std::io::stdout(), "\r{line}{}", if ended.is_some() { "\n" } else { "" });
        let _ = std::io::stdout().flush();
    }
}

fn line(name: &str, done: u64, size: u64, took: Duration, ended: bool) -> String {
    let percent = (done.min(size) * 100).checked_div(size).unwrap_or(100);
    let percent = if ended || done > 0 { percent } else { 0 };
    // A clock's smallest step, so that nothing is divided by none.
    let rate = done as f64 / took.as_secs_f64().max(1e-6);
    let clock = |seconds: u64| match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("  {minutes:02}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    };
    let time = if ended {
        format!("{}    ", clock(took.as_secs()))
    } else if done == 0 {
        "  --:-- ETA".to_owned()
    } else {
        format!("{} ETA", clock(((size.saturating_sub(done)) as f64 / rate.max(1.0)) as u64))
    };
    format!(
        "{name:<width$.width$} {percent:>3}% {}{}/s {time}",
        amount(done),
        speed(rate),
        width = WIDTH - 36
    )
}

/// A count of bytes in four digits.
fn amount(bytes: u64) -> String {
    let (mut bytes, mut unit) = (bytes, 0);
    while bytes >= 10_000 && unit < 5 {
        bytes = bytes.div_ceil(1024);
        unit += 1;
    }
    format!("{bytes:>4}{}{}", UNITS[unit], if unit == 0 { ' ' } else { 'B' })
}

/// Bytes a second with one decimal place, in kilobytes at least.
fn speed(rate: f64) -> String {
    let (mut rate, mut unit) = (rate / 1024.0, 1);
    while rate >= 1000.0 && unit < 5 {
        rate /= 1024.0;
        unit += 1;
    }
    format!("{rate:>6.1}{}B", UNITS[unit])
}

const UNITS: [char; 6] = [' ', 'K', 'M', 'G', 'T', 'P'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_openssh_s() {
        let tenth = Duration::from_millis(100);
        for (done, size, took, ended, expected) in [
            (0, 3, Duration::ZERO, false, "  0%    0     0.0KB/s   --:-- ETA"),
            (3, 3, tenth, true, "100%    3     0.0KB/s   00:00    "),
            (300_000, 300_000, tenth, true, "100%  293KB   2.9MB/s   00:00    "),
            (150_000, 300_000, tenth * 10, false, " 50%  147KB 146.5KB/s   00:01 ETA"),
            (0, 0, tenth, true, "100%    0     0.0KB/s   00:00    "),
        ] {
            let expected = format!("{:<44} {expected}", "f");
            assert_eq!(line("f", done, size, took, ended), expected);
        }
    }
}
