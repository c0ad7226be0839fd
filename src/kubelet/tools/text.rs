//! Columns and ages as the tools print them.

use jiff::Timestamp;

/// Lays out rows: every cell but the last is padded to its column's width, at least `minimum`, `padding` included.
///
/// Go: `text/tabwriter`.
pub fn columns(rows: &[Vec<String>], minimum: usize, padding: usize) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|i| {
            let longest = rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
            (longest + padding).max(minimum)
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            if i + 1 == row.len() {
                out.push_str(cell);
            } else {
                out.push_str(&format!("{cell:<width$}", width = widths[i]));
            }
        }
        out.push('\n');
    }
    out
}

/// How long ago a time was, in the words of docker's units package.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    let (minutes, hours) = (seconds / 60, (seconds as f64 / 3600.0).round() as i64);
    let words = match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 14 => format!("{} days", hours / 24),
        _ if hours < 24 * 60 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    };
    format!("{words} ago")
}

/// A time as Go prints it.
pub fn go_time(at: Timestamp) -> String {
    let text = at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S.%f").to_string();
    format!("{} +0000 UTC", text.trim_end_matches('.'))
}

/// Bytes in the words of docker's units package: four digits, in thousands.
pub fn human_size(bytes: u64) -> String {
    human_size_with(bytes, 4)
}

/// The same with another number of digits.
pub fn human_size_with(bytes: u64, precision: usize) -> String {
    let (mut size, mut unit) = (bytes as f64, 0);
    let units = ["B", "kB", "MB", "GB", "TB"];
    while size >= 1000.0 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    // Go's `%.4g`.
    let whole = if size >= 100.0 { 3 } else { 1 + usize::from(size >= 10.0) };
    let text = format!("{size:.*}", precision.saturating_sub(whole));
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_dockers() {
        let at = Timestamp::UNIX_EPOCH;
        for (seconds, words) in [
            (0, "Less than a second ago"),
            (1, "1 second ago"),
            (17, "17 seconds ago"),
            (60, "About a minute ago"),
            (119, "About a minute ago"),
            (120, "2 minutes ago"),
            (3599, "59 minutes ago"),
            (3600, "About an hour ago"),
            (7200, "2 hours ago"),
            (86_400 * 3, "3 days ago"),
        ] {
            let now = at + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(ago(at, now), words);
        }
    }

    #[test]
    fn sizes_are_dockers() {
        for (bytes, text) in [
            (193_000_000, "193MB"),
            (38_430_000, "38.43MB"),
            (69_630, "69.63kB"),
            (14, "14B"),
            (1_434_265, "1.434MB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
        assert_eq!(human_size_with(27_259_559, 3), "27.3MB");
    }

    #[test]
    fn cells_are_at_least_twenty_wide() {
        let rows = vec![vec!["POD ID".into(), "NAME".into()], vec!["a7bcd4b6d89be".into(), "x".into()]];
        assert_eq!(columns(&rows, 20, 3), "POD ID              NAME\na7bcd4b6d89be       x\n");
    }
}
