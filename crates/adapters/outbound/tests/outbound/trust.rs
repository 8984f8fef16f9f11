//! Who is trusted to be whom.

use crate::world::{Authority, Internet, OK, PUBLIC, failure, get, read_head, say, text};
use doorward_outbound::{FetchSettings, Outbound, OutboundError};
use doorward_ports::fetch::FailureClass::Tls;
use doorward_ports::fetch::Fetch as _;
use doorward_testkit::settings::changed;
use rcgen::date_time_ymd;
use std::io::Write as _;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

const URL: &str = "https://app.example.com/";

/// Who is there behaves, but for the certificate.
fn serve(internet: &Internet, acceptor: TlsAcceptor) {
    internet.name("app.example.com", &[&[PUBLIC]]);
    internet.serve(PUBLIC, 443, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(stream).await {
                read_head(&mut tls).await;
                say(tls, OK.to_owned()).await;
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_for_the_name_and_from_somebody_trusted_and_of_now() {
    let internet = Internet::default();
    let (outbound, ours) = (internet.outbound(), Arc::clone(&internet.authority));
    serve(&internet, ours.acceptor("app.example.com"));
    assert!(outbound.fetch(get(URL)).await.is_ok());
    let old = ours.acceptor_with("app.example.com", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    for (acceptor, words) in [
        (ours.acceptor("evil.example.com"), "evil.example.com"),
        (ours.acceptor(PUBLIC), "for other names"),
        (Authority::new().acceptor("app.example.com"), "nobody whom this machine trusts"),
        (old, "has expired"),
    ] {
        serve(&internet, acceptor);
        let error = failure(&outbound, get(URL)).await;
        assert_eq!(error.class, Tls);
        assert!(error.detail.contains(words), "{}", error.detail);
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_there_is_no_answer() {
    let internet = Internet::default();
    internet.name("app.example.com", &[&[PUBLIC]]);
    internet.serve(PUBLIC, 443, |mut stream| async move {
        drop(stream.write_all(OK.as_bytes()).await);
    });
    let error = failure(&internet.outbound(), get(URL)).await;
    assert_eq!(error.class, Tls);
    assert!(error.detail.contains("no TLS is spoken there"), "{}", error.detail);
    internet.serve(PUBLIC, 443, |stream| async move { drop(stream) });
    assert_eq!(failure(&internet.outbound(), get(URL)).await.class, Tls, "hung up");
}

#[tokio::test(start_paused = true)]
async fn the_server_is_told_the_name_and_no_address() {
    let internet = Internet::default();
    internet.name("app.example.com", &[&[PUBLIC]]);
    let acceptor = internet.authority.acceptor("app.example.com");
    internet.serve(PUBLIC, 443, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(stream).await {
                read_head(&mut tls).await;
                let name = tls.get_ref().1.server_name().unwrap_or_default().to_owned();
                say(tls, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())).await;
            }
        }
    });
    let answer = internet.outbound().fetch(get(URL)).await;
    assert_eq!(text(answer), "app.example.com");
}

#[test]
fn a_file_of_authorities_that_is_none_is_told_at_once() {
    let with = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let settings = changed(|fetch: &mut FetchSettings| fetch.extra_ca = file.path().to_path_buf());
        Outbound::new(&settings)
    };
    let pem = std::fs::read_to_string(Authority::new().file()).unwrap();
    assert!(with(&format!("{pem}\n{pem}")).is_ok());
    assert!(matches!(with(""), Err(OutboundError::NoCertificate(_))));
    assert!(matches!(with("-----BEGIN CERTIFICATE-----\n%%\n"), Err(OutboundError::Unreadable { .. })));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(with(broken), Err(OutboundError::NoCertificate(_))));
    let missing = changed(|fetch: &mut FetchSettings| fetch.extra_ca = "/nonexistent/ca.pem".into());
    let error = Outbound::new(&missing).unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/ca.pem") && error.to_string().contains("fetch.extra_ca"),
        "{error}"
    );
}
