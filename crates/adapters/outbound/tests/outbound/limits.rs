//! How long, how many, how often.

use crate::world::{Authority, Internet, OK, OTHER, PUBLIC, class, failure, get, hang, say, text};
use async_trait::async_trait;
use doorward_outbound::{Connection, FetchSettings, Network, Outbound};
use doorward_ports::fetch::FailureClass::{self, Busy, Dns, Timeout};
use doorward_ports::fetch::{Answer, ChosenBy, Fetch as _, FetchError, Request};
use doorward_testkit::settings::changed;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const URL: &str = "https://app.example.com/";

fn seconds(begun: Instant) -> u64 {
    begun.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn silent_name_servers_are_given_two_seconds() {
    let internet = Internet::default();
    internet.name("app.example.com", &[]);
    let begun = Instant::now();
    assert_eq!(class(&internet.outbound(), get(URL)).await, Dns);
    assert_eq!(seconds(begun), 2);
    assert_eq!(class(&internet.outbound(), get("https://unknown.example.com/")).await, Dns);
    internet.name("empty.example.com", &[&[]]);
    assert_eq!(class(&internet.outbound(), get("https://empty.example.com/")).await, Dns);
}

/// A network that looks up too many names of strangers already, and where nobody listens.
struct Crowded;

#[async_trait]
impl Network for Crowded {
    async fn resolve(&self, _name: &str, chosen_by: ChosenBy) -> io::Result<Vec<IpAddr>> {
        match chosen_by {
            ChosenBy::Stranger => Err(io::Error::new(io::ErrorKind::ResourceBusy, "16 names are being looked up")),
            ChosenBy::Operator | ChosenBy::Peer | ChosenBy::Trusted => Ok(vec![PUBLIC.parse().unwrap()]),
        }
    }

    async fn connect(&self, _address: SocketAddr) -> io::Result<Connection> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_look_ups_are_busy_and_say_nothing_about_the_name() {
    let authority = Authority::new();
    let settings = changed(|fetch: &mut FetchSettings| fetch.extra_ca = authority.file());
    let outbound = Outbound::with_network(&settings, Crowded).unwrap();
    let error = failure(&outbound, get(URL)).await;
    assert_eq!((error.class, error.detail.as_str()), (Busy, "16 names are being looked up"));
    let by_operator = get(URL).chosen_by_operator();
    assert_eq!(class(&outbound, by_operator).await, FailureClass::Connection, "it went on to connect");
}

#[tokio::test(start_paused = true)]
async fn connecting_is_given_three_seconds_and_each_address_its_share() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    internet.name("app.example.com", &[&[OTHER]]);
    internet.silent(OTHER, 443);
    let begun = Instant::now();
    assert_eq!(class(&internet.outbound(), get(URL)).await, Timeout);
    assert_eq!(seconds(begun), 3);
    internet.name("app.example.com", &[&[OTHER, PUBLIC]]);
    let begun = Instant::now();
    assert!(internet.outbound().fetch(get(URL)).await.is_ok());
    assert_eq!(seconds(begun), 1, "half of three seconds, and the next");
}

#[tokio::test(start_paused = true)]
async fn the_whole_exchange_is_given_five_seconds() {
    let internet = Internet::default();
    internet.name("app.example.com", &[&[PUBLIC]]);
    let ask = async |what: &str| {
        let begun = Instant::now();
        assert_eq!(class(&internet.outbound(), get(URL)).await, Timeout, "{what}");
        assert_eq!(seconds(begun), 5, "{what}");
    };
    internet.serve(PUBLIC, 443, |stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    });
    ask("silence before TLS").await;
    internet.tls("app.example.com", PUBLIC, 443, |tls| hang(tls, ""));
    ask("silence").await;
    internet.tls("app.example.com", PUBLIC, 443, |tls| hang(tls, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"));
    ask("a body that stops").await;
    internet.tls("app.example.com", PUBLIC, 443, |tls| drip(tls, "HTTP/1.1 200 OK\r\nX-Long: ", "a"));
    ask("a head that drips").await;
    internet.tls("app.example.com", PUBLIC, 443, |tls| drip(tls, "HTTP/1.1 200 OK\r\n\r\n", "a"));
    ask("a body that drips").await;
}

/// A little of it, again and again.
async fn drip(mut tls: crate::world::Tls, first: &'static str, drop_by_drop: &'static str) {
    let mut next = first;
    while tls.write_all(next.as_bytes()).await.is_ok() && tls.flush().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        next = drop_by_drop;
    }
}

/// A place that answers when it is told to.
fn holding(internet: &Internet, name: &str, address: &str) -> Arc<Notify> {
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    internet.name(name, &[&[address]]);
    internet.tls(name, address, 443, move |tls| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            say(tls, OK.to_owned()).await;
        }
    });
    go
}

fn begin(outbound: &Outbound, request: Request) -> JoinHandle<Result<Answer, FetchError>> {
    let outbound = outbound.clone();
    tokio::spawn(async move { outbound.fetch(request).await })
}

