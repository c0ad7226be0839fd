//! Lists of files: the long lines of `ls -l`, and names in columns.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::place::Entry;

/// What a long line tells before the name.
pub struct Long {
    /// Permissions and kind.
    pub mode: u32,
    /// How many names the file has; `?` where nobody knows.
    pub links: String,
    /// Its owner.
    pub user: String,
    /// Its group.
    pub group: String,
    /// Its length.
    pub size: String,
    /// When it was written, in seconds.
    pub modified: i64,
}

/// The permissions as `ls -l` draws them (strmode(3)).
pub fn mode(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o140_000 => 's',
        0o010_000 => 'p',
        0o020_000 => 'c',
        0o060_000 => 'b',
        _ => '-',
    };
    let special = [(0o4000, 's'), (0o2000, 's'), (0o1000, 't')];
    let bit = |i: usize| {
        let set = mode & (0o400 >> i) != 0;
        match special[i / 3] {
            (flag, letter) if i % 3 == 2 && mode & flag != 0 => {
                if set {
                    letter
                } else {
                    letter.to_ascii_uppercase()
                }
            }
            _ if set => ['r', 'w', 'x'][i % 3],
            _ => '-',
        }
    };
    std::iter::once(kind).chain((0..9).map(bit)).collect()
}

/// A line as `ls -l` has it, up to the name.
pub fn long(of: &Long) -> String {
    let at = Timestamp::from_second(of.modified).unwrap_or_default().to_zoned(TimeZone::system());
    let old = Timestamp::now().as_second() - of.modified > 180 * 86_400;
    let at = at.strftime(if old { "%b %e  %Y" } else { "%b %e %H:%M" }).to_string();
    format!("{} {:>4} {:<8} {:<8} {:>8} {at} ", mode(of.mode), of.links, of.user, of.group, of.size)
}

/// The flags of sftp's `ls`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flags {
    /// `-1`.
    pub one: bool,
    /// `-a`.
    pub all: bool,
    /// `-f`.
    pub unsorted: bool,
    /// `-h`.
    pub human: bool,
    /// `-l`.
    pub long: bool,
    /// `-n`.
    pub numeric: bool,
    /// `-r`.
    pub reverse: bool,
    /// `-S`.
    pub by_size: bool,
    /// `-t`.
    pub by_time: bool,
}

impl Flags {
    /// Takes a letter; false where there is none such.
    pub fn set(&mut self, letter: char) -> bool {
        let flag = match letter {
            '1' => &mut self.one,
            'a' => &mut self.all,
            'f' => &mut self.unsorted,
            'h' => &mut self.human,
            'l' => &mut self.long,
            'n' => &mut self.numeric,
            'r' => &mut self.reverse,
            'S' => &mut self.by_size,
            't' => &mut self.by_time,
            _ => return false,
        };
        *flag = true;
        // Sizes and numbers are seen in long lines only.
        self.long |= matches!(letter, 'h' | 'n');
        true
    }

    /// Puts names into order.
    pub fn sort(self, entries: &mut [Entry]) {
        if self.unsorted {
            return;
        }
        entries.sort_by(|a, b| {
            let order = if self.by_time {
                b.attributes.times.map(|t| t.1).cmp(&a.attributes.times.map(|t| t.1))
            } else if self.by_size {
                b.attributes.size.cmp(&a.attributes.size)
            } else {
                Ordering::Equal
            };
            let order = order.then_with(|| a.name.cmp(&b.name));
            if self.reverse { order.reverse() } else { order }
        });
    }

    /// A long line of what the server told no line of, or one in other units than it did.
    pub fn line(self, entry: &Entry, name: &str) -> String {
        let of = entry.attributes;
        let (user, group) = of.owner.unwrap_or_default();
        let size = of.size.unwrap_or(0);
        let size = if self.human { human(size) } else { size.to_string() };
        let modified = of.times.map_or(0, |t| t.1).into();
        let (user, group, links) = (user.to_string(), group.to_string(), "?".to_owned());
        long(&Long { mode: of.mode.unwrap_or(0), links, user, group, size, modified }) + name
    }
}

/// A size with a unit (fmt_scaled(3)).
fn human(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1023.5 && unit < 6 {
        value /= 1024.0;
        unit += 1;
    }
    let unit_name = ['B', 'K', 'M', 'G', 'T', 'P', 'E'][unit];
    if unit > 0 && value < 99.95 {
        format!("{value:.1}{unit_name}")
    } else {
        format!("{value:.0}{unit_name}")
    }
}

/// A size with a unit that ends in B.
pub fn scaled(bytes: u64) -> String {
    let text = human(bytes);
    if text.ends_with('B') { text } else { text + "B" }
}

/// Names in columns as wide as `longest` and a gap, for a terminal of a width.
pub fn columns(names: &[String], longest: usize, width: usize) -> String {
    let count = (width / (longest + 2)).max(1);
    let space = (width / count).min(width);
    let mut out = String::new();
    for row in names.chunks(count) {
        for name in row {
            out += &format!("{name:<space$}");
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_sizes_and_columns() {
        for (bits, expected) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o041_777, "drwxrwxrwt"),
            (0o104_755, "-rwsr-xr-x"),
            (0o104_644, "-rwSr--r--"),
            (0o120_777, "lrwxrwxrwx"),
        ] {
            assert_eq!(mode(bits), expected);
        }
        for (bytes, expected) in [(3, "3B"), (4096, "4.0K"), (300_000, "293K"), (5 << 30, "5.0G")] {
            assert_eq!(human(bytes), expected);
        }
        let names = ["a", "bb", "ccc"].map(str::to_owned);
        assert_eq!(columns(&names, 3, 11), "a    bb   \nccc  \n");
        assert_eq!(columns(&names, 3, 0), "a\nbb\nccc\n");
    }
}
