//! The record of root's last login: `/var/log/lastlog`, as login programs keep it (utmp.h: `struct lastlog`).

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::node::Node;

const FILE: &str = "/var/log/lastlog";
const LINE: usize = 32;
const HOST: usize = 256;

/// When and from where somebody logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub host: String,
}

impl Login {
    fn to_bytes(&self) -> Vec<u8> {
        let mut record = vec![0; 4 + LINE + HOST];
        record[..4].copy_from_slice(&u32::try_from(self.at.as_second()).unwrap_or(0).to_ne_bytes());
        for (field, text) in [(4..4 + LINE - 1, "pts/0"), (4 + LINE..4 + LINE + HOST - 1, self.host.as_str())]
        {
            for (to, from) in record[field].iter_mut().zip(text.bytes()) {
                *to = from;
            }
        }
        record
    }

    fn from_bytes(record: &[u8]) -> Option<Self> {
        let seconds = u32::from_ne_bytes(record.get(..4)?.try_into().ok()?);
        let host = record.get(4 + LINE..4 + LINE + HOST)?.split(|b| *b == 0).next()?;
        let at = Timestamp::from_second(seconds.into()).ok().filter(|_| seconds != 0)?;
        Some(Self { at, host: String::from_utf8_lossy(host).into_owned() })
    }

    /// The line that sshd prints.
    pub fn line(&self, zone: &TimeZone) -> String {
        let at = self.at.to_zoned(zone.clone());
        format!("Last login: {} from {}\r\n", at.strftime("%a %b %e %H:%M:%S %Y"), self.host)
    }
}

/// Reads the last login and records this one.
pub async fn exchange(node: &dyn Node, now: Timestamp, peer: IpAddr) -> Option<Login> {
    let mut file = node.read_file(FILE).await.ok().flatten().unwrap_or_default();
    let last = Login::from_bytes(&file);
    let record = Login { at: now, host: peer.to_string() }.to_bytes();
    if file.len() < record.len() {
        file.resize(record.len(), 0);
    }
    file[..record.len()].copy_from_slice(&record);
    // A login does not fail because it cannot be recorded.
    let _ = node.write_file(FILE, &file).await;
    last
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn records_are_read_as_written() {
        let login = Login { at: Timestamp::from_second(1_668_360_429).unwrap(), host: "10.48.0.33".into() };
        let bytes = login.to_bytes();
        assert_eq!(bytes.len(), 292);
        assert_eq!(Login::from_bytes(&bytes).unwrap(), login);
        assert_eq!(login.line(&TimeZone::UTC), "Last login: Sun Nov 13 17:27:09 2022 from 10.48.0.33\r\n");
        assert_eq!(Login::from_bytes(&[0; 292]), None);
        assert_eq!(Login::from_bytes(&bytes[..100]), None);
    }
}
