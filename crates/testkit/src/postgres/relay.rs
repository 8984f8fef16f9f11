//! A relay in front of a database, which can fall silent: connections stay open and nothing comes through them any more, as
//! when a server fails over without a reset, or a pooler is frozen.

use anyhow::{Context as _, bail};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The relay. Dropping it closes everything.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    user: String,
    database: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    /// Connections with a smaller number than this are silent.
    silent_before: AtomicU64,
    next: AtomicU64,
    /// Whether new connections are silent too.
    all_silent: AtomicBool,
    ended: AtomicBool,
    open: Mutex<Vec<(TcpStream, Stream)>>,
}

#[derive(Debug)]
enum Target {
    Socket(PathBuf),
    Address(String),
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Relay {
    /// A relay to the database of this URL, at a free port.
    ///
    /// # Errors
    /// When the URL is not understood, or there is no port.
    pub fn to(url: &str) -> anyhow::Result<Self> {
        Self::on(TcpListener::bind("127.0.0.1:0")?, url)
    }

    /// A relay that listens there.
    ///
    /// # Errors
    /// When the URL is not understood.
    pub fn on(listener: TcpListener, url: &str) -> anyhow::Result<Self> {
        let (authority, database) = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split('?').next())
            .and_then(|rest| rest.split_once('/'))
            .context("the URL names no database")?;
        let (user, host) = authority.split_once('@').unwrap_or(("postgres", authority));
        let host = decoded(host)?;
        let target = if host.starts_with('/') {
            Target::Socket(PathBuf::from(host).join(".s.PGSQL.5432"))
        } else if host.contains(':') {
            Target::Address(host)
        } else {
            Target::Address(format!("{host}:5432"))
        };
        let shared = Arc::new(Shared {
            target,
            silent_before: AtomicU64::new(0),
            next: AtomicU64::new(0),
            all_silent: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let address = listener.local_addr()?;
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::SeqCst) {
                    break;
                }
                drop(accepting.accept(stream));
            }
        });
        Ok(Self { address, user: user.to_owned(), database: database.to_owned(), shared })
    }

    /// The URL of the database behind the relay.
    #[must_use]
    pub fn url(&self) -> String {
        let Self { address, user, database, .. } = self;
        format!("postgres://{user}@{address}/{database}?sslmode=disable")
    }

    /// The connections that there are fall silent; new ones work.
    pub fn silence(&self) {
        self.shared.silent_before.store(self.shared.next.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// All connections fall silent, and new ones are accepted and never answered.
    pub fn silence_all(&self) {
        self.shared.all_silent.store(true, Ordering::SeqCst);
    }

    /// New connections work again.
    pub fn speak(&self) {
        self.silence();
        self.shared.all_silent.store(false, Ordering::SeqCst);
    }

    /// Closes all connections that there are.
    pub fn end(&self) {
        for (client, server) in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // They may be closed already.
            let _ = client.shutdown(Shutdown::Both);
            let _ = match server {
                Stream::Unix(stream) => stream.shutdown(Shutdown::Both),
                Stream::Tcp(stream) => stream.shutdown(Shutdown::Both),
            };
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.end();
        // Wakes the thread that accepts.
        drop(TcpStream::connect_timeout(&self.address, Duration::from_secs(1)));
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        client.set_nodelay(true)?;
        match &self.target {
            Target::Socket(path) => {
                let server = UnixStream::connect(path)?;
                self.keep(&client, Stream::Unix(server.try_clone()?))?;
                self.forward(number, client.try_clone()?, server.try_clone()?);
                self.forward(number, server, client);
            }
            Target::Address(address) => {
                let server = TcpStream::connect(address)?;
                server.set_nodelay(true)?;
                self.keep(&client, Stream::Tcp(server.try_clone()?))?;
                self.forward(number, client.try_clone()?, server.try_clone()?);
                self.forward(number, server, client);
            }
        }
        Ok(())
    }

    fn keep(&self, client: &TcpStream, server: Stream) -> io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push((client.try_clone()?, server));
        Ok(())
    }

    fn is_silent(&self, number: u64) -> bool {
        self.all_silent.load(Ordering::SeqCst) || number < self.silent_before.load(Ordering::SeqCst)
    }

    fn forward<R: Read + Send + 'static, W: Write + Send + 'static>(
        self: &Arc<Self>,
        number: u64,
        mut from: R,
        mut to: W,
    ) {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                // What a silent connection says is swallowed, and it stays open.
                let Some(part) = buffer.get(..n).filter(|_| !shared.is_silent(number)) else { continue };
                if to.write_all(part).is_err() {
                    break;
                }
            }
        });
    }
}

fn decoded(host: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let mut rest = host.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next(), rest.next()) else { bail!("a broken escape in {host}") };
        bytes.push(u8::from_str_radix(std::str::from_utf8(&[high, low])?, 16)?);
    }
    Ok(String::from_utf8(bytes)?)
}
