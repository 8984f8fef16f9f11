//! A server for tests, which answers as it is told, and somebody who is signed in there.

use crate::desk::{Desk, Surroundings};
use crate::http::Http;
use crate::place::Place;
use crate::vault::Credential;
use doorward_domain::{Instant, Secret};
use doorward_ports::{Clock, Random};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Always the same moment.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Instant {
        Instant::UNIX_EPOCH
    }
}

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A status, a media type and a body.
pub(crate) type Reply = (u16, &'static str, String);

/// JSON with a status.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Reply {
    (status, "application/json", body.to_string())
}

/// A server.
pub(crate) struct Mock {
    pub(crate) place: Place,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Mock {
    /// Answers each request, such as `GET /api/v2/users`.
    pub(crate) fn new(answer: impl Fn(&str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &answer, &told);
            }
        });
        Self { place, heard }
    }

    /// What has been asked.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn http() -> Http {
        Http::new(None, "0").unwrap()
    }

    pub(crate) fn surroundings() -> Surroundings {
        Surroundings { clock: Arc::new(Still), random: Arc::new(Still), version: "0" }
    }

    pub(crate) fn desk(&self) -> Desk {
        let credential = Credential::Token { token: Secret::from("token") };
        Desk::with(self.place.clone(), Self::http(), credential, &Self::surroundings())
    }
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str) -> Reply, heard: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let asked = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    heard.lock().unwrap().push(format!("{asked} {}", String::from_utf8_lossy(&body)).trim().to_owned());
    let (status, media_type, body) = answer(&asked);
    let start = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Whoever has asked may have gone.
    let _ = stream.write_all(start.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
