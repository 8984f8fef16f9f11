//! What log and metrics tell, and what nobody is told.

use crate::world::{Internet, OK, get};
use doorward_domain::Secret;
use doorward_outbound::FetchOutcome;
use doorward_ports::fetch::{FailureClass, Fetch as _};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_logged_with_class_and_host_and_without_secrets() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(lines.clone())
        .with_max_level(tracing::Level::TRACE)
        .finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let internet = Internet::default();
    let outbound = internet.outbound();
    internet.site("app.example.com", "HTTP/1.1 500 No\r\nX-A: hunter2\r\nContent-Length: 7\r\n\r\nhunter2");
    let request = get("https://app.example.com/hunter2?token=hunter2").bearer(&Secret::from("hunter2"));
    let shown = outbound.fetch(request).await.unwrap_err().to_string();
    assert_eq!(shown, "could not be fetched");
    let post = doorward_ports::fetch::Request::post(
        "https://app.example.com/token",
        "application/x-www-form-urlencoded",
        Secret::new(b"client_secret=hunter2".to_vec()),
        100,
    );
    outbound.fetch(post).await.unwrap_err();
    outbound.fetch(get("https://db.internal/hunter2")).await.unwrap_err();
    outbound.fetch(get("https://ann:hunter2@app.example.com/")).await.unwrap_err();
    outbound.fetch(get("https://app.example.com/").header("x-a", Secret::from("hunter2\n"))).await.unwrap_err();
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for line in log.lines().filter(|line| line.contains("doorward_outbound")) {
        assert!(line.contains("a request to another server failed") && line.contains("class="), "{line}");
    }
    assert!(log.contains("class=\"status\" host=\"app.example.com\" detail=it answers 500"), "{log}");
    assert!(log.contains("class=\"request\" host=\"app.example.com\" detail=the URL has a user part"), "{log}");
    assert!(log.contains("class=\"forbidden_address\" host=\"db.internal\""), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn every_outcome_is_counted_with_its_time() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    internet.name("slow.example.com", &[]);
    let outbound = internet.outbound();
    assert_eq!(outbound.tally().outcomes().len(), FailureClass::ALL.len() + 1, "all are there from the start");
    for _ in 0..3 {
        outbound.fetch(get("https://app.example.com/")).await.unwrap();
    }
    outbound.fetch(get("https://slow.example.com/")).await.unwrap_err();
    outbound.fetch(get("http://app.example.com/")).await.unwrap_err();
    let counted = outbound.tally().outcomes();
    let of = |outcome| (counted[&outcome].requests, counted[&outcome].took.as_secs());
    assert_eq!(counted[&FetchOutcome::Success].requests, 3);
    assert_eq!(of(FetchOutcome::Failure(FailureClass::Dns)), (1, 2));
    assert_eq!(of(FetchOutcome::Failure(FailureClass::Request)), (1, 0));
    let times = counted.values().map(|counted| counted.took).sum::<Duration>();
    assert!(times < Duration::from_secs(3), "{times:?}");
}
