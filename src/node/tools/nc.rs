//! `nc` where the machine has none: asks whether a port answers, or talks to it.
//!
//! Options and messages are those of Debian's netcat-openbsd.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    only_connect: bool,
    verbose: bool,
    numeric: bool,
    wait: Option<u64>,
    close: bool,
    host: String,
    ports: Vec<u16>,
}

const USAGE: &str = "usage: nc [-46Nnvz] [-w timeout] [destination] [port]\n";

fn parse(words: &[String]) -> Result<Options, String> {
    let mut out = Options::default();
    let mut plain = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            plain.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'z' => out.only_connect = true,
                'v' => out.verbose = true,
                'n' => out.numeric = true,
                'N' => out.close = true,
                '4' | '6' | 't' => {}
                'w' | 'q' | 'i' => {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
                    let value =
                        value.ok_or(format!("nc: option requires an argument -- '{letter}'\n{USAGE}"))?;
                    let seconds: u64 =
                        value.parse().map_err(|_| format!("nc: timeout too large: {value}\n"))?;
                    if letter == 'w' {
                        out.wait = Some(seconds);
                    }
                    break;
                }
                'l' | 'u' | 'k' | 'U' => {
                    return Err(format!("nc: -{letter} is not there in this lab; it connects by TCP\n"));
                }
                other => return Err(format!("nc: invalid option -- '{other}'\n{USAGE}")),
            }
        }
    }
    let [host, port] = plain.as_slice() else { return Err(USAGE.to_owned()) };
    out.host = host.clone();
    let number = |text: &str| text.parse::<u16>().ok().filter(|n| *n > 0);
    out.ports = match port.split_once('-') {
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) => (from..=to).collect(),
            _ => return Err(format!("nc: port number invalid: {port}\n")),
        },
        None => vec![number(port).ok_or(format!("nc: port number invalid: {port}\n"))?],
    };
    Ok(out)
}

fn connect(options: &Options, address: SocketAddr) -> io::Result<TcpStream> {
    match options.wait {
        Some(seconds) => TcpStream::connect_timeout(&address, Duration::from_secs(seconds.max(1))),
        None => TcpStream::connect(address),
    }
}

/// What is said of an error, without Rust's number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Passes on what comes from either side until the other end closes.
fn talk(mut stream: TcpStream, close: bool) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut out);
        if close {
            let _ = out.shutdown(Shutdown::Write);
        }
    });
    let mut buffer = [0; 16 << 10];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        io::stdout().write_all(&buffer[..length])?;
        io::stdout().flush()?;
    }
}

/// Runs nc; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let fails = |text: &str| {
        let _ = io::stderr().write_all(text.as_bytes());
        1
    };
    let options = match parse(&words) {
        Ok(options) => options,
        Err(why) => return fails(&why),
    };
    let mut status = 1;
    for port in &options.ports {
        let addresses: Vec<_> = match (options.host.as_str(), *port).to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(_) => {
                let text = format!(
                    "nc: getaddrinfo for host \"{}\" port {port}: Name or service not known\n",
                    options.host
                );
                return fails(&text);
            }
        };
        for address in addresses {
            let shown = if options.numeric || options.host == address.ip().to_string() {
                address.ip().to_string()
            } else {
                format!("{} ({})", options.host, address.ip())
            };
            match connect(&options, address) {
                Ok(stream) => {
                    status = 0;
                    if options.verbose {
                        let _ =
                            writeln!(io::stderr(), "Connection to {shown} {port} port [tcp/*] succeeded!");
                    }
                    if !options.only_connect && talk(stream, options.close).is_err() {
                        status = 1;
                    }
                    break;
                }
                Err(error) if options.verbose => {
                    let why = reason(&error);
                    let _ = writeln!(io::stderr(), "nc: connect to {shown} port {port} (tcp) failed: {why}");
                }
                Err(_) => {}
            }
        }
    }
    status
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_are_netcats() {
        let of = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let to = |host: &str, ports: &[u16]| Options {
            host: host.into(),
            ports: ports.into(),
            ..Options::default()
        };
        for (text, expected) in [
            ("localhost 6443", to("localhost", &[6443])),
            (
                "-zv -w 2 h 1-3",
                Options { only_connect: true, verbose: true, wait: Some(2), ..to("h", &[1, 2, 3]) },
            ),
            ("-w2 h 80 -N", Options { wait: Some(2), close: true, ..to("h", &[80]) }),
        ] {
            assert_eq!(of(text).unwrap(), expected, "{text}");
        }
        for (text, why) in
            [("h", "usage"), ("h x", "nc: port number invalid: x"), ("-l 80", "nc: -l is not there")]
        {
            assert!(of(text).unwrap_err().starts_with(why), "{text}");
        }
    }
}