/// Until so many requests have arrived. Time does not pass: somebody is always ready.
async fn arrived(internet: &Internet, requests: usize) {
    while internet.requests().len() < requests {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_17th_at_once_is_refused() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let mut waiting = Vec::new();
    for n in 0..16 {
        let (name, address) = (format!("h{n}.example"), format!("1.1.1.{n}"));
        let go = holding(&internet, &name, &address);
        waiting.push((go, begin(&outbound, get(&format!("https://{name}/")))));
    }
    arrived(&internet, 16).await;
    internet.site("app.example.com", OK);
    let error = failure(&outbound, get(URL)).await;
    assert_eq!((error.class, error.detail.as_str()), (Busy, "16 requests are under way"));
    let by_operator = outbound.fetch(get(URL).chosen_by_operator()).await;
    assert!(by_operator.is_ok(), "strangers do not keep the operator out");
    let (go, first) = waiting.remove(0);
    go.notify_one();
    first.await.unwrap().unwrap();
    assert!(outbound.fetch(get(URL)).await.is_ok(), "a place is free again");
    for (go, waiting) in waiting {
        go.notify_one();
        waiting.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_fifth_at_once_to_a_host_is_refused() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let go = holding(&internet, "app.example.com", PUBLIC);
    let url = |n: usize| get(&format!("https://app.example.com/{n}"));
    let waiting: Vec<_> = (0..4).map(|n| begin(&outbound, url(n))).collect();
    arrived(&internet, 4).await;
    assert_eq!(class(&outbound, url(4)).await, Busy);
    // Who goes away gives his place back.
    for waiting in waiting {
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    }
    let next = begin(&outbound, url(5));
    arrived(&internet, 5).await;
    go.notify_waiters();
    assert!(next.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_31st_in_a_minute_is_refused_for_all_names_of_one_owner() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    internet.site("app.example.com", OK);
    for n in 0..30 {
        assert!(outbound.fetch(get(&format!("https://app.example.com/{n}"))).await.is_ok(), "{n}");
    }
    let error = failure(&outbound, get(URL)).await;
    assert_eq!((error.class, error.detail.as_str()), (Busy, "example.com was asked 30 times within a minute"));
    internet.name("other.example.com", &[&["1.1.1.1"]]);
    assert_eq!(class(&outbound, get("https://other.example.com/")).await, Busy, "the same owner");
    assert!(outbound.fetch(get(URL).chosen_by_operator()).await.is_ok(), "sign-ins are as many as there are people");
    internet.name("example.net", &[&["1.1.1.1"]]);
    internet.answering("example.net", "1.1.1.1", 443, OK);
    assert!(outbound.fetch(get("https://example.net/")).await.is_ok());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(outbound.fetch(get(URL)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn those_who_want_the_same_at_once_share_one_request() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let go = holding(&internet, "app.example.com", PUBLIC);
    let waiting: Vec<_> = (0..10).map(|_| begin(&outbound, get(URL))).collect();
    arrived(&internet, 1).await;
    let late = begin(&outbound, get(URL));
    go.notify_one();
    for waiting in waiting.into_iter().chain([late]) {
        assert_eq!(text(waiting.await.unwrap()), "{}");
    }
    assert_eq!(internet.requests().len(), 1);
    // Nothing is remembered.
    go.notify_one();
    assert!(outbound.fetch(get(URL)).await.is_ok());
    assert_eq!(internet.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_too() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    internet
        .tls("app.example.com", PUBLIC, 443, |tls| say(tls, "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_owned()));
    internet.name("app.example.com", &[&[PUBLIC]]);
    let waiting: Vec<_> = (0..5).map(|_| begin(&outbound, get(URL))).collect();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap_err().detail, "it answers 500");
    }
    assert_eq!(internet.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_that_differ_or_belong_to_one_caller_are_not_shared() {
    use doorward_domain::Secret;
    use doorward_ports::fetch::ContentType;
    let internet = Internet::default();
    let outbound = internet.outbound();
    let go = holding(&internet, "app.example.com", PUBLIC);
    let requests = [
        get(URL),
        get("https://app.example.com/?other"),
        get(URL).expecting(ContentType::Json),
        get(URL).bearer(&Secret::from("ann")),
    ];
    let waiting: Vec<_> = requests.into_iter().map(|request| begin(&outbound, request)).collect();
    arrived(&internet, 4).await;
    go.notify_waiters();
    for waiting in waiting {
        assert!(waiting.await.unwrap().is_ok());
    }
    let requests = [
        get(URL).any_status(),
        Request::get(URL, 5),
        get(URL).chosen_by_operator(),
        Request::post(URL, "text/plain", Secret::new(Vec::new()), 5),
    ];
    let waiting: Vec<_> = requests.into_iter().map(|request| begin(&outbound, request)).collect();
    arrived(&internet, 8).await;
    for waiting in waiting {
        waiting.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_one_who_began_goes_away_the_others_get_their_answer() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let go = holding(&internet, "app.example.com", PUBLIC);
    let first = begin(&outbound, get(URL));
    arrived(&internet, 1).await;
    let others: Vec<_> = (0..3).map(|_| begin(&outbound, get(URL))).collect();
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    go.notify_one();
    for other in others {
        assert_eq!(text(other.await.unwrap()), "{}");
    }
    assert_eq!(internet.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_have_gone_away_the_connection_is_closed() {
    use tokio::io::AsyncReadExt as _;
    let internet = Internet::default();
    let outbound = internet.outbound();
    let ended = Arc::new(Notify::new());
    let seen = Arc::clone(&ended);
    internet.name("app.example.com", &[&[PUBLIC]]);
    internet.tls("app.example.com", PUBLIC, 443, move |mut tls| {
        let seen = Arc::clone(&seen);
        async move {
            drop(tls.read(&mut [0]).await);
            seen.notify_one();
        }
    });
    let waiting = begin(&outbound, get(URL));
    arrived(&internet, 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    tokio::time::timeout(Duration::from_secs(1), ended.notified()).await.unwrap();
}
