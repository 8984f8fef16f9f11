//! A provisioner daemon over a real WebSocket, byte for byte (`provisioner-wire.md` 3.4).

use crate::client::{Api, builder, on_both};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PSK: &str = "0123456789abcdef";

/// A WebSocket without anything that tests need not know.
struct Socket(TcpStream);

impl Socket {
    /// Connects a daemon by the shared key.
    fn open(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "GET /api/v2/organizations/default/provisionerdaemons/serve?provisioner=echo&name=host&version=1.7 HTTP/1.1\r\n\
             Host: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCoder-Provisioner-Daemon-PSK: {PSK}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        let answer = String::from_utf8(answer).unwrap();
        // RFC 6455 1.3 has the key and the answer to it.
        assert!(answer.starts_with("HTTP/1.1 101") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        Self(stream)
    }

    /// Sends a frame. A mask of zeros changes nothing.
    fn send(&mut self, opcode: u8, payload: &[u8]) {
        assert!(payload.len() < 126);
        let head = [0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
        self.0.write_all(&[&head, payload].concat()).unwrap();
    }

    /// The next frame.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        assert!(head[1] < 126, "a long frame");
        let mut payload = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut payload).unwrap();
        (head[0] & 0x0f, payload)
    }

    /// Binary messages until all of these bytes have come.
    fn expect(&mut self, bytes: &[u8]) {
        let mut received = Vec::new();
        while received.len() < bytes.len() {
            let (opcode, payload) = self.frame();
            assert_eq!(opcode, 2);
            received.extend(payload);
        }
        assert_eq!(received, bytes);
    }

    /// The code and the reason with which the socket is closed.
    fn closed(&mut self) -> (u16, String) {
        loop {
            let (opcode, payload) = self.frame();
            if opcode == 8 {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                return (code, String::from_utf8(payload[2..].to_vec()).unwrap());
            }
        }
    }
}

/// A frame of yamux with data.
fn data(stream: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    [&[0, 0, 0, 0, 0, 0, 0, stream, 0, 0, 0, length], bytes].concat()
}

const OPEN: [u8; 12] = [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0];
const ACKNOWLEDGED: [u8; 12] = [0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];

fn acquire() -> Vec<u8> {
    data(1, &[&[3, 1, 1, 0x34][..], b"/provisionerd.ProvisionerDaemon/AcquireJobWithCancel"].concat())
}

#[test]
fn a_daemon_asks_for_a_job_and_gives_up() {
    on_both(
        |builder| builder.setting("provisioners.psk", PSK),
        |site| {
            let mut socket = Socket::open(site.api.url.trim_start_matches("http://"));
            // Bytes are cut anywhere.
            for byte in OPEN {
                socket.send(2, &[byte]);
            }
            socket.expect(&ACKNOWLEDGED);
            socket.send(2, &acquire());
            socket.send(9, b"are you there");
            assert_eq!(socket.frame(), (10, b"are you there".to_vec()));
            socket.send(2, &data(1, &[5, 1, 2, 0]));
            socket.expect(&[data(1, &[5, 1, 1, 0]), data(1, &[0x0b, 1, 2, 0])].concat());
            let listed = site.api.get("/api/v2/organizations/default/provisionerdaemons").json();
            assert_eq!((&listed[0]["name"], &listed[0]["status"]), (&"host".into(), &"idle".into()));
            assert!(site.api.metrics().contains("doorward_provisioner_daemons_connected 1\n"));
            let health = site.api.get("/api/v2/debug/health").json();
            assert_eq!(health["provisioner_daemons"]["items"][0]["provisioner_daemon"]["name"], "host");
            socket.send(1, b"text");
            let (code, reason) = socket.closed();
            assert_eq!((code, reason.contains("a text message")), (1011, true), "{reason}");
        },
    );
}

#[test]
fn the_end_of_the_server_does_not_wait_for_daemons() {
    let server = builder().setting("provisioners.psk", PSK).start().unwrap();
    let _owner = Api::set_up(server.url());
    let mut socket = Socket::open(server.address());
    socket.send(2, &[OPEN.as_slice(), &acquire()].concat());
    socket.expect(&ACKNOWLEDGED);
    let began = Instant::now();
    server.signal("TERM").unwrap();
    assert_eq!(socket.closed(), (1001, String::new()));
    assert!(server.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
