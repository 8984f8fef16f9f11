//! The network, as far as it is needed: names and connections.

use crate::resolver::{LookUp, Resolver, by_system};
use async_trait::async_trait;
use doorward_ports::fetch::ChosenBy;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Resolves names and connects. Tests bring their own.
#[async_trait]
pub trait Network: Send + Sync {
    /// The addresses of a name. Asked once for a request; what it answers is judged, and nothing else is connected to.
    ///
    /// An error of the kind [`io::ErrorKind::ResourceBusy`] says nothing about the name: too many are being looked up. Those that
    /// strangers chose must not keep out those that the operator chose.
    async fn resolve(&self, name: &str, chosen_by: ChosenBy) -> io::Result<Vec<IpAddr>>;

    /// Connects to an address.
    async fn connect(&self, address: SocketAddr) -> io::Result<Connection>;
}

/// The network of this machine, with its `/etc/hosts` and its name servers.
#[derive(Debug)]
pub struct SystemNetwork {
    of_strangers: Resolver,
    of_operator: Resolver,
}

impl SystemNetwork {
    fn looking_up(look_up: Arc<LookUp>) -> Self {
        Self { of_strangers: Resolver::new(Arc::clone(&look_up)), of_operator: Resolver::new(look_up) }
    }
}

impl Default for SystemNetwork {
    fn default() -> Self {
        Self::looking_up(Arc::new(by_system))
    }
}

#[async_trait]
impl Network for SystemNetwork {
    async fn resolve(&self, name: &str, chosen_by: ChosenBy) -> io::Result<Vec<IpAddr>> {
        let resolver = match chosen_by {
            ChosenBy::Stranger => &self.of_strangers,
            ChosenBy::Operator | ChosenBy::Trusted => &self.of_operator,
        };
        resolver.resolve(name).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection::new(stream))
    }
}

/// What bytes go over: a socket, TLS over it, or a tunnel through a proxy.
pub struct Connection(Pin<Box<dyn Stream>>);

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

impl Connection {
    /// Over this stream.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;
    use tokio::time::timeout;

    #[test]
    fn names_are_looked_up_while_the_runtime_has_no_thread_left_for_what_blocks() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (release, released) = mpsc::channel::<()>();
            let blocking = tokio::task::spawn_blocking(move || released.recv());
            let network = SystemNetwork::default();
            let found = timeout(Duration::from_secs(10), network.resolve("localhost", ChosenBy::Stranger)).await;
            let found = found.unwrap().unwrap();
            assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
            drop(release);
            drop(blocking.await);
        });
    }

    #[tokio::test]
    async fn names_of_strangers_that_hang_do_not_keep_the_operator_out() {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let look_up = move |name: &str| -> io::Result<Vec<IpAddr>> {
            if name == "silent.example" {
                let _message = released.lock().unwrap().recv();
            }
            Ok(Vec::new())
        };
        let network = SystemNetwork::looking_up(Arc::new(look_up));
        for _ in 0..16 {
            assert!(network.resolve("silent.example", ChosenBy::Stranger).now_or_never().is_none());
        }
        let refused = network.resolve("id.example", ChosenBy::Stranger).now_or_never().unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert!(network.resolve("id.example", ChosenBy::Operator).await.is_ok());
        drop(release);
    }
}
