//! Connections for what is no request with an answer.

use crate::world::{Internet, read_head};
use doorward_ports::fetch::FailureClass::{Connection, Request, Timeout, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn greeted(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut said = [0; 5];
    stream.read_exact(&mut said).await.unwrap();
    String::from_utf8(said.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_leads_to_a_host_of_the_operator_with_tls_or_without() {
    let internet = Internet::default();
    internet.name("door.corp.internal", &[&["10.0.0.5"]]);
    internet.tls("door.corp.internal", "10.0.0.5", 8443, async |mut tls| {
        tls.write_all(b"hello").await.unwrap();
        tls.shutdown().await.unwrap();
    });
    internet.serve("10.0.0.5", 3000, async |mut stream| {
        read_head(&mut stream).await;
        stream.write_all(b"clear").await.unwrap();
    });
    let outbound = internet.outbound();
    let tls = outbound.connect("https://door.corp.internal:8443/serve?x=y").await.unwrap();
    assert_eq!(greeted(tls).await, "hello");
    let clear = outbound.connect("http://door.corp.internal:3000/serve").await.unwrap();
    assert_eq!(greeted(clear).await, "clear");
    assert_eq!(internet.connected(), ["10.0.0.5:8443", "10.0.0.5:3000"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_told_in_time() {
    let internet = Internet::default();
    internet.name("door.example.com", &[&["10.0.0.5"]]);
    internet.tls("other.example.com", "10.0.0.5", 443, async |_| {});
    internet.silent("10.0.0.5", 444);
    // It accepts the connection, and then says nothing.
    internet.serve("10.0.0.5", 445, async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let outbound = internet.outbound();
    for (url, class) in [
        ("https://door.example.com/", Tls),
        ("https://door.example.com:444/", Timeout),
        ("https://door.example.com:445/", Timeout),
        ("https://door.example.com:446/", Connection),
        ("https://ann:secret@door.example.com/", Request),
        ("ftp://door.example.com/", Request),
    ] {
        let error = outbound.connect(url).await.unwrap_err();
        assert_eq!(error.class, class, "{url}: {}", error.detail);
    }
}
