//! A port of this machine that stays the lab's while no server listens at it.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// An address that this program listens at again and again, and that nobody else is given meanwhile.
///
/// A restart leaves a server's port unused for a while; a port of the range that the system gives away could then become
/// some other program's, and the new server would end with `address already in use`. Linux gives no port away that a
/// socket is bound to, and lets the same port be listened at beside a socket that only holds it.
#[derive(Debug)]
pub struct Held {
    address: SocketAddr,
    #[cfg(target_os = "linux")]
    _socket: TcpSocket,
}

impl Held {
    /// Takes an address, any port where it is 0.
    ///
    /// # Errors
    ///
    /// Where something else listens there.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self {
            address: socket.local_addr()?,
            #[cfg(target_os = "linux")]
            _socket: socket,
        })
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens there.
    ///
    /// # Errors
    ///
    /// Where something else does.
    pub async fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind(self.address).await
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_port_stays_the_labs_between_two_servers() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let held = Held::take(any).unwrap();
        for _ in 0..2 {
            let refused = TcpStream::connect(held.address()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "while nobody listens");
            let listener = held.listen().await.unwrap();
            assert_eq!(listener.local_addr().unwrap(), held.address());
            TcpStream::connect(held.address()).unwrap();
            assert!(Held::take(held.address()).is_err(), "somebody listens there");
        }
        // The system knows it as bound, and so gives it to nobody who asks for any port.
        let other = TcpSocket::new_v4().unwrap();
        assert_eq!(other.bind(held.address()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        held.listen().await.unwrap();
    }
}
