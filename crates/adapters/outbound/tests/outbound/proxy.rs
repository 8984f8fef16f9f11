//! Through a proxy, which resolves names and connects.

use crate::world::{Internet, OK, class, failure, get, read_head, say, text};
use doorward_outbound::Outbound;
use doorward_ports::fetch::FailureClass::{Connection, ForbiddenAddress, Timeout};
use doorward_ports::fetch::Fetch as _;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt as _;

const URL: &str = "https://app.example.com/";

/// A proxy that gives this answer, and then is the server itself. Tells what it was asked.
fn proxy(internet: &Internet, answer: &'static str) -> (Outbound, Arc<Mutex<String>>) {
    let (asked, acceptor) = (Arc::new(Mutex::new(String::new())), internet.authority.acceptor("app.example.com"));
    internet.name("proxy.corp.internal", &[&["10.0.0.9"]]);
    let seen = Arc::clone(&asked);
    internet.serve("10.0.0.9", 3128, move |mut stream| {
        let (seen, acceptor) = (Arc::clone(&seen), acceptor.clone());
        async move {
            let head = read_head(&mut stream).await;
            seen.lock().unwrap().push_str(&head);
            drop(stream.write_all(answer.as_bytes()).await);
            if let Ok(mut tls) = acceptor.accept(stream).await {
                read_head(&mut tls).await;
                say(tls, OK.to_owned()).await;
            }
        }
    });
    let outbound = internet.outbound_with(|settings| {
        settings.proxy = Some("http://proxy.corp.internal:3128".parse().unwrap());
    });
    (outbound, asked)
}

#[tokio::test(start_paused = true)]
async fn the_proxy_is_asked_to_connect_and_the_name_is_left_to_it() {
    let internet = Internet::default();
    let (outbound, asked) = proxy(&internet, "HTTP/1.1 200 Connection established\r\n\r\n");
    assert_eq!(text(outbound.fetch(get(URL)).await), "{}");
    let head = "CONNECT app.example.com:443 HTTP/1.1\r\nhost: app.example.com:443\r\n\r\n";
    assert_eq!(*asked.lock().unwrap(), head);
    assert_eq!(internet.resolved(), ["proxy.corp.internal"]);
    assert_eq!(internet.connected(), ["10.0.0.9:3128"]);
}

#[tokio::test(start_paused = true)]
async fn names_are_judged_all_the_same() {
    let internet = Internet::default();
    let (outbound, _) = proxy(&internet, "HTTP/1.1 200 OK\r\n\r\n");
    for host in ["localhost", "db.internal", "intranet", "10.0.0.5", "[::1]", "app.example.com:22"] {
        assert_eq!(class(&outbound, get(&format!("https://{host}/"))).await, ForbiddenAddress, "{host}");
    }
    assert!(internet.connected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_does_not_connect_is_a_failure() {
    let internet = Internet::default();
    let (outbound, _) = proxy(&internet, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let error = failure(&outbound, get(URL)).await;
    assert_eq!((error.class, error.detail.as_str()), (Connection, "the proxy answers 403"));
    let (outbound, _) = proxy(&internet, "no HTTP\r\n\r\n");
    assert_eq!(class(&outbound, get(URL)).await, Connection);
    let (outbound, _) = proxy(&internet, "HTTP/1.1 200 OK\r\n");
    assert_eq!(class(&outbound, get(URL)).await, Timeout);
}
