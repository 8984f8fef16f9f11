//! On the network of this machine: real sockets, and the names of the system.

use crate::world::{Authority, OK, class, get, read_head, say, text};
use doorward_outbound::{FetchSettings, Outbound};
use doorward_ports::fetch::FailureClass::{Connection, ForbiddenAddress};
use doorward_ports::fetch::Fetch as _;
use doorward_testkit::settings::changed;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_listed_host_is_asked_over_a_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let authority = Authority::new();
    let acceptor = authority.acceptor("127.0.0.1");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The tests' connections are of memory, so these bytes pass through one.
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let passing = tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut far).await });
        let mut tls = acceptor.accept(near).await.unwrap();
        read_head(&mut tls).await;
        say(tls, OK.to_owned()).await;
        drop(passing.await);
        listener
    });
    let url = format!("https://127.0.0.1:{port}/");
    let settings = changed(|fetch: &mut FetchSettings| {
        fetch.extra_ca = authority.file();
        fetch.allow_hosts = vec![format!("127.0.0.1:{port}").parse().unwrap()];
    });
    let outbound = Outbound::new(&settings).unwrap();
    assert_eq!(text(outbound.fetch(get(&url)).await), "{}");
    drop(serving.await.unwrap());
    assert_eq!(class(&outbound, get(&url)).await, Connection, "nobody listens any more");
}

#[tokio::test]
async fn names_are_resolved_by_the_system() {
    let outbound = Outbound::new(&changed(|fetch: &mut FetchSettings| fetch.development = true)).unwrap();
    // Resolved by the system, and found on this machine, where nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(class(&outbound, get(&format!("http://localhost:{port}/"))).await, Connection);
    assert_eq!(class(&outbound, get("https://localhost/")).await, ForbiddenAddress);
}
