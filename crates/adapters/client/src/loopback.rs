//! Where a browser brings the answer of an authorization server back to: a port of this machine (RFC 8252 7.3).

use crate::oauth::CALLBACK;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::{Digest, Secret};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;
use url::Url;

/// How long somebody may take to sign in and to decide.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a connection may say nothing. Browsers open some to have them.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest request that is read, in bytes.
const LONGEST: u64 = 16 * 1024;

/// How the page looks; the policy of the page names its digest.
const STYLE: &str = "body{font:1.0625rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}\
                     main{max-width:30rem;padding:2rem}h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0}";

/// A port that is open.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: TcpListener,
    pub(crate) port: u16,
}

/// What the authorization server answered (RFC 6749 4.1.2, RFC 9207).
#[derive(Debug)]
struct Returned {
    parameters: HashMap<String, String>,
    stream: TcpStream,
}

impl Loopback {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a port for the browser")?;
        let port = listener.local_addr().context("cannot tell the port for the browser")?.port();
        Ok(Self { listener, port })
    }

    /// Waits for the browser, and answers the code that it brings. What comes with another state is somebody else's, and is not heard.
    pub(crate) fn wait(self, state: &Secret<String>, issuer: &str) -> anyhow::Result<Secret<String>> {
        let (sender, receiver) = mpsc::channel();
        let listener = self.listener;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || serve(stream, &sender));
            }
        });
        loop {
            let mut returned: Returned = match receiver.recv_timeout(PATIENCE) {
                Ok(returned) => returned,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("nobody has signed in within {} minutes", PATIENCE.as_secs() / 60)
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the port for the browser was closed"),
            };
            let parameter = |name: &str| returned.parameters.get(name).map_or("", String::as_str);
            if parameter("state") != state.expose() {
                answer(
                    &mut returned.stream,
                    "400 Bad Request",
                    &page("This is not the sign-in that the command line waits for.", false),
                );
                continue;
            }
            let told = read(&parameter, issuer);
            match &told {
                Ok(_) => answer(
                    &mut returned.stream,
                    "200 OK",
                    &page(
                        "The command line takes it from here, and says whether you are signed in. You can close this window.",
                        true,
                    ),
                ),
                Err(_) => answer(
                    &mut returned.stream,
                    "200 OK",
                    &page("Nothing was allowed. You can close this window.", false),
                ),
            }
            return told;
        }
    }
}

/// The code, or why there is none.
fn read<'a>(parameter: &impl Fn(&str) -> &'a str, issuer: &str) -> anyhow::Result<Secret<String>> {
    if parameter("iss") != issuer {
        bail!("another server than {issuer} has answered; nothing was taken from it");
    }
    match (parameter("error"), parameter("code")) {
        ("access_denied", _) => bail!("the sign-in was refused in the browser"),
        ("", "") => bail!("the browser came back without an answer"),
        ("", code) => Ok(Secret::from(code)),
        (error, _) => bail!(
            "the server refuses: {} {}",
            crate::words::shown(error),
            crate::words::shown(parameter("error_description"))
        ),
    }
}

/// Reads one request. Only a GET of the callback is passed on.
fn serve(mut stream: TcpStream, sender: &Sender<Returned>) {
    if stream.set_read_timeout(Some(SILENCE)).is_err() || stream.set_write_timeout(Some(SILENCE)).is_err() {
        return;
    }
    let Ok(copy) = stream.try_clone() else { return };
    let mut lines = BufReader::new(copy.take(LONGEST)).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    // The rest of the head is taken in, or some browsers never see the answer.
    let _head = lines.take_while(|line| !line.is_empty()).count();
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let parsed = Url::parse("http://127.0.0.1").and_then(|base| base.join(target));
    match parsed {
        Ok(url) if method == "GET" && url.path() == CALLBACK => {
            let parameters = url.query_pairs().into_owned().collect();
            // Nobody waits any more: the sign-in is over.
            let _ = sender.send(Returned { parameters, stream });
        }
        Ok(_) | Err(_) => answer(&mut stream, "404 Not Found", &page("There is nothing here.", false)),
    }
}

/// Whether the browser sees it changes nothing.
fn answer(stream: &mut TcpStream, status: &str, body: &str) {
    let style = STANDARD.encode(Digest::of(STYLE).as_bytes());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'none'\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))
        .and_then(|()| stream.flush());
}

fn page(text: &str, done: bool) -> String {
    let title = if done { "Go back to the command line" } else { "Not signed in" };
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p></main></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn waiting() -> (u16, thread::JoinHandle<anyhow::Result<Secret<String>>>) {
        let loopback = Loopback::open().unwrap();
        let port = loopback.port;
        (port, thread::spawn(move || loopback.wait(&Secret::from("right"), "https://a.example")))
    }

    #[test]
    fn the_code_comes_with_the_right_state_only() {
        let (port, waits) = waiting();
        // A connection that says nothing holds nobody up.
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(visit(port, "GET /favicon.ico HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(visit(port, "POST /callback?state=right&code=x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        let wrong = visit(port, "GET /callback?state=wrong&code=evil&iss=https://a.example HTTP/1.1\r\n\r\n");
        assert!(wrong.starts_with("HTTP/1.1 400") && !wrong.contains("evil"), "{wrong}");
        let right = visit(port, "GET /callback?state=right&code=a%2Bb&iss=https://a.example HTTP/1.1\r\n\r\n");
        assert!(right.contains("Go back to the command line"), "{right}");
        assert_eq!(waits.join().unwrap().unwrap().expose(), "a+b");
    }

    #[test]
    fn what_another_issuer_says_is_not_taken() {
        for (query, why) in [
            ("code=x&iss=https://b.example", "another server"),
            ("code=x", "another server"),
            ("error=access_denied&iss=https://a.example", "was refused"),
            ("error=invalid_scope&error_description=no%1b&iss=https://a.example", "invalid_scope no\\u{1b}"),
            ("iss=https://a.example", "without an answer"),
        ] {
            let (port, waits) = waiting();
            visit(port, &format!("GET /callback?state=right&{query} HTTP/1.1\r\n\r\n"));
            let error = waits.join().unwrap().unwrap_err().to_string();
            assert!(error.contains(why), "{query}: {error}");
        }
    }
}
