//! Looks names up on threads of its own.
//!
//! The resolver of the system blocks, cannot be called off, and waits for silent name servers far longer than anybody waits here.
//! On the threads that the runtime keeps for what blocks, such look-ups would pile up before the database, and before the end
//! of the runtime. So each has a thread to itself, and counts until the system has returned, whether or not somebody still waits.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::thread;
use tokio::sync::{Semaphore, oneshot};

/// So many look-ups at once: as many as requests, for each begins with one.
const AT_ONCE: usize = 16;

/// What finds the addresses of a name. It may block for as long as it likes.
pub(crate) type LookUp = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Asks for names without blocking those who wait.
pub(crate) struct Resolver {
    look_up: Arc<LookUp>,
    permits: Arc<Semaphore>,
}

impl Resolver {
    pub(crate) fn new(look_up: Arc<LookUp>) -> Self {
        Self { look_up, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The addresses of a name. Refused with [`io::ErrorKind::ResourceBusy`] while too many look-ups have not returned.
    pub(crate) async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let busy = |why: String| io::Error::new(io::ErrorKind::ResourceBusy, why);
        let permit = Arc::clone(&self.permits)
            .try_acquire_owned()
            .map_err(|_none_free| busy(format!("{AT_ONCE} names are being looked up")))?;
        let (tell, told) = oneshot::channel();
        let (look_up, name) = (Arc::clone(&self.look_up), name.to_owned());
        let run = move || {
            let found = look_up(&name);
            // Before the answer, so that whoever has it can ask again at once.
            drop(permit);
            // Those who waited may have gone.
            drop(tell.send(found));
        };
        thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(run)
            .map_err(|error| busy(format!("no thread can be started: {error}")))?;
        told.await.unwrap_or_else(|_panicked| Err(io::Error::other("the look-up broke off")))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("free", &self.permits.available_permits()).finish_non_exhaustive()
    }
}

/// Has the system look the name up (`getaddrinfo`).
pub(crate) fn by_system(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0_u16).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::net::Ipv4Addr;
    use std::sync::Mutex;
    use std::sync::mpsc::{self, Sender};
    use std::time::Duration;
    use tokio::time::timeout;

    const FOUND: IpAddr = IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1));

    /// One whose look-ups hang. Each message lets one of them return, and the end of the channel all.
    fn hanging() -> (Sender<()>, Resolver) {
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        let look_up = move |_name: &str| -> io::Result<Vec<IpAddr>> {
            let _message = released.lock().unwrap().recv();
            Ok(vec![FOUND])
        };
        (release, Resolver::new(Arc::new(look_up)))
    }

    /// Begins a look-up, and goes away.
    fn begin(resolver: &Resolver) -> Option<io::Result<Vec<IpAddr>>> {
        resolver.resolve("silent.example").now_or_never()
    }

    fn is_busy(resolver: &Resolver) -> bool {
        begin(resolver).is_some_and(|ended| ended.is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy))
    }

    /// Until at least so many look-ups could begin.
    async fn are_free(resolver: &Resolver, permits: u32) {
        drop(timeout(Duration::from_secs(10), resolver.permits.acquire_many(permits)).await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn the_17th_look_up_is_refused_while_16_hang_for_which_nobody_waits() {
        let (release, resolver) = hanging();
        for n in 0..16 {
            assert!(begin(&resolver).is_none(), "look-up {n} hangs");
        }
        assert!(is_busy(&resolver));

        release.send(()).unwrap();
        are_free(&resolver, 1).await;
        assert!(begin(&resolver).is_none(), "one has returned, so one more begins");
        assert!(is_busy(&resolver), "and no other");

        drop(release);
        are_free(&resolver, 16).await;
        assert_eq!(resolver.resolve("app.example").await.unwrap(), [FOUND]);
    }

    #[tokio::test]
    async fn whoever_has_an_answer_can_ask_again_at_once() {
        let look_up = |_name: &str| -> io::Result<Vec<IpAddr>> { Ok(vec![FOUND]) };
        let resolver = Resolver::new(Arc::new(look_up));
        let _others = resolver.permits.try_acquire_many(15).unwrap();
        for n in 0..100 {
            assert_eq!(resolver.resolve("app.example").await.unwrap(), [FOUND], "look-up {n}");
        }
    }

    #[tokio::test]
    async fn a_look_up_that_fails_or_panics_gives_its_permit_back() {
        let look_up = |name: &str| -> io::Result<Vec<IpAddr>> {
            assert_ne!(name, "strange.example");
            Err(io::Error::other("no such name"))
        };
        let resolver = Resolver::new(Arc::new(look_up));
        for _ in 0..17 {
            assert_eq!(resolver.resolve("unknown.example").await.unwrap_err().to_string(), "no such name");
        }
        let error = resolver.resolve("strange.example").await.unwrap_err();
        assert_eq!(error.to_string(), "the look-up broke off");
        are_free(&resolver, 16).await;
    }
}
